// A request's target from a stranger: taken apart, looked up in the table of routes, and, as the id of a stream's
// event, read as a cursor.
#include "services/gateway/cursor.h"
#include "services/gateway/filter.h"
#include "services/gateway/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistr.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

// Safe to hand to PostgreSQL, and to write into an answer.
static void check_text(Str text) {
    check(text.ptr[text.len] == '\0', "text without its NUL");
    check(strlen(text.ptr) == text.len, "a NUL within text");
    check(u8_check((const uint8_t *)text.ptr, text.len) == NULL, "text that is not UTF-8");
    for (size_t i = 0; i < text.len; i++) {
        check((unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f, "a control character");
    }
}

static void check_ask(const Target *target, Arena *arena) {
    Ask ask;
    Str problem = STR_NONE;
    AskStatus status = routes_ask(target, arena, &ask, &problem);
    check((status == ASK_BAD) == (problem.len > 0), "a refusal without a reason, or a reason without one");
    if (status != ASK_OK) {
        return;
    }
    check(ask.route != NULL && ask.parties >= 0 && ask.parties <= 40, "an ask without bounds");
    for (size_t i = 0; i < ROUTE_PARAMETERS_MAX; i++) {
        if (ask.values[i] != NULL) {
            check(ask.route->parameters[i] != NULL, "a value without a parameter");
            check_text(str_from(ask.values[i]));
        }
    }
    if (ask.route->kind == ROUTE_STREAM) {
        Filter filter = {.councils = str_from(ask.values[0])};
        filter_set_kinds(&filter, str_from(ask.values[4]));
        filter_passes(&filter, &(Event){.kind = EVENT_FLASH, .council_id = STR_LIT("E06000035")});
    }
}

static void check_cursor(Str text) {
    Cursor cursor, again;
    if (!cursor_parse(text, &cursor)) {
        return;
    }
    _cleanup_buf_ Buf out = {0};
    cursor_write(&cursor, &out);
    check(cursor_parse(buf_str(&out), &again), "what is written is not read");
    check(cursor_includes(&cursor, &again) && cursor_includes(&again, &cursor), "what is read is not what was written");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena arena = {0};
    Target target;
    Str problem = STR_NONE;
    const char *raw = arena_copy(&arena, (Str){(const char *)data, size}).ptr;
    if (size > 0 && target_parse(raw, &arena, &target, &problem) == TARGET_OK) {
        for (size_t i = 0; i < target.segments_count; i++) {
            check_text(target.segments[i]);
        }
        for (size_t i = 0; i < target.parameters_count; i++) {
            check_text(target.parameters[i].name);
            check_text(target.parameters[i].value);
        }
        check_ask(&target, &arena);
    }
    check_cursor((Str){(const char *)data, size});
    arena_free(&arena);
    return 0;
}
