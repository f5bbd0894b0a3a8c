// The reader at the end of the way: it LISTENs, reads what it was told of, and notes when it had it.
//
// Two things can be read: the daemon's snapshots (api.council_control_history, by the channel council_control) and
// what floor_commit notes (table and channel floor_batch). One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A span of records that were seen, all in one answer.
typedef struct Sighting {
    int32_t partition;
    int64_t first_offset, last_offset;
    int64_t at_ns; // CLOCK_MONOTONIC
} Sighting;

typedef struct Reader Reader;

// Listens from here on. What is wrong ends the program.
Reader *reader_new(const char *uri, bool floor);
void reader_free(Reader *reader);

// Waits for a notification, and reads what it tells of. False: none came in time.
bool reader_wait(Reader *reader, int timeout_ms);

// All that was seen so far; valid until the next wait.
const Sighting *reader_sightings(const Reader *reader, size_t *count);

int64_t clock_ns(void);
