// How two rows of one table differ, and how that is said. Rows are fields in PostgreSQL's binary form,
// in the order of the table's columns; one was read from the database, the other read or made.
#pragma once

#include "common/base/arena.h"
#include "services/aggregator/rows.h"

// The first column in which they differ, byte for byte; columns_count: none.
size_t row_find_difference(const Table *table, const Str *left, const Str *right);

// Index of the column; the table has it.
size_t table_find_column(const Table *table, const char *name);

// By keys, in the order given: indices of columns, -1 ends them. The order is that of ORDER BY with
// COLLATE "C".
int row_compare_keys(const int *keys, const Str *left, const Str *right);

// Which row it is: "snapshot, lane 2, lane_seq 17, election_id local.medway.2023-05-04, seq 5".
Str row_tell_name(const Table *table, const Str *fields, Arena *arena);

// Where a column differs, both values shortened around the place: "status: 'final', 'called'". The
// place within JSON is told: "seats[2].held: 10, 11".
typedef struct Values {
    Str place, left, right;
} Values;
Values row_tell_values(const Table *table, size_t column, const Str *left, const Str *right, Arena *arena);
