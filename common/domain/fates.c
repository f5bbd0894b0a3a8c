#include "common/domain/fates.h"

static const struct {
    Str code, meaning;
    Verdict verdict, mildest;
} rules[RULE_COUNT] = {
#define RULE_ROW(name, set, least, text) \
    [RULE_##name] = {.code = STR_ENTRY(#name), .meaning = STR_ENTRY(text), .verdict = VERDICT_##set, .mildest = VERDICT_##least},
    RULES(RULE_ROW)
#undef RULE_ROW
};

static const Str fate_names[FATE_COUNT] = {STR_ENTRY("accepted"), STR_ENTRY("corroborated"), STR_ENTRY("held"),
                                           STR_ENTRY("rejected"), STR_ENTRY("duplicate"),    STR_ENTRY("superseded")};
static const Str verdict_names[] = {STR_ENTRY("off"), STR_ENTRY("warning"), STR_ENTRY("held"), STR_ENTRY("rejected")};

Str fate_name(Fate fate) {
    return fate_names[fate];
}

static bool index_of(const Str *names, int count, Str name, int *index) {
    for (int i = 0; i < count; i++) {
        if (str_equal(name, names[i])) {
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
    return verdict_names[verdict];
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
