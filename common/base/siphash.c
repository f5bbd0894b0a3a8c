#include "common/base/siphash.h"

#include <endian.h>
#include <pthread.h>
#include <unistd.h>

static SipKey secret;

static void make_secret(void) {
    (void)getentropy(&secret, sizeof secret); // a kernel without it leaves zeros, which hash as well for honest keys
}

const SipKey *siphash_secret(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_secret);
    return &secret;
}

typedef struct Sip {
    uint64_t v[4];
} Sip;

static inline uint64_t rotate(uint64_t word, unsigned bits) {
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(Sip *s) {
    uint64_t *v = s->v;
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline Sip start(const SipKey *key) {
    uint64_t k0 = key->words[0], k1 = key->words[1];
    return (Sip){{k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                  k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)}};
}

static inline void sip_add(Sip *s, uint64_t word) {
    s->v[3] ^= word;
    sip_round(s);
    s->v[0] ^= word;
}

static inline uint64_t load(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

static inline uint64_t load_half(const char *at) {
    uint32_t half;
    memcpy(&half, at, sizeof half);
    return le32toh(half);
}

// The bytes behind the last whole word, less than eight: read with bytes before them, or in halves that overlap.
static inline uint64_t load_rest(Str bytes) {
    size_t rest = bytes.len % 8;
    if (rest > 0 && bytes.len > 8) {
        return load(bytes.ptr + bytes.len - 8) >> (64 - 8 * rest);
    }
    if (rest >= 4) {
        return load_half(bytes.ptr) | load_half(bytes.ptr + rest - 4) << (8 * (rest - 4));
    }
    uint64_t word = 0;
    for (size_t i = 0; i < rest; i++) {
        word |= (uint64_t)(unsigned char)bytes.ptr[i] << (8 * i);
    }
    return word;
}

uint64_t siphash(const SipKey *key, Str bytes) {
    Sip s = start(key);
    for (size_t at = 0; at + 8 <= bytes.len; at += 8) {
        sip_add(&s, load(bytes.ptr + at));
    }
    sip_add(&s, load_rest(bytes) | (uint64_t)bytes.len << 56);
    s.v[2] ^= 0xFF;
    for (int round = 0; round < 3; round++) {
        sip_round(&s);
    }
    return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}
