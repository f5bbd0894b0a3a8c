// replay: the whole database made anew, from the ledger or from the topics, by the code of the daemon.
#include "services/cli/replay.h"

#include "common/base/limits.h"
#include "services/cli/commands.h"
#include "services/cli/database.h"
#include "services/cli/progress.h"

#include <inttypes.h>
#include <stdlib.h>

extern char **environ;

static const atomic_bool never_stop;

// The target.

// The command's context again, with the other database in its settings.
static bool open_target_settings(const Cli *cli, const char *uri, Cli *into, Str *error) {
    Str uri_setting = arena_printf(cli->arena, "postgres.uri=%s", uri);
    const char *const sets[] = {uri_setting.ptr, "postgres.role="};
    const ConfigSources sources = {
        .file = "/dev/null", .environment = environ, .sets = sets, .sets_count = sizeof sets / sizeof *sets};
    *into = *cli;
    into->config = config_load(&sources, cli->arena, error);
    return into->config != NULL;
}

// Every row would be another's: what is rebuilt must begin with nothing.
static bool check_empty(const Cli *cli, PGconn *connection, Str *error) {
    static const char sql[] = "SELECT EXISTS (SELECT FROM declared.lane) OR EXISTS (SELECT FROM declared.ledger)"
                              " OR EXISTS (SELECT FROM declared.fate_change) OR EXISTS (SELECT FROM declared.election)"
                              " OR EXISTS (SELECT FROM declared.snapshot) OR EXISTS (SELECT FROM declared.ballot)"
                              " OR EXISTS (SELECT FROM declared.flash) OR EXISTS (SELECT FROM declared.rules)"
                              " OR EXISTS (SELECT FROM declared.writer_schema), current_database()";
    _cleanup_result_ PGresult *result = database_query(cli, connection, sql, NULL, error);
    if (result != NULL && *PQgetvalue(result, 0, 0) == 't') {
        *error = arena_printf(cli->arena, "the database %s is not empty", PQgetvalue(result, 0, 1));
        return false;
    }
    return result != NULL;
}

static bool store_failed(const ReplayTarget *target, Str *error) {
    *error = arena_copy(target->cli->arena, store_error(target->store));
    return false;
}

bool replay_begin_lane(ReplayTarget *target, int32_t number, Str *error) {
    SchemaStore *schemas = schema_store_new(); // for actions that wait; there are none
    target->lane = lane_new(number);
    StoreStatus status = store_load_lane(target->store, target->lane, schemas);
    schema_store_free(schemas);
    target->from = target->lane->lane_seq;
    return status == STORE_OK || store_failed(target, error);
}

void replay_end_lane(ReplayTarget *target) {
    effects_clear(&target->effects);
    arena_reset(&target->arena);
    target->bytes = 0;
    lane_free(target->lane);
    target->lane = NULL;
}

bool replay_batch_is_full(const ReplayTarget *target) {
    return target->effects.ledger.count >= LIMIT_BATCH_RECORDS || target->bytes >= LIMIT_BATCH_BYTES;
}

bool replay_commit(ReplayTarget *target, Str *error) {
    if (target->effects.ledger.count == 0) {
        return true;
    }
    const LaneAdvance advance = {target->lane, target->from};
    store_prepare(target->store, &advance, 1, &target->effects, target->schemas, &target->transaction);
    buf_clear(&target->transaction.notify); // nobody is to show a night again
    StoreStatus status = store_commit(target->store, &target->transaction);
    if (status != STORE_OK) {
        return store_failed(target, error);
    }
    target->from = target->lane->lane_seq;
    target->bytes = 0;
    effects_clear(&target->effects);
    arena_reset(&target->arena);
    return true;
}

// From the ledger.

typedef struct LedgerReplay {
    const Cli *cli;
    PGconn *source, *into;
    Replayer *replayer;
    ReplayTarget *target;
    Stream stream;
    VEC(char *) bytes; // of the batch's rows
    Progress progress;
    int64_t rows;
} LedgerReplay;

// Versions keep their numbers, for rows name them; the next new one gets the next number.
static bool copy_rules(const LedgerReplay *r, Str *error) {
    _cleanup_result_ PGresult *rules = database_query(
        r->cli, r->source, "SELECT version, settings, digest FROM declared.rules ORDER BY 1", NULL, error);
    for (int row = 0; rules != NULL && row < PQntuples(rules); row++) {
        const char *values[] = {PQgetvalue(rules, row, 0), PQgetvalue(rules, row, 1), PQgetvalue(rules, row, 2), NULL};
        _cleanup_result_ PGresult *added = database_query(r->cli, r->into,
                                                          "INSERT INTO declared.rules (version, settings, digest)"
                                                          " OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3)",
                                                          values, error);
        if (added == NULL) {
            return false;
        }
    }
    _cleanup_result_ PGresult *numbered =
        rules == NULL || PQntuples(rules) == 0
            ? NULL
            : database_query(r->cli, r->into,
                             "SELECT setval(pg_get_serial_sequence('declared.rules', 'version'), max(version))"
                             " FROM declared.rules",
                             NULL, error);
    return rules != NULL && (PQntuples(rules) == 0 || numbered != NULL);
}

static bool copy_schemas(const LedgerReplay *r, Str *error) {
    _cleanup_result_ PGresult *schemas =
        database_query(r->cli, r->source, "SELECT fingerprint, schema FROM declared.writer_schema", NULL, error);
    for (int row = 0; schemas != NULL && row < PQntuples(schemas); row++) {
        const char *values[] = {PQgetvalue(schemas, row, 0), PQgetvalue(schemas, row, 1), NULL};
        _cleanup_result_ PGresult *added = database_query(
            r->cli, r->into, "INSERT INTO declared.writer_schema (fingerprint, schema) VALUES ($1, $2)", values, error);
        if (added == NULL) {
            return false;
        }
    }
    return schemas != NULL;
}

static bool commit_rows(LedgerReplay *r, Str *error) {
    if (!replay_commit(r->target, error)) {
        return false;
    }
    for (size_t i = 0; i < r->bytes.count; i++) {
        PQfreemem(r->bytes.items[i]);
    }
    vec_clear(&r->bytes);
    lane_trim(r->target->lane);
    return true;
}

static bool apply_row(LedgerReplay *r, const LedgerRow *row, Str *error) {
    ReplayTarget *target = r->target;
    ReplayStatus status = replayer_apply(r->replayer, target->lane, row, &target->arena, &target->effects, error);
    if (status == REPLAY_SETTLE_FIRST) {
        if (!commit_rows(r, error)) {
            return false;
        }
        status = replayer_apply(r->replayer, target->lane, row, &target->arena, &target->effects, error);
    }
    return status == REPLAY_OK;
}

static bool replay_row(LedgerReplay *r, Str *error) {
    LedgerRow row;
    const char *column;
    if (!ledger_row_read(&r->stream.row, &row, &column)) {
        *error = arena_printf(r->cli->arena, "%s holds what no row of a ledger ever has", column);
        return false;
    }
    bool good = apply_row(r, &row, error);
    if (!good) {
        return false;
    }
    *vec_push(&r->bytes) = stream_take_bytes(&r->stream); // the batch borrows from it
    r->target->bytes += row.key.len + row.payload.len;
    progress_show(&r->progress, ++r->rows);
    return !replay_batch_is_full(r->target) || commit_rows(r, error);
}

static bool replay_rows(LedgerReplay *r, int32_t lane, int64_t lane_seq, Str *error) {
    _cleanup_buf_ Buf sql = {0};
    ledger_add_query(&sql, lane, 1, lane_seq);
    buf_add_byte(&sql, 0);
    bool good = stream_open(&r->stream, r->cli, sql.ptr);
    while (good && r->stream.has_row) {
        if (!replay_row(r, error)) {
            *error = arena_printf(r->cli->arena, "ledger, lane %" PRId32 ", after lane_seq %" PRId64 ": " STR_FMT, lane,
                                  r->target->lane->lane_seq, STR_ARG(*error));
            return false;
        }
        good = stream_next(&r->stream);
    }
    if (!good) {
        *error = r->stream.error;
    }
    return good && commit_rows(r, error);
}

// What has left through Kafka is not sent again by a daemon that goes on with the new database.
static bool copy_outbox(const LedgerReplay *r, const char *lane, const char *outbox_lane_seq, Str *error) {
    const char *values[] = {lane, outbox_lane_seq, NULL};
    _cleanup_result_ PGresult *result = database_query(
        r->cli, r->into, "UPDATE declared.lane SET outbox_lane_seq = least($2::bigint, lane_seq) WHERE lane = $1",
        values, error);
    return result != NULL;
}

static bool replay_lanes(LedgerReplay *r, const PGresult *lanes, Str *error) {
    for (int row = 0; row < PQntuples(lanes); row++) {
        int32_t lane = (int32_t)strtol(PQgetvalue(lanes, row, 0), NULL, 10);
        int64_t lane_seq = strtoll(PQgetvalue(lanes, row, 1), NULL, 10);
        bool good = replay_begin_lane(r->target, lane, error) && replay_rows(r, lane, lane_seq, error) &&
                    copy_outbox(r, PQgetvalue(lanes, row, 0), PQgetvalue(lanes, row, 2), error);
        replay_end_lane(r->target);
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool replay_ledger(LedgerReplay *r, Str *error) {
    _cleanup_result_ PGresult *lanes = database_query(
        r->cli, r->source, "SELECT lane, lane_seq, outbox_lane_seq FROM declared.lane ORDER BY lane", NULL, error);
    if (lanes == NULL || !copy_rules(r, error) || !copy_schemas(r, error)) {
        return false;
    }
    int64_t total = 0;
    for (int row = 0; row < PQntuples(lanes); row++) {
        total += strtoll(PQgetvalue(lanes, row, 1), NULL, 10);
    }
    // After the lanes were read, so that every row finds what it names.
    r->replayer = replayer_new(r->cli, r->source, error);
    if (r->replayer == NULL) {
        return false;
    }
    r->target->schemas = replayer_schemas(r->replayer);
    r->progress = progress_begin("replaying", total);
    bool good = replay_lanes(r, lanes, error);
    progress_end(&r->progress);
    replayer_free(r->replayer);
    for (size_t i = 0; i < r->bytes.count; i++) {
        PQfreemem(r->bytes.items[i]);
    }
    vec_free(&r->bytes);
    stream_close(&r->stream);
    return good;
}

// The command.

typedef struct Ends {
    Cli into;
    PGconn *source, *target; // source NULL: it is the target, or away
    Str source_trouble;      // why it is not there; absent: it is
} Ends;

static Str identity_of(const Cli *cli, PGconn *connection, Str *error) {
    _cleanup_result_ PGresult *result = database_query(
        cli, connection,
        "SELECT (SELECT oid FROM pg_database WHERE datname = current_database()) || ' ' || pg_postmaster_start_time()",
        NULL, error);
    return result == NULL ? STR_NONE : arena_copy(cli->arena, str_from(PQgetvalue(result, 0, 0)));
}

static bool open_ends(const Cli *cli, const char *uri, Ends *ends, Str *error) {
    if (!open_target_settings(cli, uri, &ends->into, error)) {
        return false;
    }
    ends->target = database_open(&ends->into, error);
    if (ends->target == NULL || !check_empty(cli, ends->target, error)) {
        return false;
    }
    ends->source = database_open(cli, &ends->source_trouble);
    if (ends->source != NULL &&
        str_equal(identity_of(cli, ends->source, error), identity_of(cli, ends->target, error))) {
        ends->source_trouble = STR_LIT("[postgres] uri names the same database");
        database_close(&ends->source);
        ends->source = NULL;
    }
    return true;
}

static bool run_replay(const Cli *cli, Ends *ends, bool from_topics, Str *error) {
    ReplayTarget target = {.cli = &ends->into};
    target.store = store_new(config_get(ends->into.config, "postgres.uri"), "", &never_stop);
    bool good = store_connect(target.store) == STORE_OK || store_failed(&target, error);
    if (good && from_topics) {
        Replayer *replayer = replayer_new(cli, ends->source, error);
        good = replayer != NULL && replayer_learn_ids(replayer, error) && replay_topics(cli, replayer, &target, error);
        replayer_free(replayer);
    } else if (good) {
        LedgerReplay ledger = {.cli = cli, .source = ends->source, .into = ends->target, .target = &target};
        good = replay_ledger(&ledger, error);
    }
    effects_free(&target.effects);
    transaction_free(&target.transaction);
    arena_free(&target.arena);
    store_free(target.store);
    return good;
}

static int replay(const Cli *cli, Ends *ends, const char *uri, bool from_topics) {
    Str error = STR_NONE;
    if (!open_ends(cli, uri, ends, &error)) {
        return cli_fail(cli, "--into: " STR_FMT, STR_ARG(error));
    }
    if (!from_topics && ends->source == NULL) {
        return cli_fail(cli, "the ledger: " STR_FMT, STR_ARG(ends->source_trouble));
    }
    if (!run_replay(cli, ends, from_topics, &error)) {
        return cli_fail(cli, STR_FMT "; what is there of the replay is a part", STR_ARG(error));
    }
    if (ends->source == NULL) {
        printf("not compared with a ledger: " STR_FMT "\n", STR_ARG(ends->source_trouble));
        return CLI_OK;
    }
    bool explained = false;
    if (!replay_compare(cli, &ends->into, from_topics, &explained, &error)) {
        return cli_fail(cli, "the comparison: " STR_FMT, STR_ARG(error));
    }
    return explained ? CLI_OK : cli_fail(cli, "the ledger and its replay differ");
}

int command_replay(const Cli *cli, int argc, char **argv) {
    const char *from = "ledger", *into = NULL;
    const CliOption options[] = {
        {"from", "SOURCE", "ledger, of [postgres] uri, or topics; ledger unless given", &from, NULL},
        {"into", "URI", "an empty database, migrated; its password belongs in PGPASSWORD", &into, NULL},
        {0},
    };
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    bool from_topics = strcmp(from, "topics") == 0;
    if (!from_topics && strcmp(from, "ledger") != 0) {
        return cli_misuse(cli, "--from is ledger or topics, not '%s'", from);
    }
    if (into == NULL) {
        return cli_misuse(cli, "wants --into URI");
    }
    Str uri = arena_copy(cli->arena, str_from(into));
    memset((char *)(uintptr_t)into, '\0', uri.len); // as config_hide: for all the same, a password may stand there
    Ends ends = {0};
    code = replay(cli, &ends, uri.ptr, from_topics);
    PQfinish(ends.source);
    PQfinish(ends.target);
    config_free((Config *)(uintptr_t)ends.into.config);
    return code;
}
