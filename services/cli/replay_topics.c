// replay --from topics: both topics of a lane merged by Kafka's times, desk events first among equals,
// which is close to the order in which the daemon met them. A record is taken to have been received at
// its Kafka time, but not in the future; the ledger alone knows when it really was.
#include "common/base/limits.h"
#include "common/domain/rule_settings.h"
#include "services/cli/progress.h"
#include "services/cli/replay.h"
#include "services/ingest/consumer.h"
#include "services/ingest/kafka_settings.h"

#include <inttypes.h>

enum { METADATA_MS = 10000, POLL_MS = 500, SILENCE_MS = 30000 };

// One partition, read from its beginning to where it ended when it was opened.
typedef struct Source {
    rd_kafka_topic_t *topic;
    const char *name;
    int32_t partition;
    int64_t at, end;          // offsets
    rd_kafka_message_t *next; // NULL: it has come to its end
} Source;

typedef struct TopicReplay {
    const Cli *cli;
    rd_kafka_t *kafka;
    rd_kafka_topic_t *topics[INPUT_COUNT];
    Replayer *replayer;
    ReplayTarget *target;
    RuleBook rules;
    VEC(rd_kafka_message_t *) messages; // of the batch
    Progress progress;
    int64_t records;
    Str *error;
} TopicReplay;

static bool fail(const TopicReplay *r, const char *what, rd_kafka_resp_err_t err) {
    *r->error = arena_printf(r->cli->arena, "Kafka, %s: %s", what, rd_kafka_err2str(err));
    return false;
}

static const char *topic_name(InputTopic topic) {
    return topic == INPUT_DESK ? TOPIC_DESK : TOPIC_DECLARATIONS;
}

// Outside every group: no daemon is disturbed, and no offset is committed.
static bool start_client(TopicReplay *r) {
    static const KafkaSetting fixed[] = {
        {"group.id", "declarectl-replay"},      {"enable.auto.commit", "false"}, {"auto.commit.enable", "false"},
        {"enable.partition.eof", "true"},       {"check.crcs", "true"},          {"fetch.wait.max.ms", "100"},
        {"queued.max.messages.kbytes", "8192"},
    };
    char text[256];
    rd_kafka_conf_t *conf = kafka_settings(r->cli->config, fixed, sizeof fixed / sizeof *fixed, text, sizeof text);
    r->kafka = conf == NULL ? NULL : rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (r->kafka == NULL) {
        if (conf != NULL) {
            rd_kafka_conf_destroy(conf);
        }
        *r->error = arena_copy(r->cli->arena, str_from(text));
        return false;
    }
    for (int i = 0; i < INPUT_COUNT; i++) {
        r->topics[i] = rd_kafka_topic_new(r->kafka, topic_name((InputTopic)i), NULL);
    }
    return true;
}

static int32_t count_partitions(const TopicReplay *r, InputTopic topic) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(r->kafka, 0, r->topics[topic], &metadata, METADATA_MS);
    int32_t count = 0;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        err = metadata->topics[0].err;
        count = metadata->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)fail(r, topic_name(topic), err);
        return 0;
    }
    return count;
}

// The topics' ends and beginnings.

static bool advance(const TopicReplay *r, Source *source) {
    int64_t until_ms = cli_now_ms() + SILENCE_MS;
    source->next = NULL;
    while (source->at < source->end && cli_now_ms() < until_ms) {
        rd_kafka_message_t *message = rd_kafka_consume(source->topic, source->partition, POLL_MS);
        rd_kafka_poll(r->kafka, 0);
        if (message == NULL) {
            continue;
        }
        rd_kafka_resp_err_t err = message->err;
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset < source->end) {
            source->at = message->offset + 1;
            source->next = message;
            return true;
        }
        rd_kafka_message_destroy(message);
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            return fail(r, source->name, err);
        }
        source->at = source->end; // the offsets before it are not records
    }
    return source->at >= source->end || fail(r, source->name, RD_KAFKA_RESP_ERR__TIMED_OUT);
}

static bool open_source(const TopicReplay *r, InputTopic topic, int32_t partition, Source *source) {
    int64_t begin = 0, end = 0;
    *source = (Source){.topic = r->topics[topic], .name = topic_name(topic), .partition = partition};
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(r->kafka, source->name, partition, &begin, &end, METADATA_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return fail(r, source->name, err);
    }
    if (begin > 0) {
        printf("%s, partition %" PRId32 ": Kafka no longer has what was before offset %" PRId64 "\n", source->name,
               partition, begin);
    }
    source->at = begin;
    source->end = end;
    if (rd_kafka_consume_start(source->topic, partition, RD_KAFKA_OFFSET_BEGINNING) != 0) {
        return fail(r, source->name, rd_kafka_last_error());
    }
    return advance(r, source);
}

static void close_source(Source *source) {
    if (source->next != NULL) {
        rd_kafka_message_destroy(source->next);
    }
    if (source->topic != NULL) {
        rd_kafka_consume_stop(source->topic, source->partition);
    }
}

static int64_t time_of(const rd_kafka_message_t *message) {
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(message, &type);
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ? 0 : ms;
}

static Source *choose(Source sources[INPUT_COUNT]) {
    Source *desk = &sources[INPUT_DESK], *declarations = &sources[INPUT_DECLARATIONS];
    if (desk->next == NULL || declarations->next == NULL) {
        return desk->next == NULL ? declarations : desk;
    }
    return time_of(desk->next) <= time_of(declarations->next) ? desk : declarations;
}

// A lane.

static bool commit(TopicReplay *r) {
    if (!replay_commit(r->target, r->error)) {
        return false;
    }
    for (size_t i = 0; i < r->messages.count; i++) {
        rd_kafka_message_destroy(r->messages.items[i]);
    }
    vec_clear(&r->messages);
    return true;
}

static bool apply(TopicReplay *r, rd_kafka_message_t *message) {
    ReplayTarget *target = r->target;
    int64_t received_at_ms = time_of(message), now_ms = cli_now_ms();
    Envelope envelope = consumer_envelope(message);
    *vec_push(&r->messages) = message; // the batch borrows from it
    replayer_apply_record(r->replayer, target->lane, &envelope, &r->rules,
                          (received_at_ms < now_ms ? received_at_ms : now_ms) * 1000, &target->arena, &target->effects);
    target->bytes += envelope.key.len + envelope.payload.len;
    progress_show(&r->progress, ++r->records);
    return !replay_batch_is_full(target) || commit(r);
}

static bool replay_lane(TopicReplay *r, int32_t lane) {
    Source sources[INPUT_COUNT] = {0};
    bool good = replay_begin_lane(r->target, lane, r->error) &&
                open_source(r, INPUT_DESK, lane, &sources[INPUT_DESK]) &&
                open_source(r, INPUT_DECLARATIONS, lane, &sources[INPUT_DECLARATIONS]);
    while (good && (sources[0].next != NULL || sources[1].next != NULL)) {
        Source *source = choose(sources);
        rd_kafka_message_t *message = source->next;
        source->next = NULL;
        good = apply(r, message) && advance(r, source);
    }
    good = good && commit(r);
    for (size_t i = 0; i < r->messages.count; i++) {
        rd_kafka_message_destroy(r->messages.items[i]);
    }
    vec_clear(&r->messages);
    close_source(&sources[INPUT_DESK]);
    close_source(&sources[INPUT_DECLARATIONS]);
    replay_end_lane(r->target);
    return good;
}

static bool replay_lanes(TopicReplay *r) {
    int32_t partitions = count_partitions(r, INPUT_DECLARATIONS);
    int32_t desk = partitions == 0 ? 0 : count_partitions(r, INPUT_DESK);
    if (partitions == 0 || desk == 0) {
        return false;
    }
    if (partitions != desk) {
        *r->error =
            arena_printf(r->cli->arena, TOPIC_DECLARATIONS " has %" PRId32 " partitions and " TOPIC_DESK " %" PRId32,
                         partitions, desk);
        return false;
    }
    if (!rule_settings_read(r->cli->config, partitions, r->cli->arena, &r->rules, r->error)) {
        return false;
    }
    if (store_resolve_rules(r->target->store, &r->rules) != STORE_OK) {
        *r->error = arena_copy(r->cli->arena, store_error(r->target->store));
        return false;
    }
    for (int32_t lane = 0; lane < partitions; lane++) {
        if (!replay_lane(r, lane)) {
            return false;
        }
    }
    return true;
}

bool replay_topics(const Cli *cli, Replayer *replayer, ReplayTarget *target, Str *error) {
    TopicReplay r = {.cli = cli, .replayer = replayer, .target = target, .error = error};
    r.progress = progress_begin("replaying", 0);
    target->schemas = replayer_schemas(replayer);
    bool good = start_client(&r) && replay_lanes(&r);
    progress_end(&r.progress);
    for (int i = 0; i < INPUT_COUNT && r.kafka != NULL; i++) {
        rd_kafka_topic_destroy(r.topics[i]);
    }
    if (r.kafka != NULL) {
        rd_kafka_destroy(r.kafka);
    }
    vec_free(&r.messages);
    return good;
}
