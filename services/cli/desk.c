// The desk's decisions about single records: release, reject, approve.
#include "common/domain/envelope.h"
#include "services/cli/commands.h"
#include "services/cli/producer.h"
#include "services/validator/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistr.h>

static bool read_number(const char *text, size_t len, int64_t most, int64_t *number) {
    char *end = NULL;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return len > 0 && *text >= '0' && *text <= '9' && end == text + len && errno == 0 && *number <= most;
}

// TOPIC:PARTITION:OFFSET, or PARTITION:OFFSET of the declarations.
static bool read_position(const char *text, OperatorAction *action) {
    const char *offset = strrchr(text, ':');
    if (offset == NULL) {
        return false;
    }
    const char *partition = memrchr(text, ':', (size_t)(offset - text));
    action->topic = partition == NULL ? STR_LIT(TOPIC_DECLARATIONS) : (Str){text, (size_t)(partition - text)};
    partition = partition == NULL ? text : partition + 1;
    int64_t number;
    if (!str_equal_text(action->topic, TOPIC_DECLARATIONS) && !str_equal_text(action->topic, TOPIC_DESK)) {
        return false;
    }
    if (!read_number(partition, (size_t)(offset - partition), INT32_MAX, &number)) {
        return false;
    }
    action->partition = (int32_t)number;
    return read_number(offset + 1, strlen(offset + 1), INT64_MAX, &action->kafka_offset);
}

static bool is_text(const char *text) {
    return text != NULL && *text != '\0' && u8_check((const uint8_t *)text, strlen(text)) == NULL;
}

static int send_action(const Cli *cli, const OperatorAction *action) {
    Str error = STR_NONE;
    Producer *producer = producer_open(cli, TOPIC_DESK, &error);
    if (producer == NULL) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    _cleanup_buf_ Buf encoded = {0};
    encode_record(&(Record){.type = RECORD_ACTION, .action = *action}, &encoded);
    ProducerRecord record = {TOPIC_DESK, action->partition, STR_NONE, buf_str(&encoded)};
    producer_send(producer, &record, 0);
    ProducerOutcome outcome = producer_finish(producer);
    if (!str_is_none(outcome.problem)) {
        return cli_fail(cli, "not delivered: " STR_FMT, STR_ARG(outcome.problem));
    }
    printf(STR_FMT " " STR_FMT ":%" PRId32 ":%" PRId64 " published to " TOPIC_DESK "\n",
           STR_ARG(operator_action_name((OperatorActionKind)action->action)), STR_ARG(action->topic), action->partition,
           action->kafka_offset);
    return CLI_OK;
}

static int act(const Cli *cli, int argc, char **argv, OperatorActionKind kind) {
    const char *by = NULL, *note = NULL;
    const CliOption options[] = {{"by", "NAME", "who decides", &by, NULL}, {"note", "TEXT", "why", &note, NULL}, {0}};
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    if (!is_text(by) || !is_text(note)) {
        return cli_misuse(cli, "wants --by NAME and --note TEXT, in UTF-8 and not empty");
    }
    OperatorAction action = {
        .action = (int32_t)kind, .by = str_from(by), .note = str_from(note), .acted_at_ms = cli_now_ms()};
    if (!read_position(arguments[0], &action)) {
        return cli_misuse(cli, "'%s' is not PARTITION:OFFSET of a declaration, nor TOPIC:PARTITION:OFFSET",
                          arguments[0]);
    }
    return send_action(cli, &action);
}

int command_release(const Cli *cli, int argc, char **argv) {
    return act(cli, argc, argv, ACTION_RELEASE);
}

int command_reject(const Cli *cli, int argc, char **argv) {
    return act(cli, argc, argv, ACTION_REJECT);
}

int command_approve(const Cli *cli, int argc, char **argv) {
    return act(cli, argc, argv, ACTION_APPROVE_CALL);
}
