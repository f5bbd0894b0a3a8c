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
// others. The connection is borrowed. NULL: failed, or they are not what they must be; see `error`.
Replayer *replayer_new(const Cli *cli, PGconn *connection, Str *error);
void replayer_free(Replayer *replayer);

// Appends the SELECT of a lane's ledger rows, in order: the columns of table_ledger.
void ledger_add_query(Buf *sql, int32_t lane, int64_t from, int64_t to);

// Borrows from the tuple. False: what the column named holds is in no row that was ever written.
bool ledger_row_read(const Tuple *tuple, LedgerRow *row, const char **column);

// The next row of its lane. False: it cannot be applied, or the database failed; `problem` (of the
// command's arena) says why. Effects borrow from the row, `arena` and the lane.
bool replayer_apply(Replayer *replayer, Lane *lane, const LedgerRow *row, Arena *arena, Effects *effects, Str *problem);

// When the effects of all rows so far are no longer needed: the lane forgets what it can.
void replayer_settle(Replayer *replayer, Lane *lane);
