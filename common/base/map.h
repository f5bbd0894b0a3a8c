// From strings to pointers: open addressing, no removal, keys borrowed (they must outlive the map). Keys may come from
// strangers: the hash is keyed.
// Zero value is empty. One thread.
#pragma once

#include "common/base/str.h"

#include <stdint.h>

typedef struct MapSlot {
    Str key;
    uint64_t hash;
    void *value; // NULL: the slot is free
} MapSlot;

typedef struct Map {
    MapSlot *slots;
    size_t count, capacity; // capacity is a power of two
} Map;

// NULL when the key is not there.
void *map_get(const Map *map, Str key);

// `value` is not NULL. A key that is there gets the new value and keeps its key bytes.
void map_put(Map *map, Str key, void *value);

// The hash of a key: keyed by the process, so of no use outside it.
uint64_t map_hash(Str key);

void map_free(Map *map);
