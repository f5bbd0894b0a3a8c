#include "services/gateway/session.h"

#include "common/base/log.h"

#include <time.h>

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void session_init(Session *session, Database *database) {
    *session = (Session){.database = database, .connection = {.stop = database->stop}};
}

void session_close(Session *session) {
    connection_close(&session->connection);
}

static const char settings[] =
    "SET default_transaction_read_only = on; SET statement_timeout = 5000; SET timezone = 'UTC';"
    " SET datestyle = 'ISO'; SET jit = off; SET search_path = pg_catalog";

bool session_ready(Session *session) {
    Connection *c = &session->connection;
    if (c->pg != NULL) {
        return true;
    }
    if (atomic_load(session->database->stop) || now_ms() < atomic_load(&session->database->away_until_ms)) {
        return false;
    }
    if (connection_open(c, session->database->uri, session->database->role)) {
        PGresult *result = connection_exec(c, settings);
        bool good = result != NULL && !connection_failed(c, result);
        PQclear(result);
        if (good) {
            session->opened++;
            return true;
        }
        connection_close(c);
    }
    atomic_store(&session->database->away_until_ms, now_ms() + SESSION_PAUSE_MS);
    log_debug("PostgreSQL is away: %s", c->error);
    return false;
}

// SQLSTATE's first two characters say whose fault it is.
static QueryStatus judge_failure(const char *sqlstate) {
    static const struct {
        const char *begin;
        QueryStatus status;
    } table[] = {{"22", QUERY_REFUSED}, {"57", QUERY_AWAY}, {"53", QUERY_AWAY}, {"08", QUERY_AWAY},
                 {"40", QUERY_AWAY},    {"55", QUERY_AWAY}, {"58", QUERY_AWAY}};
    for (size_t i = 0; sqlstate != NULL && i < sizeof table / sizeof *table; i++) {
        if (strncmp(sqlstate, table[i].begin, 2) == 0) {
            return table[i].status;
        }
    }
    return QUERY_BROKEN;
}

QueryStatus session_query(Session *session, const char *sql, const char *const *values, size_t count,
                          PGresult **result) {
    Connection *c = &session->connection;
    *result = NULL;
    for (int attempt = 0; attempt < 2 && *result == NULL; attempt++) {
        if (!session_ready(session)) {
            return QUERY_AWAY;
        }
        *result = connection_query_text(c, sql, values, count);
    }
    if (*result == NULL) {
        return QUERY_AWAY;
    }
    if (!connection_failed(c, *result)) {
        return QUERY_OK;
    }
    QueryStatus status = judge_failure(PQresultErrorField(*result, PG_DIAG_SQLSTATE));
    if (status == QUERY_BROKEN) {
        log_error("a query failed; has declarectl migrate been run, and the role been granted declared_reader? %s",
                  c->error);
    }
    PQclear(*result);
    *result = NULL;
    return status;
}
