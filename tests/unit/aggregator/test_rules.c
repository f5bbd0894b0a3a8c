// Every rule for what a declaration says, with records that keep it and records that break it.
#include "tests/unit/aggregator/desk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T(text) STR_LIT(text)

// A declaration of the council's first ballot, of two seats, and the row it gets. A zero is not given.
typedef struct Case {
    const char *name, *people, *row;
    int seats, papers, rejected, electorate;
} Case;

static int set_up(void **state) {
    int failed = desk_set_up(state);
    Desk *desk = *state;
    desk->council = (SmallCouncil){.previous = "CON", .ballots = {TO_COME(2), TO_COME(1)}};
    return failed;
}

static Declaration *make(Desk *desk, const Case *c) {
    Declaration *d = desk_draft(desk, 0, c->people);
    d->seats = c->seats > 0 ? c->seats : d->seats;
    d->ballot_papers = c->papers > 0 ? c->papers : COUNT_UNKNOWN;
    d->rejected_papers = c->rejected > 0 ? c->rejected : COUNT_UNKNOWN;
    d->electorate = c->electorate > 0 ? c->electorate : COUNT_UNKNOWN;
    return d;
}

// Each by itself, after the reference data alone.
static void check_cases(Desk *desk, const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        lane_free(desk->lane);
        desk->lane = lane_new(partition_of_key(T(SMALL_COUNCIL_ID), desk->rules.partitions));
        memset(desk->next, 0, sizeof desk->next);
        effects_clear(&desk->effects);
        desk_load(desk);
        desk_declare(desk, make(desk, &cases[i]));
        Str row = desk_row(desk);
        if (!str_equal_text(row, cases[i].row)) {
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(row));
        }
    }
}
#define CHECK(desk, cases) check_cases(desk, cases, sizeof(cases) / sizeof *(cases))

static void seats_are_those_of_the_reference(void **state) {
    static const Case cases[] = {
        {.name = "the same", .people = "LAB*, LAB*", .row = "accepted"},
        {.name = "others", .people = "LAB*, LAB*, LAB*", .seats = 3, .row = "held SEATS_MISMATCH"},
        {.name = "of any kind", .people = "POSTPONED", .seats = 3, .row = "held SEATS_MISMATCH"},
    };
    CHECK(*state, cases);
}

static void parties_are_known(void **state) {
    static const Case cases[] = {
        {.name = "folded", .people = "COOP*, LAB*", .row = "accepted"},
        {.name = "unknown", .people = "LAB*, LAB*, XYZ", .row = "held UNKNOWN_PARTY"},
    };
    CHECK(*state, cases);
}

static void as_many_are_elected_as_there_are_seats(void **state) {
    static const Case cases[] = {
        {.name = "as many", .people = "LAB=3*, CON=2*, LD=1", .row = "accepted"},
        {.name = "more", .people = "LAB=3*, CON=2*, LD=1*", .row = "held TOO_MANY_ELECTED"},
        {.name = "fewer", .people = "LAB=3*, CON=2, LD=1", .row = "held TOO_FEW_ELECTED"},
        {.name = "fewer candidates", .people = "LAB*", .row = "accepted"},
        {.name = "nobody stood", .people = "", .row = "accepted"},
    };
    CHECK(*state, cases);
}

static void no_party_has_more_candidates_than_it_nominated(void **state) {
    static const Case cases[] = {
        {.name = "as many", .people = "LAB*, COOP*, CON", .row = "accepted"},
        {.name = "fewer", .people = "LAB*, CON*", .row = "accepted"},
        {.name = "folded, more", .people = "LAB*, COOP*, LAB", .row = "held NOT_NOMINATED"},
        {.name = "none nominated", .people = "LAB*, LD*", .row = "held NOT_NOMINATED"},
        {.name = "unknown, and so not nominated",
         .people = "LAB*, CON*, XYZ",
         .row = "held UNKNOWN_PARTY NOT_NOMINATED"},
    };
    Desk *desk = *state;
    desk->council.ballots[0].nominations = "LAB 2, CON 2";
    CHECK(desk, cases);
}

static void the_most_votes_win(void **state) {
    static const Case cases[] = {
        {.name = "in order", .people = "LAB=3*, CON=2*, LD=1", .row = "accepted"},
        {.name = "out of order", .people = "LAB=3*, CON=1*, LD=2", .row = "held ELECTED_NOT_TOP"},
        {.name = "a vote not known", .people = "LAB*, CON=1*, LD=2", .row = "accepted"},
        {.name = "a tie at the cut", .people = "LAB=3*, CON=2*, LD=2", .row = "held TIE_WITHOUT_LOT"},
        {.name = "and the lot drawn", .people = "LAB=3*, CON=2*lot, LD=2", .row = "accepted"},
        {.name = "a lot elsewhere", .people = "LAB=3*lot, CON=2*, LD=2", .row = "held TIE_WITHOUT_LOT"},
        {.name = "a tie below the cut", .people = "LAB=4*, CON=3*, LD=2, GRN=2", .row = "accepted"},
        {.name = "a tie among winners", .people = "LAB=3*, CON=3*, LD=2", .row = "accepted"},
        {.name = "all tie", .people = "LAB=3*lot, CON=3*lot, LD=3", .row = "accepted"},
    };
    CHECK(*state, cases);
}

static void but_not_with_transferable_votes(void **state) {
    static const Case cases[] = {
        {.name = "out of order", .people = "LAB=3*, CON=1*, LD=2", .row = "accepted"},
        {.name = "a tie", .people = "LAB=3*, CON=2*, LD=2", .row = "accepted"},
        {.name = "each paper counts once",
         .people = "LAB=6*, CON=5*, LD=4",
         .papers = 14,
         .row = "held VOTES_EXCEED_PAPERS"},
        {.name = "as many as papers", .people = "LAB=6*, CON=5*, LD=4", .papers = 15, .row = "accepted"},
    };
    Desk *desk = *state;
    desk->council.stv = true;
    CHECK(desk, cases);
}

static void votes_come_from_papers(void **state) {
    static const Case cases[] = {
        {.name = "two from each", .people = "LAB=9*, CON=6*, LD=5", .papers = 10, .row = "accepted"},
        {.name = "one exceeds", .people = "LAB=11*, CON=6*, LD=1", .papers = 10, .row = "held VOTES_EXCEED_PAPERS"},
        {.name = "rejected papers are none",
         .people = "LAB=10*, CON=6*, LD=1",
         .papers = 10,
         .rejected = 1,
         .row = "held VOTES_EXCEED_PAPERS"},
        {.name = "an excess that could have decided",
         .people = "LAB=10*, CON=6*, LD=5",
         .papers = 10,
         .row = "held VOTES_EXCEED_PAPERS"},
        {.name = "an excess that could not",
         .people = "LAB=10*, CON=8*, LD=3",
         .papers = 10,
         .row = "accepted VOTES_EXCEED_PAPERS"},
        {.name = "an excess as large as the gap",
         .people = "LAB=10*, CON=7*, LD=5",
         .papers = 10,
         .row = "held VOTES_EXCEED_PAPERS"},
        {.name = "everybody elected", .people = "LAB=20*, CON=20*", .papers = 20, .row = "accepted"},
        {.name = "votes not known", .people = "LAB*, CON=8*, LD=3", .papers = 10, .row = "accepted"},
    };
    CHECK(*state, cases);
}

static void papers_come_from_electors(void **state) {
    static const Case cases[] = {
        {.name = "half of them", .people = "LAB*, CON*", .papers = 50, .electorate = 100, .row = "accepted"},
        {.name = "more papers",
         .people = "LAB*, CON*",
         .papers = 101,
         .electorate = 100,
         .row = "held PAPERS_EXCEED_ELECTORATE TURNOUT_UNLIKELY"},
        {.name = "90 %", .people = "LAB*, CON*", .papers = 90, .electorate = 100, .row = "accepted"},
        {.name = "over 90 %",
         .people = "LAB*, CON*",
         .papers = 901,
         .electorate = 1000,
         .row = "accepted TURNOUT_UNLIKELY"},
        {.name = "5 %", .people = "LAB*, CON*", .papers = 5, .electorate = 100, .row = "accepted"},
        {.name = "under 5 %",
         .people = "LAB*, CON*",
         .papers = 49,
         .electorate = 1000,
         .row = "accepted TURNOUT_UNLIKELY"},
        {.name = "not known", .people = "LAB*, CON*", .electorate = 1000, .row = "accepted"},
    };
    CHECK(*state, cases);
}

static void nobody_stands_twice(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Declaration *d = desk_draft(desk, 0, "LAB=3*, CON=2*, LD=1");
    d->candidates[2].name = d->candidates[0].name; // a namesake of another party
    desk_declare(desk, d);
    desk_assert_row(desk, "accepted");
    d = desk_draft(desk, 0, "LAB=3*, CON=2*, COOP=1");
    d->revision = 2;
    d->candidates[2].name = d->candidates[0].name;
    desk_declare(desk, d);
    desk_assert_row(desk, "held DUPLICATE_CANDIDATE");
    d = desk_draft(desk, 0, "LAB=3*, CON=2*, GRN=1");
    d->revision = 3;
    d->candidates[2].candidate_id = d->candidates[0].candidate_id;
    desk_declare(desk, d);
    desk_assert_row(desk, "held DUPLICATE_CANDIDATE");
}

static void nothing_is_declared_before_the_close_of_poll(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Declaration *d = desk_draft(desk, 1, "LAB*");
    d->declared_at_ms = civil_close_of_poll_ms((CivilDate){2023, 5, 4}) - 1;
    desk_declare(desk, d);
    desk_assert_row(desk, "held DECLARED_BEFORE_CLOSE");
    d = desk_draft(desk, 1, "LAB*, LD");
    d->declared_at_ms = civil_close_of_poll_ms((CivilDate){2023, 5, 4}) - 1;
    d->uncontested = true;
    d->revision = 2;
    desk_declare(desk, d);
    desk_assert_row(desk, "accepted");
    d = desk_draft(desk, 0, "LAB=3*, CON=2*, LD=1");
    d->declared_at_ms = civil_close_of_poll_ms((CivilDate){2023, 5, 4});
    desk_declare(desk, d);
    desk_assert_row(desk, "accepted");
}

static void a_value_keeps_its_bounds(void **state) {
    static const struct {
        const char *name;
        size_t offset;
        int64_t bad, good;
    } cases[] = {
        {"seats", offsetof(Declaration, seats), 0, 1},
        {"electorate", offsetof(Declaration, electorate), -1, 0},
        {"ballot_papers", offsetof(Declaration, ballot_papers), -1, 0},
        {"rejected_papers", offsetof(Declaration, rejected_papers), -1, 0},
        {"declared_at", offsetof(Declaration, declared_at_ms), -1, 0},
        {"declared_at", offsetof(Declaration, declared_at_ms), INT64_C(253402300800000), INT64_C(253402300799999)},
        {"reported_at", offsetof(Declaration, reported_at_ms), -1, 0},
    };
    Desk *desk = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Declaration *d = desk_draft(desk, 0, "LAB*, CON*");
        int64_t *field = (int64_t *)(void *)((char *)d + cases[i].offset);
        *field = cases[i].bad;
        desk_declare(desk, d);
        desk_assert_row(desk, "rejected BAD_VALUE");
        desk_assert_text(str_slice(desk->effects.ledger.items[2 * i].detail, 0, strlen(cases[i].name)), cases[i].name);
        *field = cases[i].good;
        d->revision = (int32_t)i + 1;
        desk_declare(desk, d);
        desk_assert_row(desk, "held UNKNOWN_COUNCIL"); // which is no matter of its values
    }
}

static void ids_are_there(void **state) {
    Desk *desk = *state;
    for (int i = 0; i < 6; i++) {
        Declaration *d = desk_draft(desk, 0, "LAB*, CON*");
        Str *const ids[] = {&d->event_id,
                            &d->election_id,
                            &d->ballot_paper_id,
                            &d->council_id,
                            &d->candidates[1].candidate_id,
                            &d->candidates[1].party_id};
        *ids[i] = T("");
        desk_declare(desk, d);
        desk_assert_row(desk, "rejected BAD_VALUE");
    }
    Declaration *d = desk_draft(desk, 0, "LAB*, CON*");
    d->event_id = T("00000000-0000-4000-8000-00000000000g");
    desk_declare(desk, d);
    desk_assert_row(desk, "rejected BAD_VALUE");
    d = desk_draft(desk, 0, "LAB*, CON*");
    d->revision = 0;
    desk_declare(desk, d);
    desk_assert_row(desk, "rejected BAD_VALUE");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, desk_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(seats_are_those_of_the_reference),
        TEST(parties_are_known),
        TEST(as_many_are_elected_as_there_are_seats),
        TEST(no_party_has_more_candidates_than_it_nominated),
        TEST(the_most_votes_win),
        TEST(but_not_with_transferable_votes),
        TEST(votes_come_from_papers),
        TEST(papers_come_from_electors),
        TEST(nobody_stands_twice),
        TEST(nothing_is_declared_before_the_close_of_poll),
        TEST(a_value_keeps_its_bounds),
        TEST(ids_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
