-- The way of snapshots to Kafka: what a lane's rows caused, in their order.
CREATE INDEX snapshot_outbox ON declared.snapshot (lane, lane_seq);

-- Roles. The owner migrates; the daemon runs as declared_ingest, which can add to the ledger and
-- never change it; declarectl at the desk as declared_operator; everybody else as declared_reader.
-- A login gets one of them (GRANT declared_reader TO graphics) or is told to SET it ([postgres] role).
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['declared_ingest', 'declared_operator', 'declared_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
EXCEPTION
    -- Another database of this cluster may be migrated at the same moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

REVOKE ALL ON SCHEMA declared, api, api_test FROM PUBLIC;

GRANT USAGE ON SCHEMA declared TO declared_ingest;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA declared TO declared_ingest;
REVOKE ALL ON declared.schema_migration FROM declared_ingest;
GRANT UPDATE ON declared.lane TO declared_ingest;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA declared TO declared_ingest;

GRANT USAGE ON SCHEMA api, api_test TO declared_reader, declared_operator, declared_ingest;
GRANT SELECT ON ALL TABLES IN SCHEMA api, api_test TO declared_reader, declared_operator, declared_ingest;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA api, api_test TO declared_reader, declared_operator, declared_ingest;

-- Functions of api read for readers what the views do, with the owner's rights and nothing else's names.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid::regprocedure AS signature FROM pg_proc p
              WHERE p.pronamespace IN ('api'::regnamespace, 'api_test'::regnamespace) LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, pg_temp', f.signature);
    END LOOP;
END $$;
