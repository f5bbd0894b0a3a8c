// `declarectl import`: results from elsewhere as lines for `declarectl publish`. All files are read
// before a line is written, so that a file that cannot be read leaves nothing half done.

#include "services/cli/import.h"
#include "services/cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct ImportOptions {
    const char *reference_path;
    bool publish;
    char **files; // NULL-terminated
} ImportOptions;

static bool read_stream(FILE *stream, Buf *out) {
    enum { CHUNK_BYTES = 1 << 16 };
    size_t got;
    do {
        got = fread(buf_reserve(out, CHUNK_BYTES), 1, CHUNK_BYTES, stream);
        out->len += got;
    } while (got > 0);
    return ferror(stream) == 0;
}

// The file's bytes, in the arena.
static bool read_file(const char *path, Arena *arena, Str *text, Str *error) {
    bool standard_input = strcmp(path, "-") == 0;
    FILE *stream = standard_input ? stdin : fopen(path, "rb");
    _cleanup_buf_ Buf bytes = {0};
    bool good = stream != NULL && read_stream(stream, &bytes);
    if (!good) {
        *error = arena_printf(arena, "%s", strerror(errno));
    }
    if (stream != NULL && !standard_input) {
        fclose(stream);
    }
    *text = arena_copy(arena, buf_str(&bytes));
    return good;
}

// JSON begins with a bracket, behind a byte order mark and space; nothing else does.
static bool looks_like_json(Str text) {
    size_t at = str_starts_with(text, STR_LIT("\xEF\xBB\xBF")) ? 3 : 0;
    while (at < text.len && strchr(" \t\r\n", text.ptr[at]) != NULL && text.ptr[at] != '\0') {
        at++;
    }
    return at < text.len && (text.ptr[at] == '[' || text.ptr[at] == '{');
}

static bool import_file(Import *import, const char *path, Str *error) {
    Str text;
    if (!read_file(path, &import->memory, &text, error)) {
        return false;
    }
    Str file = arena_copy(&import->memory, str_from(path));
    return looks_like_json(text) ? import_democracy_club_json(import, file, text, error)
                                 : import_democracy_club_csv(import, file, text, error);
}

static void tell_counts(Import *import) {
    const ImportCounts *n = &import->counts;
    fwrite(buf_str(&import->told).ptr, 1, import->told.len, stderr); // ids as they came, NUL included
    fprintf(stderr, "%zu ballots imported, %zu left out", n->imported, n->left_out);
    const struct {
        size_t count;
        const char *what;
    } parts[] = {
        {n->postponed, "postponed"},
        {n->uncontested, "uncontested"},
        {n->by_lot, "decided by lot"},
        {n->votes_unknown, "with unknown votes"},
        {n->turnout_percentages, "with a percentage for a turnout"},
        {n->turnout_votes, "with votes for a turnout"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].count > 0) {
            fprintf(stderr, ", %zu %s", parts[i].count, parts[i].what);
        }
    }
    fputc('\n', stderr);
}

static bool write_whole(FILE *stream, const Buf *bytes) {
    return fwrite(buf_str(bytes).ptr, 1, bytes->len, stream) == bytes->len && fflush(stream) == 0;
}

static int write_reference(const Cli *cli, Import *import, const char *path) {
    _cleanup_buf_ Buf bytes = {0};
    import_write_reference(import, &bytes);
    FILE *stream = fopen(path, "wb");
    bool good = stream != NULL && write_whole(stream, &bytes);
    good = stream != NULL && fclose(stream) == 0 && good;
    return good ? CLI_OK : cli_fail(cli, "%s cannot be written: %s", path, strerror(errno));
}

static void collect_declarations(Import *import, Buf *lines) {
    for (size_t i = 0; i < import->ballots.count; i++) {
        if (import->ballots.items[i]->outcome != IMPORT_LEFT_OUT) {
            import_write_declaration(import, import->ballots.items[i], lines);
        }
    }
}

static int publish(const Cli *cli, const Buf *lines) {
    FILE *file = tmpfile();
    if (file == NULL || !write_whole(file, lines)) {
        int code = cli_fail(cli, "a temporary file cannot be written: %s", strerror(errno));
        if (file != NULL) {
            fclose(file);
        }
        return code;
    }
    rewind(file);
    int code = publish_file(cli, file, "the import");
    fclose(file);
    return code;
}

static int run(const Cli *cli, Import *import, const ImportOptions *options) {
    for (char **file = options->files; *file != NULL; file++) {
        Str error = STR_NONE;
        if (!import_file(import, *file, &error)) {
            return cli_fail(cli, "%s cannot be read: " STR_FMT, *file, STR_ARG(error));
        }
    }
    for (size_t i = 0; i < import->ballots.count; i++) {
        import_judge(import, import->ballots.items[i]);
    }
    tell_counts(import);
    if (options->reference_path != NULL) {
        int code = write_reference(cli, import, options->reference_path);
        if (code != CLI_OK) {
            return code;
        }
    }
    _cleanup_buf_ Buf lines = {0};
    collect_declarations(import, &lines);
    if (options->publish) {
        return publish(cli, &lines);
    }
    return write_whole(stdout, &lines) ? CLI_OK
                                       : cli_fail(cli, "standard output cannot be written: %s", strerror(errno));
}

int command_import(const Cli *cli, int argc, char **argv) {
    ImportOptions options = {0};
    const CliOption table[] = {
        {"reference", "OUT", "also write a skeleton of reference data; fill in its nulls", &options.reference_path,
         NULL},
        {"publish", NULL, "send the declarations instead of writing them", NULL, &options.publish},
        {0},
    };
    char **arguments;
    int code;
    if (!cli_parse(cli, table, argc, argv, &arguments, &code)) {
        return code;
    }
    if (strcmp(arguments[0], "democracy-club") != 0) {
        return cli_misuse(cli, "knows the format democracy-club, not %s", arguments[0]);
    }
    options.files = arguments + 1;
    Import import = {0};
    code = run(cli, &import, &options);
    import_free(&import);
    return code;
}
