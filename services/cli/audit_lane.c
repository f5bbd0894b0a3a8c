#include "services/cli/audit_lane.h"

#include "services/cli/audit_compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

enum { KEYS_MAX = 3, PROBLEM_BYTES = 1024 };

// Where a table's rows come from, and what orders those of one ledger row.
static const struct {
    const Table *table;
    const char *from, *lane, *at; // t is the table; `at` is the lane_seq of the row that caused it
    const char *keys[KEYS_MAX];
} effect_tables[EFFECT_TABLES] = {
    {&table_fate_change, "declared.fate_change t", "t.lane", "t.trigger_lane_seq", {"n"}},
    {&table_election, "declared.election t", "t.lane", "t.lane_seq", {"election_id"}},
    {&table_snapshot, "declared.snapshot t", "t.lane", "t.lane_seq", {"is_test", "seq"}},
    {&table_ballot, "declared.ballot t", "t.lane", "t.lane_seq", {"is_test", "ballot_paper_id"}},
    {&table_flash,
     "declared.flash t JOIN declared.snapshot s USING (election_id, is_test, seq)",
     "s.lane",
     "s.lane_seq",
     {"flash_id", "is_test"}},
};

// A row of declared.lane, but for what concerns the outbox: where the lane's ledger ends.
typedef struct LaneRow {
    int32_t lane;
    int64_t lane_seq;
    uint8_t head_hash[SHA256_BYTES];
    int64_t received_at_us, declarations_next, desk_next;
} LaneRow;

#define LANE_COLUMN(name, field, kind)                                                                                 \
    { name, COLUMN_##kind, offsetof(LaneRow, field), false }
static const Column lane_columns[] = {
    LANE_COLUMN("lane", lane, INT),
    LANE_COLUMN("lane_seq", lane_seq, BIGINT),
    LANE_COLUMN("head_hash", head_hash, HASH),
    LANE_COLUMN("received_at", received_at_us, TIME),
    LANE_COLUMN("declarations_next", declarations_next, BIGINT),
    LANE_COLUMN("desk_next", desk_next, BIGINT),
};
static const Table table_lane = {"lane", lane_columns, sizeof lane_columns / sizeof *lane_columns};

bool verifier_find(Verifier *v, const char *format, ...) {
    char text[PROBLEM_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    v->problem = arena_copy(v->cli->arena, str_from(text));
    return false;
}

static bool find_values(Verifier *v, const Table *table, size_t column, const Str *found, const Str *made,
                        const char *more) {
    Str name = row_tell_name(table, found, &v->arena);
    Values values = row_tell_values(table, column, found, made, &v->arena);
    return verifier_find(v, STR_FMT ": " STR_FMT ": the database has " STR_FMT ", the replay gives " STR_FMT "%s",
                         STR_ARG(name), STR_ARG(values.place), STR_ARG(values.left), STR_ARG(values.right), more);
}

// What a ledger row caused.

typedef struct Rows {
    const void *items;
    size_t count, size;
} Rows;

static Rows rows_of(const Effects *effects, const Table *table) {
    if (table == &table_fate_change) {
        return (Rows){effects->fate_changes.items, effects->fate_changes.count, sizeof(FateChangeRow)};
    }
    if (table == &table_election) {
        return (Rows){effects->elections.items, effects->elections.count, sizeof(ElectionRow)};
    }
    if (table == &table_snapshot) {
        return (Rows){effects->snapshots.items, effects->snapshots.count, sizeof(SnapshotRow)};
    }
    if (table == &table_ballot) {
        return (Rows){effects->ballots.items, effects->ballots.count, sizeof(BallotRow)};
    }
    return (Rows){effects->flashes.items, effects->flashes.count, sizeof(FlashRow)};
}

static void list_expected(Verifier *v, const Table *table) {
    Rows rows = rows_of(&v->effects, table);
    VEC(size_t) ends = {0};
    buf_clear(&v->made);
    vec_clear(&v->expected);
    for (size_t i = 0; i < rows.count; i++) {
        row_add_tuple(table, (const char *)rows.items + i * rows.size, &v->made);
        *vec_push(&ends) = v->made.len;
    }
    for (size_t i = 0; i < rows.count; i++) { // the buffer stays where it is from here on
        tuple_read(str_slice(buf_str(&v->made), i == 0 ? 0 : ends.items[i - 1], ends.items[i]), vec_push(&v->expected));
    }
    vec_free(&ends);
}

static void drop_found(Verifier *v) {
    for (size_t i = 0; i < v->found_bytes.count; i++) {
        PQfreemem(v->found_bytes.items[i]);
    }
    vec_clear(&v->found_bytes);
    vec_clear(&v->found);
}

// The stream's rows of that ledger row; the first field is its lane_seq.
static bool list_found(Verifier *v, Stream *stream, int64_t lane_seq) {
    drop_found(v);
    while (stream->has_row && tuple_int8(&stream->row, 0) <= lane_seq) {
        Tuple *tuple = vec_push(&v->found);
        tuple->count = stream->row.count - 1;
        memcpy(tuple->fields, stream->row.fields + 1, tuple->count * sizeof tuple->fields[0]);
        *vec_push(&v->found_bytes) = stream_take_bytes(stream);
        if (!stream_next(stream)) {
            return verifier_find(v, STR_FMT, STR_ARG(stream->error));
        }
    }
    return true;
}

static int by_keys(const void *left, const void *right, void *keys) {
    return row_compare_keys(keys, ((const Tuple *)left)->fields, ((const Tuple *)right)->fields);
}

static bool compare_lists(Verifier *v, const Table *table, const int *keys) {
    size_t e = 0, f = 0;
    while (e < v->expected.count || f < v->found.count) {
        const Str *made = e < v->expected.count ? v->expected.items[e].fields : NULL;
        const Str *found = f < v->found.count ? v->found.items[f].fields : NULL;
        int order = made == NULL ? 1 : found == NULL ? -1 : row_compare_keys(keys, made, found);
        if (order < 0) {
            return verifier_find(v, STR_FMT ": the database does not have this row, the replay makes it",
                                 STR_ARG(row_tell_name(table, made, &v->arena)));
        }
        if (order > 0) {
            return verifier_find(v, STR_FMT ": the database has this row, the replay does not make it",
                                 STR_ARG(row_tell_name(table, found, &v->arena)));
        }
        size_t column = row_find_difference(table, found, made);
        if (column < table->columns_count) {
            return find_values(v, table, column, found, made, "");
        }
        e++;
        f++;
    }
    return true;
}

static bool compare_table(Verifier *v, size_t n) {
    const Table *table = effect_tables[n].table;
    list_expected(v, table);
    if (!list_found(v, &v->streams[n], v->lane->lane_seq)) {
        return false;
    }
    int keys[KEYS_MAX + 1] = {-1, -1, -1, -1};
    for (size_t i = 0; i < KEYS_MAX && effect_tables[n].keys[i] != NULL; i++) {
        keys[i] = (int)table_find_column(table, effect_tables[n].keys[i]);
    }
    if (v->expected.count > 1) {
        qsort_r(v->expected.items, v->expected.count, sizeof(Tuple), by_keys, keys);
    }
    if (v->found.count > 1) {
        qsort_r(v->found.items, v->found.count, sizeof(Tuple), by_keys, keys);
    }
    v->effects_compared += (int64_t)v->expected.count;
    return compare_lists(v, table, keys);
}

// A ledger row.

static bool check_chain(Verifier *v, const LedgerRow *row, bool *hash_is_right) {
    const Lane *lane = v->lane;
    if (row->lane_seq != lane->lane_seq + 1) {
        return verifier_find(v, "ledger, lane %" PRId32 ", lane_seq %" PRId64 ": the row is missing", lane->lane,
                             lane->lane_seq + 1);
    }
    size_t column = table_find_column(&table_ledger, "prev_hash");
    if (memcmp(row->prev_hash, lane->head_hash, SHA256_BYTES) != 0) {
        Tuple before = v->ledger.row;
        before.fields[column] = (Str){(const char *)lane->head_hash, SHA256_BYTES};
        return find_values(v, &table_ledger, column, v->ledger.row.fields, before.fields,
                           ": it does not follow the row before it");
    }
    LedgerRow again = *row;
    ledger_row_hash(&again, &v->made);
    *hash_is_right = memcmp(again.entry_hash, row->entry_hash, SHA256_BYTES) == 0;
    return true;
}

static bool compare_ledger_row(Verifier *v, bool hash_is_right) {
    Tuple made;
    buf_clear(&v->made);
    row_add_tuple(&table_ledger, &v->effects.ledger.items[0], &v->made);
    tuple_read(buf_str(&v->made), &made);
    size_t column = row_find_difference(&table_ledger, v->ledger.row.fields, made.fields);
    if (column == table_ledger.columns_count) {
        return true;
    }
    return find_values(v, &table_ledger, column, v->ledger.row.fields, made.fields,
                       hash_is_right ? "" : ": entry_hash is not that of the row's columns");
}

static bool check_seal(Verifier *v) {
    const SealedLane *sealed = v->seal == NULL ? NULL : seal_find_lane(v->seal, v->lane->lane);
    if (sealed == NULL || sealed->lane_seq != v->lane->lane_seq) {
        return true;
    }
    char hex[2 * SHA256_BYTES + 1];
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", v->lane->head_hash[i]);
    }
    return str_equal_text(sealed->head_hash, hex) ||
           verifier_find(v,
                         "ledger, lane %" PRId32 ", up to lane_seq %" PRId64 ": it is not what was sealed on " STR_FMT
                         ": entry_hash was " STR_FMT " then, and is %s",
                         sealed->lane, sealed->lane_seq, STR_ARG(v->seal->sealed_at), STR_ARG(sealed->head_hash), hex);
}

static bool verify_row(Verifier *v) {
    LedgerRow row;
    const char *column = NULL;
    bool hash_is_right = false;
    Str problem = STR_NONE;
    if (!ledger_row_read(&v->ledger.row, &row, &column)) {
        return verifier_find(v, STR_FMT ": %s: no row of a ledger ever has what it holds",
                             STR_ARG(row_tell_name(&table_ledger, v->ledger.row.fields, &v->arena)), column);
    }
    if (!check_chain(v, &row, &hash_is_right)) {
        return false;
    }
    if (replayer_apply(v->replayer, v->lane, &row, &v->arena, &v->effects, &problem) != REPLAY_OK) {
        return verifier_find(v, STR_FMT ": " STR_FMT,
                             STR_ARG(row_tell_name(&table_ledger, v->ledger.row.fields, &v->arena)), STR_ARG(problem));
    }
    bool good = compare_ledger_row(v, hash_is_right) && check_seal(v);
    for (size_t i = 0; good && row.lane_seq >= v->from_seq && i < EFFECT_TABLES; i++) {
        good = compare_table(v, i);
    }
    effects_clear(&v->effects);
    arena_reset(&v->arena);
    replayer_settle(v->replayer, v->lane);
    progress_show(&v->progress, ++v->rows);
    return good;
}

// A lane.

static bool open_streams(Verifier *v) {
    _cleanup_buf_ Buf sql = {0};
    ledger_add_query(&sql, v->head->lane, 1, v->head->lane_seq);
    buf_add_byte(&sql, 0);
    if (!stream_open(&v->ledger, v->cli, sql.ptr)) {
        return verifier_find(v, STR_FMT, STR_ARG(v->ledger.error));
    }
    for (size_t i = 0; i < EFFECT_TABLES; i++) {
        const Table *table = effect_tables[i].table;
        buf_clear(&sql);
        buf_printf(&sql, "SELECT %s", effect_tables[i].at);
        for (size_t c = 0; c < table->columns_count; c++) {
            buf_printf(&sql, ", t.%s", table->columns[c].name);
        }
        buf_printf(&sql, " FROM %s WHERE %s = %" PRId32 " AND %s BETWEEN %" PRId64 " AND %" PRId64 " ORDER BY %s",
                   effect_tables[i].from, effect_tables[i].lane, v->head->lane, effect_tables[i].at, v->from_seq,
                   v->head->lane_seq, effect_tables[i].at);
        if (!stream_open(&v->streams[i], v->cli, sql.ptr)) {
            return verifier_find(v, STR_FMT, STR_ARG(v->streams[i].error));
        }
    }
    return true;
}

static bool verify_rows(Verifier *v) {
    while (v->ledger.has_row) {
        if (!verify_row(v)) {
            return false;
        }
        if (!stream_next(&v->ledger)) {
            return verifier_find(v, STR_FMT, STR_ARG(v->ledger.error));
        }
    }
    return true;
}

// The lane's row says where its ledger ends.
static bool compare_head(Verifier *v) {
    const Lane *lane = v->lane;
    if (lane->lane_seq != v->head->lane_seq) {
        return verifier_find(v, "ledger, lane %" PRId32 ", lane_seq %" PRId64 ": the row is missing", lane->lane,
                             lane->lane_seq + 1);
    }
    LaneRow row = {.lane = lane->lane,
                   .lane_seq = lane->lane_seq,
                   .received_at_us = lane->received_at_us,
                   .declarations_next = lane->next[INPUT_DECLARATIONS],
                   .desk_next = lane->next[INPUT_DESK]};
    memcpy(row.head_hash, lane->head_hash, sizeof row.head_hash);
    Tuple found, made;
    buf_clear(&v->made);
    row_add_tuple(&table_lane, &row, &v->made);
    tuple_read(buf_str(&v->made), &made);
    tuple_read(v->head->tuple, &found);
    size_t column = row_find_difference(&table_lane, found.fields, made.fields);
    return column == table_lane.columns_count || find_values(v, &table_lane, column, found.fields, made.fields, "");
}

bool verifier_verify_lane(Verifier *v, const LaneHead *head) {
    int64_t rows_before = v->rows;
    v->head = head;
    v->lane = lane_new(head->lane);
    bool good = open_streams(v) && verify_rows(v) && compare_head(v);
    drop_found(v);
    effects_clear(&v->effects);
    arena_reset(&v->arena);
    lane_free(v->lane);
    if (good) {
        progress_end(&v->progress);
        printf("lane %" PRId32 ": %" PRId64 " rows, nothing differs\n", head->lane, v->rows - rows_before);
        fflush(stdout);
    }
    return good;
}

bool verifier_read_heads(Verifier *v, LaneRange range, LaneHeads *heads) {
    _cleanup_buf_ Buf sql = {0};
    buf_add_str(&sql, STR_LIT("SELECT "));
    for (size_t i = 0; i < table_lane.columns_count; i++) {
        buf_printf(&sql, "%s%s", i == 0 ? "" : ", ", table_lane.columns[i].name);
    }
    buf_printf(&sql, " FROM declared.lane WHERE lane BETWEEN %" PRId32 " AND %" PRId32 " ORDER BY lane%c", range.first,
               range.last, 0);
    Stream stream = {0};
    bool good = stream_open(&stream, v->cli, sql.ptr);
    while (good && stream.has_row) {
        _cleanup_buf_ Buf tuple = {0};
        tuple_write(&stream.row, &tuple);
        *vec_push(&heads->all) = (LaneHead){tuple_int4(&stream.row, 0), tuple_int8(&stream.row, 1),
                                            arena_copy(v->cli->arena, buf_str(&tuple))};
        v->progress.total += heads->all.items[heads->all.count - 1].lane_seq;
        good = stream_next(&stream);
    }
    stream_close(&stream);
    return good || verifier_find(v, STR_FMT, STR_ARG(stream.error));
}

void verifier_free(Verifier *v) {
    stream_close(&v->ledger);
    for (size_t i = 0; i < EFFECT_TABLES; i++) {
        stream_close(&v->streams[i]);
    }
    replayer_free(v->replayer);
    vec_free(&v->expected);
    vec_free(&v->found);
    vec_free(&v->found_bytes);
    effects_free(&v->effects);
    buf_free(&v->made);
    arena_free(&v->arena);
}
