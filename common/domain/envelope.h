// A Kafka record as it came, before anything is known of it.
#pragma once

#include "common/base/str.h"

#include <stdint.h>

#define TOPIC_DECLARATIONS "ward-declarations"
#define TOPIC_DESK "desk-events"
#define TOPIC_REJECTED "ward-declarations.rejected"

typedef enum InputTopic { INPUT_DECLARATIONS, INPUT_DESK, INPUT_COUNT } InputTopic;

static inline Str input_topic_name(InputTopic topic) {
    return topic == INPUT_DESK ? STR_LIT(TOPIC_DESK) : STR_LIT(TOPIC_DECLARATIONS);
}

// Keys and values are borrowed from the Kafka message or the ledger row; absent when null there.
typedef struct Envelope {
    InputTopic topic;
    int32_t partition; // which is the lane
    int64_t kafka_offset;
    int64_t kafka_timestamp_ms; // -1: the broker gave none
    Str key, payload;
} Envelope;

// murmur2(key) mod n as Java's default partitioner has it: the hash's sign bit is dropped.
int32_t partition_of_key(Str key, int32_t partitions);
