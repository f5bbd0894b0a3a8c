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

static uint64_t fnv1a(const char *text) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 32;
}

// Of slots in use, one behind the other: what a search may have to walk.
static size_t longest_run(void) {
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < map.capacity; i++) {
        run = map.slots[i].value != NULL ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void keys_made_to_fall_on_one_place_do_not(void **state) {
    (void)state;
    enum { KEYS = 1000, KEY_BYTES = 16, CAPACITY = 2048 };
    static char keys[KEYS][KEY_BYTES];
    for (int number = 0, found = 0; found < KEYS; number++) {
        snprintf(keys[found], KEY_BYTES, "%d", number);
        found += fnv1a(keys[found]) % CAPACITY == 0; // a hash that anybody can compute
    }
    for (int i = 0; i < KEYS; i++) {
        map_put(&map, str_from(keys[i]), keys[i]);
    }
    assert_int_equal(map.capacity, CAPACITY);
    assert_in_range(longest_run(), 1, KEYS / 4);
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
        TEST(an_empty_map_knows_nothing),
        TEST(what_was_put_is_found),
        TEST(a_key_has_one_value),
        TEST(keys_may_hold_any_bytes),
        TEST(it_grows_and_keeps_all),
        TEST(a_freed_map_is_an_empty_one),
        TEST(keys_made_to_fall_on_one_place_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
