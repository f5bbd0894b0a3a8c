// A growing run of bytes, with the few ways of writing that the project needs: raw, text, numbers
// in network order (PostgreSQL's binary formats), JSON. Zero value is empty. One thread.
#pragma once

#include "common/base/str.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

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

// Of buf_reserve: more capacity.
void buf_grow(Buf *buf, size_t bytes);

// Room for `bytes` more at the end; returns where they go. The length does not move.
static inline char *buf_reserve(Buf *buf, size_t bytes) {
    if (buf->capacity - buf->len < bytes) {
        buf_grow(buf, bytes);
    }
    return buf->ptr + buf->len;
}

static inline void buf_add(Buf *buf, const void *bytes, size_t len) {
    if (len > 0) {
        memcpy(buf_reserve(buf, len), bytes, len);
        buf->len += len;
    }
}

static inline void buf_add_str(Buf *buf, Str s) {
    buf_add(buf, s.ptr, s.len);
}

static inline void buf_set(Buf *buf, Str s) {
    buf_clear(buf);
    buf_add_str(buf, s);
}

static inline void buf_add_byte(Buf *buf, uint8_t byte) {
    *buf_reserve(buf, 1) = (char)byte;
    buf->len++;
}

// Big-endian, as are the next two.
static inline void buf_add_u16(Buf *buf, uint16_t value) {
    uint16_t bytes = htobe16(value);
    buf_add(buf, &bytes, sizeof bytes);
}

static inline void buf_add_u32(Buf *buf, uint32_t value) {
    uint32_t bytes = htobe32(value);
    buf_add(buf, &bytes, sizeof bytes);
}

static inline void buf_add_u64(Buf *buf, uint64_t value) {
    uint64_t bytes = htobe64(value);
    buf_add(buf, &bytes, sizeof bytes);
}

enum { DECIMAL_BYTES_MAX = 20 }; // of INT64_MIN

// Of put_decimal: several digits, or a sign.
char *put_long_decimal(char *at, int64_t value);

// Writes the number where there is room for DECIMAL_BYTES_MAX; returns the place behind it.
static inline char *put_decimal(char *at, int64_t value) {
    if (value < 0 || value >= 10) {
        return put_long_decimal(at, value);
    }
    *at = (char)('0' + value);
    return at + 1;
}

static inline void buf_add_decimal(Buf *buf, int64_t value) {
    char *at = buf_reserve(buf, DECIMAL_BYTES_MAX);
    buf->len += (size_t)(put_decimal(at, value) - at);
}

__attribute__((format(printf, 2, 3))) void buf_printf(Buf *buf, const char *format, ...);

// JSON: a quoted, escaped string, or null when absent. The bytes must be valid UTF-8.

// What a string may take.
static inline size_t json_string_bytes_max(Str s) {
    return 6 * s.len + sizeof "null";
}

// Of put_json_string: one that is there.
char *put_quoted(char *at, Str s);

// Writes the string where there is room for json_string_bytes_max; returns the place behind it.
static inline char *put_json_string(char *at, Str s) {
    return str_is_none(s) ? (char *)memcpy(at, "null", 4) + 4 : put_quoted(at, s);
}

// Of buf_add_json_string: one that is there.
void buf_add_quoted(Buf *buf, Str s);

static inline void buf_add_json_string(Buf *buf, Str s) {
    if (str_is_none(s)) {
        buf_add_str(buf, STR_LIT("null"));
    } else {
        buf_add_quoted(buf, s);
    }
}
