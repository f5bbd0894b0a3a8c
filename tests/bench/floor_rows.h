// The rows that the daemon has left in its tables, cut into its transactions: what floors write once more. From a
// folder that rows.py has made: for each table a file TABLE.columns and a file TABLE.rows, as COPY TO STDOUT (FORMAT
// binary) gave it, and `batches`: a line for each transaction, "measured" 0 or 1, then how many rows of each table it
// has. Those not measured (reference data) come first. For benchmarks: what is wrong ends the program.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { ROWS_TABLES = 6, ROWS_LEDGER = 0, ROWS_COLUMNS_BYTES = 2048 };

// How a binary COPY begins and ends: signature, flags, no extension; the last zero byte is the string's own.
#define ROWS_HEADER "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"
#define ROWS_TRAILER "\377\377"

typedef struct RowsTable {
    const char *name;                 // in the schema `declared`
    char columns[ROWS_COLUMNS_BYTES]; // "a, b"
    size_t columns_count;
    const char *bytes; // the file
    size_t len;
} RowsTable;

typedef struct RowsSlice {
    size_t from, to; // of the table's bytes, whole rows
} RowsSlice;

typedef struct RowsBatch {
    bool measured;
    size_t rows[ROWS_TABLES];
    RowsSlice slices[ROWS_TABLES];
} RowsBatch;

typedef struct Rows {
    RowsTable tables[ROWS_TABLES]; // in the daemon's order
    RowsBatch *batches;
    size_t batches_count, measured_from;
} Rows;

void rows_read(const char *folder, Rows *rows);
void rows_free(Rows *rows);

// A number of 2 or 4 bytes, most significant first, behind which *at is left.
unsigned rows_take_number(const RowsTable *table, size_t *at, size_t bytes);
