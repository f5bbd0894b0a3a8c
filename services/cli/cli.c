#include "services/cli/cli.h"

#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { OPTIONS_MAX = 16, OPTION_HELP = 'h' };

__attribute__((format(printf, 2, 0))) static void say(const Cli *cli, const char *format, va_list args) {
    fprintf(stderr, "declarectl %s: ", cli->command->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int cli_fail(const Cli *cli, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(cli, format, args);
    va_end(args);
    return CLI_FAILED;
}

int cli_misuse(const Cli *cli, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(cli, format, args);
    va_end(args);
    return CLI_MISUSED;
}

static void print_help(const CliCommand *command, const CliOption *options) {
    printf("Usage: declarectl %s [OPTION...]%s%s\n\n%s.\n", command->name, *command->arguments == '\0' ? "" : " ",
           command->arguments, command->summary);
    if (command->details != NULL) {
        printf("\n%s\n", command->details);
    }
    printf("\n");
    for (; options->name != NULL; options++) {
        printf("  --%s%s%-*s %s\n", options->name, options->argument == NULL ? "" : " ",
               (int)(20 - strlen(options->name)), options->argument == NULL ? "" : options->argument, options->help);
    }
    printf("  --%-21s %s\n", "help", "this text");
    if (command->uses_config) {
        printf("  --%-21s %s\n  --%-21s %s\n", "config FILE", "settings", "set SECTION.KEY=VALUE", "one setting");
    }
}

static size_t make_long_options(const CliOption *options, struct option *table) {
    size_t count = 0;
    for (; options[count].name != NULL && count < OPTIONS_MAX; count++) {
        int argument = options[count].argument == NULL ? no_argument : required_argument;
        table[count] = (struct option){options[count].name, argument, NULL, 0};
    }
    table[count] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    return count;
}

bool cli_parse(const Cli *cli, const CliOption *options, int argc, char **argv, char ***arguments, int *code) {
    struct option table[OPTIONS_MAX + 2] = {0};
    make_long_options(options, table);
    int found, index;
    optind = 0; // GNU: start anew
    while ((found = getopt_long(argc, argv, "h", table, &index)) != -1) {
        if (found == OPTION_HELP) {
            print_help(cli->command, options);
            return *code = CLI_OK, false;
        }
        if (found != 0) {
            return *code = CLI_MISUSED, false; // getopt_long has said why
        }
        if (options[index].flag != NULL) {
            *options[index].flag = true;
        } else {
            *options[index].value = optarg;
        }
    }
    int count = argc - optind;
    if (count < cli->command->least || count > cli->command->most) {
        *code =
            cli_misuse(cli, "wants %s; see declarectl %s --help",
                       *cli->command->arguments == '\0' ? "no argument" : cli->command->arguments, cli->command->name);
        return false;
    }
    *arguments = argv + optind;
    return true;
}

int64_t cli_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

Str cli_who(const char *by) {
    const char *user = getenv("USER");
    if (by != NULL || (user != NULL && *user != '\0')) {
        return str_from(by != NULL ? by : user);
    }
    const struct passwd *login = getpwuid(geteuid());
    return login != NULL ? str_from(login->pw_name) : STR_LIT("unknown");
}
