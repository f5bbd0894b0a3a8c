// The fate of a declaration among those that came before it.
#include "tests/unit/aggregator/desk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_declaration_is_accepted(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_assert_row(desk, "accepted");
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_assert_row(desk, "accepted");
    assert_int_equal(desk_newest(desk)->seq, 2);
    assert_int_equal(desk_newest(desk)->ballots_declared, 1);
}

static void another_source_with_the_same_winners_corroborates(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "bbc", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "itv", 1, 0, "COOP=5*, CON=4"); // parties folded
    desk_assert_row(desk, "corroborated");
    desk_say_as(desk, "pa", 1, 0, "LAB*, CON"); // votes not known
    desk_assert_row(desk, "corroborated");
    desk_say_as(desk, "sky", 1, 0, "LAB=6*, CON=4");
    desk_assert_row(desk, "corroborated SOURCES_DIFFER_VOTES");
    assert_int_equal(desk_count_snapshots(desk), 2);
}

static void another_source_with_other_winners_is_held(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "bbc", 1, 0, "LAB=4, CON=5*");
    desk_assert_row(desk, "held SOURCES_DIFFER_WINNERS SOURCES_DIFFER_VOTES");
    assert_int_equal(desk_newest(desk)->ballots_held, 1);
}

static void only_one_of_two_sources_says_postponed(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "POSTPONED");
    desk_say_as(desk, "bbc", 1, 0, "POSTPONED");
    desk_assert_row(desk, "corroborated");
    desk_say_as(desk, "sky", 1, 0, "LAB=4, CON=5*");
    desk_assert_row(desk, "held SOURCES_DIFFER_WINNERS");
}

static void a_withdrawal_differs_from_nobody(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "bbc", 1, 0, "WITHDRAWN");
    desk_assert_row(desk, "accepted");
    desk_assert_text(desk_source_in_force(desk, 0), "pa");
}

static void a_resend_is_a_duplicate(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Declaration *d = desk_draft(desk, 0, "LAB=5*, CON=4");
    desk_declare(desk, d);
    desk_declare(desk, d);
    desk_assert_row(desk, "duplicate");
    d->event_id = STR_LIT("AAAAAAAA-0000-4000-8000-000000000000");
    desk_declare(desk, d); // same source and revision
    desk_assert_row(desk, "duplicate");
    d->revision = 2;
    desk_declare(desk, d);
    desk_assert_row(desk, "accepted");
    d->event_id = STR_LIT("aaaaaaaa-0000-4000-8000-000000000000");
    d->revision = 3;
    desk_declare(desk, d); // same message
    desk_assert_row(desk, "duplicate");
    assert_int_equal(desk_count_snapshots(desk), 2);
}

static void content_is_what_a_declaration_says(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Declaration *d = desk_draft(desk, 0, "LAB=5*, CON=4");
    desk_declare(desk, d);
    d->event_id = STR_LIT("11111111-0000-4000-8000-000000000000");
    d->declared_at_ms += 1000;
    d->reported_at_ms += 1000;
    d->ward_name = STR_LIT("Ward A (Medway)");
    d->note = STR_LIT("again");
    d->source_url = STR_LIT("https://example.org");
    d->candidates[0].candidate_id = STR_LIT("another id");
    d->candidates[0].party_id = STR_LIT("COOP");
    desk_declare(desk, d);
    desk_assert_row(desk, "duplicate");
    d->ballot_papers = 9;
    desk_declare(desk, d);
    desk_assert_row(desk, "held CONFLICTING_REVISION");
}

static void each_part_of_the_content_counts(void **state) {
    Desk *desk = *state;
    static const char *const others[] = {"LAB=6*, CON=4", "LAB=5*, LD=4", "LAB=5*, CON", "LAB=5*lot, CON=4",
                                         "LAB=5*",        "POSTPONED",    "WITHDRAWN"};
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        desk_say(desk, 0, others[i]);
        desk_assert_row(desk, "held CONFLICTING_REVISION");
    }
}

static void a_resend_of_what_a_rule_rejected_is_judged_again(void **state) {
    Desk *desk = *state;
    desk->rules.verdicts[RULE_TOO_FEW_ELECTED] = VERDICT_REJECTED;
    desk_load(desk);
    Declaration *d = desk_draft(desk, 0, "LAB=5, CON=5");
    desk_declare(desk, d);
    desk_assert_row(desk, "rejected TOO_FEW_ELECTED");
    desk_declare(desk, d);
    desk_assert_row(desk, "rejected TOO_FEW_ELECTED");
}

static void a_resend_of_what_the_desk_rejected_is_a_duplicate(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Declaration *d = desk_draft(desk, 0, "LAB=5*, CON=4");
    desk_act(desk, ACTION_REJECT, desk_declare(desk, d));
    desk_declare(desk, d);
    desk_assert_row(desk, "duplicate");
}

static void a_lower_revision_is_superseded_or_stale(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Declaration *newer = desk_draft(desk, 0, "LAB=5*, CON=4");
    newer->revision = 3;
    desk_declare(desk, newer);
    Declaration *older = desk_draft(desk, 0, "LAB=4*, CON=3");
    older->revision = 2;
    desk_declare(desk, older); // reported in the same moment
    desk_assert_row(desk, "superseded");
    Declaration *stale = desk_draft(desk, 0, "LAB=4*, CON=2");
    stale->reported_at_ms++;
    desk_declare(desk, stale);
    desk_assert_row(desk, "held STALE_REVISION");
    desk_say_as(desk, "pa", 4, 0, "LAB=6*, CON=4");
    desk_assert_row(desk, "accepted");
}

static void other_content_under_one_revision_is_held(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 1, 0, "LAB=4, CON=5*");
    desk_assert_row(desk, "held CONFLICTING_REVISION");
    desk_say_as(desk, "pa", 2, 0, "LAB=4, CON=5*");
    desk_assert_row(desk, "accepted");
    desk_say_as(desk, "pa", 1, 1, "LAB=4, CON=5*"); // of another ballot
    desk_assert_row(desk, "accepted");
}

static void a_withdrawal_opens_the_ballot_again(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 2, 0, "WITHDRAWN");
    desk_assert_row(desk, "accepted");
    desk_assert_text(desk_newest(desk)->status, "awaiting");
    desk_say_as(desk, "pa", 3, 0, "LAB=5, CON=6*");
    assert_int_equal(desk_newest(desk)->ballots_declared, 1);
}

static void a_withdrawal_leaves_the_say_to_another_source(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "bbc", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 2, 0, "WITHDRAWN");
    assert_int_equal(desk_newest(desk)->ballots_declared, 1);
    desk_assert_text(desk_source_in_force(desk, 0), "bbc");
}

static void of_two_sources_rank_then_time_then_name_decide(void **state) {
    Desk *desk = *state;
    desk->rules.sources[0] = STR_LIT("bbc");
    desk->rules.sources_count = 1;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "bbc", 1, 0, "LAB=6*, CON=4");
    desk_assert_text(desk_source_in_force(desk, 0), "bbc");
    desk_say_as(desk, "pa", 1, 1, "LAB=5*, CON=4");
    Declaration *earlier = desk_draft(desk, 1, "LAB=6*, CON=4");
    earlier->source = STR_LIT("sky");
    earlier->declared_at_ms--;
    desk_declare(desk, earlier);
    desk_assert_text(desk_source_in_force(desk, 1), "sky");
    desk_say_as(desk, "pa", 1, 2, "LAB=5*, CON=4");
    desk_say_as(desk, "itv", 1, 2, "LAB=6*, CON=4");
    desk_assert_text(desk_source_in_force(desk, 2), "itv");
}

static void the_worst_verdict_decides_and_all_reasons_are_told(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Declaration *d = desk_draft(desk, 0, "LAB=5, CON=5");
    d->seats = 2;
    desk_declare(desk, d);
    desk_assert_row(desk, "held SEATS_MISMATCH TOO_FEW_ELECTED");
    desk->rules.verdicts[RULE_SEATS_MISMATCH] = VERDICT_REJECTED;
    desk_declare(desk, desk_draft(desk, 1, "LAB=5, CON=5"));
    desk_assert_row(desk, "held TOO_FEW_ELECTED");
    d = desk_draft(desk, 2, "LAB=5, CON=5");
    d->seats = 2;
    desk_declare(desk, d);
    desk_assert_row(desk, "rejected SEATS_MISMATCH TOO_FEW_ELECTED");
}

static void a_rule_may_warn_or_be_off(void **state) {
    Desk *desk = *state;
    desk->rules.verdicts[RULE_TOO_FEW_ELECTED] = VERDICT_WARNING;
    desk_load(desk);
    desk_say(desk, 0, "LAB=5, CON=5");
    desk_assert_row(desk, "accepted TOO_FEW_ELECTED");
    desk->rules.verdicts[RULE_TOO_FEW_ELECTED] = VERDICT_OFF;
    desk_say(desk, 1, "LAB=5, CON=5");
    desk_assert_row(desk, "accepted");
}

static void without_a_reference_nothing_else_is_said(void **state) {
    Desk *desk = *state;
    desk_say(desk, 0, "LAB=5, CON=5");
    desk_assert_row(desk, "held UNKNOWN_COUNCIL");
    desk_load(desk);
    Declaration *d = desk_draft(desk, 1, "LAB=5, CON=5");
    d->council_id = STR_LIT("E06000028"); // another council of the same lane
    assert_int_equal(partition_of_key(d->council_id, desk->rules.partitions), desk->lane->lane);
    desk_declare(desk, d);
    desk_assert_row(desk, "held UNKNOWN_COUNCIL");
}

static void rehearsals_are_apart(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Declaration *d = desk_draft(desk, 0, "LAB=5*, CON=4");
    d->is_test = true;
    desk_declare(desk, d);
    desk_assert_row(desk, "accepted");
    assert_int_equal(desk_count_snapshots(desk), 1);
    const SnapshotRow *rehearsed = &desk->effects.snapshots.items[desk->effects.snapshots.count - 1];
    assert_true(rehearsed->is_test && rehearsed->seq == 2);
    d->is_test = false;
    desk_declare(desk, d);
    desk_assert_row(desk, "accepted");
    assert_int_equal(desk_count_snapshots(desk), 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_declaration_is_accepted),
        TEST(another_source_with_the_same_winners_corroborates),
        TEST(another_source_with_other_winners_is_held),
        TEST(only_one_of_two_sources_says_postponed),
        TEST(a_withdrawal_differs_from_nobody),
        TEST(a_resend_is_a_duplicate),
        TEST(content_is_what_a_declaration_says),
        TEST(each_part_of_the_content_counts),
        TEST(a_resend_of_what_a_rule_rejected_is_judged_again),
        TEST(a_resend_of_what_the_desk_rejected_is_a_duplicate),
        TEST(a_lower_revision_is_superseded_or_stale),
        TEST(other_content_under_one_revision_is_held),
        TEST(a_withdrawal_opens_the_ballot_again),
        TEST(a_withdrawal_leaves_the_say_to_another_source),
        TEST(of_two_sources_rank_then_time_then_name_decide),
        TEST(the_worst_verdict_decides_and_all_reasons_are_told),
        TEST(a_rule_may_warn_or_be_off),
        TEST(without_a_reference_nothing_else_is_said),
        TEST(rehearsals_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
