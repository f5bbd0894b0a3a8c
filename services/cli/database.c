#include "services/cli/database.h"

#include "common/postgres/connection.h"

#include <stdlib.h>

enum { PARAMETERS_MAX = 8 };

static Str one_line(Arena *arena, const char *text) {
    Str line = arena_copy(arena, str_from(text));
    while (line.len > 0 && line.ptr[line.len - 1] == '\n') {
        line.len--;
    }
    char *bytes = (char *)line.ptr;
    bytes[line.len] = '\0';
    for (size_t i = 0; i < line.len; i++) {
        bytes[i] = (char)(bytes[i] == '\n' || bytes[i] == '\t' ? ' ' : bytes[i]);
    }
    return line;
}

static bool is_unmigrated(const char *sqlstate) {
    static const char *const states[] = {"42P01", "3F000", "42883"}; // no such table, schema, function
    for (size_t i = 0; sqlstate != NULL && i < sizeof states / sizeof *states; i++) {
        if (strcmp(sqlstate, states[i]) == 0) {
            return true;
        }
    }
    return false;
}

Str database_problem(const Cli *cli, const PGconn *connection, const PGresult *result) {
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (message == NULL) {
        return one_line(cli->arena, PQerrorMessage(connection));
    }
    if (is_unmigrated(PQresultErrorField(result, PG_DIAG_SQLSTATE))) {
        return arena_printf(cli->arena, "%s; has declarectl migrate been run?", message);
    }
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    return detail == NULL ? one_line(cli->arena, message)
                          : one_line(cli->arena, arena_printf(cli->arena, "%s (%s)", message, detail).ptr);
}

static bool set_session(const Cli *cli, PGconn *connection, Str *error) {
    const char *role = config_get(cli->config, "postgres.role");
    const char *values[] = {role, NULL};
    const char *sql = *role == '\0' ? "SET TIME ZONE 'UTC'"
                                    : "SELECT set_config('TimeZone', 'UTC', false), set_config('role', $1, false)";
    PGresult *result = database_query(cli, connection, sql, *role == '\0' ? NULL : values, error);
    PQclear(result);
    return result != NULL;
}

PGconn *database_open(const Cli *cli, Str *error) {
    const char *uri = config_get(cli->config, "postgres.uri");
    if (!connection_is_string(uri)) {
        *error = STR_LIT("postgres.uri is not a connection string of libpq");
        return NULL;
    }
    // What the URI says goes over what stands before it.
    static const char *const names[] = {"connect_timeout", "application_name", "dbname", NULL};
    const char *const values[] = {"10", "declarectl", uri, NULL};
    PGconn *connection = PQconnectdbParams(names, values, 1);
    if (PQstatus(connection) != CONNECTION_OK) {
        *error = one_line(cli->arena, PQerrorMessage(connection));
    } else if (set_session(cli, connection, error)) {
        return connection;
    }
    PQfinish(connection);
    return NULL;
}

PGresult *database_query(const Cli *cli, PGconn *connection, const char *sql, const char *const *values, Str *error) {
    const char *parameters[PARAMETERS_MAX] = {NULL};
    int count = 0;
    for (; values != NULL && values[count] != NULL && count < PARAMETERS_MAX; count++) {
        parameters[count] = *values[count] == '\0' ? NULL : values[count];
    }
    PGresult *result = PQexecParams(connection, sql, count, NULL, parameters, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK) {
        return result;
    }
    *error = database_problem(cli, connection, result);
    PQclear(result);
    return NULL;
}

bool database_use_views(const Cli *cli, PGconn *connection, bool test, Str *error) {
    PGresult *result =
        database_query(cli, connection, test ? "SET search_path = api_test" : "SET search_path = api", NULL, error);
    PQclear(result);
    return result != NULL;
}
