// `declarectl simulate`: a synthetic night as lines for `declarectl publish`.

#include "services/cli/commands.h"
#include "services/cli/night.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// A first Thursday in May.
#define POLL_DATE_DEFAULT ((CivilDate){2026, 5, 7})

enum { WRITE_BYTES = 1 << 20 };

typedef struct SimulateOptions {
    const char *seed, *councils, *declarations, *reference, *poll_date;
    const char *corrections, *duplicates, *withdrawals, *postponements, *conflicts, *garbage;
    bool is_test;
} SimulateOptions;

static int read_number(const Cli *cli, const char *name, const char *text, int64_t *number) {
    char *end = NULL;
    errno = 0;
    long long value = text == NULL || *text == '\0' ? 0 : strtoll(text, &end, 10);
    if (end == NULL || *end != '\0' || errno != 0 || value < 0) {
        return text == NULL ? cli_misuse(cli, "wants --%s", name) : cli_misuse(cli, "--%s %s is no number", name, text);
    }
    *number = value;
    return CLI_OK;
}

static int read_share(const Cli *cli, const char *name, const char *text, double *share) {
    if (text == NULL) {
        return CLI_OK;
    }
    char *end;
    *share = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(*share) || *share < 0 || *share >= 1) {
        return cli_misuse(cli, "--%s %s is no share: from 0 to less than 1", name, text);
    }
    return CLI_OK;
}

static int read_shares(const Cli *cli, const SimulateOptions *given, NightShares *shares) {
    const struct {
        const char *name, *text;
        double *share;
    } table[] = {
        {"corrections", given->corrections, &shares->corrections},
        {"duplicates", given->duplicates, &shares->duplicates},
        {"withdrawals", given->withdrawals, &shares->withdrawals},
        {"postponements", given->postponements, &shares->postponements},
        {"conflicts", given->conflicts, &shares->conflicts},
        {"garbage", given->garbage, &shares->garbage},
    };
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof table / sizeof table[0] && code == CLI_OK; i++) {
        code = read_share(cli, table[i].name, table[i].text, table[i].share);
    }
    return code;
}

static int read_options(const Cli *cli, const SimulateOptions *given, NightOptions *options) {
    int64_t seed = 0;
    int code = read_number(cli, "seed", given->seed, &seed);
    code = code != CLI_OK ? code : read_number(cli, "councils", given->councils, &options->councils);
    code = code != CLI_OK ? code : read_number(cli, "declarations", given->declarations, &options->declarations);
    code = code != CLI_OK ? code : read_shares(cli, given, &options->shares);
    options->seed = (uint64_t)seed;
    options->is_test = given->is_test;
    options->poll_date = POLL_DATE_DEFAULT;
    if (code == CLI_OK && given->poll_date != NULL &&
        (!civil_parse_date(str_from(given->poll_date), &options->poll_date) || options->poll_date.year < 1970)) {
        code = cli_misuse(cli, "--poll-date %s is no day, YYYY-MM-DD", given->poll_date);
    }
    return code;
}

static bool write_whole(FILE *stream, Buf *bytes) {
    bool good = fwrite(buf_str(bytes).ptr, 1, bytes->len, stream) == bytes->len;
    buf_clear(bytes);
    return good;
}

static int write_reference(const Cli *cli, const Night *night, const char *path) {
    _cleanup_buf_ Buf bytes = {0};
    night_write_reference(night, &bytes);
    FILE *stream = fopen(path, "wb");
    bool good = stream != NULL && write_whole(stream, &bytes);
    good = stream != NULL && fclose(stream) == 0 && good;
    return good ? CLI_OK : cli_fail(cli, "%s cannot be written: %s", path, strerror(errno));
}

static int write_lines(const Cli *cli, const Night *night) {
    _cleanup_buf_ Buf bytes = {0};
    bool good = true;
    for (size_t i = 0; i < night->lines_count && good; i++) {
        night_write_line(night, &night->lines[i], &bytes);
        good = bytes.len < WRITE_BYTES || write_whole(stdout, &bytes);
    }
    good = good && write_whole(stdout, &bytes) && fflush(stdout) == 0;
    return good ? CLI_OK : cli_fail(cli, "standard output cannot be written: %s", strerror(errno));
}

int command_simulate(const Cli *cli, int argc, char **argv) {
    SimulateOptions given = {0};
    const CliOption table[] = {
        {"seed", "N", "the same seed, the same night", &given.seed, NULL},
        {"councils", "N", "how many councils vote", &given.councils, NULL},
        {"declarations", "N", "lines in all; past 120 ballots a council the rest are corrections", &given.declarations,
         NULL},
        {"reference", "OUT", "where to write the reference data", &given.reference, NULL},
        {"corrections", "SHARE", "of the lines, 0 to 1: a new revision of a ballot", &given.corrections, NULL},
        {"duplicates", "SHARE", "the same line again", &given.duplicates, NULL},
        {"withdrawals", "SHARE", "a declaration taken back", &given.withdrawals, NULL},
        {"postponements", "SHARE", "ballots countermanded", &given.postponements, NULL},
        {"conflicts", "SHARE", "the same revision with other votes", &given.conflicts, NULL},
        {"garbage", "SHARE", "records that are no declaration", &given.garbage, NULL},
        {"poll-date", "YYYY-MM-DD", "2026-05-07 unless given", &given.poll_date, NULL},
        {"test", NULL, "mark all declarations as a rehearsal", NULL, &given.is_test},
        {0},
    };
    char **arguments;
    int code;
    if (!cli_parse(cli, table, argc, argv, &arguments, &code)) {
        return code;
    }
    NightOptions options = {0};
    code = read_options(cli, &given, &options);
    if (code == CLI_OK && given.reference == NULL) {
        code = cli_misuse(cli, "wants --reference");
    }
    if (code != CLI_OK) {
        return code;
    }
    const char *error = NULL;
    Night *night = night_new(&options, &error);
    if (night == NULL) {
        return cli_misuse(cli, "%s", error);
    }
    code = write_reference(cli, night, given.reference);
    code = code != CLI_OK ? code : write_lines(cli, night);
    night_free(night);
    return code;
}
