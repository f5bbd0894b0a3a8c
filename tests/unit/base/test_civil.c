#include "common/base/civil.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool same_date(CivilDate a, CivilDate b) {
    return a.year == b.year && a.month == b.month && a.day == b.day;
}

static void days_count_from_1970(void **state) {
    (void)state;
    static const struct {
        CivilDate date;
        int64_t days;
    } cases[] = {
        {{1970, 1, 1}, 0},     {{1969, 12, 31}, -1},   {{2000, 2, 29}, 11016}, {{2000, 3, 1}, 11017},
        {{2023, 5, 4}, 19481}, {{1900, 3, 1}, -25508}, {{1, 1, 1}, -719162},   {{9999, 12, 31}, 2932896},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(civil_days(cases[i].date), cases[i].days);
        assert_true(same_date(civil_from_days(cases[i].days), cases[i].date));
    }
}

static void every_day_comes_back(void **state) {
    (void)state;
    for (int64_t days = -719162; days <= 2932896; days += 13) {
        assert_int_equal(civil_days(civil_from_days(days)), days);
    }
}

static void days_that_exist_are_parsed(void **state) {
    (void)state;
    static const char *const good[] = {"2023-05-04", "0001-01-01", "9999-12-31", "2024-02-29", "2000-02-29"};
    static const char *const bad[] = {"2023-02-29", "1900-02-29",  "2023-04-31", "2023-13-01", "2023-00-10",
                                      "2023-05-00", "2023-05-32",  "0000-05-04", "2023-5-4",   "2023/05/04",
                                      "23-05-04",   "2023-05-04 ", "+023-05-04", "",           "2023-05-0x"};
    CivilDate date;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(civil_parse_date(str_from(good[i]), &date));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(civil_parse_date(str_from(bad[i]), &date));
    }
    assert_false(civil_parse_date(STR_NONE, &date));
}

// 22:00 in London is 21:00 UTC in summer time, which begins and ends on a Sunday.
static void polls_close_at_ten_in_london(void **state) {
    (void)state;
    static const struct {
        CivilDate poll_date;
        int utc_hour;
    } cases[] = {
        {{2023, 5, 4}, 21},   {{2023, 1, 5}, 22},   {{2023, 3, 25}, 22}, {{2023, 3, 26}, 21},
        {{2023, 10, 28}, 21}, {{2023, 10, 29}, 22}, {{2024, 3, 30}, 22}, {{2024, 3, 31}, 21}, // the 31st a Sunday
        {{2021, 10, 30}, 21}, {{2021, 10, 31}, 22},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t expected_ms = (civil_days(cases[i].poll_date) * 24 + cases[i].utc_hour) * 3600000;
        assert_true(civil_close_of_poll_ms(cases[i].poll_date) == expected_ms);
    }
}

static void timestamps_have_six_decimals(void **state) {
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(1683249300123456), "2023-05-05T01:15:00.123456Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Buf text = {0};
        civil_add_timestamp(&text, cases[i].us);
        bool same = str_equal_text(buf_str(&text), cases[i].text);
        buf_free(&text);
        assert_true(same);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_count_from_1970),         cmocka_unit_test(every_day_comes_back),
        cmocka_unit_test(days_that_exist_are_parsed),   cmocka_unit_test(polls_close_at_ten_in_london),
        cmocka_unit_test(timestamps_have_six_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
