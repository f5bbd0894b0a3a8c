// Snapshots and flashes: when they come, what caused them, what is taken back, what waits for approval.
#include "tests/unit/aggregator/desk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int set_up_one_ward(void **state) {
    int failed = desk_set_up(state);
    Desk *desk = *state;
    desk->council = (SmallCouncil){.previous = "CON", .ballots = {TO_COME(1)}};
    desk_load(desk);
    return failed;
}

static int set_up_approval(void **state) {
    int failed = set_up_one_ward(state);
    ((Desk *)*state)->rules.require_approval = true;
    return failed;
}

// ---- snapshots -------------------------------------------------------------------------------------------

static void what_says_nothing_new_makes_no_snapshot(void **state) {
    Desk *desk = *state;
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    assert_int_equal(desk_count_snapshots(desk), 2);
    desk_say_as(desk, "sky", 1, 0, "LAB=5*, CON=4"); // corroborates
    desk_say_as(desk, "pa", 2, 0, "LAB=5*, CON=4");  // the same again
    desk_assert_row(desk, "accepted");
    assert_int_equal(desk_count_snapshots(desk), 2);
    desk_say_as(desk, "pa", 3, 0, "LAB=6*, CON=4");
    assert_int_equal(desk_count_snapshots(desk), 3);
    assert_int_equal(desk_newest(desk)->seq, 3);
}

static void a_hold_that_changes_what_is_held_makes_one(void **state) {
    Desk *desk = *state;
    desk_say(desk, 0, "LAB=5, CON=5");
    assert_int_equal(desk_newest(desk)->ballots_held, 1);
    assert_int_equal(desk_count_snapshots(desk), 2);
    desk_say_as(desk, "sky", 1, 0, "LAB=5, CON=5");
    assert_int_equal(desk_newest(desk)->ballots_held, 1); // one ballot
    assert_int_equal(desk_count_snapshots(desk), 2);
}

static void a_cause_names_its_record(void **state) {
    Desk *desk = *state;
    desk_say(desk, 0, "LAB=5*, CON=4");
    assert_true(str_is_none(desk_newest(desk)->cause)); // the row itself
    desk_act(desk, ACTION_REJECT, 0);
    desk_assert_text(
        desk_newest(desk)->cause,
        "{\"record\":\"declared.OperatorAction\",\"topic\":\"desk-events\",\"partition\":3,"
        "\"kafka_offset\":1,\"lane\":3,\"lane_seq\":3,\"event_id\":\"00000000-0000-4000-8000-000000000001\","
        "\"ballot_paper_id\":\"local.medway.a.2023-05-04\",\"revision\":1,\"by\":\"editor\"}");
}

static void a_reference_causes_without_a_ballot(void **state) {
    Desk *desk = *state;
    desk_assert_text(desk_newest(desk)->cause,
                     "{\"record\":\"declared.CouncilReference\",\"topic\":\"desk-events\",\"partition\":3,"
                     "\"kafka_offset\":0,\"lane\":3,\"lane_seq\":1,\"event_id\":null,"
                     "\"ballot_paper_id\":null,\"revision\":null,\"by\":\"the desk\"}");
}

static void seats_are_told_in_order(void **state) {
    Desk *desk = *state;
    desk_say(desk, 0, "LAB=5*, CON=4, RES");
    desk_assert_text(desk_newest(desk)->seats, "[[0,1,1,0,null,5],[1,0,0,0,null,4],[5,0,0,0,null,null]]");
}

static void a_new_colour_is_a_new_snapshot(void **state) {
    Desk *desk = *state;
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_load(desk);
    assert_int_equal(desk_count_snapshots(desk), 2);
    desk->council.colour = "#E4003B";
    desk_load(desk);
    assert_int_equal(desk_count_snapshots(desk), 3);
}

static void called_at_is_of_the_unbroken_run(void **state) {
    Desk *desk = *state;
    assert_true(desk_newest(desk)->called_at_us == TIME_NONE);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    int64_t called_us = desk->now_us;
    assert_true(desk_newest(desk)->called_at_us == called_us);
    desk_say_as(desk, "pa", 2, 0, "LAB=6*, CON=4");
    assert_true(desk_newest(desk)->called_at_us == called_us && desk_newest(desk)->recorded_at_us > called_us);
    desk_say_as(desk, "pa", 3, 0, "WITHDRAWN");
    assert_true(desk_newest(desk)->called_at_us == TIME_NONE);
    desk_say_as(desk, "pa", 4, 0, "LAB=6*, CON=4");
    assert_true(desk_newest(desk)->called_at_us == desk->now_us);
}

// ---- facts -----------------------------------------------------------------------------------------------

static bool tells(const Desk *desk, const char *words) {
    Str facts = desk_newest(desk)->facts;
    return !str_is_none(facts) && memmem(facts.ptr, facts.len, words, strlen(words)) != NULL;
}

static void a_lot_is_told_anew_only_where_it_is_another(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*lot, CON=5");
    desk_say(desk, 1, "LAB=5*, CON=4");
    assert_true(tells(desk, "by lot after a tie on 5 votes"));
    desk_say_as(desk, "pa", 2, 1, "LAB=6*, CON=4");
    assert_int_equal(desk_count_snapshots(desk), 4);
    assert_true(str_is_none(desk_newest(desk)->facts));
    desk_say_as(desk, "pa", 2, 0, "LAB=7*lot, CON=7");
    assert_true(tells(desk, "by lot after a tie on 7 votes"));
}

static void a_lot_that_was_none_is_no_fact_any_more(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say(desk, 1, "LAB=5*, CON=4");
    desk_say(desk, 0, "LAB=5*lot, CON=5");
    assert_true(tells(desk, "by lot"));
    desk_say_as(desk, "pa", 2, 0, "LAB=6*, CON=5");
    assert_true(tells(desk, "LARGEST_PARTY"));
    assert_false(tells(desk, "by lot"));
}

// ---- flashes ---------------------------------------------------------------------------------------------

static void a_night_flashes_once_for_each_news(void **state) {
    Desk *desk = *state;
    desk->council = (SmallCouncil){.previous = "CON", .ballots = {TO_COME(2), TO_COME(1), TO_COME(1)}};
    desk->council.ballots[1].nominations = "CON 1, LAB 1";
    desk->council.ballots[2].nominations = "IND 1, LAB 1";
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, LAB=4*, CON=3, CON=2");
    desk_assert_flashes(desk, "CONTROL_LOST");
    desk_say(desk, 1, "LAB=5*, CON=4");
    desk_assert_flashes(desk, "CALLED");
    desk_say(desk, 2, "IND=5*, LAB=4");
    desk_assert_flashes(desk, "FINAL");
    const FlashRow *flash = &desk->effects.flashes.items[1];
    desk_assert_text(flash->flash_id, SMALL_ELECTION "/3/CALLED");
    desk_assert_text(flash->text, "LAB GAIN MEDWAY FROM CON");
}

static void all_news_may_come_in_one_snapshot(void **state) {
    Desk *desk = *state;
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_assert_flashes(desk, "CONTROL_LOST CALLED FINAL");
}

static void another_winner_takes_back_and_calls_in_one_snapshot(void **state) {
    Desk *desk = *state;
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, LD=4");
    desk_say_as(desk, "pa", 2, 0, "LAB=5, LD=6*");
    desk_assert_flashes(desk, "CALL_RETRACTED(2/CALLED) CALLED");
    desk_say_as(desk, "pa", 3, 0, "LAB=5, CON=6*");
    desk_assert_flashes(desk, "CALL_RETRACTED(3/CALLED) LOSS_RETRACTED(2/CONTROL_LOST) CALLED");
    desk_assert_text(desk_newest(desk)->headline, "CON HOLD MEDWAY");
}

static void what_is_open_again_is_taken_back(void **state) {
    Desk *desk = *state;
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 2, 0, "WITHDRAWN");
    desk_assert_flashes(desk, "CALL_RETRACTED(2/CALLED) LOSS_RETRACTED(2/CONTROL_LOST)");
    desk_say_as(desk, "pa", 3, 0, "LAB=5*, CON=4");
    desk_assert_flashes(desk, "CONTROL_LOST CALLED FINAL");
    desk_say_as(desk, "pa", 4, 0, "WITHDRAWN");
    desk_assert_flashes(desk, "CALL_RETRACTED(4/CALLED) LOSS_RETRACTED(4/CONTROL_LOST)");
}

static void votes_alone_flash_nothing(void **state) {
    Desk *desk = *state;
    desk_say_as(desk, "pa", 1, 0, "LAB*, CON");
    assert_false(desk_newest(desk)->votes_complete);
    desk_say_as(desk, "pa", 2, 0, "LAB=5*, CON=4");
    assert_true(desk_newest(desk)->votes_complete);
    desk_assert_flashes(desk, "");
}

static void by_elections_flash_nothing(void **state) {
    Desk *desk = *state;
    desk->council = (SmallCouncil){.continuing = "CON 3", .ballots = {{.seats = 1, .by = true}}};
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_assert_text(desk_newest(desk)->status, "final");
    desk_assert_flashes(desk, "");
}

// ---- approval --------------------------------------------------------------------------------------------

static void a_call_waits_for_its_approval(void **state) {
    Desk *desk = *state;
    int64_t offset = desk_say(desk, 0, "LAB=5*, CON=4");
    desk_assert_flashes(desk, "CONTROL_LOST CALL_READY FINAL");
    desk_assert_text(desk_newest(desk)->headline, "CON LOSE CONTROL OF MEDWAY");
    desk_assert_text(desk_newest(desk)->control, "LAB"); // nothing else waits
    int64_t called_us = desk_newest(desk)->called_at_us;
    desk_act(desk, ACTION_APPROVE_CALL, offset);
    desk_assert_row(desk, "accepted");
    desk_assert_flashes(desk, "CALLED");
    desk_assert_text(desk_newest(desk)->headline, "LAB GAIN MEDWAY FROM CON");
    assert_true(desk_newest(desk)->called_at_us == called_us);
    desk_act(desk, ACTION_APPROVE_CALL, offset);
    desk_assert_row(desk, "rejected NOT_HELD");
}

static void an_approval_names_the_cause_of_the_call(void **state) {
    Desk *desk = *state;
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    int64_t later = desk_say_as(desk, "pa", 2, 0, "LAB=6*, CON=4");
    desk_act(desk, ACTION_APPROVE_CALL, later);
    desk_assert_row(desk, "rejected NOT_HELD");
    desk_act(desk, ACTION_APPROVE_CALL, later - 1);
    desk_assert_row(desk, "accepted");
}

static void an_approval_may_come_first(void **state) {
    Desk *desk = *state;
    desk_act(desk, ACTION_APPROVE_CALL, 0);
    desk_assert_row(desk, "held NOT_YET_APPLIED");
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_assert_changes(desk, "2 accepted by 3");
    desk_assert_flashes(desk, "CONTROL_LOST CALLED FINAL");
    desk_assert_text(desk_newest(desk)->headline, "LAB GAIN MEDWAY FROM CON");
}

static void an_approval_looks_at_what_a_release_has_made(void **state) {
    Desk *desk = *state;
    desk_act(desk, ACTION_APPROVE_CALL, 0);
    desk_act(desk, ACTION_RELEASE, 0);
    desk_say(desk, 0, "LAB=5, CON=5");
    desk_assert_row(desk, "held TOO_FEW_ELECTED");
    desk_assert_changes(desk, "4 accepted by 4, 3 accepted by 4, 2 accepted by 4");
    desk_assert_text(desk_newest(desk)->headline, "CON LOSE MEDWAY TO NOC");
}

static void an_approval_of_what_calls_nothing_is_rejected(void **state) {
    Desk *desk = *state;
    desk_act(desk, ACTION_APPROVE_CALL, 0);
    desk_say(desk, 0, "LAB=5, CON=5");
    desk_assert_row(desk, "held TOO_FEW_ELECTED");
    desk_assert_changes(desk, "2 rejected NOT_HELD by 3");
}

static void each_call_wants_its_own_approval(void **state) {
    Desk *desk = *state;
    desk_act(desk, ACTION_APPROVE_CALL, desk_say_as(desk, "pa", 1, 0, "LAB=5*, LD=4"));
    desk_say_as(desk, "pa", 2, 0, "LAB=5, LD=6*");
    desk_assert_flashes(desk, "CALL_RETRACTED(3/CALLED) CALL_READY");
    desk_say_as(desk, "pa", 3, 0, "LAB=7*, LD=6");
    desk_assert_flashes(desk, "CALL_RETRACTED(4/CALL_READY) CALL_READY");
}

int main(void) {
#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, desk_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_says_nothing_new_makes_no_snapshot, set_up_one_ward),
        TEST(a_hold_that_changes_what_is_held_makes_one, set_up_one_ward),
        TEST(a_cause_names_its_record, set_up_one_ward),
        TEST(a_reference_causes_without_a_ballot, set_up_one_ward),
        TEST(seats_are_told_in_order, set_up_one_ward),
        TEST(a_new_colour_is_a_new_snapshot, set_up_one_ward),
        TEST(called_at_is_of_the_unbroken_run, set_up_one_ward),
        TEST(a_lot_is_told_anew_only_where_it_is_another, desk_set_up),
        TEST(a_lot_that_was_none_is_no_fact_any_more, desk_set_up),
        TEST(a_night_flashes_once_for_each_news, desk_set_up),
        TEST(all_news_may_come_in_one_snapshot, set_up_one_ward),
        TEST(another_winner_takes_back_and_calls_in_one_snapshot, set_up_one_ward),
        TEST(what_is_open_again_is_taken_back, set_up_one_ward),
        TEST(votes_alone_flash_nothing, set_up_one_ward),
        TEST(by_elections_flash_nothing, desk_set_up),
        TEST(a_call_waits_for_its_approval, set_up_approval),
        TEST(an_approval_names_the_cause_of_the_call, set_up_approval),
        TEST(an_approval_may_come_first, set_up_approval),
        TEST(an_approval_looks_at_what_a_release_has_made, set_up_approval),
        TEST(an_approval_of_what_calls_nothing_is_rejected, set_up_approval),
        TEST(each_call_wants_its_own_approval, set_up_approval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
