// The newest events of a schema, once for all clients, and the clients that wait for more.
//
// The listener adds events; clients copy what they have not had from the network's thread. One lock, which is
// never held while anybody waits for a network or a database. A client that falls behind by more than
// FEED_EVENTS_KEPT is too slow: what it needed is gone from here (the database has it, so it can resume).
#pragma once

#include "services/gateway/filter.h"

#include <pthread.h>

enum { FEED_EVENTS_KEPT = 8192 }; // 40 s of 200 events a second

// An event that is kept: what its client is sent, and what filters look at.
typedef struct KeptEvent {
    Event event;
    Buf fields; // what the event's strings point into
    Buf text;   // with the id of a client that has had everything before
} KeptEvent;

typedef struct FeedClient FeedClient;

// Has the client be asked again (by the network's thread) for what it has to send. Called with the lock held.
typedef void FeedWake(FeedClient *client);

struct FeedClient {
    FeedClient *previous, *next;
    FeedWake *wake;
    Filter filter;
    uint64_t position; // number of the next event to look at
    bool live;         // follows the feed; else it is reading up from the database
    bool even;         // has had exactly what the feed has: ids of kept events are right for it
    bool waits;        // has sent all it has: is to be woken
    bool heartbeat_due;
};

typedef struct Feed {
    pthread_mutex_t lock;
    const char *schema;
    bool ready;      // `cursor` is that of the database
    bool ended;      // clients are to say goodbye
    uint64_t reset;  // counts how often the database turned out to be another one
    Cursor cursor;   // of what has been added
    uint64_t count;  // events ever added; the newest has number count - 1
    KeptEvent *kept; // number i is at i % FEED_EVENTS_KEPT
    FeedClient *clients;
} Feed;

void feed_init(Feed *feed, const char *schema);
void feed_free(Feed *feed); // has no clients

void feed_join(Feed *feed, FeedClient *client);
void feed_leave(Feed *feed, FeedClient *client);

// All of these with the lock held.
void feed_add(Feed *feed, const Event *event);                  // feed->cursor is already behind it
const KeptEvent *feed_event(const Feed *feed, uint64_t number); // NULL: gone, or not yet there
void feed_wake_all(Feed *feed, bool heartbeat); // every client that waits; else those alone that have something
