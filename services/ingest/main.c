// `declared`: reads its settings, starts its workers, and ends them on SIGTERM or SIGINT.
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/program.h"
#include "common/domain/rule_settings.h"
#include "services/ingest/kafka_settings.h"
#include "services/ingest/listener.h"
#include "services/ingest/monitor.h"
#include "services/ingest/registry.h"
#include "services/ingest/worker.h"

#include <librdkafka/rdkafka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_bool stop;
static atomic_int running;   // workers that have not ended
static atomic_bool replaced; // a worker, by another process

// A worker and its thread, which frees the worker: what is looked at from outside is kept apart from it.
typedef struct Runner {
    Worker *worker; // NULL: its thread has it
    pthread_t thread;
    bool started;
    Rounds rounds;
} Runner;

static bool check_settings(const Config *config, Arena *arena, Str *error) {
    RuleBook rules;
    char refusal[512] = "";
    if (!rule_settings_read(config, 1, arena, &rules, error)) {
        return false;
    }
    rd_kafka_conf_t *kafka = kafka_settings(config, NULL, 0, refusal, sizeof refusal);
    bool good = kafka != NULL && registry_check(config, refusal, sizeof refusal);
    if (kafka != NULL) {
        rd_kafka_conf_destroy(kafka);
    }
    if (!good) {
        *error = arena_copy(arena, str_from(refusal));
    }
    return good;
}

// A worker goes within its own thread: that too may have to wait for a server.
static void *run_worker(void *context) {
    Runner *runner = context;
    Worker *worker = runner->worker;
    runner->worker = NULL;
    if (!worker_run(worker, &runner->rounds.count)) {
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

// For those who watch; nothing where daemon.listen is empty.
typedef struct Watched {
    Monitor *monitor;
    Listener *listener;
} Watched;

// False: it cannot listen, and has said why.
static bool begin_watch(const Config *config, Watched *watched) {
    if (*config_get(config, "daemon.listen") == '\0') {
        return true;
    }
    Arena arena = {0};
    Str refusal = STR_NONE;
    char error[512] = "";
    watched->listener = listener_start(config, &arena, &refusal);
    if (watched->listener == NULL) {
        snprintf(error, sizeof error, STR_FMT, STR_ARG(refusal));
    } else {
        watched->monitor = monitor_start(config, &stop, &running, error, sizeof error);
    }
    if (watched->monitor != NULL) {
        log_info("metrics are at http://" STR_FMT "/metrics", STR_ARG(listener_address(watched->listener)));
    } else {
        fprintf(stderr, "declared: %s\n", error);
    }
    arena_free(&arena);
    return watched->monitor != NULL;
}

static void end_watch(Watched *watched) {
    listener_stop(watched->listener);
    atomic_store(&stop, true);
    monitor_free(watched->monitor);
}

// librdkafka has a dozen threads; with an arena of the allocator for each, what one of them has freed is of no use to
// the others: a tenth of the daemon's memory at its peak. What is large (fetched records, rows for COPY) goes back to
// the system when it is freed; left to itself the allocator raises that limit to 32 MiB.
static void share_memory(int workers) {
    mallopt(M_ARENA_MAX, workers + 1);
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

static bool make_workers(const Config *config, Runner *runners, int count) {
    char error[512] = "";
    for (int i = 0; i < count; i++) {
        runners[i].worker = worker_new(config, i + 1, &stop, error, sizeof error);
        if (runners[i].worker == NULL) {
            fprintf(stderr, "declared: %s\n", error);
            return false;
        }
    }
    return true;
}

static void start_workers(Runner *runners, int count) {
    for (int i = 0; i < count; i++) {
        atomic_fetch_add(&running, 1);
        int failure = pthread_create(&runners[i].thread, NULL, run_worker, &runners[i]);
        if (failure != 0) {
            fprintf(stderr, "declared: cannot start a thread: %s\n", strerror(failure));
            _exit(EXIT_FAILURE);
        }
        runners[i].started = true;
        char name[16]; // for top, ps and gdb
        snprintf(name, sizeof name, "worker-%d", (i + 1) % 100);
        pthread_setname_np(runners[i].thread, name);
        program_watch(&runners[i].rounds);
    }
}

static void end_workers(Runner *runners, int count) {
    for (int i = 0; i < count; i++) {
        if (runners[i].started) {
            pthread_join(runners[i].thread, NULL);
        }
        worker_free(runners[i].worker);
    }
    mem_free(runners);
}

static int run(const Config *config) {
    program_block_signals();
    int count = config_int(config, "daemon.workers");
    share_memory(count);
    Runner *runners = mem_alloc((size_t)count, sizeof *runners);
    Watched watched = {0};
    bool made = make_workers(config, runners, count);
    bool begun = made && begin_watch(config, &watched);
    if (begun) {
        start_workers(runners, count);
        log_info("declared %s runs with %d workers", DECLARED_VERSION, count);
        warn_of_scram(config);
        program_wait_for_stop(&stop);
        program_leave_within_bounds(&running, &replaced);
    }
    end_watch(&watched);
    end_workers(runners, count);
    if (!made) {
        return PROGRAM_MISUSED;
    }
    // Which of two processes of one name is wanted only a person knows: the one that ends is started again.
    return begun && !atomic_load(&replaced) ? EXIT_SUCCESS : EXIT_FAILURE;
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
