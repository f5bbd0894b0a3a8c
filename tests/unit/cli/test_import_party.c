#include "services/cli/import_party.h"
#include "services/cli/import_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state) {
    *state = calloc(1, sizeof(Arena));
    return *state == NULL;
}

static int tear_down(void **state) {
    arena_free(*state);
    free(*state);
    return 0;
}

static void assert_id(Arena *arena, const char *id, const char *name, const char *wanted) {
    Str made = import_party_id(arena, str_from(id), str_from(name));
    if (!str_equal(made, str_from(wanted))) {
        print_error("'%s' of %s became " STR_FMT "\n", id, name == NULL ? "nobody" : name, STR_ARG(made));
    }
    assert_true(str_equal(made, str_from(wanted)));
}

static void every_way_to_write_an_id_is_one(void **state) {
    assert_id(*state, "PP53", "Labour Party", "PP53");
    assert_id(*state, "party:53", "Labour Party", "PP53");
    assert_id(*state, "53", "Labour Party", "PP53");
    assert_id(*state, "pp 53", "Labour Party", "PP53");
    assert_id(*state, "PPm1991", "Pettits Residents Association", "PPm1991");
    assert_id(*state, "minor-party:1991", "Pettits Residents Association", "PPm1991");
    assert_id(*state, "joint-party:53-119", NULL, "joint-party:53-119");
    assert_id(*state, "ynmp-party:2", "Independent", "ynmp-party:2");
}

static void a_missing_id_is_found_by_name(void **state) {
    assert_id(*state, "", "Labour and Co-operative Party", "joint-party:53-119");
    assert_id(*state, "", "Labour & Cooperative Party", "joint-party:53-119");
    assert_id(*state, "", "Welsh Labour and Co-operative Party", "joint-party:53-119");
    assert_id(*state, "", "The Conservative Party Candidate", "PP52");
    assert_id(*state, "", "Independent", "ynmp-party:2");
    assert_id(*state, "", "Scottish Green Party", "PP130");
}

static void an_unknown_party_gets_its_name_never_a_number(void **state) {
    assert_id(*state, "", "Save Our Pier & Prom", "name:save-our-pier-and-prom");
    assert_id(*state, "", "", NULL);
    assert_id(*state, NULL, NULL, NULL);
}

static void joint_parties_fold_into_their_first(void **state) {
    assert_true(str_equal_text(import_party_fold(*state, STR_LIT("joint-party:53-119")), "PP53"));
    assert_true(str_equal_text(import_party_fold(*state, STR_LIT("joint-party:20-59")), "PP20"));
    assert_true(str_equal_text(import_party_fold(*state, STR_LIT("PP52")), "PP52"));
    assert_true(str_equal_text(import_party_fold(*state, STR_LIT("joint-party:x")), "joint-party:x"));
}

static void shorts_are_initials_or_a_start(void **state) {
    assert_true(str_equal_text(import_party_short(*state, STR_LIT("Havering Residents Association")), "HRA"));
    assert_true(str_equal_text(import_party_short(*state, STR_LIT("Aspire")), "ASPIRE"));
    assert_true(str_equal_text(import_party_short(*state, STR_LIT("Independentists")), "INDEPEND"));
    assert_true(str_equal_text(import_party_short(*state, STR_LIT("’")), "PARTY"));
}

static void nations_come_from_code_region_or_slug(void **state) {
    (void)state;
    assert_string_equal(import_nation(STR_LIT("fife"), STR_NONE, STR_NONE), "scotland");
    assert_string_equal(import_nation(STR_LIT("mid-ulster"), STR_LIT(""), STR_LIT("")), "northern-ireland");
    assert_string_equal(import_nation(STR_LIT("powys"), STR_NONE, STR_NONE), "wales");
    assert_string_equal(import_nation(STR_LIT("medway"), STR_NONE, STR_LIT("South East")), "england");
    assert_string_equal(import_nation(STR_LIT("new-name"), STR_LIT("S13000001"), STR_NONE), "scotland");
    assert_string_equal(import_nation(STR_LIT("new-name"), STR_NONE, STR_LIT("Wales")), "wales");
    assert_true(import_nation_counts_by_stv("scotland"));
    assert_false(import_nation_counts_by_stv("wales"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_way_to_write_an_id_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_id_is_found_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_party_gets_its_name_never_a_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(joint_parties_fold_into_their_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shorts_are_initials_or_a_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nations_come_from_code_region_or_slug, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("import_party", tests, NULL, NULL);
}
