// JSON that we made, in the form in which PostgreSQL prints jsonb: what is equal byte for byte then is
// equal by value, which spares parsing both.
#pragma once

#include "common/base/buf.h"

// Appends to `out`. False: not simple enough (escapes, more than JSON_MEMBERS_MAX members, deep
// nesting) or not JSON; `out` then holds a part of it.
enum { JSON_MEMBERS_MAX = 16, JSON_DEPTH_MAX = 8 };
bool json_add_as_jsonb(Str json, Buf *out);
