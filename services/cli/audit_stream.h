// The rows of a query as they come: COPY in PostgreSQL's binary format, one row in memory at a time.
// What row_add_tuple writes has the same form, so rows that were read and rows that were made compare
// byte for byte. One thread.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "services/cli/cli.h"

#include <libpq-fe.h>

enum { TUPLE_FIELDS_MAX = 48 };

typedef struct Tuple {
    Str fields[TUPLE_FIELDS_MAX]; // absent: null
    size_t count;
} Tuple;

// A count of fields, then each as length and bytes. False: it is not such a tuple, or has too many.
// The fields are borrowed from the bytes.
bool tuple_read(Str bytes, Tuple *tuple);

// The same bytes again.
void tuple_write(const Tuple *tuple, Buf *out);

int32_t tuple_int4(const Tuple *tuple, size_t field);
int64_t tuple_int8(const Tuple *tuple, size_t field);
bool tuple_bool(const Tuple *tuple, size_t field);

typedef struct Stream {
    const Cli *cli;
    PGconn *connection; // owned
    char *bytes;        // of the row at hand; owned
    bool header_passed;
    bool has_row;
    Tuple row; // the row at hand; until stream_next
    Str error; // absent: none; in the command's arena
} Stream;

// Runs a SELECT on a connection of its own and comes to the first row. The stream is zeroed, or has come
// to its end: then it keeps its connection. False: failed, see `error`.
bool stream_open(Stream *stream, const Cli *cli, const char *select);

// Comes to the next row; there is none left when has_row is false. False: failed, see `error`.
bool stream_next(Stream *stream);

// The bytes of the row at hand are the caller's from now on, to be freed with PQfreemem.
char *stream_take_bytes(Stream *stream);

// A zeroed or failed stream is fine.
void stream_close(Stream *stream);
