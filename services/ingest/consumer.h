// A worker's Kafka consumer: membership in the group, and records of the lanes it was told to read.
//
// Group offsets are a courtesy for lag tools: where reading starts is always said by the caller, who
// knows it from the lane rows. To forget what was fetched and start elsewhere is one call,
// consumer_read, since an assignment replaces the earlier one whole. One thread.
#pragma once

#include "common/base/config.h"
#include "common/base/str.h"
#include "common/base/vec.h"
#include "common/domain/envelope.h"

#include <librdkafka/rdkafka.h>

typedef struct Consumer Consumer;

// `worker` numbers the workers of this process from 1. NULL: librdkafka refused a setting, with the
// reason in `error` (of error_size bytes).
Consumer *consumer_new(const Config *config, int worker, char *error, size_t error_size);

// Joins the group, which gives this worker lanes from then on.
void consumer_join(Consumer *consumer);

// Begins to leave the group; true once that is done. Call until true, or until time is up.
bool consumer_close(Consumer *consumer);
void consumer_free(Consumer *consumer);

// Lanes that the group has given to this worker: those of which it has both partitions. Each call
// of consumer_poll may change the list; `generation` changes with it.
typedef struct Assignment {
    VEC(int32_t) lanes; // ascending
    uint64_t generation;
} Assignment;
const Assignment *consumer_assignment(const Consumer *consumer);

// A partition to read, and from where (-1: from the beginning).
typedef struct ReadFrom {
    InputTopic topic;
    int32_t lane;
    int64_t offset;
} ReadFrom;

// Reads these from now on and nothing else; what was fetched before is dropped. An empty list rests.
bool consumer_read(Consumer *consumer, const ReadFrom *from, size_t count);

// The next record, or NULL after `timeout_ms`, or sooner when something else happened and no record is there by then.
// The caller destroys it.
rd_kafka_message_t *consumer_poll(Consumer *consumer, int timeout_ms);

// While a backlog is read, called after each batch. Once enough is fetched librdkafka's thread sleeps, for a second at
// most, and does not see the records being taken: when half of them are, any question to the partitions' leaders wakes
// it. The answer is not waited for.
void consumer_ask_ahead(Consumer *consumer);

// Of a message that consumer_poll gave: borrowed from it.
Envelope consumer_envelope(const rd_kafka_message_t *message);

// Partitions of both input topics; 0: the broker is away or they differ, said in consumer_trouble.
int32_t consumer_partitions(Consumer *consumer, int timeout_ms);

// True once reading has come to the end of that lane's desk events, since consumer_read.
bool consumer_saw_desk_end(const Consumer *consumer, int32_t lane);

// Tells the group where the lanes stand, for lag tools. Does not wait.
void consumer_tell_offsets(Consumer *consumer, const ReadFrom *positions, size_t count);

// Records of that partition from `next` on (-1: all), as far as the broker's last answers tell; -1: not known.
int64_t consumer_lag(const Consumer *consumer, InputTopic topic, int32_t lane, int64_t next);

// What is wrong with the broker, in one line; absent while nothing is.
Str consumer_trouble(const Consumer *consumer);

// True once nothing more can come from Kafka: the group has put this member out for good. Only members known to it
// by name (daemon.instance) are.
bool consumer_is_dead(const Consumer *consumer);

// Of a dead one: another process has joined the group under its name, and our lanes are its own. False: librdkafka
// had lost the membership itself, its session having passed, and sent a heartbeat or told an offset as nobody before
// it joined anew; brokers take that for a process that was replaced. See consumer_renew.
bool consumer_was_replaced(const Consumer *consumer);

// What that is decided by: librdkafka's reason, and the id that the group gave this member, as it was when lanes came
// last and as it is now (NULL or empty: none).
bool consumer_reads_replaced(const char *reason, const char *member_then, const char *member_now);

// A dead one begins anew, without lanes, as consumer_new made it; consumer_join is next. Every message of before must
// have been destroyed. False: it stays dead, and consumer_trouble tells why.
bool consumer_renew(Consumer *consumer);

// Which partition cannot be read since its topic does not have the wanted offset, now or any more, in
// one line; absent when there is none. Waiting does not help. consumer_read forgets it.
Str consumer_stall(const Consumer *consumer);
