#include "services/ingest/consumer.h"

#include "common/base/limits.h"
#include "services/ingest/kafka_settings.h"

#include <stdio.h>
#include <stdlib.h>

// What a worker buffers of a full topic, a quarter of a second of it; librdkafka adds some 230 bytes to each record.
#define FETCHED_RECORDS 10000
#define FETCHED_RECORDS_TEXT "10000"

enum { ASK_AHEAD_MS = 1 }; // sent is enough: nobody waits for the answer

struct Consumer {
    const Config *config;
    int worker;
    rd_kafka_t *kafka;
    rd_kafka_queue_t *fetched; // what consumer_poll takes from
    bool fetched_enough;       // it was as long as it may become, and nobody has asked since
    rd_kafka_queue_t *closing; // set once consumer_close was called
    Assignment assignment;
    char *member; // the id that came with the assignment, librdkafka's memory; NULL: none yet
    VEC(int32_t) desk_ended; // lanes whose desk events have been read to their end
    char trouble[512], stall[256];
};

static int by_number(const void *a, const void *b) {
    return (*(const int32_t *)a > *(const int32_t *)b) - (*(const int32_t *)a < *(const int32_t *)b);
}

// Lanes whose partitions of both topics are in the list.
static void note_assignment(Consumer *consumer, const rd_kafka_topic_partition_list_t *partitions) {
    Assignment *assignment = &consumer->assignment;
    vec_clear(&assignment->lanes);
    assignment->generation++;
    for (int i = 0; partitions != NULL && i < partitions->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &partitions->elems[i];
        if (strcmp(p->topic, TOPIC_DECLARATIONS) == 0 &&
            rd_kafka_topic_partition_list_find(partitions, TOPIC_DESK, p->partition) != NULL) {
            *vec_push(&assignment->lanes) = p->partition;
        }
    }
    if (assignment->lanes.count > 0) {
        qsort(assignment->lanes.items, assignment->lanes.count, sizeof(int32_t), by_number);
    }
}

static void forget_member(Consumer *consumer) {
    if (consumer->member != NULL) {
        rd_kafka_mem_free(consumer->kafka, consumer->member);
        consumer->member = NULL;
    }
}

static void note_member(Consumer *consumer) {
    forget_member(consumer);
    consumer->member = rd_kafka_memberid(consumer->kafka);
}

// Whether the id is still in librdkafka's hands. It drops it once the session has passed, before it joins anew.
static bool holds_member(const Consumer *consumer) {
    char *now = rd_kafka_memberid(consumer->kafka);
    bool held = now != NULL && consumer->member != NULL && strcmp(now, consumer->member) == 0;
    if (now != NULL) {
        rd_kafka_mem_free(consumer->kafka, now);
    }
    return held;
}

// The group's word is noted and acknowledged; where to read is the worker's decision.
static void on_rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *partitions,
                         void *opaque) {
    Consumer *consumer = opaque;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        note_assignment(consumer, partitions);
        note_member(consumer);
        consumer->trouble[0] = '\0'; // the group has answered
        rd_kafka_topic_partition_list_t *rest = rd_kafka_topic_partition_list_new(0);
        rd_kafka_assign(kafka, rest);
        rd_kafka_topic_partition_list_destroy(rest);
    } else {
        note_assignment(consumer, NULL);
        rd_kafka_assign(kafka, NULL);
    }
}

static void on_error(rd_kafka_t *kafka, int err, const char *reason, void *opaque) {
    Consumer *consumer = opaque;
    (void)kafka;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && consumer->trouble[0] != '\0') {
        return; // what stands there says why
    }
    snprintf(consumer->trouble, sizeof consumer->trouble, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)err),
             reason);
}

void consumer_join(Consumer *consumer) {
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(2);
    rd_kafka_topic_partition_list_add(topics, TOPIC_DECLARATIONS, RD_KAFKA_PARTITION_UA);
    rd_kafka_topic_partition_list_add(topics, TOPIC_DESK, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(consumer->kafka, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        snprintf(consumer->trouble, sizeof consumer->trouble, "subscribe: %s", rd_kafka_err2str(err));
    }
}

// What holds unless the configuration says otherwise.
static void set_defaults(const Config *config, rd_kafka_conf_t *conf) {
    static const KafkaSetting defaults[] = {
        // A lane whose owner was killed has a new one within 15 seconds.
        {"session.timeout.ms", "8000"},
        {"heartbeat.interval.ms", "1000"},
        // A fetch that waits on quiet partitions holds up every change of what is read; new data end the wait at once.
        {"fetch.wait.max.ms", "100"},
        // Whichever comes first; see consumer_ask_ahead.
        {"queued.min.messages", FETCHED_RECORDS_TEXT},
        {"queued.max.messages.kbytes", "16384"},
        {"fetch.max.bytes", "1048576"},
        {"fetch.queue.backoff.ms", "10"}, // 2.0 does not know it, and has consumer_ask_ahead instead
    };
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        char name[64];
        snprintf(name, sizeof name, "kafka.%s", defaults[i].key);
        if (config_get(config, name) == NULL) {
            rd_kafka_conf_set(conf, defaults[i].key, defaults[i].value, NULL, 0);
        }
    }
}

// NULL: see consumer_new.
static rd_kafka_t *open_handle(Consumer *consumer, char *error, size_t error_size) {
    const Config *config = consumer->config;
    char instance[300] = "";
    const char *name = config_get(config, "daemon.instance");
    if (name[0] != '\0') {
        snprintf(instance, sizeof instance, "%s-%d", name, consumer->worker);
    }
    const KafkaSetting fixed[] = {
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"partition.assignment.strategy", "range"},
        {"check.crcs", "true"},
        {"enable.partition.eof", "true"},
        {"socket.nagle.disable", "true"},
        {"group.instance.id", instance},
    };
    size_t count = sizeof fixed / sizeof fixed[0] - (instance[0] == '\0');
    rd_kafka_conf_t *conf = kafka_settings(config, fixed, count, error, error_size);
    if (conf == NULL) {
        return NULL;
    }
    set_defaults(config, conf);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, error_size);
    if (kafka == NULL) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_poll_set_consumer(kafka);
    return kafka;
}

Consumer *consumer_new(const Config *config, int worker, char *error, size_t error_size) {
    Consumer *consumer = mem_alloc(1, sizeof *consumer);
    consumer->config = config;
    consumer->worker = worker;
    consumer->kafka = open_handle(consumer, error, error_size);
    if (consumer->kafka == NULL) {
        mem_free(consumer);
        return NULL;
    }
    consumer->fetched = rd_kafka_queue_get_consumer(consumer->kafka);
    return consumer;
}

static void close_handle(Consumer *consumer) {
    forget_member(consumer);
    rd_kafka_queue_destroy(consumer->fetched);
    rd_kafka_destroy_flags(consumer->kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

bool consumer_close(Consumer *consumer) {
    if (consumer->closing == NULL) {
        consumer->closing = rd_kafka_queue_new(consumer->kafka);
        rd_kafka_error_destroy(rd_kafka_consumer_close_queue(consumer->kafka, consumer->closing));
    }
    rd_kafka_event_t *event = rd_kafka_queue_poll(consumer->closing, 50);
    if (event != NULL && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
        note_assignment(consumer, NULL);
        rd_kafka_assign(consumer->kafka, NULL);
    }
    rd_kafka_event_destroy(event);
    return rd_kafka_consumer_closed(consumer->kafka);
}

void consumer_free(Consumer *consumer) {
    if (consumer == NULL) {
        return;
    }
    if (consumer->closing != NULL) {
        rd_kafka_queue_destroy(consumer->closing);
    }
    close_handle(consumer);
    vec_free(&consumer->assignment.lanes);
    vec_free(&consumer->desk_ended);
    mem_free(consumer);
}

const Assignment *consumer_assignment(const Consumer *consumer) {
    return &consumer->assignment;
}

static rd_kafka_topic_partition_list_t *partition_list(const ReadFrom *from, size_t count) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        const char *topic = from[i].topic == INPUT_DESK ? TOPIC_DESK : TOPIC_DECLARATIONS;
        rd_kafka_topic_partition_list_add(list, topic, from[i].lane)->offset =
            from[i].offset < 0 ? RD_KAFKA_OFFSET_BEGINNING : from[i].offset;
    }
    return list;
}

bool consumer_read(Consumer *consumer, const ReadFrom *from, size_t count) {
    vec_clear(&consumer->desk_ended);
    consumer->stall[0] = '\0';
    rd_kafka_topic_partition_list_t *list = partition_list(from, count);
    rd_kafka_resp_err_t err = rd_kafka_assign(consumer->kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        snprintf(consumer->trouble, sizeof consumer->trouble, "assign: %s", rd_kafka_err2str(err));
    }
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

// What librdkafka has to say beside records; destroys it.
static void note_event(Consumer *consumer, rd_kafka_message_t *message) {
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (strcmp(rd_kafka_topic_name(message->rkt), TOPIC_DESK) == 0 &&
            !consumer_saw_desk_end(consumer, message->partition)) {
            *vec_push(&consumer->desk_ended) = message->partition;
        }
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        snprintf(consumer->stall, sizeof consumer->stall, "%s partition %d: %s", rd_kafka_topic_name(message->rkt),
                 message->partition, rd_kafka_message_errstr(message));
    } else {
        snprintf(consumer->trouble, sizeof consumer->trouble, "%s: %s", rd_kafka_err2name(message->err),
                 rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
}

// The ends of partitions stand between the records that wait, one behind each fetch: they end no batch.
rd_kafka_message_t *consumer_poll(Consumer *consumer, int timeout_ms) {
    rd_kafka_message_t *message;
    while ((message = rd_kafka_consumer_poll(consumer->kafka, timeout_ms)) != NULL) {
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            consumer->trouble[0] = '\0';
            return message;
        }
        note_event(consumer, message);
        timeout_ms = 0;
    }
    return NULL;
}

void consumer_ask_ahead(Consumer *consumer) {
    size_t length = rd_kafka_queue_length(consumer->fetched);
    consumer->fetched_enough |= length + LIMIT_BATCH_RECORDS >= FETCHED_RECORDS; // before the last batch was taken
    if (!consumer->fetched_enough || length > FETCHED_RECORDS / 2) {
        return;
    }
    consumer->fetched_enough = false;
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(consumer->kafka, &list) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < list->cnt; i++) {
            list->elems[i].offset = RD_KAFKA_OFFSET_END;
        }
        (void)rd_kafka_offsets_for_times(consumer->kafka, list, ASK_AHEAD_MS);
        rd_kafka_topic_partition_list_destroy(list);
    }
}

Envelope consumer_envelope(const rd_kafka_message_t *message) {
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    bool desk = strcmp(rd_kafka_topic_name(message->rkt), TOPIC_DESK) == 0;
    // librdkafka gives an empty key or value a pointer of its own, and NULL to one that is absent.
    return (Envelope){
        .topic = desk ? INPUT_DESK : INPUT_DECLARATIONS,
        .partition = message->partition,
        .kafka_offset = message->offset,
        .kafka_timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms,
        .key = {message->key, message->key_len},
        .payload = {message->payload, message->len},
    };
}

static int32_t topic_partitions(Consumer *consumer, const char *name, int timeout_ms) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer->kafka, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(consumer->kafka, 0, topic, &metadata, timeout_ms);
    int32_t partitions = 0;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        err = metadata->topics[0].err;
        partitions = err == RD_KAFKA_RESP_ERR_NO_ERROR ? metadata->topics[0].partition_cnt : 0;
    }
    if (partitions == 0) {
        snprintf(consumer->trouble, sizeof consumer->trouble, "topic %s: %s", name, rd_kafka_err2str(err));
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return partitions;
}

int32_t consumer_partitions(Consumer *consumer, int timeout_ms) {
    int32_t declarations = topic_partitions(consumer, TOPIC_DECLARATIONS, timeout_ms);
    int32_t desk = declarations == 0 ? 0 : topic_partitions(consumer, TOPIC_DESK, timeout_ms);
    if (declarations != desk) {
        if (desk > 0) {
            snprintf(consumer->trouble, sizeof consumer->trouble,
                     TOPIC_DECLARATIONS " has %d partitions and " TOPIC_DESK " %d: they must have the same number",
                     declarations, desk);
        }
        return 0;
    }
    return declarations;
}

bool consumer_saw_desk_end(const Consumer *consumer, int32_t lane) {
    for (size_t i = 0; i < consumer->desk_ended.count; i++) {
        if (consumer->desk_ended.items[i] == lane) {
            return true;
        }
    }
    return false;
}

void consumer_tell_offsets(Consumer *consumer, const ReadFrom *positions, size_t count) {
    if (!holds_member(consumer)) {
        return; // told by nobody, they would be refused, and a member known by name put out: see consumer_renew
    }
    rd_kafka_topic_partition_list_t *list = partition_list(positions, count);
    rd_kafka_commit(consumer->kafka, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}

int64_t consumer_lag(const Consumer *consumer, InputTopic topic, int32_t lane, int64_t next) {
    const char *name = topic == INPUT_DESK ? TOPIC_DESK : TOPIC_DECLARATIONS;
    int64_t low = RD_KAFKA_OFFSET_INVALID, high = RD_KAFKA_OFFSET_INVALID;
    if (rd_kafka_get_watermark_offsets(consumer->kafka, name, lane, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0) {
        return -1;
    }
    int64_t from = next >= 0 ? next : low > 0 ? low : 0;
    return high > from ? high - from : 0;
}

Str consumer_trouble(const Consumer *consumer) {
    return consumer->trouble[0] == '\0' ? STR_NONE : str_from(consumer->trouble);
}

bool consumer_is_dead(const Consumer *consumer) {
    return rd_kafka_fatal_error(consumer->kafka, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

// A client whose session has passed forgets its member id, and may still send a heartbeat without one before it joins
// again. Who was replaced still has its id. Only librdkafka's words tell that offsets were refused: were they others
// one day, the process would end and be started again.
bool consumer_reads_replaced(const char *reason, const char *member_then, const char *member_now) {
    bool is_member = member_now != NULL && member_now[0] != '\0';
    bool same = is_member && member_then != NULL && strcmp(member_now, member_then) == 0;
    bool by_offsets = strncmp(reason, "OffsetCommit", strlen("OffsetCommit")) == 0;
    return by_offsets ? same : is_member;
}

bool consumer_was_replaced(const Consumer *consumer) {
    char reason[512] = "";
    if (rd_kafka_fatal_error(consumer->kafka, reason, sizeof reason) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    char *now = rd_kafka_memberid(consumer->kafka);
    bool replaced = consumer_reads_replaced(reason, consumer->member, now);
    if (now != NULL) {
        rd_kafka_mem_free(consumer->kafka, now);
    }
    return replaced;
}

bool consumer_renew(Consumer *consumer) {
    rd_kafka_t *kafka = open_handle(consumer, consumer->trouble, sizeof consumer->trouble);
    if (kafka == NULL) {
        return false;
    }
    close_handle(consumer);
    consumer->kafka = kafka;
    consumer->fetched = rd_kafka_queue_get_consumer(kafka);
    vec_clear(&consumer->desk_ended);
    note_assignment(consumer, NULL);
    consumer->trouble[0] = consumer->stall[0] = '\0';
    return true;
}

Str consumer_stall(const Consumer *consumer) {
    return consumer->stall[0] == '\0' ? STR_NONE : str_from(consumer->stall);
}
