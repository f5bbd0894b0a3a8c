// Records to Kafka that are there once it says so: idempotent, acknowledged by all replicas, placed
// as Java's default partitioner would. Settings are [kafka]; one thread.
#pragma once

#include "services/cli/cli.h"

#include <librdkafka/rdkafka.h>

typedef struct Producer Producer;

typedef struct ProducerRecord {
    const char *topic;
    int32_t partition; // RD_KAFKA_PARTITION_UA: by the key
    Str key, value;    // absent: null
} ProducerRecord;

// Asks the broker for the topic, so that a wrong address is told at once. NULL: `error` (of the
// command's arena) says why.
Producer *producer_open(const Cli *cli, const char *topic, Str *error);

// Copies the record and takes it on its way; waits while too many are. `tag` is the caller's number
// for it. False: this or an earlier record cannot be delivered, see producer_finish.
bool producer_send(Producer *producer, const ProducerRecord *record, int64_t tag);

typedef struct ProducerOutcome {
    int64_t acknowledged;
    int64_t failed_tag; // of the first record that failed
    Str problem;        // absent: none failed
} ProducerOutcome;

// Waits until the fate of every record is known, showing progress; then the producer is gone.
ProducerOutcome producer_finish(Producer *producer);
