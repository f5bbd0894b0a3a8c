#include "services/gateway/flat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static void assert_text(Buf *out, const char *expected) {
    buf_add_byte(out, '\0');
    assert_string_equal(out->ptr, expected);
    buf_free(out);
}

static const FlatColumn columns[] = {{{"name", 4}, FLAT_TEXT}, {{"held", 4}, FLAT_LITERAL}};
static const Str cells[] = {{"a \"b\", <c>&\r\n", 13}, {"-3", 2}, {NULL, 0}, {NULL, 0}, {" x", 2}, {"true", 4}};
static const FlatTable table = {columns, cells, 2, 3};

static void csv_quotes_what_needs_it(void **state) {
    (void)state;
    Buf out = {0};
    flat_write_csv(&table, &out);
    assert_text(&out, "name,held\r\n\"a \"\"b\"\", <c>&\r\n\",-3\r\n,\r\n\" x\",true\r\n");
}

static void csv_of_no_rows_is_its_header(void **state) {
    (void)state;
    Buf out = {0};
    flat_write_csv(&(FlatTable){columns, NULL, 2, 0}, &out);
    assert_text(&out, "name,held\r\n");
}

static void xml_escapes_and_replaces(void **state) {
    (void)state;
    Buf out = {0};
    flat_write_xml(&table, "rows", "row", &out);
    assert_text(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rows>\n"
                      "<row>\n  <name>a \"b\", &lt;c&gt;&amp;&#13;\n</name>\n  <held>-3</held>\n</row>\n"
                      "<row>\n  <name/>\n  <held/>\n</row>\n"
                      "<row>\n  <name> x</name>\n  <held>true</held>\n</row>\n</rows>\n");
    static const Str odd[] = {{"\x01\x1f\t\xEF\xBF\xBF\xEF\xBF\xBE\xEF\xBF\xBD\xC3\xA9", 14}, {NULL, 0}};
    flat_write_xml(&(FlatTable){columns, odd, 2, 1}, NULL, "row", &out);
    assert_text(
        &out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<row>\n"
        "  <name>\xEF\xBF\xBD\xEF\xBF\xBD\t\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xC3\xA9</name>\n  <held/>\n</row>\n");
}

static void json_keeps_types(void **state) {
    (void)state;
    Buf out = {0};
    flat_write_json(&table, false, &out);
    assert_text(&out, "[{\"name\":\"a \\\"b\\\", <c>&\\u000d\\n\",\"held\":-3},\n {\"name\":null,\"held\":null},\n"
                      " {\"name\":\" x\",\"held\":true}]\n");
    flat_write_json(&(FlatTable){columns, cells + 2, 2, 1}, true, &out);
    assert_text(&out, "{\"name\":null,\"held\":null}\n");
    flat_write_json(&(FlatTable){columns, NULL, 2, 0}, false, &out);
    assert_text(&out, "[]\n");
}

static Str cell(const FlatTable *flat, size_t row, const char *column) {
    for (size_t i = 0; i < flat->columns_count; i++) {
        if (str_equal_text(flat->columns[i].name, column)) {
            return flat->cells[row * flat->columns_count + i];
        }
    }
    fail_msg("there is no column %s", column);
    return STR_NONE;
}

static void seats_and_cause_become_columns(void **state) {
    (void)state;
    static const FlatColumn nested[] = {
        {{"id", 2}, FLAT_TEXT}, {{"seats", 5}, FLAT_NESTED}, {{"cause", 5}, FLAT_NESTED}, {{"params", 6}, FLAT_NESTED}};
    static const char seats[] = "[{\"party_id\": \"PP53\", \"short\": \"LAB\", \"held\": 33, \"change\": null},"
                                " {\"party_id\": \"PP52\", \"held\": 22, \"change\": -11}]";
    Str values[] = {STR_LIT("a"),
                    str_from(seats),
                    STR_LIT("{\"topic\": \"t\", \"lane_seq\": 25, \"by\": null}"),
                    STR_LIT("{\"x\": [1]}"),
                    STR_LIT("b"),
                    STR_NONE,
                    STR_NONE,
                    STR_NONE};
    FlatTable source = {nested, values, COUNT_OF(nested), 2};
    Arena arena = {0};
    FlatTable flat = flat_expand(&source, 0, &arena);
    assert_int_equal(flat.rows_count, 2);
    assert_int_equal(flat.columns_count, 1 + FLAT_PARTIES_MIN * 10 + 10 + 1);
    assert_true(str_equal_text(cell(&flat, 0, "seats_1_party"), "PP53"));
    assert_true(str_equal_text(cell(&flat, 0, "seats_1_held"), "33"));
    assert_true(str_is_none(cell(&flat, 0, "seats_1_change")));
    assert_true(str_equal_text(cell(&flat, 0, "seats_2_change"), "-11"));
    assert_true(str_is_none(cell(&flat, 0, "seats_2_short")));
    assert_true(str_is_none(cell(&flat, 0, "seats_3_party")));
    assert_true(str_equal_text(cell(&flat, 0, "cause_lane_seq"), "25"));
    assert_true(str_is_none(cell(&flat, 0, "cause_by")));
    assert_true(str_equal_text(cell(&flat, 0, "params"), "{\"x\": [1]}"));
    assert_true(str_equal_text(cell(&flat, 1, "id"), "b"));
    assert_true(str_is_none(cell(&flat, 1, "seats_1_party")));
    assert_true(str_is_none(cell(&flat, 1, "cause_topic")));
    flat = flat_expand(&source, 1, &arena);
    assert_int_equal(flat.columns_count, 1 + 10 + 10 + 1);
    arena_free(&arena);
}

static void the_longest_row_makes_the_columns(void **state) {
    (void)state;
    static const FlatColumn nested[] = {{{"seats", 5}, FLAT_NESTED}};
    Buf seats = {0};
    buf_add_str(&seats, STR_LIT("[{\"held\": 1}"));
    for (int i = 0; i < 20; i++) {
        buf_add_str(&seats, STR_LIT(", {\"held\": 2}"));
    }
    buf_add_str(&seats, STR_LIT("]"));
    Str values[] = {STR_LIT("[]"), buf_str(&seats)};
    FlatTable source = {nested, values, 1, 2};
    Arena arena = {0};
    FlatTable flat = flat_expand(&source, 0, &arena);
    assert_int_equal(flat.columns_count, 21 * 10);
    assert_true(str_equal_text(cell(&flat, 1, "seats_21_held"), "2"));
    assert_true(str_is_none(cell(&flat, 0, "seats_21_held")));
    source.rows_count = 0;
    assert_int_equal(flat_expand(&source, 0, &arena).columns_count, FLAT_PARTIES_MIN * 10);
    arena_free(&arena);
    buf_free(&seats);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_quotes_what_needs_it),       cmocka_unit_test(csv_of_no_rows_is_its_header),
        cmocka_unit_test(xml_escapes_and_replaces),       cmocka_unit_test(json_keeps_types),
        cmocka_unit_test(seats_and_cause_become_columns), cmocka_unit_test(the_longest_row_makes_the_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
