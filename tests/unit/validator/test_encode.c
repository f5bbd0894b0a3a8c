#include "services/validator/encode.h"

#include "services/validator/decode.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct Fixture {
    SchemaStore *store;
    Arena arena;
    Buf payload, again;
} Fixture;

static int set_up(void **state) {
    static Fixture fixture;
    fixture = (Fixture){.store = schema_store_new()};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    schema_store_free(f->store);
    arena_free(&f->arena);
    buf_free(&f->payload);
    buf_free(&f->again);
    return 0;
}

// Encodes, decodes, and sees to it that encoding the result gives the same bytes.
static Record round_trip(Fixture *f, const Record *record) {
    Decoded out;
    int32_t wanted;
    encode_record(record, &f->payload);
    assert_int_equal(decode_payload(f->store, buf_str(&f->payload), &f->arena, &out, &wanted), DECODE_OK);
    assert_int_equal(out.record.type, record->type);
    encode_record(&out.record, &f->again);
    assert_int_equal(f->again.len, f->payload.len);
    assert_memory_equal(f->again.ptr, f->payload.ptr, f->payload.len);
    return out.record;
}

static void a_declaration_keeps_every_field(void **state) {
    Candidate candidates[] = {
        {STR_LIT("1"), STR_LIT("Ann"), STR_LIT("PP1"), STR_LIT("One"), 10, true, true},
        {STR_LIT("2"), STR_LIT("Bo\xc3\xab"), STR_LIT("PP2"), STR_NONE, COUNT_UNKNOWN, false, false},
    };
    Record record = {.type = RECORD_DECLARATION,
                     .declaration = {.event_id = STR_LIT("e"),
                                     .election_id = STR_LIT("el"),
                                     .ballot_paper_id = STR_LIT("b"),
                                     .council_id = STR_LIT("c"),
                                     .ward_name = STR_LIT("w"),
                                     .kind = KIND_POSTPONED,
                                     .revision = 7,
                                     .basis = BASIS_COURT_ORDER,
                                     .declared_at_ms = 253402300799999,
                                     .reported_at_ms = -1,
                                     .source = STR_LIT("s"),
                                     .source_url = STR_LIT(""),
                                     .is_test = true,
                                     .seats = 3,
                                     .uncontested = true,
                                     .electorate = 0,
                                     .ballot_papers = INT32_MAX,
                                     .rejected_papers = COUNT_UNKNOWN,
                                     .candidates = candidates,
                                     .candidates_count = 2,
                                     .note = STR_LIT("n")}};
    Record got = round_trip(*state, &record);
    const Declaration *d = &got.declaration;
    assert_int_equal(d->kind, KIND_POSTPONED);
    assert_int_equal(d->basis, BASIS_COURT_ORDER);
    assert_true(d->declared_at_ms == 253402300799999 && d->reported_at_ms == -1);
    assert_false(str_is_none(d->source_url));
    assert_int_equal(d->source_url.len, 0);
    assert_true(d->is_test && d->uncontested);
    assert_true(d->electorate == 0 && d->ballot_papers == INT32_MAX && d->rejected_papers == COUNT_UNKNOWN);
    assert_int_equal(d->candidates_count, 2);
    assert_true(d->candidates[0].elected && d->candidates[0].elected_by_lot);
    assert_true(str_equal_text(d->candidates[1].name, "Bo\xc3\xab"));
    assert_true(str_is_none(d->candidates[1].description));
    assert_true(d->candidates[1].votes == COUNT_UNKNOWN);
    assert_true(str_equal_text(d->note, "n"));
}

static void an_action_keeps_every_field(void **state) {
    Record record = {.type = RECORD_ACTION,
                     .action = {.action = ACTION_APPROVE_CALL,
                                .topic = STR_LIT("ward-declarations"),
                                .partition = 5,
                                .kafka_offset = INT64_MAX,
                                .by = STR_LIT("ed"),
                                .note = STR_LIT("checked"),
                                .acted_at_ms = 1683252000000}};
    Record got = round_trip(*state, &record);
    assert_int_equal(got.action.action, ACTION_APPROVE_CALL);
    assert_int_equal(got.action.partition, 5);
    assert_true(got.action.kafka_offset == INT64_MAX);
    assert_true(str_equal_text(got.action.note, "checked"));
}

static void a_reference_keeps_what_is_known_and_what_is_not(void **state) {
    PartySeats baseline[] = {{STR_LIT("PP52"), 33}, {STR_LIT("PP53"), 20}};
    PartySeats nominations[] = {{STR_LIT("PP52"), 1}};
    PartyBloc blocs[] = {{STR_LIT("ynmp-party:2"), false}};
    ControlPeriod history[] = {{STR_LIT("1998-04-01"), STR_NONE, STR_NONE},
                               {STR_LIT("2003-05-01"), STR_LIT("PP52"), STR_LIT("election")}};
    PreviousControl previous = {STR_LIT("PP52"), 33, COUNT_UNKNOWN, STR_LIT("last_election")};
    SeatBaseline seat_baseline = {STR_LIT("last_election"), {baseline, 2}};
    ReferenceBallot ballots[] = {
        {.ballot_paper_id = STR_LIT("b"), .seats = 2, .electorate = COUNT_UNKNOWN, .nominations = {nominations, 1}},
        {.ballot_paper_id = STR_LIT("c"), .seats = 1, .electorate = 9, .defending = {nominations, 0}}};
    Str folds[] = {STR_LIT("joint-party:53-119"), STR_LIT("x")};
    Party parties[] = {{.party_id = STR_LIT("PP53"),
                        .name = STR_LIT("Labour"),
                        .short_name = STR_LIT("LAB"),
                        .folds = folds,
                        .folds_count = 2,
                        .bloc = TRILEAN_TRUE}};
    Record record = {.type = RECORD_REFERENCE,
                     .reference = {.council_id = STR_LIT("E06000035"),
                                   .name = STR_LIT("Medway"),
                                   .election_id = STR_LIT("local.medway.2023-05-04"),
                                   .seats_total = 59,
                                   .boundary_changes = TRILEAN_FALSE,
                                   .new_council = true,
                                   .previous_control = &previous,
                                   .control_history = history,
                                   .control_history_count = 2,
                                   .seat_baseline = &seat_baseline,
                                   .blocs = blocs,
                                   .blocs_count = 1,
                                   .expected_at_ms = COUNT_UNKNOWN,
                                   .ballots = ballots,
                                   .ballots_count = 2,
                                   .parties = parties,
                                   .parties_count = 1,
                                   .by = STR_LIT("desk"),
                                   .loaded_at_ms = 1}};
    Record got = round_trip(*state, &record);
    const CouncilReference *r = &got.reference;
    assert_true(str_is_none(r->region));
    assert_int_equal(r->boundary_changes, TRILEAN_FALSE);
    assert_int_equal(r->previous_control->seats, 33);
    assert_true(r->previous_control->seats_total == COUNT_UNKNOWN);
    assert_true(str_equal_text(r->control_history[1].reason, "election"));
    assert_int_equal(r->seat_baseline->seats.count, 2);
    assert_int_equal(r->blocs_count, 1);
    assert_false(r->blocs[0].bloc);
    assert_non_null(r->continuing.entries);
    assert_int_equal(r->continuing.count, 0);
    assert_true(r->expected_at_ms == COUNT_UNKNOWN);
    assert_null(r->ballots[0].defending.entries);
    assert_non_null(r->ballots[1].defending.entries);
    assert_int_equal(r->ballots[0].nominations.entries[0].seats, 1);
    assert_true(str_equal_text(r->parties[0].folds[0], "joint-party:53-119"));
    assert_int_equal(r->parties[0].bloc, TRILEAN_TRUE);
}

static void a_struct_is_encoded_by_its_schemas_name(void **state) {
    Fixture *f = *state;
    Record record = {.type = RECORD_ACTION,
                     .action = {.topic = STR_LIT("t"), .by = STR_LIT("b"), .note = STR_LIT("n")}};
    encode_record(&record, &f->payload);
    encode_struct(STR_LIT("declared.OperatorAction"), &record.action, &f->again);
    assert_int_equal(f->again.len, f->payload.len);
    assert_memory_equal(f->again.ptr, f->payload.ptr, f->payload.len);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_declaration_keeps_every_field),
        TEST(an_action_keeps_every_field),
        TEST(a_reference_keeps_what_is_known_and_what_is_not),
        TEST(a_struct_is_encoded_by_its_schemas_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
