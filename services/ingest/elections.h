// The elections that a batch concerns, loaded from the database before the batch is applied. One thread.
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

// Of the record that an action names, when it was applied before this lane was loaded.
StoreStatus elections_load_target(const ElectionSource *source, Lane *lane, const OperatorAction *action);
