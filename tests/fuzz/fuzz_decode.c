// A record's value from a stranger: framing, our schemas (ids 1 to 3, and by fingerprint), and one
// writer's schema (id 77) with fields of every kind that we skip.
#include "common/base/limits.h"
#include "common/domain/envelope.h"
#include "services/validator/rules.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/avro_payload.h"

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

// The rules that look at one record alone, whatever it holds.
static void check_rules(const Record *record, Str payload, Arena *arena) {
    RuleBook book = rule_book_default(6);
    Findings findings = {.rules = &book, .arena = arena};
    Envelope envelope = {.topic = INPUT_DESK, .payload = payload, .key = STR_LIT("E06000035")};
    if (record->type == RECORD_DECLARATION) {
        envelope.topic = INPUT_DECLARATIONS;
        envelope.key = record->declaration.council_id;
    }
    rules_check_record(&envelope, record, &findings);
    check((findings.broken == 0) == (findings.detail.len == 0), "a broken rule without a detail, or the reverse");
    check(findings.detail.len <= LIMIT_DETAIL_BYTES, "a detail that is too long");
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
        check_rules(&out.record, (Str){(const char *)data, size}, &arena);
        check_encodes(&out.record, 0, &arena);
    } else {
        check(out.record.type == RECORD_NONE, "a rejected record with a type");
        check(out.detail.len <= LIMIT_DETAIL_BYTES, "a detail that is too long");
        check_reason(out.detail);
    }
    return 0;
}
