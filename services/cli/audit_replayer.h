// Rows of the ledger applied again as they were then: each by the rules and with the writer's schema
// that it names, at the moment when it was received, in the lane that it is of. What it causes is left
// to the caller: compared by audit verify, written elsewhere by replay.
//
// A lane forgets declarations that have been overtaken (lane_trim) and, where a later row needs them,
// applies the election's rows anew from the ledger, so that memory does not grow with their size. Two
// things that decided then cannot be computed from the lane's rows alone: which of two lanes came first
// with reference data for the same election is read from declared.election, and what a schema registry
// said of an id that names no schema in the ledger is taken from the row itself. One thread.
#pragma once

#include "services/aggregator/lane.h"
#include "services/cli/audit_stream.h"

typedef struct Replayer Replayer;

// Reads rules, writer schemas and who keeps which election; rows that are committed later may name
// others. The connection is borrowed; NULL: none of these is known. NULL: failed, or they are not what
// they must be; see `error`.
Replayer *replayer_new(const Cli *cli, PGconn *connection, Str *error);
void replayer_free(Replayer *replayer);

// From the connection's ledger: under which ids of a registry its rows named their schemas. Of use for
// records alone. False: failed.
bool replayer_learn_ids(Replayer *replayer, Str *error);

// Appends the SELECT of a lane's ledger rows, in order: the columns of table_ledger.
void ledger_add_query(Buf *sql, int32_t lane, int64_t from, int64_t to);

// Borrows from the tuple. False: what the column named holds is in no row that was ever written.
bool ledger_row_read(const Tuple *tuple, LedgerRow *row, const char **column);

typedef enum ReplayStatus {
    REPLAY_OK,
    REPLAY_SETTLE_FIRST, // the effects so far must be settled, then the row is to be applied again
    REPLAY_FAILED,       // it cannot be applied, or the database failed: see `problem`
} ReplayStatus;

// The next row of its lane. Effects borrow from the row, `arena` and the lane; `problem` is in the
// command's arena.
ReplayStatus replayer_apply(Replayer *replayer, Lane *lane, const LedgerRow *row, Arena *arena, Effects *effects,
                            Str *problem);

// When the effects of all rows so far are no longer needed: the lane forgets what it can, now and then.
void replayer_settle(Replayer *replayer, Lane *lane);

// The same for a record that is not from a ledger: by these rules and at this moment. Reference data
// for an election that another lane keeps is refused, as it was by the daemon.
void replayer_apply_record(Replayer *replayer, Lane *lane, const Envelope *envelope, const RuleBook *rules,
                           int64_t received_at_us, Arena *arena, Effects *effects);

// Where writer schemas are found by their fingerprint, for store_commit.
const SchemaStore *replayer_schemas(const Replayer *replayer);
