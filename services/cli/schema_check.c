// `declarectl schema check`: may a new version of a schema be published?
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "services/cli/commands.h"
#include "services/validator/compat.h"
#include "services/validator/own_schemas.h"
#include "services/validator/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// A schema and the text that its names are borrowed from.
typedef struct File {
    char *text;
    Schema schema;
} File;

static void file_clear(File *file) {
    schema_clear(&file->schema);
    mem_free(file->text);
}

static bool read_text(const Cli *cli, const char *path, File *file, Str *text) {
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return cli_fail(cli, "%s: %s", path, strerror(errno)), false;
    }
    file->text = mem_alloc(LIMIT_SCHEMA_BYTES + 1, 1); // one more: the parser says what is too long
    *text = (Str){file->text, fread(file->text, 1, LIMIT_SCHEMA_BYTES + 1, stream)};
    bool good = !ferror(stream);
    fclose(stream);
    return good || (cli_fail(cli, "%s: cannot be read", path), false);
}

static bool read_schema(const Cli *cli, const char *path, File *file) {
    Str text, reason;
    if (!read_text(cli, path, file, &text)) {
        return false;
    }
    return schema_parse(&file->schema, text, cli->arena, &reason) ||
           (cli_fail(cli, "%s: " STR_FMT, path, STR_ARG(reason)), false);
}

static bool is_named_so(const SchemaNode *own, Str name) {
    for (size_t i = 0; i < own->aliases.count; i++) {
        if (str_equal(own->aliases.ptr[i], name)) {
            return true;
        }
    }
    return str_equal(schema_short_name(own->name), schema_short_name(name));
}

static const OwnSchema *find_own(Str name) {
    size_t count;
    const OwnSchema *own = own_schemas(&count);
    for (size_t i = 0; i < count && !str_is_none(name); i++) {
        if (is_named_so(own[i].schema.root, name)) {
            return &own[i];
        }
    }
    return NULL;
}

// All of the data; and if the daemon is the reader, what it would do is its own plan's word as well.
static bool present_reads_new(const Cli *cli, const SchemaNode *new_root, const SchemaNode *present,
                              const OwnSchema *own, Str *reason) {
    if (!compat_can_read(new_root, present, cli->arena, reason)) {
        return false;
    }
    if (own == NULL || own->type == RECORD_NONE) {
        return true;
    }
    Plan plan;
    PlanReader reader = {.root = present, .type = own->type, .offset = own->offset};
    bool compiled = plan_compile(&plan, new_root, (PlanReaders){&reader, 1}, cli->arena, reason);
    plan_clear(&plan);
    return compiled;
}

static bool new_reads_present(const Cli *cli, const SchemaNode *new_root, const SchemaNode *present, Str *reason) {
    return compat_check_defaults(new_root, cli->arena, reason) &&
           compat_can_read(present, new_root, cli->arena, reason);
}

static void print_answer(const char *question, bool yes, Str reason) {
    printf("  %s: %s" STR_FMT "\n", question, yes ? "yes" : "no; ", STR_ARG(yes ? STR_LIT("") : reason));
}

static int compare(const Cli *cli, const char *path, const SchemaNode *new_root, const SchemaNode *present,
                   const OwnSchema *own) {
    Str forward_reason, backward_reason;
    bool forward = present_reads_new(cli, new_root, present, own, &forward_reason);
    bool backward = new_reads_present(cli, new_root, present, &backward_reason);
    printf("%s: " STR_FMT "\n", path, STR_ARG(str_is_none(new_root->name) ? STR_LIT("(no record)") : new_root->name));
    print_answer("the present version reads data of the new one", forward, forward_reason);
    print_answer("the new version reads data of the present one", backward, backward_reason);
    puts(forward && backward ? "may be published" : "may not be published");
    return forward && backward ? CLI_OK : CLI_FAILED;
}

static int check(const Cli *cli, const char *path, const char *against, File *file, File *present) {
    if (!read_schema(cli, path, file)) {
        return CLI_FAILED;
    }
    const SchemaNode *root = file->schema.root;
    if (against != NULL) {
        return read_schema(cli, against, present) ? compare(cli, path, root, present->schema.root, NULL) : CLI_FAILED;
    }
    const OwnSchema *own = find_own(root->name);
    if (own == NULL) {
        return cli_fail(cli, "%s: it is no version of a record that is compiled in; see --against", path);
    }
    return compare(cli, path, root, own->schema.root, own);
}

int command_schema_check(const Cli *cli, int argc, char **argv) {
    const char *against = NULL;
    const CliOption options[] = {
        {"against", "FILE", "the present version; that which is compiled in unless given", &against, NULL}, {0}};
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    File file = {0}, present = {0};
    code = check(cli, arguments[0], against, &file, &present);
    file_clear(&file);
    file_clear(&present);
    return code;
}
