// What daemons have in common: the command line, the settings, and ending on a signal.
#pragma once

#include "common/base/config.h"

#include <stdatomic.h>

// The exit code when to start again would change nothing: options or settings that make no sense, or another
// process that has this one's name.
enum { PROGRAM_MISUSED = 2 };

typedef struct Program {
    const char *name;
    const char *about; // lines of --help
    // What the table of settings cannot check by itself; false with a line in `error` (arena). May be NULL.
    bool (*check)(const Config *config, Arena *arena, Str *error);
    int (*run)(const Config *config); // the exit code
} Program;

// Reads options and settings, and runs unless asked for help, version or a check alone. The exit code.
int program_main(const Program *program, int argc, char **argv);

// SIGTERM and SIGINT are taken by program_wait_for_stop alone, in threads made later too; SIGPIPE is an
// error code where it happens.
void program_block_signals(void);

// A thread that goes round, and counts; one whose count stands still hangs.
typedef struct Rounds {
    atomic_uint count;
    unsigned seen;       // when all were last seen to have gone round
    struct Rounds *next; // that is watched
} Rounds;

// Makes the service manager's watchdog depend on that thread too. Before program_wait_for_stop; `rounds` stays
// where it is until that returns.
void program_watch(Rounds *rounds);

// Tells the service manager that the program is ready, and waits until SIGTERM or SIGINT; then sets *stop. In between
// it feeds the manager's watchdog (see notify.h) each time that every watched thread has gone round.
void program_wait_for_stop(atomic_bool *stop);

// Until *running, a count of threads, is 0. A server that keeps one waiting is left behind: after 4.5 s
// the process ends, with 0, or with 1 where *failed is set; NULL: nothing can have.
void program_leave_within_bounds(const atomic_int *running, const atomic_bool *failed);
