#include "common/base/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct Fixture {
    Arena arena;
    Str error;
    char path[32];
    Config *config;
} Fixture;

static int set_up(void **state) {
    Fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->path, "/tmp/declared-conf-XXXXXX");
    int file = mkstemp(fixture->path);
    *state = fixture;
    return file < 0 ? -1 : close(file);
}

static int tear_down(void **state) {
    Fixture *fixture = *state;
    config_free(fixture->config);
    arena_free(&fixture->arena);
    unlink(fixture->path);
    free(fixture);
    return 0;
}

static Config *load(Fixture *fixture, const char *file_text, char *const *environment, const char *set) {
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    fputs(file_text, file);
    fclose(file);
    ConfigSources sources = {fixture->path, environment, &set, set == NULL ? 0 : 1};
    config_free(fixture->config);
    fixture->config = config_load(&sources, &fixture->arena, &fixture->error);
    return fixture->config;
}

static void assert_refused(Fixture *fixture, const char *text, const char *environment, const char *set,
                           const char *error) {
    char *variables[] = {(char *)environment, NULL};
    assert_null(load(fixture, text, variables, set));
    const char *said = fixture->error.ptr;
    size_t path_len = strlen(fixture->path);
    assert_string_equal(strncmp(said, fixture->path, path_len) == 0 ? said + path_len : said, error);
}

static void options_that_can_be_secrets_are_blanked_and_no_others(void **state) {
    (void)state;
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"kafka.sasl.password=hunter2", "kafka.sasl.password="},
        {"kafka.ssl.key.pem = a=b", "kafka.ssl.key.pem ="},
        {"postgres.uri=postgresql://me:hunter2@db/results", "postgres.uri="},
        {"postgres.role=declared_ingest", "postgres.role=declared_ingest"},
        {"kafka.bootstrap.servers=a:1,b:2", "kafka.bootstrap.servers=a:1,b:2"},
        {"daemon.workers=3", "daemon.workers=3"},
        {"nothing", "nothing"},
        {"kafka.", "kafka."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        size_t len = strlen(cases[i].before);
        memcpy(text, cases[i].before, len + 1);
        config_hide(text);
        assert_string_equal(text, cases[i].after);
        for (size_t at = strlen(text); at < len; at++) {
            assert_int_equal(text[at], 0);
        }
    }
}

static void defaults_stand_where_nothing_is_set(void **state) {
    Config *config = load(*state, "", NULL, NULL);
    assert_non_null(config);
    assert_string_equal(config_get(config, "kafka.bootstrap.servers"), "localhost:9092");
    assert_string_equal(config_get(config, "postgres.role"), "");
    assert_int_equal(config_int(config, "daemon.workers"), 1);
    assert_false(config_bool(config, "calls.require_approval"));
    assert_null(config_get(config, "kafka.security.protocol"));
}

static void a_file_sets_values(void **state) {
    Config *config = load(*state,
                          "; a comment\n# another\n\n[postgres]\r\n uri = host=db password='a = b # c' \n"
                          "[daemon]\nworkers=64\n[calls]\nrequire_approval = Yes\n",
                          NULL, NULL);
    assert_non_null(config);
    assert_string_equal(config_get(config, "postgres.uri"), "host=db password='a = b # c'");
    assert_int_equal(config_int(config, "daemon.workers"), 64);
    assert_true(config_bool(config, "calls.require_approval"));
}

static void environment_overrides_file_and_options_override_both(void **state) {
    const char *text = "[kafka]\ngroup.id = file\n[daemon]\nworkers = 2\n[log]\nlevel = debug\n";
    char *environment[] = {"DECLARED_KAFKA_GROUP_ID=environment", "DECLARED_DAEMON_WORKERS=3", NULL};
    Config *config = load(*state, text, environment, "daemon.workers=4");
    assert_non_null(config);
    assert_string_equal(config_get(config, "log.level"), "debug");
    assert_string_equal(config_get(config, "kafka.group.id"), "environment");
    assert_int_equal(config_int(config, "daemon.workers"), 4);
}

static void other_kafka_keys_pass_through_from_everywhere(void **state) {
    char *environment[] = {"DECLARED_KAFKA_SECURITY_PROTOCOL=SSL", NULL};
    Config *config = load(*state, "[kafka]\nlinger.ms = 5\n", environment, "kafka.ssl.ca.location=/ca.pem");
    assert_non_null(config);
    static const char *const wanted[][2] = {{"bootstrap.servers", "localhost:9092"},
                                            {"group.id", "declared"},
                                            {"linger.ms", "5"},
                                            {"security.protocol", "SSL"},
                                            {"ssl.ca.location", "/ca.pem"}};
    ConfigEntry entry;
    size_t cursor = 0, count = 0;
    for (; config_next(config, "kafka", &cursor, &entry); count++) {
        assert_string_equal(entry.key, wanted[count][0]);
        assert_string_equal(entry.value, wanted[count][1]);
    }
    assert_int_equal(count, 5);
}

static void rules_keep_their_codes_in_the_environment(void **state) {
    char *environment[] = {"DECLARED_RULES_TURNOUT_UNLIKELY=off", NULL};
    Config *config = load(*state, "", environment, NULL);
    ConfigEntry entry;
    size_t cursor = 0;
    assert_non_null(config);
    assert_true(config_next(config, "rules", &cursor, &entry));
    assert_string_equal(entry.key, "TURNOUT_UNLIKELY");
    assert_string_equal(entry.origin, "DECLARED_RULES_TURNOUT_UNLIKELY in the environment");
}

static void empty_and_foreign_variables_change_nothing(void **state) {
    char *environment[] = {"DECLARED_DAEMON_WORKERS=", "DECLARED_FAIL_ALLOCATION=3", "DECLAREDX=1", NULL};
    Config *config = load(*state, "", environment, NULL);
    assert_non_null(config);
    assert_int_equal(config_int(config, "daemon.workers"), 1);
}

static void refusals_name_file_and_line(void **state) {
    assert_refused(*state, "\n[postgers]\n", NULL, NULL, ":2: no such section: [postgers]");
    assert_refused(*state, "[postgres\n", NULL, NULL, ":1: no such section: [postgres");
    assert_refused(*state, "[daemon]\nworker = 1\n", NULL, NULL, ":2: no such setting: daemon.worker");
    assert_refused(*state, "[daemon]\n\nworkers\n", NULL, NULL, ":3: neither [section], key = value nor a comment");
    assert_refused(*state, "workers = 1\n", NULL, NULL, ":1: a setting before the first [section]");
    assert_refused(*state, "[kafka]\n= 1\n", NULL, NULL, ":2: neither [section], key = value nor a comment");
}

static void refusals_name_the_bounds(void **state) {
    static const char number[] = ":2: daemon.workers is a number from 1 to 64, not ";
    char wanted[128];
    static const char *const bad[] = {"0", "65", "", "two", "1x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        snprintf(text, sizeof text, "[daemon]\nworkers = %s\n", bad[i]);
        snprintf(wanted, sizeof wanted, "%s'%s'", number, bad[i]);
        assert_refused(*state, text, NULL, NULL, wanted);
    }
    assert_refused(*state, "[calls]\nrequire_approval = maybe\n", NULL, NULL,
                   ":2: calls.require_approval is yes or no, not 'maybe'");
    assert_refused(*state, "[log]\nlevel = warn\n", NULL, NULL,
                   ":2: log.level is one of debug|info|warning|error, not 'warn'");
}

static void refusals_name_the_variable_or_the_option(void **state) {
    assert_refused(*state, "", "DECLARED_DAEMON_WORKERS=x", NULL,
                   "DECLARED_DAEMON_WORKERS in the environment: daemon.workers is a number from 1 to 64, not 'x'");
    assert_refused(*state, "", "DECLARED_POSTGRES_URL=postgres://u:secret@h/d", NULL,
                   "DECLARED_POSTGRES_URL in the environment: no such setting in section [postgres]");
    assert_refused(*state, "", NULL, "daemon.workers", "--set: write it as section.key=value");
    assert_refused(*state, "", NULL, "postgres.url=secret", "--set postgres.url: no such setting: postgres.url");
}

static void a_named_file_must_exist(void **state) {
    Fixture *fixture = *state;
    ConfigSources named = {"/nonexistent.conf", NULL, NULL, 0};
    assert_null(config_load(&named, &fixture->arena, &fixture->error));
    assert_string_equal(fixture->error.ptr, "/nonexistent.conf: No such file or directory");
    char *environment[] = {"DECLARED_CONFIG=/nonexistent.conf", NULL};
    ConfigSources variable = {NULL, environment, NULL, 0};
    assert_null(config_load(&variable, &fixture->arena, &fixture->error));
}

// Takes the '#' off every setting of the sample: what it shows must load, and mean the defaults.
static void the_sample_shows_the_defaults(void **state) {
    _cleanup_buf_ Buf sample = {0}, live = {0};
    config_write_sample(&sample);
    buf_add_byte(&sample, '\0');
    char *rest = sample.ptr, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        buf_printf(&live, "%s\n", line[0] == '#' && line[1] != ' ' ? line + 1 : line);
    }
    buf_add_byte(&live, '\0');
    Config *config = load(*state, live.ptr, NULL, NULL);
    assert_non_null(config);
    assert_string_equal(config_get(config, "kafka.bootstrap.servers"), "localhost:9092");
    assert_string_equal(config_get(config, "registry.url"), "");
    assert_int_equal(config_int(config, "daemon.workers"), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(defaults_stand_where_nothing_is_set),
        TEST(a_file_sets_values),
        TEST(environment_overrides_file_and_options_override_both),
        TEST(other_kafka_keys_pass_through_from_everywhere),
        TEST(rules_keep_their_codes_in_the_environment),
        TEST(empty_and_foreign_variables_change_nothing),
        TEST(refusals_name_file_and_line),
        TEST(refusals_name_the_bounds),
        TEST(refusals_name_the_variable_or_the_option),
        TEST(a_named_file_must_exist),
        TEST(the_sample_shows_the_defaults),
        cmocka_unit_test(options_that_can_be_secrets_are_blanked_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
