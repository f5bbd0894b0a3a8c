#include "services/cli/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct Fixture {
    Arena arena;
    CsvReader reader;
    CsvRecord record;
} Fixture;

static int set_up(void **state) {
    *state = calloc(1, sizeof(Fixture));
    return *state == NULL;
}

static int tear_down(void **state) {
    Fixture *fixture = *state;
    csv_free(&fixture->reader);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static void begin(Fixture *fixture, const char *text) {
    csv_init(&fixture->reader, str_from(text));
}

static CsvStatus next(Fixture *fixture) {
    return csv_next(&fixture->reader, &fixture->arena, &fixture->record);
}

static void assert_field(const Fixture *fixture, size_t index, const char *text) {
    assert_true(index < fixture->record.count);
    assert_true(str_equal_text(fixture->record.fields[index], text));
}

static void fields_and_records_are_parted(void **state) {
    Fixture *f = *state;
    begin(f, "a,b,c\nd,,\n");
    assert_int_equal(next(f), CSV_RECORD);
    assert_int_equal(f->record.count, 3);
    assert_field(f, 2, "c");
    assert_int_equal(next(f), CSV_RECORD);
    assert_int_equal(f->record.count, 3);
    assert_field(f, 1, "");
    assert_field(f, 2, "");
    assert_int_equal(next(f), CSV_END);
    assert_int_equal(next(f), CSV_END);
}

static void quotes_hold_commas_quotes_and_line_breaks(void **state) {
    Fixture *f = *state;
    begin(f, "\"Cuxton, Halling and Riverside\",\"say \"\"no\"\"\",\"two\r\nlines\",\"\"\n");
    assert_int_equal(next(f), CSV_RECORD);
    assert_int_equal(f->record.count, 4);
    assert_field(f, 0, "Cuxton, Halling and Riverside");
    assert_field(f, 1, "say \"no\"");
    assert_field(f, 2, "two\r\nlines");
    assert_field(f, 3, "");
}

static void lines_are_counted_as_an_editor_counts_them(void **state) {
    Fixture *f = *state;
    begin(f, "a\r\n\"b\nb\r\nb\",c\n\n\nd\re");
    const size_t lines[] = {1, 2, 7, 8};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(next(f), CSV_RECORD);
        assert_int_equal(f->record.line, lines[i]);
    }
    assert_field(f, 0, "e");
    assert_int_equal(next(f), CSV_END);
}

static void a_byte_order_mark_is_passed_over(void **state) {
    Fixture *f = *state;
    begin(f, "\xEF\xBB\xBF\"a\",b");
    assert_int_equal(next(f), CSV_RECORD);
    assert_field(f, 0, "a");
    assert_field(f, 1, "b");
}

static void stray_quotes_stand_for_themselves(void **state) {
    Fixture *f = *state;
    begin(f, "6\" nails,\"a\"b\"c\",d\n");
    assert_int_equal(next(f), CSV_RECORD);
    assert_int_equal(f->record.count, 3);
    assert_field(f, 0, "6\" nails");
    assert_field(f, 1, "ab\"c\"");
}

static void an_open_quote_is_told_with_its_line(void **state) {
    Fixture *f = *state;
    begin(f, "a,b\nc,\"d\ne,f\n");
    assert_int_equal(next(f), CSV_RECORD);
    assert_int_equal(next(f), CSV_QUOTE_OPEN);
    assert_int_equal(f->record.line, 2);
}

static void an_empty_text_has_no_record(void **state) {
    Fixture *f = *state;
    begin(f, "");
    assert_int_equal(next(f), CSV_END);
    begin(f, "\n\r\n");
    assert_int_equal(next(f), CSV_END);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_and_records_are_parted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(quotes_hold_commas_quotes_and_line_breaks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_are_counted_as_an_editor_counts_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_byte_order_mark_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stray_quotes_stand_for_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_open_quote_is_told_with_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_text_has_no_record, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
