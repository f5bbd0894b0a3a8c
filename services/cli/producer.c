#include "services/cli/producer.h"

#include "common/base/mem.h"
#include "services/cli/progress.h"

#include <stdio.h>

enum { TOPIC_WAIT_MS = 10000, ASK_MS = 500, POLL_MS = 100 };

struct Producer {
    const Cli *cli;
    rd_kafka_t *kafka;
    int64_t sent, acknowledged, failed;
    int64_t failed_tag;
    Str problem;
    char trouble[512]; // what a broker, or the way to one, has last complained of
    bool shut_out;     // by a certificate or a password: it will not come right by waiting
};

// Those of librdkafka's that this program's promises rest on stand last: [kafka] cannot change them.
static const char *const before_settings[][2] = {
    {"client.id", "declarectl"},
    {"linger.ms", "5"},
    {"socket.nagle.disable", "true"},
    {"message.timeout.ms", "60000"},
    {"compression.type", "lz4"},
    {"message.max.bytes", "16777216"},
    {"queue.buffering.max.kbytes", "65536"},
};
static const char *const after_settings[][2] = {
    {"enable.idempotence", "true"},
    {"partitioner", "murmur2_random"},
};

static bool set_all(rd_kafka_conf_t *conf, const char *const settings[][2], size_t count) {
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        good &= rd_kafka_conf_set(conf, settings[i][0], settings[i][1], NULL, 0) == RD_KAFKA_CONF_OK;
    }
    return good;
}

static bool set_from_config(rd_kafka_conf_t *conf, const Cli *cli, Str *error) {
    ConfigEntry entry;
    for (size_t cursor = 0; config_next(cli->config, "kafka", &cursor, &entry);) {
        if (strcmp(entry.key, "group.id") == 0) {
            continue; // the daemon's
        }
        rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, entry.key, entry.value, NULL, 0);
        if (result != RD_KAFKA_CONF_OK) { // librdkafka's own words may quote the value
            *error =
                arena_printf(cli->arena, "%s: librdkafka %s kafka.%s", entry.origin,
                             result == RD_KAFKA_CONF_UNKNOWN ? "has no setting" : "refuses the value of", entry.key);
            return false;
        }
    }
    return true;
}

static void take_report(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque) {
    (void)kafka;
    Producer *producer = opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer->acknowledged++;
        return;
    }
    int64_t tag = (int64_t)(intptr_t)message->_private;
    if (producer->failed++ == 0 || tag < producer->failed_tag) {
        producer->failed_tag = tag;
        producer->problem = arena_copy(producer->cli->arena, str_from(rd_kafka_err2str(message->err)));
    }
}

static void note_trouble(rd_kafka_t *kafka, int err, const char *reason, void *opaque) {
    (void)kafka;
    Producer *producer = opaque;
    if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) { // which does not say why
        snprintf(producer->trouble, sizeof producer->trouble, "%s", reason);
    }
    producer->shut_out |= err == RD_KAFKA_RESP_ERR__SSL || err == RD_KAFKA_RESP_ERR__AUTHENTICATION;
}

// Every failure that matters comes back with a record; what librdkafka would print besides is noise.
static void ignore_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text) {
    (void)kafka, (void)level, (void)facility, (void)text;
}

// How many partitions the topic has; 0: it is not there, or `problem` says why nobody knows.
static int ask_for_topic(Producer *producer, rd_kafka_topic_t *topic, rd_kafka_resp_err_t *problem) {
    const struct rd_kafka_metadata *metadata = NULL;
    int partitions = 0;
    *problem = rd_kafka_metadata(producer->kafka, 0, topic, &metadata, ASK_MS);
    if (*problem == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        partitions = metadata->topics[0].partition_cnt;
        if (metadata->topics[0].err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
            *problem = metadata->topics[0].err;
            producer->shut_out = true;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_poll(producer->kafka, partitions == 0 ? POLL_MS : 0);
    return partitions;
}

static bool wait_for_topic(Producer *producer, const char *name, Str *error) {
    const char *servers = config_get(producer->cli->config, "kafka.bootstrap.servers");
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer->kafka, name, NULL);
    int64_t deadline_ms = cli_now_ms() + TOPIC_WAIT_MS;
    rd_kafka_resp_err_t problem = RD_KAFKA_RESP_ERR_NO_ERROR;
    int partitions = 0;
    while (partitions == 0 && !producer->shut_out && cli_now_ms() < deadline_ms) {
        partitions = ask_for_topic(producer, topic, &problem);
    }
    rd_kafka_topic_destroy(topic);
    if (partitions > 0) {
        return true;
    }
    if (problem == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *error = arena_printf(producer->cli->arena, "Kafka at %s has no topic %s", servers, name);
    } else if (problem == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        *error = arena_printf(producer->cli->arena, "%s: %s", name, rd_kafka_err2str(problem));
    } else {
        *error = arena_printf(producer->cli->arena, "Kafka does not answer at %s (%s)", servers,
                              producer->trouble[0] != '\0' ? producer->trouble : rd_kafka_err2str(problem));
    }
    return false;
}

static void producer_free(Producer *producer) {
    if (producer->kafka != NULL) {
        rd_kafka_purge(producer->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(producer->kafka, POLL_MS);
        rd_kafka_destroy(producer->kafka);
    }
    mem_free(producer);
}

static bool start_client(Producer *producer, Str *error) {
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, take_report);
    rd_kafka_conf_set_error_cb(conf, note_trouble);
    rd_kafka_conf_set_log_cb(conf, ignore_log);
    set_all(conf, before_settings, sizeof before_settings / sizeof *before_settings);
    if (!set_from_config(conf, producer->cli, error)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    set_all(conf, after_settings, sizeof after_settings / sizeof *after_settings);
    producer->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (producer->kafka == NULL) {
        *error = arena_printf(producer->cli->arena, "[kafka] settings: %s", text);
        rd_kafka_conf_destroy(conf);
    }
    return producer->kafka != NULL;
}

Producer *producer_open(const Cli *cli, const char *topic, Str *error) {
    Producer *producer = mem_alloc(1, sizeof *producer);
    producer->cli = cli;
    if (start_client(producer, error) && wait_for_topic(producer, topic, error)) {
        return producer;
    }
    producer_free(producer);
    return NULL;
}

static rd_kafka_resp_err_t produce(const Producer *producer, const ProducerRecord *record, void *tag) {
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)record->key.ptr, record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)record->value.ptr, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = tag},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(producer->kafka, parts, sizeof parts / sizeof *parts);
    rd_kafka_resp_err_t code = error == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

bool producer_send(Producer *producer, const ProducerRecord *record, int64_t tag) {
    void *opaque = (void *)(intptr_t)tag; // NOLINT(performance-no-int-to-ptr): comes back in take_report
    rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    while (result == RD_KAFKA_RESP_ERR__QUEUE_FULL && producer->failed == 0) {
        result = produce(producer, record, opaque);
        rd_kafka_poll(producer->kafka, result == RD_KAFKA_RESP_ERR__QUEUE_FULL ? POLL_MS : 0);
    }
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR && producer->failed == 0) {
        take_report(producer->kafka, &(rd_kafka_message_t){.err = result, ._private = opaque}, producer);
    }
    producer->sent += result == RD_KAFKA_RESP_ERR_NO_ERROR;
    return producer->failed == 0;
}

ProducerOutcome producer_finish(Producer *producer) {
    Progress progress = progress_begin("waiting for Kafka", producer->sent);
    while (producer->failed == 0 && rd_kafka_flush(producer->kafka, POLL_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        progress_show(&progress, producer->acknowledged);
    }
    if (producer->failed > 0) { // those behind it may still arrive: learn how many do
        rd_kafka_flush(producer->kafka, TOPIC_WAIT_MS);
    }
    progress_end(&progress);
    ProducerOutcome outcome = {producer->acknowledged, producer->failed_tag, producer->problem};
    producer_free(producer);
    return outcome;
}
