#include "common/domain/envelope.h"

static uint32_t read_little_endian(const unsigned char *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

// MurmurHash2 by Austin Appleby (public domain), with the seed that Apache Kafka's Java client uses.
static uint32_t murmur2(Str key) {
    static const uint32_t seed = 0x9747b28c, m = 0x5bd1e995;
    const unsigned char *at = (const unsigned char *)key.ptr;
    size_t left = key.len;
    uint32_t hash = seed ^ (uint32_t)key.len;
    for (; left >= 4; at += 4, left -= 4) {
        uint32_t k = read_little_endian(at) * m;
        hash = hash * m ^ (k ^ k >> 24) * m;
    }
    if (left > 0) {
        for (size_t i = left; i-- > 0;) {
            hash ^= (uint32_t)at[i] << (8 * i);
        }
        hash *= m;
    }
    hash = (hash ^ hash >> 13) * m;
    return hash ^ hash >> 15;
}

int32_t partition_of_key(Str key, int32_t partitions) {
    return (int32_t)((murmur2(key) & 0x7fffffff) % (uint32_t)partitions);
}
