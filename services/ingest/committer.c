#include "services/ingest/committer.h"

#include "common/base/log.h"
#include "services/ingest/telemetry.h"

#include <pthread.h>
#include <time.h>

struct Committer {
    Store *store;
    Publisher *publisher;
    pthread_t thread;
    bool running; // else there is no thread, and submit does the work

    pthread_mutex_t lock; // of what follows
    pthread_cond_t changed;
    enum { COMMITTER_IDLE, COMMITTER_BUSY, COMMITTER_DONE } state;
    Transaction transaction;
    StoreStatus status; // of COMMITTER_DONE
    bool ends;
};

static int64_t clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

StoreStatus committer_run(Committer *committer, const Transaction *transaction) {
    int64_t began_us = clock_us();
    StoreStatus status = store_commit(committer->store, transaction);
    telemetry_time_commit(clock_us() - began_us);
    if (status == STORE_OK) {
        store_notify(committer->store, transaction);
        publisher_wake(committer->publisher, transaction->lanes.items, transaction->lanes.count);
    }
    return status;
}

static void *run(void *context) {
    Committer *committer = context;
    pthread_mutex_lock(&committer->lock);
    while (!committer->ends) {
        if (committer->state != COMMITTER_BUSY) {
            pthread_cond_wait(&committer->changed, &committer->lock);
            continue;
        }
        pthread_mutex_unlock(&committer->lock);
        StoreStatus status = committer_run(committer, &committer->transaction);
        pthread_mutex_lock(&committer->lock);
        committer->status = status;
        committer->state = COMMITTER_DONE;
        pthread_cond_broadcast(&committer->changed);
    }
    pthread_mutex_unlock(&committer->lock);
    return NULL;
}

Committer *committer_new(Store *store, Publisher *publisher) {
    Committer *committer = mem_alloc(1, sizeof *committer);
    committer->store = store;
    committer->publisher = publisher;
    pthread_mutex_init(&committer->lock, NULL);
    pthread_cond_init(&committer->changed, NULL);
    committer->running = pthread_create(&committer->thread, NULL, run, committer) == 0;
    if (!committer->running) {
        log_warning("cannot start the committer's thread: batches are written one after the other");
    }
    return committer;
}

void committer_free(Committer *committer) {
    if (committer == NULL) {
        return;
    }
    if (committer->running) {
        StoreStatus ignored;
        committer_settle(committer, &ignored);
        pthread_mutex_lock(&committer->lock);
        committer->ends = true;
        pthread_cond_broadcast(&committer->changed);
        pthread_mutex_unlock(&committer->lock);
        pthread_join(committer->thread, NULL);
    }
    pthread_cond_destroy(&committer->changed);
    pthread_mutex_destroy(&committer->lock);
    transaction_free(&committer->transaction);
    mem_free(committer);
}

static void wait_until_idle(Committer *committer) {
    while (committer->state == COMMITTER_BUSY) {
        pthread_cond_wait(&committer->changed, &committer->lock);
    }
}

Store *committer_claim(Committer *committer) {
    pthread_mutex_lock(&committer->lock);
    wait_until_idle(committer);
    pthread_mutex_unlock(&committer->lock);
    return committer->store;
}

void committer_submit(Committer *committer, Transaction *transaction) {
    pthread_mutex_lock(&committer->lock);
    Transaction before = committer->transaction;
    committer->transaction = *transaction;
    *transaction = before;
    committer->state = COMMITTER_BUSY;
    if (!committer->running) {
        committer->status = committer_run(committer, &committer->transaction);
        committer->state = COMMITTER_DONE;
    }
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
}

static bool take_result(Committer *committer, bool wait, StoreStatus *status) {
    pthread_mutex_lock(&committer->lock);
    if (wait) {
        wait_until_idle(committer);
    }
    bool done = committer->state == COMMITTER_DONE;
    if (done) {
        *status = committer->status;
        committer->state = COMMITTER_IDLE;
    }
    pthread_mutex_unlock(&committer->lock);
    return done;
}

bool committer_settle(Committer *committer, StoreStatus *status) {
    return take_result(committer, true, status);
}

bool committer_poll(Committer *committer, StoreStatus *status) {
    return take_result(committer, false, status);
}
