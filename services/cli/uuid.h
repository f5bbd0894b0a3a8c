// Name-based identifiers (RFC 9562, version 5).
#pragma once

#include "common/base/arena.h"

#include <stdint.h>

// "xxxxxxxx-xxxx-5xxx-xxxx-xxxxxxxxxxxx", in the arena.
Str uuid_from_name(const uint8_t namespace[16], Str name, Arena *arena);
