#include "services/aggregator/store_internal.h"

#include <arpa/inet.h>
#include <endian.h>

#define POSTGRES_EPOCH_US INT64_C(946684800000000) // 2000-01-01

Parameter store_int4(Int4 *place, int32_t value) {
    place->bytes = htonl((uint32_t)value);
    return (Parameter){OID_INT4, {(const char *)&place->bytes, sizeof place->bytes}};
}

Parameter store_int8(Int8 *place, int64_t value) {
    place->bytes = htobe64((uint64_t)value);
    return (Parameter){OID_INT8, {(const char *)&place->bytes, sizeof place->bytes}};
}

Parameter store_text(Str value) {
    return (Parameter){OID_TEXT, value};
}

Parameter store_texts(Buf *place, const Str *values, size_t count) {
    buf_add_u32(place, count > 0);
    buf_add_u32(place, 0);
    buf_add_u32(place, OID_TEXT);
    if (count > 0) {
        buf_add_u32(place, (uint32_t)count);
        buf_add_u32(place, 1);
    }
    for (size_t i = 0; i < count; i++) {
        buf_add_u32(place, (uint32_t)values[i].len);
        buf_add_str(place, values[i]);
    }
    return (Parameter){OID_TEXT_ARRAY, buf_str(place)};
}

Str store_field(const PGresult *result, int row, int column) {
    if (PQgetisnull(result, row, column)) {
        return STR_NONE;
    }
    return (Str){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

bool store_bool_field(const PGresult *result, int row, int column) {
    return *PQgetvalue(result, row, column) != 0;
}

int32_t store_int4_field(const PGresult *result, int row, int column) {
    uint32_t bytes;
    memcpy(&bytes, PQgetvalue(result, row, column), sizeof bytes);
    return (int32_t)ntohl(bytes);
}

int64_t store_int8_field(const PGresult *result, int row, int column) {
    uint64_t bytes;
    memcpy(&bytes, PQgetvalue(result, row, column), sizeof bytes);
    return (int64_t)be64toh(bytes);
}

int64_t store_time_field(const PGresult *result, int row, int column) {
    return PQgetisnull(result, row, column) ? TIME_NONE : store_int8_field(result, row, column) + POSTGRES_EPOCH_US;
}

StoreStatus store_settle(Store *store, PGresult *result) {
    if (result == NULL) {
        return STORE_AWAY;
    }
    if (connection_failed(&store->connection, result)) {
        connection_close(&store->connection);
        return STORE_AWAY;
    }
    return STORE_OK;
}
