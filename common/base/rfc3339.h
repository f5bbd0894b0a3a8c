// A moment as RFC 3339 has it: 2023-05-05T01:12:03.5+01:00
#pragma once

#include "common/base/str.h"

#include <stdint.h>

// Milliseconds since 1970; digits past the millisecond are dropped. The offset (or Z) is required,
// T may be a space, and a leap second (:60) is the second after. False: not a moment.
bool rfc3339_parse(Str text, int64_t *ms);
