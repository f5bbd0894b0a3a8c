-- What became of a ledger row after its own fate, by which row of its lane, and by whom.
DO $do$
DECLARE
    name text;
BEGIN
FOREACH name IN ARRAY ARRAY['api', 'api_test'] LOOP
    EXECUTE format($sql$
CREATE OR REPLACE VIEW %1$I.fate_change AS
SELECT lane, lane_seq, trigger_lane_seq, n, election_id, fate, reasons, detail, by, note, recorded_at
  FROM declared.fate_change
$sql$, name);
END LOOP;
END $do$;

GRANT SELECT ON api.fate_change, api_test.fate_change TO declared_reader, declared_operator, declared_ingest;

-- Moments that follow from no record, and so could be changed without a trace. When a version of the rules came into
-- force, or a schema was first met, the received_at of the first ledger row that names it says.
ALTER TABLE declared.rules DROP COLUMN recorded_at;
ALTER TABLE declared.writer_schema DROP COLUMN recorded_at;
