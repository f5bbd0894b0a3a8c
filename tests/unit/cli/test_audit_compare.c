#include "services/cli/audit_compare.h"
#include "services/cli/audit_stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct Row {
    Buf bytes;
    Tuple tuple;
} Row;

static Arena arena;

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

// The row's fields, in memory of the test's arena.
static Row snapshot(SnapshotRow values) {
    Buf bytes = {0};
    Row row;
    row_add_tuple(&table_snapshot, &values, &bytes);
    bool good = tuple_read(arena_copy(&arena, buf_str(&bytes)), &row.tuple);
    buf_free(&bytes);
    assert_true(good);
    return row;
}

static SnapshotRow sample(void) {
    return (SnapshotRow){
        .election_id = STR_LIT("local.medway.2023-05-04"),
        .seq = 7,
        .lane = 3,
        .lane_seq = 9,
        .poll_date = {2023, 5, 4},
        .recorded_at_us = 1683249323500000,
        .status = STR_LIT("called"),
        .seats = STR_LIT("[{\"party_id\":\"PP53\",\"held\":30},{\"party_id\":\"PP52\",\"held\":21}]"),
        .cause = STR_LIT("{\"lane\":3}"),
        .called_at_us = TIME_NONE,
    };
}

static void assert_differs(SnapshotRow left, SnapshotRow right, const char *place, const char *one, const char *other) {
    Row a = snapshot(left), b = snapshot(right);
    size_t column = row_find_difference(&table_snapshot, a.tuple.fields, b.tuple.fields);
    assert_true(column < table_snapshot.columns_count);
    Values values = row_tell_values(&table_snapshot, column, a.tuple.fields, b.tuple.fields, &arena);
    assert_string_equal(arena_copy(&arena, values.place).ptr, place);
    assert_string_equal(arena_copy(&arena, values.left).ptr, one);
    assert_string_equal(arena_copy(&arena, values.right).ptr, other);
}

static void equal_rows_have_no_difference(void **state) {
    (void)state;
    Row a = snapshot(sample()), b = snapshot(sample());
    assert_int_equal(row_find_difference(&table_snapshot, a.tuple.fields, b.tuple.fields),
                     table_snapshot.columns_count);
}

static void json_is_compared_byte_for_byte(void **state) {
    (void)state;
    SnapshotRow printed = sample();
    printed.seats = STR_LIT("[{\"party_id\":\"PP53\", \"held\":30},{\"party_id\":\"PP52\",\"held\":21}]");
    Row a = snapshot(printed), b = snapshot(sample());
    assert_int_equal(row_find_difference(&table_snapshot, a.tuple.fields, b.tuple.fields),
                     table_find_column(&table_snapshot, "seats"));
}

static void null_and_nothing_differ(void **state) {
    (void)state;
    SnapshotRow other = sample();
    other.headline = STR_LIT("");
    assert_differs(other, sample(), "headline", "''", "null");
}

static void a_value_is_told_as_people_write_it(void **state) {
    (void)state;
    SnapshotRow other = sample();
    other.recorded_at_us++;
    assert_differs(sample(), other, "recorded_at", "'2023-05-05T01:15:23.500000Z'", "'2023-05-05T01:15:23.500001Z'");
    other = sample();
    other.poll_date.day = 5;
    assert_differs(sample(), other, "poll_date", "'2023-05-04'", "'2023-05-05'");
    other = sample();
    other.votes_complete = true;
    assert_differs(sample(), other, "votes_complete", "'false'", "'true'");
    other = sample();
    other.majority = (MaybeInt){true, -7};
    assert_differs(sample(), other, "majority", "null", "'-7'");
}

static void the_place_within_json_is_told(void **state) {
    (void)state;
    SnapshotRow other = sample();
    other.seats = STR_LIT("[{\"party_id\":\"PP53\",\"held\":30},{\"party_id\":\"PP52\",\"held\":22}]");
    assert_differs(sample(), other, "seats[1].held", "21", "22");
    other.seats = STR_LIT("[{\"party_id\":\"PP53\",\"held\":30}]");
    assert_differs(sample(), other, "seats[1]", "{\"party_id\":\"PP52\",\"held\":21}", "nothing");
    other.seats = STR_LIT("[{\"party_id\":\"PP53\",\"held\":30,\"won\":1},{\"party_id\":\"PP52\",\"held\":21}]");
    assert_differs(sample(), other, "seats[0].won", "nothing", "1");
}

static void a_long_value_is_shown_around_the_difference_in_one_line(void **state) {
    (void)state;
    SnapshotRow left = sample(), right = sample();
    left.headline = STR_LIT("0123456789012345678901234567890123456789\n0123456789012345678901234567890123456789 x end");
    right.headline =
        STR_LIT("0123456789012345678901234567890123456789\n0123456789012345678901234567890123456789 y end");
    assert_differs(left, right, "headline", "'...1234567890123456789 x end'", "'...1234567890123456789 y end'");
    left.headline = STR_LIT("a\nb");
    assert_differs(left, sample(), "headline", "'a b'", "null");
}

static void a_row_is_named_by_its_keys(void **state) {
    (void)state;
    Row row = snapshot(sample());
    Str name = row_tell_name(&table_snapshot, row.tuple.fields, &arena);
    assert_string_equal(arena_copy(&arena, name).ptr,
                        "snapshot, lane 3, lane_seq 9, election_id local.medway.2023-05-04, is_test false, seq 7");
}

static void rows_are_ordered_by_their_keys(void **state) {
    (void)state;
    SnapshotRow later = sample(), other = sample();
    later.seq = 300; // by value, not by digits
    other.election_id = STR_LIT("local.medway.2023-05-04.b");
    Row a = snapshot(sample()), b = snapshot(later), c = snapshot(other);
    const int keys[] = {(int)table_find_column(&table_snapshot, "election_id"),
                        (int)table_find_column(&table_snapshot, "seq"), -1};
    assert_true(row_compare_keys(keys, a.tuple.fields, b.tuple.fields) < 0);
    assert_true(row_compare_keys(keys, b.tuple.fields, c.tuple.fields) < 0);
    assert_int_equal(row_compare_keys(keys, c.tuple.fields, c.tuple.fields), 0);
}

static void a_tuple_that_was_cut_off_is_none(void **state) {
    (void)state;
    SnapshotRow values = sample();
    Buf bytes = {0};
    Tuple tuple;
    row_add_tuple(&table_snapshot, &values, &bytes);
    size_t len = bytes.len, cut = 0;
    while (cut < len && !tuple_read((Str){bytes.ptr, cut}, &tuple)) {
        cut++;
    }
    bool whole = tuple_read((Str){bytes.ptr, len}, &tuple);
    Buf again = {0};
    tuple_write(&tuple, &again);
    bool same = str_equal(buf_str(&again), buf_str(&bytes));
    buf_free(&again);
    buf_free(&bytes);
    assert_int_equal(cut, len);
    assert_true(whole && same);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(equal_rows_have_no_difference, tear_down),
        cmocka_unit_test_teardown(json_is_compared_byte_for_byte, tear_down),
        cmocka_unit_test_teardown(null_and_nothing_differ, tear_down),
        cmocka_unit_test_teardown(a_value_is_told_as_people_write_it, tear_down),
        cmocka_unit_test_teardown(the_place_within_json_is_told, tear_down),
        cmocka_unit_test_teardown(a_long_value_is_shown_around_the_difference_in_one_line, tear_down),
        cmocka_unit_test_teardown(a_row_is_named_by_its_keys, tear_down),
        cmocka_unit_test_teardown(rows_are_ordered_by_their_keys, tear_down),
        cmocka_unit_test_teardown(a_tuple_that_was_cut_off_is_none, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
