// How a record's value says which schema wrote it: the bytes in front of the datum (spec 2).
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/str.h"

#include <stdint.h>

typedef enum FramingKind {
    FRAMING_BAD,
    FRAMING_CONFLUENT,     // 00, 4-byte big-endian id of a registry
    FRAMING_SINGLE_OBJECT, // C3 01, 8-byte little-endian CRC-64-AVRO
} FramingKind;

typedef struct Framing {
    FramingKind kind;
    int64_t id;           // Confluent's: 0 to 2^32 - 1
    uint64_t fingerprint; // single-object's
    size_t datum;         // where the datum starts
} Framing;

Framing framing_read(Str payload);

// Why a value's framing is bad, for people.
Str framing_fault(Str payload, Arena *arena);

void framing_add_single_object(Buf *out, uint64_t fingerprint);
