#include "services/validator/framing.h"

enum {
    CONFLUENT_MAGIC = 0x00,
    CONFLUENT_GUID_MAGIC = 0x01,
    SINGLE_OBJECT_MAGIC = 0xC3,
    SINGLE_OBJECT_VERSION = 0x01,
    CONFLUENT_BYTES = 1 + 4,
    SINGLE_OBJECT_BYTES = 2 + 8,
};

static unsigned byte_at(Str payload, size_t at) {
    return at < payload.len ? (unsigned char)payload.ptr[at] : 0;
}

static bool is_single_object(Str payload) {
    return byte_at(payload, 0) == SINGLE_OBJECT_MAGIC && byte_at(payload, 1) == SINGLE_OBJECT_VERSION;
}

Framing framing_read(Str payload) {
    Framing framing = {.kind = FRAMING_BAD};
    if (payload.len >= CONFLUENT_BYTES && byte_at(payload, 0) == CONFLUENT_MAGIC) {
        framing.kind = FRAMING_CONFLUENT;
        framing.datum = CONFLUENT_BYTES;
        for (size_t i = 1; i < CONFLUENT_BYTES; i++) {
            framing.id = framing.id << 8 | byte_at(payload, i);
        }
    } else if (payload.len >= SINGLE_OBJECT_BYTES && is_single_object(payload)) {
        framing.kind = FRAMING_SINGLE_OBJECT;
        framing.datum = SINGLE_OBJECT_BYTES;
        for (size_t i = SINGLE_OBJECT_BYTES; i-- > 2;) {
            framing.fingerprint = framing.fingerprint << 8 | byte_at(payload, i);
        }
    }
    return framing;
}

Str framing_fault(Str payload, Arena *arena) {
    if (str_is_none(payload)) {
        return STR_LIT("the value is null");
    }
    if (payload.len == 0) {
        return STR_LIT("the value is empty");
    }
    if (byte_at(payload, 0) == CONFLUENT_MAGIC) {
        return arena_printf(arena, "Confluent framing cut short: %zu of %d bytes", payload.len, CONFLUENT_BYTES);
    }
    if (is_single_object(payload)) {
        return arena_printf(arena, "single-object framing cut short: %zu of %d bytes", payload.len,
                            SINGLE_OBJECT_BYTES);
    }
    if (byte_at(payload, 0) == CONFLUENT_GUID_MAGIC) {
        return STR_LIT("framing 01 (a schema's GUID) is not supported");
    }
    return arena_printf(arena, "the first byte is %02x: neither Confluent framing (00) nor single-object (C3 01)",
                        byte_at(payload, 0));
}

void framing_add_single_object(Buf *out, uint64_t fingerprint) {
    buf_add_byte(out, SINGLE_OBJECT_MAGIC);
    buf_add_byte(out, SINGLE_OBJECT_VERSION);
    for (unsigned i = 0; i < 8; i++) {
        buf_add_byte(out, (uint8_t)(fingerprint >> (8 * i)));
    }
}
