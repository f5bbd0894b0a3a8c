// A datum read by its plan, bounded at each step.
#pragma once

#include "common/base/arena.h"
#include "common/domain/fates.h"
#include "services/validator/plan.h"

typedef struct WalkFault {
    Rule rule;
    Str detail; // in the arena: path, what, at which byte of the payload
} WalkFault;

// Fills `out`, which must be zeroed, from the payload's bytes behind `datum`. Strings are borrowed
// from the payload, arrays are in the arena: at most 4 times the payload and 64 KiB. Maps come
// sorted by key; a key given twice is refused. On failure `out` holds a part of the record.
bool walk_datum(const Plan *plan, Str payload, size_t datum, void *out, Arena *arena, WalkFault *fault);
