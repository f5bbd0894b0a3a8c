// The command audit seal; what a seal is stands in audit_seal.h.
#include "common/base/civil.h"
#include "services/cli/audit_seal.h"
#include "services/cli/commands.h"
#include "services/cli/database.h"

#include <errno.h>

static bool write_file(const char *name, Str text) {
    FILE *file = name == NULL ? stdout : fopen(name, "wxe"); // an earlier seal is never overwritten
    if (file == NULL) {
        return false;
    }
    bool good = fwrite(text.ptr, 1, text.len, file) == text.len && fflush(file) == 0;
    return (file == stdout || fclose(file) == 0) && good;
}

static int seal(const Cli *cli, const char *key_file, const char *out_file) {
    Str error = STR_NONE;
    _cleanup_connection_ PGconn *connection = database_open(cli, &error);
    _cleanup_buf_ Buf now = {0};
    civil_add_timestamp(&now, cli_now_ms() * 1000);
    _cleanup_seal_ Seal made = {0};
    if (connection == NULL || !seal_collect(cli, connection, buf_str(&now), &made, &error) ||
        !seal_sign(&made, key_file, cli->arena, &error)) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    _cleanup_buf_ Buf json = {0};
    seal_add_json(&made, &json);
    if (!write_file(out_file, buf_str(&json))) {
        return cli_fail(cli, "%s: %s", out_file == NULL ? "standard output" : out_file, strerror(errno));
    }
    return CLI_OK;
}

int command_audit_seal(const Cli *cli, int argc, char **argv) {
    const char *key_file = NULL, *out_file = NULL;
    const CliOption options[] = {
        {"key", "FILE", "the private key, Ed25519 in PEM", &key_file, NULL},
        {"out", "FILE", "where the seal goes, a new file; standard output", &out_file, NULL},
        {0},
    };
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    return key_file != NULL ? seal(cli, key_file, out_file) : cli_misuse(cli, "wants --key FILE");
}
