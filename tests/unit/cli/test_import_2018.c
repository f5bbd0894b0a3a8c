// The whole English election day of 3 May 2018, where its file is at hand: it is no part of the project.
#include "services/cli/import_party.h"
#include "tests/unit/cli/import_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

// NULL, and said: there is no such file.
static const char *find_file(void) {
    static char path[4096];
    const char *data = getenv("DECLARED_SHARED_DATA");
    snprintf(path, sizeof path, "%s/democracy-club-2018/local.2018-05-03.csv", data != NULL ? data : "");
    FILE *file = data != NULL ? fopen(path, "rb") : NULL;
    if (file == NULL) {
        print_message("left out: DECLARED_SHARED_DATA names no folder with democracy-club-2018/local.2018-05-03.csv\n");
        return NULL;
    }
    fclose(file);
    return path;
}

static int set_up(void **state) {
    const char *path = find_file();
    import_fixture_set_up(state);
    if (path != NULL) {
        import_fixture_read_file(*state, import_democracy_club_csv, path);
    }
    return 0;
}

static ImportFixture *fixture_or_skip(void **state) {
    ImportFixture *f = *state;
    if (f->import.ballots.count == 0) {
        skip();
    }
    return f;
}

static void every_local_ballot_is_imported_and_the_others_told(void **state) {
    const ImportCounts *n = &fixture_or_skip(state)->import.counts;
    assert_int_equal(n->imported, 2752);
    assert_int_equal(n->left_out, 7); // six mayoral ballots, one parliamentary
    assert_int_equal(n->turnout_percentages, 1119);
    assert_int_equal(n->turnout_votes, 8); // all of Sutton
    assert_int_equal(n->uncontested, 1);
    assert_int_equal(n->by_lot, 1);
}

static void candidates_and_winners_are_all_there(void **state) {
    ImportFixture *f = fixture_or_skip(state);
    size_t candidates = 0, winners = 0, labour_and_co_operative = 0;
    for (size_t i = 0; i < f->import.ballots.count; i++) {
        const ImportBallot *ballot = f->import.ballots.items[i];
        for (size_t k = 0; ballot->outcome == IMPORT_DECLARED && k < ballot->candidates.count; k++) {
            candidates++;
            winners += ballot->candidates.items[k].elected;
            labour_and_co_operative += str_equal_text(ballot->candidates.items[k].party_id, PARTY_ID_LABOUR_CO_OP);
        }
    }
    assert_int_equal(candidates, 16050);
    assert_int_equal(winners, 4417);
    assert_int_equal(labour_and_co_operative, 343 - 4); // four stood for mayor
}

static void sutton_nonsuch_was_decided_by_lot(void **state) {
    const Declaration *d = import_fixture_find(fixture_or_skip(state), "local.sutton.nonsuch.2018-05-03");
    assert_non_null(d);
    assert_int_equal(d->seats, 3);
    assert_int_equal(d->ballot_papers, COUNT_UNKNOWN);
    size_t lots = 0;
    for (size_t i = 0; i < d->candidates_count; i++) {
        lots += d->candidates[i].elected_by_lot && d->candidates[i].votes == 1405;
    }
    assert_int_equal(lots, 1);
}

static void every_declaration_can_be_published(void **state) {
    ImportFixture *f = fixture_or_skip(state);
    for (size_t i = 0; i < f->import.ballots.count; i++) {
        const ImportBallot *ballot = f->import.ballots.items[i];
        if (ballot->outcome != IMPORT_LEFT_OUT) {
            Str id = arena_copy(&f->arena, ballot->ballot_paper_id); // with a NUL behind it
            assert_non_null(import_fixture_find(f, id.ptr));
        }
        arena_reset(&f->arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_local_ballot_is_imported_and_the_others_told),
        cmocka_unit_test(candidates_and_winners_are_all_there),
        cmocka_unit_test(sutton_nonsuch_was_decided_by_lot),
        cmocka_unit_test(every_declaration_can_be_published),
    };
    return cmocka_run_group_tests_name("import_2018", tests, set_up, import_fixture_tear_down);
}
