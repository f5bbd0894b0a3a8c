// A writer's schema from a stranger, and a datum for it: the JSON up to the first NUL, then the bytes.
#include "common/base/limits.h"
#include "services/validator/decode.h"
#include "tests/support/avro_payload.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    size_t json_len = end == NULL ? size : (size_t)(end - data);
    size_t datum = end == NULL ? size : json_len + 1;
    static SchemaStore *store;
    static int32_t id = 1000; // a new one each time: the store also has to make room
    store = store == NULL ? schema_store_new() : store;
    id++;
    Arena arena = {0};
    _cleanup_buf_ Buf payload = {0};
    Str error = STR_NONE;
    bool added = schema_store_add(store, id, (Str){(const char *)data, json_len}, &arena, &error);
    check(added || error.len > 0, "a refusal without a reason");

    add_confluent(&payload, (uint32_t)id);
    buf_add(&payload, data + datum, size - datum);
    Decoded out;
    int32_t wanted;
    arena_reset(&arena);
    DecodeStatus status = decode_payload(store, buf_str(&payload), &arena, &out, &wanted);
    check(status != DECODE_SCHEMA_WANTED, "the schema was not kept");
    check(added == (out.writer_schema != 0) || payload.len > LIMIT_RECORD_BYTES, "a refused schema with a fingerprint");
    check(added || status == DECODE_REJECTED, "a record of a refused schema");
    check(arena.given <= 4 * payload.len + 65536, "more memory than 4 times the record and 64 KiB");
    check(status == DECODE_OK || (out.detail.len > 0 && out.detail.len <= LIMIT_DETAIL_BYTES),
          "a rejection without a detail");

    arena_free(&arena);
    return 0;
}
