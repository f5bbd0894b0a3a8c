#include "common/base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static Map map;

static int tear_down(void **state) {
    (void)state;
    map_free(&map);
    return 0;
}

static void an_empty_map_knows_nothing(void **state) {
    (void)state;
    assert_null(map_get(&map, STR_LIT("medway")));
    assert_null(map_get(&map, STR_NONE));
}

static void what_was_put_is_found(void **state) {
    (void)state;
    int medway, swale;
    map_put(&map, STR_LIT("medway"), &medway);
    map_put(&map, STR_LIT("swale"), &swale);
    assert_ptr_equal(map_get(&map, STR_LIT("medway")), &medway);
    assert_ptr_equal(map_get(&map, STR_LIT("swale")), &swale);
    assert_null(map_get(&map, STR_LIT("medwa")));
    assert_null(map_get(&map, STR_LIT("medwayy")));
    assert_int_equal(map.count, 2);
}

static void a_key_has_one_value(void **state) {
    (void)state;
    int old, new;
    map_put(&map, STR_LIT("medway"), &old);
    map_put(&map, STR_LIT("medway"), &new);
    assert_ptr_equal(map_get(&map, STR_LIT("medway")), &new);
    assert_int_equal(map.count, 1);
}

static void keys_may_hold_any_bytes(void **state) {
    (void)state;
    int with_nul, shorter, empty;
    map_put(&map, STR_LIT("a\0b"), &with_nul);
    map_put(&map, STR_LIT("a"), &shorter);
    map_put(&map, STR_LIT(""), &empty);
    assert_ptr_equal(map_get(&map, STR_LIT("a\0b")), &with_nul);
    assert_ptr_equal(map_get(&map, STR_LIT("a")), &shorter);
    assert_ptr_equal(map_get(&map, STR_LIT("")), &empty);
}

static void it_grows_and_keeps_all(void **state) {
    (void)state;
    enum { KEYS = 5000, KEY_BYTES = 24 };
    static char keys[KEYS][KEY_BYTES];
    for (int i = 0; i < KEYS; i++) {
        snprintf(keys[i], KEY_BYTES, "ward-%d", i);
        map_put(&map, str_from(keys[i]), keys[i]);
    }
    assert_int_equal(map.count, KEYS);
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(map_get(&map, str_from(keys[i])), keys[i]);
    }
    assert_null(map_get(&map, STR_LIT("ward-5000")));
}

static void a_freed_map_is_an_empty_one(void **state) {
    (void)state;
    int value;
    map_put(&map, STR_LIT("medway"), &value);
    map_free(&map);
    assert_null(map_get(&map, STR_LIT("medway")));
    map_put(&map, STR_LIT("medway"), &value);
    assert_ptr_equal(map_get(&map, STR_LIT("medway")), &value);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_map_knows_nothing), TEST(what_was_put_is_found),  TEST(a_key_has_one_value),
        TEST(keys_may_hold_any_bytes),    TEST(it_grows_and_keeps_all), TEST(a_freed_map_is_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
