#include "common/base/map.h"

#include "common/base/mem.h"
#include "common/base/siphash.h"

// An order of slots is never seen, so that results do not depend on the secret.
uint64_t map_hash(Str key) {
    return siphash(siphash_secret(), key);
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
