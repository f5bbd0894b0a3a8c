// What a worker does while no record comes: it reads its lanes' elections of the last week of polls from the ledger one
// by one, so that after a start or a takeover the first declaration of a council does not wait for that (1 to 2 ms). A
// guess and nothing else: what it has not read is read when a record concerns it. One thread; zero value is empty.
#pragma once

#include "services/ingest/elections.h"

typedef struct Ahead {
    size_t lanes_done;
    bool listed; // the elections of the next lane
    const Str *ids;
    size_t ids_count, ids_done;
    Arena memory; // of ids
    int failures; // so far: a page may be damaged, and nothing waits for it, so after some it is given up
} Ahead;

// To begin again, for lanes that were loaded anew. Failures stay counted.
void ahead_clear(Ahead *ahead);

// Or given up.
bool ahead_is_done(const Ahead *ahead, size_t lanes_count);

// One election at most, after which they may be more than the memory for them holds. The lanes are the same until it is
// cleared, which it is after a failure, for they are loaded anew then (store.h).
StoreStatus ahead_step(Ahead *ahead, const ElectionSource *source, Lane *const *lanes, size_t lanes_count);
