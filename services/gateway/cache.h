// Answers that are still true: nothing that they rest on has changed since they were asked for.
//
// A generation (hub.h) stands for a state of the database. An answer that was asked for under the present one
// is the present answer, so a thousand pollers of a page cost one query for each change. Any thread.
#pragma once

#include "services/gateway/answer.h"

typedef struct Cache Cache;

Cache *cache_new(void);
void cache_free(Cache *cache);

// One user, the caller's; NULL: not known, or no longer true.
Answer *cache_find(Cache *cache, Str key, uint64_t generation);

// Keeps the answer to what was asked under that generation, instead of what stood in its place.
void cache_put(Cache *cache, Str key, uint64_t generation, Answer *answer);
