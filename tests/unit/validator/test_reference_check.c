#include "services/validator/reference_check.h"

#include "common/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

// A sound council of 10 seats: 3 wards of 2, 3 continuing, 1 vacant. Each test spoils one thing.
typedef struct Fixture {
    Arena arena;
    Str problem;
    Str folds[2];
    Party parties[3];
    ControlPeriod history[2];
    PreviousControl previous;
    SeatBaseline baseline;
    PartySeats continuing[2], nominations[2], held[2];
    PartyBloc blocs[2];
    ReferenceBallot ballots[3];
    CouncilReference council;
} Fixture;

static void fill(Fixture *f) {
    f->folds[0] = STR_LIT("joint-party:53-119");
    f->folds[1] = STR_LIT("joint-party:53-120");
    f->parties[0] = (Party){.party_id = STR_LIT("PP52"), .name = STR_LIT("Conservative"), .short_name = STR_LIT("CON")};
    f->parties[1] = (Party){.party_id = STR_LIT("PP53"),
                            .name = STR_LIT("Labour"),
                            .short_name = STR_LIT("LAB"),
                            .folds = f->folds,
                            .folds_count = 2};
    f->parties[2] =
        (Party){.party_id = STR_LIT("ynmp-party:2"), .name = STR_LIT("Independent"), .short_name = STR_LIT("IND")};
    f->history[0] = (ControlPeriod){.from = STR_LIT("1998-04-01")};
    f->history[1] = (ControlPeriod){.from = STR_LIT("2003-05-01"), .party_id = STR_LIT("PP52")};
    f->previous = (PreviousControl){STR_LIT("PP52"), 6, 10, STR_LIT("eve_of_poll")};
    f->held[0] = (PartySeats){STR_LIT("PP52"), 6};
    f->held[1] = (PartySeats){STR_LIT("PP53"), 4};
    f->baseline = (SeatBaseline){STR_LIT("last_election"), {f->held, 2}};
    f->continuing[0] = (PartySeats){STR_LIT("PP52"), 2};
    f->continuing[1] = (PartySeats){STR_LIT("name:residents"), 1};
    f->nominations[0] = (PartySeats){STR_LIT("PP52"), 2};
    f->nominations[1] = (PartySeats){STR_LIT("name:unlisted"), 1};
    static const char *const ids[] = {"local.medway.a.2023-05-04", "local.medway.b.2023-05-04",
                                      "local.medway.c.by.2023-05-04"};
    for (size_t i = 0; i < 3; i++) {
        f->ballots[i] = (ReferenceBallot){.ballot_paper_id = str_from(ids[i]),
                                          .seats = 2,
                                          .electorate = COUNT_UNKNOWN,
                                          .nominations = {f->nominations, 2}};
    }
    f->council = (CouncilReference){
        .council_id = STR_LIT("E06000035"),
        .name = STR_LIT("Medway"),
        .election_id = STR_LIT("local.medway.2023-05-04"),
        .created = STR_LIT("1998-04-01"),
        .voting_system = STR_LIT("FPTP"),
        .seats_total = 10,
        .vacant = 1,
        .previous_control = &f->previous,
        .control_history = f->history,
        .control_history_count = 2,
        .seat_baseline = &f->baseline,
        .continuing = {f->continuing, 2},
        .expected_at_ms = COUNT_UNKNOWN,
        .ballots = f->ballots,
        .ballots_count = 3,
        .parties = f->parties,
        .parties_count = 3,
    };
}

static int set_up(void **state) {
    Fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    if (fixture != NULL) {
        fill(fixture);
    }
    return fixture == NULL;
}

static int tear_down(void **state) {
    Fixture *fixture = *state;
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static bool is_sound(Fixture *fixture) {
    return reference_check(&fixture->council, &fixture->arena, &fixture->problem);
}

// Refused with these words; then all is made sound again.
static void assert_refused(Fixture *fixture, const char *problem) {
    assert_false(is_sound(fixture));
    assert_string_equal(fixture->problem.ptr, problem);
    fill(fixture);
}

static void a_sound_council_passes(void **state) {
    assert_true(is_sound(*state));
}

static void what_is_not_known_may_be_absent(void **state) {
    Fixture *f = *state;
    f->council.created = f->council.voting_system = STR_NONE;
    f->council.control_history_count = 0;
    f->council.seat_baseline = NULL;
    f->previous = (PreviousControl){STR_LIT("PP52"), COUNT_UNKNOWN, COUNT_UNKNOWN, STR_NONE};
    assert_true(is_sound(f));
}

static void empty_names_and_ids_are_refused(void **state) {
    Fixture *f = *state;
    f->council.council_id = STR_LIT("");
    assert_refused(f, "council_id is empty");
    f->council.name = STR_LIT("");
    assert_refused(f, "name is empty");
    f->parties[0].party_id = STR_LIT("");
    assert_refused(f, "a party id is empty");
    f->parties[0].name = STR_LIT("");
    assert_refused(f, "party PP52: name is empty");
    f->parties[1].short_name = STR_LIT("");
    assert_refused(f, "party PP53: short is empty");
    f->ballots[0].ballot_paper_id = STR_LIT("");
    assert_refused(f, "a ballot_paper_id is empty");
    static char longest[LIMIT_ID_BYTES + 1];
    memset(longest, 'x', sizeof longest);
    f->council.council_id = (Str){longest, sizeof longest};
    assert_refused(f, "council_id is too long");
}

static void ids_must_agree(void **state) {
    Fixture *f = *state;
    f->council.election_id = STR_LIT("local.medway.2023-02-30");
    assert_refused(f, "election_id 'local.medway.2023-02-30' is not local.<organisation>.<date>");
    f->council.election_id = STR_LIT("local.medway.a.2023-05-04");
    assert_refused(f, "election_id 'local.medway.a.2023-05-04' is not local.<organisation>.<date>");
    f->ballots[1].ballot_paper_id = STR_LIT("local.swale.b.2023-05-04");
    assert_refused(f, "ballot_paper_id 'local.swale.b.2023-05-04' is no ballot of local.medway.2023-05-04");
    f->ballots[1].ballot_paper_id = STR_LIT("local.medway.b.2023-05-05");
    assert_refused(f, "ballot_paper_id 'local.medway.b.2023-05-05' is no ballot of local.medway.2023-05-04");
}

static void nothing_may_appear_twice(void **state) {
    Fixture *f = *state;
    f->ballots[2].ballot_paper_id = f->ballots[0].ballot_paper_id;
    assert_refused(f, "the ballot local.medway.a.2023-05-04 appears twice");
    f->parties[2].party_id = STR_LIT("PP52");
    assert_refused(f, "the party id PP52 appears twice");
    f->folds[1] = f->folds[0];
    assert_refused(f, "the party id joint-party:53-119 appears twice");
    f->folds[0] = STR_LIT("PP52");
    assert_refused(f, "the party id PP52 appears twice");
    f->continuing[1].party_id = STR_LIT("PP52");
    assert_refused(f, "E06000035: continuing names the party 'PP52' twice");
    f->parties[2].party_id = STR_LIT("NOC");
    assert_refused(f, "a party id cannot be NOC");
}

static void seats_must_add_up(void **state) {
    Fixture *f = *state;
    f->council.seats_total = 11;
    assert_refused(f, "3 continuing + 1 vacant + 6 up are not seats_total 11");
    f->council.vacant = 0;
    assert_refused(f, "3 continuing + 0 vacant + 6 up are not seats_total 10");
    f->council.ballots_count = 0;
    assert_refused(f, "there are no ballots");
}

static void counts_have_bounds(void **state) {
    Fixture *f = *state;
    f->council.seats_total = 0;
    assert_refused(f, "E06000035: seats_total is 0, outside 1 to 100000");
    f->council.vacant = -1;
    assert_refused(f, "E06000035: vacant is -1, outside 0 to 100000");
    f->ballots[0].seats = 0;
    assert_refused(f, "local.medway.a.2023-05-04: seats is 0, outside 1 to 100000");
    f->ballots[0].electorate = -1;
    assert_refused(f, "local.medway.a.2023-05-04: electorate is -1, outside 0 to 2147483647");
    f->nominations[0].seats = -1;
    assert_refused(f, "local.medway.a.2023-05-04: nominations is -1, outside 0 to 100000");
    f->nominations[0].seats = f->nominations[1].seats = 60000;
    assert_refused(f, "local.medway.a.2023-05-04: nominations is 120000, outside 0 to 100000");
    f->held[0].seats = -1;
    assert_refused(f, "E06000035: seat_baseline is -1, outside 0 to 100000");
    f->previous.seats = -1;
    assert_refused(f, "E06000035: previous_control: seats is -1, outside 0 to 100000");
    f->council.expected_at_ms = -1;
    assert_refused(f, "E06000035: expected_at is -1, outside 0 to 253402300799999");
}

static void parties_of_a_map_have_a_bound(void **state) {
    enum { PARTIES = LIMIT_PARTIES + 1, ID_BYTES = 8 };
    Fixture *f = *state;
    static char ids[PARTIES][ID_BYTES];
    static PartySeats entries[PARTIES];
    for (size_t i = 0; i < PARTIES; i++) {
        snprintf(ids[i], ID_BYTES, "PP%zu", i);
        entries[i] = (PartySeats){str_from(ids[i]), 0};
    }
    f->ballots[0].nominations = (PartySeatsMap){entries, LIMIT_PARTIES};
    assert_true(is_sound(f));
    f->ballots[0].nominations.count = PARTIES;
    assert_refused(f, "local.medway.a.2023-05-04: nominations names 1001 parties, more than 1000");
}

static void previous_control_must_be_known_or_absent(void **state) {
    Fixture *f = *state;
    f->council.previous_control = NULL;
    assert_refused(f, "previous_control is not known: fill it in, or leave it out for a new council");
    f->council.previous_control = NULL;
    f->council.new_council = true;
    assert_true(is_sound(f));
    fill(f);
    f->council.new_council = true;
    assert_refused(f, "a new council has no previous_control");
    f->previous.party_id = STR_NONE; // no overall control, whatever the seats
    f->previous.seats = 5;
    assert_true(is_sound(f));
}

static void by_elections_alone_need_no_previous_control(void **state) {
    Fixture *f = *state;
    f->council.previous_control = NULL;
    f->ballots[0].ballot_paper_id = STR_LIT("local.medway.a.by.2023-05-04");
    f->ballots[1].ballot_paper_id = STR_LIT("local.medway.b.by.2023-05-04");
    assert_true(is_sound(f));
}

static void a_previous_party_had_more_than_half(void **state) {
    Fixture *f = *state;
    f->previous.seats = 5;
    assert_refused(f, "previous_control: 5 seats of 10 are not more than half");
    f->previous.seats = 5; // of the last election: much may have happened since
    f->previous.seats_basis = STR_LIT("last_election");
    assert_true(is_sound(f));
    f->previous.seats_basis = STR_NONE;
    assert_true(is_sound(f));
    f->previous.seats_basis = STR_LIT("eve");
    assert_refused(f, "previous_control: seats_basis cannot be 'eve'");
}

static void a_previous_party_is_listed_and_a_bloc(void **state) {
    Fixture *f = *state;
    f->previous.party_id = STR_LIT("PP90");
    assert_refused(f, "previous_control: PP90 is not among the parties");
    f->previous.party_id = STR_LIT("joint-party:53-119"); // folded
    assert_true(is_sound(f));
    fill(f);
    f->previous.party_id = STR_LIT("ynmp-party:2");
    assert_refused(f, "previous_control: ynmp-party:2 is no bloc here, so it cannot have controlled");
    f->previous.party_id = STR_LIT("ynmp-party:2");
    f->blocs[0] = (PartyBloc){STR_LIT("ynmp-party:2"), true};
    f->council.blocs = f->blocs;
    f->council.blocs_count = 1;
    assert_true(is_sound(f));
    fill(f);
    f->parties[0].bloc = TRILEAN_FALSE;
    assert_refused(f, "previous_control: PP52 is no bloc here, so it cannot have controlled");
}

static void dates_are_dates_in_order(void **state) {
    Fixture *f = *state;
    f->council.created = STR_LIT("1998");
    assert_refused(f, "created: '1998' is not a date");
    f->history[0].from = STR_LIT("1998-04-31");
    assert_refused(f, "control_history: '1998-04-31' is not a date");
    f->history[1].from = STR_LIT("1998-04-01");
    assert_refused(f, "control_history: 1998-04-01 does not follow the period before it");
    f->council.voting_system = STR_LIT("AV");
    assert_refused(f, "voting_system cannot be 'AV'");
    f->baseline.basis = STR_LIT("guess");
    assert_refused(f, "seat_baseline: basis cannot be 'guess'");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_sound_council_passes),
        TEST(what_is_not_known_may_be_absent),
        TEST(empty_names_and_ids_are_refused),
        TEST(ids_must_agree),
        TEST(nothing_may_appear_twice),
        TEST(seats_must_add_up),
        TEST(counts_have_bounds),
        TEST(parties_of_a_map_have_a_bound),
        TEST(previous_control_must_be_known_or_absent),
        TEST(by_elections_alone_need_no_previous_control),
        TEST(a_previous_party_had_more_than_half),
        TEST(a_previous_party_is_listed_and_a_bloc),
        TEST(dates_are_dates_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
