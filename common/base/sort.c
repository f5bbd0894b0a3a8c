#include "common/base/sort.h"

#include <stdlib.h>

enum { FEW = 12 }; // as many are sorted sooner by insertion

typedef int (*Compare)(const void *a, const void *b);

static int compare_pointed(const void *a, const void *b, void *compare) {
    return (*(Compare *)compare)(*(const void *const *)a, *(const void *const *)b);
}

void sort_pointers(const void **items, size_t count, Compare compare) {
    if (count > FEW) {
        qsort_r(items, count, sizeof *items, compare_pointed, &compare);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        const void *item = items[i];
        size_t at = i;
        for (; at > 0 && compare(items[at - 1], item) > 0; at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
}
