#include "common/base/rfc3339.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void moments_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2023-05-05T01:12:03Z", 1683249123000},
        {"2023-05-05t02:12:03.5+01:00", 1683249123500},
        {"2023-05-04 19:42:03.123456-05:30", 1683249123123},
        {"2023-05-05T01:12:03.1234567890123z", 1683249123123},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"2024-02-29T00:00:00Z", 1709164800000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = 0;
        assert_true(rfc3339_parse(str_from(cases[i].text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void what_is_no_moment_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "2023-05-05",
        "2023-05-05T01:12:03",
        "2023-05-05T01:12Z",
        "2023-05-05T24:00:00Z",
        "2023-05-05T01:60:00Z",
        "2023-05-05T01:12:61Z",
        "2023-05-05T01:12:03.Z",
        "2023-05-05T01:12:03+1:00",
        "2023-05-05T01:12:03+0100",
        "2023-05-05T01:12:03+24:00",
        "2023-05-05T01:12:03Z ",
        "2023-02-30T01:12:03Z",
        "2023-05-05X01:12:03Z",
        "20230505T011203Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms;
        assert_false(rfc3339_parse(str_from(bad[i]), &ms));
    }
    int64_t ms;
    assert_false(rfc3339_parse(STR_NONE, &ms));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_read),
        cmocka_unit_test(what_is_no_moment_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
