// Memory for one batch: given out bump by bump, given back all at once.
//
// A reset keeps the first block, so a steady load allocates nothing. What an arena holds lives until
// its next reset or free; the worker resets a batch's arena in exactly one place. One thread.
#pragma once

#include "common/base/str.h"

#include <stddef.h>

typedef struct ArenaBlock ArenaBlock;

typedef struct Arena {
    ArenaBlock *blocks; // newest first
    size_t used;        // of the newest block
    size_t given;       // bytes given out since the last reset
    size_t held;        // bytes of all blocks
    size_t block_bytes; // of an ordinary block; 0: 64 KiB
} Arena;

// Zeroed, aligned for any type. Never NULL (see mem.h).
void *arena_alloc(Arena *arena, size_t count, size_t size)
    __attribute__((returns_nonnull, warn_unused_result));

// The same, not zeroed: for what is filled at once.
void *arena_alloc_raw(Arena *arena, size_t count, size_t size)
    __attribute__((returns_nonnull, warn_unused_result));

// A copy with a NUL behind it; an absent string stays absent.
Str arena_copy(Arena *arena, Str s);

__attribute__((format(printf, 2, 3))) Str arena_printf(Arena *arena, const char *format, ...);

void arena_reset(Arena *arena);

// Back to the zero value. A zeroed Arena needs no init.
void arena_free(Arena *arena);
