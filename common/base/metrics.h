// Numbers in Prometheus' text format (version 0.0.4), and histograms that any thread adds to without a lock.
// Families are told as HELP and TYPE, then their samples; who owns the counters writes them.
#pragma once

#include "common/base/buf.h"

#include <stdatomic.h>

enum { METRICS_BOUNDS_MAX = 16 };

// Zero value with `bounds` and `unit` set. Observed are whole numbers (microseconds, records); `unit` of them make
// one of the unit that is told (1e6 microseconds a second), in which the bounds stand, ascending.
typedef struct Histogram {
    const double *bounds;
    size_t bounds_count; // METRICS_BOUNDS_MAX at most
    double unit;
    atomic_ullong counts[METRICS_BOUNDS_MAX + 1]; // each of its own bucket alone; the last: over all bounds
    atomic_ullong sum;
} Histogram;

void histogram_observe(Histogram *histogram, uint64_t value);

// `type`: counter, gauge, histogram. `help` has no backslash and no newline.
void metrics_write_family(Buf *out, const char *name, const char *type, const char *help);

// With its family. A scrape beside histogram_observe() may miss the newest, but its buckets and count agree.
void metrics_write_histogram(Buf *out, const char *name, const char *help, Histogram *histogram);

// A family of one sample without labels.
void metrics_write_value(Buf *out, const char *name, const char *type, const char *help, int64_t value);

// `name` ends in _build_info: 1, with the version of this program as a label.
void metrics_write_build_info(Buf *out, const char *name);
