#include "services/gateway/target.h"

#include <unistr.h>

#define FAIL(arena, problem, ...) (*(problem) = arena_printf(arena, __VA_ARGS__), TARGET_BAD)

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// Absent: an escape that is none, a control character, or not UTF-8.
static Str decode(Str raw, bool plus_is_space, Arena *arena) {
    char *out = arena_alloc(arena, raw.len + 1, 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '%') {
            int high = i + 2 < raw.len ? hex_digit(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? hex_digit(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return STR_NONE;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if ((unsigned char)c < 0x20 || c == 0x7f) {
            return STR_NONE;
        }
        out[len++] = c;
    }
    return u8_check((const uint8_t *)out, len) == NULL ? (Str){out, len} : STR_NONE;
}

// Cuts the first part off `rest`, which is absent after the last.
static Str cut(Str *rest, char mark) {
    const char *at = rest->len == 0 ? NULL : memchr(rest->ptr, mark, rest->len);
    if (at == NULL) {
        Str last = *rest;
        *rest = STR_NONE;
        return last;
    }
    size_t len = (size_t)(at - rest->ptr);
    Str part = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len + 1, rest->len);
    return part;
}

static TargetStatus read_path(Str path, Arena *arena, Target *target, Str *problem) {
    if (path.len == 0 || path.ptr[0] != '/') {
        return FAIL(arena, problem, "the path does not begin with /");
    }
    for (Str rest = str_slice(path, 1, path.len); !str_is_none(rest);) {
        Str segment = decode(cut(&rest, '/'), false, arena);
        if (str_is_none(segment)) {
            return FAIL(arena, problem, "the path has a bad escape, a control character or bytes that are not UTF-8");
        }
        if (target->segments_count == TARGET_SEGMENTS_MAX) {
            return FAIL(arena, problem, "the path has more than %d segments", TARGET_SEGMENTS_MAX);
        }
        target->segments[target->segments_count++] = segment;
    }
    return TARGET_OK;
}

static TargetStatus read_query(Str query, Arena *arena, Target *target, Str *problem) {
    for (Str rest = query; !str_is_none(rest);) {
        Str value = cut(&rest, '&');
        if (value.len == 0) {
            continue;
        }
        Str name = decode(cut(&value, '='), true, arena);
        value = decode(str_is_none(value) ? STR_LIT("") : value, true, arena);
        if (str_is_none(name) || str_is_none(value)) {
            return FAIL(arena, problem,
                        "a parameter has a bad escape, a control character or bytes that are not UTF-8");
        }
        if (!str_is_none(target_parameter(target, name.ptr))) {
            return FAIL(arena, problem, "the parameter " STR_FMT " is there twice", STR_ARG(name));
        }
        if (target->parameters_count == TARGET_PARAMETERS_MAX) {
            return FAIL(arena, problem, "there are more than %d parameters", TARGET_PARAMETERS_MAX);
        }
        target->parameters[target->parameters_count++] = (TargetParameter){name, value};
    }
    return TARGET_OK;
}

TargetStatus target_parse(const char *raw, Arena *arena, Target *target, Str *problem) {
    *target = (Target){0};
    Str path = {raw, strnlen(raw, TARGET_BYTES_MAX + 1)};
    if (path.len > TARGET_BYTES_MAX) {
        return TARGET_TOO_LONG;
    }
    Str query = path;
    path = cut(&query, '?');
    TargetStatus status = read_path(path, arena, target, problem);
    return status != TARGET_OK ? status : read_query(query, arena, target, problem);
}

Str target_parameter(const Target *target, const char *name) {
    for (size_t i = 0; i < target->parameters_count; i++) {
        if (str_equal_text(target->parameters[i].name, name)) {
            return target->parameters[i].value;
        }
    }
    return STR_NONE;
}
