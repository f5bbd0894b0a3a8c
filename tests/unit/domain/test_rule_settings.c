#include "common/domain/rule_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct Fixture {
    Arena arena;
    Str error;
    Config *config;
    RuleBook book;
} Fixture;

static int set_up(void **state) {
    *state = calloc(1, sizeof(Fixture));
    return *state == NULL;
}

static int tear_down(void **state) {
    Fixture *fixture = *state;
    config_free(fixture->config);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static bool read_book(Fixture *fixture, const char *set) {
    ConfigSources sources = {.sets = &set, .sets_count = set == NULL ? 0 : 1};
    config_free(fixture->config);
    fixture->config = config_load(&sources, &fixture->arena, &fixture->error);
    assert_non_null(fixture->config);
    return rule_settings_read(fixture->config, 6, &fixture->arena, &fixture->book, &fixture->error);
}

static void without_settings_the_defaults_stand(void **state) {
    Fixture *fixture = *state;
    assert_true(read_book(fixture, NULL));
    assert_int_equal(fixture->book.partitions, 6);
    assert_int_equal(fixture->book.sources_count, 0);
    assert_false(fixture->book.require_approval);
    assert_int_equal(fixture->book.verdicts[RULE_TURNOUT_UNLIKELY], VERDICT_WARNING);
}

static void a_fate_can_be_set(void **state) {
    Fixture *fixture = *state;
    assert_true(read_book(fixture, "rules.TURNOUT_UNLIKELY=held"));
    assert_int_equal(fixture->book.verdicts[RULE_TURNOUT_UNLIKELY], VERDICT_HELD);
    assert_true(read_book(fixture, "rules.SEATS_MISMATCH=off"));
    assert_int_equal(fixture->book.verdicts[RULE_SEATS_MISMATCH], VERDICT_OFF);
}

static void unknown_and_too_mild_fates_are_refused(void **state) {
    static const struct {
        const char *set, *error;
    } cases[] = {
        {"rules.TURNOUT=held", "--set rules.TURNOUT: no such rule: TURNOUT"},
        {"rules.TURNOUT_UNLIKELY=accepted",
         "--set rules.TURNOUT_UNLIKELY: TURNOUT_UNLIKELY is off, warning, held or rejected, not 'accepted'"},
        {"rules.UNKNOWN_PARTY=warning", "--set rules.UNKNOWN_PARTY: UNKNOWN_PARTY cannot be milder than held"},
        {"rules.BAD_AVRO=held", "--set rules.BAD_AVRO: BAD_AVRO cannot be milder than rejected"},
    };
    Fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(read_book(fixture, cases[i].set));
        assert_string_equal(fixture->error.ptr, cases[i].error);
    }
}

static void sources_are_ranked_in_order(void **state) {
    Fixture *fixture = *state;
    assert_true(read_book(fixture, "sources.rank= council,,press desk , pa"));
    assert_int_equal(fixture->book.sources_count, 3);
    assert_true(str_equal_text(fixture->book.sources[0], "council"));
    assert_true(str_equal_text(fixture->book.sources[1], "press desk"));
    assert_true(str_equal_text(fixture->book.sources[2], "pa"));
}

static void too_many_sources_are_refused(void **state) {
    Fixture *fixture = *state;
    _cleanup_buf_ Buf set = {0};
    buf_printf(&set, "sources.rank=s");
    for (int i = 0; i < RULES_SOURCES_MAX; i++) {
        buf_printf(&set, ",s%d", i);
    }
    buf_add_byte(&set, '\0');
    assert_false(read_book(fixture, set.ptr));
}

// `declarectl config sample >deploy/declared.conf.sample` mends a failure here.
static void the_sample_file_is_the_table(void **state) {
    (void)state;
    _cleanup_buf_ Buf wanted = {0}, found = {0};
    config_write_sample(&wanted);
    rule_settings_write_sample(&wanted);
    FILE *file = fopen("deploy/declared.conf.sample", "r");
    assert_non_null(file);
    found.len = fread(buf_reserve(&found, wanted.len + 1), 1, wanted.len + 1, file);
    fclose(file);
    assert_true(str_equal(buf_str(&found), buf_str(&wanted)));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_settings_the_defaults_stand),    TEST(a_fate_can_be_set),
        TEST(unknown_and_too_mild_fates_are_refused), TEST(sources_are_ranked_in_order),
        TEST(too_many_sources_are_refused),           TEST(the_sample_file_is_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
