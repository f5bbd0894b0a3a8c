#include "services/aggregator/rows.h"

#include "common/base/limits.h"

#include <assert.h>

#define POSTGRES_EPOCH_US INT64_C(946684800000000) // 2000-01-01
#define POSTGRES_EPOCH_DAYS INT64_C(10957)
enum { OID_TEXT = 25 };

#define COLUMN(row, field, kind) {#field, COLUMN_##kind, offsetof(row, field), false}
#define COLUMN_AS(row, field, text, kind) {text, COLUMN_##kind, offsetof(row, field), false}
#define CONTENT(row, field, kind) {#field, COLUMN_##kind, offsetof(row, field), true}
#define CONTENT_AS(row, field, text, kind) {text, COLUMN_##kind, offsetof(row, field), true}
#define TABLE(title, list) {title, list, sizeof(list) / sizeof((list)[0])}

static const Column ledger_columns[] = {
    COLUMN(LedgerRow, lane, INT),
    COLUMN(LedgerRow, lane_seq, BIGINT),
    COLUMN(LedgerRow, record, TEXT),
    COLUMN(LedgerRow, topic, TEXT),
    COLUMN(LedgerRow, partition, INT),
    COLUMN(LedgerRow, kafka_offset, BIGINT),
    COLUMN_AS(LedgerRow, kafka_timestamp_us, "kafka_timestamp", TIME),
    COLUMN(LedgerRow, key, BYTES),
    COLUMN(LedgerRow, payload, BYTES),
    COLUMN(LedgerRow, event_id, UUID),
    COLUMN(LedgerRow, election_id, TEXT),
    COLUMN(LedgerRow, ballot_paper_id, TEXT),
    COLUMN(LedgerRow, source, TEXT),
    COLUMN(LedgerRow, kind, TEXT),
    COLUMN(LedgerRow, basis, TEXT),
    COLUMN(LedgerRow, revision, MAYBE_INT),
    COLUMN(LedgerRow, is_test, TRILEAN),
    COLUMN(LedgerRow, fate, TEXT),
    COLUMN(LedgerRow, reasons, RULES),
    COLUMN(LedgerRow, detail, TEXT),
    COLUMN(LedgerRow, rules_version, INT),
    COLUMN(LedgerRow, writer_schema, TEXT),
    COLUMN_AS(LedgerRow, received_at_us, "received_at", TIME),
    COLUMN(LedgerRow, prev_hash, HASH),
    COLUMN(LedgerRow, entry_hash, HASH),
};
enum { LEDGER_HASHED_COLUMNS = sizeof ledger_columns / sizeof ledger_columns[0] - 2 };

static const Column fate_change_columns[] = {
    COLUMN(FateChangeRow, lane, INT),
    COLUMN(FateChangeRow, lane_seq, BIGINT),
    COLUMN(FateChangeRow, trigger_lane_seq, BIGINT),
    COLUMN(FateChangeRow, n, INT),
    COLUMN(FateChangeRow, election_id, TEXT),
    COLUMN(FateChangeRow, fate, TEXT),
    COLUMN(FateChangeRow, reasons, RULES),
    COLUMN(FateChangeRow, detail, TEXT),
    COLUMN(FateChangeRow, by, TEXT),
    COLUMN(FateChangeRow, note, TEXT),
    COLUMN_AS(FateChangeRow, recorded_at_us, "recorded_at", TIME),
};

static const Column election_columns[] = {
    COLUMN(ElectionRow, election_id, TEXT),
    COLUMN(ElectionRow, lane, INT),
    COLUMN(ElectionRow, lane_seq, BIGINT),
    COLUMN(ElectionRow, council_id, TEXT),
    COLUMN(ElectionRow, poll_date, DATE),
    COLUMN(ElectionRow, counted, BOOL),
    COLUMN(ElectionRow, parties, JSON),
    COLUMN_AS(ElectionRow, recorded_at_us, "recorded_at", TIME),
};

static const Column snapshot_columns[] = {
    COLUMN(SnapshotRow, election_id, TEXT),
    COLUMN(SnapshotRow, is_test, BOOL),
    COLUMN(SnapshotRow, seq, INT),
    COLUMN(SnapshotRow, lane, INT),
    COLUMN(SnapshotRow, lane_seq, BIGINT),
    CONTENT(SnapshotRow, council_id, TEXT),
    CONTENT(SnapshotRow, council_name, TEXT),
    CONTENT(SnapshotRow, short_name, TEXT),
    CONTENT(SnapshotRow, kind, TEXT),
    CONTENT(SnapshotRow, nation, TEXT),
    CONTENT(SnapshotRow, region, TEXT),
    CONTENT(SnapshotRow, poll_date, DATE),
    COLUMN_AS(SnapshotRow, recorded_at_us, "recorded_at", TIME),
    CONTENT(SnapshotRow, status, TEXT),
    CONTENT(SnapshotRow, control, TEXT),
    CONTENT(SnapshotRow, outcome, TEXT),
    CONTENT(SnapshotRow, gained_from, TEXT),
    CONTENT(SnapshotRow, previous_control, TEXT),
    CONTENT(SnapshotRow, previous_control_lost, BOOL),
    CONTENT(SnapshotRow, majority, MAYBE_INT),
    CONTENT(SnapshotRow, majority_at_least, MAYBE_INT),
    CONTENT(SnapshotRow, largest_party, TEXT),
    CONTENT(SnapshotRow, seats_total, INT),
    CONTENT(SnapshotRow, threshold, INT),
    CONTENT(SnapshotRow, seats_declared, INT),
    CONTENT(SnapshotRow, seats_to_come, INT),
    CONTENT(SnapshotRow, seats_postponed, INT),
    CONTENT(SnapshotRow, ballots_total, INT),
    CONTENT(SnapshotRow, ballots_declared, INT),
    CONTENT(SnapshotRow, ballots_postponed, INT),
    CONTENT(SnapshotRow, ballots_held, INT),
    CONTENT(SnapshotRow, votes_complete, BOOL),
    CONTENT(SnapshotRow, seats, JSON),
    CONTENT(SnapshotRow, headline, TEXT),
    CONTENT(SnapshotRow, headline_short, TEXT),
    COLUMN_AS(SnapshotRow, called_at_us, "called_at", TIME),
    COLUMN(SnapshotRow, cause, JSON),
    COLUMN(SnapshotRow, facts, JSON),
};

static const Column ballot_columns[] = {
    COLUMN(BallotRow, election_id, TEXT),
    COLUMN(BallotRow, is_test, BOOL),
    COLUMN(BallotRow, ballot_paper_id, TEXT),
    COLUMN(BallotRow, lane, INT),
    COLUMN(BallotRow, lane_seq, BIGINT),
    COLUMN(BallotRow, ward_name, TEXT),
    COLUMN(BallotRow, status, TEXT),
    COLUMN(BallotRow, source, TEXT),
    COLUMN(BallotRow, revision, MAYBE_INT),
    COLUMN(BallotRow, kind, TEXT),
    COLUMN(BallotRow, basis, TEXT),
    COLUMN(BallotRow, seats, COUNT),
    COLUMN(BallotRow, electorate, COUNT),
    COLUMN(BallotRow, ballot_papers, COUNT),
    COLUMN(BallotRow, rejected_papers, COUNT),
    COLUMN_AS(BallotRow, declared_at_us, "declared_at", TIME),
    COLUMN(BallotRow, topic, TEXT),
    COLUMN(BallotRow, partition, MAYBE_INT),
    COLUMN(BallotRow, kafka_offset, BIGINT),
    COLUMN(BallotRow, candidates, JSON),
    COLUMN_AS(BallotRow, recorded_at_us, "recorded_at", TIME),
};

static const Column flash_columns[] = {
    COLUMN(FlashRow, flash_id, TEXT),
    COLUMN(FlashRow, is_test, BOOL),
    COLUMN(FlashRow, election_id, TEXT),
    COLUMN(FlashRow, seq, INT),
    COLUMN(FlashRow, kind, TEXT),
    COLUMN(FlashRow, text, TEXT),
    COLUMN(FlashRow, retracts, TEXT),
    COLUMN_AS(FlashRow, recorded_at_us, "recorded_at", TIME),
};

const Table table_ledger = TABLE("ledger", ledger_columns);
const Table table_fate_change = TABLE("fate_change", fate_change_columns);
const Table table_election = TABLE("election", election_columns);
const Table table_snapshot = TABLE("snapshot", snapshot_columns);
const Table table_ballot = TABLE("ballot", ballot_columns);
const Table table_flash = TABLE("flash", flash_columns);

// Keeps the memory of an ordinary batch.
#define CLEAR(vec)                                                                                                    \
    do {                                                                                                              \
        vec_clear(vec);                                                                                               \
        if ((vec)->capacity * sizeof *(vec)->items > LIMIT_KEPT_BYTES) {                                              \
            vec_free(vec);                                                                                            \
        }                                                                                                             \
    } while (0)

void effects_clear(Effects *effects) {
    CLEAR(&effects->ledger);
    CLEAR(&effects->fate_changes);
    CLEAR(&effects->elections);
    CLEAR(&effects->snapshots);
    CLEAR(&effects->ballots);
    CLEAR(&effects->flashes);
}

void effects_free(Effects *effects) {
    vec_free(&effects->ledger);
    vec_free(&effects->fate_changes);
    vec_free(&effects->elections);
    vec_free(&effects->snapshots);
    vec_free(&effects->ballots);
    vec_free(&effects->flashes);
}

static void add_null(Buf *out) {
    buf_add_u32(out, UINT32_MAX); // length -1
}

static void add_field(Buf *out, Str s) {
    if (str_is_none(s)) {
        add_null(out);
        return;
    }
    buf_add_u32(out, (uint32_t)s.len);
    buf_add_str(out, s);
}

static void add_int(Buf *out, bool known, int32_t value) {
    if (!known) {
        add_null(out);
        return;
    }
    buf_add_u32(out, 4);
    buf_add_u32(out, (uint32_t)value);
}

static void add_bigint(Buf *out, bool known, int64_t value) {
    if (!known) {
        add_null(out);
        return;
    }
    buf_add_u32(out, 8);
    buf_add_u64(out, (uint64_t)value);
}

static void add_bool(Buf *out, bool known, bool value) {
    if (!known) {
        add_null(out);
        return;
    }
    buf_add_u32(out, 1);
    buf_add_byte(out, value);
}

// A one-dimensional text array: dimensions, no nulls, element type, length, lower bound, elements.
static void add_rules(Buf *out, RuleSet rules) {
    size_t at = out->len;
    buf_add_u32(out, 0); // the field's length, set below
    uint32_t count = (uint32_t)__builtin_popcountll(rules);
    buf_add_u32(out, count > 0);
    buf_add_u32(out, 0);
    buf_add_u32(out, OID_TEXT);
    if (count > 0) {
        buf_add_u32(out, count);
        buf_add_u32(out, 1);
    }
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        if ((rules & RULE_BIT(rule)) != 0) {
            add_field(out, rule_code((Rule)rule));
        }
    }
    uint32_t len = (uint32_t)(out->len - at - 4);
    for (size_t i = 0; i < 4; i++) {
        out->ptr[at + i] = (char)(len >> (8 * (3 - i)));
    }
}

static void add_binary(Buf *out, ColumnType type, const void *value) {
    switch (type) {
    case COLUMN_TEXT:
    case COLUMN_BYTES:
    case COLUMN_JSON:
        add_field(out, *(const Str *)value);
        break;
    case COLUMN_INT:
        add_int(out, true, *(const int32_t *)value);
        break;
    case COLUMN_MAYBE_INT:
        add_int(out, ((const MaybeInt *)value)->known, ((const MaybeInt *)value)->value);
        break;
    case COLUMN_COUNT:
        add_int(out, *(const int64_t *)value != COUNT_UNKNOWN, (int32_t) * (const int64_t *)value);
        break;
    case COLUMN_BIGINT:
        add_bigint(out, *(const int64_t *)value != COUNT_UNKNOWN, *(const int64_t *)value);
        break;
    case COLUMN_BOOL:
        add_bool(out, true, *(const bool *)value);
        break;
    case COLUMN_TRILEAN:
        add_bool(out, *(const Trilean *)value != TRILEAN_UNKNOWN, *(const Trilean *)value == TRILEAN_TRUE);
        break;
    case COLUMN_TIME:
        add_bigint(out, *(const int64_t *)value != TIME_NONE,
                   (int64_t)((uint64_t) * (const int64_t *)value - (uint64_t)POSTGRES_EPOCH_US));
        break;
    case COLUMN_DATE:
        add_int(out, true, (int32_t)(civil_days(*(const CivilDate *)value) - POSTGRES_EPOCH_DAYS));
        break;
    case COLUMN_UUID: {
        const MaybeUuid *uuid = value;
        add_field(out, uuid->known ? (Str){(const char *)uuid->bytes, sizeof uuid->bytes} : STR_NONE);
        break;
    }
    case COLUMN_RULES:
        add_rules(out, *(const RuleSet *)value);
        break;
    case COLUMN_HASH:
        add_field(out, (Str){value, SHA256_BYTES});
        break;
    }
}

void row_add_tuple(const Table *table, const void *row, Buf *out) {
    buf_add_u16(out, (uint16_t)table->columns_count);
    for (size_t i = 0; i < table->columns_count; i++) {
        add_binary(out, table->columns[i].type, (const char *)row + table->columns[i].offset);
    }
}

void row_add_content(const Table *table, const void *row, Buf *out) {
    for (size_t i = 0; i < table->columns_count; i++) {
        if (table->columns[i].content) {
            add_binary(out, table->columns[i].type, (const char *)row + table->columns[i].offset);
        }
    }
}

static void add_rules_text(Buf *out, RuleSet rules) {
    buf_add_byte(out, '{');
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        if ((rules & RULE_BIT(rule)) != 0) {
            if (out->ptr[out->len - 1] != '{') {
                buf_add_byte(out, ',');
            }
            buf_add_str(out, rule_code((Rule)rule));
        }
    }
    buf_add_byte(out, '}');
}

static void add_uuid_text(Buf *out, const uint8_t bytes[16]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            buf_add_byte(out, '-');
        }
        buf_add_byte(out, (uint8_t)digits[bytes[i] >> 4]);
        buf_add_byte(out, (uint8_t)digits[bytes[i] & 15]);
    }
}

// The value in the text form of the hash; false when it is null.
static bool add_text(Buf *out, ColumnType type, const void *value) {
    switch (type) {
    case COLUMN_TEXT:
    case COLUMN_BYTES:
        buf_add_str(out, *(const Str *)value);
        return !str_is_none(*(const Str *)value);
    case COLUMN_INT:
        buf_add_decimal(out, *(const int32_t *)value);
        return true;
    case COLUMN_BIGINT:
        buf_add_decimal(out, *(const int64_t *)value);
        return true;
    case COLUMN_MAYBE_INT:
        if (((const MaybeInt *)value)->known) {
            buf_add_decimal(out, ((const MaybeInt *)value)->value);
        }
        return ((const MaybeInt *)value)->known;
    case COLUMN_TRILEAN:
        if (*(const Trilean *)value != TRILEAN_UNKNOWN) {
            buf_add_str(out, *(const Trilean *)value == TRILEAN_TRUE ? STR_LIT("true") : STR_LIT("false"));
        }
        return *(const Trilean *)value != TRILEAN_UNKNOWN;
    case COLUMN_TIME:
        if (*(const int64_t *)value != TIME_NONE) {
            civil_add_timestamp(out, *(const int64_t *)value);
        }
        return *(const int64_t *)value != TIME_NONE;
    case COLUMN_UUID:
        if (((const MaybeUuid *)value)->known) {
            add_uuid_text(out, ((const MaybeUuid *)value)->bytes);
        }
        return ((const MaybeUuid *)value)->known;
    case COLUMN_RULES:
        add_rules_text(out, *(const RuleSet *)value);
        return true;
    case COLUMN_JSON:
    case COLUMN_COUNT:
    case COLUMN_BOOL:
    case COLUMN_DATE:
    case COLUMN_HASH:
        break; // the ledger has no such column before its hashes
    }
    assert(false && "a ledger column without a text form");
    return false;
}

void ledger_row_hash(LedgerRow *row, Buf *scratch) {
    buf_clear(scratch);
    buf_add(scratch, row->prev_hash, SHA256_BYTES);
    for (size_t i = 0; i < LEDGER_HASHED_COLUMNS; i++) {
        const Column *column = &ledger_columns[i];
        size_t head = scratch->len;
        buf_add(scratch, "\1\0\0\0\0", 5);
        if (add_text(scratch, column->type, (const char *)row + column->offset)) {
            uint32_t len = (uint32_t)(scratch->len - head - 5);
            scratch->ptr[head] = 0;
            for (size_t b = 0; b < 4; b++) {
                scratch->ptr[head + 1 + b] = (char)(len >> (8 * (3 - b)));
            }
        }
    }
    sha256(scratch->ptr, scratch->len, row->entry_hash);
}
