#include "services/gateway/target.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static TargetStatus parse(const char *raw, Arena *arena, Target *target) {
    Str problem = STR_NONE;
    TargetStatus status = target_parse(raw, arena, target, &problem);
    assert_int_equal(status == TARGET_BAD, problem.len > 0);
    return status;
}

static void segments_and_parameters_are_decoded(void **state) {
    (void)state;
    Arena arena = {0};
    Target target;
    assert_int_equal(parse("/v1/a%20b/%C3%A9?region=South+East&x=%2B1&empty=&bare&&a=b=c", &arena, &target), TARGET_OK);
    assert_int_equal(target.segments_count, 3);
    assert_string_equal(target.segments[1].ptr, "a b");
    assert_string_equal(target.segments[2].ptr, "\xC3\xA9");
    assert_int_equal(target.parameters_count, 5);
    assert_string_equal(target_parameter(&target, "region").ptr, "South East");
    assert_string_equal(target_parameter(&target, "x").ptr, "+1");
    assert_int_equal(target_parameter(&target, "empty").len, 0);
    assert_false(str_is_none(target_parameter(&target, "bare")));
    assert_string_equal(target_parameter(&target, "a").ptr, "b=c");
    assert_true(str_is_none(target_parameter(&target, "absent")));
    assert_int_equal(parse("/a+b", &arena, &target), TARGET_OK);
    assert_string_equal(target.segments[0].ptr, "a+b");
    arena_free(&arena);
}

static void an_escaped_slash_stays_within_its_segment(void **state) {
    (void)state;
    Arena arena = {0};
    Target target;
    assert_int_equal(parse("/a%2Fb", &arena, &target), TARGET_OK);
    assert_int_equal(target.segments_count, 1);
    assert_string_equal(target.segments[0].ptr, "a/b");
    arena_free(&arena);
}

static void empty_segments_are_kept(void **state) {
    (void)state;
    Arena arena = {0};
    Target target;
    assert_int_equal(parse("/", &arena, &target), TARGET_OK);
    assert_int_equal(target.segments_count, 1);
    assert_int_equal(target.segments[0].len, 0);
    assert_int_equal(parse("/v1/?", &arena, &target), TARGET_OK);
    assert_int_equal(target.segments_count, 2);
    assert_int_equal(target.parameters_count, 0);
    arena_free(&arena);
}

static void what_is_no_target_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "*",
        "v1",
        "http://x/v1",
        "/%",
        "/%4",
        "/%zz",
        "/%4g",
        "/%00",
        "/%0a",
        "/%7f",
        "/\x01",
        "/\xff",
        "/%ff",
        "/%c3%28",
        "/%ed%a0%80",
        "/?a=%",
        "/?a=%00",
        "/?%ff=1",
        "/?a=1&a=2",
        "/?a=1&%61=2",
        "/1/2/3/4/5/6/7/8/9",
        "/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17",
    };
    Arena arena = {0};
    Target target;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse(bad[i], &arena, &target), TARGET_BAD);
    }
    arena_free(&arena);
}

static void a_target_has_a_length(void **state) {
    (void)state;
    static char raw[TARGET_BYTES_MAX + 2];
    Arena arena = {0};
    Target target;
    memset(raw, 'a', sizeof raw - 1);
    raw[0] = '/';
    assert_int_equal(parse(raw, &arena, &target), TARGET_TOO_LONG);
    raw[TARGET_BYTES_MAX] = '\0';
    assert_int_equal(parse(raw, &arena, &target), TARGET_OK);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_and_parameters_are_decoded),
        cmocka_unit_test(an_escaped_slash_stays_within_its_segment),
        cmocka_unit_test(empty_segments_are_kept),
        cmocka_unit_test(what_is_no_target_is_refused),
        cmocka_unit_test(a_target_has_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
