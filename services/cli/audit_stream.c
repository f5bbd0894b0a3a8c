#include "services/cli/audit_stream.h"

#include "services/cli/database.h"

#include <arpa/inet.h>
#include <endian.h>

// Signature and flags, in front of the first row; then the length of an extension that nobody uses.
enum { HEADER_BYTES = 19 };

static bool take(Str *bytes, size_t count, Str *out) {
    if (bytes->len < count) {
        return false;
    }
    *out = str_slice(*bytes, 0, count);
    *bytes = str_slice(*bytes, count, bytes->len);
    return true;
}

static bool take_length(Str *bytes, int32_t *length) {
    Str field;
    uint32_t value;
    if (!take(bytes, sizeof value, &field)) {
        return false;
    }
    memcpy(&value, field.ptr, sizeof value);
    *length = (int32_t)ntohl(value);
    return *length >= -1;
}

bool tuple_read(Str bytes, Tuple *tuple) {
    Str head;
    uint16_t count;
    if (!take(&bytes, sizeof count, &head)) {
        return false;
    }
    memcpy(&count, head.ptr, sizeof count);
    tuple->count = ntohs(count);
    if (tuple->count > TUPLE_FIELDS_MAX) {
        return false;
    }
    for (size_t i = 0; i < tuple->count; i++) {
        int32_t length;
        tuple->fields[i] = STR_NONE;
        if (!take_length(&bytes, &length) || (length >= 0 && !take(&bytes, (size_t)length, &tuple->fields[i]))) {
            return false;
        }
    }
    return bytes.len == 0;
}

void tuple_write(const Tuple *tuple, Buf *out) {
    buf_add_u16(out, (uint16_t)tuple->count);
    for (size_t i = 0; i < tuple->count; i++) {
        bool none = str_is_none(tuple->fields[i]);
        buf_add_u32(out, none ? UINT32_MAX : (uint32_t)tuple->fields[i].len);
        buf_add_str(out, tuple->fields[i]);
    }
}

int32_t tuple_int4(const Tuple *tuple, size_t field) {
    uint32_t value = 0;
    memcpy(&value, tuple->fields[field].ptr, sizeof value);
    return (int32_t)ntohl(value);
}

int64_t tuple_int8(const Tuple *tuple, size_t field) {
    uint64_t value = 0;
    memcpy(&value, tuple->fields[field].ptr, sizeof value);
    return (int64_t)be64toh(value);
}

bool tuple_bool(const Tuple *tuple, size_t field) {
    return *tuple->fields[field].ptr != 0;
}

static bool fail(Stream *stream, const PGresult *result) {
    stream->has_row = false;
    stream->error = database_problem(stream->cli, stream->connection, result);
    return false;
}

// What follows the last row: whether the server came to an end or to a failure.
static bool finish(Stream *stream) {
    _cleanup_result_ PGresult *result = PQgetResult(stream->connection);
    stream->has_row = false;
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        return fail(stream, result);
    }
    PQclear(PQgetResult(stream->connection)); // none: the connection can be used again
    return true;
}

static bool is_trailer(Str bytes) {
    return bytes.len == 2 && (uint8_t)bytes.ptr[0] == UINT8_MAX && (uint8_t)bytes.ptr[1] == UINT8_MAX;
}

bool stream_next(Stream *stream) {
    for (;;) {
        PQfreemem(stream->bytes);
        stream->bytes = NULL;
        int length = PQgetCopyData(stream->connection, &stream->bytes, 0);
        if (length < 0) {
            return length == -1 ? finish(stream) : fail(stream, NULL);
        }
        Str bytes = {stream->bytes, (size_t)length}, header;
        if (!stream->header_passed) {
            stream->header_passed = take(&bytes, HEADER_BYTES, &header);
        }
        if (bytes.len == 0 || is_trailer(bytes)) {
            continue;
        }
        stream->has_row = tuple_read(bytes, &stream->row);
        if (!stream->has_row) {
            stream->error = STR_LIT("PostgreSQL sent a row that is not in COPY's binary format");
        }
        return stream->has_row;
    }
}

// Rows come in the order of an index where there is one, from the first on, instead of being sorted
// as a whole; what must be sorted has room for it.
static const char settings[] = "SET enable_sort = off; SET jit = off; SET work_mem = '64MB'";

static bool connect_stream(Stream *stream) {
    stream->connection = database_open(stream->cli, &stream->error);
    if (stream->connection == NULL) {
        return false;
    }
    _cleanup_result_ PGresult *set = PQexec(stream->connection, settings);
    return PQresultStatus(set) == PGRES_COMMAND_OK || fail(stream, set);
}

bool stream_open(Stream *stream, const Cli *cli, const char *select) {
    stream->cli = cli;
    stream->header_passed = false;
    if (stream->connection == NULL && !connect_stream(stream)) {
        return false;
    }
    _cleanup_buf_ Buf sql = {0};
    buf_printf(&sql, "COPY (%s) TO STDOUT (FORMAT binary)%c", select, 0);
    _cleanup_result_ PGresult *begun = PQexec(stream->connection, sql.ptr);
    return PQresultStatus(begun) == PGRES_COPY_OUT ? stream_next(stream) : fail(stream, begun);
}

char *stream_take_bytes(Stream *stream) {
    char *bytes = stream->bytes;
    stream->bytes = NULL;
    return bytes;
}

void stream_close(Stream *stream) {
    PQfreemem(stream->bytes);
    PQfinish(stream->connection);
    stream->bytes = NULL;
    stream->connection = NULL;
    stream->has_row = false;
}
