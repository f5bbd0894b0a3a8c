#include "services/gateway/cursor.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static Cursor parsed(const char *text) {
    Cursor cursor;
    assert_true(cursor_parse(str_from(text), &cursor));
    return cursor;
}

static void assert_written(const Cursor *cursor, const char *text) {
    Buf out = {0};
    cursor_write(cursor, &out);
    assert_true(str_equal_text(buf_str(&out), text));
    buf_free(&out);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    static const char *const texts[] = {
        "start", "3:25",        "3:25.2", "0:1,1:1,2:1,3:26.49,4:1,5:1", "7:9223372036854775807.2147483647",
        "0:0",   "2147483647:1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Cursor cursor = parsed(texts[i]);
        assert_written(&cursor, texts[i]);
    }
}

static void what_is_no_cursor_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "3",
                                      "3:",
                                      ":1",
                                      "3:1.",
                                      "3:1,",
                                      ",3:1",
                                      "3:1,3:2",
                                      "4:1,3:1",
                                      "-1:1",
                                      "3:-1",
                                      "3: 1",
                                      "3:1 ",
                                      "start,3:1",
                                      "2147483648:1",
                                      "3:9223372036854775808",
                                      "3:1.2147483648",
                                      "3:1.1.1",
                                      "x"};
    Cursor cursor;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(cursor_parse(str_from(bad[i]), &cursor));
    }
}

static void places_cover_what_is_before_them(void **state) {
    (void)state;
    Cursor cursor = parsed("3:25.2");
    assert_true(cursor_covers(&cursor, 3, 24, 1000));
    assert_true(cursor_covers(&cursor, 3, 25, 2));
    assert_false(cursor_covers(&cursor, 3, 25, 3));
    assert_false(cursor_covers(&cursor, 3, 26, 1));
    assert_false(cursor_covers(&cursor, 2, 1, 1)); // a lane that it does not name has all before it
}

static void places_move_forward_alone(void **state) {
    (void)state;
    Cursor cursor = parsed("3:25.2");
    assert_true(cursor_advance(&cursor, 3, 25, 1));
    assert_true(cursor_advance(&cursor, 3, 24, 9));
    assert_written(&cursor, "3:25.2");
    assert_true(cursor_advance(&cursor, 3, 25, 3));
    assert_true(cursor_advance(&cursor, 5, 1, 0));
    assert_true(cursor_advance(&cursor, 0, 7, 1));
    assert_written(&cursor, "0:7.1,3:25.3,5:1");
    assert_true(cursor_advance(&cursor, 3, 26, 0));
    assert_written(&cursor, "0:7.1,3:26,5:1");
}

static void inclusion_is_lane_by_lane(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool includes;
    } cases[] = {
        {"start", "start", true}, {"3:1", "start", true},   {"start", "3:1", false},       {"3:2,4:1", "3:1.9", true},
        {"3:2", "3:2.1", false},  {"3:2.1", "3:2.1", true}, {"3:9,4:1", "3:1,4:2", false}, {"3:9", "3:1,4:1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Cursor a = parsed(cases[i].a), b = parsed(cases[i].b);
        assert_int_equal(cursor_includes(&a, &b), cases[i].includes);
    }
}

static void lanes_have_a_bound(void **state) {
    (void)state;
    Cursor cursor = {0};
    for (int lane = 0; lane < CURSOR_LANES_MAX; lane++) {
        assert_true(cursor_advance(&cursor, lane, 1, 0));
    }
    assert_false(cursor_advance(&cursor, CURSOR_LANES_MAX, 1, 0));
    Buf out = {0};
    cursor_write(&cursor, &out);
    assert_true(cursor_parse(buf_str(&out), &cursor));
    buf_printf(&out, ",%d:1", CURSOR_LANES_MAX);
    assert_false(cursor_parse(buf_str(&out), &cursor));
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),          cmocka_unit_test(what_is_no_cursor_is_refused),
        cmocka_unit_test(places_cover_what_is_before_them), cmocka_unit_test(places_move_forward_alone),
        cmocka_unit_test(inclusion_is_lane_by_lane),        cmocka_unit_test(lanes_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
