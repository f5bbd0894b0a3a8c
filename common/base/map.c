#include "common/base/map.h"

#include "common/base/mem.h"

// FNV-1a, finished with a multiply-shift; keys are ids that the desk has loaded or a feed has sent,
// and a map holds those of one lane or one council, so a flooder harms its own lane's speed alone.
static uint64_t hash_of(Str key) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (unsigned char)key.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 32;
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
    return map->capacity == 0 ? NULL : find_slot(map, key, hash_of(key))->value;
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
    uint64_t hash = hash_of(key);
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
