// topic-dump: what a topic holds, as lines of JSON, for tests.
//
//     topic-dump BOOTSTRAP TOPIC [PARTITION]
//     topic-dump --ends BOOTSTRAP TOPIC
//
// A line for each committed record, in the order of each partition, one partition after the other:
// {"partition", "offset", "timestamp_ms", "key", "value", "headers": {name: value}}; keys and values base64,
// or null for none at all. --ends: {"partition", "first", "next"}, the offsets of the oldest record
// and of the next one. Exit 0: all that was there at the beginning has been written.
#include "tests/support/kafka_environment.h"

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 15000, EXIT_MISUSED = 2 };

static void complain(const char *what, const char *why) {
    fprintf(stderr, "topic-dump: %s: %s\n", what, why);
}

static json_t *base64_or_null(const void *bytes, size_t len) {
    if (bytes == NULL) {
        return json_null();
    }
    unsigned char *text = malloc((len + 2) / 3 * 4 + 1);
    int count = EVP_EncodeBlock(text, bytes, (int)len);
    json_t *json = json_stringn((const char *)text, (size_t)count);
    free(text);
    return json;
}

static json_t *headers_json(const rd_kafka_message_t *message) {
    json_t *json = json_object();
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return json;
    }
    const char *name;
    const void *value;
    size_t len;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        json_object_set_new(json, name, base64_or_null(value, len));
    }
    return json;
}

static void print_json(json_t *json) {
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
}

static void print_message(const rd_kafka_message_t *message) {
    print_json(json_pack("{s:i, s:I, s:I, s:o, s:o, s:o}", "partition", message->partition, "offset",
                         (json_int_t)message->offset, "timestamp_ms",
                         (json_int_t)rd_kafka_message_timestamp(message, NULL), "key",
                         base64_or_null(message->key, message->key_len), "value",
                         base64_or_null(message->payload, message->len), "headers", headers_json(message)));
}

static int count_partitions(rd_kafka_t *kafka, const char *name) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(kafka, 0, topic, &metadata, ANSWER_MS);
    int count = err == RD_KAFKA_RESP_ERR_NO_ERROR ? metadata->topics[0].partition_cnt : 0;
    if (count == 0) {
        complain(name, rd_kafka_err2str(err != RD_KAFKA_RESP_ERR_NO_ERROR ? err : metadata->topics[0].err));
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return count;
}

static bool print_end(rd_kafka_t *kafka, const char *topic, int partition) {
    int64_t first = 0, next = 0;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(kafka, topic, partition, &first, &next, ANSWER_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        complain(topic, rd_kafka_err2str(err));
        return false;
    }
    print_json(
        json_pack("{s:i, s:I, s:I}", "partition", partition, "first", (json_int_t)first, "next", (json_int_t)next));
    return true;
}

static bool dump_partition(rd_kafka_t *kafka, const char *topic, int partition) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t err = rd_kafka_assign(kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    while (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, ANSWER_MS);
        err = message == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : message->err;
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            print_message(message);
        }
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
    }
    if (err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        complain(topic, rd_kafka_err2str(err));
    }
    return err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
}

static rd_kafka_t *open_consumer(const char *bootstrap) {
    const char *const settings[][2] = {
        {"bootstrap.servers", bootstrap}, {"group.id", "topic-dump"},
        {"enable.auto.commit", "false"},  {"auto.offset.reset", "error"},
        {"enable.partition.eof", "true"}, {"isolation.level", "read_committed"},
        {"fetch.wait.max.ms", "10"},      {"log_level", "0"},
    };
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
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
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (kafka == NULL) {
        complain(bootstrap, error);
        rd_kafka_conf_destroy(conf);
    }
    return kafka;
}

int main(int argc, char **argv) {
    bool ends = argc > 1 && strcmp(argv[1], "--ends") == 0;
    char **arguments = argv + ends;
    int count = argc - 1 - ends;
    if (count < 2 || count > 3 - ends) {
        fprintf(stderr, "Usage: topic-dump BOOTSTRAP TOPIC [PARTITION]\n       topic-dump --ends BOOTSTRAP TOPIC\n");
        return EXIT_MISUSED;
    }
    rd_kafka_t *kafka = open_consumer(arguments[1]);
    if (kafka == NULL) {
        return EXIT_FAILURE;
    }
    const char *topic = arguments[2];
    int partitions = count_partitions(kafka, topic);
    int first = count == 3 ? (int)strtol(arguments[3], NULL, 10) : 0;
    int last = count == 3 ? first : partitions - 1;
    bool good = partitions > 0 && first >= 0 && last < partitions;
    for (int p = first; good && p <= last; p++) {
        good = ends ? print_end(kafka, topic, p) : dump_partition(kafka, topic, p);
    }
    rd_kafka_destroy(kafka);
    return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
