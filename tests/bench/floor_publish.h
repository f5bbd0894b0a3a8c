// What the contract demands beside the commit, at its least: whatever was committed also goes to Kafka, in a Kafka
// transaction a partition, beside the consumer and never in its way. As the daemon's publisher does it
// (services/ingest/publisher.h, outbox.h): a thread with a PostgreSQL connection and a transactional producer a
// partition, which takes all that has come up since it last looked and then notes how far it is. It reads nothing back
// from the database and encodes nothing: its records are filling, as long as a snapshot is.
#pragma once

#include <libpq-fe.h>

#include <stdint.h>

enum { PARTITIONS_MAX = 64 };

typedef struct Span {
    int64_t first, last; // offsets; first -1: none
} Span;

typedef struct FloorPublisher FloorPublisher;

// Makes the table floor_outbox (partition, last_offset, records: how many were sent), shuts out what else sends for
// these partitions, and starts the thread. A round over the partitions takes at least `pace_ms` for each of its
// transactions, up to a second, as the daemon's. `pg` is the publisher's from here on. What is wrong ends the program,
// then and later.
FloorPublisher *floor_publisher_new(const char *bootstrap, PGconn *pg, int partitions, int pace_ms);

// These were committed, a span for each partition. Returns at once.
void floor_publisher_wake(FloorPublisher *publisher, const Span *spans);

// Sends what is left and ends the thread. NULL is allowed.
void floor_publisher_free(FloorPublisher *publisher);
