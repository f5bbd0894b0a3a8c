// Commands that print what a view says: status, as-of, history, held. For people, a snapshot comes with what caused
// it, and a past moment with what was held then and what became of it.
#include "common/base/rfc3339.h"
#include "services/cli/commands.h"
#include "services/cli/database.h"
#include "services/cli/held.h"
#include "services/cli/table.h"

// What to read, and its two forms. Parameters are $1 and $2; an empty one is null.
typedef struct Report {
    const char *source;       // the view with its WHERE and ORDER BY
    const char *columns;      // of the table for people
    const char *json_columns; // NULL: all of the view's
    const char *values[3];
    const char *nothing; // what to say when there are no rows
    bool must_exist;     // no rows: a failure
    bool json, test;
} Report;

// clang-format off
#define POSITION(row) row ".topic || ':' || " row ".partition || ':' || " row ".kafka_offset"
#define CAUSE_LANE "(cause ->> 'lane')::integer"
#define CAUSE_SEQ "(cause ->> 'lane_seq')::bigint"
#define AT_CAUSE "WHERE l.lane = " CAUSE_LANE " AND l.lane_seq = " CAUSE_SEQ
#define CONTROL_COLUMNS                                                                                                \
    "status, ballots_declared || '/' || ballots_total AS ballots, "                                                    \
    "(SELECT string_agg((p ->> 'short') || ' ' || (p ->> 'held'), ', ' ORDER BY n) "                                   \
    "FROM jsonb_array_elements(seats) WITH ORDINALITY e (p, n) WHERE (p ->> 'held')::integer > 0) AS seats, "          \
    "seats_total AS total, "                                                                                           \
    "coalesce((SELECT p ->> 'short' FROM jsonb_array_elements(seats) p WHERE p ->> 'party_id' = control), control, '') " \
    "AS control, coalesce(outcome, '') AS outcome, "                                                                   \
    "coalesce(majority::text, '>= ' || majority_at_least, '') AS majority, coalesce(headline, '') AS headline"
// Which record caused the snapshot, what became of that record at once, and who decided and why.
#define CAUSE                                                                                                          \
    "CASE cause ->> 'record' "                                                                                         \
    "WHEN 'declared.CouncilReference' THEN 'reference data, by ' || (cause ->> 'by') "                                 \
    "WHEN 'declared.OperatorAction' THEN (SELECT l.kind FROM ledger l " AT_CAUSE ") || coalesce("                      \
    "(SELECT ' of ' || string_agg(coalesce(l.ballot_paper_id, '') || ' (' || " POSITION("l") " || ')', ', ') FROM ledger l "          \
    "JOIN (SELECT DISTINCT f.lane, f.lane_seq FROM fate_change f WHERE f.by IS NOT NULL AND f.lane = " CAUSE_LANE      \
    " AND f.trigger_lane_seq = " CAUSE_SEQ ") f USING (lane, lane_seq)), '') "                                         \
    "|| ', by ' || (cause ->> 'by') || coalesce((SELECT ': ' || min(f.note) FROM fate_change f WHERE f.lane = " CAUSE_LANE \
    " AND f.trigger_lane_seq = " CAUSE_SEQ "), '') "                                                                   \
    "ELSE (SELECT concat(l.ballot_paper_id, ' revision ', l.revision, ', ', l.source, ' (', " POSITION("l") ", ')', "  \
    "CASE WHEN l.fate = 'held' THEN ': held, ' || array_to_string(l.reasons, ' ') END, "                               \
    "(SELECT '; ' || f.fate || ' at once by ' || f.by || ': ' || f.note FROM fate_change f WHERE f.lane = l.lane "     \
    "AND f.lane_seq = l.lane_seq AND f.trigger_lane_seq = l.lane_seq AND f.by IS NOT NULL ORDER BY f.n DESC LIMIT 1)) " \
    "FROM ledger l " AT_CAUSE ") "                                                                                     \
    "END AS cause"
#define JSON_QUERY                                                                                                     \
    "SELECT '[' || coalesce(string_agg(row_to_json(t)::text, E',\n '), '') || ']', count(*) "                         \
    "FROM (SELECT %s FROM %s) t"
// clang-format on
#define TIME_COLUMN(column) "to_char(" column ", 'YYYY-MM-DD HH24:MI:SS\"Z\"') AS " column

static int print_report(const Cli *cli, const Report *report) {
    bool json = report->json;
    Str sql = json ? arena_printf(cli->arena, JSON_QUERY, report->json_columns == NULL ? "*" : report->json_columns,
                                  report->source)
                   : arena_printf(cli->arena, "SELECT %s FROM %s", report->columns, report->source);
    Str error = STR_NONE;
    _cleanup_connection_ PGconn *connection = database_open(cli, &error);
    if (connection == NULL || !database_use_views(cli, connection, report->test, &error)) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    _cleanup_result_ PGresult *result = database_query(cli, connection, sql.ptr, report->values, &error);
    if (result == NULL) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    bool empty = json ? strcmp(PQgetvalue(result, 0, 1), "0") == 0 : PQntuples(result) == 0;
    if (empty && report->must_exist) {
        return cli_fail(cli, "%s", report->nothing);
    }
    if (json) {
        printf("%s\n", PQgetvalue(result, 0, 0));
    } else if (empty) {
        printf("%s\n", report->nothing);
    } else {
        table_print(result, stdout);
    }
    return CLI_OK;
}

typedef struct ReportOptions {
    bool json, test;
    char **arguments;
} ReportOptions;

static bool parse(const Cli *cli, int argc, char **argv, ReportOptions *out, int *code) {
    const CliOption options[] = {
        {"json", NULL, "print JSON: an array of the view's rows", NULL, &out->json},
        {"test", NULL, "of the rehearsals instead of the live night", NULL, &out->test},
        {0},
    };
    return cli_parse(cli, options, argc, argv, &out->arguments, code);
}

static Str no_election(const Cli *cli, const char *election) {
    return arena_printf(cli->arena, "no election %s", election);
}

int command_status(const Cli *cli, int argc, char **argv) {
    ReportOptions options = {0};
    int code;
    if (!parse(cli, argc, argv, &options, &code)) {
        return code;
    }
    const char *election = options.arguments[0];
    Report report = {
        .json = options.json,
        .test = options.test,
        .source = "council_control WHERE $1::text IS NULL OR election_id = $1"
                  " ORDER BY poll_date, council_name",
        .columns = "council_name AS council, " CONTROL_COLUMNS,
        .values = {election == NULL ? "" : election},
        .nothing = election == NULL ? "no election has been loaded" : no_election(cli, election).ptr,
        .must_exist = election != NULL,
    };
    return print_report(cli, &report);
}

// What was held at that moment, and what the next word on it was. Nothing that was not held when it came is held later.
static int print_held_at(const Cli *cli, const Report *moment) {
    Report report = {
        .test = moment->test,
        .source = "ledger l JOIN declaration d USING (lane, lane_seq)"
                  " LEFT JOIN LATERAL (SELECT f.fate, f.reasons, f.detail FROM fate_change f WHERE f.lane = l.lane AND"
                  " f.lane_seq = l.lane_seq AND f.recorded_at <= $1::timestamptz"
                  " ORDER BY f.trigger_lane_seq DESC, f.n DESC LIMIT 1) t ON true"
                  " LEFT JOIN LATERAL (SELECT f.* FROM fate_change f WHERE f.lane = l.lane AND f.lane_seq = l.lane_seq"
                  " AND f.recorded_at > $1::timestamptz ORDER BY f.trigger_lane_seq, f.n LIMIT 1) f ON true"
                  " WHERE l.fate = 'held' AND l.received_at <= $1::timestamptz AND coalesce(t.fate, 'held') = 'held'"
                  " AND ($2::text IS NULL OR l.election_id = $2) ORDER BY l.received_at, l.lane, l.lane_seq",
        .columns = POSITION(
            "l") " AS held_then, l.ballot_paper_id AS ballot, l.revision, l.source,"
                 " to_char(l.received_at, 'YYYY-MM-DD HH24:MI:SS\"Z\"') AS received_at,"
                 " array_to_string(coalesce(t.reasons, l.reasons), ' ') AS reasons,"
                 " CASE WHEN t.fate IS NULL THEN coalesce(l.detail, '') ELSE coalesce(t.detail, '') END AS detail,"
                 " CASE WHEN f.fate IS NULL THEN 'still held' ELSE concat(f.fate, ' ', to_char(f.recorded_at,"
                 " 'YYYY-MM-DD HH24:MI:SS\"Z\"'), CASE WHEN f.by IS NULL THEN ' by new reference data' ELSE"
                 " concat(' by ', f.by, ': ', f.note) END) END AS later",
        .values = {moment->values[0], moment->values[1]},
        .nothing = "nothing was held then",
    };
    printf("\n");
    return print_report(cli, &report);
}

int command_as_of(const Cli *cli, int argc, char **argv) {
    ReportOptions options = {0};
    int code;
    if (!parse(cli, argc, argv, &options, &code)) {
        return code;
    }
    const char *time = options.arguments[0], *election = options.arguments[1];
    int64_t ms;
    if (!rfc3339_parse(str_from(time), &ms)) {
        return cli_misuse(cli, "'%s' is not a time like 2023-05-05T02:30:00+01:00", time);
    }
    Report report = {
        .json = options.json,
        .test = options.test,
        .source = "council_control_at($1::timestamptz) WHERE $2::text IS NULL OR"
                  " election_id = $2 ORDER BY poll_date, council_name",
        .columns = "council_name AS council, " TIME_COLUMN("recorded_at") ", " CONTROL_COLUMNS ", " CAUSE,
        .values = {time, election == NULL ? "" : election},
        .nothing = election == NULL ? "no election was known then" : "that election was not known then",
        .must_exist = election != NULL,
    };
    code = print_report(cli, &report);
    return code != CLI_OK || options.json ? code : print_held_at(cli, &report);
}

int command_history(const Cli *cli, int argc, char **argv) {
    ReportOptions options = {0};
    int code;
    if (!parse(cli, argc, argv, &options, &code)) {
        return code;
    }
    Report report = {
        .json = options.json,
        .test = options.test,
        .source = "council_control_history WHERE election_id = $1 ORDER BY seq",
        .columns = "seq, " TIME_COLUMN("recorded_at") ", " CONTROL_COLUMNS ", " CAUSE,
        .values = {options.arguments[0]},
        .nothing = no_election(cli, options.arguments[0]).ptr,
        .must_exist = true,
    };
    return print_report(cli, &report);
}

int command_held(const Cli *cli, int argc, char **argv) {
    ReportOptions options = {0};
    int code;
    if (!parse(cli, argc, argv, &options, &code)) {
        return code;
    }
    if (options.arguments[0] != NULL) {
        return options.json ? cli_misuse(cli, "--json lists all; it wants no POSITION")
                            : held_show_one(cli, options.test, options.arguments[0]);
    }
    Report report = {
        .json = options.json,
        .test = options.test,
        .source = "declaration WHERE fate = 'held' ORDER BY received_at, lane, lane_seq",
        .columns = "topic || ':' || partition || ':' || kafka_offset AS position, ballot_paper_id AS ballot, source,"
                   " revision, array_to_string(reasons, ' ') AS reasons, " TIME_COLUMN(
                       "received_at") ", coalesce(detail, '') AS detail",
        .json_columns = "topic, partition, kafka_offset, event_id, election_id, ballot_paper_id, source, kind, basis,"
                        " revision, is_test, fate, reasons, detail, received_at",
        .nothing = "nothing is held",
    };
    code = print_report(cli, &report);
    return code != CLI_OK || options.json ? code : held_show_some(cli, options.test);
}
