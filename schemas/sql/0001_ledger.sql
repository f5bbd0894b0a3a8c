-- The tables that `declared` writes. Readers use the views of schema api (0002), never these.
-- All but lane are append-only: a row, once committed, is never changed (0003 takes the rights away).

CREATE SCHEMA declared;

-- All settings that can change a fate or a snapshot, as JSON; every ledger row names its version.
CREATE TABLE declared.rules (
    version     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    settings    text NOT NULL,
    digest      bytea NOT NULL UNIQUE,   -- SHA-256 of settings
    recorded_at timestamptz NOT NULL DEFAULT now()
);

-- Every Avro schema a record was written with, by the CRC-64-AVRO of its canonical form in hex.
CREATE TABLE declared.writer_schema (
    fingerprint text PRIMARY KEY,
    schema      text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

-- One row a lane: where it stands. Advanced by compare-and-set on lane_seq in the transaction that
-- writes the rows, which is what fences an old owner.
CREATE TABLE declared.lane (
    lane               integer PRIMARY KEY,
    lane_seq           bigint NOT NULL DEFAULT 0,            -- of the newest ledger row
    head_hash          bytea  NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    received_at        timestamptz NOT NULL DEFAULT 'epoch', -- of the newest ledger row
    declarations_next  bigint NOT NULL DEFAULT -1,           -- next offset; -1: from the beginning
    desk_next          bigint NOT NULL DEFAULT -1,
    outbox_lane_seq    bigint NOT NULL DEFAULT 0,            -- what these rows caused has left for Kafka
    CHECK (octet_length(head_hash) = 32)
) WITH (fillfactor = 20);                                    -- always a hot update

-- Compare-and-set of a lane row. Raises DE001 when another owner was faster: the transaction is void.
CREATE FUNCTION declared.advance_lane(
    p_lane integer, p_from bigint, p_to bigint, p_head_hash bytea, p_received_at timestamptz,
    p_declarations_next bigint, p_desk_next bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE declared.lane
       SET lane_seq = p_to, head_hash = p_head_hash, received_at = p_received_at,
           declarations_next = p_declarations_next, desk_next = p_desk_next
     WHERE lane = p_lane AND lane_seq = p_from;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lane % is no longer at %', p_lane, p_from USING ERRCODE = 'DE001';
    END IF;
END $$;

CREATE TABLE declared.ledger (
    lane            integer NOT NULL,
    lane_seq        bigint NOT NULL,
    record          text,
    topic           text NOT NULL,
    partition       integer NOT NULL,
    kafka_offset    bigint NOT NULL,
    kafka_timestamp timestamptz,
    key             bytea,
    payload         bytea,
    event_id        uuid,
    election_id     text,
    ballot_paper_id text,
    source          text,
    kind            text,
    basis           text,
    revision        integer,
    is_test         boolean,
    fate            text NOT NULL,
    reasons         text[] NOT NULL,
    detail          text,
    rules_version   integer NOT NULL,
    writer_schema   text,
    received_at     timestamptz NOT NULL,
    prev_hash       bytea NOT NULL,
    entry_hash      bytea NOT NULL,
    PRIMARY KEY (lane, lane_seq),
    CHECK (octet_length(prev_hash) = 32 AND octet_length(entry_hash) = 32)
);
-- No record twice, whatever happens; and the way from an operator's action to its record.
CREATE UNIQUE INDEX ledger_position ON declared.ledger (lane, kafka_offset, topic);
-- All rows of an election in order: how a worker learns what stands.
CREATE INDEX ledger_election ON declared.ledger (election_id, lane_seq) WHERE election_id IS NOT NULL;
-- What waits for the desk, and what the outbox must tell the feeds.
CREATE INDEX ledger_held ON declared.ledger (lane, lane_seq) WHERE fate = 'held';
CREATE INDEX ledger_rejected ON declared.ledger (lane, lane_seq) WHERE fate = 'rejected';

-- A record's later fates: by a release, a rejection, an approval, or reference data.
CREATE TABLE declared.fate_change (
    lane             integer NOT NULL,
    lane_seq         bigint NOT NULL,   -- of the record
    trigger_lane_seq bigint NOT NULL,   -- of the row that changed it
    n                integer NOT NULL,  -- counts the changes of one trigger
    election_id      text,
    fate             text NOT NULL,
    reasons          text[] NOT NULL,
    detail           text,
    by               text,
    note             text,
    recorded_at      timestamptz NOT NULL,
    PRIMARY KEY (lane, lane_seq, trigger_lane_seq, n)
);
CREATE INDEX fate_change_trigger ON declared.fate_change (lane, trigger_lane_seq);
CREATE INDEX fate_change_election ON declared.fate_change (election_id);

-- Reference data as applied; the newest of an election counts.
CREATE TABLE declared.election (
    election_id text NOT NULL,
    lane        integer NOT NULL,
    lane_seq    bigint NOT NULL,
    council_id  text NOT NULL,
    poll_date   date NOT NULL,
    counted     boolean NOT NULL,       -- false: by-elections alone, no control and not in the totals
    parties     json NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (election_id, lane_seq)
);

-- One of these for each accepted declaration: what other rows say already is not said again, and JSON is
-- kept as text, since most rows are never read. Readers see snapshot_told (0002).
CREATE TABLE declared.snapshot (
    election_id           text NOT NULL,
    is_test               boolean NOT NULL,
    seq                   integer NOT NULL,
    lane                  integer NOT NULL,
    lane_seq              bigint NOT NULL,   -- of the causing row
    council_id            text NOT NULL,
    council_name          text NOT NULL,
    short_name            text NOT NULL,
    kind                  text,
    nation                text,
    region                text,
    poll_date             date NOT NULL,
    recorded_at           timestamptz NOT NULL,
    status                text NOT NULL,
    control               text,
    outcome               text,
    gained_from           text,
    previous_control      text,
    previous_control_lost boolean NOT NULL,
    majority              integer,
    majority_at_least     integer,
    largest_party         text,
    seats_total           integer NOT NULL,
    threshold             integer NOT NULL,
    seats_declared        integer NOT NULL,
    seats_to_come         integer NOT NULL,
    seats_postponed       integer NOT NULL,
    ballots_total         integer NOT NULL,
    ballots_declared      integer NOT NULL,
    ballots_postponed     integer NOT NULL,
    ballots_held          integer NOT NULL,
    votes_complete        boolean NOT NULL,
    seats                 json NOT NULL,     -- a line a party: see snapshot_told (0002)
    headline              text,
    headline_short        text,
    called_at             timestamptz,
    cause                 json,              -- null: the causing row's own declaration
    facts                 json,              -- null: as in the snapshot before
    PRIMARY KEY (election_id, is_test, seq)
);
CREATE INDEX snapshot_recorded ON declared.snapshot USING brin (recorded_at) WITH (pages_per_range = 16);

-- A ballot as it stood from that row on; the newest version counts.
CREATE TABLE declared.ballot (
    election_id     text NOT NULL,
    is_test         boolean NOT NULL,
    ballot_paper_id text NOT NULL,
    lane            integer NOT NULL,
    lane_seq        bigint NOT NULL,
    ward_name       text,
    status          text NOT NULL,           -- awaiting, declared, postponed; removed by a reload
    source          text,
    revision        integer,
    kind            text,
    basis           text,
    seats           integer NOT NULL,
    electorate      integer,
    ballot_papers   integer,
    rejected_papers integer,
    declared_at     timestamptz,
    topic           text,
    partition       integer,
    kafka_offset    bigint,
    candidates      json,                    -- a line a candidate: see candidate_result (0002)
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (election_id, is_test, ballot_paper_id, lane_seq)
);

CREATE TABLE declared.flash (
    flash_id    text NOT NULL,
    is_test     boolean NOT NULL,
    election_id text NOT NULL,
    seq         integer NOT NULL,
    kind        text NOT NULL,
    text        text NOT NULL,
    retracts    text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (flash_id, is_test)
);
CREATE INDEX flash_election ON declared.flash (election_id, is_test, seq);
