// PostgreSQL for commands: one connection, errors as one line. The settings are [postgres] uri, role.
#pragma once

#include "services/cli/cli.h"

#include <libpq-fe.h>

// In UTC, as [postgres] role if there is one. NULL: not connected, and why in `error` (arena).
PGconn *database_open(const Cli *cli, Str *error);

// Names the views without their schema from now on: api, or the rehearsals' api_test.
bool database_use_views(const Cli *cli, PGconn *connection, bool test, Str *error);

static inline void database_close(PGconn **connection) {
    PQfinish(*connection);
}
#define _cleanup_connection_ __attribute__((cleanup(database_close)))

static inline void database_clear(PGresult **result) {
    PQclear(*result);
}
#define _cleanup_result_ __attribute__((cleanup(database_clear)))

// Runs one statement; `values` are its parameters as text, NULL-terminated, or NULL for none; an
// empty one counts as SQL's null. The caller clears the result. NULL: failed, and why in `error`.
PGresult *database_query(const Cli *cli, PGconn *connection, const char *sql, const char *const *values, Str *error);

// A failed result, or the connection's failure, as one line.
Str database_problem(const Cli *cli, const PGconn *connection, const PGresult *result);
