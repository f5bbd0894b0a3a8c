#include "common/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static Arena arena;

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static void memory_is_zeroed_and_aligned(void **state) {
    (void)state;
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        unsigned char *bytes = arena_alloc(&arena, size, 1);
        assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(bytes[i], 0);
        }
        memset(bytes, 0xff, size);
    }
    arena_reset(&arena);
    const unsigned char *again = arena_alloc(&arena, 64, 1);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(again[i], 0);
    }
}

static void what_it_gave_stays_until_the_reset(void **state) {
    (void)state;
    Str first = arena_printf(&arena, "%s", "first");
    for (int i = 0; i < 1000; i++) {
        memset(arena_alloc(&arena, 1, 1000), 'x', 1000);
    }
    assert_string_equal(first.ptr, "first");
    assert_true(arena.given >= 1000 * 1000);
    arena_reset(&arena);
    assert_int_equal(arena.given, 0);
}

static void a_steady_load_keeps_its_first_block(void **state) {
    (void)state;
    void *first = arena_alloc(&arena, 1, 16);
    for (int i = 0; i < 10; i++) {
        memset(arena_alloc(&arena, 1, 60000), 1, 60000);
        arena_reset(&arena);
        assert_ptr_equal(arena_alloc(&arena, 1, 16), first);
    }
}

static void copies_end_in_nul_and_absence_stays(void **state) {
    (void)state;
    Str copy = arena_copy(&arena, str_slice(STR_LIT("Medway"), 0, 3));
    assert_string_equal(copy.ptr, "Med");
    assert_true(str_is_none(arena_copy(&arena, STR_NONE)));
    assert_false(str_is_none(arena_copy(&arena, STR_LIT(""))));
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(memory_is_zeroed_and_aligned),
        TEST(what_it_gave_stays_until_the_reset),
        TEST(a_steady_load_keeps_its_first_block),
        TEST(copies_end_in_nul_and_absence_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
