-- Which schema a registry gave for an id: registries never change that, so it is asked for once. A process
-- that starts anew reads records of known ids while the registry is down.
CREATE TABLE declared.registry_schema (
    registry    text NOT NULL,          -- its URL, without a login
    id          integer NOT NULL,
    fingerprint text NOT NULL,          -- of declared.writer_schema
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (registry, id)
);

GRANT SELECT, INSERT ON declared.registry_schema TO declared_ingest;
