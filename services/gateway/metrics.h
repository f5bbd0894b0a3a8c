// Counters of the gateway, and their text for Prometheus. Any thread.
#pragma once

#include "common/base/buf.h"

typedef enum MetricsGauge {
    GAUGE_STREAM_CLIENTS,
    COUNTER_STREAM_DROPPED,  // clients that were too slow
    COUNTER_STREAM_EVENTS,   // read from the database, once for all clients
    COUNTER_LISTEN_CONNECTS, // connections of the listener, the first included
    GAUGE_DATABASE_UP,       // the listener's
    COUNTER_CACHE_HITS,
    METRICS_GAUGES,
} MetricsGauge;

// Routes are numbered by who counts: `name` is the label of number `route`, for METRICS_ROUTES_MAX of them.
enum { METRICS_ROUTES_MAX = 32 };

void metrics_name_route(size_t route, const char *name);
void metrics_count_request(size_t route, unsigned status, int64_t us);
void metrics_add(MetricsGauge gauge, int64_t change);
void metrics_set(MetricsGauge gauge, int64_t value);
int64_t metrics_get(MetricsGauge gauge);

// When the newest snapshot was recorded, in microseconds since 1970; 0: there is none yet.
void metrics_set_newest_snapshot(int64_t us);

void metrics_write(Buf *out, int64_t now_us);
