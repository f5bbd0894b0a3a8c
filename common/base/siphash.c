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

static inline void sip_rounds(Sip *s, int rounds) {
    uint64_t *v = s->v;
    for (int i = 0; i < rounds; i++) {
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
}

static inline Sip sip_start(const SipKey *key) {
    uint64_t k0 = key->words[0], k1 = key->words[1];
    return (Sip){{k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                  k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)}};
}

static inline void sip_add(Sip *s, uint64_t word, int rounds) {
    s->v[3] ^= word;
    sip_rounds(s, rounds);
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

static inline void sip_add_all(Sip *s, Str bytes, int rounds) {
    for (size_t at = 0; at + 8 <= bytes.len; at += 8) {
        sip_add(s, load(bytes.ptr + at), rounds);
    }
    sip_add(s, load_rest(bytes) | (uint64_t)bytes.len << 56, rounds);
}

static inline uint64_t sip_end(Sip *s, uint64_t mark, int rounds) {
    s->v[2] ^= mark;
    sip_rounds(s, rounds);
    return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

uint64_t siphash_place(const SipKey *key, Str bytes) {
    Sip s = sip_start(key);
    sip_add_all(&s, bytes, 1);
    return sip_end(&s, 0xFF, 3);
}

void siphash_digest(const SipKey *key, Str bytes, uint8_t digest[SIPHASH_DIGEST_BYTES]) {
    Sip s = sip_start(key);
    s.v[1] ^= 0xEE;
    sip_add_all(&s, bytes, 2);
    uint64_t first = htole64(sip_end(&s, 0xEE, 4));
    s.v[1] ^= 0xDD;
    uint64_t second = htole64(sip_end(&s, 0, 4));
    memcpy(digest, &first, sizeof first);
    memcpy(digest + sizeof first, &second, sizeof second);
}
