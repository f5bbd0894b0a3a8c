// A record's value from a stranger: framing, our schemas (ids 1 to 3, and by fingerprint), and one
// writer's schema (id 77) with fields of every kind that we skip.
#include "common/base/limits.h"
#include "services/validator/decode.h"
#include "services/validator/encode.h"
#include "tests/support/avro_payload.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char extra[] =
    "{\"type\": \"record\", \"name\": \"Extra\", \"fields\": ["
    "{\"name\": \"tree\", \"type\": {\"type\": \"record\", \"name\": \"Tree\", \"fields\": ["
    "{\"name\": \"kids\", \"type\": {\"type\": \"array\", \"items\": \"Tree\"}}]}},"
    "{\"name\": \"list\", \"type\": [\"null\", {\"type\": \"record\", \"name\": \"List\", \"fields\": ["
    "{\"name\": \"next\", \"type\": [\"null\", \"List\"]}, {\"name\": \"tree\", \"type\": \"Tree\"}]}]},"
    "{\"name\": \"nulls\", \"type\": {\"type\": \"array\", \"items\": \"null\"}},"
    "{\"name\": \"map\", \"type\": {\"type\": \"map\", \"values\": [\"null\", \"int\", \"string\", \"bytes\", "
    "\"boolean\"]}},"
    "{\"name\": \"fixed\", \"type\": {\"type\": \"fixed\", \"name\": \"F\", \"size\": 3}},"
    "{\"name\": \"enum\", \"type\": {\"type\": \"enum\", \"name\": \"E\", \"symbols\": [\"A\", \"B\", \"C\"]}},"
    "{\"name\": \"real\", \"type\": [\"float\", \"double\"]}]}";

static void check(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

// What was accepted can be written, and then says the same. (What we write may be shorter than what
// came, and so have less memory to its name.)
static void check_round_trip(SchemaStore *store, const Record *record, Arena *arena) {
    _cleanup_buf_ Buf first = {0};
    _cleanup_buf_ Buf second = {0};
    Decoded again;
    int32_t wanted;
    encode_record(record, &first);
    if (decode_payload(store, buf_str(&first), arena, &again, &wanted) == DECODE_OK) {
        encode_record(&again.record, &second);
        check(str_equal(buf_str(&first), buf_str(&second)), "the second writing differs from the first");
    } else {
        check(memmem(again.detail.ptr, again.detail.len, "more memory", 11) != NULL, "what we wrote is rejected");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static SchemaStore *store;
    static Arena arena;
    if (store == NULL) {
        Str error;
        store = schema_store_new();
        check(schema_store_add(store, TEST_SCHEMA_ID, declaration_schema_with(&arena, extra), &arena, &error),
              "schema");
    }
    Decoded out;
    int32_t wanted;
    arena_reset(&arena);
    DecodeStatus status = decode_payload(store, (Str){(const char *)data, size}, &arena, &out, &wanted);
    check(arena.given <= 4 * size + 65536, "more memory than 4 times the record and 64 KiB");
    if (status == DECODE_OK) {
        check(out.record.type != RECORD_NONE && out.writer_schema != 0, "an accepted record without its type");
        check_round_trip(store, &out.record, &arena);
    } else {
        check(out.record.type == RECORD_NONE, "a rejected record with a type");
        check(out.detail.len > 0 && out.detail.len <= LIMIT_DETAIL_BYTES, "a rejection without a detail");
    }
    return 0;
}
