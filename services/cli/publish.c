#include "common/domain/envelope.h"
#include "services/cli/commands.h"
#include "services/cli/declaration_json.h"
#include "services/cli/producer.h"
#include "services/cli/progress.h"
#include "services/validator/encode.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

// One reading of a stream of lines, to check them or to send them.
typedef struct Reading {
    const Cli *cli;
    const char *name;   // of the stream
    Producer *producer; // NULL: the lines are only checked
    Arena arena;        // of one line
    Buf encoded;
    int64_t line, records;
    Str error; // of the command's arena
} Reading;

static void reading_free(Reading *reading) {
    arena_free(&reading->arena);
    buf_free(&reading->encoded);
}

static bool is_blank(Str line) {
    for (size_t i = 0; i < line.len; i++) {
        if (!isspace((unsigned char)line.ptr[i])) {
            return false;
        }
    }
    return true;
}

static ProducerRecord encode(Reading *reading, const DeclarationLine *line) {
    ProducerRecord record = {TOPIC_DECLARATIONS, RD_KAFKA_PARTITION_UA, line->key, line->value};
    if (!line->raw) {
        Record declaration = {.type = RECORD_DECLARATION, .declaration = line->declaration};
        buf_clear(&reading->encoded);
        encode_record(&declaration, &reading->encoded);
        record.key = line->declaration.council_id;
        record.value = buf_str(&reading->encoded);
    }
    return record;
}

static bool read_line(Reading *reading, Str text) {
    reading->line++;
    if (is_blank(text)) {
        return true;
    }
    DeclarationLine line;
    Str problem = STR_NONE;
    arena_reset(&reading->arena);
    if (!declaration_json_parse(text, &reading->arena, &line, &problem)) {
        reading->error = arena_printf(reading->cli->arena, "%s:%" PRId64 ": " STR_FMT, reading->name, reading->line,
                                      STR_ARG(problem));
        return false;
    }
    reading->records++;
    if (reading->producer == NULL) {
        return true;
    }
    ProducerRecord record = encode(reading, &line);
    return producer_send(reading->producer, &record, reading->line);
}

// False: a line is refused (`error`), or Kafka has failed (the producer knows).
static bool read_lines(Reading *reading, FILE *file, const char *doing, int64_t bytes) {
    Progress progress = progress_begin(doing, bytes);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    int64_t done = 0;
    bool good = true;
    while (good && (len = getline(&line, &capacity, file)) >= 0) {
        good = read_line(reading, (Str){line, (size_t)len});
        progress_show(&progress, done += len);
    }
    progress_end(&progress);
    if (good && ferror(file)) {
        reading->error = arena_printf(reading->cli->arena, "%s: %s", reading->name, strerror(errno));
        good = false;
    }
    free(line);
    return good;
}

static int finish(Reading *reading) {
    const Cli *cli = reading->cli;
    ProducerOutcome outcome = producer_finish(reading->producer);
    if (!str_is_none(outcome.problem)) {
        return cli_fail(cli, "%s:%" PRId64 ": not delivered: " STR_FMT " (%" PRId64 " acknowledged)", reading->name,
                        outcome.failed_tag, STR_ARG(outcome.problem), outcome.acknowledged);
    }
    if (!str_is_none(reading->error)) {
        return cli_fail(cli, STR_FMT " (%" PRId64 " before it published)", STR_ARG(reading->error), outcome.acknowledged);
    }
    printf("%" PRId64 " published to " TOPIC_DECLARATIONS "\n", outcome.acknowledged);
    return CLI_OK;
}

static int send_lines(const Cli *cli, FILE *file, const char *name, int64_t bytes) {
    Str error = STR_NONE;
    Reading reading = {.cli = cli, .name = name, .producer = producer_open(cli, TOPIC_DECLARATIONS, &error)};
    if (reading.producer == NULL) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    read_lines(&reading, file, "publishing", bytes);
    int code = finish(&reading);
    reading_free(&reading);
    return code;
}

static int check_and_send(const Cli *cli, FILE *file, const char *name) {
    off_t start = ftello(file);
    struct stat status;
    int64_t bytes = fstat(fileno(file), &status) == 0 ? status.st_size - start : 0;
    Reading checking = {.cli = cli, .name = name};
    bool good = read_lines(&checking, file, "checking", bytes);
    reading_free(&checking);
    if (!good) {
        return cli_fail(cli, STR_FMT, STR_ARG(checking.error));
    }
    if (fseeko(file, start, SEEK_SET) != 0) {
        return cli_fail(cli, "%s: %s", name, strerror(errno));
    }
    return send_lines(cli, file, name, bytes);
}

// What cannot be read twice goes through a file of its own. False: errno says why.
static bool copy_stream(FILE *from, FILE *to) {
    char block[64 * 1024];
    size_t len;
    while ((len = fread(block, 1, sizeof block, from)) > 0) {
        if (fwrite(block, 1, len, to) != len) {
            return false;
        }
    }
    return !ferror(from) && fseeko(to, 0, SEEK_SET) == 0;
}

int publish_file(const Cli *cli, FILE *file, const char *name) {
    if (ftello(file) >= 0) {
        return check_and_send(cli, file, name);
    }
    FILE *copy = tmpfile();
    int code = copy == NULL || !copy_stream(file, copy) ? cli_fail(cli, "%s: %s", name, strerror(errno))
                                                        : check_and_send(cli, copy, name);
    if (copy != NULL) {
        fclose(copy);
    }
    return code;
}

int command_publish(const Cli *cli, int argc, char **argv) {
    static const CliOption options[] = {{0}};
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    if (strcmp(arguments[0], "-") == 0) {
        return send_lines(cli, stdin, "standard input", 0);
    }
    FILE *file = fopen(arguments[0], "re");
    if (file == NULL) {
        return cli_fail(cli, "%s: %s", arguments[0], strerror(errno));
    }
    code = publish_file(cli, file, arguments[0]);
    fclose(file);
    return code;
}
