#include "common/domain/fates.h"

static const struct {
    Str code, meaning;
    Verdict verdict, mildest;
} rules[RULE_COUNT] = {
#define RULE_ROW(name, set, least, text) \
    [RULE_##name] = {.code = {#name, sizeof #name - 1}, .meaning = {text, sizeof text - 1}, .verdict = VERDICT_##set, .mildest = VERDICT_##least},
    RULES(RULE_ROW)
#undef RULE_ROW
};

static const char *const fate_names[FATE_COUNT] = {"accepted", "corroborated", "held", "rejected", "duplicate", "superseded"};
static const char *const verdict_names[] = {"off", "warning", "held", "rejected"};

Str fate_name(Fate fate) {
    return str_from(fate_names[fate]);
}

static bool index_of(const char *const *names, int count, Str name, int *index) {
    for (int i = 0; i < count; i++) {
        if (str_equal_text(name, names[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

bool fate_from_name(Str name, Fate *fate) {
    int index;
    bool known = index_of(fate_names, FATE_COUNT, name, &index);
    if (known) {
        *fate = (Fate)index;
    }
    return known;
}

Str verdict_name(Verdict verdict) {
    return str_from(verdict_names[verdict]);
}

bool verdict_from_name(Str name, Verdict *verdict) {
    int index;
    bool known = index_of(verdict_names, VERDICT_REJECTED + 1, name, &index);
    if (known) {
        *verdict = (Verdict)index;
    }
    return known;
}

Str rule_code(Rule rule) {
    return rules[rule].code;
}

Str rule_meaning(Rule rule) {
    return rules[rule].meaning;
}

bool rule_from_code(Str code, Rule *rule) {
    for (int i = 0; i < RULE_COUNT; i++) {
        if (str_equal(rules[i].code, code)) {
            *rule = (Rule)i;
            return true;
        }
    }
    return false;
}

Verdict rule_default_verdict(Rule rule) {
    return rules[rule].verdict;
}

Verdict rule_mildest_verdict(Rule rule) {
    return rules[rule].mildest;
}

RuleBook rule_book_default(int32_t partitions) {
    RuleBook book = {.partitions = partitions};
    for (int i = 0; i < RULE_COUNT; i++) {
        book.verdicts[i] = rules[i].verdict;
    }
    return book;
}
