// A growing run of bytes, with the few ways of writing that the project needs: raw, text, numbers
// in network order (PostgreSQL's binary formats), JSON. Zero value is empty. One thread.
#pragma once

#include "common/base/str.h"

#include <stdint.h>

typedef struct Buf {
    char *ptr; // owned; NULL while empty
    size_t len;
    size_t capacity;
} Buf;

void buf_free(Buf *buf);
#define _cleanup_buf_ __attribute__((cleanup(buf_free)))

static inline void buf_clear(Buf *buf) {
    buf->len = 0;
}

// Valid until the next write to the buffer.
static inline Str buf_str(const Buf *buf) {
    return (Str){buf->len > 0 ? buf->ptr : "", buf->len};
}

// Room for `bytes` more at the end; returns where they go. The length does not move.
char *buf_reserve(Buf *buf, size_t bytes);

void buf_add(Buf *buf, const void *bytes, size_t len);
void buf_add_str(Buf *buf, Str s);
void buf_add_byte(Buf *buf, uint8_t byte);
void buf_add_u16(Buf *buf, uint16_t value); // big-endian, as are the next two
void buf_add_u32(Buf *buf, uint32_t value);
void buf_add_u64(Buf *buf, uint64_t value);
void buf_add_decimal(Buf *buf, int64_t value);
__attribute__((format(printf, 2, 3))) void buf_printf(Buf *buf, const char *format, ...);

// JSON: a quoted, escaped string, or null when absent. The bytes must be valid UTF-8.
void buf_add_json_string(Buf *buf, Str s);
