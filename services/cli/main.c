// `declarectl`: finds the command's row, reads the settings if it wants them, runs it.
#include "common/domain/rule_settings.h"
#include "services/cli/commands.h"

#include <stdlib.h>

extern char **environ;

static const char publish_details[] =
    "A line is a WardDeclaration: field names of the schema, plain values, times as RFC 3339 or\n"
    "milliseconds; what has a default may be left out, and a missing event_id is made from the line.\n"
    "A line {\"key\", \"value_base64\"} is sent as it is. A file is checked whole before the first line\n"
    "is sent; - reads standard input and sends line by line. Exit 0: Kafka has acknowledged every one.";
static const char desk_details[] =
    "POSITION is PARTITION:OFFSET of a declaration (see declarectl held), or TOPIC:PARTITION:OFFSET.\n"
    "The decision goes to desk-events and takes effect once the daemon has applied it.";

static const char held_details[] =
    "Lists the declarations that are held and the calls that wait for their approval. Up to 5 held ones are\n"
    "shown whole, each beside what it conflicts with or what is in force, differences marked by *, with the\n"
    "commands that decide; with POSITION (PARTITION:OFFSET, or TOPIC:PARTITION:OFFSET) that one alone.";

static const char audit_verify_details[] =
    "Recomputes the hash chain of every lane, applies the ledger's rows again, each by the rules and the\n"
    "writer schema that it names and at the moment when it was received, and compares all that they\n"
    "caused with what the database holds: fates, fate changes, reference data, snapshots with their facts,\n"
    "ballots, flashes. Exit 1 names the first row that differs, is missing, or is one too many. A lane's\n"
    "line is printed when it is done: --lane N- goes on after an interruption. It wants a login that may\n"
    "read schema declared, and disturbs no daemon.";
static const char audit_seal_details[] =
    "Signs where every lane of the ledger stands. Who keeps the file can prove with audit verify --seal that\n"
    "nothing which stood then was changed. The keys are made by\n"
    "  openssl genpkey -algorithm ed25519 -out seal.key\n"
    "  openssl pkey -in seal.key -pubout -out seal.pub\n"
    "What is signed are these lines, each ended by a newline; the file has the same values as JSON:\n"
    "  declared seal 1\n"
    "  sealed_at MOMENT\n"
    "  lane LANE LANE_SEQ HEAD_HASH RECEIVED_AT   for each lane, ascending\n"
    "  rules VERSION SHA256                       for each row of declared.rules, ascending: of settings\n"
    "  writer_schema FINGERPRINT SHA256           for each row of declared.writer_schema: of schema";
static const char audit_export_details[] =
    "JSON lines on standard output; \"type\" says what a line is: export (the first), rules and writer_schema\n"
    "(what rows name), row (a ledger row of the election, or of an action on one of its records), link (any\n"
    "other row of the same lane: its hashes alone), action (what an operator's action says, behind its row),\n"
    "fate_change, election, snapshot, ballot, flash (rows of those tables), end (the last: how many lines\n"
    "stand before it).\n"
    "In a row every column is a string in the form in which it is hashed, or null; key and payload, which\n"
    "are hashed as they are, are in base64, prev_hash and entry_hash in hex. Within a lane the first\n"
    "prev_hash is 32 zero bytes, each other the entry_hash before it. entry_hash is SHA-256 over the 32 bytes\n"
    "of prev_hash and, for each column from lane to received_at in the order of the line, 1 byte (0: a value\n"
    "follows, 1: null), its length in 4 bytes, big-endian (0 for null), and the value.";
static const char replay_details[] =
    "Applies every record again by the code of the daemon, into another database, compares the two and says\n"
    "where they differ and why they may; exit 1 if something differs that nothing explains.\n"
    "From the ledger every row is made again as it was, hashes and all, and nothing may differ. From the\n"
    "topics a record is taken to have been received at its Kafka time, both topics of a lane in the order of\n"
    "these times, and judged by the settings of today; then what was received when is Kafka's word, and so\n"
    "hashes and moments differ. A daemon may go on with the new database: after a replay from the topics it\n"
    "sends all snapshots and rejections once more.";

static const char schema_check_details[] =
    "FILE is an Avro schema, a version of one of schemas/avro: the record's name says of which. It may be\n"
    "published if, by Avro's rules of resolution, what is there reads all data written with it, and it\n"
    "reads all data that is there: else today's daemons would reject records, or tomorrow's could not\n"
    "replay the ledger. Both answers are printed, with the field and what is in the way; exit 1 if one\n"
    "of them is no. A daemon accepts more than the first asks for: it reads each record that holds nothing\n"
    "but what it knows.";

static const CliCommand commands[] = {
    {"migrate", "", 0, 0, true, command_migrate, "Brings the database's schema up to date", NULL},
    {"reference load", "FILE", 1, 1, true, command_reference_load, "Checks a file of reference data and publishes it",
     NULL},
    {"reference check", "FILE", 1, 1, false, command_reference_check, "Checks a file of reference data", NULL},
    {"publish", "FILE|-", 1, 1, true, command_publish, "Publishes declarations, one a line", publish_details},
    {"import", "FORMAT FILE...", 2, 10000, true, command_import, "Turns results of other formats into declarations",
     NULL},
    {"simulate", "", 0, 0, true, command_simulate, "Writes a made-up night", NULL},
    {"status", "[ELECTION]", 0, 1, true, command_status, "Shows who controls each council", NULL},
    {"watch", "[ELECTION]", 0, 1, true, command_watch, "Shows the night as it falls", NULL},
    {"history", "ELECTION", 1, 1, true, command_history, "Shows every snapshot of an election", NULL},
    {"as-of", "TIME [ELECTION]", 1, 2, true, command_as_of, "Shows what the status was at a recorded moment", NULL},
    {"held", "[POSITION]", 0, 1, true, command_held, "Shows what waits for the desk, and how to decide it", held_details},
    {"release", "POSITION", 1, 1, true, command_release, "Lets a held or rejected record stand", desk_details},
    {"reject", "POSITION", 1, 1, true, command_reject, "Rejects a held or accepted record", desk_details},
    {"approve", "POSITION", 1, 1, true, command_approve, "Approves the call that a record caused", desk_details},
    {"audit verify", "", 0, 0, true, command_audit_verify, "Proves that the ledger and all that follows from it are whole",
     audit_verify_details},
    {"audit seal", "", 0, 0, true, command_audit_seal, "Signs where the ledger stands", audit_seal_details},
    {"audit export", "ELECTION", 1, 1, true, command_audit_export, "Writes an election's full history, for others to check",
     audit_export_details},
    {"replay", "", 0, 0, true, command_replay, "Makes the whole database anew, from the ledger or the topics", replay_details},
    {"schema check", "FILE", 1, 1, false, command_schema_check, "Says whether a new version of a schema may be published",
     schema_check_details},
    {"config sample", "", 0, 0, false, command_config_sample, "Prints the settings as a file", NULL},
};

enum { COMMANDS_COUNT = sizeof commands / sizeof *commands, SETS_MAX = 64 };

int command_config_sample(const Cli *cli, int argc, char **argv) {
    static const CliOption options[] = {{0}};
    char **arguments;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    _cleanup_buf_ Buf sample = {0};
    config_write_sample(&sample);
    rule_settings_write_sample(&sample);
    fwrite(sample.ptr, 1, sample.len, stdout);
    return CLI_OK;
}

static void print_commands(FILE *out) {
    fprintf(out, "Usage: declarectl COMMAND [OPTION...] [ARGUMENT...]\n\n");
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        fprintf(out, "  %-16s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\ndeclarectl COMMAND --help tells more; declarectl --version, which one this is.\n");
}

// --config and --set may stand anywhere; they are taken out of argv. False: an argument is missing.
static bool take_settings(int *argc, char **argv, ConfigSources *sources, char **sets) {
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        char *word = argv[i];
        bool config = strncmp(word, "--config", 8) == 0 && (word[8] == '\0' || word[8] == '=');
        bool set = strncmp(word, "--set", 5) == 0 && (word[5] == '\0' || word[5] == '=');
        if (!config && !set) {
            argv[kept++] = word;
            continue;
        }
        char *equals = strchr(word, '=');
        char *value = equals != NULL ? equals + 1 : argv[++i];
        if (value == NULL || (set && sources->sets_count == SETS_MAX)) {
            return false;
        }
        if (config) {
            sources->file = value;
        } else {
            sets[sources->sets_count++] = value;
        }
    }
    argv[kept] = NULL;
    *argc = kept;
    return true;
}

// The row, and how many words its name has; NULL: none.
static const CliCommand *find_command(int argc, char **argv, int *words) {
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        const char *name = commands[i].name, *space = strchr(name, ' ');
        size_t first = space == NULL ? strlen(name) : (size_t)(space - name);
        if (strncmp(argv[1], name, first) != 0 || argv[1][first] != '\0') {
            continue;
        }
        if (space == NULL || (argc > 2 && strcmp(argv[2], space + 1) == 0)) {
            *words = space == NULL ? 1 : 2;
            return &commands[i];
        }
    }
    return NULL;
}

static bool asks_for_help(char **argv) {
    for (; *argv != NULL; argv++) {
        if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int run_command(const CliCommand *command, int argc, char **argv, const ConfigSources *sources, char **sets) {
    Arena arena = {0};
    Str error = STR_NONE;
    Cli cli = {.command = command, .arena = &arena};
    Config *config = NULL;
    if (command->uses_config && !asks_for_help(argv)) {
        cli.config = config = config_load(sources, &arena, &error);
    }
    for (size_t i = 0; i < sources->sets_count; i++) {
        config_hide(sets[i]);
    }
    argv[0] = (char *)arena_printf(&arena, "declarectl %s", command->name).ptr; // what getopt calls us
    int code = str_is_none(error) ? command->run(&cli, argc, argv) : cli_fail(&cli, STR_FMT, STR_ARG(error));
    if (code == CLI_OK && (fflush(stdout) != 0 || ferror(stdout))) {
        code = cli_fail(&cli, "standard output cannot be written");
    }
    config_free(config);
    arena_free(&arena);
    return code;
}

int main(int argc, char **argv) {
    char *sets[SETS_MAX];
    ConfigSources sources = {.environment = environ, .sets = (const char *const *)sets};
    if (!take_settings(&argc, argv, &sources, sets)) {
        fprintf(stderr, "declarectl: --config wants a file, --set wants SECTION.KEY=VALUE\n");
        return CLI_MISUSED;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("declarectl " DECLARED_VERSION "\n");
        return CLI_OK;
    }
    if (argc > 1 && (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_commands(stdout);
        return CLI_OK;
    }
    int words = 0;
    const CliCommand *command = argc > 1 ? find_command(argc, argv, &words) : NULL;
    if (command == NULL) {
        fprintf(stderr, "declarectl: %s%s; see declarectl help\n", argc > 1 ? "no such command: " : "which command?",
                argc > 1 ? argv[1] : "");
        return CLI_MISUSED;
    }
    return run_command(command, argc - words, argv + words, &sources, sets);
}
