// A borrowed run of bytes. Not NUL-terminated, never freed through this type; the owner is named
// where the value is made (a batch's arena, a Kafka message, a literal).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Str {
    const char *ptr; // NULL: no value (Avro null), which differs from the empty string
    size_t len;
} Str;

#define STR_NONE ((Str){NULL, 0})
#define STR_LIT(literal) ((Str){(literal), sizeof(literal) - 1})
#define STR_ENTRY(literal) {(literal), sizeof(literal) - 1} // the same in a static table, where it must be constant

// For printf's "%.*s".
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, ((s).ptr != NULL ? (s).ptr : "")

static inline Str str_from(const char *text) {
    return text == NULL ? STR_NONE : (Str){text, strlen(text)};
}

static inline bool str_is_none(Str s) {
    return s.ptr == NULL;
}

// Two absent values are equal; an absent value and an empty one are not.
static inline bool str_equal(Str a, Str b) {
    if (a.len != b.len || (a.ptr == NULL) != (b.ptr == NULL)) {
        return false;
    }
    return a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0;
}

static inline bool str_equal_text(Str a, const char *text) {
    return str_equal(a, str_from(text));
}

// The last eight bytes as a number: where ids differ, if they do, so that nearly all others are told from one by a
// comparison of numbers. Of two strings of one length up to eight bytes the number is all: it is read in halves that
// overlap, or byte by byte.
static inline uint64_t str_word(Str s) {
    uint64_t word = 0;
    if (s.len >= sizeof word) {
        memcpy(&word, s.ptr + s.len - sizeof word, sizeof word);
    } else if (s.len >= 4) {
        uint32_t halves[2];
        memcpy(&halves[0], s.ptr, sizeof halves[0]);
        memcpy(&halves[1], s.ptr + s.len - sizeof halves[1], sizeof halves[1]);
        word = (uint64_t)halves[0] << 32 | halves[1];
    } else {
        for (size_t i = 0; i < s.len; i++) {
            word = word << 8 | (unsigned char)s.ptr[i];
        }
    }
    return word;
}

// Byte order, a shorter prefix first; absent sorts as empty.
static inline int str_compare(Str a, Str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool str_starts_with(Str s, Str prefix) {
    return s.len >= prefix.len && memcmp(s.ptr, prefix.ptr, prefix.len) == 0;
}

static inline Str str_slice(Str s, size_t from, size_t to) {
    return (Str){s.ptr + from, to - from};
}
