// floor_copy: the rows of a finished catch-up into the same tables once more, by COPY BINARY and nothing else. No
// consumer of these rows into this PostgreSQL can be faster.
//
//     floor_copy --folder FOLDER [--connections N]      the empty database is DECLARED_POSTGRES_URI's
//
// The folder is rows.py's (floor_rows.h). The transactions not measured are committed before the clock starts.
// Connections take the next transaction when they are done with theirs.
// Out: {"transactions", "rows", "bytes", "seconds", "cpu_seconds"} of the measured ones.
#include "tests/bench/floor_rows.h"
#include "tests/bench/records.h"

#include <libpq-fe.h>

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CONNECTIONS_MAX = 64, PIECE_BYTES = 256 * 1024 };

static Rows rows;
static const char *uri;
static atomic_size_t next_batch;

// ---- the transactions ------------------------------------------------------------------------------------

static void put(PGconn *pg, const char *bytes, size_t len) {
    if (PQputCopyData(pg, bytes, (int)len) != 1) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
}

static void copy_slice(PGconn *pg, const RowsTable *table, RowsSlice slice) {
    put(pg, ROWS_HEADER, sizeof ROWS_HEADER);
    for (size_t at = slice.from; at < slice.to; at += PIECE_BYTES) {
        put(pg, table->bytes + at, slice.to - at < PIECE_BYTES ? slice.to - at : PIECE_BYTES);
    }
    put(pg, ROWS_TRAILER, sizeof ROWS_TRAILER - 1);
    if (PQputCopyEnd(pg, NULL) != 1) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
}

static void send_batch(PGconn *pg, const RowsBatch *batch) {
    char sql[ROWS_TABLES * (ROWS_COLUMNS_BYTES + 64) + 64];
    int len = snprintf(sql, sizeof sql, "BEGIN; ");
    size_t wanted[ROWS_TABLES], wanted_count = 0, table = 0;
    for (size_t t = 0; t < ROWS_TABLES; t++) {
        if (batch->rows[t] > 0) {
            wanted[wanted_count++] = t;
            len += snprintf(sql + len, sizeof sql - (size_t)len, "COPY declared.%s (%s) FROM STDIN (FORMAT binary); ",
                            rows.tables[t].name, rows.tables[t].columns);
        }
    }
    snprintf(sql + len, sizeof sql - (size_t)len, "COMMIT");
    if (PQsendQuery(pg, sql) != 1) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
    for (PGresult *result; (result = PQgetResult(pg)) != NULL; PQclear(result)) {
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_COPY_IN && table < wanted_count) {
            copy_slice(pg, &rows.tables[wanted[table]], batch->slices[wanted[table]]);
            table++;
        } else if (status != PGRES_COMMAND_OK) {
            bench_give_up("%s", PQerrorMessage(pg));
        }
    }
}

static PGconn *connect_once(void) {
    PGconn *pg = PQconnectdb(uri);
    if (PQstatus(pg) != CONNECTION_OK) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
    return pg;
}

static void *run_connection(void *connection) {
    PGconn *pg = connection;
    for (size_t i; (i = atomic_fetch_add(&next_batch, 1)) < rows.batches_count;) {
        send_batch(pg, &rows.batches[i]);
    }
    return NULL;
}

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void run(size_t count) {
    PGconn *connections[CONNECTIONS_MAX];
    pthread_t threads[CONNECTIONS_MAX];
    for (size_t i = 0; i < count; i++) {
        connections[i] = connect_once();
    }
    for (size_t i = 0; i < rows.measured_from; i++) {
        send_batch(connections[0], &rows.batches[i]);
    }
    atomic_store(&next_batch, rows.measured_from);
    double began = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run_connection, connections[i]) != 0) {
            bench_give_up("cannot start a thread");
        }
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    double took = seconds_of(CLOCK_MONOTONIC) - began;
    size_t measured_rows = 0, measured_bytes = 0;
    for (size_t i = rows.measured_from; i < rows.batches_count; i++) {
        for (size_t t = 0; t < ROWS_TABLES; t++) {
            measured_rows += rows.batches[i].rows[t];
            measured_bytes += rows.batches[i].slices[t].to - rows.batches[i].slices[t].from;
        }
    }
    printf("{\"transactions\": %zu, \"rows\": %zu, \"bytes\": %zu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
           rows.batches_count - rows.measured_from, measured_rows, measured_bytes, took,
           seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    for (size_t i = 0; i < count; i++) {
        PQfinish(connections[i]);
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"folder", required_argument, NULL, 'f'}, {"connections", required_argument, NULL, 'c'}, {0}};
    const char *folder = NULL;
    size_t connections = 1;
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (found == 'f') {
            folder = optarg;
        } else if (found == 'c') {
            connections = strtoul(optarg, NULL, 10);
        }
    }
    uri = getenv("DECLARED_POSTGRES_URI");
    if (folder == NULL || uri == NULL || connections == 0 || connections > CONNECTIONS_MAX || optind != argc) {
        fprintf(stderr, "Usage: DECLARED_POSTGRES_URI=... floor_copy --folder FOLDER [--connections N]\n");
        return 2;
    }
    rows_read(folder, &rows);
    run(connections);
    rows_free(&rows);
    return EXIT_SUCCESS;
}
