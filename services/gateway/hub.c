#include "services/gateway/hub.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "services/gateway/metrics.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

enum {
    LOOK_MS = 500,        // between looks at the lanes, where no notification came
    GATHER_MS = 25,       // between reads: a burst of notifications is one read
    RETRY_MS = 300,       // between attempts to connect
    HEARTBEAT_MS = 10000, // proxies close what is silent for a minute
    READ_MOST = 500,      // events of a lane at a time: of six lanes less than a feed keeps
};

struct Hub {
    Session session;
    unsigned listened; // the session's number when it began to listen
    Feed feeds[HUB_FEEDS];
    atomic_ullong generation, known; // `known` is `generation`, or 0
    int64_t heartbeat_ms;
    enum { UNKNOWN, UP, DOWN } state; // as it was last told of
    Cursor lanes;                     // as last seen
    pthread_t thread;
    bool started;
    atomic_int *running;
};

static const char *const schemas[HUB_FEEDS] = {"api", "api_test"};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool stopped(const Hub *hub) {
    return atomic_load(hub->session.database->stop);
}

static void change(Hub *hub) {
    atomic_store(&hub->known, atomic_fetch_add(&hub->generation, 1) + 1);
}

uint64_t hub_generation(const Hub *hub) {
    return atomic_load(&hub->known);
}

Feed *hub_feed(Hub *hub, const char *schema) {
    return &hub->feeds[strcmp(schema, schemas[0]) == 0 ? 0 : 1];
}

// ---- the connection --------------------------------------------------------------------------------------

static void note_up(Hub *hub, bool up) {
    if (hub->state != (up ? UP : DOWN)) {
        hub->state = up ? UP : DOWN;
        metrics_set(GAUGE_DATABASE_UP, up);
        if (up) {
            log_info("listening to PostgreSQL");
        } else {
            log_warning("PostgreSQL is away: %s", hub->session.connection.error);
        }
    }
    if (!up) {
        atomic_store(&hub->known, 0);
    }
}

static void read_newest_snapshot(Hub *hub) {
    PGresult *result;
    if (session_query(&hub->session,
                      "SELECT (extract(epoch FROM max(recorded_at)) * 1000000)::bigint FROM api.council_control", NULL,
                      0, &result) == QUERY_OK &&
        !PQgetisnull(result, 0, 0)) {
        metrics_set_newest_snapshot(strtoll(PQgetvalue(result, 0, 0), NULL, 10));
    }
    PQclear(result);
}

// A standby knows no notifications: what is new is found by looking, up to LOOK_MS later.
static bool is_standbys_refusal(const PGresult *result) {
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return sqlstate != NULL && strcmp(sqlstate, "25006") == 0; // read_only_sql_transaction
}

// Connected and, where that can be, listening. Whatever was notified while nobody listened is found by looking.
static bool listen_again(Hub *hub) {
    if (!session_ready(&hub->session)) {
        return false;
    }
    if (hub->listened == hub->session.opened) {
        return true;
    }
    PGresult *result = connection_exec(&hub->session.connection, "LISTEN council_control; LISTEN council_control_test");
    bool good = result != NULL && (!connection_failed(&hub->session.connection, result) || is_standbys_refusal(result));
    PQclear(result);
    if (!good) {
        session_close(&hub->session);
        return false;
    }
    hub->listened = hub->session.opened;
    metrics_add(COUNTER_LISTEN_CONNECTS, 1);
    read_newest_snapshot(hub);
    return true;
}

// ---- reading ---------------------------------------------------------------------------------------------

// Of one reading; its cursor moves before each event is given, as feed_add wants it.
typedef struct Reader {
    Feed *feed;
    Cursor cursor;
    uint64_t count;
} Reader;

static void add_event(void *context, const Event *event) {
    Reader *reader = context;
    pthread_mutex_lock(&reader->feed->lock);
    reader->feed->cursor = reader->cursor;
    feed_add(reader->feed, event);
    pthread_mutex_unlock(&reader->feed->lock);
    reader->count++;
    if (strcmp(reader->feed->schema, schemas[0]) == 0 && event->kind == EVENT_SNAPSHOT) {
        metrics_set_newest_snapshot(event->recorded_at_us);
    }
}

static bool read_feed(Hub *hub, Feed *feed) {
    bool more = true;
    while (more && !stopped(hub)) {
        Reader reader = {.feed = feed, .cursor = feed->cursor};
        EventReading reading = {feed->schema, &reader.cursor, &hub->lanes, READ_MOST, add_event, &reader};
        if (events_read(&hub->session, &reading, &more) != QUERY_OK) {
            return false;
        }
        metrics_add(COUNTER_STREAM_EVENTS, (int64_t)reader.count);
        pthread_mutex_lock(&feed->lock);
        feed->cursor = reader.cursor;
        feed_wake_all(feed, false);
        pthread_mutex_unlock(&feed->lock);
    }
    return true;
}

// At first, and when the database has less than it had, which is another one, or an older copy: then what
// clients have had means nothing any more, and they are told to begin anew.
static void begin_feed(Hub *hub, Feed *feed) {
    pthread_mutex_lock(&feed->lock);
    if (feed->ready) {
        log_error("the ledger of the database is behind what was read from it; schema=%s", feed->schema);
        feed->reset++;
    }
    feed->cursor = hub->lanes;
    feed->ready = true;
    feed_wake_all(feed, true);
    pthread_mutex_unlock(&feed->lock);
}

static bool look(Hub *hub) {
    Cursor before = hub->lanes;
    if (events_read_lanes(&hub->session, schemas[0], &hub->lanes) != QUERY_OK) {
        hub->lanes = before;
        return false;
    }
    for (size_t i = 0; i < HUB_FEEDS; i++) {
        Feed *feed = &hub->feeds[i];
        if (!feed->ready || !cursor_includes(&hub->lanes, &before)) {
            begin_feed(hub, feed);
        } else if (!cursor_includes(&feed->cursor, &hub->lanes) && !read_feed(hub, feed)) {
            return false;
        }
    }
    if (hub_generation(hub) == 0 || !cursor_includes(&before, &hub->lanes)) {
        change(hub);
    }
    return true;
}

// ---- the thread ------------------------------------------------------------------------------------------

static void beat(Hub *hub) {
    int64_t now = now_ms();
    bool due = now >= hub->heartbeat_ms;
    if (due) {
        hub->heartbeat_ms = now + HEARTBEAT_MS;
    }
    for (size_t i = 0; i < HUB_FEEDS; i++) {
        pthread_mutex_lock(&hub->feeds[i].lock);
        feed_wake_all(&hub->feeds[i], due);
        pthread_mutex_unlock(&hub->feeds[i].lock);
    }
}

static void pause_ms(int ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

// Until a notification, or LOOK_MS.
static void wait_for_hint(Hub *hub) {
    pause_ms(GATHER_MS);
    PGconn *pg = hub->session.connection.pg;
    int64_t until = now_ms() + LOOK_MS;
    bool hinted = false;
    for (int64_t now = now_ms(); pg != NULL && !hinted && now < until && !stopped(hub); now = now_ms()) {
        for (PGnotify *note; (note = PQnotifies(pg)) != NULL; hinted = true) {
            PQfreemem(note);
        }
        struct pollfd fd = {.fd = PQsocket(pg), .events = POLLIN};
        if (!hinted && poll(&fd, 1, (int)(until - now)) > 0 && PQconsumeInput(pg) == 0) {
            connection_lose(&hub->session.connection);
            return;
        }
    }
}

static void *run(void *argument) {
    Hub *hub = argument;
    while (!stopped(hub)) {
        bool up = listen_again(hub) && look(hub);
        if (stopped(hub)) {
            break;
        }
        note_up(hub, up);
        beat(hub);
        if (up) {
            wait_for_hint(hub);
        } else {
            pause_ms(RETRY_MS);
        }
    }
    for (size_t i = 0; i < HUB_FEEDS; i++) {
        pthread_mutex_lock(&hub->feeds[i].lock);
        hub->feeds[i].ended = true;
        feed_wake_all(&hub->feeds[i], false);
        pthread_mutex_unlock(&hub->feeds[i].lock);
    }
    session_close(&hub->session);
    atomic_fetch_sub(hub->running, 1);
    return NULL;
}

Hub *hub_start(Database *database, atomic_int *running) {
    Hub *hub = mem_alloc(1, sizeof *hub);
    session_init(&hub->session, database);
    hub->running = running;
    for (size_t i = 0; i < HUB_FEEDS; i++) {
        feed_init(&hub->feeds[i], schemas[i]);
    }
    atomic_fetch_add(running, 1);
    int failure = pthread_create(&hub->thread, NULL, run, hub);
    if (failure != 0) {
        atomic_fetch_sub(running, 1);
        hub_free(hub);
        errno = failure;
        return NULL;
    }
    hub->started = true;
    return hub;
}

void hub_free(Hub *hub) {
    if (hub == NULL) {
        return;
    }
    if (hub->started) {
        pthread_join(hub->thread, NULL);
    }
    for (size_t i = 0; i < HUB_FEEDS; i++) {
        feed_free(&hub->feeds[i]);
    }
    mem_free(hub);
}
