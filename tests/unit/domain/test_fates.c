#include "common/domain/fates.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void fates_and_verdicts_have_their_names(void **state) {
    (void)state;
    static const char *const fates[FATE_COUNT] = {"accepted", "corroborated", "held",
                                                  "rejected", "duplicate",    "superseded"};
    static const char *const verdicts[] = {"off", "warning", "held", "rejected"};
    for (int i = 0; i < FATE_COUNT; i++) {
        Fate fate;
        assert_true(str_equal_text(fate_name((Fate)i), fates[i]));
        assert_true(fate_from_name(str_from(fates[i]), &fate) && (int)fate == i);
    }
    for (int i = 0; i <= VERDICT_REJECTED; i++) {
        Verdict verdict;
        assert_true(str_equal_text(verdict_name((Verdict)i), verdicts[i]));
        assert_true(verdict_from_name(str_from(verdicts[i]), &verdict) && (int)verdict == i);
    }
}

static void other_names_are_refused(void **state) {
    (void)state;
    Fate fate = FATE_HELD;
    Verdict verdict = VERDICT_HELD;
    Rule rule = RULE_BAD_AVRO;
    assert_false(fate_from_name(STR_LIT("Accepted"), &fate));
    assert_false(fate_from_name(STR_NONE, &fate));
    assert_false(verdict_from_name(STR_LIT("accepted"), &verdict));
    assert_false(rule_from_code(STR_LIT("BAD"), &rule));
    assert_int_equal(fate, FATE_HELD);
    assert_int_equal(verdict, VERDICT_HELD);
    assert_int_equal(rule, RULE_BAD_AVRO);
}

static void rules_are_found_by_their_code(void **state) {
    (void)state;
    for (int i = 0; i < RULE_COUNT; i++) {
        Rule rule;
        assert_true(rule_from_code(rule_code((Rule)i), &rule) && (int)rule == i);
        assert_true(rule_meaning((Rule)i).len > 0);
    }
}

static void each_rule_has_its_fate_by_default(void **state) {
    (void)state;
    static const struct {
        Verdict verdict;
        const char *codes[20];
    } groups[] = {
        {VERDICT_REJECTED,
         {"BAD_FRAMING", "UNKNOWN_SCHEMA", "BAD_AVRO", "TRAILING_BYTES", "BAD_UTF8", "BAD_VALUE", "TOO_LARGE",
          "KEY_MISMATCH", "WRONG_PARTITION", "WRONG_TOPIC", "ID_MISMATCH", "BAD_REFERENCE", "NOT_HELD"}},
        {VERDICT_HELD,
         {"NOT_YET_APPLIED", "UNKNOWN_COUNCIL", "UNKNOWN_BALLOT", "UNKNOWN_PARTY", "SEATS_MISMATCH",
          "CONFLICTING_REVISION", "STALE_REVISION", "SOURCES_DIFFER_WINNERS", "DUPLICATE_CANDIDATE", "TOO_MANY_ELECTED",
          "TOO_FEW_ELECTED", "NOT_NOMINATED", "ELECTED_NOT_TOP", "TIE_WITHOUT_LOT", "VOTES_EXCEED_PAPERS",
          "PAPERS_EXCEED_ELECTORATE", "DECLARED_BEFORE_CLOSE"}},
        {VERDICT_WARNING, {"SOURCES_DIFFER_VOTES", "TURNOUT_UNLIKELY"}},
    };
    int listed = 0;
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        for (size_t i = 0; groups[g].codes[i] != NULL; i++, listed++) {
            Rule rule;
            assert_true(rule_from_code(str_from(groups[g].codes[i]), &rule));
            assert_int_equal(rule_default_verdict(rule), groups[g].verdict);
        }
    }
    assert_int_equal(listed, RULE_COUNT);
}

static void no_default_is_milder_than_the_mildest(void **state) {
    (void)state;
    for (int i = 0; i < RULE_COUNT; i++) {
        assert_true(rule_default_verdict((Rule)i) >= rule_mildest_verdict((Rule)i));
    }
}

static void a_book_starts_with_the_defaults(void **state) {
    (void)state;
    RuleBook book = rule_book_default(6);
    assert_int_equal(book.partitions, 6);
    assert_int_equal(book.version, 0);
    assert_int_equal(book.sources_count, 0);
    assert_false(book.require_approval);
    for (int i = 0; i < RULE_COUNT; i++) {
        assert_int_equal(book.verdicts[i], rule_default_verdict((Rule)i));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fates_and_verdicts_have_their_names),   cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(rules_are_found_by_their_code),         cmocka_unit_test(each_rule_has_its_fate_by_default),
        cmocka_unit_test(no_default_is_milder_than_the_mildest), cmocka_unit_test(a_book_starts_with_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
