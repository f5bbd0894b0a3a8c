// What daemons have in common: the command line, the settings, and ending on a signal.
#pragma once

#include "common/base/config.h"

#include <stdatomic.h>

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

// Until SIGTERM or SIGINT; then sets *stop.
void program_wait_for_stop(atomic_bool *stop);

// Until *running, a count of threads, is 0. A server that keeps one waiting is left behind: after 4.5 s
// the process ends with 0.
void program_leave_within_bounds(const atomic_int *running);
