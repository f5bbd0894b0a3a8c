// A line of `declarectl publish`: a WardDeclaration as JSON, or a record to send as it is. Pure.
#pragma once

#include "common/base/arena.h"
#include "common/domain/record.h"

typedef struct DeclarationLine {
    bool raw;                // {"key", "value_base64"}
    Declaration declaration; // unless raw
    Str key, value;          // of a raw line; absent: null in Kafka
} DeclarationLine;

// Only what Avro cannot carry is refused: whether a declaration makes sense is for the daemon's
// rules to say. A declaration without an event_id gets one made from all its other fields, so that
// the same line is the same message. What `out` points to is in the arena. False: `error` names the
// field and what is wrong with it.
bool declaration_json_parse(Str line, Arena *arena, DeclarationLine *out, Str *error);
