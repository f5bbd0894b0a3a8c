#include "services/gateway/pool.h"

#include "common/base/mem.h"

#include <errno.h>
#include <pthread.h>

enum { WAITING_MAX = 4096 }; // a power of two; each is a client that waits, of which there are no more

typedef struct Item {
    PoolWork *work;
    void *argument;
} Item;

struct Pool {
    Database *database;
    atomic_int *running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Item items[WAITING_MAX]; // from `head`, `count` of them, round
    size_t head, count;
    bool stopped;
    pthread_t *threads;
    int threads_count;
};

// False: stopped, and nothing left.
static bool take(Pool *pool, Item *item) {
    pthread_mutex_lock(&pool->lock);
    while (pool->count == 0 && !pool->stopped) {
        pthread_cond_wait(&pool->changed, &pool->lock);
    }
    bool found = pool->count > 0;
    if (found) {
        *item = pool->items[pool->head];
        pool->head = (pool->head + 1) % WAITING_MAX;
        pool->count--;
    }
    pthread_mutex_unlock(&pool->lock);
    return found;
}

static void *run_thread(void *argument) {
    Pool *pool = argument;
    Session session;
    session_init(&session, pool->database);
    for (Item item; take(pool, &item);) {
        item.work(&session, item.argument);
    }
    session_close(&session);
    atomic_fetch_sub(pool->running, 1);
    return NULL;
}

Pool *pool_new(Database *database, int threads, atomic_int *running) {
    Pool *pool = mem_alloc(1, sizeof *pool);
    pool->database = database;
    pool->running = running;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->threads = mem_alloc((size_t)threads, sizeof *pool->threads);
    for (int i = 0; i < threads; i++) {
        atomic_fetch_add(running, 1);
        int failure = pthread_create(&pool->threads[i], NULL, run_thread, pool);
        if (failure != 0) {
            atomic_fetch_sub(running, 1);
            pool_stop(pool);
            pool_free(pool);
            errno = failure;
            return NULL;
        }
        pool->threads_count++;
    }
    return pool;
}

bool pool_add(Pool *pool, PoolWork *work, void *argument) {
    pthread_mutex_lock(&pool->lock);
    bool fits = pool->count < WAITING_MAX && !pool->stopped;
    if (fits) {
        pool->items[(pool->head + pool->count++) % WAITING_MAX] = (Item){work, argument};
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return fits;
}

void pool_stop(Pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->stopped = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

void pool_free(Pool *pool) {
    if (pool == NULL) {
        return;
    }
    for (int i = 0; i < pool->threads_count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->changed);
    mem_free(pool->threads);
    mem_free(pool);
}
