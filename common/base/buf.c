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

void buf_add_decimal(Buf *buf, int64_t value) {
    if (value >= 0 && value < 10) {
        buf_add_byte(buf, (uint8_t)('0' + value));
        return;
    }
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        digits[--at] = '-';
    }
    buf_add(buf, digits + at, sizeof digits - at);
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

// Eight bytes at a time: the top bit of each byte that is under 0x20, a quote or a backslash, and perhaps of one above
// it; never of none when there is one.
static uint64_t escaped_bytes(const char *at) {
    static const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t word;
    memcpy(&word, at, sizeof word);
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
    return (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops;
}

static size_t plain_length(Str s, size_t from) {
    while (from + 8 <= s.len && escaped_bytes(s.ptr + from) == 0) {
        from += 8;
    }
    while (from < s.len && !is_escaped((unsigned char)s.ptr[from])) {
        from++;
    }
    return from;
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

void buf_add_json_string(Buf *buf, Str s) {
    if (str_is_none(s)) {
        buf_add_str(buf, STR_LIT("null"));
        return;
    }
    buf_add_byte(buf, '"');
    for (size_t at = 0; at < s.len;) {
        size_t end = plain_length(s, at);
        buf_add(buf, s.ptr + at, end - at);
        at = end;
        if (at < s.len) {
            add_escaped(buf, (unsigned char)s.ptr[at++]);
        }
    }
    buf_add_byte(buf, '"');
}
