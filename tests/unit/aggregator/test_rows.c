// Rows as PostgreSQL's COPY takes them, as the ledger's hash sees them, and as snapshots are compared.
#include "services/aggregator/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define T(text) STR_LIT(text)

static Buf out;

static int tear_down(void **state) {
    (void)state;
    buf_free(&out);
    return 0;
}

// `hex`: two digits a byte, spaces at will.
static void assert_hex(const void *bytes, size_t len, const char *hex) {
    size_t at = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ') {
            continue;
        }
        char digits[] = {hex[0], hex[1], '\0'};
        assert_true(at < len);
        assert_int_equal(((const unsigned char *)bytes)[at++], strtol(digits, NULL, 16));
        hex++;
    }
    assert_int_equal(at, len);
}

// ---- COPY ------------------------------------------------------------------------------------------------

typedef struct AnyRow {
    Str text;
    MaybeInt maybe;
    int64_t number;
    int32_t small;
    bool flag;
    Trilean trilean;
    CivilDate date;
    MaybeUuid uuid;
    RuleSet rules;
    uint8_t hash[SHA256_BYTES];
} AnyRow;

static void assert_tuple(ColumnType type, size_t offset, const AnyRow *row, const char *hex) {
    const Column column = {.name = "column", .type = type, .offset = offset};
    const Table table = {.name = "table", .columns = &column, .columns_count = 1};
    buf_clear(&out);
    row_add_tuple(&table, row, &out);
    assert_hex(out.ptr, out.len, hex);
}
#define ASSERT_TUPLE(type, member, value, hex)                                                                         \
    assert_tuple(type, offsetof(AnyRow, member), &(AnyRow){.member = (value)}, hex)

// A count of one field, then its length and bytes; a length of -1 is null.
static void each_type_goes_to_copy_in_its_binary_form(void **state) {
    (void)state;
    ASSERT_TUPLE(COLUMN_TEXT, text, T("A\xc5\xb4"), "0001 00000003 41c5b4");
    ASSERT_TUPLE(COLUMN_TEXT, text, T(""), "0001 00000000");
    ASSERT_TUPLE(COLUMN_TEXT, text, STR_NONE, "0001 ffffffff");
    ASSERT_TUPLE(COLUMN_BYTES, text, T("\0\xff"), "0001 00000002 00ff");
    ASSERT_TUPLE(COLUMN_JSON, text, T("[]"), "0001 00000002 5b5d");
    ASSERT_TUPLE(COLUMN_JSON, text, STR_NONE, "0001 ffffffff");
    ASSERT_TUPLE(COLUMN_INT, small, -2, "0001 00000004 fffffffe");
    ASSERT_TUPLE(COLUMN_MAYBE_INT, maybe, ((MaybeInt){true, 7}), "0001 00000004 00000007");
    ASSERT_TUPLE(COLUMN_MAYBE_INT, maybe, ((MaybeInt){false, 7}), "0001 ffffffff");
    ASSERT_TUPLE(COLUMN_COUNT, number, 3495, "0001 00000004 00000da7");
    ASSERT_TUPLE(COLUMN_COUNT, number, COUNT_UNKNOWN, "0001 ffffffff");
    ASSERT_TUPLE(COLUMN_BIGINT, number, 1, "0001 00000008 0000000000000001");
    ASSERT_TUPLE(COLUMN_BIGINT, number, COUNT_UNKNOWN, "0001 ffffffff");
    ASSERT_TUPLE(COLUMN_BOOL, flag, true, "0001 00000001 01");
    ASSERT_TUPLE(COLUMN_TRILEAN, trilean, TRILEAN_FALSE, "0001 00000001 00");
    ASSERT_TUPLE(COLUMN_TRILEAN, trilean, TRILEAN_UNKNOWN, "0001 ffffffff");
}

// PostgreSQL counts from 2000-01-01.
static void times_and_dates_count_from_2000(void **state) {
    (void)state;
    ASSERT_TUPLE(COLUMN_TIME, number, INT64_C(946684800000001), "0001 00000008 0000000000000001");
    ASSERT_TUPLE(COLUMN_TIME, number, INT64_C(946684799999999), "0001 00000008 ffffffffffffffff");
    ASSERT_TUPLE(COLUMN_TIME, number, TIME_NONE, "0001 ffffffff");
    ASSERT_TUPLE(COLUMN_DATE, date, ((CivilDate){2000, 3, 1}), "0001 00000004 0000003c");
    ASSERT_TUPLE(COLUMN_DATE, date, ((CivilDate){1999, 12, 31}), "0001 00000004 ffffffff");
}

static void uuids_and_hashes_are_bytes(void **state) {
    (void)state;
    AnyRow row = {
        .uuid = {true,
                 {0x0f, 0x8f, 0xad, 0x5b, 0xd9, 0xcb, 0x46, 0x9f, 0xa1, 0x65, 0x70, 0x86, 0x77, 0x28, 0x95, 0x0e}}};
    assert_tuple(COLUMN_UUID, offsetof(AnyRow, uuid), &row, "0001 00000010 0f8fad5bd9cb469fa16570867728950e");
    row.uuid.known = false;
    assert_tuple(COLUMN_UUID, offsetof(AnyRow, uuid), &row, "0001 ffffffff");
    memset(row.hash, 0xab, sizeof row.hash);
    assert_tuple(COLUMN_HASH, offsetof(AnyRow, hash), &row,
                 "0001 00000020 abababababababababababababababababababababababababababababababab");
}

// Dimensions, no nulls, the type's OID (25, text); then length and lower bound; then the elements.
static void reasons_are_an_array_of_text(void **state) {
    (void)state;
    ASSERT_TUPLE(COLUMN_RULES, rules, 0, "0001 0000000c 00000000 00000000 00000019");
    ASSERT_TUPLE(COLUMN_RULES, rules, RULE_BIT(RULE_TOO_LARGE) | RULE_BIT(RULE_NOT_HELD),
                 "0001 0000002d 00000001 00000000 00000019 00000002 00000001 00000009 544f4f5f4c41524745 00000008 "
                 "4e4f545f48454c44");
}

static void a_row_has_its_tables_columns(void **state) {
    (void)state;
    static const struct {
        const Table *table;
        const char *name, *first, *last;
        size_t columns;
    } cases[] = {
        {&table_ledger, "ledger", "lane", "entry_hash", 25},
        {&table_fate_change, "fate_change", "lane", "recorded_at", 11},
        {&table_election, "election", "election_id", "recorded_at", 8},
        {&table_snapshot, "snapshot", "election_id", "facts", 38},
        {&table_ballot, "ballot", "election_id", "recorded_at", 21},
        {&table_flash, "flash", "flash_id", "recorded_at", 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Table *table = cases[i].table;
        assert_string_equal(table->name, cases[i].name);
        assert_int_equal(table->columns_count, cases[i].columns);
        assert_string_equal(table->columns[0].name, cases[i].first);
        assert_string_equal(table->columns[table->columns_count - 1].name, cases[i].last);
    }
}

static void a_flash_is_one_tuple(void **state) {
    (void)state;
    const FlashRow row = {.flash_id = T("e/2/FINAL"),
                          .is_test = true,
                          .election_id = T("e"),
                          .seq = 2,
                          .kind = T("FINAL"),
                          .text = T("F"),
                          .recorded_at_us = INT64_C(946684800000000)};
    row_add_tuple(&table_flash, &row, &out);
    assert_hex(out.ptr, out.len,
               "0008 00000009 652f322f46494e414c 00000001 01 00000001 65 00000004 00000002 00000005 46494e414c "
               "00000001 46 ffffffff 00000008 0000000000000000");
}

// ---- what a snapshot says --------------------------------------------------------------------------------

static bool same_content(const SnapshotRow *a, const SnapshotRow *b) {
    _cleanup_buf_ Buf left = {0}, right = {0};
    row_add_content(&table_snapshot, a, &left);
    row_add_content(&table_snapshot, b, &right);
    return str_equal(buf_str(&left), buf_str(&right));
}

static void when_and_why_is_not_what_a_snapshot_says(void **state) {
    (void)state;
    const SnapshotRow row = {.election_id = T("e"), .control = T("PP1"), .poll_date = {2023, 5, 4}, .seats = T("[]")};
    SnapshotRow other = row;
    other.seq = 2;
    other.lane_seq = 3;
    other.recorded_at_us = 4;
    other.called_at_us = 5;
    other.cause = T("{}");
    other.facts = T("[]");
    assert_true(same_content(&row, &other));
}

static void each_figure_is(void **state) {
    (void)state;
    const SnapshotRow row = {.election_id = T("e"), .control = T("PP1"), .poll_date = {2023, 5, 4}, .seats = T("[]")};
    SnapshotRow others[] = {row, row, row, row, row, row, row};
    others[0].control = STR_NONE;
    others[1].majority = (MaybeInt){true, 0};
    others[2].ballots_held = 1;
    others[3].votes_complete = true;
    others[4].seats = T("[{}]");
    others[5].headline = T("");
    others[6].poll_date.day = 5;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(same_content(&row, &others[i]));
    }
}

// ---- the ledger's hash -----------------------------------------------------------------------------------

// The hashes were made by Python, as rows.h describes them:
//     bytes = prev_hash
//     for value in columns: bytes += b"\1" + bytes(4) if value is None else b"\0" + len(value).to_bytes(4) + value
//     hashlib.sha256(bytes).hexdigest()
static void a_ledger_row_is_hashed_with_all_its_columns(void **state) {
    (void)state;
    LedgerRow row = {
        .lane = 2,
        .lane_seq = 1,
        .record = T("declared.WardDeclaration"),
        .topic = T("ward-declarations"),
        .partition = 2,
        .kafka_offset = 41,
        .kafka_timestamp_us = INT64_C(1683249300123000),
        .key = T("E06000035"),
        .payload = T("\0\0\0\0\1\xff"),
        .event_id = {true,
                     {0x0f, 0x8f, 0xad, 0x5b, 0xd9, 0xcb, 0x46, 0x9f, 0xa1, 0x65, 0x70, 0x86, 0x77, 0x28, 0x95, 0x0e}},
        .election_id = T("local.medway.2023-05-04"),
        .ballot_paper_id = T("local.medway.all-saints.2023-05-04"),
        .source = T("pa"),
        .kind = T("DECLARED"),
        .basis = T("DECLARATION"),
        .revision = {true, 1},
        .is_test = TRILEAN_FALSE,
        .fate = T("held"),
        .reasons = RULE_BIT(RULE_TIE_WITHOUT_LOT) | RULE_BIT(RULE_SEATS_MISMATCH),
        .detail = T("\xc5\xb4: 2 seats"),
        .rules_version = 3,
        .writer_schema = T("00000000deadbeef"),
        .received_at_us = INT64_C(1683249300123456),
    };
    ledger_row_hash(&row, &out);
    assert_hex(row.entry_hash, sizeof row.entry_hash,
               "f3d074ba3302dc6cd9acfc23308995f51d2c0f7ddca8e67aaa2d0a0903ed200f");
}

static void a_null_differs_from_an_empty_text(void **state) {
    (void)state;
    LedgerRow row = {.lane = 2,
                     .lane_seq = 2,
                     .topic = T("desk-events"),
                     .partition = 2,
                     .fate = T("rejected"),
                     .detail = T(""),
                     .rules_version = 3,
                     .kafka_timestamp_us = TIME_NONE};
    // After the row above.
    static const uint8_t before[SHA256_BYTES] = {0xf3, 0xd0, 0x74, 0xba, 0x33, 0x02, 0xdc, 0x6c, 0xd9, 0xac, 0xfc,
                                                 0x23, 0x30, 0x89, 0x95, 0xf5, 0x1d, 0x2c, 0x0f, 0x7d, 0xdc, 0xa8,
                                                 0xe6, 0x7a, 0xaa, 0x2d, 0x0a, 0x09, 0x03, 0xed, 0x20, 0x0f};
    memcpy(row.prev_hash, before, sizeof before);
    ledger_row_hash(&row, &out);
    assert_hex(row.entry_hash, sizeof row.entry_hash,
               "af923368dc90ba09edaf141edb65008e8cdceeb06396c5bd6024a7e2ab006e52");
    uint8_t with_empty_detail[SHA256_BYTES];
    memcpy(with_empty_detail, row.entry_hash, sizeof with_empty_detail);
    row.detail = STR_NONE;
    ledger_row_hash(&row, &out);
    assert_memory_not_equal(row.entry_hash, with_empty_detail, sizeof with_empty_detail);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_type_goes_to_copy_in_its_binary_form),
        TEST(times_and_dates_count_from_2000),
        TEST(uuids_and_hashes_are_bytes),
        TEST(reasons_are_an_array_of_text),
        TEST(a_row_has_its_tables_columns),
        TEST(a_flash_is_one_tuple),
        TEST(when_and_why_is_not_what_a_snapshot_says),
        TEST(each_figure_is),
        TEST(a_ledger_row_is_hashed_with_all_its_columns),
        TEST(a_null_differs_from_an_empty_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
