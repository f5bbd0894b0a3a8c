#include "services/ingest/monitor.h"

#include "common/base/clock.h"
#include "services/ingest/kafka_settings.h"
#include "services/ingest/telemetry.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>

enum { EVERY_MS = 2000, TURN_MS = 100, KAFKA_TIMEOUT_MS = 1500, LANES_MAX = 4096 };

struct Monitor {
    const atomic_bool *stop;
    atomic_int *running;
    Store *store;
    rd_kafka_t *kafka; // a producer that sends nothing: the cheapest client
    pthread_t thread;
    int32_t lanes[LANES_MAX];
};

static void ask_kafka(Monitor *monitor) {
    const struct rd_kafka_metadata *metadata = NULL;
    telemetry_server(SERVER_KAFKA, rd_kafka_metadata(monitor->kafka, 0, NULL, &metadata, KAFKA_TIMEOUT_MS) == 0);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_poll(monitor->kafka, 0);
}

static void ask_postgres(Monitor *monitor) {
    LanesStanding standing = {0};
    size_t count = telemetry_owned(monitor->lanes, LANES_MAX);
    bool up = (store_is_connected(monitor->store) || store_connect(monitor->store) == STORE_OK) &&
              store_read_standing(monitor->store, monitor->lanes, count, &standing) == STORE_OK;
    telemetry_server(SERVER_POSTGRES, up);
    if (up) {
        telemetry_stand(&standing);
    }
}

// Its clients; the memory is the caller's.
static void drop_clients(Monitor *monitor) {
    if (monitor->kafka != NULL) {
        rd_kafka_destroy(monitor->kafka);
    }
    store_free(monitor->store);
}

// The clients go within the thread: that too may have to wait for a server.
static void *run(void *context) {
    Monitor *monitor = context;
    while (!atomic_load(monitor->stop)) {
        ask_kafka(monitor);
        ask_postgres(monitor);
        for (int ms = 0; ms < EVERY_MS && !atomic_load(monitor->stop); ms += TURN_MS) {
            clock_sleep_ms(TURN_MS);
        }
    }
    drop_clients(monitor);
    atomic_fetch_sub(monitor->running, 1);
    return NULL;
}

static void drop(Monitor *monitor) {
    drop_clients(monitor);
    mem_free(monitor);
}

Monitor *monitor_start(const Config *config, const atomic_bool *stop, atomic_int *running, char *error,
                       size_t error_size) {
    Monitor *monitor = mem_alloc(1, sizeof *monitor);
    monitor->stop = stop;
    monitor->running = running;
    monitor->store = store_new(config_get(config, "postgres.uri"), config_get(config, "postgres.role"), stop);
    rd_kafka_conf_t *conf = kafka_settings(config, NULL, 0, error, error_size);
    monitor->kafka = conf == NULL ? NULL : rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, error_size);
    if (monitor->kafka == NULL) {
        if (conf != NULL) {
            rd_kafka_conf_destroy(conf);
        }
        drop(monitor);
        return NULL;
    }
    atomic_fetch_add(running, 1);
    int failure = pthread_create(&monitor->thread, NULL, run, monitor);
    if (failure != 0) {
        atomic_fetch_sub(running, 1);
        snprintf(error, error_size, "cannot start a thread: %s", strerror(failure));
        drop(monitor);
        return NULL;
    }
    return monitor;
}

void monitor_free(Monitor *monitor) {
    if (monitor != NULL) {
        pthread_join(monitor->thread, NULL);
        mem_free(monitor);
    }
}
