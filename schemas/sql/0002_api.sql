-- What readers see: the same views twice, api for the live night and api_test for rehearsals, so
-- that a forgotten filter cannot put a rehearsal on air.

CREATE SCHEMA api;
CREATE SCHEMA api_test;

-- Snapshots as they are told: names and colours of the parties come from the reference data of that moment,
-- and the cause, where it is the declaration of the causing row, from the ledger.
--
-- A line of `seats` is [place in the reference data's list of parties, held, won, continuing, change, votes].
CREATE VIEW declared.snapshot_told AS
SELECT s.election_id, s.is_test, s.seq, s.lane, s.lane_seq, s.council_id, s.council_name, s.short_name, s.kind,
       s.nation, s.region, s.poll_date, s.recorded_at, s.status, s.control, s.outcome, s.gained_from,
       s.previous_control, s.previous_control_lost, s.majority, s.majority_at_least, s.largest_party, s.seats_total,
       s.threshold, s.seats_declared, s.seats_to_come, s.seats_postponed, s.ballots_total, s.ballots_declared,
       s.ballots_postponed, s.ballots_held, s.votes_complete,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'party_id', p.party -> 'party_id', 'short', p.party -> 'short', 'group', p.party -> 'group',
                   'colour', p.party -> 'colour', 'text_colour', p.party -> 'text_colour', 'held', l.line -> 1,
                   'won', l.line -> 2, 'continuing', l.line -> 3, 'change', l.line -> 4, 'votes', l.line -> 5)
                   ORDER BY l.n), '[]')
          FROM (SELECT e.parties FROM declared.election e
                 WHERE e.election_id = s.election_id AND e.lane_seq <= s.lane_seq
                 ORDER BY e.lane_seq DESC LIMIT 1) e
         CROSS JOIN LATERAL json_array_elements(s.seats) WITH ORDINALITY AS l (line, n)
         CROSS JOIN LATERAL (SELECT e.parties -> (l.line ->> 0)::integer AS party) p) AS seats,
       s.headline, s.headline_short, s.called_at,
       coalesce(s.cause::jsonb,
                (SELECT jsonb_build_object(
                            'record', l.record, 'topic', l.topic, 'partition', l.partition,
                            'kafka_offset', l.kafka_offset, 'lane', l.lane, 'lane_seq', l.lane_seq,
                            'event_id', l.event_id, 'ballot_paper_id', l.ballot_paper_id, 'revision', l.revision,
                            'by', NULL)
                   FROM declared.ledger l WHERE l.lane = s.lane AND l.lane_seq = s.lane_seq)) AS cause,
       s.facts
  FROM declared.snapshot s;

DO $do$
DECLARE
    s record;
BEGIN
FOR s IN SELECT * FROM (VALUES ('api', false), ('api_test', true)) AS v (name, is_test) LOOP

EXECUTE format($sql$
CREATE VIEW %1$I.council_control_history AS
SELECT election_id, council_id, council_name, short_name, kind, nation, region, poll_date, seq, recorded_at,
       status, control, outcome, gained_from, previous_control, previous_control_lost, majority, majority_at_least,
       largest_party, seats_total, threshold, seats_declared, seats_to_come, seats_postponed, ballots_total,
       ballots_declared, ballots_postponed, ballots_held, votes_complete, seats, headline, headline_short,
       called_at, cause
  FROM declared.snapshot_told
 WHERE is_test = %2$L
$sql$, s.name, s.is_test);

EXECUTE format($sql$
CREATE VIEW %1$I.council_control AS
SELECT e.election_id, h.council_id, h.council_name, h.short_name, h.kind, h.nation, h.region, h.poll_date, h.seq,
       h.recorded_at, h.status, h.control, h.outcome, h.gained_from, h.previous_control, h.previous_control_lost,
       h.majority, h.majority_at_least, h.largest_party, h.seats_total, h.threshold, h.seats_declared,
       h.seats_to_come, h.seats_postponed, h.ballots_total, h.ballots_declared, h.ballots_postponed,
       h.ballots_held, h.votes_complete, h.seats, h.headline, h.headline_short, h.called_at, h.cause
  FROM (SELECT DISTINCT election_id FROM declared.election) e
 CROSS JOIN LATERAL (SELECT * FROM %1$I.council_control_history x
                      WHERE x.election_id = e.election_id ORDER BY seq DESC LIMIT 1) h
$sql$, s.name, s.is_test);

-- What readers of council_control saw at that moment.
EXECUTE format($sql$
CREATE FUNCTION %1$I.council_control_at(ts timestamptz) RETURNS SETOF %1$I.council_control
LANGUAGE sql STABLE AS $fn$
SELECT h.*
  FROM (SELECT DISTINCT election_id FROM declared.election) e
 CROSS JOIN LATERAL (SELECT * FROM %1$I.council_control_history x
                      WHERE x.election_id = e.election_id AND x.recorded_at <= ts ORDER BY seq DESC LIMIT 1) h
$fn$
$sql$, s.name, s.is_test);

EXECUTE format($sql$
CREATE VIEW %1$I.ballot_result AS
SELECT election_id, ballot_paper_id, ward_name, status, source, revision, kind, basis, seats, electorate,
       ballot_papers, rejected_papers, declared_at, topic, partition, kafka_offset
  FROM (SELECT DISTINCT ON (election_id, ballot_paper_id) *
          FROM declared.ballot
         WHERE is_test = %2$L
         ORDER BY election_id, ballot_paper_id, lane_seq DESC) b
 WHERE status <> 'removed'
$sql$, s.name, s.is_test);

-- A line of `candidates` is [candidate_id, name, party_id, folded party_id where it is another, description, votes,
-- elected, elected by lot].
EXECUTE format($sql$
CREATE VIEW %1$I.candidate_result AS
SELECT b.ballot_paper_id, c.line ->> 0 AS candidate_id, c.line ->> 1 AS name, c.line ->> 2 AS party_id,
       coalesce(c.line ->> 3, c.line ->> 2) AS folded_party_id, c.line ->> 4 AS description,
       (c.line ->> 5)::integer AS votes, (c.line ->> 6)::boolean AS elected,
       (c.line ->> 7)::boolean AS elected_by_lot,
       CASE WHEN c.line ->> 5 IS NOT NULL
            THEN rank() OVER (PARTITION BY b.election_id, b.ballot_paper_id
                              ORDER BY (c.line ->> 5)::integer DESC NULLS LAST)::integer
       END AS rank,
       b.election_id
  FROM (SELECT DISTINCT ON (election_id, ballot_paper_id) election_id, ballot_paper_id, status, candidates
          FROM declared.ballot
         WHERE is_test = %2$L
         ORDER BY election_id, ballot_paper_id, lane_seq DESC) b
 CROSS JOIN LATERAL json_array_elements(b.candidates) AS c (line)
 WHERE b.status = 'declared'
$sql$, s.name, s.is_test);

-- Councils and seats of each party; control NOC has a row of its own. Gains and losses count once a
-- council is called, so that over all rows of a poll day they balance.
EXECUTE format($sql$
CREATE VIEW %1$I.party_totals AS
WITH council AS (
    SELECT cc.*
      FROM %1$I.council_control cc
     WHERE (SELECT e.counted FROM declared.election e
             WHERE e.election_id = cc.election_id ORDER BY e.lane_seq DESC LIMIT 1)
), figure AS (
    SELECT poll_date, nation, region, control AS party_id, 1 AS councils, (outcome IN ('GAIN', 'LOSS'))::integer AS gained,
           0 AS lost, 0 AS held, 0 AS won, 0 AS change, 0::bigint AS votes
      FROM council WHERE control IS NOT NULL
    UNION ALL
    SELECT poll_date, nation, region, previous_control, 0, 0, 1, 0, 0, 0, 0
      FROM council WHERE outcome IN ('GAIN', 'LOSS')
    UNION ALL
    SELECT poll_date, nation, region, p.party_id, 0, 0, 0, p.held, p.won, p.change, p.votes
      FROM council
     CROSS JOIN LATERAL jsonb_to_recordset(seats) AS p (party_id text, held integer, won integer, change integer, votes bigint)
)
SELECT poll_date, nation, region, party_id, sum(councils)::integer AS councils,
       sum(gained)::integer AS councils_gained, sum(lost)::integer AS councils_lost,
       (sum(gained) - sum(lost))::integer AS councils_net, sum(held)::integer AS seats_held,
       sum(won)::integer AS seats_won, coalesce(sum(change), 0)::integer AS seats_change,
       coalesce(sum(votes), 0)::bigint AS votes
  FROM figure
 GROUP BY poll_date, nation, region, party_id
$sql$, s.name, s.is_test);

-- How far the night is: councils and seats declared, of how many.
EXECUTE format($sql$
CREATE VIEW %1$I.night_progress AS
SELECT poll_date, nation, region, count(*)::integer AS councils_total,
       (count(*) FILTER (WHERE status = 'final'))::integer AS councils_final,
       (count(*) FILTER (WHERE control IS NOT NULL))::integer AS councils_called,
       sum(seats_declared)::integer AS seats_declared, sum(seats_to_come)::integer AS seats_to_come
  FROM %1$I.council_control cc
 WHERE (SELECT e.counted FROM declared.election e
         WHERE e.election_id = cc.election_id ORDER BY e.lane_seq DESC LIMIT 1)
 GROUP BY poll_date, nation, region
$sql$, s.name, s.is_test);

EXECUTE format($sql$
CREATE VIEW %1$I.flash AS
SELECT flash_id, election_id, seq, kind, text, retracts, recorded_at
  FROM declared.flash WHERE is_test = %2$L
$sql$, s.name, s.is_test);

EXECUTE format($sql$
CREATE VIEW %1$I.ledger AS
SELECT lane, lane_seq, record, topic, partition, kafka_offset, kafka_timestamp, key, payload, event_id, election_id,
       ballot_paper_id, source, kind, basis, revision, is_test, fate, reasons, detail, rules_version, writer_schema,
       received_at, prev_hash, entry_hash
  FROM declared.ledger
$sql$, s.name, s.is_test);

-- Declarations with their present fate.
EXECUTE format($sql$
CREATE VIEW %1$I.declaration AS
SELECT l.lane, l.lane_seq, l.record, l.topic, l.partition, l.kafka_offset, l.kafka_timestamp, l.key, l.payload,
       l.event_id, l.election_id, l.ballot_paper_id, l.source, l.kind, l.basis, l.revision, l.is_test,
       CASE WHEN c.fate IS NULL THEN l.fate ELSE c.fate END AS fate,
       CASE WHEN c.fate IS NULL THEN l.reasons ELSE c.reasons END AS reasons,
       CASE WHEN c.fate IS NULL THEN l.detail ELSE c.detail END AS detail,
       l.rules_version, l.writer_schema, l.received_at, l.prev_hash, l.entry_hash
  FROM declared.ledger l
  LEFT JOIN LATERAL (SELECT f.fate, f.reasons, f.detail FROM declared.fate_change f
                      WHERE f.lane = l.lane AND f.lane_seq = l.lane_seq
                      ORDER BY f.trigger_lane_seq DESC, f.n DESC LIMIT 1) c ON true
 WHERE l.topic = 'ward-declarations' AND %3$s
$sql$, s.name, s.is_test, CASE WHEN s.is_test THEN 'l.is_test' ELSE 'l.is_test IS NOT TRUE' END);

END LOOP;
END $do$;
