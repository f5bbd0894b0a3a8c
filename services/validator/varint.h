// Avro's variable-length integers: zig-zag, seven bits a byte, lowest first.
//
// Only the shortest form is read: each value then has one way of being written, and nobody can pad.
#pragma once

#include "common/base/buf.h"

#include <stdint.h>

enum { VARINT_INT_BYTES = 5, VARINT_LONG_BYTES = 10 };

// The byte behind the varint, or NULL when it is cut short, padded or too long. `raw` is set on success.
const uint8_t *varint_read_long_form(const uint8_t *at, const uint8_t *end, unsigned bytes_max, uint64_t *raw);

// What is wrong with a varint that could not be read, for people.
const char *varint_fault(const uint8_t *at, const uint8_t *end, unsigned bytes_max);

void varint_add_long(Buf *out, int64_t value);

static inline int64_t varint_unzigzag(uint64_t raw) {
    return (int64_t)(raw >> 1 ^ (0 - (raw & 1)));
}

// Of one byte or two, as nearly all are; else the long form.
static inline const uint8_t *varint_read(const uint8_t *at, const uint8_t *end, unsigned bytes_max, uint64_t *raw) {
    if (at < end && *at < 0x80) {
        *raw = *at;
        return at + 1;
    }
    if (end - at >= 2 && at[1] > 0 && at[1] < 0x80) {
        *raw = (*at & 0x7Fu) | (uint64_t)at[1] << 7;
        return at + 2;
    }
    return varint_read_long_form(at, end, bytes_max, raw);
}

static inline const uint8_t *varint_read_long(const uint8_t *at, const uint8_t *end, int64_t *value) {
    uint64_t raw;
    at = varint_read(at, end, VARINT_LONG_BYTES, &raw);
    if (at == NULL) {
        return NULL;
    }
    *value = varint_unzigzag(raw);
    return at;
}

static inline const uint8_t *varint_read_int(const uint8_t *at, const uint8_t *end, int64_t *value) {
    uint64_t raw;
    at = varint_read(at, end, VARINT_INT_BYTES, &raw);
    if (at == NULL || raw > UINT32_MAX) {
        return NULL;
    }
    *value = varint_unzigzag(raw);
    return at;
}
