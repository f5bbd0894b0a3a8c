// The files of `declarectl simulate`, encoded as they go to Kafka. For benchmarks: what is wrong ends the program.
#pragma once

#include "common/base/arena.h"
#include "common/base/vec.h"
#include "common/domain/envelope.h"

typedef VEC(Envelope) Envelopes;

// Adds a council's record each, or a declaration's each, as one partition holds them. Keys and payloads lie in
// `memory`, offsets count from the place in `envelopes`. `moment_ms` is the reference's loaded_at, and the Kafka time.
void records_read_reference(const char *path, int64_t moment_ms, Envelopes *envelopes, Arena *memory);
void records_read_declarations(const char *path, int64_t moment_ms, Envelopes *envelopes, Arena *memory);

// A line on standard error, and exit 1.
__attribute__((noreturn, format(printf, 1, 2))) void bench_give_up(const char *format, ...);
