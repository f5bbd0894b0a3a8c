// SHA-256 in one call (OpenSSL's).
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32 };

// Cannot fail but by a broken OpenSSL, which ends the process.
void sha256(const void *bytes, size_t len, uint8_t digest[SHA256_BYTES]);
