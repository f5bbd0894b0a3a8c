// `declared`: reads its settings, starts its workers, and ends them on SIGTERM or SIGINT.
#include "common/base/log.h"
#include "common/base/program.h"
#include "common/base/vec.h"
#include "common/domain/rule_settings.h"
#include "services/ingest/registry.h"
#include "services/ingest/worker.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_bool stop;
static atomic_int running;   // workers that have not ended
static atomic_bool replaced; // a worker, by another process

static bool check_settings(const Config *config, Arena *arena, Str *error) {
    RuleBook rules;
    char refusal[512] = "";
    if (!rule_settings_read(config, 1, arena, &rules, error)) {
        return false;
    }
    if (!registry_check(config, refusal, sizeof refusal)) {
        *error = arena_copy(arena, str_from(refusal));
        return false;
    }
    return true;
}

// A worker goes within its own thread: that too may have to wait for a server.
static void *run_worker(void *worker) {
    if (!worker_run(worker)) {
        atomic_store(&replaced, true);
    }
    worker_free(worker);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

// An old librdkafka sends a nonce that Kafka 4 refuses, and Kafka's answer is that the password is wrong.
static void warn_of_scram(const Config *config) {
    enum { WORKS_FROM = 0x020601ff };
    static const char *const names[] = {"kafka.sasl.mechanism", "kafka.sasl.mechanisms"};
    for (size_t i = 0; i < sizeof names / sizeof names[0] && rd_kafka_version() < WORKS_FROM; i++) {
        const char *mechanism = config_get(config, names[i]);
        if (mechanism != NULL && strncmp(mechanism, "SCRAM-", strlen("SCRAM-")) == 0) {
            log_warning("librdkafka %s cannot log in by SCRAM to Kafka 4; 2.6.1 and later can", rd_kafka_version_str());
        }
    }
}

static int run(const Config *config) {
    program_block_signals();
    VEC(Worker *) workers = {0}; // those that have not been started
    VEC(pthread_t) threads = {0};
    char error[512] = "";
    int code = EXIT_SUCCESS;
    int wanted = config_int(config, "daemon.workers");
    for (int i = 1; i <= wanted && code == EXIT_SUCCESS; i++) {
        Worker *worker = worker_new(config, i, &stop, error, sizeof error);
        if (worker == NULL) {
            fprintf(stderr, "declared: %s\n", error);
            code = EXIT_FAILURE;
        } else {
            *vec_push(&workers) = worker;
        }
    }
    while (workers.count > 0 && code == EXIT_SUCCESS) {
        atomic_fetch_add(&running, 1);
        int failure = pthread_create(vec_push(&threads), NULL, run_worker, workers.items[--workers.count]);
        if (failure != 0) {
            fprintf(stderr, "declared: cannot start a thread: %s\n", strerror(failure));
            _exit(EXIT_FAILURE);
        }
    }
    if (code == EXIT_SUCCESS) {
        log_info("declared %s runs with %d workers", DECLARED_VERSION, wanted);
        warn_of_scram(config);
        program_wait_for_stop(&stop);
        program_leave_within_bounds(&running);
    }
    for (size_t i = 0; i < threads.count; i++) {
        pthread_join(threads.items[i], NULL);
    }
    for (size_t i = 0; i < workers.count; i++) {
        worker_free(workers.items[i]);
    }
    vec_free(&threads);
    vec_free(&workers);
    return atomic_load(&replaced) ? EXIT_FAILURE : code;
}

int main(int argc, char **argv) {
    static const Program program = {
        .name = "declared",
        .about = "Consumes ward declarations and desk events from Kafka, and writes the ledger and council\n"
                 "control snapshots to PostgreSQL.\n",
        .check = check_settings,
        .run = run,
    };
    return program_main(&program, argc, argv);
}
