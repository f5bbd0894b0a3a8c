#include "services/cli/declaration_json.h"

#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct Fixture {
    Arena arena;
    Str error;
    DeclarationLine line;
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

#define HEAD                                                                                                           \
    "\"election_id\": \"local.medway.2023-05-04\", \"ballot_paper_id\": \"local.medway.watling.2023-05-04\", "         \
    "\"council_id\": \"E06000035\", \"ward_name\": \"Watling\", "
#define TIMES "\"declared_at\": \"2023-05-05T02:12:03+01:00\", \"reported_at\": 1683249200000, "
#define REST "\"revision\": 1, \"basis\": \"DECLARATION\", \"source\": \"pa\", \"seats\": 3, "
#define KIND "\"kind\": \"DECLARED\", "
#define WINNER "{\"candidate_id\": \"c1\", \"name\": \"Ann\", \"party_id\": \"PP53\", \"elected\": true}"

static const Declaration *parse(Fixture *fixture, const char *text) {
    bool good = declaration_json_parse(str_from(text), &fixture->arena, &fixture->line, &fixture->error);
    return good ? &fixture->line.declaration : NULL;
}

static void assert_refused(Fixture *fixture, const char *text, const char *error) {
    assert_null(parse(fixture, text));
    assert_string_equal(fixture->error.ptr, error);
}

static void defaulted_fields_may_be_left_out(void **state) {
    const Declaration *d = parse(*state, "{" HEAD TIMES REST KIND "\"candidates\": [" WINNER "]}");
    assert_non_null(d);
    assert_true(str_equal_text(d->ward_name, "Watling"));
    assert_int_equal(d->kind, KIND_DECLARED);
    assert_int_equal(d->declared_at_ms, 1683249123000);
    assert_int_equal(d->reported_at_ms, 1683249200000);
    assert_int_equal(d->electorate, COUNT_UNKNOWN);
    assert_int_equal(d->seats, 3);
    assert_false(d->is_test || d->uncontested);
    assert_true(str_is_none(d->note) && str_is_none(d->source_url));
    assert_int_equal(d->candidates_count, 1);
    assert_true(d->candidates[0].elected && !d->candidates[0].elected_by_lot);
    assert_int_equal(d->candidates[0].votes, COUNT_UNKNOWN);
}

static void every_field_is_read(void **state) {
    const Declaration *d =
        parse(*state,
              "{" HEAD TIMES "\"event_id\": \"0b5fb0c5-7a2c-4b3e-9d4e-0a8f4a3f2b11\", \"kind\": \"CORRECTED\", "
              "\"revision\": -2, \"basis\": \"COURT_ORDER\", \"source\": \"\", \"source_url\": \"http://x\", "
              "\"is_test\": true, \"seats\": 0, \"uncontested\": true, \"electorate\": 10149, \"ballot_papers\": 3304, "
              "\"rejected_papers\": null, \"note\": \"n\\u0000te\", \"candidates\": [{\"candidate_id\": \"c\", "
              "\"name\": \"B\", \"party_id\": \"PP52\", \"description\": \"Local Conservatives\", \"votes\": 1136, "
              "\"elected\": false, \"elected_by_lot\": true}]}");
    assert_non_null(d);
    assert_true(str_equal_text(d->event_id, "0b5fb0c5-7a2c-4b3e-9d4e-0a8f4a3f2b11"));
    assert_int_equal(d->kind, KIND_CORRECTED);
    assert_int_equal(d->revision, -2);
    assert_int_equal(d->basis, BASIS_COURT_ORDER);
    assert_true(d->is_test && d->uncontested);
    assert_int_equal(d->electorate, 10149);
    assert_int_equal(d->ballot_papers, 3304);
    assert_int_equal(d->rejected_papers, COUNT_UNKNOWN);
    assert_int_equal(d->note.len, 4);
    assert_true(str_equal_text(d->candidates[0].description, "Local Conservatives"));
    assert_int_equal(d->candidates[0].votes, 1136);
}

static void what_avro_cannot_carry_is_refused(void **state) {
#define LINE(rest) "{" HEAD TIMES REST rest "}"
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "column 0: '[' or '{' expected near end of file"},
        {"[]", "wants an object"},
        {"{}", "election_id: is missing"},
        {LINE(KIND "\"candidates\": 1"), "candidates: wants an array"},
        {LINE(KIND "\"candidates\": [1]"), "candidates[0].wants an object"},
        {LINE(KIND "\"candidates\": [], \"vote\": 1"), "vote: no such field"},
        {LINE(KIND "\"candidates\": [], \"vo\\nte\\u001b[2J\": 1"), "vo\\nte\\x1b[2J: no such field"},
        {LINE(KIND "\"candidates\": [" WINNER ", {}]"), "candidates[1].candidate_id: is missing"},
        {LINE("\"kind\": \"declared\", \"candidates\": []"),
         "kind: wants one of DECLARED, CORRECTED, WITHDRAWN, POSTPONED"},
        {LINE("\"kind\": null, \"candidates\": []"), "kind: is null and must be filled in"},
        {LINE(KIND "\"candidates\": [], \"is_test\": null"), "is_test: is null and must be filled in"},
        {LINE(KIND "\"candidates\": [], \"is_test\": \"no\""), "is_test: wants true or false"},
        {LINE(KIND "\"candidates\": [], \"electorate\": 2147483648"), "electorate: is outside a 32-bit integer"},
        {LINE(KIND "\"candidates\": [], \"electorate\": -2147483649"), "electorate: is outside a 32-bit integer"},
        {LINE(KIND "\"candidates\": [], \"electorate\": 1.0"), "electorate: wants a whole number"},
        {LINE(KIND "\"candidates\": [], \"electorate\": \"1\""), "electorate: wants a whole number"},
        {LINE(KIND "\"candidates\": [], \"note\": 1"), "note: wants a string"},
        {"{" HEAD REST KIND "\"candidates\": [], \"reported_at\": 0, \"declared_at\": \"4 May\"}",
         "declared_at: wants an RFC 3339 time or milliseconds"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused(*state, cases[i].text, cases[i].error);
    }
}

static void broken_json_is_refused(void **state) {
    static const char *const bad[] = {
        "{",
        "{\"key\": }",
        "{\"key\": \"a\", \"key\": \"b\"}",
        "{\"key\": \"\xff\"}",
        "{\"seats\": 99999999999999999999}",
        "{\"key\": \"a\"} {",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(parse(*state, bad[i]));
    }
}

static Str event_id_of(Fixture *fixture, const char *text) {
    assert_non_null(parse(fixture, text));
    return fixture->line.declaration.event_id;
}

static void a_missing_event_id_is_made_from_all_fields(void **state) {
    Str one = event_id_of(*state, "{" HEAD TIMES REST KIND "\"candidates\": [" WINNER "]}");
    Str again = event_id_of(*state, "{" KIND REST TIMES HEAD " \"candidates\" :[" WINNER "] }");
    Str other = event_id_of(*state, "{" HEAD TIMES REST KIND "\"note\": \"\", \"candidates\": [" WINNER "]}");
    assert_true(str_equal(one, again));
    assert_false(str_equal(one, other));
    assert_int_equal(one.len, 36);
    assert_int_equal(one.ptr[14], '5');
    // Pinned: another value would turn every resend of an old line into news.
    assert_string_equal(one.ptr, "7161ad29-7ca0-522a-b1da-1f2fa54b9586");
}

static void raw_lines_are_taken_as_they_are(void **state) {
    Fixture *fixture = *state;
    assert_non_null(parse(fixture, "{\"key\": \"E06000035\", \"value_base64\": \"AAAAAAE=\"}"));
    assert_true(fixture->line.raw);
    assert_true(str_equal_text(fixture->line.key, "E06000035"));
    assert_true(str_equal(fixture->line.value, (Str){"\0\0\0\0\1", 5}));
    assert_non_null(parse(fixture, "{\"value_base64\": \"w4H/\"}"));
    assert_true(str_is_none(fixture->line.key));
    assert_true(str_equal(fixture->line.value, STR_LIT("\xc3\x81\xff")));
    assert_non_null(parse(fixture, "{\"key\": null, \"value_base64\": \"\"}"));
    assert_true(str_equal(fixture->line.value, STR_LIT("")));
    assert_non_null(parse(fixture, "{\"key\": \"k\", \"value_base64\": null}"));
    assert_true(fixture->line.raw && str_is_none(fixture->line.value));
}

static void bad_base64_is_refused(void **state) {
    static const char *const bad[] = {
        "A", "AA", "AAA", "AAAA=", "====", "A===", "AA=A", "AA A", " AAA", "AA-_", "AAA\n", "\xc3\xa9=="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        _cleanup_buf_ Buf text = {0};
        buf_add_str(&text, STR_LIT("{\"value_base64\": "));
        buf_add_json_string(&text, str_from(bad[i]));
        buf_add(&text, "}", 2);
        assert_refused(*state, text.ptr, "value_base64: is not base64");
    }
    assert_refused(*state, "{\"value_base64\": \"\", \"topic\": \"x\"}", "topic: no such field");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(defaulted_fields_may_be_left_out),
        TEST(every_field_is_read),
        TEST(what_avro_cannot_carry_is_refused),
        TEST(broken_json_is_refused),
        TEST(a_missing_event_id_is_made_from_all_fields),
        TEST(raw_lines_are_taken_as_they_are),
        TEST(bad_base64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
