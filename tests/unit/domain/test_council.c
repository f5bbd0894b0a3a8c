// Reference data as the rules of control need it: parties folded, blocs told, ballots found.
#include "common/domain/council.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define T(text) STR_LIT(text)

// A council of two wards; what a test changes, it changes before the council is made.
typedef struct Fixture {
    Str folds[1];
    Party parties[3];
    PartySeats continuing[2], baseline[2], nominations[3];
    PartyBloc blocs[1];
    SeatBaseline seat_baseline;
    PreviousControl previous;
    ReferenceBallot ballots[2];
    CouncilReference reference;
    Council *council;
} Fixture;

static int set_up(void **state) {
    Fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    *f = (Fixture){
        .folds = {T("joint-party:53-119")},
        .parties =
            {{.party_id = T("PP53"), .name = T("Labour"), .short_name = T("LAB"), .folds = f->folds, .folds_count = 1},
             {.party_id = T("PP52"), .name = T("Conservative"), .short_name = T("CON")},
             {.party_id = T(PARTY_INDEPENDENT), .name = T("Independent"), .short_name = T("IND")}},
        .continuing = {{T("PP53"), 2}, {T("joint-party:53-119"), 1}},
        .baseline = {{T("joint-party:53-119"), 4}, {T("PP900"), 1}},
        .nominations = {{T("PP53"), 1}, {T("PP52"), 2}, {T("joint-party:53-119"), 1}},
        .blocs = {{T(PARTY_INDEPENDENT), true}},
        .seat_baseline = {T("last_election"), {f->baseline, 2}},
        .previous = {.party_id = T("joint-party:53-119")},
        .ballots = {{.ballot_paper_id = T("local.medway.a.2023-05-04"),
                     .seats = 2,
                     .electorate = 3495,
                     .nominations = {f->nominations, 3}},
                    {.ballot_paper_id = T("local.medway.b.by.2023-05-04"), .seats = 1, .electorate = COUNT_UNKNOWN}},
        .reference = {.council_id = T("E06000035"),
                      .name = T("Medway"),
                      .election_id = T("local.medway.2023-05-04"),
                      .seats_total = 6,
                      .previous_control = &f->previous,
                      .continuing = {f->continuing, 2},
                      .ballots = f->ballots,
                      .ballots_count = 2,
                      .parties = f->parties,
                      .parties_count = 3},
    };
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    council_free(f->council);
    free(f);
    return 0;
}

static const Council *make(Fixture *f) {
    council_free(f->council);
    f->council = council_new(&f->reference);
    return f->council;
}

static const CouncilParty *party(const Council *council, Str party_id) {
    PartyIndex index = council_find_party(council, party_id);
    assert_int_not_equal(index, PARTY_NONE);
    return &council->parties[index];
}

static void parties_are_found_folded(void **state) {
    const Council *council = make(*state);
    assert_int_equal(council_find_party(council, T("PP53")), council_find_party(council, T("joint-party:53-119")));
    assert_int_not_equal(council_find_party(council, T("PP53")), council_find_party(council, T("PP52")));
    assert_int_equal(council_find_party(council, T("PP90")), PARTY_NONE);
}

static void seats_of_folded_parties_add_up(void **state) {
    Fixture *f = *state;
    f->reference.seat_baseline = &f->seat_baseline;
    const Council *council = make(f);
    assert_int_equal(party(council, T("PP53"))->continuing, 3);
    assert_int_equal(party(council, T("PP53"))->baseline, 4);
    assert_true(council->baseline_known);
}

static void a_party_that_only_a_map_names_counts_but_is_not_known(void **state) {
    Fixture *f = *state;
    f->reference.seat_baseline = &f->seat_baseline;
    const Council *council = make(f);
    assert_int_equal(council_find_party(council, T("PP900")), PARTY_NONE);
    const CouncilParty *unlisted = map_get(&council->party_of, T("PP900"));
    assert_non_null(unlisted);
    assert_false(unlisted->listed);
    assert_int_equal(unlisted->baseline, 1);
    assert_true(str_equal_text(unlisted->short_name, "PP900"));
}

static void independents_are_no_bloc_unless_it_says_so(void **state) {
    Fixture *f = *state;
    assert_false(party(make(f), T(PARTY_INDEPENDENT))->bloc);
    assert_true(party(make(f), T("PP52"))->bloc);
    f->parties[1].bloc = TRILEAN_FALSE;
    assert_false(party(make(f), T("PP52"))->bloc);
    f->parties[2].bloc = TRILEAN_TRUE;
    assert_true(party(make(f), T(PARTY_INDEPENDENT))->bloc);
    f->parties[2].bloc = TRILEAN_UNKNOWN;
    f->reference.blocs = f->blocs; // the council's own word
    f->reference.blocs_count = 1;
    assert_true(party(make(f), T(PARTY_INDEPENDENT))->bloc);
}

static void the_threshold_is_more_than_half(void **state) {
    Fixture *f = *state;
    assert_int_equal(make(f)->threshold, 4);
    f->reference.seats_total = 7;
    assert_int_equal(make(f)->threshold, 4);
    f->reference.seats_total = 1;
    assert_int_equal(make(f)->threshold, 1);
}

static void ballots_are_found_with_folded_nominations(void **state) {
    const Council *council = make(*state);
    const CouncilBallot *ballot = council_find_ballot(council, T("local.medway.a.2023-05-04"));
    assert_int_equal(ballot->seats, 2);
    assert_true(ballot->nominations_known);
    assert_int_equal(ballot->nominations_count, 2);
    assert_int_equal(ballot->nominations[0].count, 2);
    assert_int_equal(ballot->nominations_total, 4);
    assert_false(ballot->defending_known);
    assert_false(council_find_ballot(council, T("local.medway.b.by.2023-05-04"))->nominations_known);
    assert_null(council_find_ballot(council, T("local.medway.c.2023-05-04")));
}

static void by_elections_alone_are_not_counted(void **state) {
    Fixture *f = *state;
    assert_true(make(f)->counted);
    f->reference.ballots++;
    f->reference.ballots_count--;
    assert_false(make(f)->counted);
}

static void control_before_is_a_party_nobody_or_not_known(void **state) {
    Fixture *f = *state;
    const Council *council = make(f);
    assert_true(council->previous_known);
    assert_int_equal(council->previous_party, council_find_party(council, T("PP53")));
    f->previous.party_id = STR_NONE;
    assert_int_equal(make(f)->previous_party, PARTY_NONE);
    assert_true(f->council->previous_known);
    f->reference.previous_control = NULL;
    assert_false(make(f)->previous_known);
}

// Ids of every length up to two words and more, and of each one that differs from it in one byte, of which every other
// is listed: what is found is what the map of all parties has.
static void a_party_is_found_by_all_of_its_id(void **state) {
    Fixture *f = *state;
    enum { LENGTH_MAX = 20, IDS = LENGTH_MAX * (LENGTH_MAX + 3) / 2 };
    static char texts[IDS][LENGTH_MAX];
    Str ids[IDS];
    Party parties[IDS];
    size_t count = 0, listed = 0;
    for (size_t len = 1; len <= LENGTH_MAX; len++) {
        for (size_t place = 0; place <= len; place++) {
            memset(texts[count], 'a', len);
            if (place < len) {
                texts[count][place] = 'b';
            }
            ids[count] = (Str){texts[count], len};
            if (count % 2 == 0) {
                parties[listed++] = (Party){.party_id = ids[count], .name = T("n"), .short_name = T("s")};
            }
            count++;
        }
    }
    assert_int_equal(count, IDS);
    f->reference.parties = parties;
    f->reference.parties_count = listed;
    f->reference.previous_control = NULL;
    const Council *council = make(f);
    for (size_t i = 0; i < count; i++) {
        PartyIndex found = council_find_party(council, ids[i]);
        assert_int_equal(found, i % 2 == 0 ? i / 2 : PARTY_NONE);
    }
    assert_int_equal(council_find_party(council, T("")), PARTY_NONE);
    assert_int_equal(council_find_party(council, STR_NONE), PARTY_NONE);
    f->reference.parties_count = 0;
    assert_int_equal(council_find_party(make(f), ids[0]), PARTY_NONE);
}

static void the_short_name_is_given_or_in_upper_case(void **state) {
    Fixture *f = *state;
    assert_true(str_equal_text(make(f)->short_name, "MEDWAY"));
    f->reference.name = T("Ynys M\xc3\xb4n");
    assert_true(str_equal_text(make(f)->short_name, "YNYS M\xc3\x94N"));
    f->reference.short_name = T("Anglesey");
    assert_true(str_equal_text(make(f)->short_name, "Anglesey"));
}

static void voting_system_and_poll_date_are_read(void **state) {
    Fixture *f = *state;
    assert_false(make(f)->stv);
    assert_int_equal(f->council->poll_date.day, 4);
    f->reference.voting_system = T("STV");
    assert_true(make(f)->stv);
}

static void it_needs_nothing_of_the_record(void **state) {
    Fixture *f = *state;
    char name[] = "Medway";
    f->reference.name = str_from(name);
    const Council *council = make(f);
    memset(name, 'x', sizeof name - 1);
    memset(f->parties, 0, sizeof f->parties);
    memset(f->ballots, 0, sizeof f->ballots);
    assert_true(str_equal_text(council->reference->name, "Medway"));
    assert_true(str_equal_text(party(council, T("PP52"))->short_name, "CON"));
    assert_int_equal(council_find_ballot(council, T("local.medway.a.2023-05-04"))->seats, 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(parties_are_found_folded),
        TEST(seats_of_folded_parties_add_up),
        TEST(a_party_that_only_a_map_names_counts_but_is_not_known),
        TEST(independents_are_no_bloc_unless_it_says_so),
        TEST(the_threshold_is_more_than_half),
        TEST(ballots_are_found_with_folded_nominations),
        TEST(by_elections_alone_are_not_counted),
        TEST(control_before_is_a_party_nobody_or_not_known),
        TEST(a_party_is_found_by_all_of_its_id),
        TEST(the_short_name_is_given_or_in_upper_case),
        TEST(voting_system_and_poll_date_are_read),
        TEST(it_needs_nothing_of_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
