// Which schemas can read all data of which, by the Avro specification.
#include "services/validator/compat.h"

#include "common/base/mem.h"
#include "services/validator/own_schemas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct Case {
    const char *writer, *reader;
    const char *reason; // NULL: it can
} Case;

static void check(const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        Arena arena = {0};
        Schema writer, reader;
        Str reason = STR_NONE;
        if (!schema_parse(&writer, str_from(cases[i].writer), &arena, &reason) ||
            !schema_parse(&reader, str_from(cases[i].reader), &arena, &reason)) {
            fail_msg("%s / %s: " STR_FMT, cases[i].writer, cases[i].reader, STR_ARG(reason));
        }
        bool can = compat_can_read(writer.root, reader.root, &arena, &reason);
        if (can != (cases[i].reason == NULL) || (!can && !str_equal_text(reason, cases[i].reason))) {
            fail_msg("%s as %s: %s, " STR_FMT, cases[i].writer, cases[i].reader, can ? "can" : "cannot",
                     STR_ARG(reason));
        }
        schema_clear(&writer);
        schema_clear(&reader);
        arena_free(&arena);
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof *(cases))
#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define DEFAULTED(name, type, value) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" value "}"
#define ALIASED(name, type, alias) "{\"name\":\"" name "\",\"type\":" type ",\"aliases\":[\"" alias "\"]}"
#define ENUM(name, symbols) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}"
#define ENUM_DEFAULT(name, symbols, value)                                                                             \
    "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "],\"default\":\"" value "\"}"
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define MAP(values) "{\"type\":\"map\",\"values\":" values "}"

static void numbers_are_promoted_never_narrowed(void **state) {
    (void)state;
    static const char *const types[] = {"\"int\"", "\"long\"", "\"float\"", "\"double\""};
    static const char *const names[] = {"int", "long", "float", "double"};
    for (size_t w = 0; w < 4; w++) {
        for (size_t r = 0; r < 4; r++) {
            char reason[64];
            snprintf(reason, sizeof reason, "%s cannot be read as %s", names[w], names[r]);
            check(&(Case){types[w], types[r], w <= r ? NULL : reason}, 1);
        }
    }
}

static void simple_types(void **state) {
    (void)state;
    static const Case cases[] = {
        {"\"null\"", "\"null\"", NULL},
        {"\"boolean\"", "\"boolean\"", NULL},
        {"\"string\"", "\"bytes\"", NULL},
        {"\"bytes\"", "\"string\"", NULL},
        {"\"boolean\"", "\"int\"", "boolean cannot be read as int"},
        {"\"int\"", "\"string\"", "int cannot be read as string"},
        {"\"null\"", "\"string\"", "null cannot be read as string"},
        {FIXED("F", "4"), "\"bytes\"", "fixed F cannot be read as bytes"},
        {FIXED("F", "4"), FIXED("F", "4"), NULL},
        {FIXED("a.F", "4"), FIXED("b.F", "4"), NULL},
        {FIXED("F", "4"), FIXED("G", "4"), "fixed F cannot be read as fixed G"},
        {FIXED("F", "4"), FIXED("F", "5"), "a fixed of 4 bytes cannot be read as one of 5"},
        {ARRAY("\"int\""), ARRAY("\"long\""), NULL},
        {ARRAY("\"long\""), ARRAY("\"int\""), "[]: long cannot be read as int"},
        {MAP(ARRAY("\"string\"")), MAP(ARRAY("\"boolean\"")), "{}[]: string cannot be read as boolean"},
        {ARRAY("\"int\""), MAP("\"int\""), "array cannot be read as map"},
    };
    CHECK(cases);
}

static void every_symbol_has_to_be_known_or_there_is_a_default(void **state) {
    (void)state;
    static const Case cases[] = {
        {ENUM("E", "\"A\""), ENUM("E", "\"B\",\"A\""), NULL},
        {ENUM("E", "\"A\",\"B\""), ENUM("E", "\"A\""),
         "the symbol B is unknown to the reader, and its enum has no default"},
        {ENUM("E", "\"A\",\"B\""), ENUM_DEFAULT("E", "\"A\"", "A"), NULL},
        {ENUM_DEFAULT("E", "\"A\",\"B\"", "A"), ENUM("E", "\"A\""), // the writer's default is none of the reader's
         "the symbol B is unknown to the reader, and its enum has no default"},
        {ENUM("E", "\"A\""), ENUM("F", "\"A\""), "enum E cannot be read as enum F"},
        {ENUM("E", "\"A\""), "{\"type\":\"enum\",\"name\":\"F\",\"symbols\":[\"A\"],\"aliases\":[\"E\"]}", NULL},
        {ENUM("E", "\"A\""), "\"string\"", "enum E cannot be read as string"},
    };
    CHECK(cases);
}

static void every_branch_of_the_writers_has_to_fit_one_of_the_readers(void **state) {
    (void)state;
    static const Case cases[] = {
        {"[\"null\",\"int\"]", "[\"int\",\"null\"]", NULL},
        {"[\"null\",\"int\"]", "[\"string\",\"long\",\"null\"]", NULL},
        {"\"int\"", "[\"null\",\"double\"]", NULL},
        {"[\"int\"]", "\"long\"", NULL},
        {"[\"null\",\"int\"]", "\"int\"", "null cannot be read as int"},
        {"[\"null\",\"int\",\"string\"]", "[\"null\",\"int\"]", "string is none of the reader's branches"},
        {"\"string\"", "[\"null\",\"int\"]", "string is none of the reader's branches"},
        {"[\"null\"," ENUM("E", "\"A\",\"B\"") "]", "[\"null\"," ENUM("E", "\"A\"") "]",
         "the symbol B is unknown to the reader, and its enum has no default"},
        {"[" RECORD("R", FIELD("a", "\"int\"")) "]", "[\"null\"," RECORD("R", FIELD("b", "\"int\"")) "]",
         "b: the writer lacks it, and it has no default"},
    };
    CHECK(cases);
}

static void fields_by_name_alias_or_default(void **state) {
    (void)state;
    static const Case cases[] = {
        {RECORD("R", FIELD("a", "\"int\"") "," FIELD("b", "\"int\"")),
         RECORD("R", FIELD("b", "\"long\"") "," FIELD("a", "\"int\"")), NULL},
        {RECORD("R", FIELD("a", "\"int\"") "," FIELD("b", "\"int\"")), RECORD("R", FIELD("a", "\"int\"")), NULL},
        {RECORD("R", FIELD("a", "\"int\"")), RECORD("R", FIELD("a", "\"int\"") "," FIELD("b", "\"int\"")),
         "b: the writer lacks it, and it has no default"},
        {RECORD("R", FIELD("a", "\"int\"")), RECORD("R", FIELD("a", "\"int\"") "," DEFAULTED("b", "\"int\"", "0")),
         NULL},
        {RECORD("R", DEFAULTED("a", "\"int\"", "0")), RECORD("R", FIELD("b", "\"int\"")), // the writer's default
         "b: the writer lacks it, and it has no default"},
        {RECORD("R", FIELD("a", "\"int\"")), RECORD("R", ALIASED("b", "\"int\"", "a")), NULL},
        {RECORD("R", ALIASED("a", "\"int\"", "b")), RECORD("R", FIELD("b", "\"int\"")), // the writer's alias
         "b: the writer lacks it, and it has no default"},
        {RECORD("x.R", ""), RECORD("y.R", ""), NULL},
        {RECORD("R", ""), RECORD("S", ""), "record R cannot be read as record S"},
        {RECORD("R", ""), "{\"type\":\"record\",\"name\":\"S\",\"aliases\":[\"R\"],\"fields\":[]}", NULL},
        {RECORD("R", FIELD("a", ARRAY(RECORD("S", FIELD("b", "\"long\""))))),
         RECORD("R", FIELD("a", ARRAY(RECORD("S", FIELD("b", "\"int\""))))), "a[].b: long cannot be read as int"},
        {RECORD("R", FIELD("a", RECORD("S", FIELD("b", MAP("\"long\""))))),
         RECORD("R", FIELD("a", RECORD("S", FIELD("b", MAP("\"null\""))))), "a.b{}: long cannot be read as null"},
    };
    CHECK(cases);
}

#define LIST(name, type, more) RECORD(name, FIELD("v", type) "," FIELD("next", "[\"null\",\"" name "\"]") more)

static void types_that_hold_themselves(void **state) {
    (void)state;
    static const Case cases[] = {
        {LIST("L", "\"int\"", ""), LIST("L", "\"long\"", ""), NULL},
        {LIST("L", "\"long\"", ""), LIST("L", "\"int\"", ""), "v: long cannot be read as int"},
        {LIST("L", "\"int\"", ""), LIST("L", "\"int\"", "," FIELD("w", "\"int\"")),
         "w: the writer lacks it, and it has no default"},
        {RECORD("L", FIELD("next", "\"L\"")), RECORD("L", FIELD("next", "\"L\"")), NULL},
    };
    CHECK(cases);
}

static void our_own_schemas_read_themselves(void **state) {
    (void)state;
    size_t count;
    const OwnSchema *own = own_schemas(&count);
    for (size_t i = 0; i < count; i++) {
        Arena arena = {0};
        Str reason;
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(compat_can_read(own[i].schema.root, own[j].schema.root, &arena, &reason), i == j);
        }
        assert_true(compat_check_defaults(own[i].schema.root, &arena, &reason));
        arena_free(&arena);
    }
}

static void a_default_has_to_fit_its_field(void **state) {
    (void)state;
    static const struct {
        const char *type, *value;
        bool fits;
    } cases[] = {
        {"\"null\"", "null", true},
        {"\"null\"", "0", false},
        {"\"boolean\"", "true", true},
        {"\"boolean\"", "1", false},
        {"\"int\"", "2147483647", true},
        {"\"int\"", "2147483648", false},
        {"\"int\"", "1.5", false},
        {"\"long\"", "2147483648", true},
        {"\"float\"", "1", true},
        {"\"double\"", "\"1\"", false},
        {"\"bytes\"", "\"\\u00ff\"", true},
        {"\"bytes\"", "\"\\u0100\"", false},
        {"\"string\"", "\"\\u0100\"", true},
        {"\"string\"", "null", false},
        {FIXED("F", "2"), "\"ab\"", true},
        {FIXED("F", "2"), "\"abc\"", false},
        {ENUM("E", "\"A\""), "\"A\"", true},
        {ENUM("E", "\"A\""), "\"B\"", false},
        {"[\"null\",\"int\"]", "null", true},
        {"[\"null\",\"int\"]", "7", false}, // of the first branch alone
        {"[\"int\",\"null\"]", "7", true},
        {ARRAY("\"int\""), "[]", true},
        {ARRAY("\"int\""), "[1,\"2\"]", false},
        {ARRAY("\"int\""), "{}", false},
        {MAP("\"int\""), "{\"a\":1}", true},
        {MAP("\"int\""), "{\"a\":null}", false},
        {MAP("\"int\""), "[]", false},
        {RECORD("S", FIELD("b", "\"int\"")), "{\"b\":1}", true},
        {RECORD("S", FIELD("b", "\"int\"")), "{}", false},
        {RECORD("S", DEFAULTED("b", "\"int\"", "3")), "{}", true},
        {RECORD("S", FIELD("b", "\"int\"")), "{\"b\":\"1\"}", false},
        {"[\"null\",\"R\"]", "null", true},
        {"\"R\"", "{}", true}, // for ever, if fields that are left out were followed
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena arena = {0};
        Str json = arena_printf(&arena, RECORD("R", DEFAULTED("a", "%s", "%s")), cases[i].type, cases[i].value);
        Schema schema;
        Str reason = STR_LIT("");
        assert_true(schema_parse(&schema, json, &arena, &reason));
        if (compat_check_defaults(schema.root, &arena, &reason) != cases[i].fits) {
            fail_msg("%s, default %s: " STR_FMT, cases[i].type, cases[i].value, STR_ARG(reason));
        }
        if (!cases[i].fits) {
            assert_true(str_equal_text(reason, "a: its default does not fit its type"));
        }
        schema_clear(&schema);
        arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_promoted_never_narrowed),
        cmocka_unit_test(simple_types),
        cmocka_unit_test(every_symbol_has_to_be_known_or_there_is_a_default),
        cmocka_unit_test(every_branch_of_the_writers_has_to_fit_one_of_the_readers),
        cmocka_unit_test(fields_by_name_alias_or_default),
        cmocka_unit_test(types_that_hold_themselves),
        cmocka_unit_test(our_own_schemas_read_themselves),
        cmocka_unit_test(a_default_has_to_fit_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
