#include "services/validator/varint.h"

const uint8_t *varint_read_long_form(const uint8_t *at, const uint8_t *end, unsigned bytes_max, uint64_t *raw) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes_max && at < end; i++) {
        uint8_t byte = *at++;
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte >= 0x80) {
            continue;
        }
        bool padded = byte == 0 && i > 0;
        bool over_64_bits = i == VARINT_LONG_BYTES - 1 && byte > 1;
        if (padded || over_64_bits) {
            return NULL;
        }
        *raw = value;
        return at;
    }
    return NULL;
}

const char *varint_fault(const uint8_t *at, const uint8_t *end, unsigned bytes_max) {
    for (unsigned i = 0; i < bytes_max; i++) {
        if (at + i == end) {
            return "varint cut short";
        }
        if (at[i] < 0x80) {
            if (i > 0 && at[i] == 0) {
                return "varint padded with zero bits";
            }
            return bytes_max == VARINT_INT_BYTES ? "number outside int's range" : "number outside long's range";
        }
    }
    return bytes_max == VARINT_INT_BYTES ? "varint longer than 5 bytes" : "varint longer than 10 bytes";
}

void varint_add_long(Buf *out, int64_t value) {
    uint64_t raw = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
    while (raw >= 0x80) {
        buf_add_byte(out, (uint8_t)(raw | 0x80));
        raw >>= 7;
    }
    buf_add_byte(out, (uint8_t)raw);
}
