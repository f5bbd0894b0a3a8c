#include "services/gateway/metrics.h"

#include "common/base/metrics.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const unsigned statuses[] = {200, 204, 304, 400, 404, 405, 409, 414, 500, 503};
static const double buckets_s[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};

static const char *_Atomic route_names[METRICS_ROUTES_MAX];
static atomic_ullong requests[METRICS_ROUTES_MAX][COUNT_OF(statuses)];
static Histogram request_durations = {.bounds = buckets_s, .bounds_count = COUNT_OF(buckets_s), .unit = 1e6};
static atomic_llong gauges[METRICS_GAUGES];
static atomic_llong newest_snapshot_us;

void metrics_name_route(size_t route, const char *name) {
    atomic_store(&route_names[route], name);
}

void metrics_count_request(size_t route, unsigned status, int64_t us) {
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (statuses[i] == status) {
            atomic_fetch_add(&requests[route][i], 1);
        }
    }
    histogram_observe(&request_durations, (uint64_t)us);
}

void metrics_add(MetricsGauge gauge, int64_t change) {
    atomic_fetch_add(&gauges[gauge], change);
}

void metrics_set(MetricsGauge gauge, int64_t value) {
    atomic_store(&gauges[gauge], value);
}

int64_t metrics_get(MetricsGauge gauge) {
    return atomic_load(&gauges[gauge]);
}

void metrics_set_newest_snapshot(int64_t us) {
    long long known = atomic_load(&newest_snapshot_us);
    while (us > known && !atomic_compare_exchange_weak(&newest_snapshot_us, &known, us)) {
    }
}

static void write_requests(Buf *out) {
    static const char name[] = "declared_gateway_requests_total";
    metrics_write_family(out, name, "counter", "Requests answered, by route and status.");
    for (size_t route = 0; route < METRICS_ROUTES_MAX; route++) {
        for (size_t i = 0; i < COUNT_OF(statuses); i++) {
            unsigned long long count = atomic_load(&requests[route][i]);
            if (count > 0) {
                buf_printf(out, "%s{route=\"%s\",status=\"%u\"} %llu\n", name, atomic_load(&route_names[route]),
                           statuses[i], count);
            }
        }
    }
}

void metrics_write(Buf *out, int64_t now_us) {
    static const struct {
        const char *name, *type, *help;
    } table[METRICS_GAUGES] = {
        [GAUGE_STREAM_CLIENTS] = {"declared_gateway_stream_clients", "gauge",
                                  "Clients of /v1/stream and /test/v1/stream."},
        [COUNTER_STREAM_DROPPED] = {"declared_gateway_stream_dropped_total", "counter",
                                    "Clients of a stream that were dropped because they read too slowly."},
        [COUNTER_STREAM_EVENTS] = {"declared_gateway_stream_events_total", "counter",
                                   "Events read from the database for the streams, once for all clients."},
        [COUNTER_LISTEN_CONNECTS] = {"declared_gateway_listen_connects_total", "counter",
                                     "Connections made by the listener; each after the first is a reconnect."},
        [GAUGE_DATABASE_UP] = {"declared_gateway_database_up", "gauge", "1 while the listener is connected."},
        [COUNTER_CACHE_HITS] = {"declared_gateway_cache_hits_total", "counter",
                                "Requests answered without a query, because nothing had changed."},
    };
    write_requests(out);
    metrics_write_histogram(out, "declared_gateway_request_duration_seconds",
                            "From a request's first line to its answer, streams excepted.", &request_durations);
    for (size_t i = 0; i < METRICS_GAUGES; i++) {
        metrics_write_value(out, table[i].name, table[i].type, table[i].help, atomic_load(&gauges[i]));
    }
    long long newest = atomic_load(&newest_snapshot_us);
    if (newest > 0) {
        static const char name[] = "declared_gateway_newest_snapshot_age_seconds";
        metrics_write_family(out, name, "gauge", "Age of the newest live snapshot that the listener has seen.");
        buf_printf(out, "%s %.3f\n", name, (double)(now_us - newest) / 1e6);
    }
    metrics_write_build_info(out, "declared_gateway_build_info");
}
