#include "common/base/sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { ITEMS_MAX = 40 };

static int by_number(const void *a, const void *b) {
    int left = *(const int *)a, right = *(const int *)b;
    return (left > right) - (left < right);
}

static void lists_of_any_length_come_in_order(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (size_t count = 0; count <= ITEMS_MAX; count++) {
        int numbers[ITEMS_MAX], sum = 0, sorted_sum = 0;
        const void *items[ITEMS_MAX];
        for (size_t i = 0; i < count; i++) {
            seed = seed * 1664525 + 1013904223;
            numbers[i] = (int)(seed >> 27); // some are equal
            sum += numbers[i];
            items[i] = &numbers[i];
        }
        sort_pointers(items, count, by_number);
        for (size_t i = 0; i < count; i++) {
            sorted_sum += *(const int *)items[i];
            assert_true(i == 0 || by_number(items[i - 1], items[i]) <= 0);
        }
        assert_int_equal(sorted_sum, sum);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_any_length_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
