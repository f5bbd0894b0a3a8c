#include "common/postgres/hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(const Hosts *hosts, size_t number, const char *host, const char *port, const char *attributes) {
    HostAttempt attempt = hosts_attempt(hosts, number);
    assert_string_equal(attempt.host, host);
    assert_string_equal(attempt.port, port);
    assert_string_equal(attempt.session_attributes, attributes);
}

static void each_host_is_an_attempt(void **state) {
    (void)state;
    static const char *const uris[] = {"postgresql://me:secret@a:1,b:2/results?target_session_attrs=read-write",
                                       "host=a,b port=1,2 dbname=results target_session_attrs=read-write"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        Hosts hosts;
        hosts_read(&hosts, uris[i]);
        assert_int_equal(hosts_attempts(&hosts), 2);
        assert_int_equal(hosts.timeout_ms, 0);
        expect(&hosts, 0, "a", "1", "");
        expect(&hosts, 1, "b", "2", "");
        hosts_free(&hosts);
    }
}

static void one_port_is_that_of_all(void **state) {
    (void)state;
    Hosts hosts;
    hosts_read(&hosts, "host=a,b,c port=5433");
    assert_int_equal(hosts_attempts(&hosts), 3);
    expect(&hosts, 2, "c", "5433", "");
    hosts_free(&hosts);
    hosts_read(&hosts, "host=a,b");
    expect(&hosts, 1, "b", "", "");
    hosts_free(&hosts);
}

static void a_port_left_out_is_libpqs_own(void **state) {
    (void)state;
    static const char *const uris[] = {"host=a,b port=1,", "postgresql://a:1,b/results"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        Hosts hosts;
        hosts_read(&hosts, uris[i]);
        expect(&hosts, 0, "a", "1", "");
        expect(&hosts, 1, "b", "5432", "");
        hosts_free(&hosts);
    }
}

static void addresses_go_with_their_names(void **state) {
    (void)state;
    Hosts hosts;
    hosts_read(&hosts, "host=a,b hostaddr=127.0.0.1,127.0.0.2");
    assert_string_equal(hosts_attempt(&hosts, 1).address, "127.0.0.2");
    assert_string_equal(hosts_attempt(&hosts, 1).host, "b");
    hosts_free(&hosts);
    hosts_read(&hosts, "hostaddr=127.0.0.1,127.0.0.2");
    assert_string_equal(hosts_attempt(&hosts, 1).address, "127.0.0.2");
    assert_string_equal(hosts_attempt(&hosts, 1).host, "");
    hosts_free(&hosts);
}

static void standbys_are_all_asked_before_a_primary_is_taken(void **state) {
    (void)state;
    Hosts hosts;
    hosts_read(&hosts, "postgresql://a,b/?target_session_attrs=prefer-standby");
    assert_int_equal(hosts_attempts(&hosts), 4);
    expect(&hosts, 0, "a", "5432", "standby");
    expect(&hosts, 1, "b", "5432", "standby");
    expect(&hosts, 2, "a", "5432", "any");
    expect(&hosts, 3, "b", "5432", "any");
    hosts_free(&hosts);
}

static void what_is_not_a_plain_list_is_left_to_libpq(void **state) {
    (void)state;
    static const char *const uris[] = {
        "",
        "postgresql://localhost/declared",
        "host=a,b,c port=1,2",         // refused there
        "host=a,b hostaddr=127.0.0.1", // refused there
        "host=a,,b",                   // the gap is the default socket
        "service=results",             // read there
        "not a connection string",
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        Hosts hosts;
        hosts_read(&hosts, uris[i]);
        assert_int_equal(hosts_attempts(&hosts), 1);
        expect(&hosts, 0, "", "", "");
        hosts_free(&hosts);
    }
}

static void the_time_out_is_libpqs(void **state) {
    (void)state;
    static const struct {
        const char *uri;
        int timeout_ms;
    } cases[] = {
        {"connect_timeout=3", 3000}, {"connect_timeout=1", 2000}, // libpq's least
        {"connect_timeout=0", 0},    {"connect_timeout=-1", 0},   {"connect_timeout=99999", 600000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Hosts hosts;
        hosts_read(&hosts, cases[i].uri);
        assert_int_equal(hosts.timeout_ms, cases[i].timeout_ms);
        hosts_free(&hosts);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_host_is_an_attempt),
        cmocka_unit_test(one_port_is_that_of_all),
        cmocka_unit_test(a_port_left_out_is_libpqs_own),
        cmocka_unit_test(addresses_go_with_their_names),
        cmocka_unit_test(standbys_are_all_asked_before_a_primary_is_taken),
        cmocka_unit_test(what_is_not_a_plain_list_is_left_to_libpq),
        cmocka_unit_test(the_time_out_is_libpqs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
