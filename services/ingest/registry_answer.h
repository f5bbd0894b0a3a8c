// What a Confluent-compatible schema registry answered to GET /schemas/ids/{id}, judged without a socket in
// sight. The answer is a peer's word: whatever it is, reading it takes memory in proportion to its size.
#pragma once

#include "common/base/arena.h"
#include "common/base/str.h"

#include <stdint.h>

typedef enum RegistryStatus {
    REGISTRY_SCHEMA,    // `text` is the schema's JSON
    REGISTRY_UNKNOWN,   // there is no schema of that id, for now; `text` says so
    REGISTRY_NOT_FOUND, // the same, but not in a registry's words: it may come from what stands in front of one
    REGISTRY_REFUSED,   // there is one, and we cannot use it; `text` says why
    REGISTRY_PENDING,   // no answer yet
    REGISTRY_AWAY,      // no answer of a registry; `text` says what came instead
} RegistryStatus;

// `cut`: it was longer than what was kept. `text` is made in the arena.
RegistryStatus registry_read_answer(int32_t id, long http_status, Str body, bool cut, Arena *arena, Str *text);
