#include "services/ingest/batch.h"

#include "common/base/limits.h"

#include <stdlib.h>

static int by_place(const void *left, const void *right) {
    const Envelope *a = &((const BatchRecord *)left)->envelope, *b = &((const BatchRecord *)right)->envelope;
    if (a->partition != b->partition) {
        return a->partition < b->partition ? -1 : 1;
    }
    if (a->topic != b->topic) {
        return a->topic == INPUT_DESK ? -1 : 1;
    }
    return (a->kafka_offset > b->kafka_offset) - (a->kafka_offset < b->kafka_offset);
}

bool batch_is_full(const Batch *batch) {
    return batch->weight >= LIMIT_BATCH_RECORDS || batch->bytes >= LIMIT_BATCH_BYTES;
}

void batch_fill(Batch *batch, Consumer *consumer, int timeout_ms) {
    rd_kafka_message_t *message = consumer_poll(consumer, timeout_ms);
    while (message != NULL) {
        Envelope envelope = consumer_envelope(message);
        *vec_push(&batch->records) = (BatchRecord){.message = message, .envelope = envelope};
        batch->bytes += envelope.key.len + envelope.payload.len;
        batch->weight += envelope.topic == INPUT_DESK ? LIMIT_DESK_WEIGHT : 1;
        message = batch_is_full(batch) ? NULL : consumer_poll(consumer, 0);
    }
    if (batch->records.count > 1) {
        qsort(batch->records.items, batch->records.count, sizeof(BatchRecord), by_place);
    }
}

void batch_clear(Batch *batch) {
    for (size_t i = 0; i < batch->records.count; i++) {
        rd_kafka_message_destroy(batch->records.items[i].message);
    }
    vec_clear(&batch->records);
    batch->bytes = batch->weight = 0;
    arena_reset(&batch->arena);
}

void batch_free(Batch *batch) {
    batch_clear(batch);
    vec_free(&batch->records);
    arena_free(&batch->arena);
}
