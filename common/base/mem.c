#include "common/base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_NO_MEMORY = 70 };

// Counts down to the allocation that a test wants to fail; 0 or less: none.
static atomic_long fail_countdown;
static atomic_bool fail_read;

_Noreturn void mem_exhausted(void) {
    static const char line[] = "declared: out of memory; stopping, the next start goes on from the last commit\n";
    ssize_t ignored = write(STDERR_FILENO, line, sizeof line - 1);
    (void)ignored;
    _exit(EXIT_NO_MEMORY);
}

static bool allocation_must_fail(void) {
    if (!atomic_exchange(&fail_read, true)) {
        const char *text = getenv("DECLARED_FAIL_ALLOCATION");
        atomic_store(&fail_countdown, text == NULL ? 0 : strtol(text, NULL, 10));
    }
    return atomic_load_explicit(&fail_countdown, memory_order_relaxed) > 0 && atomic_fetch_sub(&fail_countdown, 1) == 1;
}

void *mem_alloc(size_t count, size_t size) {
    void *block = allocation_must_fail() ? NULL : calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    if (block == NULL) {
        mem_exhausted();
    }
    return block;
}

void *mem_resize(void *block, size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        mem_exhausted();
    }
    size_t bytes = count * size;
    void *grown = allocation_must_fail() ? NULL : realloc(block, bytes == 0 ? 1 : bytes);
    if (grown == NULL) {
        mem_exhausted();
    }
    return grown;
}

void mem_free(void *block) {
    free(block);
}
