// The rows that a batch writes, as structs, with a table of columns for each kind of row.
//
// The tables are the single place that knows a row's columns: how they go to PostgreSQL, which of
// them a snapshot is compared by, what the ledger's hash covers. Strings are borrowed from the batch
// (its arena or its Kafka messages) until the transaction is over.
#pragma once

#include "common/base/buf.h"
#include "common/base/sha256.h"
#include "common/base/vec.h"
#include "common/domain/envelope.h"
#include "common/domain/fates.h"
#include "common/domain/snapshot.h"

// A moment that is not there.
#define TIME_NONE COUNT_UNKNOWN

typedef enum ColumnType {
    COLUMN_TEXT,       // Str
    COLUMN_BYTES,      // Str
    COLUMN_JSON,       // Str, valid JSON
    COLUMN_INT,        // int32_t
    COLUMN_MAYBE_INT,  // MaybeInt
    COLUMN_COUNT,      // int64_t, COUNT_UNKNOWN is null; an integer in the database
    COLUMN_BIGINT,     // int64_t
    COLUMN_BOOL,       // bool
    COLUMN_TRILEAN,    // Trilean
    COLUMN_TIME,       // int64_t, microseconds since 1970, TIME_NONE is null
    COLUMN_DATE,       // CivilDate
    COLUMN_UUID,       // MaybeUuid
    COLUMN_RULES,      // RuleSet, as text[]
    COLUMN_HASH,       // uint8_t[SHA256_BYTES]
} ColumnType;

typedef struct Column {
    const char *name;
    ColumnType type;
    size_t offset;  // in the row's struct
    bool content;   // of a snapshot: part of what it says, not of when and why it was made
} Column;

typedef struct Table {
    const char *name; // in schema declared
    const Column *columns;
    size_t columns_count;
} Table;

typedef struct MaybeUuid {
    bool known;
    uint8_t bytes[16];
} MaybeUuid;

typedef struct LedgerRow {
    int32_t lane;
    int64_t lane_seq;
    Str record, topic;
    int32_t partition;
    int64_t kafka_offset;
    int64_t kafka_timestamp_us;
    Str key, payload;
    MaybeUuid event_id;
    Str election_id, ballot_paper_id, source, kind, basis;
    MaybeInt revision;
    Trilean is_test;
    Str fate;
    RuleSet reasons;
    Str detail;
    int32_t rules_version;
    Str writer_schema; // CRC-64-AVRO as 16 hex digits
    int64_t received_at_us;
    uint8_t prev_hash[SHA256_BYTES], entry_hash[SHA256_BYTES];
} LedgerRow;

typedef struct FateChangeRow {
    int32_t lane;
    int64_t lane_seq, trigger_lane_seq;
    int32_t n;
    Str election_id, fate;
    RuleSet reasons;
    Str detail, by, note;
    int64_t recorded_at_us;
} FateChangeRow;

typedef struct ElectionRow {
    Str election_id;
    int32_t lane;
    int64_t lane_seq;
    Str council_id;
    CivilDate poll_date;
    bool counted;
    Str parties;
    int64_t recorded_at_us;
} ElectionRow;

typedef struct SnapshotRow {
    Str election_id;
    bool is_test;
    int32_t seq;
    int32_t lane;
    int64_t lane_seq;
    Str council_id, council_name, short_name, kind, nation, region;
    CivilDate poll_date;
    int64_t recorded_at_us;
    Str status, control, outcome, gained_from, previous_control;
    bool previous_control_lost;
    MaybeInt majority, majority_at_least;
    Str largest_party;
    int32_t seats_total, threshold, seats_declared, seats_to_come, seats_postponed;
    int32_t ballots_total, ballots_declared, ballots_postponed, ballots_held;
    bool votes_complete;
    Str seats, headline, headline_short;
    int64_t called_at_us;
    Str cause, facts;
} SnapshotRow;

typedef struct BallotRow {
    Str election_id;
    bool is_test;
    Str ballot_paper_id;
    int32_t lane;
    int64_t lane_seq;
    Str ward_name, status, source;
    MaybeInt revision;
    Str kind, basis;
    int64_t seats, electorate, ballot_papers, rejected_papers;
    int64_t declared_at_us;
    Str topic;
    MaybeInt partition;
    int64_t kafka_offset; // COUNT_UNKNOWN is null
    Str candidates;
    int64_t recorded_at_us;
} BallotRow;

typedef struct FlashRow {
    Str flash_id;
    bool is_test;
    Str election_id;
    int32_t seq;
    Str kind, text, retracts;
    int64_t recorded_at_us;
} FlashRow;

extern const Table table_ledger, table_fate_change, table_election, table_snapshot, table_ballot, table_flash;

// All that a batch writes, in the order it came about. Cleared, not freed, between batches.
typedef struct Effects {
    VEC(LedgerRow) ledger;
    VEC(FateChangeRow) fate_changes;
    VEC(ElectionRow) elections;
    VEC(SnapshotRow) snapshots;
    VEC(BallotRow) ballots;
    VEC(FlashRow) flashes;
} Effects;

void effects_clear(Effects *effects);
void effects_free(Effects *effects);

// The row as a tuple of PostgreSQL's binary COPY: a count of fields, then each as length and bytes.
void row_add_tuple(const Table *table, const void *row, Buf *out);

// The content columns alone, in a form that is equal exactly when they are.
void row_add_content(const Table *table, const void *row, Buf *out);

// The hash that chains a ledger row to the one before it: SHA-256 over prev_hash (32 bytes) and each
// column of api.ledger before prev_hash, in that order, as
//   1 byte   0: a value follows, 1: null
//   4 bytes  length of the value, big-endian (0 for null)
//   value    text as UTF-8; bytea as it is; numbers in decimal; booleans true or false; moments as
//            YYYY-MM-DDTHH:MM:SS.ffffffZ; uuid in lower case with hyphens; text[] as {A,B}
void ledger_row_hash(LedgerRow *row, Buf *scratch);
