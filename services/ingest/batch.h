// The records of one transaction: taken from the consumer, ordered, bounded in count and bytes.
#pragma once

#include "services/ingest/consumer.h"
#include "services/validator/decode.h"

typedef struct BatchRecord {
    rd_kafka_message_t *message; // owned by the batch
    Envelope envelope;           // borrowed from it
    Decoded decoded;             // in the batch's arena
    bool waits;                  // its writer's schema is not known yet: it is not decoded, its lane ends here
} BatchRecord;

typedef struct Batch {
    VEC(BatchRecord) records; // by lane; within a lane desk events first; then by offset
    size_t bytes, weight; // against LIMIT_BATCH_BYTES and LIMIT_BATCH_RECORDS
    Arena arena; // reset by batch_clear and nowhere else
} Batch;

// The first record within `timeout_ms`, then what is there already, up to the limits.
void batch_fill(Batch *batch, Consumer *consumer, int timeout_ms);

// The limits ended it: more may be there.
bool batch_is_full(const Batch *batch);

void batch_clear(Batch *batch);
void batch_free(Batch *batch);
