#include "common/domain/rule_settings.h"

static bool read_rule(const ConfigEntry *entry, Arena *arena, RuleBook *book, Str *error) {
    Rule rule;
    Verdict verdict;
    if (!rule_from_code(str_from(entry->key), &rule)) {
        *error = arena_printf(arena, "%s: no such rule: %s", entry->origin, entry->key);
        return false;
    }
    if (!verdict_from_name(str_from(entry->value), &verdict)) {
        *error = arena_printf(arena, "%s: %s is off, warning, held or rejected, not '%s'", entry->origin, entry->key,
                              entry->value);
        return false;
    }
    Str mildest = verdict_name(rule_mildest_verdict(rule));
    if (verdict < rule_mildest_verdict(rule)) {
        *error =
            arena_printf(arena, "%s: %s cannot be milder than " STR_FMT, entry->origin, entry->key, STR_ARG(mildest));
        return false;
    }
    book->verdicts[rule] = verdict;
    return true;
}

static Str trim_spaces(Str s) {
    while (s.len > 0 && s.ptr[0] == ' ') {
        s = str_slice(s, 1, s.len);
    }
    while (s.len > 0 && s.ptr[s.len - 1] == ' ') {
        s.len--;
    }
    return s;
}

static bool read_rank(Str list, Arena *arena, RuleBook *book, Str *error) {
    while (list.len > 0) {
        const char *comma = memchr(list.ptr, ',', list.len);
        size_t end = comma == NULL ? list.len : (size_t)(comma - list.ptr);
        Str source = trim_spaces(str_slice(list, 0, end));
        list = str_slice(list, comma == NULL ? end : end + 1, list.len);
        if (source.len == 0) {
            continue;
        }
        if (book->sources_count == RULES_SOURCES_MAX) {
            *error = arena_printf(arena, "sources.rank: more than %d sources", RULES_SOURCES_MAX);
            return false;
        }
        book->sources[book->sources_count++] = source;
    }
    return true;
}

bool rule_settings_read(const Config *config, int32_t partitions, Arena *arena, RuleBook *book, Str *error) {
    *book = rule_book_default(partitions);
    book->require_approval = config_bool(config, "calls.require_approval");
    ConfigEntry entry;
    for (size_t cursor = 0; config_next(config, "rules", &cursor, &entry);) {
        if (!read_rule(&entry, arena, book, error)) {
            return false;
        }
    }
    return read_rank(str_from(config_get(config, "sources.rank")), arena, book, error);
}

void rule_settings_write_sample(Buf *out) {
    for (int i = 0; i < RULE_COUNT; i++) {
        Str code = rule_code((Rule)i), meaning = rule_meaning((Rule)i);
        Str preset = verdict_name(rule_default_verdict((Rule)i)), mildest = verdict_name(rule_mildest_verdict((Rule)i));
        buf_printf(out, "# " STR_FMT, STR_ARG(meaning));
        if (rule_mildest_verdict((Rule)i) != VERDICT_OFF) {
            buf_printf(out, " (at least " STR_FMT ")", STR_ARG(mildest));
        }
        buf_printf(out, "\n#" STR_FMT " = " STR_FMT "\n", STR_ARG(code), STR_ARG(preset));
    }
}
