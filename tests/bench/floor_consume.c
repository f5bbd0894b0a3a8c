// floor_consume: reads the declarations of a topic with librdkafka, by the daemon's settings, and drops them.
//
//     floor_consume --bootstrap HOST:PORT --records N [--partitions N]
//
// Out: {"records", "bytes", "seconds", "cpu_seconds"}, from the first record to the last.
#include "common/domain/envelope.h"

#include <librdkafka/rdkafka.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 2000, POLL_MS = 100, SECONDS_MAX = 120 };

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static rd_kafka_t *open_consumer(const char *bootstrap, int partitions) {
    const char *const settings[][2] = {
        {"bootstrap.servers", bootstrap},      {"group.id", "declared-floor"}, {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"}, {"check.crcs", "true"},         {"queued.max.messages.kbytes", "16384"},
        {"fetch.max.bytes", "2097152"},        {"fetch.wait.max.ms", "100"},
    };
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error);
    }
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (kafka == NULL) {
        fprintf(stderr, "floor_consume: %s\n", error);
        exit(EXIT_FAILURE);
    }
    rd_kafka_poll_set_consumer(kafka);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(list, TOPIC_DECLARATIONS, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    return kafka;
}

static int run(rd_kafka_t *kafka, size_t wanted) {
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(kafka);
    rd_kafka_message_t *messages[BATCH];
    size_t records = 0, bytes = 0;
    double began = 0, cpu = 0, until = seconds_of(CLOCK_MONOTONIC) + SECONDS_MAX;
    while (records < wanted && seconds_of(CLOCK_MONOTONIC) < until) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, POLL_MS, messages, BATCH);
        if (count > 0 && records == 0) {
            began = seconds_of(CLOCK_MONOTONIC);
            cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        }
        for (ssize_t i = 0; i < count; i++) {
            if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                records++;
                bytes += messages[i]->len + messages[i]->key_len;
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    printf("{\"records\": %zu, \"bytes\": %zu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", records, bytes,
           seconds_of(CLOCK_MONOTONIC) - began, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    rd_kafka_queue_destroy(queue);
    if (records < wanted) {
        fprintf(stderr, "floor_consume: %zu of %zu records after %d s\n", records, wanted, SECONDS_MAX);
    }
    return records < wanted ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"bootstrap", required_argument, NULL, 'b'},
                                            {"records", required_argument, NULL, 'r'},
                                            {"partitions", required_argument, NULL, 'p'},
                                            {0}};
    const char *bootstrap = NULL;
    size_t records = 0;
    int partitions = 6;
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (found == 'b') {
            bootstrap = optarg;
        } else if (found == 'r') {
            records = strtoul(optarg, NULL, 10);
        } else if (found == 'p') {
            partitions = atoi(optarg);
        }
    }
    if (bootstrap == NULL || records == 0 || partitions < 1 || optind != argc) {
        fprintf(stderr, "Usage: floor_consume --bootstrap HOST:PORT --records N [--partitions N]\n");
        return 2;
    }
    rd_kafka_t *kafka = open_consumer(bootstrap, partitions);
    int code = run(kafka, records);
    rd_kafka_consumer_close(kafka);
    rd_kafka_destroy(kafka);
    return code;
}
