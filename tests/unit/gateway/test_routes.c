#include "services/gateway/routes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct Asked {
    Arena arena;
    Ask ask;
    Str problem;
} Asked;

static AskStatus ask(Asked *asked, const char *raw) {
    Target target;
    Str problem;
    arena_reset(&asked->arena);
    assert_int_equal(target_parse(raw, &asked->arena, &target, &problem), TARGET_OK);
    asked->problem = STR_NONE;
    AskStatus status = routes_ask(&target, &asked->arena, &asked->ask, &asked->problem);
    assert_int_equal(status == ASK_BAD, asked->problem.len > 0);
    return status;
}

static int set_up(void **state) {
    static Asked asked;
    *state = &asked;
    return 0;
}

static int tear_down(void **state) {
    arena_free(&((Asked *)*state)->arena);
    return 0;
}

static void paths_find_their_routes(void **state) {
    static const struct {
        const char *raw, *path, *schema, *value;
    } cases[] = {
        {"/v1/elections", "/elections", "api", NULL},
        {"/test/v1/elections", "/elections", "api_test", NULL},
        {"/v1/elections/local.medway.2023-05-04", "/elections/{election_id}", "api", "local.medway.2023-05-04"},
        {"/v1/elections/x/history", "/elections/{election_id}/history", "api", "x"},
        {"/v1/ballots/a%2Fb/audit", "/ballots/{ballot_paper_id}/audit", "api", "a/b"},
        {"/v1/councils/dc:medway", "/councils/{council_id}", "api", "dc:medway"},
        {"/test/v1/stream", "/stream", "api_test", NULL},
        {"/v1/openapi.json", "/openapi", "api", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Asked *asked = *state;
        assert_int_equal(ask(asked, cases[i].raw), ASK_OK);
        assert_string_equal(asked->ask.route->path, cases[i].path);
        assert_string_equal(asked->ask.schema, cases[i].schema);
        if (cases[i].value != NULL) {
            assert_string_equal(asked->ask.values[0], cases[i].value);
        }
    }
}

static void other_paths_are_unknown(void **state) {
    static const char *const raws[] = {
        "/",
        "/v1",
        "/v1/",
        "/v2/elections",
        "/elections",
        "/test/elections",
        "/test",
        "/test/v1",
        "/v1/elections/",
        "/v1/elections//history",
        "/v1/.json",
        "/test/test/v1/dates",
        "/V1/dates",
        "/v1/dates/1",
        "/v1/stream.csv",
        "/v1/openapi.xml",
        "/v1/elections/x/y",
        "/test/v1/",
    };
    for (size_t i = 0; i < sizeof raws / sizeof *raws; i++) {
        assert_int_equal(ask(*state, raws[i]), ASK_UNKNOWN);
    }
}

static void formats_are_suffixes_or_parameters(void **state) {
    static const struct {
        const char *raw;
        Format format;
        bool flat;
        int parties;
    } cases[] = {
        {"/v1/elections", FORMAT_JSON, false, 0},
        {"/v1/elections.json", FORMAT_JSON, false, 0},
        {"/v1/elections.csv?parties=40", FORMAT_CSV, false, 40},
        {"/v1/elections/local.x.2023-05-04.xml", FORMAT_XML, false, 0},
        {"/v1/elections?format=csv", FORMAT_CSV, false, 0},
        {"/v1/elections?flat=1&parties=3", FORMAT_JSON, true, 3},
        {"/v1/elections.json?flat=false", FORMAT_JSON, false, 0},
    };
    Asked *asked = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ask(asked, cases[i].raw), ASK_OK);
        assert_int_equal(asked->ask.format, cases[i].format);
        assert_int_equal(asked->ask.flat, cases[i].flat);
        assert_int_equal(asked->ask.parties, cases[i].parties);
    }
    assert_int_equal(ask(asked, "/v1/elections/local.x.2023-05-04.xml"), ASK_OK);
    assert_string_equal(asked->ask.values[0], "local.x.2023-05-04");
}

static void parameters_get_their_places(void **state) {
    Asked *asked = *state;
    assert_int_equal(ask(asked, "/v1/elections?status=final&region=South+East&date=2023-05-04&_=1&party=NOC"), ASK_OK);
    static const char *const wanted[] = {"2023-05-04", "South East", "NOC", "final"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        assert_string_equal(asked->ask.values[i], wanted[i]);
    }
    assert_null(asked->ask.values[4]);
    assert_int_equal(ask(asked, "/v1/ballots/x/audit?payload=1"), ASK_OK);
    assert_string_equal(asked->ask.values[1], "true");
}

static void a_plus_that_nobody_escaped_is_the_offsets(void **state) {
    Asked *asked = *state;
    assert_int_equal(ask(asked, "/v1/elections?at=2023-05-05T01:00:00+01:00"), ASK_OK);
    assert_string_equal(asked->ask.values[4], "2023-05-05T01:00:00+01:00");
    assert_int_equal(ask(asked, "/v1/elections?at=2023-05-05T01:00:00.123456Z"), ASK_OK);
    assert_string_equal(asked->ask.values[4], "2023-05-05T01:00:00.123456Z");
}

static void bad_values_are_refused(void **state) {
    static const char *const raws[] = {
        "/v1/elections?x=1",
        "/v1/elections?date=",
        "/v1/elections?date=2023-02-29",
        "/v1/elections?at=now",
        "/v1/elections?status=Final",
        "/v1/elections?status=final|called",
        "/v1/elections?status=",
        "/v1/elections?format=pdf",
        "/v1/elections?flat=yes",
        "/v1/elections?parties=0",
        "/v1/elections?parties=41",
        "/v1/elections?parties=-1",
        "/v1/elections?parties=",
        "/v1/elections?parties=99999999999",
        "/v1/elections.csv?format=csv",
        "/v1/elections?region=",
        "/v1/elections/x?election_id=y",
        "/v1/stream?format=csv",
        "/v1/totals?by=region",
        "/v1/dates?date=2023-05-04",
    };
    for (size_t i = 0; i < sizeof raws / sizeof *raws; i++) {
        assert_int_equal(ask(*state, raws[i]), ASK_BAD);
    }
}

static void a_query_is_for_its_schema_alone(void **state) {
    Asked *asked = *state;
    arena_reset(&asked->arena);
    Str sql = STR_LIT("SELECT 'api.x', tapi.y FROM api.lane JOIN (SELECT max(n) FROM api.event)");
    assert_string_equal(routes_sql(sql, "api_test", &asked->arena).ptr,
                        "SELECT 'api.x', tapi.y FROM api_test.lane JOIN (SELECT max(n) FROM api_test.event)");
    assert_string_equal(routes_sql(sql, "api", &asked->arena).ptr, sql.ptr);
}

static void rows_belong_to_the_one_thing_above_them(void **state) {
    Asked *asked = *state;
    assert_int_equal(ask(asked, "/v1/elections/x/facts"), ASK_OK);
    assert_string_equal(routes_parent(asked->ask.route)->path, "/elections/{election_id}");
    assert_string_equal(routes_last_word(asked->ask.route), "facts");
    assert_int_equal(ask(asked, "/v1/elections/x"), ASK_OK);
    assert_null(routes_parent(asked->ask.route));
    assert_int_equal(ask(asked, "/v1/facts"), ASK_OK);
    assert_null(routes_parent(asked->ask.route));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_find_their_routes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_paths_are_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(formats_are_suffixes_or_parameters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parameters_get_their_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plus_that_nobody_escaped_is_the_offsets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_values_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_query_is_for_its_schema_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_belong_to_the_one_thing_above_them, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
