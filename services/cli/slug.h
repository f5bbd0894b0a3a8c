// Names as Democracy Club writes them in its ids, and back.
#pragma once

#include "common/base/buf.h"

// NFKD to ASCII, what is no word character, space or hyphen dropped, lower case, hyphens for runs of
// spaces and hyphens: "St Mary's Island" is "st-marys-island". Appends; `name` is valid UTF-8.
void slug_add(Buf *out, Str name);

// A name that a slug may have come from: "kingston-upon-thames" is "Kingston upon Thames". Appends.
void slug_add_title(Buf *out, Str slug);
