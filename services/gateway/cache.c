#include "services/gateway/cache.h"

#include "common/base/mem.h"

#include <pthread.h>

enum {
    PLACES = 1024,                // by the key's hash, one answer each
    BYTES_MAX = 64 * 1024 * 1024, // of all answers; the list of a national night has one or two
};

typedef struct Place {
    Buf key;
    uint64_t generation;
    Answer *answer; // NULL: empty
} Place;

struct Cache {
    pthread_mutex_t lock;
    Place places[PLACES];
    size_t bytes;
};

Cache *cache_new(void) {
    Cache *cache = mem_alloc(1, sizeof *cache);
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static size_t bytes_of(const Answer *answer) {
    return answer->body.len + answer->gzip.len;
}

static void clear(Cache *cache, Place *place) {
    if (place->answer != NULL) {
        cache->bytes -= bytes_of(place->answer);
        answer_free(place->answer);
        place->answer = NULL;
    }
}

void cache_free(Cache *cache) {
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < PLACES; i++) {
        clear(cache, &cache->places[i]);
        buf_free(&cache->places[i].key);
    }
    pthread_mutex_destroy(&cache->lock);
    mem_free(cache);
}

// FNV-1a.
static Place *place_of(Cache *cache, Str key) {
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (uint8_t)key.ptr[i]) * 0x100000001b3U;
    }
    return &cache->places[(hash ^ hash >> 32) % PLACES];
}

Answer *cache_find(Cache *cache, Str key, uint64_t generation) {
    pthread_mutex_lock(&cache->lock);
    Place *place = place_of(cache, key);
    bool found = place->answer != NULL && place->generation == generation && str_equal(buf_str(&place->key), key);
    Answer *answer = found ? answer_use(place->answer) : NULL;
    pthread_mutex_unlock(&cache->lock);
    return answer;
}

void cache_put(Cache *cache, Str key, uint64_t generation, Answer *answer) {
    pthread_mutex_lock(&cache->lock);
    Place *place = place_of(cache, key);
    clear(cache, place);
    for (size_t i = 0; i < PLACES && cache->bytes + bytes_of(answer) > BYTES_MAX; i++) {
        clear(cache, &cache->places[i]);
    }
    if (cache->bytes + bytes_of(answer) <= BYTES_MAX) {
        buf_clear(&place->key);
        buf_add_str(&place->key, key);
        place->generation = generation;
        place->answer = answer_use(answer);
        cache->bytes += bytes_of(answer);
    }
    pthread_mutex_unlock(&cache->lock);
}
