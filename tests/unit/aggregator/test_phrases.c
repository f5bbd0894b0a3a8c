// Every phrase that people read about control, and its short form of 28 characters.
#include "services/aggregator/phrases.h"
#include "tests/unit/aggregator/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct Case {
    SmallCouncil council;
    const char *full, *brief; // NULL: nothing to say
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

static void assert_text(Str actual, const char *expected) {
    if (!str_equal_text(actual, expected)) {
        fail_msg("'" STR_FMT "' should be '%s'", STR_ARG(actual), expected == NULL ? "(null)" : expected);
    }
}

static Standing decide(const SmallCouncil *small) {
    council_free(council);
    return small_standing(small, &arena, &council);
}

static void check_cases(const Case *cases, size_t count, bool call_waits) {
    for (size_t i = 0; i < count; i++) {
        Standing standing = decide(&cases[i].council);
        Headline headline = phrase_headline(council, &standing, call_waits, &arena);
        assert_text(headline.full, cases[i].full);
        assert_text(headline.brief, cases[i].brief);
    }
}
#define CHECK(cases, call_waits) check_cases(cases, sizeof(cases) / sizeof *(cases), call_waits)

static void a_headline_says_who_controls(void **state) {
    (void)state;
    static const Case cases[] = {
        {{.previous = "CON", .ballots = {RESULT(1, "CON*")}}, "CON HOLD MEDWAY", "CON HOLD MEDWAY"},
        {{.previous = "CON", .ballots = {RESULT(1, "LAB*")}}, "LAB GAIN MEDWAY FROM CON", "LAB GAIN MEDWAY FROM CON"},
        {{.previous = "NOC", .ballots = {RESULT(1, "LAB*")}}, "LAB GAIN MEDWAY FROM NOC", "LAB GAIN MEDWAY FROM NOC"},
        {{.previous = "LAB", .ballots = {RESULT(2, "LAB*, CON*")}}, "LAB LOSE MEDWAY TO NOC", "LAB LOSE MEDWAY TO NOC"},
        {{.previous = "NOC", .ballots = {RESULT(2, "LAB*, CON*")}}, "NOC MEDWAY: NO CHANGE", "NOC MEDWAY: NO CHANGE"},
        {{.previous = "new", .ballots = {RESULT(1, "LAB*")}},
         "LAB WIN MEDWAY (NEW COUNCIL)",
         "LAB WIN MEDWAY (NEW COUNCIL)"},
        {{.previous = "new", .ballots = {RESULT(2, "LAB*, CON*")}},
         "NOC IN MEDWAY (NEW COUNCIL)",
         "NOC IN MEDWAY (NEW COUNCIL)"},
    };
    CHECK(cases, false);
}

static void while_control_is_unknown_it_says_what_is_certain(void **state) {
    (void)state;
    static const Case cases[] = {
        {{.previous = "CON", .ballots = {TO_COME(1)}}, NULL, NULL},
        {{.previous = "CON", .ballots = {RESULT(1, "LAB*"), TO_COME(2)}}, NULL, NULL},
        {{.previous = "CON", .ballots = {RESULT(1, "LAB*"), NOMINATED(2, "CON 1, LAB 2")}},
         "CON LOSE CONTROL OF MEDWAY",
         "CON LOSE CONTROL OF MEDWAY"},
        {{.previous = "CON", .name = "Bly", .ballots = {RESULT(2, "LAB*, CON*"), RESULT(1, "POSTPONED")}},
         "NO MAJORITY YET IN BLY: 1 SEAT POSTPONED",
         "NO MAJORITY YET IN BLY"},
        {{.previous = "CON", .ballots = {RESULT(2, "LAB*, CON*"), RESULT(3, "POSTPONED")}},
         "NO MAJORITY YET IN MEDWAY: 3 SEATS POSTPONED",
         "NO MAJORITY YET IN MEDWAY"},
    };
    CHECK(cases, false);
}

static void a_call_that_waits_for_approval_is_not_told(void **state) {
    (void)state;
    static const Case cases[] = {
        {{.previous = "CON", .ballots = {RESULT(1, "CON*")}}, NULL, NULL},
        {{.previous = "NOC", .ballots = {RESULT(1, "LAB*")}}, NULL, NULL},
        {{.previous = "CON", .ballots = {RESULT(1, "LAB*")}},
         "CON LOSE CONTROL OF MEDWAY",
         "CON LOSE CONTROL OF MEDWAY"},
    };
    CHECK(cases, true);
}

static void by_elections_alone_make_no_headline(void **state) {
    (void)state;
    static const Case cases[] = {
        {{.previous = "CON", .continuing = "CON 2", .ballots = {{.seats = 1, .result = "LAB*", .by = true}}},
         NULL,
         NULL}};
    CHECK(cases, false);
}

static void the_short_headline_has_28_characters_at_most(void **state) {
    (void)state;
    static const Case cases[] = {
        // Exactly 28, and one more.
        {{.previous = "CON", .name = "Basildon Sa", .ballots = {RESULT(1, "LAB*")}},
         "LAB GAIN BASILDON SA FROM CON",
         "LAB GAIN BASILDON SA"},
        {{.previous = "CON", .name = "Basildon S", .ballots = {RESULT(1, "LAB*")}},
         "LAB GAIN BASILDON S FROM CON",
         "LAB GAIN BASILDON S FROM CON"},
        // The council's name is cut when nothing else can be left out.
        {{.previous = "CON", .name = "Bournemouth Christchurch and Poole", .ballots = {RESULT(1, "LAB*")}},
         "LAB GAIN BOURNEMOUTH CHRISTCHURCH AND POOLE FROM CON",
         "LAB GAIN BOURNEMOUTH CHRISTC"},
        {{.previous = "CON", .name = "Bournemouth Christchurch and Poole", .ballots = {RESULT(1, "CON*")}},
         "CON HOLD BOURNEMOUTH CHRISTCHURCH AND POOLE",
         "CON HOLD BOURNEMOUTH CHRISTC"},
        {{.previous = "LAB", .name = "North East Derbyshire", .ballots = {RESULT(2, "LAB*, CON*")}},
         "LAB LOSE NORTH EAST DERBYSHIRE TO NOC",
         "LAB LOSE NORTH EAST DERBYSHI"},
        {{.previous = "NOC", .name = "Kingston upon Hull", .ballots = {RESULT(2, "LAB*, CON*")}},
         "NOC KINGSTON UPON HULL: NO CHANGE",
         "NOC KINGSTON UPON HULL"},
        {{.previous = "new", .name = "North Northants", .ballots = {RESULT(1, "CON*")}},
         "CON WIN NORTH NORTHANTS (NEW COUNCIL)",
         "CON WIN NORTH NORTHANTS"},
        {{.previous = "new", .name = "Buckinghams", .ballots = {RESULT(1, "CON*")}},
         "CON WIN BUCKINGHAMS (NEW COUNCIL)",
         "CON WIN BUCKINGHAMS (NEW)"},
        {{.previous = "new", .name = "West Northants", .ballots = {RESULT(2, "LAB*, CON*")}},
         "NOC IN WEST NORTHANTS (NEW COUNCIL)",
         "NOC IN WEST NORTHANTS (NEW)"},
        {{.previous = "CON",
          .name = "Windsor and Maidenhead",
          .ballots = {RESULT(1, "LAB*"), NOMINATED(2, "CON 1, LAB 2")}},
         "CON LOSE CONTROL OF WINDSOR AND MAIDENHEAD",
         "CON LOSE WINDSOR AND MAIDENH"},
        {{.previous = "CON", .name = "Barking", .ballots = {RESULT(2, "LAB*, CON*"), RESULT(3, "POSTPONED")}},
         "NO MAJORITY YET IN BARKING: 3 SEATS POSTPONED",
         "NO MAJORITY YET IN BARKING"},
        {{.previous = "CON", .name = "Havering", .ballots = {RESULT(2, "LAB*, CON*"), RESULT(3, "POSTPONED")}},
         "NO MAJORITY YET IN HAVERING: 3 SEATS POSTPONED",
         "NO MAJORITY YET IN HAVERING"},
        {{.previous = "CON", .name = "Wandsworth", .ballots = {RESULT(2, "LAB*, CON*"), RESULT(3, "POSTPONED")}},
         "NO MAJORITY YET IN WANDSWORTH: 3 SEATS POSTPONED",
         "WANDSWORTH: NO MAJORITY YET"},
        {{.previous = "CON",
          .name = "Hammersmith & Fulham",
          .ballots = {RESULT(2, "LAB*, CON*"), RESULT(3, "POSTPONED")}},
         "NO MAJORITY YET IN HAMMERSMITH & FULHAM: 3 SEATS POSTPONED",
         "HAMMERSMITH: NO MAJORITY YET"},
    };
    CHECK(cases, false);
}

static void characters_are_not_bytes(void **state) {
    (void)state;
    static const Case cases[] = {
        // 28 characters of 30 bytes.
        {{.previous = "CON", .name = "Ynys Môn Ŵŷ", .ballots = {RESULT(1, "CON*")}},
         "CON HOLD YNYS MÔN ŴŶ",
         "CON HOLD YNYS MÔN ŴŶ"},
        {{.previous = "LAB", .name = "Ynys Môn", .ballots = {RESULT(2, "CON*, LAB*")}},
         "LAB LOSE YNYS MÔN TO NOC",
         "LAB LOSE YNYS MÔN TO NOC"},
        {{.previous = "CON", .name = "Ôôôôôôôôôôôôôôôôôôôôôô", .ballots = {RESULT(1, "CON*")}},
         "CON HOLD ÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔ",
         "CON HOLD ÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔÔ"},
    };
    CHECK(cases, false);
}

static void a_name_may_be_shortened_by_the_desk(void **state) {
    (void)state;
    const SmallCouncil small = {.previous = "CON", .ballots = {RESULT(1, "CON*")}};
    CouncilReference *reference = small_reference(&small, &arena);
    reference->short_name = STR_LIT("Mdwy");
    council = council_new(reference);
    BallotResult result = declared_result(council, small_declaration(&small, 0, "CON*", &arena), &arena);
    Standing standing = standing_of(council, &result, &arena);
    assert_text(phrase_headline(council, &standing, false, &arena).full, "CON HOLD Mdwy");
}

static void each_flash_has_its_text(void **state) {
    (void)state;
    static const SmallCouncil gain = {.previous = "CON", .ballots = {RESULT(3, "LAB*, LAB*, CON*")}};
    Standing standing = decide(&gain);
    static const struct {
        FlashKind kind;
        const char *name, *text;
    } cases[] = {
        {FLASH_CONTROL_LOST, "CONTROL_LOST", "CON LOSE CONTROL OF MEDWAY"},
        {FLASH_CALL_READY, "CALL_READY", "LAB GAIN MEDWAY FROM CON"},
        {FLASH_CALLED, "CALLED", "LAB GAIN MEDWAY FROM CON"},
        {FLASH_FINAL, "FINAL", "FINAL: MEDWAY: LAB 2, CON 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_text(flash_kind_name(cases[i].kind), cases[i].name);
        assert_text(phrase_flash(cases[i].kind, council, &standing, STR_NONE, &arena), cases[i].text);
    }
}

static void a_retraction_names_what_it_takes_back(void **state) {
    (void)state;
    static const SmallCouncil open = {.previous = "CON", .ballots = {TO_COME(1)}};
    Standing standing = decide(&open);
    Str told = STR_LIT("LAB GAIN MEDWAY FROM CON");
    assert_text(flash_kind_name(FLASH_CALL_RETRACTED), "CALL_RETRACTED");
    assert_text(flash_kind_name(FLASH_LOSS_RETRACTED), "LOSS_RETRACTED");
    assert_text(phrase_flash(FLASH_CALL_RETRACTED, council, &standing, told, &arena),
                "RETRACTED: LAB GAIN MEDWAY FROM CON");
    assert_text(phrase_flash(FLASH_LOSS_RETRACTED, council, &standing, STR_NONE, &arena), "RETRACTED: MEDWAY");
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_headline_says_who_controls),
        TEST(while_control_is_unknown_it_says_what_is_certain),
        TEST(a_call_that_waits_for_approval_is_not_told),
        TEST(by_elections_alone_make_no_headline),
        TEST(the_short_headline_has_28_characters_at_most),
        TEST(characters_are_not_bytes),
        TEST(a_name_may_be_shortened_by_the_desk),
        TEST(each_flash_has_its_text),
        TEST(a_retraction_names_what_it_takes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
