#include "services/validator/schema.h"

#include "common/base/limits.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct Fixture {
    Arena arena;
    Schema schema;
    Str error;
    Buf text;
} Fixture;

static int set_up(void **state) {
    static Fixture fixture;
    fixture = (Fixture){0};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    schema_clear(&f->schema);
    arena_free(&f->arena);
    buf_free(&f->text);
    return 0;
}

static bool parses(Fixture *f, Str json) {
    schema_clear(&f->schema);
    return schema_parse(&f->schema, json, &f->arena, &f->error);
}

static void assert_refused(Fixture *f, Str json, const char *why) {
    assert_false(parses(f, json));
    assert_null(f->schema.root);
    char error[256];
    snprintf(error, sizeof error, STR_FMT, STR_ARG(f->error));
    assert_string_equal(error, why);
}

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"

static void canonical_form_and_fingerprint(void **state) {
    Fixture *f = *state;
    // Forms and fingerprints from fastavro 1.13.1; that of "null" is the specification's, too.
    static const struct {
        const char *json, *canonical;
        uint64_t fingerprint;
    } cases[] = {
        {"\"null\"", "\"null\"", UINT64_C(0x63dd24e7cc258f8a)},
        {"\"int\"", "\"int\"", UINT64_C(0x7275d51a3f395c8f)},
        {"{\"type\":\"string\",\"logicalType\":\"uuid\"}", "\"string\"", UINT64_C(0x8f014872634503c7)},
        {"{\"type\":\"enum\",\"name\":\"Suit\",\"namespace\":\"cards\",\"symbols\":[\"SPADES\",\"HEARTS\"],"
         "\"default\":\"HEARTS\",\"doc\":\"x\",\"aliases\":[\"S\"]}",
         "{\"name\":\"cards.Suit\",\"type\":\"enum\",\"symbols\":[\"SPADES\",\"HEARTS\"]}",
         UINT64_C(0x292f5c362f36edad)},
        {"{\"type\":\"fixed\",\"name\":\"a.b.MD5\",\"size\":16,\"namespace\":\"ignored\"}",
         "{\"name\":\"a.b.MD5\",\"type\":\"fixed\",\"size\":16}", UINT64_C(0xf3830e3674d366fc)},
        {"{ \"type\" : \"array\", \"items\" : [\"null\", {\"type\":\"map\",\"values\":\"double\"}] }",
         "{\"type\":\"array\",\"items\":[\"null\",{\"type\":\"map\",\"values\":\"double\"}]}",
         UINT64_C(0x8d859875353bc489)},
        {"{\"type\":\"record\",\"name\":\"Node\",\"namespace\":\"org.example\",\"doc\":\"d\",\"fields\":["
         "{\"name\":\"id\",\"type\":\"long\",\"default\":0,\"order\":\"descending\"},"
         "{\"name\":\"next\",\"type\":[\"null\",\"Node\"],\"default\":null},"
         "{\"name\":\"md5\",\"type\":{\"type\":\"fixed\",\"name\":\"MD5\",\"size\":16}},"
         "{\"name\":\"again\",\"type\":\"MD5\"},"
         "{\"name\":\"inner\",\"type\":{\"type\":\"record\",\"name\":\"other.Inner\",\"fields\":["
         "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}}]}},"
         "{\"name\":\"e2\",\"type\":\"other.E\"}]}",
         "{\"name\":\"org.example.Node\",\"type\":\"record\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
         "{\"name\":\"next\",\"type\":[\"null\",\"org.example.Node\"]},"
         "{\"name\":\"md5\",\"type\":{\"name\":\"org.example.MD5\",\"type\":\"fixed\",\"size\":16}},"
         "{\"name\":\"again\",\"type\":\"org.example.MD5\"},"
         "{\"name\":\"inner\",\"type\":{\"name\":\"other.Inner\",\"type\":\"record\",\"fields\":["
         "{\"name\":\"e\",\"type\":{\"name\":\"other.E\",\"type\":\"enum\",\"symbols\":[\"A\"]}}]}},"
         "{\"name\":\"e2\",\"type\":\"other.E\"}]}",
         UINT64_C(0xe3e5739b8edf979f)},
        {"{\"type\":\"record\",\"name\":\"Empty\",\"fields\":[]}",
         "{\"name\":\"Empty\",\"type\":\"record\",\"fields\":[]}", UINT64_C(0x150967a5a2718634)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(parses(f, str_from(cases[i].json)));
        buf_clear(&f->text);
        schema_add_canonical(f->schema.root, &f->text);
        buf_add_byte(&f->text, 0);
        assert_string_equal(f->text.ptr, cases[i].canonical);
        assert_true(schema_fingerprint(f->schema.root) == cases[i].fingerprint);
    }
}

static void names_take_the_namespace_around_them(void **state) {
    Fixture *f = *state;
    assert_true(parses(f, STR_LIT("{\"type\":\"record\",\"name\":\"a.b.R\",\"aliases\":[\"Old\",\"x.Y\"],\"fields\":["
                                  "{\"name\":\"f\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}},"
                                  "{\"name\":\"g\",\"type\":\"E\"},{\"name\":\"h\",\"type\":\"a.b.E\"}]}")));
    const SchemaNode *root = f->schema.root;
    assert_true(str_equal_text(root->fields[0].type->name, "a.b.E"));
    assert_ptr_equal(root->fields[1].type, root->fields[0].type);
    assert_ptr_equal(root->fields[2].type, root->fields[0].type);
    assert_true(str_equal_text(root->aliases.ptr[0], "a.b.Old"));
    assert_true(str_equal_text(root->aliases.ptr[1], "x.Y"));
}

static void a_record_may_hold_itself(void **state) {
    Fixture *f = *state;
    assert_true(parses(f, STR_LIT(RECORD("{\"name\":\"next\",\"type\":[\"null\",\"R\"]}"))));
    assert_true(f->schema.root->recursive);
    assert_int_equal(f->schema.root->min_bytes, 1);
}

static void what_the_specification_forbids_is_refused(void **state) {
    Fixture *f = *state;
    static const struct {
        const char *json, *why;
    } cases[] = {
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "fixed F has a size that is not from 0 to 1048576"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":1e3}", "fixed F has a size that is not from 0 to 1048576"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":4611686018427387904}",
         "fixed F has a size that is not from 0 to 1048576"},
        {RECORD(
             "{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}"),
         "record R has the field a twice"},
        {RECORD("{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}}"), "the name R is taken"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"A\"]}", "enum E has the symbol A twice"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}",
         "enum E has no symbols, or a default that is none of them"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
         "enum E has no symbols, or a default that is none of them"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A B\"]}", "\"symbols\" holds something that is no name"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a.b\"]}", "enum E has a symbol that is no name"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[7]}", "\"symbols\" holds something that is no name"},
        {"[\"int\",\"int\"]", "a union with int twice"},
        {"[\"null\",[\"int\"]]", "a union directly in a union"},
        {"[]", "a union of nothing, or of too many types"},
        {"[{\"type\":\"map\",\"values\":\"int\"},{\"type\":\"map\",\"values\":\"long\"}]", "a union with map twice"},
        {RECORD("{\"name\":\"a\",\"type\":[\"R\",\"R\"]}"), "a union with record twice"},
        {"{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}", "the name int is taken"},
        {"{\"type\":\"record\",\"name\":\"a..R\",\"fields\":[]}", "a record without a proper name"},
        {"{\"type\":\"record\",\"name\":\"R.\",\"fields\":[]}", "a record without a proper name"},
        {"{\"type\":\"record\",\"name\":\"9R\",\"fields\":[]}", "a record without a proper name"},
        {"{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a-b\",\"fields\":[]}", "a record without a proper name"},
        {"{\"type\":\"record\",\"fields\":[]}", "a record without a proper name"},
        {"{\"type\":\"record\",\"name\":\"R\"}", "record R has no fields, or too many"},
        {RECORD("{\"name\":\"a\"}"), "field a has no type"},
        {RECORD("{\"name\":\"a.b\",\"type\":\"int\"}"), "a field without a proper name"},
        {RECORD("7"), "a field without a proper name"},
        {RECORD("{\"name\":\"a\",\"type\":\"Nowhere\"}"), "no type Nowhere is defined"},
        {RECORD("{\"name\":\"a\",\"type\":\"No\\nwhere\\u001b\"}"), "no type No\\nwhere\\x1b is defined"},
        {RECORD("{\"name\":\"a\",\"type\":\"int\",\"aliases\":\"b\"}"), "\"aliases\" is not an array"},
        {"{\"type\":{\"type\":\"string\"}}", "an object whose \"type\" is not a string"},
        {"{\"type\":\"array\"}", "array of nothing"},
        {"{\"type\":\"union\"}", "no type union is defined"},
        {"7", "a type that is no string, array or object"},
        {"[\n\r7 8]", "not JSON: ']' expected near '8' at line 2"},
        {"[7 \x1B", "not JSON: ']' expected near '\\x1b' at line 1"},
        {"{\"type\":\"string\",\"type\":\"int\"}", "not JSON: duplicate object key near '\"type\"' at line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(f, str_from(cases[i].json), cases[i].why);
    }
}

static void a_byte_0_may_stand_in_a_default_and_in_no_name(void **state) {
    Fixture *f = *state;
    assert_true(parses(f, str_from(RECORD("{\"name\":\"a\",\"type\":\"bytes\",\"default\":\"\\u0000\"}"))));
    _cleanup_buf_ Buf datum = {0};
    assert_true(schema_encode_json(f->schema.root->fields[0].type, f->schema.root->fields[0].default_json, &datum));
    assert_true(str_equal(buf_str(&datum), (Str){"\x02\0", 2}));
    assert_refused(f, str_from(RECORD("{\"name\":\"a\\u0000b\",\"type\":\"int\"}")), "a field without a proper name");
    assert_refused(f, str_from("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\\u0000\"]}"),
                   "\"symbols\" holds something that is no name");
    assert_refused(f, str_from("\"int\\u0000\""), "no type int is defined");
}

static void what_is_no_json_is_refused(void **state) {
    Fixture *f = *state;
    static const Str texts[] = {{"", 0}, {"{", 1}, {"\"int", 4}, {"\"\0int\"", 6}, {"\"in\xff\"", 5}, {"\"int\"x", 6}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(parses(f, texts[i]));
    }
}

static void nesting_is_limited(void **state) {
    Fixture *f = *state;
    for (int levels = LIMIT_SCHEMA_DEPTH - 1; levels <= LIMIT_SCHEMA_DEPTH; levels++) {
        buf_clear(&f->text);
        for (int i = 0; i < levels; i++) {
            buf_add_str(&f->text, STR_LIT("{\"type\":\"array\",\"items\":"));
        }
        buf_add_str(&f->text, STR_LIT("\"int\""));
        for (int i = 0; i < levels; i++) {
            buf_add_byte(&f->text, '}');
        }
        assert_true(parses(f, buf_str(&f->text)) == (levels < LIMIT_SCHEMA_DEPTH));
    }
    buf_clear(&f->text);
    memset(buf_reserve(&f->text, 100000), '[', 100000);
    f->text.len = 100000;
    assert_refused(f, buf_str(&f->text), "a schema must have 1 to 262144 bytes and at most 32 levels");
}

static void size_is_limited(void **state) {
    Fixture *f = *state;
    memset(buf_reserve(&f->text, LIMIT_SCHEMA_BYTES + 1), ' ', LIMIT_SCHEMA_BYTES + 1);
    memcpy(f->text.ptr, "\"int\"", 5);
    f->text.len = LIMIT_SCHEMA_BYTES;
    assert_true(parses(f, buf_str(&f->text)));
    f->text.len++;
    assert_false(parses(f, buf_str(&f->text)));
}

static void the_number_of_types_is_limited(void **state) {
    Fixture *f = *state;
    for (int fields = LIMIT_SCHEMA_NODES - 1; fields <= LIMIT_SCHEMA_NODES; fields++) {
        buf_clear(&f->text);
        buf_add_str(&f->text, STR_LIT("{\"type\":\"record\",\"name\":\"R\",\"fields\":["));
        for (int i = 0; i < fields; i++) {
            buf_printf(&f->text, "%s{\"name\":\"f%d\",\"type\":\"int\"}", i > 0 ? "," : "", i);
        }
        buf_add_str(&f->text, STR_LIT("]}"));
        assert_true(parses(f, buf_str(&f->text)) == (fields < LIMIT_SCHEMA_NODES));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(canonical_form_and_fingerprint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_take_the_namespace_around_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_may_hold_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_specification_forbids_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_byte_0_may_stand_in_a_default_and_in_no_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_json_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_is_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(size_is_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_number_of_types_is_limited, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
