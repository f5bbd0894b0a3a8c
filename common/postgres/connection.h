// libpq without blocking for good: every wait ends with an answer, a lost connection, a server that has
// been silent for CONNECTION_ANSWER_TIMEOUT_MS (then the connection is given up for lost), or `*stop` having
// been true for CONNECTION_STOP_GRACE_MS. One thread.
#pragma once

#include "common/base/str.h"

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    CONNECTION_STOP_GRACE_MS = 2000,
    CONNECTION_OPEN_TIMEOUT_MS = 5000,
    CONNECTION_ANSWER_TIMEOUT_MS = 15000,
    CONNECTION_PREPARED_MAX = 8,
};

typedef struct Connection {
    PGconn *pg; // NULL: not connected
    const atomic_bool *stop;
    int64_t stopped_at_ms; // when *stop was first seen; 0: not yet
    char error[512];
    const char *prepared[CONNECTION_PREPARED_MAX]; // queries that the server has a plan of; NULL: free
} Connection;

// Parameters of PQconnect...Params: a connection on which nothing is heard is given up within half a minute, idle or
// not, and not after the system's two hours. Before "dbname", so that what the URI says goes over them.
#define CONNECTION_LIVENESS_NAMES "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"
#define CONNECTION_LIVENESS_VALUES "10", "5", "3", "15000"

// Whether libpq can read it. Its own complaint is not for anybody's eyes: it quotes the string, password and all.
bool connection_is_string(const char *uri);

// Tries the hosts of the URI in turn, each for its connect_timeout (CONNECTION_OPEN_TIMEOUT_MS if it has none).
bool connection_open(Connection *c, const char *uri, const char *role);
void connection_close(Connection *c);

// Closes it and notes why, as libpq has it.
void connection_lose(Connection *c);

// The next result of what was sent; NULL when there is none left or the connection is lost (then it
// is closed, and `error` says why).
PGresult *connection_result(Connection *c);

// Sends, and hands over the last result; NULL: lost. The caller clears it. Parameters and results
// are binary; lengths are those of the values.
typedef struct Parameter {
    Oid type;
    Str value;
} Parameter;
PGresult *connection_query(Connection *c, const char *sql, const Parameter *parameters, size_t count);

// The same for a query that comes often: prepared when it first comes. It is known by the address of its text, so that
// must be a literal.
PGresult *connection_query_often(Connection *c, const char *sql, const Parameter *parameters, size_t count);

// The same with parameters and results as text; types are inferred, NULL is null.
PGresult *connection_query_text(Connection *c, const char *sql, const char *const *values, size_t count);

// The same for several statements without parameters; text results; the last one or the first error.
PGresult *connection_exec(Connection *c, const char *sql);

// Bytes into a COPY that has begun (they have left when this returns), and its end.
bool connection_copy(Connection *c, Str bytes);
bool connection_copy_end(Connection *c);

// Notes the result's error; true if it was one.
bool connection_failed(Connection *c, const PGresult *result);
