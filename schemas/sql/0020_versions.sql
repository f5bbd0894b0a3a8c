-- What programs and schema ask of each other (deploy/UPGRADE.md). A daemon waits while `version`, the newest
-- migration applied, is before the one that it needs, or `works_with` is after it: the oldest need of a program that
-- this schema still serves. A migration that takes away what older programs use, and no other, raises works_with
-- (by CREATE OR REPLACE of this function).
CREATE FUNCTION declared.schema_version(OUT version integer, OUT works_with integer) LANGUAGE sql STABLE AS $$
    SELECT max(m.version), 4 FROM declared.schema_migration m
$$;
GRANT SELECT ON declared.schema_migration TO declared_ingest;
