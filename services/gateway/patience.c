#include "services/gateway/patience.h"

#include "common/base/mem.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

struct Guest {
    Patience *patience;
    Guest *previous, *next; // of those that are waited for, who came first at the front
    int fd;
    int64_t until_ms;
    bool awaited;
};

struct Patience {
    pthread_mutex_t lock;
    pthread_cond_t stopping;
    pthread_t thread;
    Guest *first, *last;
    int timeout_ms;
    bool stopped;
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// All have the same time, so the list is in the order of their ends.
static void append(Guest *guest) {
    Patience *patience = guest->patience;
    guest->until_ms = now_ms() + patience->timeout_ms;
    guest->awaited = true;
    guest->next = NULL;
    guest->previous = patience->last;
    *(patience->last != NULL ? &patience->last->next : &patience->first) = guest;
    patience->last = guest;
}

static void take_out(Guest *guest) {
    if (guest->awaited) {
        Patience *patience = guest->patience;
        *(guest->previous != NULL ? &guest->previous->next : &patience->first) = guest->next;
        *(guest->next != NULL ? &guest->next->previous : &patience->last) = guest->previous;
        guest->awaited = false;
    }
}

// The socket is still open: a guest is dismissed before. The library sees its end and closes it.
static void show_out_the_late(Patience *patience) {
    int64_t now = now_ms();
    while (patience->first != NULL && patience->first->until_ms <= now) {
        Guest *late = patience->first;
        take_out(late);
        shutdown(late->fd, SHUT_RDWR);
    }
}

static void *run(void *argument) {
    Patience *patience = argument;
    pthread_mutex_lock(&patience->lock);
    while (!patience->stopped) {
        show_out_the_late(patience);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&patience->stopping, &patience->lock, &until);
    }
    pthread_mutex_unlock(&patience->lock);
    return NULL;
}

Patience *patience_start(int head_timeout_s) {
    Patience *patience = mem_alloc(1, sizeof *patience);
    patience->timeout_ms = head_timeout_s * 1000;
    pthread_mutex_init(&patience->lock, NULL);
    pthread_cond_init(&patience->stopping, NULL);
    if (pthread_create(&patience->thread, NULL, run, patience) != 0) {
        mem_free(patience);
        return NULL;
    }
    return patience;
}

void patience_stop(Patience *patience) {
    if (patience == NULL) {
        return;
    }
    pthread_mutex_lock(&patience->lock);
    patience->stopped = true;
    pthread_cond_signal(&patience->stopping);
    pthread_mutex_unlock(&patience->lock);
    pthread_join(patience->thread, NULL);
    pthread_cond_destroy(&patience->stopping);
    pthread_mutex_destroy(&patience->lock);
    mem_free(patience);
}

Guest *patience_admit(Patience *patience, int fd) {
    Guest *guest = mem_alloc(1, sizeof *guest);
    *guest = (Guest){.patience = patience, .fd = fd};
    patience_await(guest);
    return guest;
}

void patience_dismiss(Guest *guest) {
    patience_rest(guest);
    mem_free(guest);
}

void patience_rest(Guest *guest) {
    pthread_mutex_lock(&guest->patience->lock);
    take_out(guest);
    pthread_mutex_unlock(&guest->patience->lock);
}

void patience_await(Guest *guest) {
    pthread_mutex_lock(&guest->patience->lock);
    take_out(guest);
    append(guest);
    pthread_mutex_unlock(&guest->patience->lock);
}
