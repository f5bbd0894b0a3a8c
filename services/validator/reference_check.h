// Whether reference data makes sense by itself (spec 4): what `declarectl reference load` refuses
// before it sends, and the daemon as BAD_REFERENCE. Whether it contradicts results in force is for
// the daemon alone to say.
#pragma once

#include "common/base/arena.h"
#include "common/domain/record.h"

// False: refused, with the first fault as one line in `problem` (arena).
bool reference_check(const CouncilReference *reference, Arena *arena, Str *problem);
