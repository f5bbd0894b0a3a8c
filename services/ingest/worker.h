// One worker: a Kafka consumer, the validator, the aggregator and a PostgreSQL connection, sharing
// nothing with other workers. It owns the lanes that the group gives it.
#pragma once

#include "common/base/config.h"

#include <stdatomic.h>

typedef struct Worker Worker;

// `number` counts from 1. NULL: a setting is refused, with the reason in `error`.
Worker *worker_new(const Config *config, int number, const atomic_bool *stop, char *error, size_t error_size);

// Runs until *stop is true: finishes its batch, leaves the group. Waits for servers that are away,
// says so once, and goes on by itself. False: another process has taken this one's place in the group;
// then it has asked the process to end (SIGTERM), and waited for that. `*turns` counts its rounds: a worker that
// waits goes round all the same, and one whose count stands still for long hangs.
bool worker_run(Worker *worker, atomic_uint *turns);

void worker_free(Worker *worker);
