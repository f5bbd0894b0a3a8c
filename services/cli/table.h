// A query's result as text for people: columns as wide as they must be, numbers to the right.
#pragma once

#include <libpq-fe.h>
#include <stdio.h>

void table_print(const PGresult *result, FILE *out);
