#include "services/gateway/feed.h"

#include "common/base/mem.h"

void feed_init(Feed *feed, const char *schema) {
    *feed = (Feed){.schema = schema};
    pthread_mutex_init(&feed->lock, NULL);
    feed->kept = mem_alloc(FEED_EVENTS_KEPT, sizeof *feed->kept);
}

void feed_free(Feed *feed) {
    for (size_t i = 0; i < FEED_EVENTS_KEPT; i++) {
        buf_free(&feed->kept[i].fields);
        buf_free(&feed->kept[i].text);
    }
    mem_free(feed->kept);
    pthread_mutex_destroy(&feed->lock);
}

void feed_join(Feed *feed, FeedClient *client) {
    pthread_mutex_lock(&feed->lock);
    client->previous = NULL;
    client->next = feed->clients;
    if (feed->clients != NULL) {
        feed->clients->previous = client;
    }
    feed->clients = client;
    pthread_mutex_unlock(&feed->lock);
}

void feed_leave(Feed *feed, FeedClient *client) {
    pthread_mutex_lock(&feed->lock);
    if (client->next != NULL) {
        client->next->previous = client->previous;
    }
    *(client->previous != NULL ? &client->previous->next : &feed->clients) = client->next;
    pthread_mutex_unlock(&feed->lock);
}

// The string's copy in `fields`, which has room for it.
static Str keep(Buf *fields, Str text) {
    if (str_is_none(text)) {
        return STR_NONE;
    }
    size_t at = fields->len;
    buf_add_str(fields, text);
    return (Str){fields->ptr + at, text.len};
}

void feed_add(Feed *feed, const Event *event) {
    KeptEvent *kept = &feed->kept[feed->count++ % FEED_EVENTS_KEPT];
    const Str *strings[] = {&event->election_id, &event->council_id,       &event->region,
                            &event->control,     &event->previous_control, &event->data};
    size_t len = 1; // so that the buffer is there even for empty strings
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        len += strings[i]->len;
    }
    buf_clear(&kept->fields);
    buf_reserve(&kept->fields, len);
    kept->event = *event;
    kept->event.election_id = keep(&kept->fields, event->election_id);
    kept->event.council_id = keep(&kept->fields, event->council_id);
    kept->event.region = keep(&kept->fields, event->region);
    kept->event.control = keep(&kept->fields, event->control);
    kept->event.previous_control = keep(&kept->fields, event->previous_control);
    kept->event.data = keep(&kept->fields, event->data);
    buf_clear(&kept->text);
    events_write(event, &feed->cursor, &kept->text);
}

const KeptEvent *feed_event(const Feed *feed, uint64_t number) {
    bool there = number < feed->count && feed->count - number <= FEED_EVENTS_KEPT;
    return there ? &feed->kept[number % FEED_EVENTS_KEPT] : NULL;
}

// Leaves the events behind that the client does not want. False: there is nothing for it.
static bool has_something(const Feed *feed, FeedClient *client) {
    if (!client->live || !client->even) {
        return true; // it has to look for itself
    }
    const KeptEvent *kept;
    while ((kept = feed_event(feed, client->position)) != NULL && !filter_passes(&client->filter, &kept->event)) {
        client->position++;
    }
    return client->position < feed->count;
}

void feed_wake_all(Feed *feed, bool heartbeat) {
    for (FeedClient *client = feed->clients; client != NULL; client = client->next) {
        if (client->waits && (heartbeat || feed->ended || has_something(feed, client))) {
            client->waits = false;
            client->heartbeat_due = heartbeat;
            client->wake(client);
        }
    }
}
