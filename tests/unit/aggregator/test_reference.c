// Reference data comes, and comes again: what was held is judged anew, what is in force must stay covered.
#include "tests/unit/aggregator/desk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void records_wait_for_their_reference(void **state) {
    Desk *desk = *state;
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_assert_row(desk, "held UNKNOWN_COUNCIL");
    desk_say(desk, 1, "LAB=5*, CON=4");
    assert_int_equal(desk->effects.snapshots.count, 0);
    desk_load(desk);
    desk_assert_changes(desk, "1 accepted by 3, 2 accepted by 3");
    assert_int_equal(desk_count_snapshots(desk), 3); // the reference's first, then one for each
    assert_int_equal(desk_newest(desk)->ballots_declared, 2);
    assert_true(desk_newest(desk)->recorded_at_us == desk->now_us);
}

static void both_spaces_get_a_first_snapshot(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    assert_int_equal(desk->effects.snapshots.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const SnapshotRow *row = &desk->effects.snapshots.items[i];
        assert_int_equal(row->is_test, i);
        assert_int_equal(row->seq, 1);
        desk_assert_text(row->status, "awaiting");
        desk_assert_text(row->previous_control, "CON");
        assert_true(str_is_none(row->control) && str_is_none(row->headline));
    }
}

static void a_reload_without_news_makes_no_snapshot(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_load(desk);
    assert_int_equal(desk_count_snapshots(desk), 1);
    desk->council.previous = "LAB";
    desk_load(desk);
    assert_int_equal(desk_count_snapshots(desk), 2);
    desk_assert_text(desk_newest(desk)->previous_control, "LAB");
}

static void load_reference(Desk *desk, const CouncilReference *reference) {
    Decoded decoded = {.record.type = RECORD_REFERENCE};
    decoded.record.reference = *reference;
    desk_send(desk, INPUT_DESK, STR_LIT(SMALL_COUNCIL_ID), &decoded);
    desk_assert_row(desk, "accepted");
}

static void one_open_ballot_for_another_is_no_news(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    CouncilReference *reference = small_reference(&desk->council, &desk->arena);
    reference->ballots[0].ballot_paper_id = STR_LIT("local.medway.z.2023-05-04");
    load_reference(desk, reference);
    assert_int_equal(desk_count_snapshots(desk), 1);
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_assert_row(desk, "held UNKNOWN_BALLOT");
}

static void ballots_are_found_in_another_order(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    CouncilReference *reference = small_reference(&desk->council, &desk->arena);
    ReferenceBallot first = reference->ballots[0];
    reference->ballots[0] = reference->ballots[1];
    reference->ballots[1] = first;
    load_reference(desk, reference);
    desk_say_as(desk, "pa", 2, 0, "LAB=5, CON=6*");
    desk_assert_text(desk_newest(desk)->largest_party, "CON");
    assert_int_equal(desk_newest(desk)->ballots_declared, 1);
}

static void a_reload_is_compared_with_what_was_said_before(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 1, 1, "LAB=5, CON=4"); // held
    assert_int_equal(desk_count_snapshots(desk), 3);
    desk_load(desk);
    desk_say_as(desk, "pa", 2, 0, "LAB=5*, CON=4");
    assert_int_equal(desk_count_snapshots(desk), 3);
    desk->council.colour = "#DC241F";
    desk_load(desk);
    assert_int_equal(desk_count_snapshots(desk), 4);
    desk_load(desk);
    assert_int_equal(desk_count_snapshots(desk), 4);
}

static void what_it_does_not_explain_stays_held(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say(desk, 0, "LAB=5, CON=5");
    desk_assert_row(desk, "held TOO_FEW_ELECTED");
    desk_load(desk);
    desk_assert_changes(desk, "");
    desk->council.ballots[0].nominations = "LAB 1";
    desk_load(desk);
    desk_assert_changes(desk, "2 held TOO_FEW_ELECTED NOT_NOMINATED by 4");
}

static void what_waits_is_judged_in_its_order(void **state) {
    Desk *desk = *state;
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 1, 0, "LAB=4, CON=5*");
    desk_say_as(desk, "sky", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 2, 0, "LAB=5, CON=6*");
    desk_load(desk);
    desk_assert_changes(desk,
                        "1 accepted by 5, 2 held CONFLICTING_REVISION by 5, 3 corroborated by 5, 4 accepted by 5");
}

static void what_waits_may_turn_out_a_duplicate(void **state) {
    Desk *desk = *state;
    Declaration *d = desk_draft(desk, 0, "COOP=5*, CON=4");
    desk_declare(desk, d);
    Declaration *folded = desk_draft(desk, 0, "LAB=5*, CON=4");
    folded->candidates[0].name = d->candidates[0].name;
    desk_declare(desk, folded);
    desk_assert_row(desk, "held UNKNOWN_COUNCIL"); // nothing folds yet
    desk_load(desk);
    desk_assert_changes(desk, "1 accepted by 3, 2 duplicate by 3");
}

static void what_folds_differently_now_is_compared_anew(void **state) {
    Desk *desk = *state;
    Declaration *d = desk_draft(desk, 0, "COOP=5*, CON=4");
    Declaration *folded = desk_draft(desk, 0, "LAB=5*, CON=4");
    folded->candidates[0].name = d->candidates[0].name;
    desk_declare(desk, d);
    desk_declare(desk, d);
    desk_assert_row(desk, "duplicate"); // they were compared
    desk_load(desk);
    desk_declare(desk, folded);
    desk_assert_row(desk, "duplicate");
    lane_trim(desk->lane);
    desk_declare(desk, folded);
    desk_assert_row(desk, "duplicate");
}

static void a_conflict_stays_until_the_desk_decides(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    int64_t first = desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    int64_t second = desk_say_as(desk, "pa", 1, 0, "LAB=4, CON=5*");
    desk_act(desk, ACTION_REJECT, first);
    desk_assert_changes(desk, "2 rejected by 4");
    desk_load(desk);
    desk_assert_changes(desk, "");
    desk_act(desk, ACTION_RELEASE, second);
    desk_assert_changes(desk, "3 accepted by 6");
}

static void a_release_from_before_still_holds_good(void **state) {
    Desk *desk = *state;
    int64_t offset = desk_say(desk, 0, "LAB=5, CON=5");
    desk_act(desk, ACTION_RELEASE, offset);
    desk_assert_row(desk, "accepted");
    desk_load(desk);
    desk_assert_changes(desk, "1 accepted by 3");
}

static void an_unknown_ballot_and_party_may_become_known(void **state) {
    Desk *desk = *state;
    desk->council.ballots[2].seats = 0;
    desk_load(desk);
    desk->council.ballots[2].seats = 1;
    desk_say(desk, 2, "LAB=5*, CON=4");
    desk_assert_row(desk, "held UNKNOWN_BALLOT");
    assert_int_equal(desk_newest(desk)->ballots_held, 1);
    desk_load(desk);
    desk_assert_changes(desk, "2 accepted by 3");
    assert_int_equal(desk_newest(desk)->ballots_held, 0);
}

static void a_result_in_force_cannot_be_left_out(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    int64_t offset = desk_say(desk, 2, "LAB=5*, CON=4");
    desk->council.ballots[2].seats = 0;
    desk_load(desk);
    desk_assert_row(desk, "rejected BAD_REFERENCE");
    assert_int_equal(desk_newest(desk)->ballots_total, 3);
    desk_act(desk, ACTION_REJECT, offset);
    desk_load(desk);
    desk_assert_row(desk, "accepted");
    assert_int_equal(desk_newest(desk)->ballots_total, 2);
}

static void load_without_labour(Desk *desk) {
    Decoded decoded = {.record.type = RECORD_REFERENCE};
    decoded.record.reference = *small_reference(&desk->council, &desk->arena);
    decoded.record.reference.parties++;
    decoded.record.reference.parties_count--;
    desk_send(desk, INPUT_DESK, STR_LIT(SMALL_COUNCIL_ID), &decoded);
}

static void nor_can_a_party_that_may_come_into_force_again(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 2, 0, "LD=5*, CON=4");
    load_without_labour(desk);
    desk_assert_row(desk, "rejected BAD_REFERENCE");
    desk_act(desk, ACTION_REJECT, 0);
    load_without_labour(desk);
    desk_assert_row(desk, "accepted");
}

static void what_contradicts_itself_is_rejected(void **state) {
    Desk *desk = *state;
    Decoded decoded = {.record.type = RECORD_REFERENCE};
    decoded.record.reference = *small_reference(&desk->council, &desk->arena);
    decoded.record.reference.seats_total++;
    desk_send(desk, INPUT_DESK, STR_LIT(SMALL_COUNCIL_ID), &decoded);
    desk_assert_row(desk, "rejected BAD_REFERENCE");
    decoded.record.reference.seats_total = 0;
    desk_send(desk, INPUT_DESK, STR_LIT(SMALL_COUNCIL_ID), &decoded);
    desk_assert_row(desk, "rejected BAD_VALUE");
    assert_int_equal(desk->effects.snapshots.count, 0);
}

static void control_survives_another_order_of_parties(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_say(desk, 1, "LAB=5*, CON=4");
    desk_assert_text(desk_newest(desk)->control, "LAB");
    size_t flashes = desk->effects.flashes.count;
    CouncilReference *reference = small_reference(&desk->council, &desk->arena);
    Party labour = reference->parties[0];
    reference->parties[0] = reference->parties[2];
    reference->parties[2] = labour;
    load_reference(desk, reference);
    assert_int_equal(desk->effects.flashes.count, flashes);
    assert_int_equal(desk_count_snapshots(desk), 3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_wait_for_their_reference),
        TEST(both_spaces_get_a_first_snapshot),
        TEST(a_reload_without_news_makes_no_snapshot),
        TEST(one_open_ballot_for_another_is_no_news),
        TEST(ballots_are_found_in_another_order),
        TEST(a_reload_is_compared_with_what_was_said_before),
        TEST(what_it_does_not_explain_stays_held),
        TEST(what_waits_is_judged_in_its_order),
        TEST(what_waits_may_turn_out_a_duplicate),
        TEST(what_folds_differently_now_is_compared_anew),
        TEST(a_conflict_stays_until_the_desk_decides),
        TEST(a_release_from_before_still_holds_good),
        TEST(an_unknown_ballot_and_party_may_become_known),
        TEST(a_result_in_force_cannot_be_left_out),
        TEST(nor_can_a_party_that_may_come_into_force_again),
        TEST(what_contradicts_itself_is_rejected),
        TEST(control_survives_another_order_of_parties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
