// audit verify: the ledger's chain recomputed, its rows applied again, and all that they caused compared
// with what the database holds.
//
// A lane is read as sorted streams beside each other: its ledger, and one for each table that its rows
// write into. After each ledger row what it caused must be what the streams have for it.
#include "services/cli/audit_compare.h"
#include "services/cli/audit_replayer.h"
#include "services/cli/audit_seal.h"
#include "services/cli/commands.h"
#include "services/cli/database.h"
#include "services/cli/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

enum { EFFECT_TABLES = 5, KEYS_MAX = 3, PROBLEM_BYTES = 1024 };

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
    {&table_flash, "declared.flash t JOIN declared.snapshot s USING (election_id, is_test, seq)", "s.lane", "s.lane_seq",
     {"flash_id", "is_test"}},
};

// A row of declared.lane, but for what concerns the outbox: where the lane's ledger ends.
typedef struct LaneRow {
    int32_t lane;
    int64_t lane_seq;
    uint8_t head_hash[SHA256_BYTES];
    int64_t received_at_us, declarations_next, desk_next;
} LaneRow;

#define LANE_COLUMN(name, field, kind) {name, COLUMN_##kind, offsetof(LaneRow, field), false}
static const Column lane_columns[] = {
    LANE_COLUMN("lane", lane, INT),
    LANE_COLUMN("lane_seq", lane_seq, BIGINT),
    LANE_COLUMN("head_hash", head_hash, HASH),
    LANE_COLUMN("received_at", received_at_us, TIME),
    LANE_COLUMN("declarations_next", declarations_next, BIGINT),
    LANE_COLUMN("desk_next", desk_next, BIGINT),
};
static const Table table_lane = {"lane", lane_columns, sizeof lane_columns / sizeof *lane_columns};

typedef struct LaneHead {
    int32_t lane;
    int64_t lane_seq;
    Str tuple; // of the row, in the command's arena
} LaneHead;

typedef struct Verifier {
    const Cli *cli;
    PGconn *connection;
    const Seal *seal; // NULL: none
    int64_t from_seq; // rows before it are applied, and what they caused is not compared
    Replayer *replayer;
    VEC(LaneHead) heads;
    Progress progress;
    int64_t rows, effects_compared;
    // Of the lane at hand:
    const LaneHead *head;
    Lane *lane;
    Stream ledger, streams[EFFECT_TABLES];
    // Of the row at hand:
    Effects effects;
    Arena arena;
    Buf made; // its effects as tuples
    VEC(Tuple) expected, found;
    VEC(char *) found_bytes;
    Str problem; // what is wrong; absent: nothing yet
} Verifier;

// Notes what is wrong. Always false.
__attribute__((format(printf, 2, 3))) static bool find(Verifier *v, const char *format, ...) {
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
    return find(v, STR_FMT ": " STR_FMT ": the database has " STR_FMT ", the replay gives " STR_FMT "%s", STR_ARG(name),
                STR_ARG(values.place), STR_ARG(values.left), STR_ARG(values.right), more);
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
            return find(v, STR_FMT, STR_ARG(stream->error));
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
            return find(v, STR_FMT ": the database does not have this row, the replay makes it",
                        STR_ARG(row_tell_name(table, made, &v->arena)));
        }
        if (order > 0) {
            return find(v, STR_FMT ": the database has this row, the replay does not make it",
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
        return find(v, "ledger, lane %" PRId32 ", lane_seq %" PRId64 ": the row is missing", lane->lane,
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
           find(v, "ledger, lane %" PRId32 ", up to lane_seq %" PRId64 ": it is not what was sealed on " STR_FMT
                   ": entry_hash was " STR_FMT " then, and is %s",
                sealed->lane, sealed->lane_seq, STR_ARG(v->seal->sealed_at), STR_ARG(sealed->head_hash), hex);
}

static bool verify_row(Verifier *v) {
    LedgerRow row;
    const char *column = NULL;
    bool hash_is_right = false;
    Str problem = STR_NONE;
    if (!ledger_row_read(&v->ledger.row, &row, &column)) {
        return find(v, STR_FMT ": %s: no row of a ledger ever has what it holds",
                    STR_ARG(row_tell_name(&table_ledger, v->ledger.row.fields, &v->arena)), column);
    }
    if (!check_chain(v, &row, &hash_is_right)) {
        return false;
    }
    if (replayer_apply(v->replayer, v->lane, &row, &v->arena, &v->effects, &problem) != REPLAY_OK) {
        return find(v, STR_FMT ": " STR_FMT, STR_ARG(row_tell_name(&table_ledger, v->ledger.row.fields, &v->arena)),
                    STR_ARG(problem));
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
        return find(v, STR_FMT, STR_ARG(v->ledger.error));
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
            return find(v, STR_FMT, STR_ARG(v->streams[i].error));
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
            return find(v, STR_FMT, STR_ARG(v->ledger.error));
        }
    }
    return true;
}

// The lane's row says where its ledger ends.
static bool compare_head(Verifier *v) {
    const Lane *lane = v->lane;
    if (lane->lane_seq != v->head->lane_seq) {
        return find(v, "ledger, lane %" PRId32 ", lane_seq %" PRId64 ": the row is missing", lane->lane,
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

static bool verify_lane(Verifier *v, const LaneHead *head) {
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

// What belongs to no lane's ledger: rows beyond its end, or of a lane that has none.
static const char stray_rows[] =
    "WITH stray AS ("
    "SELECT 'ledger' AS name, lane, lane_seq AS at FROM declared.ledger"
    " UNION ALL SELECT 'fate_change', lane, trigger_lane_seq FROM declared.fate_change"
    " UNION ALL SELECT 'election', lane, lane_seq FROM declared.election"
    " UNION ALL SELECT 'snapshot', lane, lane_seq FROM declared.snapshot"
    " UNION ALL SELECT 'ballot', lane, lane_seq FROM declared.ballot"
    ") SELECT name, lane::text, at::text, '' FROM stray s WHERE (lane BETWEEN $1 AND $2"
    " OR NOT EXISTS (SELECT FROM declared.lane l WHERE l.lane = s.lane)) AND NOT EXISTS"
    " (SELECT FROM declared.lane l WHERE l.lane = s.lane AND s.at BETWEEN 1 AND l.lane_seq)"
    " UNION ALL SELECT 'flash', '', '', flash_id FROM declared.flash f WHERE NOT EXISTS"
    " (SELECT FROM declared.snapshot s WHERE (s.election_id, s.is_test, s.seq) = (f.election_id, f.is_test, f.seq))"
    " LIMIT 1";

typedef struct LaneRange {
    int32_t first, last;
} LaneRange;

static bool check_strays(Verifier *v, LaneRange range) {
    Str error = STR_NONE;
    Str first = arena_printf(v->cli->arena, "%" PRId32, range.first);
    Str last = arena_printf(v->cli->arena, "%" PRId32, range.last);
    const char *values[] = {first.ptr, last.ptr, NULL};
    _cleanup_result_ PGresult *result = database_query(v->cli, v->connection, stray_rows, values, &error);
    if (result == NULL) {
        return find(v, STR_FMT, STR_ARG(error));
    }
    if (PQntuples(result) == 0) {
        return true;
    }
    const char *table = PQgetvalue(result, 0, 0);
    return strcmp(table, "flash") == 0
               ? find(v, "flash, flash_id %s: it belongs to no snapshot", PQgetvalue(result, 0, 3))
               : find(v, "%s, lane %s, lane_seq %s: the row belongs to no lane, or is beyond its end", table,
                      PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2));
}

// What was sealed and is no more.

static bool check_sealed_texts(Verifier *v, const char *table, const SealedText *sealed, size_t count,
                               const SealedText *present, size_t present_count) {
    for (size_t i = 0; i < count; i++) {
        size_t p = 0;
        while (p < present_count && !str_equal(present[p].name, sealed[i].name)) {
            p++;
        }
        if (p == present_count || !str_equal(present[p].sha256, sealed[i].sha256)) {
            return find(v, "%s " STR_FMT ": it is not what was sealed on " STR_FMT, table, STR_ARG(sealed[i].name),
                        STR_ARG(v->seal->sealed_at));
        }
    }
    return true;
}

static bool check_sealed(Verifier *v, LaneRange range) {
    const Seal *seal = v->seal;
    for (size_t i = 0; i < seal->lanes.count; i++) {
        const SealedLane *sealed = &seal->lanes.items[i];
        size_t h = 0;
        while (h < v->heads.count && v->heads.items[h].lane != sealed->lane) {
            h++;
        }
        int64_t end = h < v->heads.count ? v->heads.items[h].lane_seq : 0;
        if (sealed->lane >= range.first && sealed->lane <= range.last && sealed->lane_seq > end) {
            return find(v, "ledger, lane %" PRId32 ": it ends at lane_seq %" PRId64 ", and was sealed up to %" PRId64
                           " on " STR_FMT, sealed->lane, end, sealed->lane_seq, STR_ARG(seal->sealed_at));
        }
    }
    Str error = STR_NONE;
    _cleanup_seal_ Seal present = {0};
    if (!seal_collect_texts(v->cli, v->connection, &present, &error)) {
        return find(v, STR_FMT, STR_ARG(error));
    }
    return check_sealed_texts(v, "rules, version", seal->rules.items, seal->rules.count, present.rules.items,
                              present.rules.count) &&
           check_sealed_texts(v, "writer_schema, fingerprint", seal->writer_schemas.items, seal->writer_schemas.count,
                              present.writer_schemas.items, present.writer_schemas.count);
}

// All lanes.

static bool read_heads(Verifier *v, LaneRange range) {
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
        *vec_push(&v->heads) = (LaneHead){tuple_int4(&stream.row, 0), tuple_int8(&stream.row, 1),
                                          arena_copy(v->cli->arena, buf_str(&tuple))};
        v->progress.total += v->heads.items[v->heads.count - 1].lane_seq;
        good = stream_next(&stream);
    }
    stream_close(&stream);
    return good || find(v, STR_FMT, STR_ARG(stream.error));
}

static bool verify_all(Verifier *v, LaneRange range) {
    Str error = STR_NONE;
    v->progress = progress_begin("verifying", 0);
    v->connection = database_open(v->cli, &error);
    if (v->connection == NULL) {
        return find(v, STR_FMT, STR_ARG(error));
    }
    if (!read_heads(v, range)) {
        return false;
    }
    // After the heads, so that every row up to them finds what it names.
    v->replayer = replayer_new(v->cli, v->connection, &error);
    if (v->replayer == NULL) {
        return find(v, STR_FMT, STR_ARG(error));
    }
    for (size_t i = 0; i < v->heads.count; i++) {
        if (!verify_lane(v, &v->heads.items[i])) {
            return false;
        }
    }
    return check_strays(v, range) && (v->seal == NULL || check_sealed(v, range));
}

static void free_verifier(Verifier *v) {
    stream_close(&v->ledger);
    for (size_t i = 0; i < EFFECT_TABLES; i++) {
        stream_close(&v->streams[i]);
    }
    replayer_free(v->replayer);
    PQfinish(v->connection);
    vec_free(&v->heads);
    vec_free(&v->expected);
    vec_free(&v->found);
    vec_free(&v->found_bytes);
    effects_free(&v->effects);
    buf_free(&v->made);
    arena_free(&v->arena);
}

static int verify(const Cli *cli, LaneRange range, int64_t from_seq, const Seal *seal) {
    Verifier v = {.cli = cli, .seal = seal, .from_seq = from_seq};
    bool good = verify_all(&v, range);
    progress_end(&v.progress);
    if (good) {
        printf("%zu lanes, %" PRId64 " rows and %" PRId64 " that they caused: nothing differs\n", v.heads.count, v.rows,
               v.effects_compared);
    }
    int code = good ? CLI_OK : cli_fail(cli, STR_FMT, STR_ARG(v.problem));
    free_verifier(&v);
    return code;
}

// The command line.

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *number, char **end) {
    errno = 0;
    *number = strtoll(text, end, 10);
    return *text >= '0' && *text <= '9' && errno == 0 && *number >= least && *number <= most;
}

// N, or N- for that lane and all behind it.
static bool read_range(const char *text, LaneRange *range) {
    *range = (LaneRange){0, INT32_MAX};
    if (text == NULL) {
        return true;
    }
    int64_t number;
    char *end;
    if (!read_number(text, 0, INT32_MAX, &number, &end) || (strcmp(end, "") != 0 && strcmp(end, "-") != 0)) {
        return false;
    }
    range->first = (int32_t)number;
    range->last = *end == '-' ? INT32_MAX : range->first;
    return true;
}

static int verify_sealed(const Cli *cli, LaneRange range, int64_t from_seq, const char *seal_file,
                         const char *public_key_file) {
    _cleanup_seal_ Seal seal = {0};
    Str error = STR_NONE;
    if (!seal_read(seal_file, cli->arena, &seal, &error)) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    if (!seal_check_signature(&seal, public_key_file, cli->arena, &error)) {
        return cli_fail(cli, "%s: " STR_FMT, seal_file, STR_ARG(error));
    }
    int code = verify(cli, range, from_seq, &seal);
    if (code == CLI_OK) {
        printf("what was sealed on " STR_FMT " still stands, signed by the key " STR_FMT "%s\n", STR_ARG(seal.sealed_at),
               STR_ARG(seal.public_key), public_key_file == NULL ? " (whose it is, --public-key FILE proves)" : "");
    }
    return code;
}

int command_audit_verify(const Cli *cli, int argc, char **argv) {
    const char *lane = NULL, *from = "1", *seal_file = NULL, *public_key_file = NULL;
    const CliOption options[] = {
        {"lane", "N", "this lane alone; N-: this one and those behind it", &lane, NULL},
        {"from-seq", "N", "compare what rows from this lane_seq on caused", &from, NULL},
        {"seal", "FILE", "what it says stood must stand still", &seal_file, NULL},
        {"public-key", "FILE", "whose seal it must be, Ed25519 in PEM", &public_key_file, NULL},
        {0},
    };
    char **arguments, *end;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    LaneRange range;
    int64_t from_seq;
    if (!read_range(lane, &range)) {
        return cli_misuse(cli, "--lane is a number, or a number and a hyphen, not '%s'", lane);
    }
    if (!read_number(from, 1, INT64_MAX, &from_seq, &end) || *end != '\0') {
        return cli_misuse(cli, "--from-seq is a number from 1, not '%s'", from);
    }
    if (public_key_file != NULL && seal_file == NULL) {
        return cli_misuse(cli, "--public-key belongs to --seal");
    }
    return seal_file == NULL ? verify(cli, range, from_seq, NULL)
                             : verify_sealed(cli, range, from_seq, seal_file, public_key_file);
}
