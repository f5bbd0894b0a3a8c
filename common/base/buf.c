#include "common/base/buf.h"

#include "common/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

void buf_free(Buf *buf) {
    mem_free(buf->ptr);
    *buf = (Buf){0};
}

void buf_grow(Buf *buf, size_t bytes) {
    size_t wanted = buf->len + bytes;
    enum { LARGE_BYTES = 1024 * 1024 }; // from here on by half: the rows of a batch are the largest that a worker has
    size_t grown = buf->capacity + (buf->capacity < LARGE_BYTES ? buf->capacity : buf->capacity / 2);
    buf->capacity = wanted > grown ? wanted : grown;
    buf->capacity = buf->capacity < 256 ? 256 : buf->capacity;
    buf->ptr = mem_resize(buf->ptr, buf->capacity, 1);
}

// At most 19, and so no power overflows. Comparisons are cheaper than divisions.
static size_t count_digits(uint64_t value) {
    size_t digits = 1;
    for (uint64_t power = 10; value >= power; power *= 10) {
        digits++;
    }
    return digits;
}

char *put_long_decimal(char *at, int64_t value) {
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    *at = '-';
    char *end = at + (value < 0) + count_digits(rest);
    for (at = end; rest >= 10; rest /= 10) {
        *--at = (char)('0' + rest % 10);
    }
    *--at = (char)('0' + rest);
    return end;
}

void buf_printf(Buf *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len <= 0) {
        return;
    }
    char *place = buf_reserve(buf, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(place, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

static bool is_escaped(unsigned char c) {
    return c < 0x20 || c == '"' || c == '\\';
}

// The top bit of each byte that is under 0x20, a quote or a backslash, and perhaps of one above it; never of none when
// there is one.
static uint64_t escaped_bytes(uint64_t word) {
    static const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
    return (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops;
}

static uint64_t load_64(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint64_t load_32(const char *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

// Copies the string; false: something in it must be escaped. Eight bytes at a time; the last may overlap those before.
static bool copy_plain(char *to, Str s) {
    if (s.len < 4) {
        size_t plain = 0;
        for (; plain < s.len && !is_escaped((unsigned char)s.ptr[plain]); plain++) {
            to[plain] = s.ptr[plain];
        }
        return plain == s.len;
    }
    if (s.len < 8) {
        size_t last = s.len - 4;
        memcpy(to, s.ptr, 4);
        memcpy(to + last, s.ptr + last, 4);
        return escaped_bytes(load_32(s.ptr) | load_32(s.ptr + last) << 32) == 0;
    }
    size_t last = s.len - 8;
    uint64_t escaped = escaped_bytes(load_64(s.ptr + last));
    for (size_t i = 0; i < last; i += 8) {
        memcpy(to + i, s.ptr + i, 8);
        escaped |= escaped_bytes(load_64(s.ptr + i));
    }
    memcpy(to + last, s.ptr + last, 8);
    return escaped == 0;
}

static void add_escaped(Buf *buf, unsigned char c) {
    if (c == '"' || c == '\\') {
        buf_add_byte(buf, '\\');
        buf_add_byte(buf, c);
    } else if (c == '\n') {
        buf_add_str(buf, STR_LIT("\\n"));
    } else if (c == '\t') {
        buf_add_str(buf, STR_LIT("\\t"));
    } else {
        buf_printf(buf, "\\u%04x", c);
    }
}

void buf_add_quoted(Buf *buf, Str s) {
    char *at = buf_reserve(buf, s.len + 2);
    *at = '"';
    if (copy_plain(at + 1, s)) {
        at[s.len + 1] = '"';
        buf->len += s.len + 2;
        return;
    }
    buf->len++;
    for (size_t i = 0; i < s.len; i++) {
        if (is_escaped((unsigned char)s.ptr[i])) {
            add_escaped(buf, (unsigned char)s.ptr[i]);
        } else {
            buf_add_byte(buf, (uint8_t)s.ptr[i]);
        }
    }
    buf_add_byte(buf, '"');
}
