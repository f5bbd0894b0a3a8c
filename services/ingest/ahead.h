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
} Ahead;

// For other lanes, or none.
void ahead_clear(Ahead *ahead);

bool ahead_is_done(const Ahead *ahead, size_t lanes_count);

// One election at most, after which they may be more than the memory for them holds. The lanes are the same until it is
// cleared. After a failure they are loaded anew (store.h), and it is cleared.
StoreStatus ahead_step(Ahead *ahead, const ElectionSource *source, Lane *const *lanes, size_t lanes_count);
