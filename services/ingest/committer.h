// The thread that runs a worker's transactions, one at a time, while the worker makes the next.
//
// A worker hands over only what is worth it: a batch that filled up because records wait. A single declaration is
// committed by the worker itself (committer_run), without a detour.
#pragma once

#include "services/aggregator/store.h"
#include "services/ingest/publisher.h"

typedef struct Committer Committer;

// Both are borrowed; the publisher is woken after each commit.
Committer *committer_new(Store *store, Publisher *publisher);

// Waits for what is under way.
void committer_free(Committer *committer);

// The store, once nothing is under way: the caller's until the next submit. What came of the last transaction is still
// to be taken with committer_settle.
Store *committer_claim(Committer *committer);

// Commits in the caller's thread, tells listeners and wakes the publisher. Nothing may be under way.
StoreStatus committer_run(Committer *committer, const Transaction *transaction);

// Runs it in the committer's thread. Nothing may be under way. What `transaction` held is the committer's then; it
// gets the memory of the one before.
void committer_submit(Committer *committer, Transaction *transaction);

// Waits until nothing is under way. True: something was submitted, and this is what came of it; told once.
bool committer_settle(Committer *committer, StoreStatus *status);

// The same without waiting: false also while it is under way.
bool committer_poll(Committer *committer, StoreStatus *status);
