// What the fuzz targets share.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/domain/record.h"

#include <stdint.h>

// The target, for libFuzzer or replay.c. Returns 0.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Ends the process unless it holds.
void check(bool holds, const char *what);

// Of a refusal: there is a reason, and it is one line of UTF-8.
void check_reason(Str reason);

// The input up to the first `mark`, which is taken off `rest`; all of it where there is none.
Str take_until(Str *rest, Str mark);

// What we encode of a record, a daemon reads as the same record, or rejects for one of these rules.
void check_encodes(const Record *record, uint64_t rejected_for, Arena *arena);
