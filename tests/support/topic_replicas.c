// topic-replicas: which copies of each partition are there and in step, as lines of JSON, for tests.
//
//     topic-replicas BOOTSTRAP
//
// A line for each partition of each topic, Kafka's own included: {"topic", "partition", "leader", "replicas",
// "in_sync"}; the last two count brokers, a leader of -1 is none.
#include "tests/support/kafka_environment.h"

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MS = 15000, EXIT_MISUSED = 2 };

static void print_topic(const rd_kafka_metadata_topic_t *topic) {
    for (int i = 0; i < topic->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *p = &topic->partitions[i];
        json_t *line = json_pack("{s:s, s:i, s:i, s:i, s:i}", "topic", topic->topic, "partition", (int)p->id, "leader",
                                 (int)p->leader, "replicas", p->replica_cnt, "in_sync", p->isr_cnt);
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    }
}

static bool print_all(rd_kafka_t *kafka) {
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(kafka, 1, NULL, &metadata, ANSWER_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "topic-replicas: %s\n", rd_kafka_err2str(err));
        return false;
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        print_topic(&metadata->topics[i]);
    }
    rd_kafka_metadata_destroy(metadata);
    return fflush(stdout) == 0;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "Usage: topic-replicas BOOTSTRAP\n");
        return EXIT_MISUSED;
    }
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    bool good = rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], error, sizeof error) == RD_KAFKA_CONF_OK &&
                set_from_environment(conf);
    rd_kafka_t *kafka = good ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error) : NULL;
    if (kafka == NULL) {
        fprintf(stderr, "topic-replicas: no client for %s\n", argv[1]);
        rd_kafka_conf_destroy(conf);
        return EXIT_FAILURE;
    }
    good = print_all(kafka);
    rd_kafka_destroy(kafka);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
