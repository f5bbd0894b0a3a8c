// A thread that asks both servers now and then whether they answer, and the database how the desk's work stands, for
// those who watch (telemetry.h). It has connections of its own and is in nobody's way.
#pragma once

#include "common/base/config.h"

#include <stdatomic.h>

typedef struct Monitor Monitor;

// Starts the thread, which ends when *stop is true. `*running` counts it meanwhile. NULL: a setting is refused or
// there is no thread to be had, with the reason in `error`.
Monitor *monitor_start(const Config *config, const atomic_bool *stop, atomic_int *running, char *error,
                       size_t error_size);

// Waits for the thread; *stop must be true. NULL is fine.
void monitor_free(Monitor *monitor);
