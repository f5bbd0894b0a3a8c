#include "common/postgres/connection.h"

#include "common/postgres/hosts.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

enum { POLL_MS = 100 };

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// libpq's messages end in a newline and may have several lines: the first says what matters.
static void note_error(Connection *c, const char *message) {
    size_t len = strcspn(message, "\n");
    snprintf(c->error, sizeof c->error, "%.*s", (int)len, message);
    if (len == 0) {
        snprintf(c->error, sizeof c->error, "the connection was lost");
    }
}

void connection_close(Connection *c) {
    PQfinish(c->pg);
    c->pg = NULL;
    memset(c->prepared, 0, sizeof c->prepared);
}

void connection_lose(Connection *c) {
    note_error(c, PQerrorMessage(c->pg));
    connection_close(c);
}

static bool gave_up(Connection *c) {
    if (!atomic_load(c->stop)) {
        return false;
    }
    int64_t now = now_ms();
    if (c->stopped_at_ms == 0) {
        c->stopped_at_ms = now;
    }
    return now - c->stopped_at_ms > CONNECTION_STOP_GRACE_MS;
}

// Waits until the socket is ready for `events`. False: given up.
static bool wait_for(Connection *c, short events) {
    struct pollfd fd = {.fd = PQsocket(c->pg), .events = events};
    int64_t deadline = now_ms() + CONNECTION_ANSWER_TIMEOUT_MS;
    while (poll(&fd, 1, POLL_MS) == 0) {
        bool stopped = gave_up(c);
        if (stopped || now_ms() > deadline) {
            note_error(c, stopped ? "PostgreSQL did not answer before the stop" : "PostgreSQL does not answer");
            connection_close(c);
            return false;
        }
    }
    return true;
}

// Adds to the error: of attempts to connect, all of them matter. A line for each address that was tried.
static void add_error(Connection *c, const char *message) {
    size_t len = strlen(c->error);
    for (bool between = len > 0; *message != '\0' && len + 3 < sizeof c->error; message++) {
        if (*message == '\n' || (between && *message == '\t')) {
            between = true;
            continue;
        }
        if (between) {
            c->error[len++] = ';';
            c->error[len++] = ' ';
            between = false;
        }
        c->error[len++] = *message;
    }
    c->error[len] = '\0';
}

// True: open. Else the attempt is over, and `error` says why too. What the attempt says goes over the URI, and the URI
// over what stands before it.
static bool try_host(Connection *c, const char *uri, const HostAttempt *attempt, int timeout_ms) {
    const char *const names[] = {CONNECTION_LIVENESS_NAMES, "dbname", "host", "hostaddr", "port",
                                 "target_session_attrs", "fallback_application_name", NULL};
    const char *const values[] = {CONNECTION_LIVENESS_VALUES, uri, attempt->host, attempt->address, attempt->port,
                                  attempt->session_attributes, program_invocation_short_name, NULL};
    c->pg = PQconnectStartParams(names, values, 1);
    int64_t deadline = now_ms() + timeout_ms;
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (c->pg != NULL && PQstatus(c->pg) != CONNECTION_BAD && status != PGRES_POLLING_OK) {
        struct pollfd fd = {.fd = PQsocket(c->pg), .events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int ready = poll(&fd, 1, POLL_MS);
        if (now_ms() > deadline || gave_up(c)) {
            char text[2 * HOST_BYTES];
            snprintf(text, sizeof text, "no answer to the connection attempt from %s port %s", PQhost(c->pg),
                     PQport(c->pg));
            add_error(c, text);
            connection_close(c);
            return false;
        }
        if (ready > 0) {
            status = PQconnectPoll(c->pg);
        }
        if (status == PGRES_POLLING_FAILED) {
            break;
        }
    }
    if (c->pg != NULL && PQstatus(c->pg) == CONNECTION_OK) {
        return true;
    }
    const char *message = c->pg == NULL ? "out of memory" : PQerrorMessage(c->pg);
    add_error(c, message[0] != '\0' ? message : "the connection was lost");
    connection_close(c);
    return false;
}

static bool open_socket(Connection *c, const char *uri) {
    Hosts hosts;
    hosts_read(&hosts, uri);
    int timeout_ms = hosts.timeout_ms > 0 ? hosts.timeout_ms : CONNECTION_OPEN_TIMEOUT_MS;
    bool open = false;
    for (size_t i = 0; i < hosts_attempts(&hosts) && !open && !gave_up(c); i++) {
        HostAttempt attempt = hosts_attempt(&hosts, i);
        open = try_host(c, uri, &attempt, timeout_ms);
    }
    hosts_free(&hosts);
    return open;
}

static void drop_notice(void *context, const PGresult *result) {
    (void)context;
    (void)result;
}

// The server gives up before we do, and finds out soon that our machine is gone: what a transaction of
// ours has locked is free again for the next owner.
#define SESSION_SETTINGS                                                                                               \
    "SET client_min_messages = error; SET lock_timeout = 2000; SET statement_timeout = 10000; "                        \
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"

static bool set_up(Connection *c, const char *role) {
    PQsetnonblocking(c->pg, 1);
    PQsetNoticeReceiver(c->pg, drop_notice, NULL);
    char sql[512] = SESSION_SETTINGS;
    if (role[0] != '\0') {
        char *quoted = PQescapeIdentifier(c->pg, role, strlen(role));
        if (quoted == NULL) {
            connection_lose(c);
            return false;
        }
        snprintf(sql, sizeof sql, "SET ROLE %s; " SESSION_SETTINGS, quoted);
        PQfreemem(quoted);
    }
    PGresult *result = connection_exec(c, sql);
    bool ok = result != NULL && !connection_failed(c, result);
    PQclear(result);
    if (!ok) {
        connection_close(c);
    }
    return ok;
}

bool connection_is_string(const char *uri) {
    char *problem = NULL;
    PQconninfoOption *parts = PQconninfoParse(uri, &problem);
    PQconninfoFree(parts);
    PQfreemem(problem);
    return parts != NULL;
}

bool connection_open(Connection *c, const char *uri, const char *role) {
    connection_close(c);
    c->error[0] = '\0';
    if (!connection_is_string(uri)) {
        note_error(c, "postgres.uri is not a connection string of libpq");
        return false;
    }
    return open_socket(c, uri) && set_up(c, role);
}

// Everything that was sent is on its way. While the server does not read, it may be because it
// waits for us to read.
static bool flush(Connection *c) {
    int left;
    while ((left = PQflush(c->pg)) > 0) {
        if (!wait_for(c, POLLIN | POLLOUT)) {
            return false;
        }
        if (PQconsumeInput(c->pg) == 0) {
            left = -1;
            break;
        }
    }
    if (left < 0) {
        connection_lose(c);
    }
    return left == 0;
}

PGresult *connection_result(Connection *c) {
    if (c->pg == NULL || !flush(c)) {
        return NULL;
    }
    while (PQisBusy(c->pg)) {
        if (!wait_for(c, POLLIN)) {
            return NULL;
        }
        if (PQconsumeInput(c->pg) == 0) {
            connection_lose(c);
            return NULL;
        }
    }
    PGresult *result = PQgetResult(c->pg);
    if (PQstatus(c->pg) == CONNECTION_BAD) {
        PQclear(result);
        connection_lose(c);
        return NULL;
    }
    return result;
}

// The last result of a command, or its first error; NULL: lost.
static PGresult *last_result(Connection *c) {
    PGresult *last = NULL, *result;
    while ((result = connection_result(c)) != NULL) {
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(result);
            continue;
        }
        PQclear(last);
        last = result;
    }
    if (last == NULL && c->pg != NULL) {
        connection_lose(c); // what was sent has no answer: nothing more can be sent
    }
    if (c->pg == NULL) {
        PQclear(last);
        return NULL;
    }
    return last;
}

enum { PARAMETERS_MAX = 8 };

typedef struct Arguments {
    Oid types[PARAMETERS_MAX];
    const char *values[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
} Arguments;

static Arguments list_arguments(const Parameter *parameters, size_t count) {
    Arguments a;
    for (size_t i = 0; i < count && i < PARAMETERS_MAX; i++) {
        a.types[i] = parameters[i].type;
        a.values[i] = parameters[i].value.ptr;
        a.lengths[i] = (int)parameters[i].value.len;
        a.formats[i] = 1;
    }
    return a;
}

PGresult *connection_query(Connection *c, const char *sql, const Parameter *parameters, size_t count) {
    Arguments a = list_arguments(parameters, count);
    if (c->pg == NULL) {
        return NULL;
    }
    if (PQsendQueryParams(c->pg, sql, (int)count, a.types, a.values, a.lengths, a.formats, 1) == 0) {
        connection_lose(c);
        return NULL;
    }
    return last_result(c);
}

// Where the query is, or may be, among the prepared ones.
static size_t find_prepared(const Connection *c, const char *sql) {
    size_t at = 0;
    while (at < CONNECTION_PREPARED_MAX && c->prepared[at] != NULL && c->prepared[at] != sql) {
        at++;
    }
    return at;
}

PGresult *connection_query_often(Connection *c, const char *sql, const Parameter *parameters, size_t count) {
    size_t at = find_prepared(c, sql);
    if (c->pg == NULL || at == CONNECTION_PREPARED_MAX) {
        return connection_query(c, sql, parameters, count);
    }
    Arguments a = list_arguments(parameters, count);
    char name[16];
    snprintf(name, sizeof name, "q%zu", at);
    if (c->prepared[at] == NULL) {
        if (PQsendPrepare(c->pg, name, sql, (int)count, a.types) == 0) {
            connection_lose(c);
            return NULL;
        }
        PGresult *result = last_result(c);
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            return result;
        }
        PQclear(result);
        c->prepared[at] = sql;
    }
    if (PQsendQueryPrepared(c->pg, name, (int)count, a.values, a.lengths, a.formats, 1) == 0) {
        connection_lose(c);
        return NULL;
    }
    return last_result(c);
}

PGresult *connection_query_text(Connection *c, const char *sql, const char *const *values, size_t count) {
    if (c->pg == NULL) {
        return NULL;
    }
    if (PQsendQueryParams(c->pg, sql, (int)count, NULL, values, NULL, NULL, 0) == 0) {
        connection_lose(c);
        return NULL;
    }
    return last_result(c);
}

PGresult *connection_exec(Connection *c, const char *sql) {
    if (c->pg == NULL) {
        return NULL;
    }
    if (PQsendQuery(c->pg, sql) == 0) {
        connection_lose(c);
        return NULL;
    }
    return last_result(c);
}

bool connection_copy(Connection *c, Str bytes) {
    int sent;
    while ((sent = PQputCopyData(c->pg, bytes.ptr, (int)bytes.len)) == 0) {
        if (!flush(c)) {
            return false;
        }
    }
    if (sent < 0) {
        connection_lose(c);
    }
    return sent > 0 && flush(c);
}

bool connection_copy_end(Connection *c) {
    int sent;
    while ((sent = PQputCopyEnd(c->pg, NULL)) == 0) {
        if (!flush(c)) {
            return false;
        }
    }
    if (sent < 0) {
        connection_lose(c);
    }
    return sent > 0;
}

bool connection_failed(Connection *c, const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN ||
        status == PGRES_SINGLE_TUPLE || status == PGRES_EMPTY_QUERY) {
        return false;
    }
    note_error(c, PQresultErrorMessage(result));
    return true;
}
