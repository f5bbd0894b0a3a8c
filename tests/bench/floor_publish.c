#include "tests/bench/floor_publish.h"

#include "common/base/clock.h"
#include "services/ingest/outbox.h"
#include "tests/bench/records.h"

#include <librdkafka/rdkafka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

// The mean over snapshots of a made-up night: their Avro of 239 to 627 bytes, their keys (election ids) of 26 to 31.
enum { SNAPSHOT_BYTES = 520, ELECTIONS = 400 };
enum { PACE_MOST_MS = 1000 };

// What has been committed of a partition and has not been sent.
typedef struct Pending {
    int64_t records, last_offset;
} Pending;

struct FloorPublisher {
    PGconn *pg;
    rd_kafka_t *producers[PARTITIONS_MAX];
    int partitions;
    int64_t pace_ms, sent;
    pthread_t thread;

    pthread_mutex_t lock; // of what follows
    pthread_cond_t wake;
    Pending pending[PARTITIONS_MAX];
    bool woken, stop;
};

// ---- PostgreSQL ------------------------------------------------------------------------------------------

static void expect_command(PGconn *pg, PGresult *result) {
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
    PQclear(result);
}

static void make_outbox(PGconn *pg, int partitions) {
    char sql[512];
    // The fillfactor is declared.lane's: always a hot update.
    snprintf(sql, sizeof sql,
             "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS floor_outbox (partition int PRIMARY KEY, "
             "last_offset bigint, records bigint) WITH (fillfactor = 20); TRUNCATE floor_outbox; "
             "INSERT INTO floor_outbox SELECT n, -1, 0 FROM generate_series(0, %d) n",
             partitions - 1);
    expect_command(pg, PQexec(pg, sql));
    const char *advance = "UPDATE floor_outbox SET last_offset = $2, records = records + $3 WHERE partition = $1";
    expect_command(pg, PQprepare(pg, "advance", advance, 0, NULL));
}

static void advance_outbox(PGconn *pg, int partition, const Pending *sent) {
    char number[16], offset[32], records[32];
    snprintf(number, sizeof number, "%d", partition);
    snprintf(offset, sizeof offset, "%lld", (long long)sent->last_offset);
    snprintf(records, sizeof records, "%lld", (long long)sent->records);
    const char *const parameters[] = {number, offset, records};
    expect_command(pg, PQexecPrepared(pg, "advance", 3, parameters, NULL, NULL, 0));
}

// ---- Kafka -----------------------------------------------------------------------------------------------

static void expect_success(rd_kafka_error_t *error) {
    if (error != NULL) {
        bench_give_up("%s", rd_kafka_error_string(error));
    }
}

static rd_kafka_t *open_producer(const char *bootstrap, int partition) {
    char id[64], error[512];
    snprintf(id, sizeof id, "declared-floor-lane-%d", partition);
    const char *const settings[][2] = {
        {"bootstrap.servers", bootstrap}, {"transactional.id", id}, {"linger.ms", "0"}, {"partitioner", "murmur2"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error);
    }
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (producer == NULL) {
        bench_give_up("%s", error);
    }
    expect_success(rd_kafka_init_transactions(producer, -1));
    return producer;
}

// The key leads to the partition, as the daemon's does: the elections of one lane are in all of them.
static void produce(rd_kafka_t *producer, int64_t number) {
    static char filling[SNAPSHOT_BYTES];
    char key[64];
    int length = snprintf(key, sizeof key, "local.floor-council-%lld.2026-05-07", (long long)(number % ELECTIONS));
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = TOPIC_SNAPSHOTS},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key, (size_t)length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {filling, sizeof filling}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };
    expect_success(rd_kafka_produceva(producer, parts, sizeof parts / sizeof *parts));
}

static void send_records(FloorPublisher *publisher, int partition, int64_t count) {
    rd_kafka_t *producer = publisher->producers[partition];
    expect_success(rd_kafka_begin_transaction(producer));
    for (int64_t i = 0; i < count; i++) {
        produce(producer, publisher->sent++);
    }
    expect_success(rd_kafka_commit_transaction(producer, -1));
}

// ---- the thread ------------------------------------------------------------------------------------------

// False: there is nothing left to send, and no more will come.
static bool wait_for_more(FloorPublisher *publisher) {
    pthread_mutex_lock(&publisher->lock);
    while (!publisher->woken && !publisher->stop) {
        pthread_cond_wait(&publisher->wake, &publisher->lock);
    }
    bool more = publisher->woken;
    publisher->woken = false;
    pthread_mutex_unlock(&publisher->lock);
    return more;
}

static Pending take_pending(FloorPublisher *publisher, int partition) {
    pthread_mutex_lock(&publisher->lock);
    Pending taken = publisher->pending[partition];
    publisher->pending[partition].records = 0;
    pthread_mutex_unlock(&publisher->lock);
    return taken;
}

// How many transactions.
static int send_round(FloorPublisher *publisher) {
    int transactions = 0;
    for (int i = 0; i < publisher->partitions; i++) {
        Pending pending = take_pending(publisher, i);
        if (pending.records > 0) {
            send_records(publisher, i, pending.records);
            advance_outbox(publisher->pg, i, &pending);
            transactions++;
        }
    }
    return transactions;
}

static void *run(void *context) {
    FloorPublisher *publisher = context;
    while (wait_for_more(publisher)) {
        int64_t began_ms = clock_ms();
        int64_t pace_ms = send_round(publisher) * publisher->pace_ms;
        int64_t rest_ms = began_ms + (pace_ms < PACE_MOST_MS ? pace_ms : PACE_MOST_MS) - clock_ms();
        if (rest_ms > 0) {
            clock_sleep_ms(rest_ms);
        }
    }
    return NULL;
}

FloorPublisher *floor_publisher_new(const char *bootstrap, PGconn *pg, int partitions, int pace_ms) {
    FloorPublisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL) {
        bench_give_up("no memory");
    }
    publisher->pg = pg;
    publisher->partitions = partitions;
    publisher->pace_ms = pace_ms;
    make_outbox(pg, partitions);
    for (int i = 0; i < partitions; i++) {
        publisher->producers[i] = open_producer(bootstrap, i);
    }
    pthread_mutex_init(&publisher->lock, NULL);
    pthread_cond_init(&publisher->wake, NULL);
    if (pthread_create(&publisher->thread, NULL, run, publisher) != 0) {
        bench_give_up("no thread");
    }
    return publisher;
}

void floor_publisher_wake(FloorPublisher *publisher, const Span *spans) {
    pthread_mutex_lock(&publisher->lock);
    for (int i = 0; i < publisher->partitions; i++) {
        if (spans[i].first >= 0) {
            publisher->pending[i].records += spans[i].last - spans[i].first + 1;
            publisher->pending[i].last_offset = spans[i].last;
        }
    }
    publisher->woken = true;
    pthread_cond_signal(&publisher->wake);
    pthread_mutex_unlock(&publisher->lock);
}

void floor_publisher_free(FloorPublisher *publisher) {
    if (publisher == NULL) {
        return;
    }
    pthread_mutex_lock(&publisher->lock);
    publisher->stop = true;
    pthread_cond_signal(&publisher->wake);
    pthread_mutex_unlock(&publisher->lock);
    pthread_join(publisher->thread, NULL);
    for (int i = 0; i < publisher->partitions; i++) {
        rd_kafka_destroy(publisher->producers[i]);
    }
    pthread_cond_destroy(&publisher->wake);
    pthread_mutex_destroy(&publisher->lock);
    PQfinish(publisher->pg);
    free(publisher);
}
