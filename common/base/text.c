#include "common/base/text.h"

#include "common/base/buf.h"

#include <unistr.h>

// Bytes of the character at the start of `text`; 0: it cannot be shown.
static size_t shown_bytes(Str text) {
    ucs4_t character;
    int len = u8_mbtoucr(&character, (const uint8_t *)text.ptr, text.len);
    bool control = character < 0x20 || (character >= 0x7F && character < 0xA0);
    return len > 0 && !control ? (size_t)len : 0;
}

static size_t shown_prefix(Str text) {
    size_t at = 0;
    for (size_t len = 1; at < text.len && len > 0; at += len) {
        len = shown_bytes(str_slice(text, at, text.len));
    }
    return at;
}

static void add_escaped(Buf *out, unsigned char byte) {
    switch (byte) {
    case '\n':
        buf_add_str(out, STR_LIT("\\n"));
        break;
    case '\t':
        buf_add_str(out, STR_LIT("\\t"));
        break;
    default:
        buf_printf(out, "\\x%02x", byte);
    }
}

Str text_one_line(Arena *arena, Str text) {
    size_t shown = shown_prefix(text);
    if (shown == text.len) {
        return text;
    }
    _cleanup_buf_ Buf line = {0};
    while (text.len > 0) {
        buf_add_str(&line, str_slice(text, 0, shown));
        text = str_slice(text, shown, text.len);
        if (text.len > 0) {
            add_escaped(&line, (unsigned char)text.ptr[0]);
            text = str_slice(text, 1, text.len);
        }
        shown = shown_prefix(text);
    }
    return arena_copy(arena, buf_str(&line));
}
