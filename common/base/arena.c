#include "common/base/arena.h"

#include "common/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

enum { BLOCK_BYTES = 64 * 1024 };

struct ArenaBlock {
    ArenaBlock *next;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

static size_t usual_block_bytes(const Arena *arena) {
    return arena->block_bytes == 0 ? BLOCK_BYTES : arena->block_bytes;
}

__attribute__((cold, noinline)) static void add_block(Arena *arena, size_t bytes) {
    size_t usual = usual_block_bytes(arena);
    size_t size = bytes > usual ? bytes : usual;
    ArenaBlock *block = mem_resize(NULL, 1, size > SIZE_MAX - sizeof *block ? SIZE_MAX : sizeof *block + size);
    block->size = size;
    arena->held += size;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = 0;
}

// Room that is not cleared; `bytes` is a multiple of the alignment, or SIZE_MAX for what cannot be had.
static inline void *take(Arena *arena, size_t bytes) {
    if (arena->blocks == NULL || arena->blocks->size - arena->used < bytes) {
        add_block(arena, bytes);
    }
    void *place = arena->blocks->bytes + arena->used;
    arena->used += bytes;
    arena->given += bytes;
    return place;
}

static size_t aligned(size_t count, size_t size) {
    size_t align = _Alignof(max_align_t);
    return size == 0 || count <= (SIZE_MAX - 4096) / size ? (count * size + align - 1) & ~(align - 1) : SIZE_MAX;
}

void *arena_alloc(Arena *arena, size_t count, size_t size) {
    size_t bytes = aligned(count, size);
    return memset(take(arena, bytes), 0, bytes);
}

void *arena_alloc_raw(Arena *arena, size_t count, size_t size) {
    return take(arena, aligned(count, size));
}

Str arena_copy(Arena *arena, Str s) {
    if (str_is_none(s)) {
        return s;
    }
    char *copy = take(arena, aligned(s.len + 1, 1));
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    copy[s.len] = '\0';
    return (Str){copy, s.len};
}

// Most texts fit where they are tried first.
Str arena_printf(Arena *arena, const char *format, ...) {
    enum { TRIED_BYTES = 256 };
    char *text = take(arena, TRIED_BYTES);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, TRIED_BYTES, format, args);
    va_end(args);
    size_t wanted = len < 0 ? 0 : aligned((size_t)len + 1, 1);
    if (wanted <= TRIED_BYTES) {
        arena->used -= TRIED_BYTES - wanted; // still the newest
        arena->given -= TRIED_BYTES - wanted;
        return len < 0 ? STR_LIT("") : (Str){text, (size_t)len};
    }
    text = take(arena, wanted);
    va_start(args, format);
    vsnprintf(text, wanted, format, args);
    va_end(args);
    return (Str){text, (size_t)len};
}

void arena_reset(Arena *arena) {
    // Keep one block of the usual size: the last of the list is the first that was made.
    while (arena->blocks != NULL && (arena->blocks->next != NULL || arena->blocks->size > usual_block_bytes(arena))) {
        ArenaBlock *next = arena->blocks->next;
        arena->held -= arena->blocks->size;
        mem_free(arena->blocks);
        arena->blocks = next;
    }
    arena->used = 0;
    arena->given = 0;
}

void arena_free(Arena *arena) {
    arena_reset(arena);
    mem_free(arena->blocks);
    *arena = (Arena){0};
}
