#include "services/cli/reference_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct Fixture {
    Arena arena;
    Str error;
    ReferenceFile file;
} Fixture;

static int set_up(void **state) {
    *state = calloc(1, sizeof(Fixture));
    return *state == NULL;
}

static int tear_down(void **state) {
    Fixture *fixture = *state;
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static const ReferenceFile *parse(Fixture *fixture, const char *text) {
    bool good =
        reference_json_parse(str_from(text), STR_LIT("desk"), 7, &fixture->arena, &fixture->file, &fixture->error);
    return good ? &fixture->file : NULL;
}

#define LEAST                                                                                                          \
    "\"council_id\": \"E1\", \"name\": \"Medway\", \"election_id\": \"local.medway.2023-05-04\", \"seats_total\": 1"
#define BALLOT "{\"ballot_paper_id\": \"local.medway.watling.2023-05-04\", \"seats\": 1}"
#define COUNCIL(more) "{\"councils\": [{" LEAST ", \"ballots\": [" BALLOT "]" more "}]}"

static void only_the_required_need_be_there(void **state) {
    const ReferenceFile *file = parse(*state, COUNCIL(""));
    assert_non_null(file);
    assert_int_equal(file->councils_count, 1);
    const CouncilReference *council = &file->councils[0];
    assert_true(str_equal_text(council->name, "Medway") && str_is_none(council->short_name));
    assert_true(council->new_council && council->previous_control == NULL && council->seat_baseline == NULL);
    assert_int_equal(council->expected_at_ms, COUNT_UNKNOWN);
    assert_int_equal(council->boundary_changes, TRILEAN_UNKNOWN);
    assert_int_equal(council->vacant, 0);
    assert_null(council->continuing.entries);
    assert_int_equal(council->ballots[0].electorate, COUNT_UNKNOWN);
    assert_null(council->ballots[0].nominations.entries);
    assert_true(str_equal_text(council->by, "desk"));
    assert_int_equal(council->loaded_at_ms, 7);
}

static void every_field_is_read(void **state) {
    const ReferenceFile *file = parse(
        *state,
        "{\"_source\": \"x\", \"parties\": [{\"party_id\": \"PP53\", \"name\": \"Labour\", \"short\": \"LAB\", "
        "\"group\": "
        "\"LAB\", \"colour\": \"#E4003B\", \"text_colour\": \"#FFFFFF\", \"folds\": [\"joint-party:53-119\"], "
        "\"bloc\": "
        "true}], \"councils\": [{" LEAST
        ", \"short_name\": \"MEDWAY\", \"kind\": \"unitary\", \"nation\": \"england\", "
        "\"region\": \"South East\", \"area_word\": \"ward\", \"executive\": \"leader\", \"created\": \"1998-04-01\", "
        "\"boundary_changes\": true, \"voting_system\": \"FPTP\", \"previous_control\": {\"party_id\": \"PP52\", "
        "\"seats\": 33, \"seats_total\": 55, \"seats_basis\": \"last_election\"}, \"control_history\": [{\"from\": "
        "\"1998-04-01\", \"party_id\": null}, {\"from\": \"2003-05-01\", \"party_id\": \"PP52\", \"reason\": "
        "\"election\"}], \"seat_baseline\": {\"basis\": \"last_election\", \"seats\": {\"PP52\": 33}}, \"blocs\": "
        "{\"ynmp-party:2\": false}, \"continuing\": {\"PP52\": 3}, \"vacant\": 2, \"expected_at\": "
        "\"2023-05-05T03:00:00Z\", \"notes\": \"n\", \"ballots\": [{\"ballot_paper_id\": \"b\", \"ward_name\": \"W\", "
        "\"ward_gss\": \"E05\", \"seats\": 1, \"electorate\": 3495, \"nominations\": {\"PP52\": 1}, \"defending\": "
        "{}}]}]}");
    assert_non_null(file);
    const CouncilReference *council = &file->councils[0];
    assert_ptr_equal(council->parties, file->parties);
    assert_int_equal(council->parties_count, 1);
    assert_true(str_equal_text(council->parties[0].short_name, "LAB"));
    assert_true(str_equal_text(council->parties[0].folds[0], "joint-party:53-119"));
    assert_int_equal(council->parties[0].bloc, TRILEAN_TRUE);
    assert_false(council->new_council);
    assert_int_equal(council->previous_control->seats, 33);
    assert_int_equal(council->control_history_count, 2);
    assert_true(str_is_none(council->control_history[0].party_id));
    assert_int_equal(council->seat_baseline->seats.entries[0].seats, 33);
    assert_false(council->blocs[0].bloc);
    assert_int_equal(council->continuing.entries[0].seats, 3);
    assert_int_equal(council->vacant, 2);
    assert_int_equal(council->expected_at_ms, 1683255600000);
    assert_int_equal(council->ballots[0].nominations.count, 1);
    assert_non_null(council->ballots[0].defending.entries);
    assert_int_equal(council->ballots[0].defending.count, 0);
}

static void null_is_not_known_and_absent_is_new(void **state) {
    assert_false(parse(*state, COUNCIL(", \"previous_control\": null"))->councils[0].new_council);
    assert_true(parse(*state, COUNCIL(""))->councils[0].new_council);
    assert_null(
        parse(*state, COUNCIL(", \"seat_baseline\": {\"basis\": null, \"seats\": null}"))->councils[0].seat_baseline);
    assert_null(parse(*state, COUNCIL(", \"continuing\": null"))->councils[0].continuing.entries);
}

static void faults_are_told_with_their_path(void **state) {
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\n\n]", "line 3, column 1: string or '}' expected near ']'"},
        {"{}", "councils: is missing"},
        {"{\"councils\": [], \"party\": []}", "party: no such field"},
        {"{\"councils\": [{\"council_id\": \"E1\"}]}", "councils[0].name: is missing"},
        {"{\"councils\": [{\"council_id\": \"E1\", \"name\": \"M\", \"election_id\": \"e\", \"seats_total\": null}]}",
         "councils[0].seats_total: is null and must be filled in"},
        {COUNCIL(", \"continuing\": {\"PP52\": 1.5}"), "councils[0].continuing.PP52: wants a whole number"},
        {COUNCIL(", \"blocs\": {\"PP52\": 1}"), "councils[0].blocs.PP52: wants true or false"},
        {COUNCIL(", \"previous_control\": {}"), "councils[0].previous_control.party_id: is missing"},
        {COUNCIL(", \"control_history\": [{\"from\": 1998}]"), "councils[0].control_history[0].from: wants a string"},
        {COUNCIL(", \"seat_total\": 2"), "councils[0].seat_total: no such field"},
        {"{\"councils\": [], \"parties\": [{\"party_id\": \"PP53\", \"name\": \"Labour\", \"short\": \"LAB\", "
         "\"folds\": [1]}]}",
         "parties[0].folds[0]: wants a string"},
    };
    Fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(parse(fixture, cases[i].text));
        assert_string_equal(fixture->error.ptr, cases[i].error);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_the_required_need_be_there),
        TEST(every_field_is_read),
        TEST(null_is_not_known_and_absent_is_new),
        TEST(faults_are_told_with_their_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
