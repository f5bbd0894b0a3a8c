#include "common/base/metrics.h"

#include <assert.h>
#include <inttypes.h>

void histogram_observe(Histogram *histogram, uint64_t value) {
    assert(histogram->bounds_count <= METRICS_BOUNDS_MAX);
    size_t bucket = 0;
    while (bucket < histogram->bounds_count && (double)value / histogram->unit > histogram->bounds[bucket]) {
        bucket++;
    }
    atomic_fetch_add(&histogram->counts[bucket], 1);
    atomic_fetch_add(&histogram->sum, value);
}

void metrics_write_family(Buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_write_histogram(Buf *out, const char *name, const char *help, Histogram *histogram) {
    metrics_write_family(out, name, "histogram", help);
    unsigned long long count = 0;
    for (size_t i = 0; i < histogram->bounds_count; i++) {
        count += atomic_load(&histogram->counts[i]);
        buf_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, histogram->bounds[i], count);
    }
    count += atomic_load(&histogram->counts[histogram->bounds_count]);
    buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name, count, name,
               (double)atomic_load(&histogram->sum) / histogram->unit, name, count);
}

void metrics_write_value(Buf *out, const char *name, const char *type, const char *help, int64_t value) {
    metrics_write_family(out, name, type, help);
    buf_printf(out, "%s %" PRId64 "\n", name, value);
}

void metrics_write_build_info(Buf *out, const char *name) {
    metrics_write_family(out, name, "gauge", "1; the version is a label.");
    buf_printf(out, "%s{version=\"" DECLARED_VERSION "\"} 1\n", name);
}
