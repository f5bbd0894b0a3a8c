#include "common/base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static Buf out;

static int tear_down(void **state) {
    (void)state;
    buf_free(&out);
    return 0;
}

static void assert_written(const char *text) {
    assert_true(str_equal_text(buf_str(&out), text));
}

static void a_value_is_a_family_of_one_sample(void **state) {
    (void)state;
    metrics_write_value(&out, "cats", "gauge", "Cats in the house.", -3);
    assert_written("# HELP cats Cats in the house.\n# TYPE cats gauge\ncats -3\n");
}

static void buckets_accumulate_and_a_value_on_a_bound_is_within(void **state) {
    (void)state;
    static const double bounds[] = {0.001, 0.5, 2};
    Histogram histogram = {.bounds = bounds, .bounds_count = 3, .unit = 1e6};
    static const uint64_t us[] = {0, 1000, 1001, 500000, 2000000, 2000001, 3000000};
    for (size_t i = 0; i < sizeof us / sizeof *us; i++) {
        histogram_observe(&histogram, us[i]);
    }
    metrics_write_histogram(&out, "wait_seconds", "Waits.", &histogram);
    assert_written("# HELP wait_seconds Waits.\n# TYPE wait_seconds histogram\n"
                   "wait_seconds_bucket{le=\"0.001\"} 2\nwait_seconds_bucket{le=\"0.5\"} 4\n"
                   "wait_seconds_bucket{le=\"2\"} 5\nwait_seconds_bucket{le=\"+Inf\"} 7\n"
                   "wait_seconds_sum 7.502002\nwait_seconds_count 7\n");
}

static void an_empty_histogram_has_all_its_samples(void **state) {
    (void)state;
    static const double bounds[] = {10};
    Histogram histogram = {.bounds = bounds, .bounds_count = 1, .unit = 1};
    metrics_write_histogram(&out, "rows", "Rows.", &histogram);
    assert_written("# HELP rows Rows.\n# TYPE rows histogram\nrows_bucket{le=\"10\"} 0\n"
                   "rows_bucket{le=\"+Inf\"} 0\nrows_sum 0.000000\nrows_count 0\n");
}

static void the_version_is_a_label(void **state) {
    (void)state;
    metrics_write_build_info(&out, "x_build_info");
    assert_written("# HELP x_build_info 1; the version is a label.\n# TYPE x_build_info gauge\n"
                   "x_build_info{version=\"" DECLARED_VERSION "\"} 1\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_value_is_a_family_of_one_sample, tear_down),
        cmocka_unit_test_teardown(buckets_accumulate_and_a_value_on_a_bound_is_within, tear_down),
        cmocka_unit_test_teardown(an_empty_histogram_has_all_its_samples, tear_down),
        cmocka_unit_test_teardown(the_version_is_a_label, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
