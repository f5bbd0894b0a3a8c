#include "tests/unit/cli/import_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATA "tests/unit/cli/data/"
#define HEADER "election_id,ballot_paper_id,person_id,party_id,party_name,person_name,ballots_cast,is_winner,turnout\n"
#define ELECTION "local.ashby.2018-05-03,"
#define ABBEY ELECTION "local.ashby.abbey.2018-05-03,"

static void read_2018(ImportFixture *f) {
    assert_true(import_fixture_read_file(f, import_democracy_club_csv, DATA "results-2018.csv"));
}

static void read_2023(ImportFixture *f) {
    assert_true(import_fixture_read_file(f, import_democracy_club_csv, DATA "candidates-2023.csv"));
}

static void read_text(ImportFixture *f, const char *text) {
    import_fixture_read(f, import_democracy_club_csv, "text.csv", str_from(text));
}

static void assert_text(Str text, const char *wanted) {
    assert_true(str_equal(text, str_from(wanted)));
}

static void a_ballot_is_declared_at_the_close_of_poll(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    const Declaration *d = import_fixture_find(f, "local.ashby.abbey.2018-05-03");
    assert_non_null(d);
    assert_text(d->election_id, "local.ashby.2018-05-03");
    assert_text(d->council_id, "dc:ashby");
    assert_text(d->ward_name, "Abbey");
    assert_text(d->source, "democracy-club");
    assert_int_equal(d->kind, KIND_DECLARED);
    assert_int_equal(d->revision, 1);
    assert_int_equal(d->declared_at_ms, INT64_C(1525381200000)); // 2018-05-03T22:00+01:00
    assert_int_equal(d->reported_at_ms, d->declared_at_ms);
    assert_int_equal(d->seats, 1);
    assert_text(d->candidates[1].name, "Bob Baker"); // trimmed
    assert_int_equal(d->candidates[1].votes, 700);
    assert_true(d->candidates[0].elected && !d->candidates[1].elected);
}

static void winter_polls_close_an_hour_later_in_utc(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER "local.ashby.2021-01-14,local.ashby.abbey.by.2021-01-14,1,PP53,Labour Party,Ann,5,True,\n");
    const Declaration *d = import_fixture_find(f, "local.ashby.abbey.by.2021-01-14");
    assert_non_null(d);
    assert_int_equal(d->declared_at_ms, INT64_C(1610661600000)); // 2021-01-14T22:00Z
    assert_text(d->election_id, "local.ashby.2021-01-14");
}

static void other_ballots_are_left_out_and_told(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    assert_null(import_fixture_find(f, "mayor.ashby.2018-05-03"));
    assert_true(import_fixture_told(
        f, "results-2018.csv:9: mayor.ashby.2018-05-03: left out: a mayoral ballot, not of a council's election"));
    assert_true(import_fixture_told(f, "results-2018.csv:23: parl.ashby.by.2018-05-03: left out: a parliamentary "
                                       "ballot, not of a council's election"));
    assert_int_equal(f->import.counts.imported, 5);
    assert_int_equal(f->import.counts.left_out, 4);
}

static void a_ballot_without_winners_or_with_odd_votes_is_left_out_whole(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    assert_null(import_fixture_find(f, "local.ashby.fern.2018-05-03"));
    assert_null(import_fixture_find(f, "local.ashby.gate.2018-05-03"));
    assert_true(import_fixture_told(
        f, "results-2018.csv:19: local.ashby.fern.2018-05-03: left out: nobody is marked as elected"));
    assert_true(import_fixture_told(
        f, "results-2018.csv:21: local.ashby.gate.2018-05-03: left out: the votes of Ned Nash are “many”, no count"));
}

static void labour_and_co_operative_without_an_id_gets_it(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    const Declaration *d = import_fixture_find(f, "local.ashby.brook.2018-05-03");
    assert_non_null(d);
    assert_text(d->candidates[0].party_id, "joint-party:53-119");
    assert_text(d->candidates[3].name, "Fox, \"Foxy\" Ford");
}

static void a_winner_tied_at_the_cut_was_drawn_by_lot(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    const Declaration *d = import_fixture_find(f, "local.ashby.brook.2018-05-03");
    assert_non_null(d);
    assert_int_equal(d->seats, 3);
    assert_true(d->candidates[1].elected && d->candidates[1].elected_by_lot);
    assert_false(d->candidates[0].elected_by_lot || d->candidates[2].elected || d->candidates[3].elected_by_lot);
    assert_text(d->note, "Dan Dale is marked as elected on 1100 votes, tied at the cut: by lot");
    assert_true(
        import_fixture_told(f, "results-2018.csv:11: local.ashby.brook.2018-05-03: Dan Dale is marked as elected on "
                               "1100 votes, tied at the cut: by lot"));
}

static void a_percentage_is_no_number_of_papers(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    const Declaration *d = import_fixture_find(f, "local.ashby.abbey.2018-05-03");
    assert_int_equal(d->ballot_papers, COUNT_UNKNOWN);
    assert_int_equal(d->rejected_papers, 7);
    assert_int_equal(f->import.counts.turnout_percentages, 1);
}

static void votes_and_spoilt_of_several_seats_are_no_number_of_papers(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    assert_int_equal(import_fixture_find(f, "local.ashby.brook.2018-05-03")->ballot_papers, COUNT_UNKNOWN);
    assert_int_equal(import_fixture_find(f, "local.ashby.castle.2018-05-03")->ballot_papers,
                     1804); // of one seat they are
    assert_int_equal(f->import.counts.turnout_votes, 1);
}

static void a_percentage_may_have_a_sign_or_a_point(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ABBEY "1,PP53,Labour Party,Ann,900,True,135.2\n" ABBEY "2,PP52,Con,Bob,5,False,135.2\n");
    assert_int_equal(import_fixture_find(f, "local.ashby.abbey.2018-05-03")->ballot_papers, COUNT_UNKNOWN);
}

static void no_contest_is_uncontested(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    const Declaration *d = import_fixture_find(f, "local.coombe.dean.by.2018-05-03");
    assert_non_null(d);
    assert_true(d->uncontested);
    assert_int_equal(d->candidates[0].votes, COUNT_UNKNOWN);
}

static void no_votes_for_anybody_in_a_contest_are_unknown_votes(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    const Declaration *d = import_fixture_find(f, "local.ashby.elm.2018-05-03");
    assert_non_null(d);
    assert_false(d->uncontested);
    assert_int_equal(d->candidates[0].votes, COUNT_UNKNOWN);
    assert_int_equal(d->candidates[1].votes, COUNT_UNKNOWN);
}

static void a_single_zero_is_a_zero(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ABBEY "1,PP53,Labour Party,Ann,900,True,\n" ABBEY "2,PP52,Con,Bob,0,False,\n");
    assert_int_equal(import_fixture_find(f, "local.ashby.abbey.2018-05-03")->candidates[1].votes, 0);
}

static void the_address_is_found_in_a_source_of_several_lines(void **state) {
    ImportFixture *f = *state;
    read_2018(f);
    assert_text(import_fixture_find(f, "local.ashby.abbey.2018-05-03")->source_url, "https://example.org/abbey");
    const Declaration *d = import_fixture_find(f, "local.ashby.elm.2018-05-03");
    assert_true(str_is_none(d->source_url));
    assert_text(d->note, "Source: no page");
}

static void todays_columns_are_read_by_name(void **state) {
    ImportFixture *f = *state;
    read_2023(f);
    const Declaration *d = import_fixture_find(f, "local.ashby.st-marys-island.2023-05-04");
    assert_non_null(d);
    assert_text(d->ward_name, "St Mary's Island");
    assert_int_equal(d->electorate, 6000);
    assert_int_equal(d->ballot_papers, 2105);
    assert_int_equal(d->candidates[0].votes, 1234);
    assert_text(d->candidates[1].description, "Local Conservatives");
}

static void a_candidate_listed_twice_alike_is_one(void **state) {
    ImportFixture *f = *state;
    read_2023(f);
    assert_int_equal(import_fixture_find(f, "local.ashby.st-marys-island.2023-05-04")->candidates_count, 2);
}

static void a_candidate_listed_twice_with_other_votes_leaves_the_ballot_out(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ABBEY "1,PP53,Labour Party,Ann,900,True,\n" ABBEY "1,PP53,Labour Party,Ann,901,True,\n");
    assert_null(import_fixture_find(f, "local.ashby.abbey.2018-05-03"));
    assert_true(import_fixture_told(
        f, "text.csv:3: local.ashby.abbey.2018-05-03: left out: Ann is there twice, with different figures"));
}

static void a_cancelled_poll_with_a_contest_is_postponed(void **state) {
    ImportFixture *f = *state;
    read_2023(f);
    const Declaration *d = import_fixture_find(f, "local.ashby.brook.2023-05-04");
    assert_non_null(d);
    assert_int_equal(d->kind, KIND_POSTPONED);
    assert_int_equal(d->seats, 1);
    assert_int_equal(d->candidates_count, 0);
}

static void a_poll_cancelled_for_want_of_a_contest_is_uncontested(void **state) {
    ImportFixture *f = *state;
    read_2023(f);
    const Declaration *d = import_fixture_find(f, "local.ashby.castle.2023-05-04");
    assert_non_null(d);
    assert_int_equal(d->kind, KIND_DECLARED);
    assert_true(d->uncontested);
    assert_int_equal(d->seats, 2);
}

static void memory_grows_with_the_file_and_no_faster(void **state) {
    enum { CANDIDATES = 5000, BYTES_A_CANDIDATE = 2048 };
    ImportFixture *f = *state;
    _cleanup_buf_ Buf text = {0};
    _cleanup_buf_ Buf reference = {0};
    buf_add_str(&text, STR_LIT("ballot_paper_id,person_name,party_name,votes_cast,elected,tied_vote_winner\n"));
    for (int i = 0; i < CANDIDATES; i++) { // all drawn by lot, all of parties with the same initials
        buf_printf(&text, "local.ashby.abbey.2018-05-03,Ann %d,People Party %d,9,t,t\n", i, i);
    }
    import_fixture_read(f, import_democracy_club_csv, "text.csv", buf_str(&text));
    import_write_reference(&f->import, &reference);
    assert_true(f->import.memory.given < CANDIDATES * BYTES_A_CANDIDATE);
    assert_int_equal(import_fixture_find(f, "local.ashby.abbey.2018-05-03")->candidates_count, CANDIDATES);
}

static void a_marked_lot_is_kept(void **state) {
    ImportFixture *f = *state;
    read_2023(f);
    assert_true(import_fixture_find(f, "local.ashby.dean.2023-05-04")->candidates[0].elected_by_lot);
}

static void transfers_may_elect_the_lower_first_preference(void **state) {
    ImportFixture *f = *state;
    read_2023(f);
    const Declaration *d = import_fixture_find(f, "local.fife.firth.2023-05-04");
    assert_non_null(d);
    assert_true(d->candidates[2].elected && !d->candidates[2].elected_by_lot);
}

static void seats_are_the_winners_and_a_difference_is_told(void **state) {
    ImportFixture *f = *state;
    read_text(f, "ballot_paper_id,person_name,party_id,votes_cast,elected,seats_contested\n"
                 "local.ashby.abbey.2018-05-03,Ann,PP53,9,t,1\nlocal.ashby.abbey.2018-05-03,Bob,PP53,8,t,1\n"
                 "local.ashby.abbey.2018-05-03,Cat,PP52,7,f,1\n");
    assert_int_equal(import_fixture_find(f, "local.ashby.abbey.2018-05-03")->seats, 2);
    assert_true(import_fixture_told(f,
                                    "text.csv:2: local.ashby.abbey.2018-05-03: 2 are marked as elected, so 2 seats are "
                                    "declared; the file says 1"));
}

static void a_list_of_the_elected_alone_is_not_uncontested(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ABBEY "1,PP53,Labour Party,Ann,900,True,\n");
    assert_false(import_fixture_find(f, "local.ashby.abbey.2018-05-03")->uncontested);
}

static void an_export_without_ballot_ids_has_them_made(void **state) {
    ImportFixture *f = *state;
    read_text(f, "id,name,election,party_id,party_name,post_id,post_label,elected\n"
                 "1,Ann,local.ashby.2016-05-05,party:53,Labour Party,ASH:E05000001,St Mary's & All,True\n"
                 "2,Bob,local.ashby.2016-05-05,party:52,Con,ASH:E05000001,St Mary's & All,False\n");
    const Declaration *d = import_fixture_find(f, "local.ashby.st-marys-all.2016-05-05");
    assert_non_null(d);
    assert_text(d->candidates[0].party_id, "PP53");
    assert_int_equal(d->candidates[0].votes, COUNT_UNKNOWN);
}

static void a_short_row_leaves_its_ballot_out(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ABBEY "1,PP53,Labour Party,Ann,900,True,\n" ABBEY "2,PP52,Con,Bob\n");
    assert_null(import_fixture_find(f, "local.ashby.abbey.2018-05-03"));
    assert_true(
        import_fixture_told(f, "text.csv:3: local.ashby.abbey.2018-05-03: left out: a row has 6 fields, the header 9"));
}

static void text_that_is_not_utf8_leaves_its_ballot_out(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ABBEY "1,PP53,Labour Party,Ren\xE9,900,True,\n");
    assert_null(import_fixture_find(f, "local.ashby.abbey.2018-05-03"));
    assert_true(import_fixture_told(f, "text.csv:2: local.ashby.abbey.2018-05-03: left out: its text is not UTF-8"));
}

static void what_a_file_holds_cannot_begin_a_line_of_what_is_told(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ELECTION "\"local.a\nbbey.2018-05-03\",1,PP53,Labour Party,Ann,900,True,\n");
    assert_true(import_fixture_told(f, "text.csv:2: local.a\\nbbey.2018-05-03: left out: the id is not "
                                       "local.COUNCIL.WARD.DATE"));
}

static void an_id_of_another_form_is_left_out(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ELECTION "local.ashby.2018-05-03,1,PP53,Labour Party,Ann,900,True,\n" ELECTION
                                 "local.coombe.abbey.2018-05-03,1,PP53,Labour Party,Ann,900,True,\n" ELECTION
                                 "local.ashby.abbey.2018-13-03,1,PP53,Labour Party,Ann,900,True,\n");
    assert_int_equal(f->import.counts.imported, 0);
    assert_true(import_fixture_told(f,
                                    "text.csv:3: local.coombe.abbey.2018-05-03: left out: the file puts it in another "
                                    "election, local.ashby.2018-05-03"));
    assert_true(import_fixture_told(f, "text.csv:4: local.ashby.abbey.2018-13-03: left out: the id is not "
                                       "local.COUNCIL.WARD.DATE"));
}

static void a_ballot_of_two_files_is_imported_from_the_first(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ABBEY "1,PP53,Labour Party,Ann,900,True,\n");
    import_fixture_read(
        f, import_democracy_club_csv, "again.csv",
        STR_LIT(HEADER ABBEY "1,PP53,Labour Party,Ann,1,True,\n" ABBEY "2,PP53,Labour Party,Bo,1,True,\n"));
    assert_int_equal(import_fixture_find(f, "local.ashby.abbey.2018-05-03")->candidates[0].votes, 900);
    assert_true(
        import_fixture_told(f, "again.csv:2: local.ashby.abbey.2018-05-03: left out: already read from text.csv:2"));
}

static void joined_files_may_repeat_their_header(void **state) {
    ImportFixture *f = *state;
    read_text(f, HEADER ABBEY "1,PP53,Labour Party,Ann,900,True,\n" HEADER ELECTION
                              "local.ashby.brook.2018-05-03,1,PP53,Labour Party,Ann,900,True,\n");
    assert_int_equal(f->import.counts.imported, 2);
}

static void assert_unreadable(ImportFixture *f, Str text, const char *why) {
    Str error = STR_NONE;
    assert_false(import_democracy_club_csv(&f->import, STR_LIT("x.csv"), text, &error));
    assert_true(str_equal_text(error, why));
}

static void what_is_no_such_file_cannot_be_read(void **state) {
    const char *no_header = "no header line that names ballot, person, party and who was elected";
    assert_unreadable(*state, STR_LIT(""), no_header);
    assert_unreadable(*state, STR_LIT("ward,votes\nabbey,3\n"), no_header);
    assert_unreadable(*state, STR_LIT(HEADER ABBEY "1,PP53,\"Labour"), "line 2: a quote is opened and never closed");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, import_fixture_set_up, import_fixture_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_ballot_is_declared_at_the_close_of_poll),
        TEST(winter_polls_close_an_hour_later_in_utc),
        TEST(other_ballots_are_left_out_and_told),
        TEST(a_ballot_without_winners_or_with_odd_votes_is_left_out_whole),
        TEST(labour_and_co_operative_without_an_id_gets_it),
        TEST(a_winner_tied_at_the_cut_was_drawn_by_lot),
        TEST(a_percentage_is_no_number_of_papers),
        TEST(votes_and_spoilt_of_several_seats_are_no_number_of_papers),
        TEST(a_percentage_may_have_a_sign_or_a_point),
        TEST(no_contest_is_uncontested),
        TEST(no_votes_for_anybody_in_a_contest_are_unknown_votes),
        TEST(a_single_zero_is_a_zero),
        TEST(the_address_is_found_in_a_source_of_several_lines),
        TEST(todays_columns_are_read_by_name),
        TEST(a_candidate_listed_twice_alike_is_one),
        TEST(a_candidate_listed_twice_with_other_votes_leaves_the_ballot_out),
        TEST(a_cancelled_poll_with_a_contest_is_postponed),
        TEST(a_poll_cancelled_for_want_of_a_contest_is_uncontested),
        TEST(a_marked_lot_is_kept),
        TEST(memory_grows_with_the_file_and_no_faster),
        TEST(transfers_may_elect_the_lower_first_preference),
        TEST(seats_are_the_winners_and_a_difference_is_told),
        TEST(a_list_of_the_elected_alone_is_not_uncontested),
        TEST(an_export_without_ballot_ids_has_them_made),
        TEST(a_short_row_leaves_its_ballot_out),
        TEST(text_that_is_not_utf8_leaves_its_ballot_out),
        TEST(what_a_file_holds_cannot_begin_a_line_of_what_is_told),
        TEST(an_id_of_another_form_is_left_out),
        TEST(a_ballot_of_two_files_is_imported_from_the_first),
        TEST(joined_files_may_repeat_their_header),
        TEST(what_is_no_such_file_cannot_be_read),
    };
    return cmocka_run_group_tests_name("import_csv", tests, NULL, NULL);
}
