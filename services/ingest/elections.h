// The elections that a batch concerns, brought to hand before the batch is applied, from the shelf or else from the
// ledger, and shelved when a worker has too many at hand. One thread.
#pragma once

#include "services/ingest/batch.h"
#include "services/ingest/committer.h"
#include "services/ingest/shelf.h"

// From where; all are borrowed. The store is claimed only when there is something to load, so that a batch of
// elections that are known is made while the one before commits.
typedef struct ElectionSource {
    Committer *committer;
    SchemaStore *schemas;
    Shelf *shelf;
} ElectionSource;

// Of a run of records of one lane: those that are not known yet, and whole those that a desk event may bring back
// a record of. `room`: bytes that they may take in all, about, less each one's in the end; `ready`: so many of the
// records came before it was used up.
StoreStatus elections_load(const ElectionSource *source, Lane *lane, const BatchRecord *records, size_t count,
                           size_t *room, size_t *ready);

// One that no record has asked for, unless it is at hand or on the shelf. `read`: from the ledger.
StoreStatus elections_load_ahead(const ElectionSource *source, Lane *lane, Str election_id, bool *read);

// Shelves those of all lanes that have not been used for longest, once they take more than `bytes`, until there is
// `room` for others. For the time between two batches, with as much room as the last one took: few go after a small one,
// for a reader who was told of it may want the processor now.
void elections_keep_within(Shelf *shelf, Lane *const *lanes, size_t lanes_count, size_t bytes, size_t room);

// Of the record that an action names, when it was applied before this lane was loaded.
StoreStatus elections_load_target(const ElectionSource *source, Lane *lane, const OperatorAction *action);
