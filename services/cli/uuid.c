#include "services/cli/uuid.h"

#include "common/base/buf.h"

#include <openssl/evp.h>
#include <stdlib.h>

Str uuid_from_name(const uint8_t namespace[16], Str name, Arena *arena) {
    uint8_t hash[EVP_MAX_MD_SIZE];
    _cleanup_buf_ Buf bytes = {0};
    buf_add(&bytes, namespace, 16);
    buf_add_str(&bytes, name);
    if (EVP_Digest(bytes.ptr, bytes.len, hash, NULL, EVP_sha1(), NULL) != 1) {
        abort(); // only a broken OpenSSL
    }
    hash[6] = (uint8_t)((hash[6] & 0x0f) | 0x50); // version 5
    hash[8] = (uint8_t)((hash[8] & 0x3f) | 0x80); // the RFC's variant
    return arena_printf(arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", hash[0], hash[1],
                        hash[2], hash[3], hash[4], hash[5], hash[6], hash[7], hash[8], hash[9], hash[10], hash[11],
                        hash[12], hash[13], hash[14], hash[15]);
}
