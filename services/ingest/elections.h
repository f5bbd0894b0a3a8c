// The elections that a batch concerns, loaded from the database before the batch is applied, and forgotten again when
// a worker has too many at hand. One thread.
#pragma once

#include "services/ingest/batch.h"
#include "services/ingest/committer.h"

// From where; both are borrowed. The store is claimed only when there is something to load, so that a batch of
// elections that are known is made while the one before commits.
typedef struct ElectionSource {
    Committer *committer;
    SchemaStore *schemas;
} ElectionSource;

// Of a run of records of one lane: those that are not known yet, and whole those that a desk event may bring back
// a record of.
StoreStatus elections_load(const ElectionSource *source, Lane *lane, const BatchRecord *records, size_t count);

// Forgets those of all lanes that have not been used for longest, once they take more than `bytes`. For the time
// between two batches.
void elections_keep_within(Lane *const *lanes, size_t lanes_count, size_t bytes);

// Of the record that an action names, when it was applied before this lane was loaded.
StoreStatus elections_load_target(const ElectionSource *source, Lane *lane, const OperatorAction *action);
