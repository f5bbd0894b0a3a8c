// The seed night's files: what the demonstration plays is what the council published.
#include "services/cli/declaration_json.h"
#include "services/cli/reference_json.h"
#include "services/validator/reference_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FOLDER "deploy/demo-data/medway-2023/"

enum { WARDS = 24, SEATS = 59, THRESHOLD = 30 };

typedef struct Night {
    Arena arena;
    ReferenceFile file;
    const CouncilReference *council;
    Declaration declarations[WARDS];
    size_t count;
} Night;

static Str read_file(Arena *arena, const char *path) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = arena_alloc(arena, 1 << 20, 1);
    size_t len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return (Str){text, len};
}

static void read_declarations(Night *night, Str text) {
    for (size_t from = 0; from < text.len;) {
        size_t to = from;
        while (text.ptr[to] != '\n') {
            to++;
        }
        DeclarationLine line;
        Str error = STR_NONE;
        assert_true(night->count < WARDS);
        assert_true(declaration_json_parse(str_slice(text, from, to), &night->arena, &line, &error));
        night->declarations[night->count++] = line.declaration;
        from = to + 1;
    }
}

static int set_up(void **state) {
    Night *night = *state = calloc(1, sizeof *night);
    Str error = STR_NONE;
    Str text = read_file(&night->arena, FOLDER "reference.json");
    assert_true(reference_json_parse(text, STR_LIT("test"), 0, &night->arena, &night->file, &error));
    night->council = night->file.councils;
    read_declarations(night, read_file(&night->arena, FOLDER "declarations.jsonl"));
    return 0;
}

static int tear_down(void **state) {
    Night *night = *state;
    arena_free(&night->arena);
    free(night);
    return 0;
}

static Str fold(const Night *night, Str party_id) {
    for (size_t p = 0; p < night->file.parties_count; p++) {
        const Party *party = &night->file.parties[p];
        for (size_t f = 0; f < party->folds_count; f++) {
            if (str_equal(party->folds[f], party_id)) {
                return party->party_id;
            }
        }
    }
    return party_id;
}

static int64_t nominated(const ReferenceBallot *ballot, Str party_id) {
    for (size_t i = 0; i < ballot->nominations.count; i++) {
        if (str_equal(ballot->nominations.entries[i].party_id, party_id)) {
            return ballot->nominations.entries[i].seats;
        }
    }
    return 0;
}

// Seats that a party has after so many wards, and those it could still reach (spec 5).
static void count_seats(const Night *night, size_t wards, Str party_id, int64_t *held, int64_t *reach) {
    *held = 0;
    for (size_t d = 0; d < wards; d++) {
        for (size_t i = 0; i < night->declarations[d].candidates_count; i++) {
            const Candidate *candidate = &night->declarations[d].candidates[i];
            *held += candidate->elected && str_equal(fold(night, candidate->party_id), party_id);
        }
    }
    *reach = *held;
    for (size_t d = wards; d < night->council->ballots_count; d++) {
        const ReferenceBallot *ballot = &night->council->ballots[d];
        int64_t standing = nominated(ballot, party_id);
        *reach += standing < ballot->seats ? standing : ballot->seats;
    }
}

static void the_reference_data_is_sound(void **state) {
    Night *night = *state;
    Str problem = STR_NONE;
    assert_true(reference_check(night->council, &night->arena, &problem));
    assert_int_equal(night->council->seats_total, SEATS);
    assert_int_equal(night->council->ballots_count, WARDS);
    assert_int_equal(night->count, WARDS);
}

static void wards_are_declared_in_the_order_of_the_reference_data(void **state) {
    const Night *night = *state;
    for (size_t d = 0; d < WARDS; d++) {
        const Declaration *declaration = &night->declarations[d];
        const ReferenceBallot *ballot = &night->council->ballots[d];
        assert_true(str_equal(declaration->ballot_paper_id, ballot->ballot_paper_id));
        assert_int_equal(declaration->seats, ballot->seats);
        assert_int_equal(declaration->electorate, ballot->electorate);
        assert_true(d == 0 || declaration->declared_at_ms > night->declarations[d - 1].declared_at_ms);
    }
    assert_int_equal(night->declarations[0].declared_at_ms, INT64_C(1683246000000)); // 2023-05-05T00:20Z
}

static void nominations_are_the_candidates_counted(void **state) {
    const Night *night = *state;
    for (size_t d = 0; d < WARDS; d++) {
        const ReferenceBallot *ballot = &night->council->ballots[d];
        int64_t sum = 0;
        for (size_t i = 0; i < ballot->nominations.count; i++) {
            int64_t standing = 0;
            for (size_t k = 0; k < night->declarations[d].candidates_count; k++) {
                standing += str_equal(fold(night, night->declarations[d].candidates[k].party_id),
                                      ballot->nominations.entries[i].party_id);
            }
            assert_int_equal(standing, ballot->nominations.entries[i].seats);
            sum += standing;
        }
        assert_int_equal(sum, night->declarations[d].candidates_count);
    }
}

static void papers_hold_the_votes_and_the_top_are_elected(void **state) {
    const Night *night = *state;
    for (size_t d = 0; d < WARDS; d++) {
        const Declaration *declaration = &night->declarations[d];
        int64_t sum = 0, elected = 0, last_in = INT64_MAX, first_out = -1;
        for (size_t i = 0; i < declaration->candidates_count; i++) {
            const Candidate *candidate = &declaration->candidates[i];
            sum += candidate->votes;
            elected += candidate->elected;
            int64_t *edge = candidate->elected ? &last_in : &first_out;
            bool moves = candidate->elected ? candidate->votes < last_in : candidate->votes > first_out;
            *edge = moves ? candidate->votes : *edge;
        }
        assert_true(sum <= declaration->seats * declaration->ballot_papers);
        assert_true(declaration->ballot_papers <= declaration->electorate);
        assert_int_equal(elected, declaration->seats);
        assert_true(last_in > first_out);
    }
}

static void labour_wins_33_conservatives_22_independents_4(void **state) {
    const Night *night = *state;
    int64_t held, reach;
    count_seats(night, WARDS, STR_LIT("PP53"), &held, &reach);
    assert_int_equal(held, 33);
    count_seats(night, WARDS, STR_LIT("PP52"), &held, &reach);
    assert_int_equal(held, 22);
    count_seats(night, WARDS, STR_LIT("ynmp-party:2"), &held, &reach);
    assert_int_equal(held, 4);
}

static void without_folding_labour_has_no_seat(void **state) {
    const Night *night = *state;
    for (size_t d = 0; d < WARDS; d++) {
        for (size_t i = 0; i < night->declarations[d].candidates_count; i++) {
            const Candidate *candidate = &night->declarations[d].candidates[i];
            assert_false(candidate->elected && str_equal_text(candidate->party_id, "PP53"));
        }
    }
}

static void the_loss_is_certain_with_strood_west(void **state) {
    const Night *night = *state;
    int64_t held, reach;
    count_seats(night, 20, STR_LIT("PP52"), &held, &reach);
    assert_true(reach >= THRESHOLD);
    count_seats(night, 21, STR_LIT("PP52"), &held, &reach);
    assert_true(reach < THRESHOLD);
    assert_true(str_equal_text(night->declarations[20].ward_name, "Strood West"));
}

static void the_gain_is_certain_with_watling(void **state) {
    const Night *night = *state;
    int64_t held, reach;
    count_seats(night, 22, STR_LIT("PP53"), &held, &reach);
    assert_true(held < THRESHOLD);
    count_seats(night, 23, STR_LIT("PP53"), &held, &reach);
    assert_int_equal(held, 31);
    assert_true(str_equal_text(night->declarations[22].ward_name, "Watling"));
}

static void gillingham_south_has_a_tie_below_the_cut(void **state) {
    const Night *night = *state;
    const Declaration *declaration = &night->declarations[6];
    assert_true(str_equal_text(declaration->ward_name, "Gillingham South"));
    size_t tied = 0;
    for (size_t i = 0; i < declaration->candidates_count; i++) {
        tied += declaration->candidates[i].votes == 373 && !declaration->candidates[i].elected;
    }
    assert_int_equal(tied, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_data_is_sound),
        cmocka_unit_test(wards_are_declared_in_the_order_of_the_reference_data),
        cmocka_unit_test(nominations_are_the_candidates_counted),
        cmocka_unit_test(papers_hold_the_votes_and_the_top_are_elected),
        cmocka_unit_test(labour_wins_33_conservatives_22_independents_4),
        cmocka_unit_test(without_folding_labour_has_no_seat),
        cmocka_unit_test(the_loss_is_certain_with_strood_west),
        cmocka_unit_test(the_gain_is_certain_with_watling),
        cmocka_unit_test(gillingham_south_has_a_tie_below_the_cut),
    };
    return cmocka_run_group_tests_name("medway", tests, set_up, tear_down);
}
