#include "tests/unit/cli/import_fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATA "tests/unit/cli/data/"

static void read_file(ImportFixture *f, const char *path) {
    assert_true(import_fixture_read_file(f, import_democracy_club_json, path));
}

static void assert_text(Str text, const char *wanted) {
    assert_true(str_equal(text, str_from(wanted)));
}

static void result_sets_of_the_old_api_are_read(void **state) {
    ImportFixture *f = *state;
    read_file(f, DATA "result-sets-v0.9.json");
    const Declaration *d = import_fixture_find(f, "local.ashby.abbey-mill.2021-05-06");
    assert_non_null(d);
    assert_text(d->ward_name, "Abbey & Mill");
    assert_int_equal(d->electorate, 5000);
    assert_int_equal(d->ballot_papers, 1700);
    assert_int_equal(d->rejected_papers, 8);
    assert_text(d->candidates[0].party_id, "joint-party:53-119");
    assert_text(d->candidates[0].candidate_id, "1001");
    assert_text(d->candidates[1].party_id, "PP52");
    assert_text(d->candidates[2].party_id, "PPm1991");
    assert_int_equal(d->candidates[2].votes, COUNT_UNKNOWN);
}

static void results_of_the_new_api_are_read_with_lines(void **state) {
    ImportFixture *f = *state;
    read_file(f, DATA "results-next.json");
    const Declaration *d = import_fixture_find(f, "local.ashby.abbey.2024-05-02");
    assert_non_null(d);
    assert_text(d->source_url, "https://example.org/abbey");
    assert_text(d->candidates[1].name, "Bob [Bo] \"{\" Baker");
    assert_true(d->candidates[0].elected && !d->candidates[1].elected);
    assert_true(import_fixture_told(
        f, "results-next.json:48: mayor.ashby.2024-05-02: left out: a mayoral ballot, not of a council's election"));
}

static void ballots_with_candidacies_are_read(void **state) {
    ImportFixture *f = *state;
    read_file(f, DATA "ballots-next.json");
    const Declaration *d = import_fixture_find(f, "local.glasgow-city.linn.2022-05-05");
    assert_non_null(d);
    assert_int_equal(d->seats, 2);
    assert_int_equal(d->ballot_papers, 3900);
    assert_text(d->candidates[0].description, "SNP");
    assert_false(d->candidates[2].elected_by_lot); // level on first preferences, elected by transfers
}

static void the_results_file_of_a_day_is_read(void **state) {
    ImportFixture *f = *state;
    read_file(f, DATA "results-day-2019.json");
    assert_int_equal(f->import.counts.imported, 2);
    const Declaration *d = import_fixture_find(f, "local.ashby.abbey.2019-05-02");
    assert_non_null(d);
    assert_int_equal(d->ballot_papers, COUNT_UNKNOWN); // 29 is a percentage
    assert_int_equal(f->import.ballots.items[1]->line, 25);
}

#define ABBEY "\"ballot_paper_id\": \"local.ashby.abbey.2019-05-02\""
#define ANN "{\"person_name\": \"Ann\", \"party_id\": \"PP53\", \"elected\": true, \"num_ballots\": 5}"

static void read_text(ImportFixture *f, const char *text) {
    import_fixture_read(f, import_democracy_club_json, "text.json", str_from(text));
}

static void a_page_a_list_of_pages_and_a_lone_ballot_are_read(void **state) {
    ImportFixture *f = *state;
    read_text(f, "\xEF\xBB\xBF [{\"count\": 1, \"results\": [{" ABBEY ", \"candidates\": [" ANN
                 "]}]}, {\"results\": []}]");
    assert_non_null(import_fixture_find(f, "local.ashby.abbey.2019-05-02"));
    import_fixture_read(f, import_democracy_club_json, "lone.json",
                        STR_LIT("{\"ballot_paper_id\": \"local.ashby.brook.2019-05-02\", \"candidates\": [" ANN "]}"));
    assert_non_null(import_fixture_find(f, "local.ashby.brook.2019-05-02"));
}

static void a_ballot_that_pages_repeat_is_read_once(void **state) {
    ImportFixture *f = *state;
    read_text(f, "[{" ABBEY ", \"candidates\": [" ANN "]},\n{" ABBEY ", \"candidates\": [" ANN "]}]");
    assert_int_equal(import_fixture_find(f, "local.ashby.abbey.2019-05-02")->candidates_count, 1);
    assert_true(
        import_fixture_told(f, "text.json:2: local.ashby.abbey.2019-05-02: left out: already read from text.json:1"));
}

static void what_is_no_ballot_is_told(void **state) {
    ImportFixture *f = *state;
    read_text(f, "[3,\n{\"a\": 1},\n{" ABBEY ", \"candidates\": 5}]");
    assert_true(import_fixture_told(f, "text.json:1: something without a ballot_paper_id is left out"));
    assert_true(import_fixture_told(f, "text.json:2: something without a ballot_paper_id is left out"));
    assert_true(
        import_fixture_told(f, "text.json:3: local.ashby.abbey.2019-05-02: left out: nobody is marked as elected"));
}

static void broken_json_cannot_be_read(void **state) {
    ImportFixture *f = *state;
    Str error = STR_NONE;
    assert_false(import_democracy_club_json(&f->import, STR_LIT("x.json"), STR_LIT("[\n{\"a\": }]"), &error));
    assert_true(str_starts_with(error, STR_LIT("line 2: ")));
}

static void the_skeleton_says_what_the_results_tell(void **state) {
    ImportFixture *f = *state;
    read_file(f, DATA "ballots-next.json");
    Buf out = {0};
    import_write_reference(&f->import, &out);
    json_t *json = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
    buf_free(&out);
    assert_non_null(json);
    const json_t *council = json_array_get(json_object_get(json, "councils"), 0);
    const json_t *ballot = json_array_get(json_object_get(council, "ballots"), 0);
    assert_string_equal(json_string_value(json_object_get(council, "council_id")), "dc:glasgow-city");
    assert_string_equal(json_string_value(json_object_get(council, "voting_system")), "STV");
    assert_string_equal(json_string_value(json_object_get(council, "nation")), "scotland");
    assert_true(json_is_null(json_object_get(council, "seats_total")));
    assert_true(json_is_null(json_object_get(council, "previous_control")));
    assert_string_equal(json_string_value(json_object_get(ballot, "ward_gss")), "S13000001");
    assert_int_equal(json_integer_value(json_object_get(ballot, "seats")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(ballot, "nominations"), "PP53")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "parties")), 3);
    json_decref(json);
}

static void the_skeleton_folds_joint_parties(void **state) {
    ImportFixture *f = *state;
    assert_true(import_fixture_read_file(f, import_democracy_club_csv, DATA "results-2018.csv"));
    Buf out = {0};
    import_write_reference(&f->import, &out);
    json_t *json = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
    buf_free(&out);
    assert_non_null(json);
    const json_t *labour = json_array_get(json_object_get(json, "parties"), 0);
    assert_string_equal(json_string_value(json_object_get(labour, "short")), "LAB");
    assert_string_equal(json_string_value(json_array_get(json_object_get(labour, "folds"), 0)), "joint-party:53-119");
    const json_t *ballots = json_object_get(json_array_get(json_object_get(json, "councils"), 0), "ballots");
    const json_t *nominations = json_object_get(json_array_get(ballots, 1), "nominations");
    assert_int_equal(json_integer_value(json_object_get(nominations, "PP53")), 2);
    assert_null(json_object_get(nominations, "joint-party:53-119"));
    assert_int_equal(json_array_size(ballots), 4); // those left out have no known seats
    json_decref(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, import_fixture_set_up, import_fixture_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(result_sets_of_the_old_api_are_read),
        TEST(results_of_the_new_api_are_read_with_lines),
        TEST(ballots_with_candidacies_are_read),
        TEST(the_results_file_of_a_day_is_read),
        TEST(a_page_a_list_of_pages_and_a_lone_ballot_are_read),
        TEST(a_ballot_that_pages_repeat_is_read_once),
        TEST(what_is_no_ballot_is_told),
        TEST(broken_json_cannot_be_read),
        TEST(the_skeleton_says_what_the_results_tell),
        TEST(the_skeleton_folds_joint_parties),
    };
    return cmocka_run_group_tests_name("import_json", tests, NULL, NULL);
}
