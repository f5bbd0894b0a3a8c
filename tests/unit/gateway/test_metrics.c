#include "services/gateway/metrics.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_line(const Buf *text, const char *line) {
    if (memmem(text->ptr, text->len, line, strlen(line)) == NULL) {
        fail_msg("'%s' is not in:\n%.*s", line, (int)text->len, text->ptr);
    }
}

static void what_is_counted_is_written(void **state) {
    (void)state;
    metrics_name_route(3, "/elections");
    metrics_count_request(3, 200, 400);
    metrics_count_request(3, 200, 3000);
    metrics_count_request(3, 503, 60000000);
    metrics_add(GAUGE_STREAM_CLIENTS, 2);
    metrics_add(GAUGE_STREAM_CLIENTS, -1);
    metrics_set(GAUGE_DATABASE_UP, 1);
    metrics_set_newest_snapshot(1000000);
    metrics_set_newest_snapshot(500000); // older: no
    Buf text = {0};
    metrics_write(&text, 3500000);
    assert_line(&text, "\ndeclared_gateway_requests_total{route=\"/elections\",status=\"200\"} 2\n");
    assert_line(&text, "\ndeclared_gateway_requests_total{route=\"/elections\",status=\"503\"} 1\n");
    assert_line(&text, "_seconds_bucket{le=\"0.001\"} 1\n");
    assert_line(&text, "_seconds_bucket{le=\"0.005\"} 2\n");
    assert_line(&text, "_seconds_bucket{le=\"5\"} 2\n");
    assert_line(&text, "_seconds_bucket{le=\"+Inf\"} 3\n");
    assert_line(&text, "_seconds_sum 60.003400\n");
    assert_line(&text, "_seconds_count 3\n");
    assert_line(&text, "\ndeclared_gateway_stream_clients 1\n");
    assert_line(&text, "\ndeclared_gateway_database_up 1\n");
    assert_line(&text, "\ndeclared_gateway_newest_snapshot_age_seconds 2.500\n");
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_counted_is_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
