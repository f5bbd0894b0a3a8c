#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/domain/envelope.h"
#include "services/cli/commands.h"
#include "services/cli/producer.h"
#include "services/cli/reference_json.h"
#include "services/validator/encode.h"
#include "services/validator/reference_check.h"

#include <errno.h>

static bool read_whole(const Cli *cli, const char *path, Buf *text, Str *error) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        *error = arena_printf(cli->arena, "%s", strerror(errno));
        return false;
    }
    enum { CHUNK_BYTES = 1 << 16 };
    size_t len;
    while ((len = fread(buf_reserve(text, CHUNK_BYTES), 1, CHUNK_BYTES, file)) > 0) {
        text->len += len;
    }
    bool good = !ferror(file);
    if (!good) {
        *error = arena_printf(cli->arena, "%s", strerror(errno));
    }
    fclose(file);
    return good;
}

static bool check_council(const Cli *cli, CouncilReference *council, Map *elections, Str *error) {
    Str problem = STR_NONE;
    if (!reference_check(council, cli->arena, &problem)) {
        *error = arena_printf(cli->arena, STR_FMT " (" STR_FMT "): " STR_FMT, STR_ARG(council->name),
                              STR_ARG(council->election_id), STR_ARG(problem));
        return false;
    }
    if (map_get(elections, council->election_id) != NULL) {
        *error = arena_printf(cli->arena, "two councils have the election " STR_FMT, STR_ARG(council->election_id));
        return false;
    }
    map_put(elections, council->election_id, council);
    return true;
}

// The file, sound by itself, or false.
static bool load_file(const Cli *cli, const char *path, Str by, ReferenceFile *file, Str *error) {
    _cleanup_buf_ Buf text = {0};
    if (!read_whole(cli, path, &text, error) ||
        !reference_json_parse(buf_str(&text), by, cli_now_ms(), cli->arena, file, error)) {
        return false;
    }
    Map elections = {0};
    bool good = true;
    for (size_t i = 0; good && i < file->councils_count; i++) {
        good = check_council(cli, &file->councils[i], &elections, error);
    }
    map_free(&elections);
    return good;
}

// Every council as a record; false: one is larger than the daemon takes.
static bool encode_all(const Cli *cli, const ReferenceFile *file, ProducerRecord *records, Str *error) {
    _cleanup_buf_ Buf encoded = {0};
    for (size_t i = 0; i < file->councils_count; i++) {
        const CouncilReference *council = &file->councils[i];
        buf_clear(&encoded);
        encode_record(&(Record){.type = RECORD_REFERENCE, .reference = *council}, &encoded);
        if (encoded.len > LIMIT_RECORD_BYTES) {
            *error = arena_printf(cli->arena, STR_FMT ": its record has %zu bytes, more than %d",
                                  STR_ARG(council->name), encoded.len, LIMIT_RECORD_BYTES);
            return false;
        }
        records[i] = (ProducerRecord){TOPIC_DESK, RD_KAFKA_PARTITION_UA, council->council_id,
                                      arena_copy(cli->arena, buf_str(&encoded))};
    }
    return true;
}

static int send_all(const Cli *cli, const char *path, const ReferenceFile *file, const ProducerRecord *records) {
    Str error = STR_NONE;
    Producer *producer = producer_open(cli, TOPIC_DESK, &error);
    if (producer == NULL) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    bool good = true;
    for (size_t i = 0; good && i < file->councils_count; i++) {
        good = producer_send(producer, &records[i], (int64_t)i);
    }
    ProducerOutcome outcome = producer_finish(producer);
    if (!str_is_none(outcome.problem)) {
        Str name = file->councils[outcome.failed_tag].name;
        return cli_fail(cli, "%s: " STR_FMT ": not delivered: " STR_FMT, path, STR_ARG(name), STR_ARG(outcome.problem));
    }
    printf("%zu %s published to " TOPIC_DESK "\n", file->councils_count,
           file->councils_count == 1 ? "council" : "councils");
    return CLI_OK;
}

int command_reference_load(const Cli *cli, int argc, char **argv) {
    const char *by = NULL;
    const CliOption options[] = {{"by", "NAME", "who loads it; the login's name unless given", &by, NULL}, {0}};
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    ReferenceFile file;
    Str error = STR_NONE;
    if (!load_file(cli, arguments[0], cli_who(by), &file, &error)) {
        return cli_fail(cli, "%s: " STR_FMT, arguments[0], STR_ARG(error));
    }
    ProducerRecord *records = arena_alloc(cli->arena, file.councils_count, sizeof *records);
    if (!encode_all(cli, &file, records, &error)) {
        return cli_fail(cli, "%s: " STR_FMT, arguments[0], STR_ARG(error));
    }
    return send_all(cli, arguments[0], &file, records);
}

int command_reference_check(const Cli *cli, int argc, char **argv) {
    static const CliOption options[] = {{0}};
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    ReferenceFile file;
    Str error = STR_NONE;
    if (!load_file(cli, arguments[0], STR_LIT(""), &file, &error)) {
        return cli_fail(cli, "%s: " STR_FMT, arguments[0], STR_ARG(error));
    }
    size_t ballots = 0;
    for (size_t i = 0; i < file.councils_count; i++) {
        ballots += file.councils[i].ballots_count;
    }
    printf("%s: sound; councils %zu, ballots %zu, parties %zu\n", arguments[0], file.councils_count, ballots,
           file.parties_count);
    return CLI_OK;
}
