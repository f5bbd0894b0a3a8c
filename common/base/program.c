#include "common/base/program.h"
#include "common/base/clock.h"

#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/vec.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { STOP_WITHIN_MS = 4500, LOOK_EVERY_MS = 1000 };

extern char **environ;

static void print_help(const Program *program) {
    Buf text = {0};
    config_write_help(&text);
    printf("Usage: %s [OPTION...]\n\n"
           "%s"
           "Runs until SIGTERM or SIGINT.\n\n"
           "  --config FILE            settings; else $DECLARED_CONFIG, else /etc/declared/declared.conf\n"
           "  --set SECTION.KEY=VALUE  one setting, over the file and the environment\n"
           "  --check                  read the settings, say what is wrong with them, and end\n"
           "  --version                print the version and end\n"
           "  --help                   this text\n\n" STR_FMT,
           program->name, program->about, STR_ARG(buf_str(&text)));
    buf_free(&text);
}

typedef struct Options {
    const char *config;
    VEC(char *) sets;
    bool check;
} Options;

// False: end with `*code`.
static bool read_options(const Program *program, int argc, char **argv, Options *options, int *code) {
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
            printf("%s %s\n", program->name, DECLARED_VERSION);
            return *code = EXIT_SUCCESS, false;
        case 'h':
            print_help(program);
            return *code = EXIT_SUCCESS, false;
        default:
            return *code = PROGRAM_MISUSED, false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument %s; see %s --help\n", program->name, argv[optind], program->name);
        return *code = PROGRAM_MISUSED, false;
    }
    return true;
}

// The settings, all of them checked, or NULL after one line that says what is wrong.
static Config *read_settings(const Program *program, const Options *options, Arena *arena) {
    Str error = STR_NONE;
    ConfigSources sources = {.file = options->config,
                             .environment = environ,
                             .sets = (const char *const *)options->sets.items,
                             .sets_count = options->sets.count};
    Config *config = config_load(&sources, arena, &error);
    for (size_t i = 0; i < options->sets.count; i++) {
        config_hide(options->sets.items[i]);
    }
    if (config != NULL && program->check != NULL && !program->check(config, arena, &error)) {
        config_free(config);
        config = NULL;
    }
    if (config == NULL) {
        fprintf(stderr, "%s: " STR_FMT "\n", program->name, STR_ARG(error));
    } else {
        log_set_level(str_from(config_get(config, "log.level")));
    }
    return config;
}

int program_main(const Program *program, int argc, char **argv) {
    Options options = {0};
    Arena arena = {0};
    int code = EXIT_SUCCESS;
    if (read_options(program, argc, argv, &options, &code)) {
        Config *config = read_settings(program, &options, &arena);
        code = PROGRAM_MISUSED;
        if (config != NULL) {
            code = options.check ? EXIT_SUCCESS : program->run(config);
        }
        config_free(config);
    }
    vec_free(&options.sets);
    arena_free(&arena);
    return code;
}

static void list_signals(sigset_t *signals) {
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
}

void program_block_signals(void) {
    sigset_t signals;
    list_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static Rounds *watched; // a list, by main alone

void program_watch(Rounds *rounds) {
    rounds->next = watched;
    watched = rounds;
}

static bool all_have_gone_round(void) {
    for (const Rounds *rounds = watched; rounds != NULL; rounds = rounds->next) {
        if (atomic_load(&rounds->count) == rounds->seen) {
            return false;
        }
    }
    for (Rounds *rounds = watched; rounds != NULL; rounds = rounds->next) {
        rounds->seen = atomic_load(&rounds->count);
    }
    return true;
}

// No thread waits longer than some seconds for a silent server, so one that stands still for as long as the manager
// bears it hangs, and the process is better begun anew. `*well`: what the manager was told last.
static void feed_watchdog(bool *well) {
    bool turns = all_have_gone_round();
    if (turns) {
        notify_send("WATCHDOG=1");
    }
    if (turns != *well) {
        notify_send(turns ? "STATUS=all threads go round" : "STATUS=a thread stands still");
    }
    *well = turns;
}

void program_wait_for_stop(atomic_bool *stop) {
    sigset_t signals;
    list_signals(&signals);
    notify_send("READY=1\nSTATUS=runs");
    int64_t watchdog_ms = notify_watchdog_ms();
    int64_t look_ms = watchdog_ms > 0 && watchdog_ms / 4 < LOOK_EVERY_MS ? watchdog_ms / 4 : LOOK_EVERY_MS;
    struct timespec look = {.tv_sec = look_ms / 1000, .tv_nsec = look_ms % 1000 * 1000000};
    bool well = true;
    int received;
    while ((received = watchdog_ms > 0 ? sigtimedwait(&signals, NULL, &look) : sigwaitinfo(&signals, NULL)) < 0) {
        if (watchdog_ms > 0) {
            feed_watchdog(&well);
        }
    }
    notify_send("STOPPING=1\nSTATUS=stopping");
    log_info("stopping on %s", received == SIGTERM ? "SIGTERM" : "SIGINT");
    atomic_store(stop, true);
}

void program_leave_within_bounds(const atomic_int *running, const atomic_bool *failed) {
    static const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    int64_t until_ms = clock_ms() + STOP_WITHIN_MS;
    while (atomic_load(running) > 0) {
        if (clock_ms() > until_ms) {
            log_warning("a server does not answer; leaving without a goodbye");
            _exit(failed != NULL && atomic_load(failed) ? EXIT_FAILURE : EXIT_SUCCESS);
        }
        nanosleep(&pause, NULL);
    }
}
