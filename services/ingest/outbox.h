// What a lane has to tell the world through Kafka, after its transaction: rejections to the feeds,
// snapshots to other services; at least once and in order.
//
// The rows of the transaction are the outbox: the lane row says how far they have left. Each lane
// has a transactional producer of its own, so a former owner that wakes late is fenced by the broker.
#pragma once

#include "common/base/config.h"
#include "services/aggregator/store.h"

#define TOPIC_SNAPSHOTS "council-control-snapshots"
#define TOPIC_SNAPSHOTS_TEST "council-control-snapshots.test"

typedef struct Outbox Outbox;

// Reads nothing and connects to nothing before the first outbox_send.
Outbox *outbox_new(const Config *config, int32_t lane);
void outbox_free(Outbox *outbox);

int32_t outbox_lane(const Outbox *outbox);

typedef enum OutboxStatus {
    OUTBOX_DONE,  // nothing is left to send
    OUTBOX_MORE,  // there is more: call again
    OUTBOX_LATER, // the broker is away: call again after a while
    OUTBOX_AWAY,  // the store is
    OUTBOX_LOST,  // another owner sends for this lane now
} OutboxStatus;

// The ledger row up to which everything has left, as far as this outbox knows; -1: it does not know yet.
int64_t outbox_sent(const Outbox *outbox);

// Kafka transactions committed so far.
int64_t outbox_transactions(const Outbox *outbox);

// The lane's row of that number was committed: outbox_send goes on until it has left, and until then asks no more.
void outbox_expect(Outbox *outbox, int64_t lane_seq);

// There may be rows that nobody has told of, as at first: the next outbox_send asks the store.
void outbox_ask(Outbox *outbox);

// Sends what has come since; returns within about `timeout_ms` when the broker does not answer.
OutboxStatus outbox_send(Outbox *outbox, Store *store, int timeout_ms);

// One line on the last trouble; absent when there was none.
Str outbox_trouble(const Outbox *outbox);
