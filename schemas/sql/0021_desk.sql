-- What the desk needs to read a held record that another writer's schema encoded: that schema.
DO $do$
DECLARE
    name text;
BEGIN
FOREACH name IN ARRAY ARRAY['api', 'api_test'] LOOP
    EXECUTE format($sql$
CREATE VIEW %1$I.writer_schema AS
SELECT fingerprint, schema FROM declared.writer_schema
$sql$, name);
END LOOP;
END $do$;

GRANT SELECT ON api.writer_schema, api_test.writer_schema TO declared_reader, declared_operator, declared_ingest;
