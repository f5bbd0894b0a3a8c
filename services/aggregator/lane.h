// One lane: partition n of both input topics, in the order of its ledger.
//
// lane_apply is the whole way from a decoded record to the rows of the transaction, for the daemon
// and for every replay alike. It is deterministic: the moment is passed in, nothing else is read.
// One thread at a time.
#pragma once

#include "services/aggregator/election.h"

// An operator's action for a record that has not come yet.
typedef struct PendingAction {
    int64_t lane_seq; // of the action's own ledger row
    OperatorAction action;
} PendingAction;

typedef struct Touched {
    Election *election;
    Ballot *ballot; // NULL: all of it
} Touched;

typedef struct Lane {
    int32_t lane;
    int64_t lane_seq; // of the newest ledger row
    uint8_t head_hash[SHA256_BYTES];
    int64_t received_at_us; // of the newest ledger row; does not go back
    int64_t next[INPUT_COUNT]; // offsets; -1: from the beginning
    Map election_of;           // election id -> Election
    VEC(Election *) elections;
    size_t bytes; // that they take, near enough, as of when each was counted last
    VEC(PendingAction) pending;
    VEC(Touched) touched; // since lane_trim
    Arena memory;            // of pending actions
    Buf scratch;
} Lane;

Lane *lane_new(int32_t lane);
void lane_free(Lane *lane);

// The election as this lane knows it; NULL when nothing of it has been applied or loaded.
Election *lane_find_election(const Lane *lane, Str election_id);

// The same, made empty when it is not there.
Election *lane_take_election(Lane *lane, Str election_id);

// One that the lane does not know, made elsewhere. The lane frees it.
void lane_put_election(Lane *lane, Election *election);

// Empties an election that the lane knows, to be loaded anew.
void lane_forget_election(Lane *lane, Str election_id);

// Gives back what the ballots that were touched can do without (ballot_trim), and counts what their elections take now;
// the other those alone that were touched since there were `from` of them.
void lane_trim(Lane *lane);
void lane_trim_since(Lane *lane, size_t from);

// Counts what the election takes now, as after it was loaded. To add up all elections after each batch instead took a
// fifth of a worker's time in a quiet night.
void lane_count_bytes(Lane *lane, Election *election);

// Forgets the elections that no record concerned since then: the ledger has them, or will before they are wanted. No
// row of a batch may point into them any more.
void lane_forget_unused(Lane *lane, int64_t since_us);

// Where a record stands that was applied already: its election among those loaded, or NULL, which is also said of one
// that was trimmed.
Election *lane_find_target(const Lane *lane, const OperatorAction *action);

// The trimmed election that must be loaded whole before the record is applied. NULL: there is none among those loaded.
Election *lane_find_wanting(const Lane *lane, const Envelope *envelope, const Record *record);

// The next record of the lane: judged, given its ledger row and hash, and all that follows from it
// added to `effects`, whose strings live in `arena`, the envelope, the record and the lane.
// Elections that are concerned must be loaded. `now_us` is the wall clock.
void lane_apply(Lane *lane, const Envelope *envelope, const Decoded *decoded, const RuleBook *rules, int64_t now_us,
                Arena *arena, Effects *effects);

// The same for a row that is in the ledger already, without moving the lane: how an election is
// loaded. `row` names its lane_seq, received_at_us, fate and rules; `effects` get what it caused then.
void lane_reapply(Lane *lane, const Envelope *envelope, const Decoded *decoded, const RuleBook *rules, LedgerRow row,
                  Arena *arena, Effects *effects);

// An action of the ledger that still waits for its record.
void lane_add_pending(Lane *lane, const OperatorAction *action, int64_t lane_seq);
