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

// SipHash-1-3: nobody can send keys that all fall on one place.
uint64_t siphash(const SipKey *key, Str bytes);
