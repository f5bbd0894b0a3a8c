// Avro C's view of a schema. The only place that knows the library.
#pragma once

#include "common/base/str.h"

// Does Avro C parse it? A second opinion and nothing to rely on: Avro C is laxer than the
// specification, and so only asked about what our own parser has accepted. Not to be asked about a
// schema that contains itself: Avro C would never free it (a link holds what it is part of); nor of one
// with an escaped NUL, which its JSON parser does not take.
bool avro_c_accepts(Str json);
