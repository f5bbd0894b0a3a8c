// Rows without arrays and objects in them, as CSV, XML and JSON: what a graphics system binds to.
//
// `seats` becomes seats_1_party, seats_1_short, ... seats_2_party, ..., in the order of the array, and `cause`
// becomes cause_topic, cause_kafka_offset, ...; other JSON stays as text. Pure.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"

enum { FLAT_PARTIES_MIN = 8 }; // so that a template has its fields before the first result

typedef enum FlatType {
    FLAT_TEXT,
    FLAT_LITERAL, // a number, true or false: JSON without quotes
    FLAT_NESTED,  // JSON; as text where flat_expand does not know it
} FlatType;

typedef struct FlatColumn {
    Str name;
    FlatType type;
} FlatColumn;

typedef struct FlatTable {
    const FlatColumn *columns;
    const Str *cells; // row by row; absent: null
    size_t columns_count, rows_count;
} FlatTable;

// `parties`: how many seats_N there are; 0: as many as the longest array, but at least FLAT_PARTIES_MIN.
// The result lives in the arena and borrows from `source`.
FlatTable flat_expand(const FlatTable *source, int parties, Arena *arena);

// RFC 4180, with a header line. Null is empty.
void flat_write_csv(const FlatTable *table, Buf *out);

// An element for each row within `list`, or, where that is NULL, the one row as the document's element.
// Null is an empty element; what XML 1.0 cannot hold becomes U+FFFD.
void flat_write_xml(const FlatTable *table, const char *list, const char *element, Buf *out);

// An array of objects, or the one row as an object.
void flat_write_json(const FlatTable *table, bool one_row, Buf *out);
