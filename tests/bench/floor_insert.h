// What the contract demands of each commit, at its least: the rows of a transaction that the daemon has made, into
// tables with the same columns and indexes, with nothing computed. As the daemon writes a small transaction
// (services/aggregator/store_commit.c): prepared statements in one pipeline. For benchmarks: what is wrong ends the
// program.
#pragma once

#include <libpq-fe.h>

#include <stddef.h>

typedef struct FloorRows FloorRows;

// Empties the tables of the schema `floor_rows` (made by latency.py) and prepares the statements. `pg` is borrowed.
FloorRows *floor_rows_new(const char *folder, PGconn *pg);

// In pipeline mode: sends the next transactions' rows, as many as have `records` rows of the ledger, or as were left
// over. How many statements.
size_t floor_rows_send(FloorRows *rows, size_t records);

// NULL is allowed.
void floor_rows_free(FloorRows *rows);
