// Small seeded randomness: splitmix64 (Steele, Lea and Flood, 2014). The same seed gives the same
// numbers on every machine; not for secrets.
#pragma once

#include <stdint.h>

typedef struct Random {
    uint64_t state; // any value is a seed
} Random;

static inline uint64_t random_next(Random *random) {
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

// 0 to bound - 1, and 0 for 0; `bound` is far below 2^64, so that its bias does not show.
static inline uint64_t random_below(Random *random, uint64_t bound) {
    return bound == 0 ? 0 : random_next(random) % bound;
}

// least to most.
static inline int64_t random_between(Random *random, int64_t least, int64_t most) {
    return least + (int64_t)random_below(random, (uint64_t)(most - least) + 1);
}

// A stream of its own for a thing of the simulation, whatever was drawn before.
static inline Random random_for(uint64_t seed, uint64_t what, uint64_t which) {
    Random random = {seed ^ what * UINT64_C(0xd1342543de82ef95)};
    random.state = random_next(&random) ^ which;
    random_next(&random);
    return random;
}
