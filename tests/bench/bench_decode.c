// How long one declaration takes to decode: `bench_decode [seconds]`. Not run by ctest.
#include "common/base/arena.h"
#include "services/validator/decode.h"
#include "services/validator/encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CANDIDATES = 7, BATCH = 100 };

// As the Medway night's declarations are: seven candidates, about 600 bytes.
static Record medway_declaration(Candidate *candidates) {
    const Candidate some[CANDIDATES] = {
        {STR_LIT("9101"), STR_LIT("Alexander Hyne"), STR_LIT("joint-party:53-119"),
         STR_LIT("Labour and Co-operative Party"), 812, true, false},
        {STR_LIT("9102"), STR_LIT("Jessica Barrett"), STR_LIT("PP52"), STR_LIT("Local Conservatives"), 640, false,
         false},
        {STR_LIT("9103"), STR_LIT("Michael Oduya"), STR_LIT("PP63"), STR_LIT("Green Party"), 177, false, false},
        {STR_LIT("9104"), STR_LIT("Susan Whitfield"), STR_LIT("PP90"), STR_LIT("Liberal Democrats"), 120, false, false},
        {STR_LIT("9105"), STR_LIT("Peter Lindqvist"), STR_LIT("ynmp-party:2"), STR_NONE, 91, false, false},
        {STR_LIT("9106"), STR_LIT("Roisin O'Malley"), STR_LIT("PP7931"), STR_LIT("Reform UK"), 66, false, false},
        {STR_LIT("9107"), STR_LIT("Chris Dunmore"), STR_LIT("PP804"), STR_LIT("Trade Unionist and Socialist Coalition"),
         23, false, false},
    };
    memcpy(candidates, some, sizeof some);
    return (Record){.type = RECORD_DECLARATION,
                    .declaration = {.event_id = STR_LIT("0f1c5a52-3b0e-5c1c-9b59-2f4a6f8f6f10"),
                                    .election_id = STR_LIT("local.medway.2023-05-04"),
                                    .ballot_paper_id = STR_LIT("local.medway.chatham-central-brompton.2023-05-04"),
                                    .council_id = STR_LIT("E06000035"),
                                    .ward_name = STR_LIT("Chatham Central & Brompton"),
                                    .kind = KIND_DECLARED,
                                    .revision = 1,
                                    .basis = BASIS_DECLARATION,
                                    .declared_at_ms = 1683252000000,
                                    .reported_at_ms = 1683252060000,
                                    .source = STR_LIT("press-association"),
                                    .seats = 1,
                                    .electorate = 6871,
                                    .ballot_papers = 1940,
                                    .rejected_papers = 11,
                                    .candidates = candidates,
                                    .candidates_count = CANDIDATES}};
}

// Of this process alone, so that a busy machine does not blur the figure.
static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
    Candidate candidates[CANDIDATES];
    Record record = medway_declaration(candidates);
    Buf payload = {0};
    encode_record(&record, &payload);
    SchemaStore *store = schema_store_new();
    Arena arena = {0};

    uint64_t decoded = 0, failed = 0;
    double start = cpu_seconds(), took = 0;
    while ((took = cpu_seconds() - start) < seconds) {
        for (int i = 0; i < BATCH; i++) {
            Decoded out;
            int32_t wanted;
            failed += decode_payload(store, buf_str(&payload), &arena, &out, &wanted) != DECODE_OK;
        }
        decoded += BATCH;
        arena_reset(&arena);
    }
    printf("%zu bytes, %d candidates: %.3f us a declaration (%" PRIu64 " decoded, %" PRIu64 " failed)\n", payload.len,
           CANDIDATES, took * 1e6 / (double)decoded, decoded, failed);

    arena_free(&arena);
    schema_store_free(store);
    buf_free(&payload);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
