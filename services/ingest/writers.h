// Decodes a worker's batches, and finds the writer schemas that they name: what the process knows, then what
// the database has kept, then the registry. While the registry has no answer, a lane with a record that needs
// it waits: that record and all behind it are left for later; other lanes go on. One thread.
#pragma once

#include "common/base/config.h"
#include "services/ingest/batch.h"
#include "services/ingest/committer.h"

typedef struct Writers Writers;

// `number` is the worker's, for the log. `committer`, whose store is asked, and `schemas` are borrowed. Without registry.url nothing is
// asked and nothing waits.
Writers *writers_new(const Config *config, int number, Committer *committer, SchemaStore *schemas);
void writers_free(Writers *writers);

// Fills `decoded` of each record, or sets `waits`; both of a lane's records behind one that waits are void.
StoreStatus writers_decode(Writers *writers, Batch *batch);

// Does the lane wait? It is not to be read until writers_wait_is_over().
bool writers_lane_waits(const Writers *writers, int32_t lane);

// True once after lanes began to wait: what is read has to change.
bool writers_wait_began(Writers *writers);

// Goes on asking, as often as patience allows. True once when there is an answer: no lane waits any more, and
// each is to be read from where it stands, desk events first.
bool writers_wait_is_over(Writers *writers);

// The lanes are no longer ours, or are read anew.
void writers_forget_waits(Writers *writers);
