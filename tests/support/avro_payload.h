// Payloads for tests, a byte at a time: what a producer could send, and what none should.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"

#include <stdint.h>

enum { TEST_SCHEMA_ID = 77 };

void add_long(Buf *out, int64_t value);
void add_text(Buf *out, const char *text);
void add_confluent(Buf *out, uint32_t id);

// A valid WardDeclaration of one candidate, Confluent framing with the id given. The fields named in
// `changes` get these bytes instead of their own; a candidate's fields are named "candidates.votes".
typedef struct FieldBytes {
    const char *field;
    Str bytes;
} FieldBytes;

void add_declaration(Buf *out, uint32_t id, const FieldBytes *changes, size_t count);

// Our schema of a WardDeclaration with a field `extra` of this type (JSON) in front, in the arena.
Str declaration_schema_with(Arena *arena, const char *extra_type);
