#include "services/validator/decode.h"

#include "common/base/limits.h"
#include "services/validator/encode.h"
#include "services/validator/own_schemas.h"
#include "tests/support/avro_payload.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { DECLARATION_ID = 1, REFERENCE_ID = 3 }; // in ids.json

typedef struct Fixture {
    SchemaStore *store;
    Arena arena;
    Buf payload;
    Decoded out;
    int32_t wanted;
} Fixture;

static int set_up(void **state) {
    static Fixture fixture;
    fixture = (Fixture){.store = schema_store_new()};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    schema_store_free(f->store);
    arena_free(&f->arena);
    buf_free(&f->payload);
    return 0;
}

static DecodeStatus decode(Fixture *f) {
    arena_reset(&f->arena);
    DecodeStatus status = decode_payload(f->store, buf_str(&f->payload), &f->arena, &f->out, &f->wanted);
    assert_true(f->arena.given <= 4 * f->payload.len + 65536);
    return status;
}

static void assert_rejected(Fixture *f, Rule rule, const char *detail) {
    DecodeStatus status = decode(f);
    char told[LIMIT_DETAIL_BYTES + 1];
    snprintf(told, sizeof told, STR_FMT, STR_ARG(f->out.detail));
    assert_string_equal(told, detail);
    assert_int_equal(f->out.rule, rule);
    assert_int_equal(status, DECODE_REJECTED);
    assert_int_equal(f->out.record.type, RECORD_NONE);
}

// A declaration with one field's bytes changed.
static void set_declaration(Fixture *f, const char *field, Str bytes) {
    buf_clear(&f->payload);
    add_declaration(&f->payload, DECLARATION_ID, &(FieldBytes){field, bytes}, 1);
}

// Begins a declaration of a writer whose first field, `extra`, is of this type; its bytes come next.
static void begin_extra(Fixture *f, int32_t id, const char *type) {
    Str error = STR_NONE;
    assert_true(schema_store_add(f->store, id, declaration_schema_with(&f->arena, type), &f->arena, &error));
    buf_clear(&f->payload);
    add_confluent(&f->payload, (uint32_t)id);
}

// Puts a valid declaration's fields behind what is there.
static void end_extra(Fixture *f) {
    _cleanup_buf_ Buf fields = {0};
    add_declaration(&fields, 0, NULL, 0);
    buf_add(&f->payload, fields.ptr + 5, fields.len - 5);
}

static void a_declaration_becomes_a_struct(void **state) {
    Fixture *f = *state;
    add_declaration(&f->payload, DECLARATION_ID, NULL, 0);
    assert_int_equal(decode(f), DECODE_OK);
    assert_int_equal(f->out.record.type, RECORD_DECLARATION);
    const Declaration *d = &f->out.record.declaration;
    assert_true(str_equal_text(d->ballot_paper_id, "local.medway.all-saints.2023-05-04"));
    assert_int_equal(d->kind, KIND_DECLARED);
    assert_int_equal(d->revision, 1);
    assert_true(str_is_none(d->source_url));
    assert_int_equal(d->electorate, 3495);
    assert_true(d->ballot_papers == COUNT_UNKNOWN);
    assert_int_equal(d->candidates_count, 1);
    assert_true(str_equal_text(d->candidates[0].party_id, "PP53"));
    assert_int_equal(d->candidates[0].votes, 812);
    assert_true(d->candidates[0].elected);
    assert_true(f->out.writer_schema == own_schema_by_name(STR_LIT("declared.WardDeclaration"))->fingerprint);
}

static void strings_are_borrowed_from_the_payload(void **state) {
    Fixture *f = *state;
    add_declaration(&f->payload, DECLARATION_ID, NULL, 0);
    assert_int_equal(decode(f), DECODE_OK);
    const char *text = f->out.record.declaration.ward_name.ptr;
    assert_true(text > f->payload.ptr && text < f->payload.ptr + f->payload.len);
}

// The dangerous payloads known beforehand, by name: a change to a valid declaration each.
static void hostile_fields(void **state) {
    Fixture *f = *state;
    // clang-format off
    static const struct {
        const char *name, *field;
        Str bytes;
        Rule rule;
        const char *detail;
    } cases[] = {
        {"enum index 57", "kind", {"\x72", 1}, RULE_BAD_AVRO, "kind: enum index 57 of 4 at byte 122"},
        {"enum index -3", "kind", {"\x05", 1}, RULE_BAD_AVRO, "kind: enum index -3 of 4 at byte 122"},
        {"enum index 2^32", "kind", {"\x80\x80\x80\x80\x20", 5}, RULE_BAD_AVRO,
         "kind: number outside int's range at byte 122"},
        {"enum index one too far", "basis", {"\x0a", 1}, RULE_BAD_AVRO, "basis: enum index 5 of 5 at byte 124"},
        {"string of 1 MiB without a body", "ward_name", {"\x80\x80\x80\x01", 4}, RULE_BAD_AVRO,
         "ward_name: length 1048576 with 54 bytes left at byte 111"},
        {"length -5", "ward_name", {"\x09", 1}, RULE_BAD_AVRO, "ward_name: length -5 with 54 bytes left at byte 111"},
        {"length 2^62", "ward_name", {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10}, RULE_BAD_AVRO,
         "ward_name: length 4611686018427387904 with 54 bytes left at byte 111"},
        {"length of all that is left and one more", "ward_name", {"\x6e", 1}, RULE_BAD_AVRO,
         "ward_name: length 55 with 54 bytes left at byte 111"},
        {"NUL in a string", "ward_name", {"\x06" "A\0B", 4}, RULE_BAD_UTF8, "ward_name: NUL in a string at byte 113"},
        {"NUL in a long string", "ward_name", {"\x12" "ABCDEFGH\0", 10}, RULE_BAD_UTF8,
         "ward_name: NUL in a string at byte 120"},
        {"half of a surrogate pair", "ward_name", {"\x06\xed\xa0\xbd", 4}, RULE_BAD_UTF8,
         "ward_name: not UTF-8 at byte 112"},
        {"overlong UTF-8", "ward_name", {"\x04\xc0\x80", 3}, RULE_BAD_UTF8, "ward_name: not UTF-8 at byte 112"},
        {"UTF-8 cut short", "ward_name", {"\x14" "All Saint\xc3", 11}, RULE_BAD_UTF8, "ward_name: not UTF-8 at byte 121"},
        {"boolean 7", "is_test", {"\x07", 1}, RULE_BAD_AVRO, "is_test: boolean 7, which is neither 0 nor 1 at byte 141"},
        {"union branch 9", "source_url", {"\x12", 1}, RULE_BAD_AVRO, "source_url: union branch 9 of 2 at byte 140"},
        {"union branch -1", "note", {"\x01", 1}, RULE_BAD_AVRO, "note: union branch -1 of 2 at byte 175"},
        {"varint of 11 bytes", "declared_at", {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, RULE_BAD_AVRO,
         "declared_at: varint longer than 10 bytes at byte 125"},
        {"varint padded with zero bits", "revision", {"\x82\x00", 2}, RULE_BAD_AVRO,
         "revision: varint padded with zero bits at byte 123"},
        {"varint of 6 bytes for an int", "candidates.votes", {"\x02\x80\x80\x80\x80\x80\x01", 7}, RULE_BAD_AVRO,
         "candidates[0].votes: varint longer than 5 bytes at byte 170"},
        {"20 million candidates in five bytes", "candidates", {"\x80\xb4\x89\x13", 4}, RULE_BAD_AVRO,
         "candidates: 20000000 items claimed with 26 bytes left at byte 149"},
        {"-2^63 candidates", "candidates", {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x04", 11}, RULE_BAD_AVRO,
         "candidates: 9223372036854775808 items claimed with 26 bytes left at byte 149"},
        {"block larger than what is left", "candidates", {"\x01\x80\x01", 3}, RULE_BAD_AVRO,
         "candidates: block of 64 bytes with 26 bytes left at byte 149"},
        {"block of -1 bytes", "candidates", {"\x01\x01", 2}, RULE_BAD_AVRO,
         "candidates: block of -1 bytes with 26 bytes left at byte 149"},
        {"block size one short", "candidates", {"\x01\x2e", 2}, RULE_BAD_AVRO,
         "candidates: a block whose size is not that of its items at byte 149"},
        {"block size one too long", "candidates", {"\x01\x32", 2}, RULE_BAD_AVRO,
         "candidates: a block whose size is not that of its items at byte 149"},
        {"a candidate without end", "candidates.end", {"\x02", 1}, RULE_BAD_AVRO,
         "candidates: 1 items claimed with 1 bytes left at byte 174"},
        {"bytes behind the datum", "note", {"\x00" "BYTES", 6}, RULE_TRAILING_BYTES,
         "5 bytes left behind the datum, at byte 176"},
    };
    // clang-format on
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_declaration(f, cases[i].field, cases[i].bytes);
        print_message("           %s\n", cases[i].name);
        assert_rejected(f, cases[i].rule, cases[i].detail);
    }
}

// Texts are looked at by the word: every length that makes a difference, with one byte changed at each place.
static void a_byte_that_is_no_text_is_found_wherever_it_is(void **state) {
    Fixture *f = *state;
    enum { LENGTH_MAX = 40 };
    static const struct {
        uint8_t byte;
        DecodeStatus status;
    } bytes[] = {{0x00, DECODE_REJECTED}, {0x01, DECODE_OK},       {0x7f, DECODE_OK},
                 {0x80, DECODE_REJECTED}, {0xc3, DECODE_REJECTED}, {0xff, DECODE_REJECTED}};
    for (size_t len = 0; len <= LENGTH_MAX; len++) {
        char field[1 + LENGTH_MAX] = {(char)(2 * len)};
        memset(field + 1, 'a', len);
        set_declaration(f, "ward_name", (Str){field, 1 + len});
        assert_int_equal(decode(f), DECODE_OK);
        assert_int_equal(f->out.record.declaration.ward_name.len, len);
        for (size_t place = 0; place < len; place++) {
            for (size_t b = 0; b < sizeof bytes / sizeof bytes[0]; b++) {
                field[1 + place] = (char)bytes[b].byte;
                set_declaration(f, "ward_name", (Str){field, 1 + len});
                assert_int_equal(decode(f), bytes[b].status);
                assert_true(bytes[b].status == DECODE_OK || f->out.rule == RULE_BAD_UTF8);
            }
            field[1 + place] = 'a';
        }
    }
}

static void a_character_of_two_bytes_is_text_wherever_it_is(void **state) {
    Fixture *f = *state;
    enum { LENGTH_MAX = 40 };
    for (size_t len = 2; len <= LENGTH_MAX; len++) {
        for (size_t place = 0; place + 2 <= len; place++) {
            char field[1 + LENGTH_MAX] = {(char)(2 * len)};
            memset(field + 1, 'a', len);
            memcpy(field + 1 + place, "\xc3\xa2", 2);
            set_declaration(f, "ward_name", (Str){field, 1 + len});
            assert_int_equal(decode(f), DECODE_OK);
        }
    }
}

static void a_true_block_size_is_accepted(void **state) {
    Fixture *f = *state;
    set_declaration(f, "candidates", (Str){"\x01\x30", 2});
    assert_int_equal(decode(f), DECODE_OK);
    assert_int_equal(f->out.record.declaration.candidates_count, 1);
}

static void every_truncation_is_rejected(void **state) {
    Fixture *f = *state;
    add_declaration(&f->payload, DECLARATION_ID, NULL, 0);
    for (size_t len = f->payload.len; f->payload.len > 0; len--) {
        f->payload.len = len - 1;
        assert_int_equal(decode(f), DECODE_REJECTED);
        assert_true(f->out.rule == RULE_BAD_AVRO || (len - 1 < 5 && f->out.rule == RULE_BAD_FRAMING));
        assert_true(f->out.detail.len > 0);
    }
}

static void bad_framing(void **state) {
    Fixture *f = *state;
    assert_rejected(f, RULE_BAD_FRAMING, "the value is empty");
    buf_add(&f->payload, "\x01GUIDGUIDGUIDGUID", 17);
    assert_rejected(f, RULE_BAD_FRAMING, "framing 01 (a schema's GUID) is not supported");
    assert_int_equal(decode_payload(f->store, STR_NONE, &f->arena, &f->out, &f->wanted), DECODE_REJECTED);
    assert_int_equal(f->out.rule, RULE_BAD_FRAMING);
}

static void more_than_a_mebibyte_is_too_large(void **state) {
    Fixture *f = *state;
    buf_reserve(&f->payload, LIMIT_RECORD_BYTES + 1);
    memset(f->payload.ptr, 0, LIMIT_RECORD_BYTES + 1);
    f->payload.len = LIMIT_RECORD_BYTES + 1;
    assert_rejected(f, RULE_TOO_LARGE, "1048577 bytes, more than 1048576");
    f->payload.len = LIMIT_RECORD_BYTES;
    assert_int_equal(decode(f), DECODE_SCHEMA_WANTED);
}

static void twenty_million_nulls_in_five_bytes(void **state) {
    Fixture *f = *state;
    begin_extra(f, TEST_SCHEMA_ID, "{\"type\": \"array\", \"items\": \"null\"}");
    buf_add(&f->payload, "\x80\xb4\x89\x13\x00", 5);
    end_extra(f);
    assert_rejected(f, RULE_BAD_AVRO, "extra: 20000000 items claimed with 172 bytes left at byte 5");
}

static void a_million_empty_records(void **state) {
    Fixture *f = *state;
    begin_extra(f, TEST_SCHEMA_ID,
                "{\"type\": \"array\", \"items\": {\"type\": \"record\", \"name\": \"Nothing\", \"fields\": []}}");
    add_long(&f->payload, 1000000);
    add_long(&f->payload, 0);
    end_extra(f);
    assert_rejected(f, RULE_BAD_AVRO, "extra: 1000000 items claimed with 172 bytes left at byte 5");
}

// The cap is on all blocks together, or many small claims would get round it.
static void empty_items_in_many_blocks(void **state) {
    Fixture *f = *state;
    begin_extra(f, TEST_SCHEMA_ID, "{\"type\": \"array\", \"items\": \"null\"}");
    for (int i = 0; i < 5; i++) {
        add_long(&f->payload, 1000);
    }
    add_long(&f->payload, 0);
    end_extra(f);
    assert_rejected(f, RULE_BAD_AVRO, "extra: 1000 items claimed with 172 bytes left at byte 13");
}

static void a_few_empty_items_are_no_harm(void **state) {
    Fixture *f = *state;
    begin_extra(f, TEST_SCHEMA_ID, "{\"type\": \"array\", \"items\": \"null\"}");
    add_long(&f->payload, 1000);
    add_long(&f->payload, 0);
    end_extra(f);
    assert_int_equal(decode(f), DECODE_OK);
}

#define LIST                                                                                                           \
    "{\"type\": \"record\", \"name\": \"List\", \"fields\": [{\"name\": \"next\", \"type\": [\"null\", \"List\"]}]}"

static void recursion_to_50_kb(void **state) {
    Fixture *f = *state;
    begin_extra(f, TEST_SCHEMA_ID, LIST);
    for (int i = 0; i < 50 * 1024; i++) {
        add_long(&f->payload, 1);
    }
    add_long(&f->payload, 0);
    end_extra(f);
    assert_int_equal(decode(f), DECODE_REJECTED);
    assert_int_equal(f->out.rule, RULE_BAD_AVRO);
    assert_non_null(memmem(f->out.detail.ptr, f->out.detail.len, "nested deeper than 32 at byte 36", 32));
}

static void a_short_list_is_skipped(void **state) {
    Fixture *f = *state;
    begin_extra(f, TEST_SCHEMA_ID, LIST);
    buf_add(&f->payload, "\x02\x02\x02\x00", 4);
    end_extra(f);
    assert_int_equal(decode(f), DECODE_OK);
    assert_true(str_equal_text(f->out.record.declaration.ward_name, "All Saints"));
}

static void a_record_that_holds_nothing_but_itself(void **state) {
    Fixture *f = *state;
    begin_extra(f, TEST_SCHEMA_ID,
                "{\"type\": \"record\", \"name\": \"Loop\", \"fields\": [{\"name\": \"a\", \"type\": \"Loop\"}, "
                "{\"name\": \"b\", \"type\": \"Loop\"}]}");
    end_extra(f);
    assert_int_equal(decode(f), DECODE_REJECTED);
    assert_int_equal(f->out.rule, RULE_BAD_AVRO);
}

// Each type holds the one before it twice: 2^30 steps, if references were followed without a count.
static void a_schema_that_doubles_with_each_line(void **state) {
    Fixture *f = *state;
    _cleanup_buf_ Buf type = {0};
    buf_add_str(&type, STR_LIT("{\"type\": \"record\", \"name\": \"Top\", \"fields\": [{\"name\": \"f0\", \"type\": "
                               "{\"type\": \"record\", \"name\": \"R0\", \"fields\": []}}"));
    for (int i = 1; i < 30; i++) {
        buf_printf(&type,
                   ", {\"name\": \"f%d\", \"type\": {\"type\": \"record\", \"name\": \"R%d\", \"fields\": "
                   "[{\"name\": \"a\", \"type\": \"R%d\"}, {\"name\": \"b\", \"type\": \"R%d\"}]}}",
                   i, i, i - 1, i - 1);
    }
    buf_add_str(&type, STR_LIT("]}"));
    buf_add_byte(&type, 0);
    begin_extra(f, TEST_SCHEMA_ID, type.ptr);
    end_extra(f);
    assert_rejected(f, RULE_BAD_AVRO,
                    "the writer's schema does not resolve to ours: extra: more than 4096 types, or nested deeper than "
                    "32, when references are followed");
}

// Four bytes on the wire make 80 in memory: refused before it is allocated.
static void many_small_candidates_do_not_outgrow_the_arena(void **state) {
    Fixture *f = *state;
    _cleanup_buf_ Buf candidates = {0};
    const size_t count = 100000;
    add_long(&candidates, (int64_t)count);
    for (size_t i = 1; i < count; i++) {
        buf_add(&candidates, "\x00\x00\x00\x00\x00\x00\x00", 7);
    }
    set_declaration(f, "candidates", buf_str(&candidates));
    assert_int_equal(decode(f), DECODE_REJECTED);
    assert_non_null(memmem(f->out.detail.ptr, f->out.detail.len, "candidates: needs more memory", 29));
}

static void a_map_is_sorted_and_its_keys_are_different(void **state) {
    Fixture *f = *state;
    PartySeats seats[] = {{STR_LIT("PP53"), 2}, {STR_LIT("PP52"), 1}, {STR_LIT("PP54"), 3}};
    Record record = {.type = RECORD_REFERENCE,
                     .reference = {.council_id = STR_LIT("E06000035"),
                                   .name = STR_LIT("Medway"),
                                   .election_id = STR_LIT("local.medway.2023-05-04"),
                                   .continuing = {seats, 3},
                                   .by = STR_LIT("desk")}};
    encode_record(&record, &f->payload);
    assert_int_equal(decode(f), DECODE_OK);
    const PartySeatsMap *map = &f->out.record.reference.continuing;
    assert_int_equal(map->count, 3);
    for (size_t i = 0; i < map->count; i++) {
        assert_int_equal(map->entries[i].seats, i + 1);
    }
    seats[2].party_id = STR_LIT("PP52");
    buf_clear(&f->payload);
    encode_record(&record, &f->payload);
    assert_int_equal(decode(f), DECODE_REJECTED);
    assert_non_null(memmem(f->out.detail.ptr, f->out.detail.len, "continuing: a map with a key given twice", 40));
}

static void an_unknown_id_is_asked_for(void **state) {
    Fixture *f = *state;
    add_declaration(&f->payload, TEST_SCHEMA_ID, NULL, 0);
    assert_int_equal(decode(f), DECODE_SCHEMA_WANTED);
    assert_int_equal(f->wanted, TEST_SCHEMA_ID);
    assert_int_equal(f->out.rule, RULE_UNKNOWN_SCHEMA);
    begin_extra(f, TEST_SCHEMA_ID, "\"int\"");
    add_long(&f->payload, 5);
    end_extra(f);
    assert_int_equal(decode(f), DECODE_OK);
}

static void an_id_that_no_registry_gives_is_unknown(void **state) {
    Fixture *f = *state;
    add_declaration(&f->payload, UINT32_MAX, NULL, 0);
    assert_rejected(f, RULE_UNKNOWN_SCHEMA, "no schema with the id 4294967295");
}

static void an_unknown_fingerprint_is_unknown(void **state) {
    Fixture *f = *state;
    buf_add(&f->payload, "\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08", 10);
    assert_rejected(f, RULE_UNKNOWN_SCHEMA, "no schema with the fingerprint 0807060504030201");
}

static void a_refused_schema_says_why_each_time(void **state) {
    Fixture *f = *state;
    Str error = STR_NONE;
    for (int i = 0; i < 2; i++) {
        assert_false(schema_store_add(f->store, TEST_SCHEMA_ID, STR_LIT("[\"int\", \"int\"]"), &f->arena, &error));
        assert_true(str_equal_text(error, "the writer's schema is refused: a union with int twice"));
    }
    add_declaration(&f->payload, TEST_SCHEMA_ID, NULL, 0);
    assert_rejected(f, RULE_BAD_AVRO, "the writer's schema is refused: a union with int twice");
    assert_true(f->out.writer_schema == 0);
}

static void a_schema_of_something_else_is_bad_avro(void **state) {
    Fixture *f = *state;
    Str error = STR_NONE;
    assert_true(schema_store_add(f->store, TEST_SCHEMA_ID, STR_LIT("\"int\""), &f->arena, &error));
    add_declaration(&f->payload, TEST_SCHEMA_ID, NULL, 0);
    assert_rejected(f, RULE_BAD_AVRO, "the writer's schema does not resolve to ours: int is no record of ours");
    assert_true(f->out.writer_schema == UINT64_C(0x7275d51a3f395c8f));
    assert_true(str_equal_text(schema_store_json(f->store, f->out.writer_schema), "\"int\""));
}

static void an_id_keeps_its_first_schema(void **state) {
    Fixture *f = *state;
    Str error = STR_NONE;
    assert_true(schema_store_add(f->store, DECLARATION_ID, STR_LIT("\"int\""), &f->arena, &error));
    add_declaration(&f->payload, DECLARATION_ID, NULL, 0);
    assert_int_equal(decode(f), DECODE_OK);
}

// Of a ledger whose registry was replaced: the id stands for another schema now.
static void a_row_is_read_by_the_schema_that_it_names(void **state) {
    Fixture *f = *state;
    Str error = STR_NONE;
    uint64_t named = own_schema_by_name(STR_LIT("declared.WardDeclaration"))->fingerprint;
    add_declaration(&f->payload, TEST_SCHEMA_ID, NULL, 0);
    Str payload = buf_str(&f->payload);
    assert_true(schema_store_add(f->store, TEST_SCHEMA_ID, STR_LIT("\"int\""), &f->arena, &error));
    assert_int_equal(decode_payload_as(f->store, named, payload, &f->arena, &f->out), DECODE_SCHEMA_WANTED);
    schema_store_add_named(f->store, named, own_schema_by_name(STR_LIT("declared.WardDeclaration"))->json);
    assert_int_equal(decode_payload_as(f->store, named, payload, &f->arena, &f->out), DECODE_OK);
    assert_true(f->out.writer_schema == named);
    assert_true(str_equal_text(f->out.record.declaration.ward_name, "All Saints"));
    assert_int_equal(decode(f), DECODE_REJECTED); // a record finds its schema by its id alone
    assert_int_equal(decode_payload_as(f->store, f->out.writer_schema, payload, &f->arena, &f->out), DECODE_REJECTED);
    assert_int_equal(f->out.rule, RULE_BAD_AVRO);
    assert_int_equal(decode_payload_as(f->store, named, STR_LIT(""), &f->arena, &f->out), DECODE_REJECTED);
    assert_int_equal(f->out.rule, RULE_BAD_FRAMING);
}

static void the_store_drops_what_was_used_least_recently(void **state) {
    Fixture *f = *state;
    Str error = STR_NONE;
    for (int32_t id = 100; id <= 100 + LIMIT_PLANS; id++) {
        assert_true(schema_store_add(f->store, id, declaration_schema_with(&f->arena, "\"null\""), &f->arena, &error));
        add_declaration(&f->payload, 100, NULL, 0); // which keeps the first in use
        assert_int_equal(decode(f), DECODE_OK);
        buf_clear(&f->payload);
    }
    add_declaration(&f->payload, 101, NULL, 0);
    assert_int_equal(decode(f), DECODE_SCHEMA_WANTED);
    buf_clear(&f->payload);
    add_declaration(&f->payload, DECLARATION_ID, NULL, 0);
    assert_int_equal(decode(f), DECODE_OK);
}

// As a worker does: a store of its own, the schemas of the process shared. For the thread sanitizer.
static void *decode_on_a_thread(void *failures) {
    Fixture f = {.store = schema_store_new()};
    Str error = STR_NONE;
    size_t *failed = failures;
    *failed +=
        !schema_store_add(f.store, TEST_SCHEMA_ID, declaration_schema_with(&f.arena, "\"null\""), &f.arena, &error);
    *failed += schema_store_add(f.store, TEST_SCHEMA_ID + 1, STR_LIT("{\"type\": \"x\"}"), &f.arena, &error);
    add_declaration(&f.payload, TEST_SCHEMA_ID, NULL, 0);
    for (int i = 0; i < 100; i++) {
        Buf again = {0};
        *failed += decode_payload(f.store, buf_str(&f.payload), &f.arena, &f.out, &f.wanted) != DECODE_OK;
        encode_record(&f.out.record, &again);
        buf_free(&again);
    }
    schema_store_free(f.store);
    arena_free(&f.arena);
    buf_free(&f.payload);
    return NULL;
}

static void threads_do_not_meet(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    size_t failed[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, decode_on_a_thread, &failed[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failed[i], 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_declaration_becomes_a_struct),
        TEST(strings_are_borrowed_from_the_payload),
        TEST(hostile_fields),
        TEST(a_byte_that_is_no_text_is_found_wherever_it_is),
        TEST(a_character_of_two_bytes_is_text_wherever_it_is),
        TEST(a_true_block_size_is_accepted),
        TEST(every_truncation_is_rejected),
        TEST(bad_framing),
        TEST(more_than_a_mebibyte_is_too_large),
        TEST(twenty_million_nulls_in_five_bytes),
        TEST(a_million_empty_records),
        TEST(empty_items_in_many_blocks),
        TEST(a_few_empty_items_are_no_harm),
        TEST(recursion_to_50_kb),
        TEST(a_short_list_is_skipped),
        TEST(a_record_that_holds_nothing_but_itself),
        TEST(a_schema_that_doubles_with_each_line),
        TEST(many_small_candidates_do_not_outgrow_the_arena),
        TEST(a_map_is_sorted_and_its_keys_are_different),
        TEST(an_unknown_id_is_asked_for),
        TEST(an_id_that_no_registry_gives_is_unknown),
        TEST(an_unknown_fingerprint_is_unknown),
        TEST(a_refused_schema_says_why_each_time),
        TEST(a_schema_of_something_else_is_bad_avro),
        TEST(an_id_keeps_its_first_schema),
        TEST(a_row_is_read_by_the_schema_that_it_names),
        TEST(the_store_drops_what_was_used_least_recently),
        TEST(threads_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
