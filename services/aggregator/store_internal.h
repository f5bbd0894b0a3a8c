// Within the store: its struct, and parameters and results in PostgreSQL's binary formats.
#pragma once

#include "common/postgres/connection.h"
#include "services/aggregator/store.h"

// PostgreSQL's own numbers for the types of parameters (pg_type.dat).
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_TEXT_ARRAY = 1009 };

// A rule book of an earlier version that a load has met.
typedef struct OldRules {
    int32_t version;
    RuleBook *book;
} OldRules;

// The parties of an election, in the order of its reference data.
typedef struct Parties {
    SnapshotSeats *items;
    size_t count;
} Parties;

// The statements of a small transaction.
typedef enum Call {
    CALL_BEGIN,
    CALL_COMMIT,
    CALL_ADVANCE,
    CALL_DO_NOT_WAIT, // for the disk
    CALL_NOTIFY,
    CALL_INSERT, // into the first table; the others follow, in the order of Transaction.ends
    CALL_COUNT = CALL_INSERT + 6,
} Call;

struct Store {
    Connection connection;
    bool is_prepared; // the connection has the statements of all calls
    const char *uri, *role;
    VEC(OldRules) old_rules;
    VEC(uint64_t) stored_schemas; // writer schemas that the database has; store_prepare's alone
    Buf sql;
    bool locked_out; // the last commit waited in vain for a lane that another session has locked
    Arena memory; // of old rules
    PGresult *rejections_result;
    VEC(Rejection) rejections; // point into the result
    PGresult *snapshots_result;
    VEC(OutgoingSnapshot) snapshots; // point into the result and the arena
    Arena snapshots_memory;
    Map parties_of; // election and reference row -> Parties
    Arena parties_memory;
};

typedef struct Int4 {
    uint32_t bytes;
} Int4;

typedef struct Int8 {
    uint64_t bytes;
} Int8;

// Each borrows its place or value until the query was sent.
Parameter store_int4(Int4 *place, int32_t value);
Parameter store_int8(Int8 *place, int64_t value);
Parameter store_text(Str value);
Parameter store_texts(Buf *place, const Str *values, size_t count);

Str store_field(const PGresult *result, int row, int column);
bool store_bool_field(const PGresult *result, int row, int column);
int32_t store_int4_field(const PGresult *result, int row, int column);
int64_t store_int8_field(const PGresult *result, int row, int column);
int64_t store_time_field(const PGresult *result, int row, int column); // microseconds since 1970, or TIME_NONE

// Whether this program and the schema go together; STORE_UNFIT: the connection is closed.
StoreStatus store_check_fit(Store *store);

// Takes the answer to a query; what is not an answer means that the connection starts anew.
StoreStatus store_settle(Store *store, PGresult *result);

// One that comes with each declaration.
#define QUERY_OFTEN(store, sql, ...)                                                                                  \
    connection_query_often(&(store)->connection, sql, (const Parameter[]){__VA_ARGS__},                               \
                           sizeof((const Parameter[]){__VA_ARGS__}) / sizeof(Parameter))

#define QUERY(store, sql, ...)                                                                                        \
    connection_query(&(store)->connection, sql, (const Parameter[]){__VA_ARGS__},                                     \
                     sizeof((const Parameter[]){__VA_ARGS__}) / sizeof(Parameter))
