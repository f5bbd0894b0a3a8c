#include "common/base/embedded.h"
#include "common/base/sha256.h"
#include "services/cli/commands.h"
#include "services/cli/database.h"

#include <inttypes.h>
#include <stdlib.h>

extern const EmbeddedFile cli_files[]; // schemas/sql/, in order

// Kept apart from other advisory locks of the same database; any constant will do.
#define MIGRATION_LOCK "7310579641"

typedef struct Migration {
    const EmbeddedFile *file;
    int version; // the number that the file's name begins with
    char sha256[2 * SHA256_BYTES + 1];
} Migration;

static Migration describe(const EmbeddedFile *file) {
    Migration migration = {.file = file, .version = (int)strtol(file->name, NULL, 10)};
    uint8_t digest[SHA256_BYTES];
    sha256(file->bytes, file->len, digest);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        snprintf(migration.sha256 + 2 * i, 3, "%02x", digest[i]);
    }
    return migration;
}

static bool run(const Cli *cli, PGconn *connection, const char *sql, Str *error) {
    _cleanup_result_ PGresult *result = database_query(cli, connection, sql, NULL, error);
    return result != NULL;
}

// The table of what is applied; NULL, as a failure too: `error` says so.
static PGresult *read_applied(const Cli *cli, PGconn *connection, Str *error) {
    _cleanup_result_ PGresult *there =
        database_query(cli, connection, "SELECT to_regclass('declared.schema_migration') IS NOT NULL", NULL, error);
    if (there == NULL) {
        return NULL;
    }
    bool is_new = *PQgetvalue(there, 0, 0) == 'f';
    return database_query(cli, connection,
                          is_new ? "SELECT 0, '', '' WHERE false"
                                 : "SELECT version, name, sha256 FROM declared.schema_migration ORDER BY version",
                          NULL, error);
}

// What the database has must be what this program brings, in the same order.
static bool check_applied(const Cli *cli, const PGresult *applied, Str *error) {
    int rows = PQntuples(applied);
    for (int row = 0; row < rows; row++) {
        const char *name = PQgetvalue(applied, row, 1);
        if (cli_files[row].name == NULL) {
            *error = arena_printf(cli->arena, "the database is newer than this program: it has %s", name);
            return false;
        }
        Migration migration = describe(&cli_files[row]);
        if (strcmp(migration.file->name, name) != 0 || strcmp(migration.sha256, PQgetvalue(applied, row, 2)) != 0) {
            *error = arena_printf(cli->arena, "the database's %s is not what this program has as %s", name,
                                  migration.file->name);
            return false;
        }
    }
    return true;
}

static int line_of_position(Str text, const char *position) {
    int line = 1;
    size_t end = position == NULL ? 0 : strtoul(position, NULL, 10);
    for (size_t i = 0; i + 1 < end && i < text.len; i++) {
        line += text.ptr[i] == '\n';
    }
    return line;
}

static bool run_file(const Cli *cli, PGconn *connection, const Migration *migration, Str *error) {
    Str text = embedded_str(migration->file);
    _cleanup_result_ PGresult *result = PQexec(connection, arena_copy(cli->arena, text).ptr);
    if (PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK) {
        return true;
    }
    int line = line_of_position(text, PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
    Str problem = database_problem(cli, connection, result);
    *error = arena_printf(cli->arena, "%s:%d: " STR_FMT, migration->file->name, line, STR_ARG(problem));
    return false;
}

static bool record(const Cli *cli, PGconn *connection, const Migration *migration, Str *error) {
    Str version = arena_printf(cli->arena, "%d", migration->version);
    const char *values[] = {version.ptr, migration->file->name, migration->sha256, NULL};
    if (!run(cli, connection,
             "CREATE TABLE IF NOT EXISTS declared.schema_migration (version integer PRIMARY KEY, name text NOT NULL,"
             " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
             error)) {
        return false;
    }
    _cleanup_result_ PGresult *result = database_query(
        cli, connection, "INSERT INTO declared.schema_migration (version, name, sha256) VALUES ($1, $2, $3)", values,
        error);
    return result != NULL;
}

static bool apply(const Cli *cli, PGconn *connection, const Migration *migration, Str *error) {
    bool good = run(cli, connection, "BEGIN", error) && run_file(cli, connection, migration, error) &&
                record(cli, connection, migration, error) && run(cli, connection, "COMMIT", error);
    if (good) {
        printf("applied %s\n", migration->file->name);
    }
    return good; // else the connection ends, and the transaction with it
}

static bool migrate(const Cli *cli, PGconn *connection, Str *error) {
    // NOTICE lines such as "relation exists, skipping" are for nobody.
    if (!run(cli, connection, "SET client_min_messages = warning", error) ||
        !run(cli, connection, "SELECT pg_advisory_lock(" MIGRATION_LOCK ")", error) ||
        // What waits for a lock holds up all who come after it, the daemons too: better to try again.
        !run(cli, connection, "SET lock_timeout = 2000", error)) {
        return false;
    }
    _cleanup_result_ PGresult *applied = read_applied(cli, connection, error);
    if (applied == NULL || !check_applied(cli, applied, error)) {
        return false;
    }
    const EmbeddedFile *file = &cli_files[PQntuples(applied)];
    if (file->name == NULL) {
        printf("nothing to do: the database is at version %d\n", describe(file - 1).version);
    }
    for (; file->name != NULL; file++) {
        Migration migration = describe(file);
        if (!apply(cli, connection, &migration, error)) {
            return false;
        }
    }
    return true;
}

int command_migrate(const Cli *cli, int argc, char **argv) {
    static const CliOption options[] = {{0}};
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    Str error = STR_NONE;
    _cleanup_connection_ PGconn *connection = database_open(cli, &error);
    if (connection == NULL || !migrate(cli, connection, &error)) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    return CLI_OK;
}
