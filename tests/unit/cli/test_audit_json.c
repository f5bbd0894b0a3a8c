#include "services/cli/audit_json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool prints(const char *json, const char *jsonb) {
    Buf out = {0};
    bool same = json_add_as_jsonb(str_from(json), &out) && str_equal_text(buf_str(&out), jsonb);
    buf_free(&out);
    return same;
}

static bool is_simple(const char *json) {
    Buf out = {0};
    bool simple = json_add_as_jsonb(str_from(json), &out);
    buf_free(&out);
    return simple;
}

static void values_stay_as_they_are(void **state) {
    (void)state;
    assert_true(prints("12", "12"));
    assert_true(prints("null", "null"));
    assert_true(prints("\"a, b: {c}\"", "\"a, b: {c}\""));
    assert_true(prints("[]", "[]"));
    assert_true(prints("{}", "{}"));
}

static void separators_get_a_blank(void **state) {
    (void)state;
    assert_true(prints("[1,2,[true,false]]", "[1, 2, [true, false]]"));
    assert_true(prints("{\"a\":[{\"b\":-1}]}", "{\"a\": [{\"b\": -1}]}"));
}

static void members_come_in_the_order_of_jsonb(void **state) {
    (void)state;
    assert_true(prints("{\"held\":1,\"won\":2,\"aa\":3,\"a\":4}", "{\"a\": 4, \"aa\": 3, \"won\": 2, \"held\": 1}"));
    assert_true(prints("[{\"bb\":\"}\",\"a\":\"]\"},null]", "[{\"a\": \"]\", \"bb\": \"}\"}, null]"));
}

static void what_is_not_simple_is_left_to_a_parser(void **state) {
    (void)state;
    assert_false(is_simple("{\"a\":\"\\n\"}"));
    assert_false(is_simple("{\"a\":\"\\u0041\"}"));
    assert_false(is_simple("[[[[[[[[[1]]]]]]]]]"));
    assert_false(is_simple("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
                           "\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1}"));
}

static void what_is_cut_off_is_not_simple(void **state) {
    (void)state;
    static const char whole[] = "{\"a\":[1,{\"b\":\"c\"}],\"d\":null}";
    for (size_t len = 0; len + 1 < sizeof whole; len++) {
        Buf out = {0};
        bool simple = json_add_as_jsonb((Str){whole, len}, &out);
        buf_free(&out);
        assert_false(simple);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stay_as_they_are),
        cmocka_unit_test(separators_get_a_blank),
        cmocka_unit_test(members_come_in_the_order_of_jsonb),
        cmocka_unit_test(what_is_not_simple_is_left_to_a_parser),
        cmocka_unit_test(what_is_cut_off_is_not_simple),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
