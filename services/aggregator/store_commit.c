// A batch's transaction runs. A large one goes by COPY; a small one as prepared statements in a single pipeline, which
// for a declaration that comes alone takes half of PostgreSQL's time and one journey instead of five.
#include "services/aggregator/store_internal.h"

#include <stdio.h>

#define SQLSTATE_FENCED "DE001"
#define SQLSTATE_UNIQUE "23505"
#define SQLSTATE_LOCKED "55P03"

// Rows go out in pieces of this size, so that libpq does not hold a second copy of them all.
enum { COPY_BYTES = 256 * 1024 };

static bool feed_copy(Connection *c, Str rows) {
    for (size_t at = 0; at < rows.len; at += COPY_BYTES) {
        size_t end = rows.len - at < COPY_BYTES ? rows.len : at + COPY_BYTES;
        if (!connection_copy(c, str_slice(rows, at, end))) {
            return false;
        }
    }
    return connection_copy_end(c);
}

static StoreStatus read_failure(Store *store, const PGresult *result) {
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool fenced =
        sqlstate != NULL && (strcmp(sqlstate, SQLSTATE_FENCED) == 0 || strcmp(sqlstate, SQLSTATE_UNIQUE) == 0);
    store->locked_out = sqlstate != NULL && strcmp(sqlstate, SQLSTATE_LOCKED) == 0;
    connection_failed(&store->connection, result);
    return fenced ? STORE_FENCED : STORE_AWAY;
}

// A former owner that was stopped in the middle of its transaction holds the lane's row for as long as
// it sleeps, and feeds its COPY to nobody's use. Its connection is ended: it will learn so when it wakes.
static void end_lane_holders(Store *store, const Transaction *t) {
    buf_clear(&store->sql);
    buf_add_str(&store->sql, STR_LIT("ROLLBACK; RESET ROLE; " // the former owner is another session of our login
                                     "SELECT pg_terminate_backend(k.pid) FROM declared.lane l JOIN pg_locks k "
                                     "ON k.locktype = 'transactionid' AND k.transactionid = l.xmax AND k.granted "
                                     "WHERE l.lane IN (-1"));
    for (size_t i = 0; i < t->lanes.count; i++) {
        buf_printf(&store->sql, ", %d", t->lanes.items[i].lane);
    }
    buf_add(&store->sql, ")", sizeof ")");
    PQclear(connection_exec(&store->connection, store->sql.ptr));
}

// The rows of the next table that has some, from `*at` on.
static Str next_rows(const Transaction *t, size_t *at) {
    size_t from = *at, table = 0;
    while (t->ends[table] <= from) {
        table++;
    }
    *at = t->ends[table];
    return str_slice(buf_str(&t->rows), from, *at);
}

// The result of one of the transaction's statements.
static void see_result(Store *store, PGresult *result, StoreStatus *status, bool *committed) {
    if (PQresultStatus(result) == PGRES_FATAL_ERROR && !*committed) {
        *status = read_failure(store, result);
    }
    *committed |= strcmp(PQcmdStatus(result), "COMMIT") == 0;
}

static StoreStatus run_copies(Store *store, const Transaction *t) {
    Connection *c = &store->connection;
    StoreStatus status = STORE_OK;
    size_t fed = 0;
    bool committed = false;
    PGresult *result;
    if (PQsendQuery(c->pg, t->sql.ptr) == 0) {
        return STORE_AWAY;
    }
    while ((result = connection_result(c)) != NULL) {
        if (PQresultStatus(result) == PGRES_COPY_IN) {
            PQclear(result);
            if (!feed_copy(c, next_rows(t, &fed))) {
                return STORE_AWAY;
            }
            continue;
        }
        see_result(store, result, &status, &committed);
        PQclear(result);
    }
    return status == STORE_OK && !committed ? STORE_AWAY : status;
}

// Calls of prepared statements.

static const Table *const tables[] = {&table_ledger,   &table_fate_change, &table_election,
                                      &table_snapshot, &table_ballot,      &table_flash};

static void write_insert(const Table *table, Buf *sql) {
    buf_printf(sql, "INSERT INTO declared.%s (", table->name);
    for (size_t i = 0; i < table->columns_count; i++) {
        buf_printf(sql, "%s%s", i == 0 ? "" : ", ", table->columns[i].name);
    }
    buf_add_str(sql, STR_LIT(") VALUES ("));
    for (size_t i = 0; i < table->columns_count; i++) {
        buf_printf(sql, "%s$%zu", i == 0 ? "" : ", ", i + 1);
    }
    buf_add_str(sql, STR_LIT(")"));
}

static void write_statement(Call call, Buf *sql) {
    static const char *const statements[CALL_INSERT] = {
        [CALL_BEGIN] = "BEGIN",
        [CALL_COMMIT] = "COMMIT",
        [CALL_ADVANCE] = "SELECT declared.advance_lane($1, $2, $3, $4, $5, $6, $7)",
        [CALL_DO_NOT_WAIT] = "SET LOCAL synchronous_commit = off",
        [CALL_NOTIFY] = "SELECT pg_notify($1, $2)",
    };
    buf_clear(sql);
    if (call < CALL_INSERT) {
        buf_add_str(sql, str_from(statements[call]));
    } else {
        write_insert(tables[call - CALL_INSERT], sql);
    }
    buf_add_byte(sql, '\0');
}

static uint32_t take_number(Str *rest, size_t size) {
    uint32_t number = 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | (uint8_t)rest->ptr[i];
    }
    *rest = str_slice(*rest, size, rest->len);
    return number;
}

enum { FIELDS_MAX = 64 };
_Static_assert(CALL_COUNT - CALL_INSERT == sizeof tables / sizeof *tables, "a table without a statement");

typedef struct CallName {
    char text[16];
} CallName;

static CallName name_of(Call call) {
    CallName name;
    snprintf(name.text, sizeof name.text, "c%d", (int)call);
    return name;
}

static bool send_preparation(Store *store) {
    for (int call = 0; call < CALL_COUNT; call++) {
        write_statement((Call)call, &store->sql);
        if (PQsendPrepare(store->connection.pg, name_of((Call)call).text, store->sql.ptr, 0, NULL) == 0) {
            return false;
        }
    }
    return true;
}

static bool send_call(PGconn *pg, Str *rest) {
    Call call = (Call)take_number(rest, 2);
    int count = (int)take_number(rest, 2);
    const char *values[FIELDS_MAX];
    int lengths[FIELDS_MAX], formats[FIELDS_MAX];
    for (int i = 0; i < count; i++) {
        uint32_t len = take_number(rest, 4);
        bool null = len == UINT32_MAX;
        values[i] = null ? NULL : rest->ptr;
        lengths[i] = null ? 0 : (int)len;
        formats[i] = 1;
        *rest = str_slice(*rest, null ? 0 : len, rest->len);
    }
    return PQsendQueryPrepared(pg, name_of(call).text, count, values, lengths, formats, 1) != 0;
}

static bool send_calls(PGconn *pg, Str calls) {
    while (calls.len > 0) {
        if (!send_call(pg, &calls)) {
            return false;
        }
    }
    return true;
}

// Until the pipeline's end. Each statement's results end with a NULL; two of them are no answer.
static bool read_results(Store *store, StoreStatus *status, bool *committed) {
    Connection *c = &store->connection;
    for (int nulls = 0; nulls < 2 && c->pg != NULL;) {
        PGresult *result = connection_result(c);
        bool end = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        nulls = result == NULL ? nulls + 1 : 0;
        if (result != NULL) {
            see_result(store, result, status, committed);
            PQclear(result);
        }
        if (end) {
            return PQexitPipelineMode(c->pg) != 0;
        }
    }
    return false;
}

// A failed statement takes those behind it with it. What fails behind the first COMMIT is no part of the transaction.
static StoreStatus run_calls(Store *store, Str transaction, Str behind) {
    Connection *c = &store->connection;
    StoreStatus status = STORE_OK;
    bool committed = false;
    bool ended = PQenterPipelineMode(c->pg) != 0 && (store->is_prepared || send_preparation(store)) &&
                 send_calls(c->pg, transaction) && send_calls(c->pg, behind) && PQpipelineSync(c->pg) != 0 &&
                 read_results(store, &status, &committed);
    store->is_prepared = true;
    if (!ended && c->pg != NULL) {
        connection_lose(c);
    }
    return status == STORE_OK && !committed ? STORE_AWAY : status;
}

StoreStatus store_commit(Store *store, const Transaction *transaction) {
    Connection *c = &store->connection;
    if (c->pg == NULL) {
        return STORE_AWAY;
    }
    c->error[0] = '\0';
    store->locked_out = false;
    bool small = transaction->calls.len > 0;
    StoreStatus status = small ? run_calls(store, buf_str(&transaction->calls), buf_str(&transaction->notify))
                               : run_copies(store, transaction);
    if (status != STORE_OK) {
        if (store->locked_out) {
            end_lane_holders(store, transaction);
        }
        if (c->pg != NULL && c->error[0] == '\0') {
            connection_lose(c);
        }
        connection_close(c);
    }
    return status;
}

void store_notify(Store *store, const Transaction *transaction) {
    bool told = transaction->calls.len > 0 || transaction->notify.len == 0, first = !store->is_prepared;
    if (!told && store->connection.pg != NULL &&
        run_calls(store, STR_LIT(""), buf_str(&transaction->notify)) != STORE_OK && first) {
        connection_close(&store->connection); // what is prepared now is not known
    }
}
