// topic-send: lines of JSON on standard input, sent to Kafka in their order, for tests of records
// that `declarectl` would not send.
//
//     topic-send BOOTSTRAP
//
// A line: {"topic", "partition", "key", "value"}; key and value base64, or null for none at all.
// Exit 0: every record is acknowledged. With DECLARED_KAFKA_TRANSACTIONAL_ID all are sent in one transaction.
#include "tests/support/kafka_environment.h"

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLUSH_MS = 30000, EXIT_MISUSED = 2 };

typedef struct Bytes {
    unsigned char *bytes; // NULL: none
    size_t len;
} Bytes;

static bool refused; // a record was not delivered

static void complain(const char *what, const char *why) {
    fprintf(stderr, "topic-send: %s: %s\n", what, why);
}

static void take_report(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque) {
    (void)kafka;
    (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        complain("not delivered", rd_kafka_err2str(message->err));
        refused = true;
    }
}

// False: not base64.
static bool decode(const json_t *json, Bytes *out) {
    *out = (Bytes){0};
    if (!json_is_string(json)) {
        return json_is_null(json);
    }
    const char *text = json_string_value(json);
    size_t len = json_string_length(json);
    out->bytes = malloc(len / 4 * 3 + 1);
    int decoded = EVP_DecodeBlock(out->bytes, (const unsigned char *)text, (int)len);
    for (size_t i = len; decoded > 0 && i > 0 && text[i - 1] == '='; i--) {
        decoded--;
    }
    out->len = decoded < 0 ? 0 : (size_t)decoded;
    return decoded >= 0;
}

static rd_kafka_resp_err_t produce(rd_kafka_t *kafka, const char *topic, int32_t partition, const Bytes *key,
                                   const Bytes *value) {
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key->bytes, key->len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value->bytes, value->len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };
    rd_kafka_resp_err_t err;
    do {
        rd_kafka_error_t *error = rd_kafka_produceva(kafka, parts, sizeof parts / sizeof parts[0]);
        err = error == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
        rd_kafka_poll(kafka, err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 100 : 0);
    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    return err;
}

static bool send_line(rd_kafka_t *kafka, const char *line) {
    json_error_t problem;
    json_t *json = json_loads(line, 0, &problem);
    const char *topic = json_string_value(json_object_get(json, "topic"));
    int32_t partition = (int32_t)json_integer_value(json_object_get(json, "partition"));
    Bytes key = {0}, value = {0};
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__INVALID_ARG;
    if (topic != NULL && decode(json_object_get(json, "key"), &key) && decode(json_object_get(json, "value"), &value)) {
        err = produce(kafka, topic, partition, &key, &value);
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        complain(line, rd_kafka_err2str(err));
    }
    free(key.bytes);
    free(value.bytes);
    json_decref(json);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_t *open_producer(const char *bootstrap) {
    const char *const settings[][2] = {
        {"bootstrap.servers", bootstrap},
        {"enable.idempotence", "true"},
        {"partitioner", "murmur2_random"},
        {"message.max.bytes", "2097152"},
        {"log_level", "0"},
    };
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_dr_msg_cb(conf, take_report);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) != RD_KAFKA_CONF_OK) {
            complain(settings[i][0], error);
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    if (!set_from_environment(conf)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (kafka == NULL) {
        complain(bootstrap, error);
        rd_kafka_conf_destroy(conf);
    }
    return kafka;
}

// Nothing to do without a transactional id. NULL: done.
typedef rd_kafka_error_t *(*TransactionStep)(rd_kafka_t *kafka);

static rd_kafka_error_t *begin(rd_kafka_t *kafka) {
    rd_kafka_error_t *error = rd_kafka_init_transactions(kafka, FLUSH_MS);
    return error != NULL ? error : rd_kafka_begin_transaction(kafka);
}

static rd_kafka_error_t *commit(rd_kafka_t *kafka) {
    return rd_kafka_commit_transaction(kafka, FLUSH_MS);
}

static bool step(rd_kafka_t *kafka, TransactionStep take) {
    const char *id = getenv("DECLARED_KAFKA_TRANSACTIONAL_ID");
    rd_kafka_error_t *error = id == NULL ? NULL : take(kafka);
    if (error != NULL) {
        complain(id, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
    return error == NULL;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "Usage: topic-send BOOTSTRAP <LINES\n");
        return EXIT_MISUSED;
    }
    rd_kafka_t *kafka = open_producer(argv[1]);
    if (kafka == NULL) {
        return EXIT_FAILURE;
    }
    char *line = NULL;
    size_t capacity = 0;
    bool good = step(kafka, begin);
    while (good && getline(&line, &capacity, stdin) >= 0) {
        good = send_line(kafka, line);
    }
    free(line);
    rd_kafka_resp_err_t err = rd_kafka_flush(kafka, FLUSH_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        complain(argv[1], rd_kafka_err2str(err));
    }
    char text[256];
    if (rd_kafka_fatal_error(kafka, text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        complain(argv[1], text);
    }
    good = good && step(kafka, commit);
    rd_kafka_destroy(kafka);
    return good && !refused && err == RD_KAFKA_RESP_ERR_NO_ERROR ? EXIT_SUCCESS : EXIT_FAILURE;
}
