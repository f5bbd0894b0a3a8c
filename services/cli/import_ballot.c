#include "services/cli/import.h"

#include "common/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

void import_free(Import *import) {
    for (size_t i = 0; i < import->ballots.count; i++) {
        vec_free(&import->ballots.items[i]->candidates);
    }
    vec_free(&import->ballots);
    map_free(&import->by_id);
    buf_free(&import->told);
    arena_free(&import->memory);
}

static Str format_text(Arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0) {
        return STR_LIT("");
    }
    char *text = arena_alloc(arena, (size_t)len + 1, 1);
    vsnprintf(text, (size_t)len + 1, format, args);
    return text_one_line(arena, (Str){text, (size_t)len});
}

void import_tell(Import *import, Str file, size_t line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Str text = format_text(&import->memory, format, args);
    va_end(args);
    buf_printf(&import->told, STR_FMT ":%zu: " STR_FMT "\n", STR_ARG(file), line, STR_ARG(text));
}

void import_refuse(Import *import, ImportBallot *ballot, size_t line, const char *format, ...) {
    if (!str_is_none(ballot->refusal)) {
        return;
    }
    va_list args;
    va_start(args, format);
    ballot->refusal = format_text(&import->memory, format, args);
    va_end(args);
    ballot->refusal_line = line;
}

static void tell_repeated(Import *import, ImportBallot *ballot, Str file, size_t line) {
    if (ballot->repeated_in.ptr == file.ptr) {
        return;
    }
    ballot->repeated_in = file;
    import_tell(import, file, line, STR_FMT ": left out: already read from " STR_FMT ":%zu",
                STR_ARG(ballot->ballot_paper_id), STR_ARG(ballot->file), ballot->line);
}

ImportBallot *import_new_ballot(Import *import, Str file, size_t line, Str ballot_paper_id) {
    ImportBallot *ballot = map_get(&import->by_id, ballot_paper_id);
    if (ballot != NULL) {
        tell_repeated(import, ballot, file, line);
        return NULL;
    }
    ballot = arena_alloc(&import->memory, 1, sizeof *ballot);
    ballot->file = file;
    ballot->line = line;
    ballot->ballot_paper_id = ballot_paper_id;
    ballot->turnout = ballot->rejected_papers = ballot->electorate = ballot->seats_stated = COUNT_UNKNOWN;
    ballot->ballot_papers = COUNT_UNKNOWN;
    *vec_push(&import->ballots) = ballot;
    map_put(&import->by_id, ballot_paper_id, ballot);
    return ballot;
}

ImportBallot *import_ballot(Import *import, Str file, size_t line, Str ballot_paper_id) {
    ImportBallot *ballot = map_get(&import->by_id, ballot_paper_id);
    bool same_file = ballot != NULL && ballot->file.ptr == file.ptr;
    return same_file ? ballot : import_new_ballot(import, file, line, ballot_paper_id);
}

ImportCandidate *import_add_candidate(ImportBallot *ballot, size_t line) {
    ImportCandidate *candidate = vec_push(&ballot->candidates);
    *candidate = (ImportCandidate){.line = line, .votes = COUNT_UNKNOWN};
    return candidate;
}

// Bytes of white space at the start of `text`; 0: none.
static size_t space_at(Str text) {
    if (text.len == 0) {
        return 0;
    }
    if (text.ptr[0] == ' ' || (text.ptr[0] >= '\t' && text.ptr[0] <= '\r')) {
        return 1;
    }
    return str_starts_with(text, STR_LIT("\xC2\xA0")) ? 2 : 0; // no-break space
}

Str import_trim(Str text) {
    for (size_t space = space_at(text); space > 0; space = space_at(text)) {
        text = str_slice(text, space, text.len);
    }
    for (;;) {
        size_t one = text.len < 1 ? 0 : space_at(str_slice(text, text.len - 1, text.len));
        size_t two = text.len < 2 ? 0 : space_at(str_slice(text, text.len - 2, text.len));
        if (one != 1 && two != 2) {
            return text;
        }
        text.len -= one == 1 ? 1 : 2;
    }
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

ImportNumber import_parse_number(Str text, int64_t *count) {
    *count = COUNT_UNKNOWN;
    text = import_trim(text);
    bool percentage = text.len > 0 && text.ptr[text.len - 1] == '%';
    text = percentage ? import_trim(str_slice(text, 0, text.len - 1)) : text;
    if (text.len == 0 || !is_digit(text.ptr[0])) {
        return text.len == 0 && !percentage ? NUMBER_NONE : NUMBER_BAD;
    }
    int64_t value = 0;
    size_t at = 0;
    for (; at < text.len && (is_digit(text.ptr[at]) || text.ptr[at] == ','); at++) {
        value = text.ptr[at] == ',' ? value : value * 10 + (text.ptr[at] - '0');
        if (value > INT32_MAX) {
            return NUMBER_BAD;
        }
    }
    if (at < text.len && text.ptr[at] == '.') {
        for (at++; at < text.len && is_digit(text.ptr[at]); at++) {
            percentage = percentage || text.ptr[at] != '0';
        }
    }
    if (at < text.len) {
        return NUMBER_BAD;
    }
    *count = value;
    return percentage ? NUMBER_PERCENTAGE : NUMBER_COUNT;
}

static bool is_one_of(const char *const *words, Str text) {
    for (; *words != NULL; words++) {
        size_t len = strlen(*words);
        if (len == text.len && strncasecmp(*words, text.ptr, len) == 0) {
            return true;
        }
    }
    return false;
}

bool import_parse_flag(Str text, bool *flag) {
    static const char *const yes[] = {"true", "t", "1", "yes", "y", "elected", "winner", NULL};
    static const char *const no[] = {"false", "f", "0", "no", "n", "none", "null", "not elected", NULL};
    text = import_trim(text);
    *flag = is_one_of(yes, text);
    return *flag || text.len == 0 || is_one_of(no, text);
}

Str import_gss(Str post_id) {
    size_t from = post_id.len >= 9 ? post_id.len - 9 : 0;
    Str code = str_slice(post_id, from, post_id.len);
    bool looks = code.len == 9 && code.ptr[0] != '\0' && strchr("ENSW", code.ptr[0]) != NULL &&
                 (from == 0 || post_id.ptr[from - 1] == ':');
    for (size_t i = 1; looks && i < code.len; i++) {
        looks = is_digit(code.ptr[i]);
    }
    return looks ? code : STR_LIT("");
}
