#include "services/ingest/publisher.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "services/ingest/outbox.h"
#include "services/ingest/telemetry.h"

#include <pthread.h>
#include <time.h>

enum {
    IDLE_MS = 200, // how long it sleeps without a wake, and so how late it sees a stop
    // A Kafka transaction costs broker and client a hundred times what is in it (4 ms and 2.6; 2 of these are
    // librdkafka 2.0's main thread, which does not sleep while it waits for less than a millisecond), away from the way
    // to the screen. So a round takes that much of the time for each: ten transactions a second, whatever they hold.
    PACE_MS = 100,
    PACE_MOST_MS = 1000, // between two rounds, of however many lanes
    // While the worker is behind, that long, with one transaction of each lane, of 1,000 rows at most: more than a
    // night's busiest second has, and little beside what is committed meanwhile.
    PACE_BEHIND_MS = 4000,
    BEHIND_MS = 300, // it has been within that time: a batch that is not full may only have been faster than a fetch
    PACE_STEP_MS = 20,
    READERS_FIRST_MS = 3, // who was just told of a commit reads it now, and wants the processor and the database
    ASK_MS = 5000, // how often the database is asked what nobody has told of
    BACKOFF_MS = 1000,
    SAY_AFTER_MS = 5000, // what is over sooner, or said by the worker meanwhile, is not worth a line
    KAFKA_TIMEOUT_MS = 1500,
};

struct Publisher {
    const Config *config;
    const atomic_bool *stop;
    Store *store;
    pthread_t thread;
    atomic_int_least64_t behind_until_ms; // the worker is behind, or was a moment ago
    bool running;
    int64_t moved_ms;          // when the newest round began that found something new
    int64_t transactions;      // of that round
    int64_t troubled_since_ms; // 0: not
    bool away;                 // the trouble has been said

    pthread_mutex_t lock; // of what follows
    pthread_cond_t wake;
    VEC(int32_t) wanted;   // lanes
    VEC(LaneAt) committed; // since the last round
    bool changed, woken, rests;
};

typedef VEC(Outbox *) Outboxes;

static bool stopping(const Publisher *publisher) {
    return atomic_load(publisher->stop);
}

static bool is_behind(const Publisher *publisher) {
    return clock_ms() < atomic_load(&publisher->behind_until_ms);
}

// Keeps the outboxes of lanes that are still owned, frees the others, and makes those of new lanes.
static void follow_lanes(Publisher *publisher, Outboxes *outboxes) {
    Outboxes now = {0};
    for (size_t i = 0; i < publisher->wanted.count; i++) {
        Outbox *outbox = NULL;
        for (size_t o = 0; o < outboxes->count && outbox == NULL; o++) {
            if (outboxes->items[o] != NULL && outbox_lane(outboxes->items[o]) == publisher->wanted.items[i]) {
                outbox = outboxes->items[o];
                outboxes->items[o] = NULL;
            }
        }
        *vec_push(&now) = outbox != NULL ? outbox : outbox_new(publisher->config, publisher->wanted.items[i]);
    }
    for (size_t o = 0; o < outboxes->count; o++) {
        outbox_free(outboxes->items[o]);
    }
    vec_free(outboxes);
    *outboxes = now;
}

static void expect_committed(Publisher *publisher, const Outboxes *outboxes) {
    for (size_t i = 0; i < publisher->committed.count; i++) {
        for (size_t o = 0; o < outboxes->count; o++) {
            if (outbox_lane(outboxes->items[o]) == publisher->committed.items[i].lane) {
                outbox_expect(outboxes->items[o], publisher->committed.items[i].lane_seq);
            }
        }
    }
    vec_clear(&publisher->committed);
}

static void sleep_until_woken(Publisher *publisher, Outboxes *outboxes, int64_t most_ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += most_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&publisher->lock);
    while (!publisher->woken && !stopping(publisher) &&
           pthread_cond_timedwait(&publisher->wake, &publisher->lock, &until) == 0) {
    }
    publisher->woken = false;
    if (publisher->changed) {
        publisher->changed = false;
        follow_lanes(publisher, outboxes);
    }
    expect_committed(publisher, outboxes);
    pthread_mutex_unlock(&publisher->lock);
}

static void say_trouble(Publisher *publisher, const char *who, Str why) {
    int64_t now = clock_ms();
    publisher->troubled_since_ms = publisher->troubled_since_ms == 0 ? now : publisher->troubled_since_ms;
    if (!publisher->away && !stopping(publisher) && now - publisher->troubled_since_ms >= SAY_AFTER_MS) {
        log_warning("what is to be published waits for %s: " STR_FMT, who, STR_ARG(why));
        publisher->away = true;
    }
}

static void end_trouble(Publisher *publisher) {
    if (publisher->away) {
        log_info("publishing goes on");
    }
    publisher->away = false;
    publisher->troubled_since_ms = 0;
}

// One round over the lanes; the last one takes what can be taken at once. True: all is sent, or leaves in the next.
static bool send_round(Publisher *publisher, const Outboxes *outboxes, bool last) {
    bool done = true;
    int64_t began_ms = clock_ms(), transactions = 0;
    if (outboxes->count > 0 && !store_is_connected(publisher->store) && store_connect(publisher->store) != STORE_OK) {
        say_trouble(publisher, "PostgreSQL", store_error(publisher->store));
        return false;
    }
    for (size_t i = 0; i < outboxes->count && (last || !stopping(publisher)); i++) {
        Outbox *outbox = outboxes->items[i];
        OutboxStatus status;
        int64_t sent = outbox_sent(outbox), before = outbox_transactions(outbox);
        do {
            status = outbox_send(outbox, publisher->store, KAFKA_TIMEOUT_MS);
            telemetry_sent(outbox_lane(outbox), outbox_sent(outbox));
        } while (status == OUTBOX_MORE && !stopping(publisher) && !is_behind(publisher));
        transactions += outbox_transactions(outbox) - before;
        if (outbox_sent(outbox) != sent) {
            publisher->moved_ms = began_ms;
            publisher->transactions = transactions;
        }
        if (status == OUTBOX_AWAY) {
            say_trouble(publisher, "PostgreSQL", store_error(publisher->store));
            return false;
        }
        if (status == OUTBOX_LATER || status == OUTBOX_LOST) {
            say_trouble(publisher, "Kafka", outbox_trouble(outbox));
            done = false;
        }
    }
    if (done) {
        end_trouble(publisher);
    }
    return done;
}

static bool rests(Publisher *publisher) {
    pthread_mutex_lock(&publisher->lock);
    bool told = publisher->rests;
    pthread_mutex_unlock(&publisher->lock);
    if (told) {
        publisher->troubled_since_ms = 0; // what comes after it is new trouble
    }
    return told;
}

static int64_t pace_ms(const Publisher *publisher) {
    if (is_behind(publisher)) {
        return PACE_BEHIND_MS;
    }
    int64_t ms = (publisher->transactions > 1 ? publisher->transactions : 1) * PACE_MS;
    return ms > PACE_MOST_MS ? PACE_MOST_MS : ms;
}

// Until the next round may begin.
static void keep_pace(const Publisher *publisher) {
    while (!stopping(publisher) && clock_ms() < publisher->moved_ms + pace_ms(publisher)) {
        clock_sleep_ms(PACE_STEP_MS);
    }
    clock_sleep_ms(READERS_FIRST_MS);
}

static void *run(void *context) {
    Publisher *publisher = context;
    Outboxes outboxes = {0};
    int64_t asked_ms = clock_ms();
    bool done = false;
    while (!stopping(publisher)) {
        int64_t began_ms = clock_ms();
        if (began_ms - asked_ms >= ASK_MS) {
            asked_ms = began_ms;
            for (size_t i = 0; i < outboxes.count; i++) {
                outbox_ask(outboxes.items[i]);
            }
        }
        done = !rests(publisher) && send_round(publisher, &outboxes, false);
        sleep_until_woken(publisher, &outboxes, done ? IDLE_MS : BACKOFF_MS);
        keep_pace(publisher);
    }
    if (done && !rests(publisher)) { // what came since must not wait for the next owner
        pthread_mutex_lock(&publisher->lock);
        expect_committed(publisher, &outboxes);
        pthread_mutex_unlock(&publisher->lock);
        send_round(publisher, &outboxes, true);
    }
    for (size_t i = 0; i < outboxes.count; i++) {
        outbox_free(outboxes.items[i]);
    }
    vec_free(&outboxes);
    return NULL;
}

Publisher *publisher_new(const Config *config, const atomic_bool *stop) {
    Publisher *publisher = mem_alloc(1, sizeof *publisher);
    publisher->config = config;
    publisher->stop = stop;
    publisher->store = store_new(config_get(config, "postgres.uri"), config_get(config, "postgres.role"), stop);
    pthread_mutex_init(&publisher->lock, NULL);
    pthread_cond_init(&publisher->wake, NULL);
    publisher->running = pthread_create(&publisher->thread, NULL, run, publisher) == 0;
    if (!publisher->running) {
        log_error("cannot start the publisher's thread: nothing will be published");
    }
    return publisher;
}

void publisher_own(Publisher *publisher, const int32_t *lanes, size_t count) {
    pthread_mutex_lock(&publisher->lock);
    vec_clear(&publisher->wanted);
    for (size_t i = 0; i < count; i++) {
        *vec_push(&publisher->wanted) = lanes[i];
    }
    publisher->changed = publisher->woken = true;
    pthread_cond_signal(&publisher->wake);
    pthread_mutex_unlock(&publisher->lock);
}

void publisher_rest(Publisher *publisher, bool rest) {
    pthread_mutex_lock(&publisher->lock);
    publisher->woken = publisher->woken || (publisher->rests && !rest);
    publisher->rests = rest;
    pthread_cond_signal(&publisher->wake);
    pthread_mutex_unlock(&publisher->lock);
}

void publisher_yield(Publisher *publisher) {
    atomic_store(&publisher->behind_until_ms, clock_ms() + BEHIND_MS);
}

void publisher_wake(Publisher *publisher, const LaneAt *lanes, size_t count) {
    pthread_mutex_lock(&publisher->lock);
    for (size_t i = 0; i < count; i++) {
        *vec_push(&publisher->committed) = lanes[i];
    }
    publisher->woken = true;
    pthread_cond_signal(&publisher->wake);
    pthread_mutex_unlock(&publisher->lock);
}

void publisher_free(Publisher *publisher) {
    if (publisher == NULL) {
        return;
    }
    if (publisher->running) {
        pthread_join(publisher->thread, NULL);
    }
    pthread_cond_destroy(&publisher->wake);
    pthread_mutex_destroy(&publisher->lock);
    vec_free(&publisher->wanted);
    vec_free(&publisher->committed);
    store_free(publisher->store);
    mem_free(publisher);
}
