// Story facts: each code told where it is true, and not told where it is not.
#include "common/base/mem.h"
#include "services/aggregator/facts.h"
#include "tests/unit/aggregator/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { BALLOTS = 3 };

// A council of three one-seat wards, Blue in control before; what a test changes, it changes first.
typedef struct Night {
    Party parties[3];
    PreviousControl previous;
    ControlPeriod history[4];
    PartySeats baseline_seats[2];
    SeatBaseline baseline;
    ReferenceBallot ballots[BALLOTS];
    CouncilReference reference;
    Candidate candidates[BALLOTS][2];
    Declaration declarations[BALLOTS];
    Arena arena;
} Night;

#define T(text) STR_LIT(text)

static void set_winner(Night *night, int ballot, int winner, int64_t red_votes, int64_t blue_votes) {
    night->candidates[ballot][0] = (Candidate){.candidate_id = T("r"), .name = T("Rosa"), .party_id = T("PP1"),
                                               .votes = red_votes, .elected = winner == 0};
    night->candidates[ballot][1] = (Candidate){.candidate_id = T("b"), .name = T("Bert"), .party_id = T("PP2"),
                                               .votes = blue_votes, .elected = winner == 1};
}

static int set_up(void **state) {
    static const char *const ids[BALLOTS] = {"local.x.a.2023-05-04", "local.x.b.2023-05-04", "local.x.c.2023-05-04"};
    Night *night = mem_alloc(1, sizeof *night);
    night->parties[0] = (Party){.party_id = T("PP1"), .name = T("Red"), .short_name = T("RED")};
    night->parties[1] = (Party){.party_id = T("PP2"), .name = T("Blue"), .short_name = T("BLU")};
    night->parties[2] = (Party){.party_id = T(PARTY_INDEPENDENT), .name = T("Independent"), .short_name = T("IND")};
    night->previous = (PreviousControl){.party_id = T("PP2"), .seats = 3, .seats_total = 5, .seats_basis = T("last_election")};
    night->history[0] = (ControlPeriod){.from = T("1998-04-01")};
    night->history[1] = (ControlPeriod){.from = T("2003-05-01"), .party_id = T("PP2"), .reason = T("election")};
    night->baseline_seats[0] = (PartySeats){T("PP1"), 1};
    night->baseline_seats[1] = (PartySeats){T("PP2"), 2};
    night->baseline = (SeatBaseline){T("last_election"), {night->baseline_seats, 2}};
    for (int i = 0; i < BALLOTS; i++) {
        night->ballots[i] = (ReferenceBallot){.ballot_paper_id = str_from(ids[i]), .seats = 1, .electorate = COUNT_UNKNOWN};
        set_winner(night, i, 0, 20, 10);
        night->declarations[i] = (Declaration){.ballot_paper_id = str_from(ids[i]), .ward_name = T("Ward"), .seats = 1,
                                               .candidates = night->candidates[i], .candidates_count = 2};
    }
    night->reference = (CouncilReference){
        .council_id = T("E1"), .name = T("Exton"), .created = T("1998-04-01"), .election_id = T("local.x.2023-05-04"),
        .seats_total = 3, .boundary_changes = TRILEAN_TRUE, .previous_control = &night->previous,
        .control_history = night->history, .control_history_count = 2, .seat_baseline = &night->baseline,
        .ballots = night->ballots, .ballots_count = BALLOTS, .parties = night->parties, .parties_count = 3};
    *state = night;
    return 0;
}

static int tear_down(void **state) {
    Night *night = *state;
    arena_free(&night->arena);
    mem_free(night);
    return 0;
}

// The facts after the first `declared` wards.
static const char *tell(Night *night, int declared) {
    Council *council = council_new(&night->reference);
    BallotResult results[BALLOTS] = {0};
    Lots lots = {arena_alloc(&night->arena, BALLOTS, sizeof(LotBallot)), (size_t)declared};
    for (int i = 0; i < declared; i++) {
        results[i] = declared_result(council, &night->declarations[i], &night->arena);
        lots.items[i] = (LotBallot){&council->ballots[i], &night->declarations[i], results[i].candidates};
    }
    Count count = count_new(council, results);
    Standing standing = control_decide(council, &count, &night->arena);
    count_free(&count);
    Buf json = {0};
    facts_tell(council, &standing, &lots, &json, &night->arena);
    Str facts = arena_copy(&night->arena, buf_str(&json));
    buf_free(&json);
    council_free(council);
    return facts.ptr;
}

static void assert_tells(const char *facts, const char *text) {
    if (strstr(facts, text) == NULL) {
        fail_msg("no %s in %s", text, facts);
    }
}

static void assert_silent(const char *facts, const char *text) {
    if (strstr(facts, text) != NULL) {
        fail_msg("%s in %s", text, facts);
    }
}

static void test_nothing_before_control_is_lost_or_certain(void **state) {
    assert_string_equal(tell(*state, 0), "[]");
    assert_string_equal(tell(*state, 1), "[]");
}

static void test_control_lost_after_years_and_days(void **state) {
    const char *facts = tell(*state, 2);
    assert_tells(facts, "\"code\":\"CONTROL_HELD_FOR\"");
    assert_tells(facts, "\"years\":20,\"days\":3,\"lost\":true");
    assert_tells(facts, "Blue control of Exton is lost, for the first time in more than 20 years");
}

static void test_control_held_says_so(void **state) {
    Night *night = *state;
    set_winner(night, 0, 1, 10, 20);
    set_winner(night, 1, 1, 10, 20);
    const char *facts = tell(night, 2);
    assert_tells(facts, "\"lost\":false");
    assert_tells(facts, "20 years 3 days to poll day");
    assert_silent(facts, "FIRST_MAJORITY_EVER");
}

static void test_exact_years_have_no_days(void **state) {
    Night *night = *state;
    night->history[1].from = T("2003-05-04");
    const char *facts = tell(night, 2);
    assert_tells(facts, "for the first time in 20 years: it had lasted 20 years.");
}

static void test_first_majority_ever_wants_the_whole_history(void **state) {
    Night *night = *state;
    assert_tells(tell(night, 2), "The first Red majority since the council was created in 1998.");
    night->history[0].from = T("1999-05-06");
    assert_silent(tell(night, 2), "FIRST_MAJORITY_EVER");
}

static void test_first_since_where_an_election_lay_between(void **state) {
    Night *night = *state;
    night->history[0].party_id = T("PP1");
    const char *facts = tell(night, 2);
    assert_tells(facts, "\"code\":\"FIRST_SINCE\"");
    assert_tells(facts, "The first Red majority since 2003.");
    assert_silent(facts, "FIRST_MAJORITY_EVER");
}

static void test_regained_where_none_lay_between(void **state) {
    Night *night = *state;
    night->history[0].party_id = T("PP1");
    night->history[1] = (ControlPeriod){.from = T("2021-11-30"), .reason = T("defection")};
    night->previous = (PreviousControl){.seats = COUNT_UNKNOWN, .seats_total = COUNT_UNKNOWN};
    const char *facts = tell(night, 2);
    assert_tells(facts, "\"code\":\"REGAINED\"");
    assert_silent(facts, "FIRST_SINCE");
}

static void test_majority_that_was(void **state) {
    Night *night = *state;
    assert_tells(tell(night, 2), "The Blue majority was 1 at the last election: 3 of 5 seats.");
    night->previous.seats = COUNT_UNKNOWN;
    assert_silent(tell(night, 2), "MAJORITY_WAS");
}

static void test_seats_gained_and_lost_name_their_baseline(void **state) {
    const char *facts = tell(*state, 3);
    assert_tells(facts, "Red: 3 seats, 2 more than the 1 at the last election.");
    assert_tells(facts, "Blue: 0 seats, 2 fewer than the 2 at the last election.");
    assert_silent(tell(*state, 2), "SEATS_GAINED");
}

static void test_new_seats_come_from_boundary_changes(void **state) {
    Night *night = *state;
    assert_tells(tell(night, 2), "Exton has 3 seats, 2 fewer than the 5 before boundary changes.");
    night->reference.boundary_changes = TRILEAN_FALSE;
    assert_silent(tell(night, 2), "NEW_SEATS");
}

static void test_largest_party_says_whether_it_is_enough(void **state) {
    assert_tells(tell(*state, 2), "Red: 2 of 3 seats, enough for control, which takes 2.");
}

static void test_led_on_votes_and_lost_on_seats(void **state) {
    Night *night = *state;
    assert_silent(tell(night, 3), "LED_VOTES_LOST_SEATS");
    set_winner(night, 2, 1, 10, 900);
    assert_tells(tell(night, 3), "Most votes: Blue (920 to 50); most seats: Red (2 to 1).");
    night->candidates[0][1].votes = COUNT_UNKNOWN;
    assert_silent(tell(night, 3), "LED_VOTES_LOST_SEATS");
}

static void test_decided_by_lot(void **state) {
    Night *night = *state;
    assert_silent(tell(night, 3), "DECIDED_BY_LOT");
    set_winner(night, 2, 0, 15, 15);
    night->candidates[2][0].elected_by_lot = true;
    assert_tells(tell(night, 3), "Rosa (Red) was elected in Ward by lot after a tie on 15 votes.");
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_before_control_is_lost_or_certain),
        TEST(test_control_lost_after_years_and_days),
        TEST(test_control_held_says_so),
        TEST(test_exact_years_have_no_days),
        TEST(test_first_majority_ever_wants_the_whole_history),
        TEST(test_first_since_where_an_election_lay_between),
        TEST(test_regained_where_none_lay_between),
        TEST(test_majority_that_was),
        TEST(test_seats_gained_and_lost_name_their_baseline),
        TEST(test_new_seats_come_from_boundary_changes),
        TEST(test_largest_party_says_whether_it_is_enough),
        TEST(test_led_on_votes_and_lost_on_seats),
        TEST(test_decided_by_lot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
