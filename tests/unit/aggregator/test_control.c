// Who controls a council, by the rules of control: a table of small councils and nights.
#include "tests/unit/aggregator/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

// What follows in words: status, control, outcome, the majority in the end or at least, and whether the party
// in control before is certain to have lost it.
typedef struct Case {
    const char *name;
    SmallCouncil council;
    const char *standing;
} Case;

static Arena arena;
static Council *council;

static int tear_down(void **state) {
    (void)state;
    council_free(council);
    council = NULL;
    arena_free(&arena);
    return 0;
}

static void assert_text(const char *name, Str actual, const char *expected) {
    if (!str_equal_text(actual, expected)) {
        fail_msg("%s: '" STR_FMT "', not '%s'", name, STR_ARG(actual), expected == NULL ? "(null)" : expected);
    }
}

static Standing decide(const SmallCouncil *small) {
    council_free(council);
    return small_standing(small, &arena, &council);
}

static Str in_words(const Standing *s) {
    Str control = control_text(council, s->control), from = control_text(council, s->gained_from);
    MaybeInt majority = s->status == STATUS_FINAL ? s->majority : s->majority_at_least;
    Str text = status_name(s->status);
    if (s->control.kind != CONTROL_UNKNOWN) {
        text = arena_printf(&arena, STR_FMT " " STR_FMT, STR_ARG(text), STR_ARG(control));
    }
    if (s->outcome != OUTCOME_NONE) {
        text = arena_printf(&arena, STR_FMT " " STR_FMT, STR_ARG(text), STR_ARG(outcome_name(s->outcome)));
    }
    if (!str_is_none(from)) {
        text = arena_printf(&arena, STR_FMT " from " STR_FMT, STR_ARG(text), STR_ARG(from));
    }
    if (majority.known) {
        const char *word = s->status == STATUS_FINAL ? "majority" : "at least";
        text = arena_printf(&arena, STR_FMT ", %s %d", STR_ARG(text), word, majority.value);
    }
    return s->previous_control_lost ? arena_printf(&arena, STR_FMT ", lost", STR_ARG(text)) : text;
}

static void check_cases(const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        Standing standing = decide(&cases[i].council);
        assert_text(cases[i].name, in_words(&standing), cases[i].standing);
        assert_true(standing.status == STATUS_FINAL || !standing.majority.known);
    }
}
#define CHECK(cases) check_cases(cases, sizeof(cases) / sizeof *(cases))

static void a_whole_council_is_elected(void **state) {
    (void)state;
    static const Case cases[] = {
        {"nothing declared", {.previous = "CON", .ballots = {TO_COME(3), TO_COME(2)}}, "awaiting"},
        {"one ward in", {.previous = "CON", .ballots = {RESULT(2, "LAB*, LAB*"), TO_COME(3)}}, "in_progress"},
        {"called before the end",
         {.previous = "CON", .ballots = {RESULT(3, "LAB*, LAB*, LAB*"), TO_COME(2)}},
         "called LAB GAIN from CON, at least 1, lost"},
        {"held",
         {.previous = "CON", .ballots = {RESULT(3, "CON*, CON*, CON*"), RESULT(2, "LAB*, LAB*")}},
         "final CON HOLD, majority 1"},
        {"gained from no overall control",
         {.previous = "NOC", .ballots = {RESULT(3, "CON*, CON*, CON*")}},
         "final CON GAIN from NOC, majority 3"},
        {"lost to no overall control",
         {.previous = "CON", .ballots = {RESULT(3, "CON*, LAB*, LD*")}},
         "final NOC LOSS, lost"},
        {"no overall control as before",
         {.previous = "NOC", .ballots = {RESULT(3, "CON*, LAB*, LD*")}},
         "final NOC NO CHANGE"},
    };
    CHECK(cases);
}

static void control_is_more_than_half(void **state) {
    (void)state;
    static const Case cases[] = {
        {"exactly half",
         {.previous = "LD", .ballots = {RESULT(2, "LD*, LD*"), RESULT(2, "LAB*, CON*")}},
         "final NOC LOSS, lost"},
        {"one more than half of an even number",
         {.previous = "LD", .ballots = {RESULT(3, "LD*, LD*, LD*"), RESULT(1, "LAB*")}},
         "final LD HOLD, majority 2"},
        {"one more than half of an odd number",
         {.previous = "LD", .ballots = {RESULT(2, "LD*, LD*"), RESULT(1, "LAB*")}},
         "final LD HOLD, majority 1"},
        {"a vacancy counts in the whole",
         {.previous = "LD", .vacant = 1, .ballots = {RESULT(2, "LD*, LD*"), RESULT(1, "LAB*")}},
         "final NOC LOSS, lost"},
        {"folded parties hold together",
         {.previous = "NOC", .ballots = {RESULT(3, "COOP*, LAB*, CON*")}},
         "final LAB GAIN from NOC, majority 1"},
    };
    CHECK(cases);
}

static void only_a_bloc_controls(void **state) {
    (void)state;
    static const Case cases[] = {
        {"independents are many parties of one",
         {.previous = "NOC", .ballots = {RESULT(3, "IND*, IND*, IND*")}},
         "final NOC NO CHANGE"},
        {"unless this council says otherwise",
         {.previous = "NOC", .more_blocs = "IND", .ballots = {RESULT(3, "IND*, IND*, IND*")}},
         "final ynmp-party:2 GAIN from NOC, majority 3"},
        {"a party that is set to be none",
         {.previous = "CON", .ballots = {RESULT(3, "RES*, RES*, RES*")}},
         "final NOC LOSS, lost"},
        {"nobody but independents can still win the rest",
         {.previous = "CON", .ballots = {RESULT(2, "CON*, LAB*"), NOMINATED(2, "IND 2, RES 2")}},
         "called NOC LOSS, lost"},
    };
    CHECK(cases);
}

static void thirds_are_elected_beside_continuing_councillors(void **state) {
    (void)state;
    static const Case cases[] = {
        {"control rests on those who continue, but nothing is said before the first ward",
         {.previous = "LAB", .continuing = "LAB 6", .ballots = {TO_COME(1), TO_COME(1)}},
         "awaiting"},
        {"and is certain with it",
         {.previous = "LAB", .continuing = "LAB 6", .ballots = {RESULT(1, "CON*"), TO_COME(1)}},
         "called LAB HOLD, at least 4"},
        {"the last ward decides",
         {.previous = "LAB",
          .continuing = "LAB 2, CON 2",
          .ballots = {RESULT(1, "LAB*"), NOMINATED(1, "LAB 1, CON 1")}},
         "in_progress"},
        {"lost: too few of them stand",
         {.previous = "LAB", .continuing = "CON 3, LD 1", .ballots = {RESULT(1, "LAB*"), NOMINATED(2, "LAB 2, CON 2")}},
         "in_progress, lost"},
    };
    CHECK(cases);
}

static void nominations_bound_what_can_come(void **state) {
    (void)state;
    static const Case cases[] = {
        {"too few candidates to keep control, enough for another to win it",
         {.previous = "CON", .ballots = {RESULT(2, "LAB*, CON*"), NOMINATED(2, "LAB 2, CON 1")}},
         "in_progress, lost"},
        {"too few candidates of every bloc",
         {.previous = "CON", .ballots = {RESULT(2, "LAB*, CON*"), NOMINATED(2, "LAB 1, COOP 0, CON 1, IND 2")}},
         "called NOC LOSS, lost"},
        {"folded nominations add up",
         {.previous = "NOC", .ballots = {RESULT(2, "LAB*, CON*"), NOMINATED(2, "LAB 1, COOP 1, CON 1")}},
         "in_progress"},
        {"no party wins more seats than there are",
         {.previous = "CON",
          .ballots = {RESULT(2, "LAB*, LD*"), NOMINATED(1, "CON 3, LD 1"), NOMINATED(1, "CON 1, LD 1")}},
         "in_progress, lost"},
        {"unknown nominations: one not yet seen could still control",
         {.previous = "NOC", .ballots = {RESULT(2, "IND*, IND*"), TO_COME(3)}},
         "in_progress"},
        {"and here nobody",
         {.previous = "NOC", .ballots = {RESULT(4, "LAB*, CON*, LD*, GRN*"), TO_COME(1)}},
         "called NOC NO CHANGE"},
        {"elected by law before anything is declared for them",
         {.previous = "CON", .ballots = {RESULT(1, "LAB*"), NOMINATED(2, "CON 2")}},
         "called CON HOLD, at least 1"},
        {"elected by law: seats that nobody stands for stay empty",
         {.previous = "CON", .ballots = {RESULT(1, "LAB*"), NOMINATED(3, "CON 2")}},
         "called NOC LOSS, lost"},
        {"one candidate too many, and nobody is sure",
         {.previous = "CON", .ballots = {RESULT(1, "LAB*"), NOMINATED(2, "CON 2, LAB 1")}},
         "in_progress"},
    };
    CHECK(cases);
}

static void a_postponed_poll_reopens_its_nominations(void **state) {
    (void)state;
    static const Case cases[] = {
        {"any party may win it",
         {.previous = "CON",
          .ballots = {RESULT(2, "CON*, LAB*"), {.seats = 1, .nominations = "LAB 1, CON 1", .result = "POSTPONED"}}},
         "final"},
        {"even one that had nominated nobody",
         {.previous = "LD",
          .ballots = {RESULT(2, "CON*, LAB*"), {.seats = 3, .nominations = "LAB 3, CON 3", .result = "POSTPONED"}}},
         "final"},
        {"final with a majority that it cannot take away",
         {.previous = "CON", .ballots = {RESULT(3, "CON*, CON*, CON*"), RESULT(2, "POSTPONED")}},
         "final CON HOLD, majority 1"},
        {"nobody can reach control any more",
         {.previous = "CON", .ballots = {RESULT(4, "CON*, LAB*, LD*, GRN*"), RESULT(1, "POSTPONED")}},
         "final NOC LOSS, lost"},
        {"everything is postponed", {.previous = "CON", .ballots = {RESULT(2, "POSTPONED")}}, "final"},
    };
    CHECK(cases);
}

static void a_new_council_has_nothing_to_lose(void **state) {
    (void)state;
    static const Case cases[] = {
        {"won", {.previous = "new", .ballots = {RESULT(1, "LAB*")}}, "final LAB NEW, majority 1"},
        {"no overall control", {.previous = "new", .ballots = {RESULT(2, "LAB*, CON*")}}, "final NOC NEW"},
    };
    CHECK(cases);
}

static void by_elections_alone_control_nothing(void **state) {
    (void)state;
    static const Case cases[] = {
        {"alone",
         {.previous = "CON", .continuing = "CON 3", .ballots = {{.seats = 1, .result = "LAB*", .by = true}}},
         "final"},
        {"beside another ballot they count",
         {.previous = "CON",
          .continuing = "CON 1",
          .ballots = {{.seats = 1, .result = "LAB*", .by = true}, RESULT(1, "CON*")}},
         "final CON HOLD, majority 1"},
    };
    CHECK(cases);
    assert_text("alone", control_text(council, decide(&cases[0].council).previous), "CON");
}

static void seats_and_ballots_are_counted(void **state) {
    (void)state;
    const SmallCouncil small = {.previous = "CON",
                                .ballots = {RESULT(2, "CON*, LAB*"), RESULT(3, "POSTPONED"), TO_COME(1), TO_COME(2)}};
    Standing s = decide(&small);
    assert_int_equal(s.seats_declared, 2);
    assert_int_equal(s.seats_postponed, 3);
    assert_int_equal(s.seats_to_come, 3);
    assert_int_equal(s.ballots_declared, 1);
    assert_int_equal(s.ballots_postponed, 1);
    assert_int_equal(council->threshold, 5);
}

static void changes_are_against_the_baseline_at_the_end(void **state) {
    (void)state;
    static const struct {
        const char *name;
        SmallCouncil council;
        const char *seats;
    } cases[] = {
        {"before anything is known", {.baseline = "CON 3", .ballots = {{.seats = 3, .defending = "CON 3"}}}, "CON 0 ?"},
        {"during the night: over declared ballots whose defence is known",
         {.baseline = "CON 9",
          .ballots = {{.seats = 2, .defending = "CON 2", .result = "LAB*, CON*"}, RESULT(1, "LAB*"), TO_COME(1)}},
         "LAB 2 +1, CON 1 -1"},
        {"during the night, no defence known",
         {.baseline = "CON 9", .ballots = {RESULT(2, "LAB*, CON*"), TO_COME(1)}},
         "CON 1 ?, LAB 1 ?"},
        {"at the end: against the baseline",
         {.baseline = "CON 3, COOP 1, LAB 1", .continuing = "CON 1", .ballots = {RESULT(2, "LAB*, CON*")}},
         "CON 2 -1, LAB 1 -1"},
        {"at the end without one", {.ballots = {RESULT(2, "LAB*, CON*")}}, "CON 1 ?, LAB 1 ?"},
        {"what a postponed ballot defends is not lost",
         {.baseline = "CON 3",
          .ballots = {RESULT(2, "CON*, CON*"), {.seats = 1, .defending = "CON 1", .result = "POSTPONED"}}},
         "CON 2 +0"},
        {"unless it is not known who does",
         {.baseline = "CON 3", .ballots = {RESULT(2, "CON*, CON*"), RESULT(1, "POSTPONED")}},
         "CON 2 ?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Standing s = decide(&cases[i].council);
        assert_text(cases[i].name, small_seats(council, &s, &arena), cases[i].seats);
    }
}

static void parties_come_by_held_won_votes_and_id(void **state) {
    (void)state;
    const SmallCouncil small = {.continuing = "CON 1, LAB 1",
                                .ballots = {RESULT(3, "GRN=9*, LD=8*, CON=5*, LAB=7, IND=1"), RESULT(1, "LD=2*, RES")}};
    Standing s = decide(&small);
    assert_text("order", small_seats(council, &s, &arena), "LD 2 ?, CON 2 ?, GRN 1 ?, LAB 1 ?, IND 0 ?, RES 0 ?");
    assert_int_equal(s.seats[0].votes, 10);
    assert_true(s.seats[5].votes == COUNT_UNKNOWN);
}

static void the_largest_party_is_a_bloc_alone_at_the_top(void **state) {
    (void)state;
    static const struct {
        const char *result, *largest;
    } cases[] = {
        {"LAB*, LAB*, CON*", "LAB"}, {"LAB*, CON*, LD", NULL}, {"IND*, IND*, CON*", "CON"}, {"IND*, IND*, IND*", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const SmallCouncil small = {.ballots = {RESULT(3, cases[i].result)}};
        Standing s = decide(&small);
        Str largest = s.largest_party == PARTY_NONE ? STR_NONE : council->parties[s.largest_party].party_id;
        assert_text(cases[i].result, largest, cases[i].largest);
    }
}

static void votes_are_complete_when_all_are_known_at_the_end(void **state) {
    (void)state;
    static const struct {
        SmallCouncil council;
        bool complete;
    } cases[] = {
        {{.ballots = {RESULT(1, "LAB=5*, CON=4")}}, true},
        {{.ballots = {RESULT(1, "LAB=5*, CON")}}, false},
        {{.ballots = {RESULT(1, "LAB=5*, CON=4"), TO_COME(1)}}, false},
        {{.ballots = {RESULT(1, "LAB=5*, CON=4"), RESULT(1, "POSTPONED")}}, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(decide(&cases[i].council).votes_complete, cases[i].complete);
    }
}

static void uncontested_seats_want_no_votes(void **state) {
    (void)state;
    const SmallCouncil small = {.ballots = {TO_COME(1)}};
    council = council_new(small_reference(&small, &arena));
    Declaration *d = small_declaration(&small, 0, "LAB*", &arena);
    BallotResult result = declared_result(council, d, &arena);
    assert_false(standing_of(council, &result, &arena).votes_complete);
    result.uncontested = true;
    assert_true(standing_of(council, &result, &arena).votes_complete);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_whole_council_is_elected),
        TEST(control_is_more_than_half),
        TEST(only_a_bloc_controls),
        TEST(thirds_are_elected_beside_continuing_councillors),
        TEST(nominations_bound_what_can_come),
        TEST(a_postponed_poll_reopens_its_nominations),
        TEST(a_new_council_has_nothing_to_lose),
        TEST(by_elections_alone_control_nothing),
        TEST(seats_and_ballots_are_counted),
        TEST(changes_are_against_the_baseline_at_the_end),
        TEST(parties_come_by_held_won_votes_and_id),
        TEST(the_largest_party_is_a_bloc_alone_at_the_top),
        TEST(votes_are_complete_when_all_are_known_at_the_end),
        TEST(uncontested_seats_want_no_votes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
