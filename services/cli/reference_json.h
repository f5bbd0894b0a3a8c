// The file of `declarectl reference load` (spec 4): parties once, councils many. Pure.
#pragma once

#include "common/base/arena.h"
#include "common/domain/record.h"

typedef struct ReferenceFile {
    Party *parties;
    size_t parties_count;
    CouncilReference *councils; // each with all parties of the file
    size_t councils_count;
} ReferenceFile;

// Everything `out` points to is in the arena. `by` and the time go into every record. False:
// `error` names the line of a fault in the JSON, or the field that is missing, unknown or of the
// wrong type. Whether the data makes sense is for reference_check to say.
bool reference_json_parse(Str text, Str by, int64_t loaded_at_ms, Arena *arena, ReferenceFile *out, Str *error);
