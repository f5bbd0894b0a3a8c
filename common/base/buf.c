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
    size_t doubled = buf->capacity * 2;
    buf->capacity = wanted > doubled ? wanted : doubled;
    buf->capacity = buf->capacity < 256 ? 256 : buf->capacity;
    buf->ptr = mem_resize(buf->ptr, buf->capacity, 1);
}

void buf_add_decimal(Buf *buf, int64_t value) {
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

void buf_add_json_string(Buf *buf, Str s) {
    if (str_is_none(s)) {
        buf_add_str(buf, STR_LIT("null"));
        return;
    }
    buf_add_byte(buf, '"');
    size_t plain = 0; // start of the run that needs no escape
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        buf_add(buf, s.ptr + plain, i - plain);
        plain = i + 1;
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
    buf_add(buf, s.ptr + plain, s.len - plain);
    buf_add_byte(buf, '"');
}
