// What every command of `declarectl` shares: its context, its options, how it fails.
#pragma once

#include "common/base/config.h"

typedef struct Cli Cli;

// A row of the table in main.c.
typedef struct CliCommand {
    const char *name;      // one word or two: "reference load"
    const char *arguments; // for the usage line: "FILE|-"
    int least, most;       // how many of them
    bool uses_config;      // reads the settings before it runs
    int (*run)(const Cli *cli, int argc, char **argv);
    const char *summary;
    const char *details; // more lines for --help; NULL: none
} CliCommand;

struct Cli {
    const CliCommand *command;
    const Config *config; // NULL unless the command uses it
    Arena *arena;         // lives as long as the command
};

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_MISUSED = 2 };

// One line on standard error, "declarectl NAME: ...", and CLI_FAILED.
__attribute__((format(printf, 2, 3))) int cli_fail(const Cli *cli, const char *format, ...);

// The same for a command line that makes no sense, and CLI_MISUSED.
__attribute__((format(printf, 2, 3))) int cli_misuse(const Cli *cli, const char *format, ...);

// An option takes an argument (`value`) or is a switch (`flag`). A table of them ends in {0}.
typedef struct CliOption {
    const char *name;     // without the dashes
    const char *argument; // its name in the help; NULL: a switch
    const char *help;
    const char **value;
    bool *flag;
} CliOption;

// Reads options, answers --help, and checks the number of arguments. True: go on, with the
// arguments in `*arguments` (NULL-terminated, part of argv). False: return `*code`.
bool cli_parse(const Cli *cli, const CliOption *options, int argc, char **argv, char ***arguments, int *code);

// Milliseconds since 1970.
int64_t cli_now_ms(void);

// Who runs this, for records that name somebody: `by` if given, else the login's name.
Str cli_who(const char *by);
