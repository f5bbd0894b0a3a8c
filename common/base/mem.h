// Memory that is there or ends the process.
//
// Every transaction is all or nothing and every restart goes on from the lane row, so a process that
// is out of memory stops at once (one line on stderr, exit 70) instead of limping on: the next
// start finishes the work. Tests make the Nth allocation fail with DECLARED_FAIL_ALLOCATION=N.
#pragma once

#include <stddef.h>

// Zeroed. Never NULL; count * size is checked for overflow.
void *mem_alloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc, warn_unused_result));

// As realloc; the grown part is not zeroed. Never NULL.
void *mem_resize(void *block, size_t count, size_t size) __attribute__((returns_nonnull, warn_unused_result));

// For libraries that say so by a NULL: ends the process as the calls above do.
_Noreturn void mem_exhausted(void);

// NULL is fine.
void mem_free(void *block);

// A typed cleanup: `_cleanup_mem_ char *text = ...;` frees what text then points to.
static inline void mem_free_pointer(void *pointer_to_block) {
    mem_free(*(void **)pointer_to_block);
}
#define _cleanup_mem_ __attribute__((cleanup(mem_free_pointer)))
