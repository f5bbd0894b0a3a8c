#include "services/cli/declaration_json.h"
#include "services/cli/night.h"
#include "services/cli/reference_json.h"
#include "services/validator/reference_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const NightOptions all_shares = {
    .seed = 7,
    .councils = 12,
    .declarations = 2000,
    .shares = {.corrections = 0.1,
               .duplicates = 0.05,
               .withdrawals = 0.02,
               .postponements = 0.01,
               .conflicts = 0.03,
               .garbage = 0.04},
    .is_test = true,
    .poll_date = {2026, 5, 7},
};

// Of that night: a change means that every stored seed gives another night, so change it knowingly.
#define DIGEST UINT64_C(0x76aa93fb4612c49c)

static Night *make(const NightOptions *options) {
    const char *error = NULL;
    Night *night = night_new(options, &error);
    if (night == NULL) {
        print_error("%s\n", error);
    }
    assert_non_null(night);
    return night;
}

static void write_all(const Night *night, Buf *out) {
    night_write_reference(night, out);
    for (size_t i = 0; i < night->lines_count; i++) {
        night_write_line(night, &night->lines[i], out);
    }
}

// FNV-1a of the whole night.
static uint64_t digest(const NightOptions *options) {
    Night *night = make(options);
    Buf out = {0};
    write_all(night, &out);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < out.len; i++) {
        hash = (hash ^ (unsigned char)out.ptr[i]) * UINT64_C(0x100000001b3);
    }
    buf_free(&out);
    night_free(night);
    return hash;
}

static void the_same_seed_is_the_same_night_everywhere(void **state) {
    (void)state;
    uint64_t first = digest(&all_shares);
    if (first != DIGEST) {
        print_error("the night's digest is now 0x%016llx\n", (unsigned long long)first);
    }
    assert_true(first == DIGEST && first == digest(&all_shares));
    NightOptions other = all_shares;
    other.seed = 8;
    assert_true(first != digest(&other));
}

static void lines_are_as_many_as_asked_and_shared_as_asked(void **state) {
    (void)state;
    Night *night = make(&all_shares);
    size_t kinds[NIGHT_GARBAGE + 1] = {0};
    size_t others = 0;
    for (size_t i = 0; i < night->lines_count; i++) {
        kinds[night->lines[i].kind]++;
        others += night->lines[i].other;
        assert_true(i == 0 || night->lines[i].sent_s >= night->lines[i - 1].sent_s);
    }
    assert_int_equal(night->lines_count, 2000);
    assert_int_equal(kinds[NIGHT_GARBAGE], 80);
    assert_int_equal(others, 60);
    assert_true(kinds[NIGHT_WITHDRAWN] >= 40 && kinds[NIGHT_POSTPONED] >= 20); // and repeats of them
    night_free(night);
}

static void more_lines_than_ballots_become_corrections(void **state) {
    (void)state;
    NightOptions options = {.seed = 1, .councils = 2, .declarations = 1000, .poll_date = {2026, 5, 7}};
    Night *night = make(&options);
    size_t corrections = 0;
    for (size_t i = 0; i < night->lines_count; i++) {
        corrections += night->lines[i].kind == NIGHT_CORRECTED;
    }
    assert_int_equal(night->wards_count, 240);
    assert_int_equal(corrections, 760);
    night_free(night);
}

static void the_reference_data_is_sound(void **state) {
    (void)state;
    Night *night = make(&all_shares);
    Arena arena = {0};
    Buf text = {0};
    ReferenceFile file;
    Str error = STR_NONE;
    night_write_reference(night, &text);
    bool good = reference_json_parse(buf_str(&text), STR_LIT("test"), 0, &arena, &file, &error);
    for (size_t i = 0; good && i < file.councils_count; i++) {
        good = reference_check(&file.councils[i], &arena, &error);
    }
    if (!good) {
        print_error(STR_FMT "\n", STR_ARG(error));
    }
    buf_free(&text);
    arena_free(&arena);
    night_free(night);
    assert_true(good);
}

static bool keeps_the_rules(const Declaration *d) {
    int64_t sum = 0, elected = 0, last_in = INT64_MAX, first_out = -1;
    bool lot = false;
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *candidate = &d->candidates[i];
        elected += candidate->elected;
        lot = lot || candidate->elected_by_lot;
        if (candidate->votes == COUNT_UNKNOWN) {
            continue;
        }
        sum += candidate->votes;
        if (candidate->elected) {
            last_in = candidate->votes < last_in ? candidate->votes : last_in;
        } else {
            first_out = candidate->votes > first_out ? candidate->votes : first_out;
        }
        if (candidate->votes > d->ballot_papers - d->rejected_papers) {
            return false;
        }
    }
    bool papers = d->uncontested || sum <= d->seats * (d->ballot_papers - d->rejected_papers);
    bool order = last_in > first_out || (last_in == first_out && lot);
    return elected == d->seats && papers && order && d->is_test &&
           d->declared_at_ms > civil_close_of_poll_ms(all_shares.poll_date);
}

static void declarations_can_be_published_and_keep_the_rules(void **state) {
    (void)state;
    Night *night = make(&all_shares);
    Arena arena = {0};
    Buf text = {0};
    const char *problem = NULL;
    for (size_t i = 0; i < night->lines_count && problem == NULL; i++) {
        DeclarationLine line;
        Str error = STR_NONE;
        buf_clear(&text);
        arena_reset(&arena);
        night_write_line(night, &night->lines[i], &text);
        bool result = night->lines[i].kind == NIGHT_DECLARED || night->lines[i].kind == NIGHT_CORRECTED;
        if (!declaration_json_parse(buf_str(&text), &arena, &line, &error)) {
            problem = "cannot be published";
        } else if (line.raw != (night->lines[i].kind == NIGHT_GARBAGE) ||
                   (result && !keeps_the_rules(&line.declaration))) {
            problem = "breaks a rule";
        }
    }
    if (problem != NULL) {
        print_error("%s: " STR_FMT "\n", problem, STR_ARG(buf_str(&text)));
    }
    buf_free(&text);
    arena_free(&arena);
    night_free(night);
    assert_null(problem);
}

static void assert_refused(NightOptions options) {
    const char *error = NULL;
    assert_null(night_new(&options, &error));
    assert_non_null(error);
}

static void impossible_nights_are_refused(void **state) {
    (void)state;
    NightOptions options = all_shares;
    options.councils = 0;
    assert_refused(options);
    options = all_shares;
    options.declarations = -1;
    assert_refused(options);
    options = all_shares;
    options.shares.garbage = 0.9;
    assert_refused(options);
    options = (NightOptions){.councils = 1, .declarations = 100, .shares = {.postponements = 0.4, .corrections = 0.6}};
    assert_refused(options);
}

static void an_empty_night_is_a_night(void **state) {
    (void)state;
    NightOptions options = {.councils = 3, .poll_date = {2026, 5, 7}};
    Night *night = make(&options);
    assert_int_equal(night->lines_count, 0);
    assert_int_equal(night->wards_count, 3);
    night_free(night);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_is_the_same_night_everywhere),
        cmocka_unit_test(lines_are_as_many_as_asked_and_shared_as_asked),
        cmocka_unit_test(more_lines_than_ballots_become_corrections),
        cmocka_unit_test(the_reference_data_is_sound),
        cmocka_unit_test(declarations_can_be_published_and_keep_the_rules),
        cmocka_unit_test(impossible_nights_are_refused),
        cmocka_unit_test(an_empty_night_is_a_night),
    };
    return cmocka_run_group_tests_name("night", tests, NULL, NULL);
}
