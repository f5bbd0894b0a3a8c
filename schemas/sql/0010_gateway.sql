-- What a reader needs to follow the night: where every lane stands, what happened in it one event
-- after the other, the parties of a poll day, and the later fates of a record.

DO $do$
DECLARE
    s record;
BEGIN
FOR s IN SELECT * FROM (VALUES ('api', false), ('api_test', true)) AS v (name, is_test) LOOP

-- A lane's rows are committed in the order of lane_seq, and each with all that it caused. So who has
-- read a lane up to its lane_seq has missed nothing of it, which no global time or number can promise
-- while lanes commit side by side.
EXECUTE format($sql$
CREATE VIEW %1$I.lane AS
SELECT lane, lane_seq, received_at FROM declared.lane
$sql$, s.name);

-- Snapshots, their flashes and their new facts, a row each, in the order (lane, lane_seq, n): n counts
-- what one ledger row caused, from 1, and never changes. control and previous_control are the snapshot's.
EXECUTE format($sql$
CREATE VIEW %1$I.event AS
SELECT s.lane, s.lane_seq,
       (row_number() OVER (PARTITION BY s.lane, s.lane_seq
                           ORDER BY s.election_id, s.seq, e.place, e.ordinal))::integer AS n,
       e.kind, s.election_id, s.seq, s.council_id, s.region, s.control, s.previous_control, s.recorded_at, e.data
  FROM declared.snapshot s
 CROSS JOIN LATERAL (
    SELECT 'snapshot' AS kind, 1 AS place, 1::bigint AS ordinal, row_to_json(h) AS data
      FROM %1$I.council_control_history h
     WHERE h.election_id = s.election_id AND h.seq = s.seq
    UNION ALL
    SELECT 'flash', 2,
           array_position(ARRAY['CALL_RETRACTED', 'LOSS_RETRACTED', 'CONTROL_LOST', 'CALL_READY', 'CALLED', 'FINAL'],
                          f.kind), row_to_json(f)
      FROM %1$I.flash f
     WHERE f.election_id = s.election_id AND f.seq = s.seq
    UNION ALL
    SELECT 'fact', 3, told.ordinal,
           json_build_object('election_id', s.election_id, 'seq', s.seq, 'code', told.fact ->> 'code',
                             'params', told.fact -> 'params', 'text', told.fact ->> 'text')
      FROM json_array_elements(s.facts) WITH ORDINALITY AS told (fact, ordinal)
 ) e
 WHERE s.is_test = %2$L
$sql$, s.name, s.is_test);

-- A party as the newest reference data of that poll day has it.
EXECUTE format($sql$
CREATE VIEW %1$I.party AS
SELECT DISTINCT ON (e.poll_date, p.party_id)
       e.poll_date, p.party_id, p.name, p.short, p."group", p.colour, p.text_colour
  FROM declared.election e
 CROSS JOIN LATERAL json_to_recordset(e.parties)
       AS p (party_id text, name text, short text, "group" text, colour text, text_colour text)
 WHERE EXISTS (SELECT FROM declared.snapshot s WHERE s.election_id = e.election_id AND s.is_test = %2$L)
 ORDER BY e.poll_date, p.party_id, e.recorded_at DESC, e.lane, e.lane_seq DESC
$sql$, s.name, s.is_test);

-- What became of a ledger row after its own fate, and by which row of its lane.
EXECUTE format($sql$
CREATE VIEW %1$I.fate_change AS
SELECT lane, lane_seq, trigger_lane_seq, n, election_id, fate, reasons, detail, by, note, recorded_at
  FROM declared.fate_change
$sql$, s.name);

END LOOP;
END $do$;

GRANT SELECT ON ALL TABLES IN SCHEMA api, api_test TO declared_reader, declared_operator, declared_ingest;
