#include "common/base/map.h"

#include "common/base/mem.h"

#include <pthread.h>
#include <unistd.h>

// SipHash-1-3 under a key of this process: nobody can send keys that all fall on one place, and an order of slots is
// never seen, so that results do not depend on it.
static uint64_t secret[2];

static void make_secret(void) {
    (void)getentropy(secret, sizeof secret); // a kernel without it leaves zeros, which hash as well for honest keys
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

static inline void sip_add(Sip *s, uint64_t word) {
    s->v[3] ^= word;
    sip_round(s);
    s->v[0] ^= word;
}

uint64_t map_hash(Str key) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_secret);
    Sip s = {{secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d),
              secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573)}};
    size_t at = 0;
    uint64_t word = 0;
    for (; at + sizeof word <= key.len; at += sizeof word) {
        memcpy(&word, key.ptr + at, sizeof word);
        sip_add(&s, word);
    }
    word = 0;
    if (at < key.len) {
        memcpy(&word, key.ptr + at, key.len - at);
    }
    sip_add(&s, word | (uint64_t)key.len << 56);
    s.v[2] ^= 0xFF;
    for (int round = 0; round < 3; round++) {
        sip_round(&s);
    }
    return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

static MapSlot *find_slot(const Map *map, Str key, uint64_t hash) {
    size_t mask = map->capacity - 1;
    size_t at = hash & mask;
    while (map->slots[at].value != NULL && (map->slots[at].hash != hash || !str_equal(map->slots[at].key, key))) {
        at = (at + 1) & mask;
    }
    return &map->slots[at];
}

void *map_get(const Map *map, Str key) {
    return map->capacity == 0 ? NULL : find_slot(map, key, map_hash(key))->value;
}

static void grow(Map *map) {
    Map larger = {.capacity = map->capacity == 0 ? 16 : map->capacity * 2, .count = map->count};
    larger.slots = mem_alloc(larger.capacity, sizeof *larger.slots);
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].value != NULL) {
            *find_slot(&larger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
        }
    }
    mem_free(map->slots);
    *map = larger;
}

void map_put(Map *map, Str key, void *value) {
    if ((map->count + 1) * 4 > map->capacity * 3) {
        grow(map);
    }
    uint64_t hash = map_hash(key);
    MapSlot *slot = find_slot(map, key, hash);
    if (slot->value == NULL) {
        *slot = (MapSlot){key, hash, value};
        map->count++;
    } else {
        slot->value = value;
    }
}

void map_free(Map *map) {
    mem_free(map->slots);
    *map = (Map){0};
}
