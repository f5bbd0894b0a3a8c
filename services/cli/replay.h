// What the ways of `declarectl replay` share.
#pragma once

#include "services/aggregator/store.h"
#include "services/cli/audit_replayer.h"

// Where rows go: batches of one lane, each a transaction, through the daemon's own store.
typedef struct ReplayTarget {
    const Cli *cli; // its [postgres] is the target's
    Store *store;
    const SchemaStore *schemas; // of the rows
    Lane *lane;
    int64_t from; // lane_seq before the batch
    Effects effects;
    Transaction transaction; // of the batch, once it is committed
    Arena arena;  // of the batch
    size_t bytes; // of its records
} ReplayTarget;

// A new lane at the beginning. False: see `error`.
bool replay_begin_lane(ReplayTarget *target, int32_t lane, Str *error);
void replay_end_lane(ReplayTarget *target);

// Enough for a transaction.
bool replay_batch_is_full(const ReplayTarget *target);

// Commits the batch, if there is one. What it borrowed may go then.
bool replay_commit(ReplayTarget *target, Str *error);

// Both topics of every lane, from their beginnings to where they end now, applied by the rules that the
// settings of `cli` make. `replayer` as of the ledger, or knowing nothing. False: see `error`.
bool replay_topics(const Cli *cli, Replayer *replayer, ReplayTarget *target, Str *error);

// Says on standard output where two databases differ, and why they may. `explained`: nothing speaks
// against the replay. False: failed, see `error`.
bool replay_compare(const Cli *ledger, const Cli *replay, bool from_topics, bool *explained, Str *error);
