#include "services/gateway/answer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static Answer *answer_of(const char *text, size_t times) {
    Buf body = {0};
    for (size_t i = 0; i < times; i++) {
        buf_add_str(&body, str_from(text));
    }
    return answer_new(200, TYPE_JSON, CACHE_REVALIDATE, &body);
}

static void a_tag_is_of_the_bytes(void **state) {
    (void)state;
    Answer *one = answer_of("a", 1), *same = answer_of("a", 1), *other = answer_of("b", 1);
    assert_string_equal(one->tag, same->tag);
    assert_string_not_equal(one->tag, other->tag);
    answer_free(one);
    answer_free(same);
    answer_free(other);
}

static void conditions_name_tags(void **state) {
    (void)state;
    Answer *answer = answer_of("a", 1);
    static const struct {
        const char *format;
        bool matches;
    } cases[] = {
        {"\"%s\"", true}, {"W/\"%s\"", true}, {"\"%s-gzip\"", true}, {"\"x\", \"%s\"", true}, {" ,\t\"%s\" ,", true},
        {"*", true},      {"%s", false},      {"\"%s", false},       {"\"%s-br\"", false},    {"\"x%s\"", false},
        {"\"x\"", false}, {"", false},        {",,,", false},        {"w/\"%s\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Buf header = {0};
        for (const char *at = cases[i].format; *at != '\0'; at++) {
            if (at[0] == '%') {
                buf_add_str(&header, str_from(answer->tag));
                at++;
            } else {
                buf_add_byte(&header, (uint8_t)*at);
            }
        }
        buf_add_byte(&header, '\0');
        assert_int_equal(answer_matches(answer, header.ptr), cases[i].matches);
        buf_free(&header);
    }
    assert_false(answer_matches(answer, NULL));
    answer_free(answer);
}

static void a_problem_matches_nothing(void **state) {
    (void)state;
    Answer *answer = answer_problem(404, STR_LIT("no \"such\" thing"));
    assert_false(answer_matches(answer, "*"));
    assert_true(str_equal_text(buf_str(&answer->body),
                               "{\"type\":\"about:blank\",\"title\":\"Not found\",\"status\":404,"
                               "\"detail\":\"no \\\"such\\\" thing\"}\n"));
    assert_int_equal(answer->retry_after_s, 0);
    answer_free(answer);
    answer = answer_problem(503, STR_LIT("later"));
    assert_int_equal(answer->retry_after_s, 1);
    answer_free(answer);
}

static void gzip_is_made_where_it_pays(void **state) {
    (void)state;
    Answer *small = answer_of("a", 100), *large = answer_of("abcdefgh", 1000);
    assert_int_equal(small->gzip.len, 0);
    assert_in_range(large->gzip.len, 1, 200);
    answer_free(small);
    answer_free(large);
}

static void gzip_is_sent_to_who_takes_it(void **state) {
    (void)state;
    static const struct {
        const char *header;
        bool accepts;
    } cases[] = {
        {"gzip", true},
        {"br, gzip", true},
        {"GZIP;q=0.5", true},
        {"gzip; q=1", true},
        {"deflate,gzip , br", true},
        {"gzip;q=0", false},
        {"br", false},
        {"", false},
        {"gzipped", false},
        {"gzip;q=0.000", false},
        {"identity;q=1", false},
        {"x-gzip", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(answer_accepts_gzip(cases[i].header), cases[i].accepts);
    }
    assert_false(answer_accepts_gzip(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_is_of_the_bytes),        cmocka_unit_test(conditions_name_tags),
        cmocka_unit_test(a_problem_matches_nothing),    cmocka_unit_test(gzip_is_made_where_it_pays),
        cmocka_unit_test(gzip_is_sent_to_who_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
