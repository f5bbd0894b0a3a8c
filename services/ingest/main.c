// `declared`: reads its settings, starts its workers, and ends them on SIGTERM or SIGINT.
#include "common/base/config.h"
#include "common/base/log.h"
#include "common/base/vec.h"
#include "common/domain/rule_settings.h"
#include "services/ingest/registry.h"
#include "services/ingest/worker.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_MISUSED = 2, STOP_WITHIN_MS = 4500 };

extern char **environ;

static atomic_bool stop;
static atomic_int running;   // workers that have not ended
static atomic_bool replaced; // a worker, by another process

static void print_help(void) {
    Buf text = {0};
    config_write_help(&text);
    printf("Usage: declared [OPTION...]\n\n"
           "Consumes ward declarations and desk events from Kafka, and writes the ledger and council\n"
           "control snapshots to PostgreSQL. Runs until SIGTERM or SIGINT.\n\n"
           "  --config FILE            settings; else $DECLARED_CONFIG, else /etc/declared/declared.conf\n"
           "  --set SECTION.KEY=VALUE  one setting, over the file and the environment\n"
           "  --check                  read the settings, say what is wrong with them, and end\n"
           "  --version                print the version and end\n"
           "  --help                   this text\n\n" STR_FMT,
           STR_ARG(buf_str(&text)));
    buf_free(&text);
}

typedef struct Options {
    const char *config;
    VEC(const char *) sets;
    bool check;
} Options;

// False: end with `*code`.
static bool read_options(int argc, char **argv, Options *options, int *code) {
    static const struct option table[] = {
        {"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
        {"check", no_argument, NULL, 'k'},        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {0},
    };
    for (int found; (found = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
        switch (found) {
        case 'c':
            options->config = optarg;
            break;
        case 's':
            *vec_push(&options->sets) = optarg;
            break;
        case 'k':
            options->check = true;
            break;
        case 'v':
            printf("declared %s\n", DECLARED_VERSION);
            return *code = EXIT_SUCCESS, false;
        case 'h':
            print_help();
            return *code = EXIT_SUCCESS, false;
        default:
            return *code = EXIT_MISUSED, false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "declared: unexpected argument %s; see declared --help\n", argv[optind]);
        return *code = EXIT_MISUSED, false;
    }
    return true;
}

// The settings, all of them checked, or NULL after one line that says what is wrong.
static Config *read_settings(const Options *options, Arena *arena) {
    Str error = STR_NONE;
    ConfigSources sources = {.file = options->config,
                             .environment = environ,
                             .sets = options->sets.items,
                             .sets_count = options->sets.count};
    Config *config = config_load(&sources, arena, &error);
    RuleBook rules;
    char refusal[512] = "";
    if (config != NULL &&
        (!rule_settings_read(config, 1, arena, &rules, &error) || !registry_check(config, refusal, sizeof refusal))) {
        error = refusal[0] != '\0' ? arena_copy(arena, str_from(refusal)) : error;
        config_free(config);
        config = NULL;
    }
    if (config == NULL) {
        fprintf(stderr, "declared: " STR_FMT "\n", STR_ARG(error));
    } else {
        log_set_level(str_from(config_get(config, "log.level")));
    }
    return config;
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

// Signals are taken by main alone; SIGPIPE is an error code where it happens.
static void block_signals(sigset_t *signals) {
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void wait_for_stop(const sigset_t *signals) {
    int received = 0;
    while (sigwait(signals, &received) != 0) {
    }
    log_info("stopping on %s", received == SIGTERM ? "SIGTERM" : "SIGINT");
    atomic_store(&stop, true);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Everything that matters is committed, so a server that keeps a worker waiting is left behind.
static void leave_within_bounds(void) {
    static const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    int64_t until_ms = now_ms() + STOP_WITHIN_MS;
    while (atomic_load(&running) > 0) {
        if (now_ms() > until_ms) {
            log_warning("a server does not answer; leaving without a goodbye");
            _exit(EXIT_SUCCESS);
        }
        nanosleep(&pause, NULL);
    }
}

static int run(const Config *config) {
    sigset_t signals;
    block_signals(&signals);
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
        wait_for_stop(&signals);
        leave_within_bounds();
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
    Options options = {0};
    Arena arena = {0};
    int code = EXIT_SUCCESS;
    if (read_options(argc, argv, &options, &code)) {
        Config *config = read_settings(&options, &arena);
        code = EXIT_FAILURE;
        if (config != NULL) {
            code = options.check ? EXIT_SUCCESS : run(config);
        }
        config_free(config);
    }
    vec_free(&options.sets);
    arena_free(&arena);
    return code;
}
