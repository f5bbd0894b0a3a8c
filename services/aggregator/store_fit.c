// Whether this program and the database's schema go together.
#include "services/aggregator/store_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// What the database is asked first: of before 0020_versions.sql it has no answer to the second question.
#define ASK_WHETHER_IT_KNOWS                                                                                           \
    "SELECT to_regnamespace('declared') IS NOT NULL, "                                                                 \
    "to_regnamespace('declared') IS NOT NULL AND to_regprocedure('declared.schema_version()') IS NOT NULL"
#define ASK_VERSIONS "SELECT version, works_with FROM declared.schema_version()"

static bool is_true(const PGresult *result, int column) {
    return *PQgetvalue(result, 0, column) == 't';
}

__attribute__((format(printf, 2, 3))) static StoreStatus refuse(Store *store, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(store->connection.error, sizeof store->connection.error, format, args);
    va_end(args);
    connection_close(&store->connection);
    return STORE_UNFIT;
}

static StoreStatus judge(Store *store, int version, int works_with) {
    if (version < STORE_SCHEMA_NEEDED) {
        return refuse(store, "its schema is at version %d, and this program needs %d: run declarectl migrate", version,
                      STORE_SCHEMA_NEEDED);
    }
    if (works_with > STORE_SCHEMA_NEEDED) {
        return refuse(store,
                      "its schema works with programs made for version %d, and this one is for %d: install a newer one",
                      works_with, STORE_SCHEMA_NEEDED);
    }
    return STORE_OK;
}

StoreStatus store_check_fit(Store *store) {
    PGresult *knows = connection_exec(&store->connection, ASK_WHETHER_IT_KNOWS);
    StoreStatus status = store_settle(store, knows);
    if (status == STORE_OK && !is_true(knows, 0)) {
        status = refuse(store, "it has no schema yet: run declarectl migrate");
    } else if (status == STORE_OK && !is_true(knows, 1)) {
        status = refuse(store, "its schema is older than this program, which needs version %d: run declarectl migrate",
                        STORE_SCHEMA_NEEDED);
    }
    PQclear(knows);
    if (status != STORE_OK) {
        return status;
    }
    PGresult *versions = connection_exec(&store->connection, ASK_VERSIONS);
    status = store_settle(store, versions);
    if (status == STORE_OK) {
        status = judge(store, atoi(PQgetvalue(versions, 0, 0)), atoi(PQgetvalue(versions, 0, 1)));
    }
    PQclear(versions);
    return status;
}
