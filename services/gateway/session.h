// The gateway's sessions with PostgreSQL: read-only, with a limit on how long a query may take, and opened
// anew when they are lost.
#pragma once

#include "common/base/arena.h"
#include "common/postgres/connection.h"

enum { SESSION_PAUSE_MS = 300 };

// What every session of the process shares.
typedef struct Database {
    const char *uri, *role; // as in the settings
    const atomic_bool *stop;
    atomic_llong away_until_ms; // nobody tries before: a connection was refused a moment ago
} Database;

typedef struct Session {
    Database *database;
    Connection connection;
    unsigned opened; // how often it was
} Session;

void session_init(Session *session, Database *database);
void session_close(Session *session);

// Connected, if need be by now. False: the database is away.
bool session_ready(Session *session);

typedef enum QueryStatus {
    QUERY_OK,
    QUERY_AWAY,    // no database, or it does not answer in time: later perhaps
    QUERY_REFUSED, // a value that PostgreSQL does not take
    QUERY_BROKEN,  // the query cannot work: no such view, no right to it; logged
} QueryStatus;

// Text in, text out; runs once more when the connection turns out to be lost. The caller clears *result,
// which is NULL but for QUERY_OK.
QueryStatus session_query(Session *session, const char *sql, const char *const *values, size_t count,
                          PGresult **result);
