// SipHash (Aumasson, Bernstein): short hashes that nobody without the key can foresee, for what strangers send.
//
// Under the secret of this process values differ from run to run, so none of them is written anywhere. Any thread.
#pragma once

#include "common/base/str.h"

#include <stdint.h>

typedef struct SipKey {
    uint64_t words[2];
} SipKey;

// This process's own, made when it is first wanted.
const SipKey *siphash_secret(void);

// SipHash-1-3, for places in a table: nobody can send keys that all fall on one place.
uint64_t siphash_place(const SipKey *key, Str bytes);

// SipHash-2-4 with 128 bits, to know bytes again by: nobody can send others that have the same.
enum { SIPHASH_DIGEST_BYTES = 16 };
void siphash_digest(const SipKey *key, Str bytes, uint8_t digest[SIPHASH_DIGEST_BYTES]);
