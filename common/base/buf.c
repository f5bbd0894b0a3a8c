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

// The decimals from 00 to 99, one behind the other.
static const char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546"
    "4748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293"
    "949596979899";

static void put_pair(char *at, uint64_t value) {
    memcpy(at, pairs + 2 * value, 2);
}

// Four digits at a time; most numbers have no more.
static char *put_digits(char *at, uint64_t value) {
    if (value < 10) {
        *at = (char)('0' + value);
        return at + 1;
    }
    if (value < 100) {
        put_pair(at, value);
        return at + 2;
    }
    if (value < 1000) {
        *at = (char)('0' + value / 100);
        put_pair(at + 1, value % 100);
        return at + 3;
    }
    if (value >= 10000) {
        at = put_digits(at, value / 10000);
        value %= 10000;
    }
    put_pair(at, value / 100);
    put_pair(at + 2, value % 100);
    return at + 4;
}

char *put_long_decimal(char *at, int64_t value) {
    if (value >= 0) {
        return put_digits(at, (uint64_t)value);
    }
    *at = '-';
    return put_digits(at + 1, 0 - (uint64_t)value);
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

// Some byte's top bit is set if some byte is under 0x20, a quote or a backslash, and only then. A quote with its second
// bit turned is 0x20, and what is under 0x20 stays there: one subtraction finds both. What borrows from its neighbour
// has found something itself.
static uint64_t escaped_bytes(uint64_t word) {
    static const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = (word ^ ones * 0x02) - ones * 0x21, slash = (word ^ ones * '\\') - ones;
    return (low | slash) & ~word;
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
static inline bool copy_plain(char *to, Str s) {
    static const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t escaped = 0;
    if (s.len >= 8) {
        size_t last = s.len - 8;
        for (size_t i = 0; i < last; i += 8) {
            memcpy(to + i, s.ptr + i, 8);
            escaped |= escaped_bytes(load_64(s.ptr + i));
        }
        memcpy(to + last, s.ptr + last, 8);
        escaped |= escaped_bytes(load_64(s.ptr + last));
    } else if (s.len >= 4) {
        size_t last = s.len - 4;
        memcpy(to, s.ptr, 4);
        memcpy(to + last, s.ptr + last, 4);
        escaped = escaped_bytes(load_32(s.ptr) | load_32(s.ptr + last) << 32);
    } else {
        for (size_t i = 0; i < s.len; i++) {
            to[i] = s.ptr[i];
            escaped |= is_escaped((unsigned char)s.ptr[i]) ? tops : 0;
        }
    }
    return (escaped & tops) == 0;
}

static char *put_escaped(char *at, unsigned char c) {
    static const char digits[] = "0123456789abcdef";
    const char *known = "\"\"\\\\\nn\tt"; // each with the letter that stands for it
    *at++ = '\\';
    for (; *known != '\0'; known += 2) {
        if (c == (unsigned char)*known) {
            *at = known[1];
            return at + 1;
        }
    }
    memcpy(at, "u00", 3);
    at[3] = digits[c >> 4];
    at[4] = digits[c & 0xF];
    return at + 5;
}

// Of a string in which something must be escaped: behind the quote.
__attribute__((cold, noinline)) static char *put_escaped_string(char *at, Str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (is_escaped((unsigned char)s.ptr[i])) {
            at = put_escaped(at, (unsigned char)s.ptr[i]);
        } else {
            *at++ = s.ptr[i];
        }
    }
    *at = '"';
    return at + 1;
}

char *put_quoted(char *at, Str s) {
    *at = '"';
    if (!copy_plain(at + 1, s)) {
        return put_escaped_string(at + 1, s);
    }
    at[s.len + 1] = '"';
    return at + s.len + 2;
}

void buf_add_quoted(Buf *buf, Str s) {
    char *at = buf_reserve(buf, s.len + 2);
    *at = '"';
    if (copy_plain(at + 1, s)) {
        at[s.len + 1] = '"';
        buf->len += s.len + 2;
        return;
    }
    at = buf_reserve(buf, json_string_bytes_max(s));
    buf->len += (size_t)(put_quoted(at, s) - at);
}
