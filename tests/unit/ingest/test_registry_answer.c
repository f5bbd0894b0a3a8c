// What counts as an answer of a schema registry.
#include "services/ingest/registry_answer.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct Case {
    long http_status;
    const char *body;
    RegistryStatus status;
    const char *text; // a part of it
} Case;

static int set_up(void **state) {
    *state = mem_alloc(1, sizeof(Arena));
    return 0;
}

static int tear_down(void **state) {
    arena_free(*state);
    mem_free(*state);
    return 0;
}

static void check(Arena *arena, const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        Str text = STR_NONE;
        RegistryStatus status =
            registry_read_answer(7, cases[i].http_status, str_from(cases[i].body), false, arena, &text);
        if (status != cases[i].status || str_is_none(text) || strstr(text.ptr, cases[i].text) == NULL) {
            fail_msg("HTTP %ld, %s: %d, " STR_FMT, cases[i].http_status, cases[i].body, (int)status, STR_ARG(text));
        }
    }
}

#define CHECK(state, cases) check(*(state), cases, sizeof(cases) / sizeof *(cases))

static void a_schema_is_taken_out_of_its_wrapping(void **state) {
    static const Case cases[] = {
        {200, "{\"schema\":\"\\\"string\\\"\"}", REGISTRY_SCHEMA, "\"string\""},
        {200, " \r\n{\"schemaType\":\"AVRO\",\"schema\":\"{}\",\"references\":[]}", REGISTRY_SCHEMA, "{}"},
        {200, "{\"schema\":\"x\",\"subject\":\"s\",\"version\":3,\"id\":8,\"other\":{}}", REGISTRY_SCHEMA, "x"},
    };
    CHECK(state, cases);
}

static void a_404_is_believed_in_a_registrys_own_words(void **state) {
    static const Case cases[] = {
        {404, "{\"error_code\":40403,\"message\":\"Schema not found\"}", REGISTRY_UNKNOWN, "no schema of the id 7"},
        {404, "{\"error_code\":404}", REGISTRY_UNKNOWN, "no schema of the id 7"},
        {404, "", REGISTRY_NOT_FOUND, "404"},
        {404, "<html>not here</html>", REGISTRY_NOT_FOUND, "404"},
        {404, "{\"message\":\"no route\"}", REGISTRY_NOT_FOUND, "404"},
        {404, "[40403]", REGISTRY_NOT_FOUND, "404"},
    };
    CHECK(state, cases);
}

static void what_no_registry_says_is_no_answer(void **state) {
    static const Case cases[] = {
        {500, "{\"schema\":\"\\\"string\\\"\"}", REGISTRY_AWAY, "HTTP status 500"},
        {401, "", REGISTRY_AWAY, "HTTP status 401"},
        {301, "", REGISTRY_AWAY, "HTTP status 301"},
        {204, "", REGISTRY_AWAY, "HTTP status 204"},
        {0, "", REGISTRY_AWAY, "HTTP status 0"},
        {200, "", REGISTRY_AWAY, "no JSON object"},
        {200, "<html></html>", REGISTRY_AWAY, "no JSON object"},
        {200, "{\"schema\":\"\\\"str", REGISTRY_AWAY, "no JSON object"},
        {200, "{\"schema\":\"x\"} {}", REGISTRY_AWAY, "no JSON object"},
        {200, "\"x\"", REGISTRY_AWAY, "no JSON object"},
        {200, "[{\"schema\":\"x\"}]", REGISTRY_AWAY, "no JSON object"},
        {200, "{\"schema\":\"\xff\"}", REGISTRY_AWAY, "no JSON object"},
        {200, "{\"error\":\"x\"}", REGISTRY_AWAY, "without a schema"},
        {200, "{\"schema\":{\"type\":\"string\"}}", REGISTRY_AWAY, "without a schema"},
    };
    CHECK(state, cases);
}

static void what_we_cannot_use_is_refused(void **state) {
    static const Case cases[] = {
        {200, "{\"schemaType\":\"PROTOBUF\",\"schema\":\"message A {}\"}", REGISTRY_REFUSED, "PROTOBUF"},
        {200, "{\"schema\":\"x\",\"references\":[{\"name\":\"B\",\"subject\":\"b\",\"version\":1}]}", REGISTRY_REFUSED,
         "refers to other schemas"},
    };
    CHECK(state, cases);
}

// Its tree would be many times its size.
static void many_small_parts_are_refused_before_they_are_parsed(void **state) {
    _cleanup_buf_ Buf body = {0};
    Str text;
    buf_add_str(&body, STR_LIT("{\"schema\":\"x\",\"references\":[["));
    for (int i = 0; i < LIMIT_REGISTRY_ANSWER_MARKS; i++) {
        buf_add_str(&body, STR_LIT("],["));
    }
    buf_add_str(&body, STR_LIT("]]}"));
    assert_int_equal(registry_read_answer(7, 200, buf_str(&body), false, *state, &text), REGISTRY_REFUSED);
    body.ptr[0] = ' ';
    assert_int_equal(registry_read_answer(7, 200, buf_str(&body), false, *state, &text), REGISTRY_AWAY);
    assert_int_equal(registry_read_answer(7, 404, buf_str(&body), false, *state, &text), REGISTRY_NOT_FOUND);
}

static void what_was_cut_is_refused_if_it_began_as_an_answer(void **state) {
    Str text;
    assert_int_equal(registry_read_answer(7, 200, STR_LIT(" {\"schema\":\"x"), true, *state, &text), REGISTRY_REFUSED);
    assert_int_equal(registry_read_answer(7, 200, STR_LIT("<html>"), true, *state, &text), REGISTRY_AWAY);
    assert_int_equal(registry_read_answer(7, 500, STR_LIT("{\"schema\":\"x"), true, *state, &text), REGISTRY_AWAY);
}

static void a_nul_comes_through_for_the_schemas_parser_to_refuse(void **state) {
    Str text;
    assert_int_equal(registry_read_answer(7, 200, STR_LIT("{\"schema\":\"a\\u0000b\"}"), false, *state, &text),
                     REGISTRY_SCHEMA);
    assert_int_equal(text.len, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_schema_is_taken_out_of_its_wrapping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_404_is_believed_in_a_registrys_own_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_registry_says_is_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_we_cannot_use_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_small_parts_are_refused_before_they_are_parsed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_cut_is_refused_if_it_began_as_an_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_nul_comes_through_for_the_schemas_parser_to_refuse, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
