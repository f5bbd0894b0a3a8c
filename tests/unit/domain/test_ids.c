#include "common/domain/ids.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void ids_come_apart(void **state) {
    (void)state;
    ContestId id;
    assert_true(ids_parse(STR_LIT("local.medway.2023-05-04"), &id));
    assert_true(str_equal_text(id.organisation, "medway") && str_is_none(id.ward) && !id.by_election);
    assert_true(id.poll_date.year == 2023 && id.poll_date.month == 5 && id.poll_date.day == 4);
    assert_true(ids_parse(STR_LIT("local.medway.all-saints.2023-05-04"), &id));
    assert_true(str_equal_text(id.ward, "all-saints") && !id.by_election);
    assert_true(ids_parse(STR_LIT("local.medway.strood-rural.by.2024-02-29"), &id));
    assert_true(str_equal_text(id.ward, "strood-rural") && id.by_election);
    assert_true(ids_parse(STR_LIT("local.medway.by.2023-05-04"), &id)); // a ward called By
    assert_true(str_equal_text(id.ward, "by") && !id.by_election);
}

static void what_is_no_id_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "local",
        "local.medway",
        "local.2023-05-04",
        "mayor.medway.2023-05-04",
        "local..2023-05-04",
        "local.medway.",
        ".medway.2023-05-04",
        "local.medway.all-saints.c.2023-05-04",
        "local.medway.all-saints.by.x.2023-05-04",
        "local.medway.2023-02-29",
        "local.medway.2023-13-01",
        "local.medway.2023-5-4",
        "local.medway.2023-05-04 ",
    };
    ContestId id;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ids_parse(str_from(bad[i]), &id));
    }
    assert_false(ids_parse(STR_NONE, &id));
}

static void a_ballot_belongs_to_its_election_alone(void **state) {
    (void)state;
    Str election = STR_LIT("local.medway.2023-05-04");
    assert_true(ids_same_contest(election, STR_LIT("local.medway.all-saints.2023-05-04")));
    assert_true(ids_same_contest(election, STR_LIT("local.medway.all-saints.by.2023-05-04")));
    assert_false(ids_same_contest(election, STR_LIT("local.medway.all-saints.2023-05-05")));
    assert_false(ids_same_contest(election, STR_LIT("local.swale.all-saints.2023-05-04")));
    assert_false(ids_same_contest(election, election));
    assert_false(ids_same_contest(STR_LIT("local.medway.all-saints.2023-05-04"), STR_LIT("local.medway.x.2023-05-04")));
    assert_false(ids_same_contest(STR_LIT("medway"), STR_LIT("medway")));
}

static bool same_by_their_parts(Str election_id, Str ballot_paper_id) {
    ContestId election, ballot;
    return ids_parse(election_id, &election) && str_is_none(election.ward) && ids_parse(ballot_paper_id, &ballot) &&
           !str_is_none(ballot.ward) && str_equal(election.organisation, ballot.organisation) &&
           election.poll_date.year == ballot.poll_date.year && election.poll_date.month == ballot.poll_date.month &&
           election.poll_date.day == ballot.poll_date.day;
}

// Ids of up to six parts, good and bad.
static void a_ballot_belongs_to_its_election_by_their_parts(void **state) {
    (void)state;
    static const char *const parts[] = {"local", "by", "x", "", "2023-05-04", "2023-05-05", "2023-02-30", NULL};
    enum { PARTS = sizeof parts / sizeof *parts, IDS = PARTS * PARTS * PARTS * PARTS };
    static const char *const elections[] = {"local.x.2023-05-04",          "local.by.2023-05-04",
                                            "local.2023-05-04.2023-05-04", "local.x.2023-02-30",
                                            "local.x.by.2023-05-04",       "local.local.2023-05-05"};
    size_t same = 0;
    for (size_t e = 0; e < sizeof elections / sizeof *elections; e++) {
        for (size_t i = 0; i < (size_t)IDS * PARTS; i++) {
            char id[80] = "local";
            for (size_t rest = i, part = 0; part < 5; part++, rest /= PARTS) {
                if (parts[rest % PARTS] != NULL) {
                    strcat(strcat(id, "."), parts[rest % PARTS]);
                }
            }
            bool expected = same_by_their_parts(str_from(elections[e]), str_from(id));
            assert_int_equal(ids_same_contest(str_from(elections[e]), str_from(id)), expected);
            same += expected;
        }
    }
    assert_true(same > 10);
    assert_false(ids_same_contest(STR_LIT("local.x.2023-05-04"), STR_NONE));
    assert_false(ids_same_contest(STR_NONE, STR_LIT("local.x.y.2023-05-04")));
}

static void poll_dates_and_by_elections_are_told(void **state) {
    (void)state;
    CivilDate date = {0};
    assert_false(ids_poll_date(STR_LIT("local.medway"), &date));
    assert_int_equal(date.year, 0);
    assert_true(ids_poll_date(STR_LIT("local.medway.luton.by.2019-05-02"), &date));
    assert_int_equal(date.day, 2);
    assert_true(ids_is_by_election(STR_LIT("local.medway.luton.by.2019-05-02")));
    assert_false(ids_is_by_election(STR_LIT("local.medway.luton.2019-05-02")));
    assert_false(ids_is_by_election(STR_LIT("luton.by.2019-05-02")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_come_apart),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(a_ballot_belongs_to_its_election_alone),
        cmocka_unit_test(a_ballot_belongs_to_its_election_by_their_parts),
        cmocka_unit_test(poll_dates_and_by_elections_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
