#include "services/cli/commands.h"
#include "services/cli/database.h"
#include "services/cli/held.h"
#include "services/cli/watch_screen.h"

#include "common/base/map.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { POLL_MS = 1000, EVENTS_MAX = 40, ROWS_MAX = 1000 };

#define HOME "\x1b[H"
#define CLEAR "\x1b[2J"
#define CLEAR_BELOW "\x1b[J"
#define HIDE_CURSOR_AND_CUT_LINES "\x1b[?25l\x1b[?7l"
#define SHOW_CURSOR_AND_WRAP_LINES "\x1b[?25h\x1b[?7h"

static volatile sig_atomic_t stopped;

static void stop(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

typedef struct Watch {
    const Cli *cli;
    const char *election; // "": all
    bool test, until_final, terminal;
    int rows_max;       // of the terminal, to draw on
    PGconn *connection; // NULL: lost, to be opened anew
    Map shown;          // election -> seq of the newest snapshot written as a plain line, as a pointer
    Arena names;        // the keys of `shown`
    Arena arena;        // of one round
    Buf out;
    ScreenCouncil *councils;
    size_t count;
} Watch;

#define COLUMNS                                                                                                        \
    "election_id, council_name, short_name, to_char(poll_date, 'FMDD FMMonth YYYY'), status, coalesce(control, ''), "  \
    "coalesce(previous_control, ''), coalesce(majority::text, 'at least ' || majority_at_least, ''), "                 \
    "coalesce(headline, ''), coalesce(headline_short, ''), to_char(recorded_at, 'HH24:MI:SS\"Z\"'), seats_total, "     \
    "threshold, seats_to_come, seats_postponed, ballots_total, ballots_declared, ballots_held, seq, "                  \
    "previous_control_lost, seats"

// ---- the model, from rows -------------------------------------------------------------------------

static Str text_of(const json_t *object, const char *name) {
    return str_from(json_string_value(json_object_get(object, name)));
}

static void read_parties(Watch *watch, const char *json_text, ScreenCouncil *council) {
    json_t *seats = json_loads(json_text, 0, NULL);
    council->parties = arena_alloc(&watch->arena, json_array_size(seats), sizeof *council->parties);
    size_t index;
    json_t *entry;
    json_array_foreach(seats, index, entry) {
        const json_t *change = json_object_get(entry, "change");
        council->parties[council->parties_count++] = (ScreenParty){
            .party_id = arena_copy(&watch->arena, text_of(entry, "party_id")),
            .name = arena_copy(&watch->arena, text_of(entry, "short")),
            .colour = arena_copy(&watch->arena, text_of(entry, "colour")),
            .text_colour = arena_copy(&watch->arena, text_of(entry, "text_colour")),
            .held = (int)json_integer_value(json_object_get(entry, "held")),
            .change = json_is_integer(change) ? arena_printf(&watch->arena, "%+d", (int)json_integer_value(change))
                                              : STR_LIT(""),
        };
    }
    json_decref(seats);
}

static ScreenCouncil read_council(Watch *watch, const PGresult *rows, int row) {
    ScreenCouncil council = {0};
    Str *const texts[] = {&council.election_id, &council.name,           &council.short_name,       &council.poll_date,
                          &council.status,      &council.control,        &council.previous_control, &council.majority,
                          &council.headline,    &council.headline_short, &council.recorded_at,      NULL};
    int *const figures[] = {&council.seats_total,     &council.threshold,     &council.seats_to_come,
                            &council.seats_postponed, &council.ballots_total, &council.ballots_declared,
                            &council.ballots_held,    &council.seq,           NULL};
    int column = 0;
    for (size_t i = 0; texts[i] != NULL; i++) {
        *texts[i] = arena_copy(&watch->arena, str_from(PQgetvalue(rows, row, column++)));
    }
    for (size_t i = 0; figures[i] != NULL; i++) {
        *figures[i] = (int)strtol(PQgetvalue(rows, row, column++), NULL, 10);
    }
    council.previous_control_lost = *PQgetvalue(rows, row, column++) == 't';
    read_parties(watch, PQgetvalue(rows, row, column), &council);
    return council;
}

static PGresult *query(Watch *watch, const char *sql, const char *const *values) {
    Str error;
    return database_query(watch->cli, watch->connection, sql, values, &error);
}

static bool read_councils(Watch *watch) {
    static const char sql[] = "SELECT " COLUMNS " FROM council_control WHERE $1::text IS NULL OR election_id = $1"
                              " ORDER BY recorded_at DESC, election_id";
    const char *values[] = {watch->election, NULL};
    _cleanup_result_ PGresult *rows = query(watch, sql, values);
    if (rows == NULL) {
        return false;
    }
    watch->count = (size_t)PQntuples(rows);
    watch->councils = arena_alloc(&watch->arena, watch->count, sizeof *watch->councils);
    for (size_t i = 0; i < watch->count; i++) {
        watch->councils[i] = read_council(watch, rows, (int)i);
    }
    return true;
}

// Marks the councils whose call waits for its approval.
static bool read_approvals(Watch *watch) {
    _cleanup_result_ PGresult *rows = query(watch, HELD_CALLS, NULL);
    for (int row = 0; rows != NULL && row < PQntuples(rows); row++) {
        for (size_t i = 0; i < watch->count; i++) {
            watch->councils[i].call_waits |= str_equal_text(watch->councils[i].election_id, PQgetvalue(rows, row, 0));
        }
    }
    return rows != NULL;
}

// Short names of the parties of an array of folded ids, counted: "LAB 2, CON 1".
#define WINNERS                                                                                                        \
    "coalesce((SELECT string_agg(coalesce((SELECT p ->> 'short' FROM jsonb_array_elements(h.seats) p "                 \
    "WHERE p ->> 'party_id' = w.party), w.party) || ' ' || w.n, ', ' ORDER BY w.n DESC, w.party) "                     \
    "FROM (SELECT folded_party_id AS party, count(*) AS n FROM candidate_result c "                                    \
    "WHERE c.ballot_paper_id = h.cause ->> 'ballot_paper_id' AND c.elected GROUP BY 1) w), '')"

// What a snapshot flashed, in the order in which it is to be told.
#define FLASHES                                                                                                        \
    "coalesce((SELECT string_agg(f.text, ' / ' ORDER BY array_position(ARRAY['CALL_RETRACTED', 'LOSS_RETRACTED', "     \
    "'CONTROL_LOST', 'CALL_READY', 'CALLED', 'FINAL'], f.kind)) FROM flash f "                                         \
    "WHERE f.election_id = h.election_id AND f.seq = h.seq), '')"

static bool read_events(Watch *watch, const ScreenCouncil *council, ScreenEvent *events, size_t *count) {
    static const char sql[] =
        "SELECT to_char(recorded_at, 'HH24:MI:SS'), coalesce((SELECT b.ward_name FROM ballot_result b"
        " WHERE b.election_id = h.election_id AND b.ballot_paper_id = h.cause ->> 'ballot_paper_id'),"
        " h.cause ->> 'ballot_paper_id', 'reference data'), ballots_declared || '/' || ballots_total, " WINNERS
        ", " FLASHES " FROM council_control_history h WHERE election_id = $1 ORDER BY seq DESC LIMIT 40";
    const char *values[] = {council->election_id.ptr, NULL};
    _cleanup_result_ PGresult *rows = query(watch, sql, values);
    *count = 0;
    for (; rows != NULL && (int)*count < PQntuples(rows) && *count < EVENTS_MAX; ++*count) {
        ScreenEvent *event = &events[*count];
        Str *const texts[] = {&event->time, &event->what, &event->declared, &event->winners, &event->flash, NULL};
        for (int i = 0; texts[i] != NULL; i++) {
            *texts[i] = arena_copy(&watch->arena, str_from(PQgetvalue(rows, (int)*count, i)));
        }
    }
    return rows != NULL;
}

// ---- one round ------------------------------------------------------------------------------------

static Screen measure(const Watch *watch) {
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    int rows = known ? size.ws_row : 24;
    return (Screen){rows < watch->rows_max ? rows : watch->rows_max, known ? size.ws_col : 80,
                    screen_colours(getenv("COLORTERM"), getenv("TERM"), getenv("NO_COLOR"))};
}

static bool draw(Watch *watch) {
    Screen screen = measure(watch);
    ScreenEvent events[EVENTS_MAX];
    size_t events_count = 0;
    buf_printf(&watch->out, HOME);
    if (watch->count == 0) {
        buf_printf(&watch->out, " waiting for reference data%s%s\x1b[K\n", *watch->election == '\0' ? "" : " of ",
                   watch->election);
    } else if (watch->count > 1) {
        screen_draw_list(&screen, watch->councils, watch->count, &watch->out);
    } else if (read_events(watch, &watch->councils[0], events, &events_count)) {
        screen_draw_council(&screen, &watch->councils[0], events, events_count, &watch->out);
    } else {
        return false;
    }
    buf_printf(&watch->out, CLEAR_BELOW);
    return true;
}

// Every snapshot since the last round; in the first round the newest, or all of an election that was asked for.
static bool write_lines(Watch *watch, const ScreenCouncil *council) {
    intptr_t newest = (intptr_t)map_get(&watch->shown, council->election_id);
    if (newest >= council->seq) {
        return true;
    }
    static const char sql[] = "SELECT " COLUMNS " FROM council_control_history WHERE election_id = $1"
                              " AND seq > $2::integer AND seq <= $3::integer ORDER BY seq";
    bool newest_alone = newest == 0 && *watch->election == '\0';
    Str from = arena_printf(&watch->arena, "%d", newest_alone ? council->seq - 1 : (int)newest);
    Str to = arena_printf(&watch->arena, "%d", council->seq);
    const char *values[] = {council->election_id.ptr, from.ptr, to.ptr, NULL};
    _cleanup_result_ PGresult *rows = query(watch, sql, values);
    for (int row = 0; rows != NULL && row < PQntuples(rows); row++) {
        ScreenCouncil then = read_council(watch, rows, row);
        screen_write_line(&then, &watch->out);
    }
    if (rows != NULL) {
        Str key = newest == 0 ? arena_copy(&watch->names, council->election_id) : council->election_id;
        map_put(&watch->shown, key, (void *)(intptr_t)council->seq); // NOLINT(performance-no-int-to-ptr)
    }
    return rows != NULL;
}

static bool show(Watch *watch) {
    buf_clear(&watch->out);
    bool good = read_councils(watch);
    for (size_t i = watch->count; good && !watch->terminal && i-- > 0;) { // the oldest first
        good = write_lines(watch, &watch->councils[i]);
    }
    good = good && (!watch->terminal || (read_approvals(watch) && draw(watch)));
    if (good) {
        fwrite(watch->out.ptr, 1, watch->out.len, stdout);
        fflush(stdout);
    }
    return good;
}

static bool all_final(const Watch *watch) {
    for (size_t i = 0; i < watch->count; i++) {
        if (!str_equal_text(watch->councils[i].status, "final")) {
            return false;
        }
    }
    return watch->count > 0;
}

static bool connect_and_listen(Watch *watch, Str *error) {
    PGconn *connection = database_open(watch->cli, error);
    if (connection == NULL || !database_use_views(watch->cli, connection, watch->test, error)) {
        PQfinish(connection);
        return false;
    }
    const char *listen = watch->test ? "LISTEN council_control_test" : "LISTEN council_control";
    PQclear(PQexec(connection, listen)); // a hint only: each round asks anew
    watch->connection = connection;
    return true;
}

// Until something was told, a second has passed, or a signal came.
static void wait_for_news(Watch *watch) {
    struct pollfd socket = {.fd = watch->connection == NULL ? -1 : PQsocket(watch->connection), .events = POLLIN};
    if (stopped || poll(&socket, 1, POLL_MS) <= 0 || watch->connection == NULL) {
        return;
    }
    PQconsumeInput(watch->connection);
    for (PGnotify *news; (news = PQnotifies(watch->connection)) != NULL;) {
        PQfreemem(news);
    }
}

// ---- the command ----------------------------------------------------------------------------------

// True: all is final. False: a signal came.
static bool watch_until_stopped(Watch *watch) {
    bool final = false;
    while (!stopped && !final) {
        Str error;
        if (watch->connection == NULL) {
            connect_and_listen(watch, &error); // it was there at the start: it comes back
        }
        if (watch->connection != NULL && !show(watch)) {
            PQfinish(watch->connection);
            watch->connection = NULL;
        }
        final = watch->connection != NULL && watch->until_final && all_final(watch);
        arena_reset(&watch->arena);
        watch->count = 0;
        if (!final) {
            wait_for_news(watch);
        }
    }
    return final;
}

static int run(Watch *watch) {
    Str error = STR_NONE;
    struct sigaction action = {.sa_handler = stop};
    if (!connect_and_listen(watch, &error)) {
        return cli_fail(watch->cli, STR_FMT, STR_ARG(error));
    }
    if (!read_councils(watch)) {
        return cli_fail(watch->cli, "the views cannot be read; has declarectl migrate been run?");
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (watch->terminal) {
        fputs(HIDE_CURSOR_AND_CUT_LINES CLEAR, stdout);
    }
    bool final = watch_until_stopped(watch);
    if (watch->terminal) {
        fputs(SHOW_CURSOR_AND_WRAP_LINES, stdout);
    }
    return watch->until_final && !final ? cli_fail(watch->cli, "stopped before the end") : CLI_OK;
}

int command_watch(const Cli *cli, int argc, char **argv) {
    Watch watch = {.cli = cli, .terminal = isatty(STDOUT_FILENO), .rows_max = ROWS_MAX};
    const char *rows = NULL;
    const CliOption options[] = {
        {"until-final", NULL, "end, with exit 0, once every election shown is final", NULL, &watch.until_final},
        {"rows", "N", "draw on the upper N rows of the terminal alone", &rows, NULL},
        {"test", NULL, "of the rehearsals instead of the live night", NULL, &watch.test},
        {0},
    };
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    if (rows != NULL) {
        char *end;
        long value = strtol(rows, &end, 10);
        if (*rows == '\0' || *end != '\0' || value < 1 || value > ROWS_MAX) {
            return cli_misuse(cli, "--rows is a number from 1 to %d, not '%s'", ROWS_MAX, rows);
        }
        watch.rows_max = (int)value;
    }
    watch.election = arguments[0] == NULL ? "" : arguments[0];
    code = run(&watch);
    PQfinish(watch.connection);
    map_free(&watch.shown);
    arena_free(&watch.names);
    arena_free(&watch.arena);
    buf_free(&watch.out);
    return code;
}
