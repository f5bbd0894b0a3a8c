// A batch's transaction, from effects to the bytes that PostgreSQL gets: for COPY, or as calls of prepared statements.
#include "common/base/limits.h"
#include "services/aggregator/store_internal.h"

#include <stdlib.h>

typedef struct TableRows {
    const Table *table;
    const void *rows;
    size_t count, size;
} TableRows;

enum {
    TABLES_COUNT = sizeof((Transaction *)NULL)->ends / sizeof *((Transaction *)NULL)->ends,
    SMALL_ROWS = 24, // up to so many go as calls; beyond, COPY pays
};

static void list_tables(const Effects *e, TableRows tables[TABLES_COUNT]) {
    const TableRows list[TABLES_COUNT] = {
        {&table_ledger, e->ledger.items, e->ledger.count, sizeof(LedgerRow)},
        {&table_fate_change, e->fate_changes.items, e->fate_changes.count, sizeof(FateChangeRow)},
        {&table_election, e->elections.items, e->elections.count, sizeof(ElectionRow)},
        {&table_snapshot, e->snapshots.items, e->snapshots.count, sizeof(SnapshotRow)},
        {&table_ballot, e->ballots.items, e->ballots.count, sizeof(BallotRow)},
        {&table_flash, e->flashes.items, e->flashes.count, sizeof(FlashRow)},
    };
    memcpy(tables, list, sizeof list);
}

void transaction_free(Transaction *transaction) {
    buf_free(&transaction->calls);
    buf_free(&transaction->sql);
    buf_free(&transaction->rows);
    buf_free(&transaction->notify);
    vec_free(&transaction->lanes);
}

static void add_hex(Buf *out, const void *bytes, size_t count) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) {
        buf_add_byte(out, (uint8_t)digits[at[i] >> 4]);
        buf_add_byte(out, (uint8_t)digits[at[i] & 15]);
    }
}

// Any text as an expression, whatever it holds.
static void add_literal(Buf *sql, Str text) {
    buf_add_str(sql, STR_LIT("convert_from('\\x"));
    add_hex(sql, text.ptr, text.len);
    buf_add_str(sql, STR_LIT("', 'UTF8')"));
}

static bool schema_is_stored(const Store *store, uint64_t fingerprint) {
    for (size_t i = 0; i < store->stored_schemas.count; i++) {
        if (store->stored_schemas.items[i] == fingerprint) {
            return true;
        }
    }
    return false;
}

// Writer schemas that this connection has not stored yet. They are noted as stored before the commit:
// after a failed one there is a new connection, for which none is.
static void add_writer_schemas(Store *store, const Effects *effects, const SchemaStore *schemas, Buf *sql) {
    for (size_t i = 0; i < effects->ledger.count; i++) {
        Str hex = effects->ledger.items[i].writer_schema;
        uint64_t fingerprint = str_is_none(hex) ? 0 : strtoull(hex.ptr, NULL, 16);
        if (fingerprint == 0 || schema_is_stored(store, fingerprint)) {
            continue;
        }
        buf_printf(sql, "INSERT INTO declared.writer_schema (fingerprint, schema) VALUES ('" STR_FMT "', ",
                   STR_ARG(hex));
        add_literal(sql, schema_store_json(schemas, fingerprint));
        buf_add_str(sql, STR_LIT(") ON CONFLICT DO NOTHING; "));
        *vec_push(&store->stored_schemas) = fingerprint;
    }
}

static void add_advance(Buf *sql, const LaneAdvance *advance) {
    const Lane *lane = advance->lane;
    buf_printf(sql, "SELECT declared.advance_lane(%d, %lld, %lld, '\\x", lane->lane, (long long)advance->from,
               (long long)lane->lane_seq);
    add_hex(sql, lane->head_hash, sizeof lane->head_hash);
    buf_add_str(sql, STR_LIT("', '"));
    civil_add_timestamp(sql, lane->received_at_us);
    buf_printf(sql, "', %lld, %lld); ", (long long)lane->next[INPUT_DECLARATIONS], (long long)lane->next[INPUT_DESK]);
}

static void add_copy(Buf *sql, const Table *table) {
    buf_printf(sql, "COPY declared.%s (", table->name);
    for (size_t i = 0; i < table->columns_count; i++) {
        buf_printf(sql, "%s%s", i == 0 ? "" : ", ", table->columns[i].name);
    }
    buf_add_str(sql, STR_LIT(") FROM STDIN (FORMAT binary); "));
}

static void add_rows(Buf *out, const TableRows *rows) {
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; // signature, flags, no extension
    buf_add(out, header, sizeof header);
    for (size_t i = 0; i < rows->count; i++) {
        row_add_tuple(rows->table, (const char *)rows->rows + i * rows->size, out);
    }
    buf_add_u16(out, UINT16_MAX);
}

// What a call carries, as a row of its parameters.

typedef struct AdvanceCall {
    int32_t lane;
    int64_t from, to;
    uint8_t head_hash[SHA256_BYTES];
    int64_t received_at_us, declarations_next, desk_next;
} AdvanceCall;

static const Column advance_parameters[] = {
    {"p_lane", COLUMN_INT, offsetof(AdvanceCall, lane), false},
    {"p_from", COLUMN_BIGINT, offsetof(AdvanceCall, from), false},
    {"p_to", COLUMN_BIGINT, offsetof(AdvanceCall, to), false},
    {"p_head_hash", COLUMN_HASH, offsetof(AdvanceCall, head_hash), false},
    {"p_received_at", COLUMN_TIME, offsetof(AdvanceCall, received_at_us), false},
    {"p_declarations_next", COLUMN_BIGINT, offsetof(AdvanceCall, declarations_next), false},
    {"p_desk_next", COLUMN_BIGINT, offsetof(AdvanceCall, desk_next), false},
};
static const Table advance_call = {"advance_lane", advance_parameters,
                                   sizeof advance_parameters / sizeof *advance_parameters};

typedef struct NotifyCall {
    Str channel, payload;
} NotifyCall;

static const Column notify_parameters[] = {
    {"channel", COLUMN_TEXT, offsetof(NotifyCall, channel), false},
    {"payload", COLUMN_TEXT, offsetof(NotifyCall, payload), false},
};
static const Table notify_call = {"pg_notify", notify_parameters, sizeof notify_parameters / sizeof *notify_parameters};

static void add_call(Buf *calls, Call call, const Table *parameters, const void *row) {
    buf_add_u16(calls, (uint16_t)call);
    if (parameters == NULL) {
        buf_add_u16(calls, 0);
    } else {
        row_add_tuple(parameters, row, calls);
    }
}

static void add_advance_call(Buf *calls, const LaneAdvance *advance) {
    const Lane *lane = advance->lane;
    AdvanceCall call = {.lane = lane->lane,
                        .from = advance->from,
                        .to = lane->lane_seq,
                        .received_at_us = lane->received_at_us,
                        .declarations_next = lane->next[INPUT_DECLARATIONS],
                        .desk_next = lane->next[INPUT_DESK]};
    memcpy(call.head_hash, lane->head_hash, sizeof call.head_hash);
    add_call(calls, CALL_ADVANCE, &advance_call, &call);
}

static void add_calls(const LaneAdvance *lanes, size_t lanes_count, const TableRows *tables, Buf *calls) {
    add_call(calls, CALL_BEGIN, NULL, NULL);
    for (size_t i = 0; i < lanes_count; i++) {
        add_advance_call(calls, &lanes[i]);
    }
    for (size_t i = 0; i < TABLES_COUNT; i++) {
        for (size_t row = 0; row < tables[i].count; row++) {
            add_call(calls, (Call)(CALL_INSERT + (int)i), tables[i].table,
                     (const char *)tables[i].rows + row * tables[i].size);
        }
    }
    add_call(calls, CALL_COMMIT, NULL, NULL);
}

// In a transaction of its own: the hint need not be durable, must not wait for the disk, and must not undo what it
// tells of where PostgreSQL has no room for it.
static void add_notify(const Effects *effects, Buf *calls) {
    Map told[2] = {0}; // elections whose newest snapshot was found, live and rehearsal
    Buf json = {0};
    buf_clear(calls);
    for (size_t i = effects->snapshots.count; i-- > 0;) {
        SnapshotRow *row = &effects->snapshots.items[i];
        if (map_get(&told[row->is_test], row->election_id) != NULL) {
            continue;
        }
        map_put(&told[row->is_test], row->election_id, row);
        buf_clear(&json);
        buf_add_str(&json, STR_LIT("{\"election_id\":"));
        buf_add_json_string(&json, row->election_id);
        buf_add_str(&json, STR_LIT(",\"seq\":"));
        buf_add_decimal(&json, row->seq);
        buf_add_byte(&json, '}');
        if (calls->len == 0) {
            add_call(calls, CALL_BEGIN, NULL, NULL);
            add_call(calls, CALL_DO_NOT_WAIT, NULL, NULL);
        }
        NotifyCall call = {row->is_test ? STR_LIT("council_control_test") : STR_LIT("council_control"), buf_str(&json)};
        add_call(calls, CALL_NOTIFY, &notify_call, &call);
    }
    if (calls->len > 0) {
        add_call(calls, CALL_COMMIT, NULL, NULL);
    }
    buf_free(&json);
    map_free(&told[0]);
    map_free(&told[1]);
}

static void start_anew(Buf *buf) {
    buf_clear(buf);
    if (buf->capacity > LIMIT_KEPT_BYTES) {
        buf_free(buf);
    }
}

// One string holds the whole transaction: the server goes from COPY to COPY as we feed it, and a
// lane that is no longer ours stops it before the first.
static void add_copies(const LaneAdvance *lanes, size_t lanes_count, const TableRows *tables, Transaction *t) {
    for (size_t i = 0; i < lanes_count; i++) {
        add_advance(&t->sql, &lanes[i]);
    }
    for (size_t i = 0; i < TABLES_COUNT; i++) {
        if (tables[i].count > 0) {
            add_copy(&t->sql, tables[i].table);
            add_rows(&t->rows, &tables[i]);
        }
        t->ends[i] = t->rows.len;
    }
    buf_add(&t->sql, "COMMIT", sizeof "COMMIT");
}

void store_prepare(Store *store, const LaneAdvance *lanes, size_t lanes_count, const Effects *effects,
                   const SchemaStore *schemas, Transaction *t) {
    TableRows tables[TABLES_COUNT];
    size_t rows = lanes_count;
    list_tables(effects, tables);
    for (size_t i = 0; i < TABLES_COUNT; i++) {
        rows += tables[i].count;
    }
    vec_clear(&t->lanes);
    start_anew(&t->rows);
    start_anew(&t->sql);
    start_anew(&t->calls);
    for (size_t i = 0; i < lanes_count; i++) {
        *vec_push(&t->lanes) = (LaneAt){lanes[i].lane->lane, lanes[i].lane->lane_seq};
    }
    buf_add_str(&t->sql, STR_LIT("BEGIN; "));
    size_t empty = t->sql.len;
    add_writer_schemas(store, effects, schemas, &t->sql);
    if (rows <= SMALL_ROWS && t->sql.len == empty) {
        add_calls(lanes, lanes_count, tables, &t->calls);
    } else {
        add_copies(lanes, lanes_count, tables, t);
    }
    add_notify(effects, &t->notify);
}
