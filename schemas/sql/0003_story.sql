-- Story facts. Those of one council stand in its snapshots; what compares councils is read from all
-- snapshots of a poll day, and so is as true of a past moment as of now.

-- 2 -> second, 11 -> 11th
CREATE FUNCTION declared.ordinal(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT CASE
         WHEN n BETWEEN 1 AND 10
         THEN (ARRAY['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'])[n]
         WHEN n % 100 BETWEEN 11 AND 13 THEN n || 'th'
         ELSE n || (ARRAY['th', 'st', 'nd', 'rd', 'th', 'th', 'th', 'th', 'th', 'th'])[n % 10 + 1]
       END
$$;

-- A party's name in an election, as its newest reference data has it; NOC in words.
CREATE FUNCTION declared.party_name(p_election_id text, p_party_id text) RETURNS text LANGUAGE sql STABLE AS $$
SELECT CASE WHEN p_party_id = 'NOC' THEN 'no overall control' ELSE coalesce(
    (SELECT party ->> 'name'
       FROM (SELECT parties FROM declared.election WHERE election_id = p_election_id ORDER BY lane_seq DESC LIMIT 1) e
      CROSS JOIN LATERAL json_array_elements(e.parties) AS party
      WHERE party ->> 'party_id' = p_party_id), p_party_id) END
$$;

DO $do$
DECLARE
    s record;
BEGIN
FOR s IN SELECT * FROM (VALUES ('api', false), ('api_test', true)) AS v (name, is_test) LOOP

-- Changes of control called by that moment, numbered within their kind by when the call began.
EXECUTE format($sql$
CREATE FUNCTION %1$I.national_fact_at(ts timestamptz)
RETURNS TABLE (election_id text, seq integer, code text, params jsonb, text text)
LANGUAGE sql STABLE AS $fn$
WITH newest AS (
    SELECT h.election_id, h.seq, h.poll_date, h.control, h.previous_control, h.outcome, h.called_at
      FROM (SELECT DISTINCT e.election_id FROM declared.election e) e
     CROSS JOIN LATERAL (SELECT * FROM declared.snapshot x
                          WHERE x.election_id = e.election_id AND x.is_test = %2$L AND x.recorded_at <= ts
                          ORDER BY x.seq DESC LIMIT 1) h
     WHERE h.outcome IN ('GAIN', 'LOSS')
), change AS (
    SELECT n.*, began.lane, began.lane_seq,
           declared.party_name(n.election_id, n.previous_control) AS from_name,
           declared.party_name(n.election_id, n.control) AS to_name
      FROM newest n
     CROSS JOIN LATERAL (SELECT x.lane, x.lane_seq FROM declared.snapshot x
                          WHERE x.election_id = n.election_id AND x.is_test = %2$L AND x.recorded_at = n.called_at
                            AND x.control = n.control
                          ORDER BY x.seq LIMIT 1) began
), numbered AS (
    SELECT c.*,
           row_number() OVER (PARTITION BY poll_date, previous_control, control ORDER BY called_at, lane, lane_seq) AS nth,
           count(*) OVER (PARTITION BY poll_date, previous_control, control) AS switches,
           count(*) OVER (PARTITION BY poll_date, control) AS gained,
           count(*) OVER (PARTITION BY poll_date, previous_control) AS lost
      FROM change c
)
SELECT election_id, seq, 'ONLY_SWITCH',
       jsonb_build_object('from', previous_control, 'to', control),
       'So far the only council to switch from ' || from_name || ' to ' || to_name || '.'
  FROM numbered WHERE switches = 1
UNION ALL
SELECT election_id, seq, 'NTH_SWITCH',
       jsonb_build_object('from', previous_control, 'to', control, 'nth', nth, 'of', switches),
       'The ' || declared.ordinal(nth) || ' council to switch from ' || from_name || ' to ' || to_name || '.'
  FROM numbered WHERE switches > 1
UNION ALL
SELECT election_id, seq, 'COUNCILS_GAINED', jsonb_build_object('party_id', control, 'councils', gained),
       to_name || ': ' || gained || CASE gained WHEN 1 THEN ' council' ELSE ' councils' END || ' gained so far.'
  FROM numbered WHERE control <> 'NOC'
UNION ALL
SELECT election_id, seq, 'COUNCILS_LOST', jsonb_build_object('party_id', previous_control, 'councils', lost),
       from_name || ': ' || lost || CASE lost WHEN 1 THEN ' council' ELSE ' councils' END || ' lost so far.'
  FROM numbered WHERE previous_control <> 'NOC'
$fn$
$sql$, s.name, s.is_test);

-- Each snapshot with the facts that were told with it; with the newest, also what compares councils now.
EXECUTE format($sql$
CREATE VIEW %1$I.story_fact AS
SELECT h.election_id, h.seq, f.fact ->> 'code' AS code, (f.fact -> 'params')::jsonb AS params, f.fact ->> 'text' AS text
  FROM declared.snapshot h
 CROSS JOIN LATERAL (SELECT x.facts FROM declared.snapshot x
                      WHERE x.election_id = h.election_id AND x.is_test = h.is_test AND x.seq <= h.seq
                        AND x.facts IS NOT NULL
                      ORDER BY x.seq DESC LIMIT 1) told
 CROSS JOIN LATERAL json_array_elements(told.facts) AS f (fact)
 WHERE h.is_test = %2$L
UNION ALL
SELECT election_id, seq, code, params, text FROM %1$I.national_fact_at('infinity')
$sql$, s.name, s.is_test);

-- All facts as they were at that moment.
EXECUTE format($sql$
CREATE FUNCTION %1$I.story_fact_at(ts timestamptz)
RETURNS TABLE (election_id text, seq integer, code text, params jsonb, text text)
LANGUAGE sql STABLE AS $fn$
SELECT c.election_id, c.seq, f.fact ->> 'code', (f.fact -> 'params')::jsonb, f.fact ->> 'text'
  FROM %1$I.council_control_at(ts) c
 CROSS JOIN LATERAL (SELECT x.facts FROM declared.snapshot x
                      WHERE x.election_id = c.election_id AND x.is_test = %2$L AND x.seq <= c.seq
                        AND x.facts IS NOT NULL
                      ORDER BY x.seq DESC LIMIT 1) told
 CROSS JOIN LATERAL json_array_elements(told.facts) AS f (fact)
UNION ALL
SELECT * FROM %1$I.national_fact_at(ts)
$fn$
$sql$, s.name, s.is_test);

END LOOP;
END $do$;
