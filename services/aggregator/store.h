// A PostgreSQL connection: what a worker loads through it, the one transaction of a batch, and what
// its publisher reads.
//
// Every call that talks to the server gives up when `*stop` has been true for a grace of
// CONNECTION_STOP_GRACE_MS, so that a server that has gone silent cannot keep a daemon from ending.
// After STORE_AWAY or STORE_FENCED the caller forgets all it knows of its lanes, connects anew and
// loads them: the lane rows say what was committed, also when a connection was lost during COMMIT.
#pragma once

#include "common/base/buf.h"
#include "common/domain/snapshot_record.h"
#include "services/aggregator/lane.h"

#include <stdatomic.h>

typedef enum StoreStatus {
    STORE_OK,
    STORE_AWAY,   // no connection, or the server refused for now: connect again later
    STORE_FENCED, // another owner has advanced the lane: the transaction is void
    STORE_UNFIT,  // this program and the database's schema do not go together
} StoreStatus;

typedef struct Store Store;

// `uri` is a libpq conninfo, `role` "" or a role to SET. Does not connect. Strings are borrowed.
Store *store_new(const char *uri, const char *role, const atomic_bool *stop);
void store_free(Store *store);

// One line on why the last call failed; without passwords.
Str store_error(const Store *store);

bool store_is_connected(const Store *store);

// The migration of schemas/sql that this program needs.
enum { STORE_SCHEMA_NEEDED = 20 };

// STORE_UNFIT: the schema is older than that, or so new that it works no longer with this program.
StoreStatus store_connect(Store *store);
void store_disconnect(Store *store);

// The version of these settings in the database, stored there if they are new.
StoreStatus store_resolve_rules(Store *store, RuleBook *rules);

// Fills a new lane from its row, made if there is none, with the actions that still wait.
StoreStatus store_load_lane(Store *store, Lane *lane, SchemaStore *schemas);

// Applies the ledger's rows of these elections, of which it knows nothing, to the lane. Unless they must be whole they
// come trimmed as far as that can be, so that a long history takes no more memory than what stands.
StoreStatus store_load_elections(Store *store, Lane *lane, SchemaStore *schemas, const Str *election_ids, size_t count,
                                 bool whole);

// Ids of the lane's elections of the last week of polls that the ledger has reference data of, the newest first, no more
// than `most`.
StoreStatus store_list_elections(Store *store, int32_t lane, int32_t most, Arena *arena, const Str **ids,
                                 size_t *count);

// The election of the record at that position; absent when there is none, or it has none.
StoreStatus store_find_election(Store *store, int32_t lane, Str topic, int64_t kafka_offset, Arena *arena,
                                Str *election_id);

// The schema that this registry gave for an id, as writer_schema has it; absent when it was never kept.
StoreStatus store_find_schema(Store *store, Str registry, int32_t id, Arena *arena, Str *json);

// Keeps it, in a transaction of its own: registries never change what an id stands for. `fingerprint` in hex.
StoreStatus store_keep_schema(Store *store, Str registry, int32_t id, Str fingerprint, Str json);

// A lane's part in a batch: where it stood before.
typedef struct LaneAdvance {
    const Lane *lane;
    int64_t from; // lane_seq before the batch
} LaneAdvance;

// A lane, and its newest ledger row.
typedef struct LaneAt {
    int32_t lane;
    int64_t lane_seq;
} LaneAt;

// A batch's one transaction as the bytes that go to PostgreSQL: it borrows nothing, so another thread can run it
// while its lanes go on. Zero value is empty; made, run and made again it keeps its memory.
typedef struct Transaction {
    Buf calls;  // of a small one, from BEGIN to COMMIT: each a number (Call) and a tuple; else empty, and:
    Buf sql;    // BEGIN to COMMIT
    Buf rows;   // of all its COPYs, one behind the other
    size_t ends[6]; // of each table's rows within; where there are none, that of the table before
    Buf notify; // calls as well; empty: nothing to tell
    VEC(LaneAt) lanes; // as they stand behind it
} Transaction;

void transaction_free(Transaction *transaction);

// All effects and the lanes' advance; `lanes` in ascending order. `schemas`: where writer schemas that the database
// lacks are taken from. Does not talk to the server, and may be called while another thread runs a transaction.
void store_prepare(Store *store, const LaneAdvance *lanes, size_t lanes_count, const Effects *effects,
                   const SchemaStore *schemas, Transaction *transaction);

// STORE_OK means that it is durable. A small one has told its listeners then.
StoreStatus store_commit(Store *store, const Transaction *transaction);

// Tells listeners of the newest snapshot of each of its elections, unless that is done. A hint: failures show later.
void store_notify(Store *store, const Transaction *transaction);

// How these lanes' work stands, in the live night and in rehearsals.
typedef struct LanesStanding {
    int64_t records_held[2];       // declarations
    int64_t ballots_held[2];       // by the newest snapshots
    int64_t newest_snapshot_us[2]; // TIME_NONE: there is none
    int64_t approvals_wanted[2];   // calls that wait for APPROVE_CALL
} LanesStanding;
StoreStatus store_read_standing(Store *store, const int32_t *lanes, size_t lanes_count, LanesStanding *standing);

// What leaves through Kafka, read from the rows of the transactions: the rows are the outbox.

// A rejected record on its way to the feeds.
typedef struct Rejection {
    int64_t lane_seq; // of the row that rejected it
    Str topic, key, payload, reasons, detail;
    int32_t partition;
    int64_t kafka_offset;
} Rejection;

// A snapshot on its way to other services.
typedef struct OutgoingSnapshot {
    int64_t lane_seq; // of the row that caused it
    bool is_test;
    CouncilControlSnapshot snapshot;
} OutgoingSnapshot;

// What a lane's rows in (after, until] have to tell, in order; the arrays are the store's until the
// next call.
typedef struct Outgoing {
    int64_t until;
    const Rejection *rejections;
    size_t rejections_count;
    const OutgoingSnapshot *snapshots;
    size_t snapshots_count;
} Outgoing;

// Up to which ledger row everything of the lane has left.
StoreStatus store_read_outbox(Store *store, int32_t lane, int64_t *sent);

// Of at most `rows_max` ledger rows. `until` equals `after` when there is nothing new.
StoreStatus store_read_outgoing(Store *store, int32_t lane, int64_t after, int32_t rows_max, Outgoing *out);

// Everything up to lane_seq has left.
StoreStatus store_advance_outbox(Store *store, int32_t lane, int64_t lane_seq);
