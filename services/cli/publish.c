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

// Lines on their way to Kafka: those of a file are first checked and encoded into a spool, then
// sent from there; those of standard input are sent one by one.
typedef struct Publishing {
    const Cli *cli;
    const char *name;   // of the stream
    FILE *spool;        // NULL: none
    Producer *producer; // NULL: not yet sending
    Arena arena;        // of one line
    Buf encoded;        // of one record
    int64_t line;       // of the stream
    int64_t records;
    Str error; // of the command's arena; absent: none
} Publishing;

static void publishing_free(Publishing *publishing) {
    if (publishing->spool != NULL) {
        fclose(publishing->spool);
    }
    arena_free(&publishing->arena);
    buf_free(&publishing->encoded);
}

static bool fail(Publishing *publishing, const char *what) {
    publishing->error = arena_printf(publishing->cli->arena, "%s: %s", what, strerror(errno));
    return false;
}

// ---- the spool ------------------------------------------------------------------------------------

typedef struct SpoolHead {
    int64_t line, key_len, value_len; // a length of -1: null
} SpoolHead;

static int64_t spool_len(Str s) {
    return str_is_none(s) ? -1 : (int64_t)s.len;
}

static bool spool_add(Publishing *publishing, const ProducerRecord *record) {
    SpoolHead head = {publishing->line, spool_len(record->key), spool_len(record->value)};
    FILE *spool = publishing->spool;
    return (fwrite(&head, sizeof head, 1, spool) == 1 &&
            fwrite(record->key.ptr, 1, record->key.len, spool) == record->key.len &&
            fwrite(record->value.ptr, 1, record->value.len, spool) == record->value.len) ||
           fail(publishing, "a temporary file");
}

static bool spool_take_bytes(Publishing *publishing, int64_t len, Str *bytes) {
    if (len < 0) {
        *bytes = STR_NONE;
        return true;
    }
    char *place = arena_alloc(&publishing->arena, (size_t)len, 1);
    *bytes = (Str){place, (size_t)len};
    return fread(place, 1, bytes->len, publishing->spool) == bytes->len;
}

// False at the end, and on a failure.
static bool spool_take(Publishing *publishing, ProducerRecord *record) {
    SpoolHead head;
    arena_reset(&publishing->arena);
    if (fread(&head, sizeof head, 1, publishing->spool) != 1) {
        return ferror(publishing->spool) ? fail(publishing, "a temporary file") : false;
    }
    publishing->line = head.line;
    *record = (ProducerRecord){.topic = TOPIC_DECLARATIONS, .partition = RD_KAFKA_PARTITION_UA};
    return (spool_take_bytes(publishing, head.key_len, &record->key) &&
            spool_take_bytes(publishing, head.value_len, &record->value)) ||
           fail(publishing, "a temporary file");
}

// ---- lines ----------------------------------------------------------------------------------------

static bool is_blank(Str line) {
    for (size_t i = 0; i < line.len; i++) {
        if (!isspace((unsigned char)line.ptr[i])) {
            return false;
        }
    }
    return true;
}

static ProducerRecord encode(Publishing *publishing, const DeclarationLine *line) {
    ProducerRecord record = {TOPIC_DECLARATIONS, RD_KAFKA_PARTITION_UA, line->key, line->value};
    if (!line->raw) {
        Record declaration = {.type = RECORD_DECLARATION, .declaration = line->declaration};
        buf_clear(&publishing->encoded);
        encode_record(&declaration, &publishing->encoded);
        record.key = line->declaration.council_id;
        record.value = buf_str(&publishing->encoded);
    }
    return record;
}

static bool take_line(Publishing *publishing, Str text) {
    publishing->line++;
    if (is_blank(text)) {
        return true;
    }
    DeclarationLine line;
    Str problem = STR_NONE;
    arena_reset(&publishing->arena);
    if (!declaration_json_parse(text, &publishing->arena, &line, &problem)) {
        publishing->error = arena_printf(publishing->cli->arena, "%s:%" PRId64 ": " STR_FMT, publishing->name,
                                         publishing->line, STR_ARG(problem));
        return false;
    }
    publishing->records++;
    ProducerRecord record = encode(publishing, &line);
    return publishing->spool != NULL ? spool_add(publishing, &record)
                                     : producer_send(publishing->producer, &record, publishing->line);
}

// False: a line is refused, or could not be kept or sent. `bytes` of the stream, 0 if not known.
static bool take_lines(Publishing *publishing, FILE *file, int64_t bytes) {
    Progress progress = progress_begin(publishing->spool != NULL ? "checking" : "publishing", bytes);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    int64_t done = 0;
    bool good = true;
    while (good && (len = getline(&line, &capacity, file)) >= 0) {
        good = take_line(publishing, (Str){line, (size_t)len});
        done += len;
        progress_show(&progress, bytes > 0 ? done : publishing->line);
    }
    progress_end(&progress);
    if (good && ferror(file)) {
        good = fail(publishing, publishing->name);
    }
    free(line);
    return good;
}

static void send_spool(Publishing *publishing) {
    rewind(publishing->spool);
    Progress progress = progress_begin("publishing", publishing->records);
    ProducerRecord record;
    int64_t done = 0;
    while (spool_take(publishing, &record) && producer_send(publishing->producer, &record, publishing->line)) {
        progress_show(&progress, ++done);
    }
    progress_end(&progress);
}

// ---- the command ----------------------------------------------------------------------------------

static bool open_producer(Publishing *publishing) {
    publishing->producer = producer_open(publishing->cli, TOPIC_DECLARATIONS, &publishing->error);
    return publishing->producer != NULL;
}

static int finish(Publishing *publishing) {
    const Cli *cli = publishing->cli;
    ProducerOutcome outcome = producer_finish(publishing->producer);
    if (!str_is_none(outcome.problem)) {
        return cli_fail(cli, "%s:%" PRId64 ": not delivered: " STR_FMT " (%" PRId64 " acknowledged)", publishing->name,
                        outcome.failed_tag, STR_ARG(outcome.problem), outcome.acknowledged);
    }
    if (!str_is_none(publishing->error)) {
        return cli_fail(cli, STR_FMT " (%" PRId64 " before it published)", STR_ARG(publishing->error),
                        outcome.acknowledged);
    }
    printf("%" PRId64 " published to " TOPIC_DECLARATIONS "\n", outcome.acknowledged);
    return CLI_OK;
}

int publish_file(const Cli *cli, FILE *file, const char *name) {
    struct stat status;
    int64_t bytes = fstat(fileno(file), &status) == 0 ? status.st_size : 0;
    Publishing publishing = {.cli = cli, .name = name, .spool = tmpfile()};
    bool good = publishing.spool != NULL || fail(&publishing, "a temporary file");
    int code;
    if (good && take_lines(&publishing, file, bytes) && open_producer(&publishing)) {
        send_spool(&publishing);
        code = finish(&publishing);
    } else {
        code = cli_fail(cli, STR_FMT, STR_ARG(publishing.error));
    }
    publishing_free(&publishing);
    return code;
}

static int publish_stream(const Cli *cli) {
    Publishing publishing = {.cli = cli, .name = "standard input"};
    int code;
    if (open_producer(&publishing)) {
        take_lines(&publishing, stdin, 0);
        code = finish(&publishing);
    } else {
        code = cli_fail(cli, STR_FMT, STR_ARG(publishing.error));
    }
    publishing_free(&publishing);
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
        return publish_stream(cli);
    }
    FILE *file = fopen(arguments[0], "re");
    if (file == NULL) {
        return cli_fail(cli, "%s: %s", arguments[0], strerror(errno));
    }
    code = publish_file(cli, file, arguments[0]);
    fclose(file);
    return code;
}
