// From a Kafka record's bytes to a decoded record: framing, writer's schema, bounded Avro decode.
//
// The writer's schema and ours are compiled once into a plan that walks the bytes straight into the
// structs of record.h; every length, count, depth, branch and index is checked against what is left
// before it is believed. Memory: strings are borrowed from the payload (no copy), arrays come from
// the arena, at most 4 times the payload plus 64 KiB.
#pragma once

#include "common/base/arena.h"
#include "common/domain/fates.h"
#include "common/domain/record.h"

// Our schemas, what ids.json maps, and the writer schemas added since: LIMIT_PLANS of them, the least
// recently used goes. One thread (a worker has its own).
//
// A record in Confluent framing finds its schema by id alone, one in single-object framing among our
// own alone: what a record is worth does not depend on what this store has seen before.
typedef struct SchemaStore SchemaStore;

// With our compiled-in schemas and ids. Never fails.
SchemaStore *schema_store_new(void);
void schema_store_free(SchemaStore *store);

// Adds a writer schema under a Confluent id. False: refused, with the reason in `error` (arena); the
// store remembers it, and rejects this id's records as BAD_AVRO for that reason. An id that is already
// there keeps its first schema.
bool schema_store_add(SchemaStore *store, int32_t id, Str json, Arena *arena, Str *error);

// CRC-64-AVRO of the canonical form of what the store has by a Confluent id; 0: nothing, or it was refused.
uint64_t schema_store_fingerprint(SchemaStore *store, int32_t id);

typedef struct Decoded {
    Record record;          // type RECORD_NONE when rejected
    Rule rule;              // of the rejection
    Str detail;             // of the rejection, in the arena: which field, at which byte
    uint64_t writer_schema; // CRC-64-AVRO of the writer's canonical form; 0: none was found
} Decoded;

typedef enum DecodeStatus {
    DECODE_OK,            // `record` is filled
    DECODE_REJECTED,      // `rule` and `detail` are
    DECODE_SCHEMA_WANTED, // Confluent id `wanted` is not in the store: ask the registry, add it, call again
} DecodeStatus;

// `wanted` is set for DECODE_SCHEMA_WANTED alone; a caller without a registry takes that for
// DECODE_REJECTED: `rule` (UNKNOWN_SCHEMA) and `detail` are then set as well. Maps come sorted by key.
DecodeStatus decode_payload(SchemaStore *store, Str payload, Arena *arena, Decoded *out, int32_t *wanted);

// For rows of the ledger, which name their writer's schema by its fingerprint: what their framing names may
// be another schema by now, or none. DECODE_SCHEMA_WANTED: the store lacks it, add it and call again.
DecodeStatus decode_payload_as(SchemaStore *store, uint64_t fingerprint, Str payload, Arena *arena, Decoded *out);

// Adds a schema that a row of the ledger names; records find it through decode_payload_as() alone.
void schema_store_add_named(SchemaStore *store, uint64_t fingerprint, Str json);

// The writer schema's JSON, as it was given, by its fingerprint; absent when not met, or dropped
// since. Lives until the next schema_store_add().
Str schema_store_json(const SchemaStore *store, uint64_t fingerprint);
