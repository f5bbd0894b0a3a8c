#include "services/gateway/stream.h"

#include "common/base/civil.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "services/gateway/metrics.h"

#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

enum {
    BLOCK_BYTES = 16 * 1024,        // handed to the network at a time
    SEND_BUFFER_BYTES = 256 * 1024, // in the kernel, so that it is soon seen who does not read
    STUCK_TIMEOUT_S = 10,           // of a client that takes nothing at all
    READ_MOST = 50,                 // events of a lane in a piece: bounds what waits to be sent
    PENDING_BYTES = 512 * 1024,     // the same, along the feed
};

typedef struct Stream {
    FeedClient client; // first: a FeedClient of a stream is its Stream
    StreamParts parts;
    Feed *feed;
    struct MHD_Connection *connection;
    Arena memory;    // of the filter
    Cursor cursor;   // while it is not even with the feed
    bool begins_now; // has no cursor: joins where the feed is
    bool reads;      // the pool is at it; cursor and pending are the pool's
    bool greeted;
    uint64_t reset; // of the feed, when it joined
    Buf pending;    // to be sent before anything else, from `pending_sent`
    size_t pending_sent;
    size_t event_sent; // of the kept event at client.position
} Stream;

// ---- reading up from the database, in the pool -----------------------------------------------------------

static void write_if_wanted(Stream *stream, const Event *event) {
    if (filter_passes(&stream->client.filter, event)) {
        events_write(event, &stream->cursor, &stream->pending);
    }
}

static void take_event(void *context, const Event *event) {
    write_if_wanted(context, event);
}

static void begin_anew(Stream *stream) {
    stream->cursor = stream->feed->cursor;
    stream->client.position = stream->feed->count;
    stream->client.live = stream->client.even = true;
    stream->reset = stream->feed->reset;
    buf_add_str(&stream->pending, STR_LIT("id: "));
    cursor_write(&stream->cursor, &stream->pending);
    buf_add_str(&stream->pending,
                STR_LIT("\nevent: reset\ndata: {\"detail\":\"the id is not of this database: begin anew\"}\n\n"));
}

// Everything up to the place where the feed was before the database was asked is in what the database says,
// so a client that has it all goes on from that place, and leaves out what it has had by its cursor.
static void read_up(Session *session, void *argument) {
    Stream *stream = argument;
    Feed *feed = stream->feed;
    pthread_mutex_lock(&feed->lock);
    uint64_t position = feed->count;
    pthread_mutex_unlock(&feed->lock);
    Cursor lanes;
    bool more = true;
    QueryStatus status = events_read_lanes(session, feed->schema, &lanes);
    bool foreign = status == QUERY_OK && !cursor_includes(&lanes, &stream->cursor);
    if (status == QUERY_OK && !foreign) {
        EventReading reading = {feed->schema, &stream->cursor, &lanes, READ_MOST, take_event, stream};
        status = events_read(session, &reading, &more);
    }
    pthread_mutex_lock(&feed->lock);
    if (foreign && feed->ready) {
        begin_anew(stream);
    } else if (status == QUERY_OK && !more) {
        stream->client.live = true;
        stream->client.position = position;
    }
    stream->reads = false;
    // Else when the listener looks again.
    bool again = feed->ended || (status == QUERY_OK && (!foreign || feed->ready));
    stream->client.waits = !again;
    if (again) {
        MHD_resume_connection(stream->connection);
    }
    pthread_mutex_unlock(&feed->lock);
}

// ---- what there is to send, in the network's thread, with the feed's lock held ---------------------------

static void greet(Stream *stream) {
    stream->greeted = true;
    buf_add_str(&stream->pending, STR_LIT("retry: 1000\n\n"));
}

// A comment with the id of all that the client has had, wanted or not. It has no data, so it is no event.
static void write_heartbeat(Stream *stream) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    buf_add_str(&stream->pending, STR_LIT(": "));
    civil_add_timestamp(&stream->pending, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    if (stream->client.live || !stream->begins_now) {
        buf_add_str(&stream->pending, STR_LIT("\nid: "));
        cursor_write(stream->client.even ? &stream->feed->cursor : &stream->cursor, &stream->pending);
    }
    buf_add_str(&stream->pending, STR_LIT("\n\n"));
}

// Where the feed is now, and the id of that place.
static void join_now(Stream *stream) {
    stream->client.position = stream->feed->count;
    stream->client.live = stream->client.even = true;
    write_heartbeat(stream);
}

// A client that came from the database sees which events of the feed it has had, until it has had exactly what
// the feed has.
static void follow_unevenly(Stream *stream) {
    FeedClient *client = &stream->client;
    const KeptEvent *kept;
    while (stream->pending.len < PENDING_BYTES && (kept = feed_event(stream->feed, client->position)) != NULL) {
        const Event *event = &kept->event;
        if (!cursor_covers(&stream->cursor, event->lane, event->lane_seq, event->n)) {
            cursor_advance(&stream->cursor, event->lane, event->lane_seq, event->n);
            write_if_wanted(stream, event);
        }
        client->position++;
    }
    client->even = client->position == stream->feed->count && cursor_includes(&stream->feed->cursor, &stream->cursor);
}

static size_t copy_pending(Stream *stream, char *out, size_t room) {
    size_t left = stream->pending.len - stream->pending_sent;
    size_t len = left < room ? left : room;
    memcpy(out, buf_str(&stream->pending).ptr + stream->pending_sent, len);
    stream->pending_sent += len;
    if (stream->pending_sent == stream->pending.len) {
        buf_free(&stream->pending); // most clients never need it again
        stream->pending_sent = 0;
    }
    return len;
}

// Kept events as they are, several at a time, one in pieces if need be.
static size_t copy_events(Stream *stream, char *out, size_t room) {
    FeedClient *client = &stream->client;
    size_t len = 0;
    const KeptEvent *kept;
    while (len < room && (kept = feed_event(stream->feed, client->position)) != NULL) {
        size_t left = kept->text.len - stream->event_sent;
        if (stream->event_sent == 0 && !filter_passes(&client->filter, &kept->event)) {
            left = 0;
        }
        size_t part = left < room - len ? left : room - len;
        memcpy(out + len, kept->text.ptr + stream->event_sent, part);
        len += part;
        stream->event_sent += part;
        if (part == left) {
            stream->event_sent = 0;
            client->position++;
        }
    }
    return len;
}

static size_t copy_some(Stream *stream, char *out, size_t room) {
    if (stream->pending.len == 0 && stream->client.live && !stream->client.even) {
        follow_unevenly(stream);
    }
    if (stream->pending.len == 0 && stream->client.heartbeat_due) {
        write_heartbeat(stream);
    }
    stream->client.heartbeat_due = false;
    if (stream->pending.len > 0) {
        return copy_pending(stream, out, room);
    }
    return stream->client.live && stream->client.even ? copy_events(stream, out, room) : 0;
}

// Nothing is there to be sent: the connection sleeps until the feed has something, or the pool.
static void sleep_or_read(Stream *stream) {
    MHD_suspend_connection(stream->connection);
    stream->reads = !stream->client.live && !stream->begins_now && pool_add(stream->parts.pool, read_up, stream);
    stream->client.waits = !stream->reads;
}

static bool is_too_slow(const Stream *stream) {
    const FeedClient *client = &stream->client;
    return client->live && stream->feed->count - client->position > FEED_EVENTS_KEPT;
}

static ssize_t read_locked(Stream *stream, char *out, size_t room) {
    if (stream->feed->ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (!stream->greeted) {
        greet(stream);
    }
    if (stream->begins_now && !stream->client.live && stream->feed->ready) {
        join_now(stream);
    }
    if (stream->client.live && stream->reset != stream->feed->reset && stream->event_sent == 0) {
        begin_anew(stream);
    }
    if (is_too_slow(stream)) {
        metrics_add(COUNTER_STREAM_DROPPED, 1);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t len = copy_some(stream, out, room);
    if (len == 0) {
        sleep_or_read(stream);
    }
    return (ssize_t)len;
}

static ssize_t read_stream(void *argument, uint64_t position, char *out, size_t room) {
    (void)position;
    Stream *stream = argument;
    pthread_mutex_lock(&stream->feed->lock);
    ssize_t len = read_locked(stream, out, room);
    pthread_mutex_unlock(&stream->feed->lock);
    return len;
}

// ---- its beginning and end -------------------------------------------------------------------------------

static void wake_stream(FeedClient *client) {
    MHD_resume_connection(((Stream *)client)->connection);
}

static void stream_free(void *argument) {
    Stream *stream = argument;
    feed_leave(stream->feed, &stream->client);
    metrics_add(GAUGE_STREAM_CLIENTS, -1);
    buf_free(&stream->pending);
    arena_free(&stream->memory);
    mem_free(stream);
}

// The places of the route's parameters, as the table of routes has them.
enum {
    PARAMETER_COUNCIL,
    PARAMETER_ELECTION,
    PARAMETER_REGION,
    PARAMETER_PARTY,
    PARAMETER_KIND,
    PARAMETER_LAST_EVENT_ID
};

static bool read_parameters(Stream *stream, const Ask *ask, const char *last_event_id, Arena *arena, Str *problem) {
    Filter *filter = &stream->client.filter;
    filter->councils = arena_copy(&stream->memory, str_from(ask->values[PARAMETER_COUNCIL]));
    filter->elections = arena_copy(&stream->memory, str_from(ask->values[PARAMETER_ELECTION]));
    filter->regions = arena_copy(&stream->memory, str_from(ask->values[PARAMETER_REGION]));
    filter->parties = arena_copy(&stream->memory, str_from(ask->values[PARAMETER_PARTY]));
    if (!filter_set_kinds(filter, str_from(ask->values[PARAMETER_KIND]))) {
        *problem = arena_printf(arena, "kind is snapshot, flash, fact, or some of them, comma-separated");
        return false;
    }
    const char *id =
        last_event_id != NULL && *last_event_id != '\0' ? last_event_id : ask->values[PARAMETER_LAST_EVENT_ID];
    stream->begins_now = id == NULL;
    if (id != NULL && !cursor_parse(str_from(id), &stream->cursor)) {
        *problem = arena_printf(arena, "the last event id is none of this stream's ids");
        return false;
    }
    return true;
}

// What has been sent but not taken fills a small buffer, and a client that takes nothing is dropped.
static void bound_patience(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != NULL) {
        setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER_BYTES}, sizeof(int));
    }
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)STUCK_TIMEOUT_S);
}

struct MHD_Response *stream_open(const StreamParts *parts, struct MHD_Connection *connection, const Ask *ask,
                                 const char *last_event_id, Arena *arena, Str *problem) {
    Stream *stream = mem_alloc(1, sizeof *stream);
    stream->parts = *parts;
    stream->connection = connection;
    stream->feed = hub_feed(parts->hub, ask->schema);
    stream->memory.block_bytes = 1024;
    stream->client.wake = wake_stream;
    if (!read_parameters(stream, ask, last_event_id, arena, problem)) {
        arena_free(&stream->memory);
        mem_free(stream);
        return NULL;
    }
    pthread_mutex_lock(&stream->feed->lock);
    stream->reset = stream->feed->reset;
    pthread_mutex_unlock(&stream->feed->lock);
    feed_join(stream->feed, &stream->client);
    metrics_add(GAUGE_STREAM_CLIENTS, 1);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, stream, stream_free);
    if (response == NULL) {
        stream_free(stream);
        *problem = STR_LIT("out of memory");
        return NULL;
    }
    bound_patience(connection);
    return response;
}
