// A progress bar on standard error, when that is a terminal and the work takes longer than a second.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct Progress {
    const char *label;
    int64_t total; // of what is counted; 0: not known
    int64_t begun_ms, drawn_ms;
    bool terminal;
} Progress;

Progress progress_begin(const char *label, int64_t total);

// Cheap enough for every record: draws ten times a second at most.
void progress_show(Progress *progress, int64_t done);

// Takes the bar away, so that what is said next has a line of its own.
void progress_end(Progress *progress);
