// audit export: all that the ledger knows of an election, for somebody who trusts neither us nor our
// programs. JSON lines; "type" says what a line is:
//
//   export         the first: format "declared export 1", election_id, exported_at, lanes
//   rules, writer_schema   what rows name by rules_version and writer_schema: the settings, the Avro schema
//   row            a ledger row of the election, or of an action that names one of its records. Every
//                  column is a string in the form in which it is hashed, or null; key and payload, which
//                  are hashed as they are, in base64; prev_hash and entry_hash in hex
//   link           any other row of the same lane: lane, lane_seq, prev_hash, entry_hash
//   action         what an operator's action says, in words: behind its row
//   fate_change, election, snapshot, ballot, flash   the rows of those tables, values plain; a snapshot as it is
//                  told (declared.snapshot_told); a ballot's candidates as arrays, in api.candidate_result's order
//   end            the last: lines, how many stand before it
//
// Rows and links are in the order of their lane, from lane_seq 1 to where it ended when the export began; nothing is
// told of what came later. schemas/audit/README.md has the format for those who check it, as
// tests/integration/check_export.py does in 50 lines.
#include "common/base/civil.h"
#include "common/domain/envelope.h"
#include "services/aggregator/rows.h"
#include "services/cli/audit_stream.h"
#include "services/cli/commands.h"
#include "services/cli/database.h"
#include "services/cli/progress.h"
#include "services/validator/decode.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct ExportLane {
    int32_t lane;
    int64_t end; // lane_seq
} ExportLane;

typedef struct Export {
    const Cli *cli;
    PGconn *connection;
    const char *election; // as a literal of SQL, quotes and all; PQfreemem
    SchemaStore *schemas;
    Stream stream;
    VEC(ExportLane) lanes;
    Buf named;   // lane_seqs of actions that name the election's records and are not told by a column
    Arena arena; // of a line
    int64_t lines;
    Progress progress;
    Str error;
} Export;

static void put(Export *e, Str line) {
    fwrite(line.ptr, 1, line.len, stdout);
    putchar('\n');
    e->lines++;
}

// A column as an argument of json_build_object.
static void add_column(Buf *sql, const Column *column, bool as_text) {
    const char *name = column->name;
    switch (column->type) {
    case COLUMN_TIME:
        buf_printf(sql, "to_char(t.%s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')", name);
        break;
    case COLUMN_BYTES:
        buf_printf(sql, "translate(encode(t.%s, 'base64'), E'\\n', '')", name);
        break;
    case COLUMN_HASH:
        buf_printf(sql, "encode(t.%s, 'hex')", name);
        break;
    case COLUMN_RULES:
        buf_printf(sql, as_text ? "'{' || array_to_string(t.%s, ',') || '}'" : "t.%s", name);
        break;
    default:
        buf_printf(sql, as_text ? "t.%s::text" : "t.%s", name);
    }
}

static void add_object(Buf *sql, const char *type, const Table *table, bool as_text) {
    buf_printf(sql, "json_build_object('type', '%s'", type);
    for (size_t i = 0; i < table->columns_count; i++) {
        buf_printf(sql, ", '%s', ", table->columns[i].name);
        add_column(sql, &table->columns[i], as_text);
    }
    buf_add_str(sql, STR_LIT(")::text"));
}

// Every row of a query, whose only column is a line.
static bool put_query(Export *e, Buf *sql) {
    buf_add_byte(sql, 0);
    bool good = stream_open(&e->stream, e->cli, sql->ptr);
    while (good && e->stream.has_row) {
        put(e, e->stream.row.fields[0]);
        good = stream_next(&e->stream);
    }
    e->error = e->stream.error;
    return good;
}

// Which lanes and rows are meant.

static bool find_lanes(Export *e) {
    Str sql = arena_printf(e->cli->arena,
                           "SELECT lane, lane_seq FROM declared.lane n WHERE EXISTS"
                           " (SELECT FROM declared.ledger l WHERE l.lane = n.lane AND l.election_id = %s) ORDER BY 1",
                           e->election);
    _cleanup_result_ PGresult *result = database_query(e->cli, e->connection, sql.ptr, NULL, &e->error);
    for (int row = 0; result != NULL && row < PQntuples(result); row++) {
        *vec_push(&e->lanes) = (ExportLane){(int32_t)strtol(PQgetvalue(result, row, 0), NULL, 10),
                                            strtoll(PQgetvalue(result, row, 1), NULL, 10)};
    }
    return result != NULL;
}

static bool is_of_election(Export *e, int32_t lane, const OperatorAction *action, bool *is) {
    char number[16], offset[24];
    snprintf(number, sizeof number, "%" PRId32, lane);
    snprintf(offset, sizeof offset, "%" PRId64, action->kafka_offset);
    const char *values[] = {number, arena_copy(&e->arena, action->topic).ptr, offset, NULL};
    Str sql = arena_printf(&e->arena,
                           "SELECT 1 FROM declared.ledger WHERE lane = $1 AND topic = $2 AND kafka_offset = $3"
                           " AND election_id = %s",
                           e->election);
    _cleanup_result_ PGresult *result = database_query(e->cli, e->connection, sql.ptr, values, &e->error);
    *is = result != NULL && PQntuples(result) > 0;
    return result != NULL;
}

static bool read_action(Export *e, Str payload, OperatorAction *action) {
    Decoded decoded;
    int32_t wanted;
    bool is = decode_payload(e->schemas, payload, &e->arena, &decoded, &wanted) == DECODE_OK &&
              decoded.record.type == RECORD_ACTION;
    if (is) {
        *action = decoded.record.action;
    }
    return is;
}

// Actions that came to nothing have no election in the ledger; their record says whom they meant.
static bool find_named(Export *e, int32_t lane) {
    _cleanup_buf_ Buf sql = {0};
    buf_printf(&sql,
               "SELECT lane_seq, payload FROM declared.ledger WHERE lane = %" PRId32 " AND topic = '" TOPIC_DESK
               "' AND election_id IS NULL ORDER BY lane_seq%c",
               lane, 0);
    bool good = stream_open(&e->stream, e->cli, sql.ptr);
    while (good && e->stream.has_row) {
        OperatorAction action;
        bool is = false;
        if (read_action(e, e->stream.row.fields[1], &action) && !is_of_election(e, lane, &action, &is)) {
            return false;
        }
        if (is) {
            buf_printf(&e->named, "%s%" PRId64, e->named.len > 0 ? "," : "", tuple_int8(&e->stream.row, 0));
        }
        arena_reset(&e->arena);
        good = stream_next(&e->stream);
    }
    e->error = e->stream.error;
    return good;
}

// Lines.

static void put_head(Export *e, const char *election_id) {
    _cleanup_buf_ Buf line = {0};
    buf_add_str(&line, STR_LIT("{\"type\": \"export\", \"format\": \"declared export 1\", \"election_id\": "));
    buf_add_json_string(&line, str_from(election_id));
    buf_add_str(&line, STR_LIT(", \"exported_at\": \""));
    civil_add_timestamp(&line, cli_now_ms() * 1000);
    buf_add_str(&line, STR_LIT("\", \"lanes\": ["));
    for (size_t i = 0; i < e->lanes.count; i++) {
        buf_printf(&line, "%s%" PRId32, i == 0 ? "" : ", ", e->lanes.items[i].lane);
    }
    buf_add_str(&line, STR_LIT("]}"));
    put(e, buf_str(&line));
}

static bool put_versions(Export *e) {
    _cleanup_buf_ Buf sql = {0};
    buf_printf(
        &sql,
        "SELECT json_build_object('type', 'rules', 'version', version, 'settings', settings)::text"
        " FROM declared.rules WHERE version IN (SELECT rules_version FROM declared.ledger WHERE election_id = %s)"
        " ORDER BY version",
        e->election);
    if (!put_query(e, &sql)) {
        return false;
    }
    buf_clear(&sql);
    buf_printf(&sql,
               "SELECT json_build_object('type', 'writer_schema', 'fingerprint', fingerprint, 'schema', schema)::text"
               " FROM declared.writer_schema WHERE fingerprint IN"
               " (SELECT writer_schema FROM declared.ledger WHERE election_id = %s) ORDER BY fingerprint",
               e->election);
    return put_query(e, &sql);
}

static void put_action(Export *e, int32_t lane, int64_t lane_seq, Str payload) {
    OperatorAction action;
    if (!read_action(e, payload, &action)) {
        return; // of another kind
    }
    _cleanup_buf_ Buf line = {0};
    buf_printf(&line, "{\"type\": \"action\", \"lane\": %" PRId32 ", \"lane_seq\": %" PRId64 ", \"action\": ", lane,
               lane_seq);
    buf_add_json_string(&line, operator_action_name((OperatorActionKind)action.action));
    buf_add_str(&line, STR_LIT(", \"topic\": "));
    buf_add_json_string(&line, action.topic);
    buf_printf(&line, ", \"partition\": %" PRId32 ", \"kafka_offset\": %" PRId64 ", \"by\": ", action.partition,
               action.kafka_offset);
    buf_add_json_string(&line, action.by);
    buf_add_str(&line, STR_LIT(", \"note\": "));
    buf_add_json_string(&line, action.note);
    buf_add_str(&line, STR_LIT(", \"acted_at\": \""));
    civil_add_timestamp(&line, action.acted_at_ms * 1000);
    buf_add_str(&line, STR_LIT("\"}"));
    put(e, buf_str(&line));
}

enum { FIELD_LANE_SEQ, FIELD_LINE, FIELD_PREV_HASH, FIELD_ENTRY_HASH, FIELD_DESK_PAYLOAD };

static void put_ledger_row(Export *e, int32_t lane) {
    const Str *fields = e->stream.row.fields;
    int64_t lane_seq = tuple_int8(&e->stream.row, FIELD_LANE_SEQ);
    if (str_is_none(fields[FIELD_LINE])) {
        put(e, arena_printf(&e->arena,
                            "{\"type\":\"link\",\"lane\":%" PRId32 ",\"lane_seq\":%" PRId64 ",\"prev_hash\":\"" STR_FMT
                            "\",\"entry_hash\":\"" STR_FMT "\"}",
                            lane, lane_seq, STR_ARG(fields[FIELD_PREV_HASH]), STR_ARG(fields[FIELD_ENTRY_HASH])));
    } else {
        put(e, fields[FIELD_LINE]);
        if (!str_is_none(fields[FIELD_DESK_PAYLOAD])) {
            put_action(e, lane, lane_seq, fields[FIELD_DESK_PAYLOAD]);
        }
    }
    arena_reset(&e->arena);
}

static bool put_lane(Export *e, const ExportLane *lane) {
    _cleanup_buf_ Buf sql = {0};
    buf_add_str(&sql, STR_LIT("SELECT t.lane_seq, CASE WHEN m.mine THEN "));
    add_object(&sql, "row", &table_ledger, true);
    buf_printf(&sql,
               " END, encode(t.prev_hash, 'hex'), encode(t.entry_hash, 'hex'),"
               " CASE WHEN t.topic = '" TOPIC_DESK "' THEN t.payload END FROM declared.ledger t"
               " CROSS JOIN LATERAL (SELECT coalesce(t.election_id = %s, t.lane_seq = ANY ('{" STR_FMT "}'::bigint[])"
               " OR EXISTS (SELECT FROM declared.fate_change c WHERE c.lane = t.lane AND c.lane_seq = t.lane_seq"
               " AND c.election_id = %s)) AS mine) m WHERE t.lane = %" PRId32 " AND t.lane_seq <= %" PRId64
               " ORDER BY t.lane_seq%c",
               e->election, STR_ARG(buf_str(&e->named)), e->election, lane->lane, lane->end, 0);
    bool good = stream_open(&e->stream, e->cli, sql.ptr);
    while (good && e->stream.has_row) {
        put_ledger_row(e, lane->lane);
        progress_show(&e->progress, e->lines);
        good = stream_next(&e->stream);
    }
    e->error = e->stream.error;
    return good;
}

// The rows of a table that are of the election, and were caused by rows up to the lanes' ends.
static bool put_table(Export *e, const Table *table, const char *from, const char *lane, const char *order) {
    _cleanup_buf_ Buf sql = {0};
    buf_add_str(&sql, STR_LIT("SELECT "));
    add_object(&sql, table->name, table, false);
    buf_printf(&sql, " FROM declared.%s WHERE t.election_id = %s AND %s <= CASE %s", from, e->election,
               table == &table_fate_change ? "t.trigger_lane_seq" : arena_printf(&e->arena, "%s_seq", lane).ptr, lane);
    for (size_t i = 0; i < e->lanes.count; i++) {
        buf_printf(&sql, " WHEN %" PRId32 " THEN %" PRId64, e->lanes.items[i].lane, e->lanes.items[i].end);
    }
    buf_printf(&sql, " END ORDER BY %s", order);
    return put_query(e, &sql);
}

static bool put_tables(Export *e) {
    static const char flashes[] = "flash t JOIN declared.snapshot s USING (election_id, is_test, seq)";
    return put_table(e, &table_fate_change, "fate_change t", "t.lane", "t.lane, t.trigger_lane_seq, t.n") &&
           put_table(e, &table_election, "election t", "t.lane", "t.lane, t.lane_seq") &&
           put_table(e, &table_snapshot, "snapshot_told t", "t.lane", "t.is_test, t.seq") &&
           put_table(e, &table_ballot, "ballot t", "t.lane", "t.is_test, t.lane, t.lane_seq, t.ballot_paper_id") &&
           put_table(e, &table_flash, flashes, "s.lane", "t.is_test, t.seq, t.flash_id");
}

static bool put_all(Export *e, const char *election_id) {
    if (!find_lanes(e)) {
        return false;
    }
    if (e->lanes.count == 0) {
        e->error = arena_printf(e->cli->arena, "the ledger has no election %s", election_id);
        return false;
    }
    put_head(e, election_id);
    if (!put_versions(e)) {
        return false;
    }
    for (size_t i = 0; i < e->lanes.count; i++) {
        buf_clear(&e->named);
        if (!find_named(e, e->lanes.items[i].lane) || !put_lane(e, &e->lanes.items[i])) {
            return false;
        }
    }
    if (!put_tables(e)) {
        return false;
    }
    printf("{\"type\": \"end\", \"lines\": %" PRId64 "}\n", e->lines);
    return true;
}

int command_audit_export(const Cli *cli, int argc, char **argv) {
    static const CliOption options[] = {{0}};
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    Export e = {.cli = cli, .schemas = schema_store_new(), .progress = progress_begin("exporting", 0)};
    e.connection = database_open(cli, &e.error);
    char *literal = e.connection == NULL ? NULL : PQescapeLiteral(e.connection, arguments[0], strlen(arguments[0]));
    e.election = literal;
    bool good = literal != NULL && put_all(&e, arguments[0]);
    progress_end(&e.progress);
    code = good ? CLI_OK : cli_fail(cli, STR_FMT, STR_ARG(e.error));
    PQfreemem(literal);
    stream_close(&e.stream);
    PQfinish(e.connection);
    schema_store_free(e.schemas);
    vec_free(&e.lanes);
    buf_free(&e.named);
    arena_free(&e.arena);
    return code;
}
