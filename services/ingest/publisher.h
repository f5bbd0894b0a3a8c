// A worker's publisher: sends what its lanes have to tell through Kafka, beside the worker and never
// in its way. It has a thread and a PostgreSQL connection of its own, reads what was committed, and
// waits by itself for servers that are away.
#pragma once

#include "common/base/config.h"
#include "services/aggregator/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Publisher Publisher;

// Starts the thread. It ends when *stop is true.
Publisher *publisher_new(const Config *config, const atomic_bool *stop);

// The lanes that the worker owns from now on, all of them. Returns at once.
void publisher_own(Publisher *publisher, const int32_t *lanes, size_t count);

// The worker waits for a server, and has said so: nothing is tried meanwhile, and nothing said twice.
void publisher_rest(Publisher *publisher, bool rest);

// The worker has more records waiting than a batch takes: the way to the screen comes first for a while, and what goes
// through Kafka waits for it, up to four seconds at a time.
void publisher_yield(Publisher *publisher);

// These were committed.
void publisher_wake(Publisher *publisher, const LaneAt *lanes, size_t count);

// Waits for the thread; *stop must be true.
void publisher_free(Publisher *publisher);
