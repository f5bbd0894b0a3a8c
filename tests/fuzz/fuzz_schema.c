// A writer's schema from a stranger, and a datum for it: the JSON up to the first NUL, then the bytes.
#include "common/base/limits.h"
#include "services/validator/decode.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/avro_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Str datum = {(const char *)data, size}, json = take_until(&datum, (Str){"", 1});
    static SchemaStore *store;
    static int32_t id = 1000; // a new one each time: the store also has to make room
    store = store == NULL ? schema_store_new() : store;
    id++;
    Arena arena = {0};
    _cleanup_buf_ Buf payload = {0};
    Str error = STR_NONE;
    bool added = schema_store_add(store, id, json, &arena, &error);
    if (!added) {
        check_reason(error);
    }

    add_confluent(&payload, (uint32_t)id);
    buf_add_str(&payload, datum);
    Decoded out;
    int32_t wanted;
    arena_reset(&arena);
    DecodeStatus status = decode_payload(store, buf_str(&payload), &arena, &out, &wanted);
    check(status != DECODE_SCHEMA_WANTED, "the schema was not kept");
    check(added == (out.writer_schema != 0) || payload.len > LIMIT_RECORD_BYTES, "a refused schema with a fingerprint");
    check(added || status == DECODE_REJECTED, "a record of a refused schema");
    check(arena.given <= 4 * payload.len + 65536, "more memory than 4 times the record and 64 KiB");
    if (status != DECODE_OK) {
        check_reason(out.detail);
        check(out.detail.len <= LIMIT_DETAIL_BYTES, "a detail that is too long");
    } else {
        check_encodes(&out.record, 0, &arena);
    }
    arena_free(&arena);
    return 0;
}
