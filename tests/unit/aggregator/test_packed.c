// A declaration comes out of its packing as it went in, but for what its place says.
#include "services/aggregator/packed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static Arena arena;

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static void assert_same_text(Str a, Str b) {
    assert_int_equal(str_is_none(a), str_is_none(b));
    assert_true(str_is_none(a) || str_equal(a, b));
}

static void assert_comes_back(const Declaration *d) {
    const Declaration *e = declaration_unpack(declaration_pack(d, &arena), &arena);
    assert_true(str_is_none(e->election_id) && str_is_none(e->ballot_paper_id) && str_is_none(e->source));
    assert_same_text(e->event_id, d->event_id);
    assert_same_text(e->council_id, d->council_id);
    assert_same_text(e->ward_name, d->ward_name);
    assert_same_text(e->source_url, d->source_url);
    assert_same_text(e->note, d->note);
    const int64_t given[] = {d->kind, d->revision, d->basis, d->declared_at_ms, d->reported_at_ms, d->is_test,
                             d->uncontested, d->seats, d->electorate, d->ballot_papers, d->rejected_papers};
    const int64_t got[] = {e->kind, e->revision, e->basis, e->declared_at_ms, e->reported_at_ms, e->is_test,
                           e->uncontested, e->seats, e->electorate, e->ballot_papers, e->rejected_papers};
    assert_memory_equal(got, given, sizeof given);
    assert_int_equal(e->candidates_count, d->candidates_count);
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *c = &d->candidates[i], *f = &e->candidates[i];
        assert_same_text(f->candidate_id, c->candidate_id);
        assert_same_text(f->name, c->name);
        assert_same_text(f->party_id, c->party_id);
        assert_same_text(f->description, c->description);
        assert_int_equal(f->votes, c->votes);
        assert_int_equal(f->elected, c->elected);
        assert_int_equal(f->elected_by_lot, c->elected_by_lot);
    }
}

static void a_declaration_comes_back(void **state) {
    (void)state;
    Candidate candidates[] = {
        {STR_LIT("c1"), STR_LIT("Zo\xc3\xab Ward"), STR_LIT("PP53"), STR_LIT("Labour Party"), 1204, true, true},
        {STR_LIT("c2"), STR_LIT("Al"), STR_LIT("ynmp-party:2"), STR_NONE, COUNT_UNKNOWN, false, false},
    };
    const Declaration d = {
        .event_id = STR_LIT("0f1c5a52-3b0e-5c1c-9b59-2f4a6f8f6f10"), .election_id = STR_LIT("local.medway.2023-05-04"),
        .ballot_paper_id = STR_LIT("local.medway.luton.2023-05-04"), .council_id = STR_LIT("E06000035"),
        .ward_name = STR_LIT("Luton"), .kind = KIND_CORRECTED, .revision = 2, .basis = BASIS_COURT_ORDER,
        .declared_at_ms = 1683252000123, .reported_at_ms = 1683252060456, .source = STR_LIT("pa"),
        .source_url = STR_LIT(""), .is_test = true, .uncontested = true, .seats = 3, .electorate = 9876,
        .ballot_papers = 0, .rejected_papers = COUNT_UNKNOWN, .candidates = candidates, .candidates_count = 2,
        .note = STR_LIT("recount"),
    };
    assert_comes_back(&d);
}

static void nothing_and_the_extremes_come_back(void **state) {
    (void)state;
    assert_comes_back(&(Declaration){0});
    static const int64_t extremes[] = {0,         1,         -1,        62,        63,        64,           -64,
                                       -65,       INT32_MAX, INT32_MIN, INT64_MAX - 1, INT64_MIN + 1, COUNT_UNKNOWN};
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
        assert_comes_back(&(Declaration){.seats = extremes[i], .electorate = extremes[i], .declared_at_ms = extremes[i]});
    }
}

// ---- at random -------------------------------------------------------------------------------------------

static Str any_text(unsigned *seed) {
    static const int lengths[] = {0, 1, 12, 126, 127, 128, 300, 20000};
    if (rand_r(seed) % 4 == 0) {
        return STR_NONE;
    }
    size_t length = (size_t)lengths[rand_r(seed) % 8];
    char *text = arena_alloc(&arena, length + 1, 1);
    for (size_t i = 0; i < length; i++) {
        text[i] = (char)rand_r(seed);
    }
    return (Str){text, length};
}

static int64_t any_count(unsigned *seed) {
    int64_t any = ((int64_t)rand_r(seed) << 31 ^ rand_r(seed)) >> rand_r(seed) % 60;
    return rand_r(seed) % 8 == 0 ? COUNT_UNKNOWN : rand_r(seed) % 2 == 0 ? any : -any;
}

static Candidate any_candidate(unsigned *seed) {
    return (Candidate){any_text(seed), any_text(seed),          any_text(seed),         any_text(seed),
                       any_count(seed), rand_r(seed) % 2 == 0, rand_r(seed) % 2 == 0};
}

static void any_declaration_comes_back(void **state) {
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    for (int n = 0; n < 200; n++) {
        Declaration d = {
            .event_id = any_text(&seed), .council_id = any_text(&seed), .ward_name = any_text(&seed),
            .kind = rand_r(&seed) % 4, .revision = (int32_t)any_count(&seed), .basis = rand_r(&seed) % 5,
            .declared_at_ms = any_count(&seed), .reported_at_ms = any_count(&seed), .source_url = any_text(&seed),
            .is_test = rand_r(&seed) % 2 == 0, .uncontested = rand_r(&seed) % 2 == 0, .seats = any_count(&seed),
            .electorate = any_count(&seed), .ballot_papers = any_count(&seed), .rejected_papers = any_count(&seed),
            .note = any_text(&seed), .candidates_count = (size_t)(rand_r(&seed) % 12),
        };
        d.candidates = arena_alloc(&arena, d.candidates_count, sizeof *d.candidates);
        for (size_t i = 0; i < d.candidates_count; i++) {
            d.candidates[i] = any_candidate(&seed);
        }
        assert_comes_back(&d);
        arena_reset(&arena);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_declaration_comes_back),
        TEST(nothing_and_the_extremes_come_back),
        TEST(any_declaration_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
