// A worker's file of elections out of use. It has no name, so it is gone with the process, and it is no more than a
// cache of the ledger: what cannot be written or read back whole is simply not there. One thread.
#pragma once

#include "services/aggregator/shelved.h"

typedef struct Shelf Shelf;

// In that folder, borrowed; the file is made when it is first wanted. An empty name: nothing is ever kept.
Shelf *shelf_new(const char *folder);
void shelf_free(Shelf *shelf);

// Keeps a copy of the lane's election in place of an earlier one. What fails is logged once.
void shelf_put(Shelf *shelf, int32_t lane, const Election *election);

bool shelf_has(Shelf *shelf, int32_t lane, Str election_id);

// Gives it out, to be freed by the caller; NULL: it is not there.
Election *shelf_take(Shelf *shelf, int32_t lane, Str election_id);

// Of one, of all: what is kept is not wanted any more.
void shelf_drop(Shelf *shelf, int32_t lane, Str election_id);
void shelf_clear(Shelf *shelf);
