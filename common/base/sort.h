// Sorting of pointers, for lists that are nearly always short.
#pragma once

#include <stddef.h>

// By `compare`, which is given two of the pointers. Equal ones may change places.
void sort_pointers(const void **items, size_t count, int (*compare)(const void *a, const void *b));
