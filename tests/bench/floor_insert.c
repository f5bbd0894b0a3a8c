#include "tests/bench/floor_insert.h"

#include "tests/bench/floor_rows.h"
#include "tests/bench/records.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIELDS_MAX = 64 };

struct FloorRows {
    PGconn *pg;
    Rows rows;
    size_t next;          // transaction
    size_t wanted, taken; // rows of the ledger, so far
};

static void expect_command(PGconn *pg, PGresult *result) {
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
    PQclear(result);
}

static void prepare_insert(PGconn *pg, const RowsTable *table) {
    char sql[2 * ROWS_COLUMNS_BYTES];
    int len = snprintf(sql, sizeof sql, "INSERT INTO floor_rows.%s (%s) VALUES (", table->name, table->columns);
    for (size_t i = 1; i <= table->columns_count; i++) {
        len += snprintf(sql + len, sizeof sql - (size_t)len, "$%zu%s", i, i < table->columns_count ? ", " : ")");
    }
    expect_command(pg, PQprepare(pg, table->name, sql, 0, NULL));
}

FloorRows *floor_rows_new(const char *folder, PGconn *pg) {
    FloorRows *rows = calloc(1, sizeof *rows);
    if (rows == NULL) {
        bench_give_up("no memory");
    }
    rows->pg = pg;
    rows_read(folder, &rows->rows);
    rows->next = rows->rows.measured_from;
    for (size_t t = 0; t < ROWS_TABLES; t++) {
        char sql[64];
        snprintf(sql, sizeof sql, "TRUNCATE floor_rows.%s", rows->rows.tables[t].name);
        expect_command(pg, PQexec(pg, sql));
        prepare_insert(pg, &rows->rows.tables[t]);
    }
    return rows;
}

// The row at *at, behind which *at is left.
static void send_row(PGconn *pg, const RowsTable *table, size_t *at) {
    const char *values[FIELDS_MAX];
    int lengths[FIELDS_MAX], formats[FIELDS_MAX];
    unsigned count = rows_take_number(table, at, 2);
    if (count > FIELDS_MAX) {
        bench_give_up("a row of %s has %u fields", table->name, count);
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned len = rows_take_number(table, at, 4);
        values[i] = len == UINT32_MAX ? NULL : table->bytes + *at;
        lengths[i] = len == UINT32_MAX ? 0 : (int)len;
        formats[i] = 1;
        *at += (size_t)lengths[i];
    }
    if (PQsendQueryPrepared(pg, table->name, (int)count, values, lengths, formats, 1) != 1) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
}

size_t floor_rows_send(FloorRows *rows, size_t records) {
    size_t sent = 0;
    for (rows->wanted += records; rows->taken < rows->wanted; rows->next++) {
        if (rows->next == rows->rows.batches_count) {
            bench_give_up("more was consumed than the daemon has left rows of");
        }
        const RowsBatch *batch = &rows->rows.batches[rows->next];
        for (size_t t = 0; t < ROWS_TABLES; t++) {
            for (size_t at = batch->slices[t].from; at < batch->slices[t].to; sent++) {
                send_row(rows->pg, &rows->rows.tables[t], &at);
            }
        }
        rows->taken += batch->rows[ROWS_LEDGER];
    }
    return sent;
}

void floor_rows_free(FloorRows *rows) {
    if (rows != NULL) {
        rows_free(&rows->rows);
        free(rows);
    }
}
