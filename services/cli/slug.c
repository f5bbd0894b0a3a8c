#include "services/cli/slug.h"

#include <stdlib.h>
#include <uninorm.h>

// As Python's re has \s and str.strip() for ASCII text.
static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f');
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char to_lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static char to_upper(char c) {
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

void slug_add(Buf *out, Str name) {
    size_t len = 0;
    uint8_t *plain = u8_normalize(UNINORM_NFKD, (const uint8_t *)name.ptr, name.len, NULL, &len);
    bool begun = false;  // leading space is dropped, a leading hyphen is not
    bool spaces = false; // pending, and dropped if nothing follows
    bool hyphen = false; // the pending run has a hyphen, which stays even at the end
    for (size_t i = 0; i < len; i++) {
        char c = (char)plain[i];
        if (c == '-') {
            hyphen = true;
        } else if (is_space(c)) {
            spaces = begun || hyphen;
        } else if (is_word(c)) {
            if (spaces || hyphen) {
                buf_add_byte(out, '-');
            }
            buf_add_byte(out, (uint8_t)to_lower(c));
            begun = true;
            spaces = hyphen = false;
        }
    }
    if (hyphen) {
        buf_add_byte(out, '-');
    }
    free(plain);
}

// Words that stay small inside a name.
static bool is_small_word(Str word) {
    static const char *const small[] = {"and", "cum", "in", "le",    "next", "of",
                                        "on",  "the", "to", "under", "upon", "with"};
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        if (str_equal_text(word, small[i])) {
            return true;
        }
    }
    return false;
}

// Names whose hyphens or apostrophes a slug does not show.
static const struct {
    const char *slug, *name;
} known_names[] = {
    {"bristol-city-of", "Bristol"},
    {"city-of-edinburgh", "Edinburgh"},
    {"city-of-lincoln", "Lincoln"},
    {"herefordshire-county-of", "Herefordshire"},
    {"kings-lynn-and-west-norfolk", "King's Lynn and West Norfolk"},
    {"kingston-upon-hull", "Hull"},
    {"kingston-upon-hull-city-of", "Hull"},
    {"newcastle-under-lyme", "Newcastle-under-Lyme"},
    {"southend-on-sea", "Southend-on-Sea"},
    {"stockton-on-tees", "Stockton-on-Tees"},
    {"stoke-on-trent", "Stoke-on-Trent"},
    {"stratford-on-avon", "Stratford-on-Avon"},
};

void slug_add_title(Buf *out, Str slug) {
    for (size_t i = 0; i < sizeof known_names / sizeof known_names[0]; i++) {
        if (str_equal_text(slug, known_names[i].slug)) {
            buf_add_str(out, str_from(known_names[i].name));
            return;
        }
    }
    size_t from = 0;
    while (from < slug.len) {
        size_t to = from;
        while (to < slug.len && slug.ptr[to] != '-') {
            to++;
        }
        Str word = str_slice(slug, from, to);
        if (from > 0) {
            buf_add_byte(out, ' ');
        }
        if (from > 0 && is_small_word(word)) {
            buf_add_str(out, word);
        } else if (word.len > 0) {
            buf_add_byte(out, (uint8_t)to_upper(word.ptr[0]));
            buf_add_str(out, str_slice(word, 1, word.len));
        }
        from = to + 1;
    }
}
