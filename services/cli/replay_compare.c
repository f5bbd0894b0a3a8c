// After a replay: the ledger's database and the new one, table by table, as two sorted streams.
#include "services/cli/audit_compare.h"
#include "services/cli/replay.h"

#include <inttypes.h>

enum { KEYS_MAX = 4 };

typedef struct Comparison {
    const Table *table;
    const char *rows;           // FROM and what follows
    const char *keys[KEYS_MAX]; // also the order, text as bytes
    bool content_alone;         // of a snapshot: what it says, not when and why
} Comparison;

static const Comparison of_ledger[] = {
    {&table_ledger, "FROM declared.ledger t", {"lane", "lane_seq"}, false},
    {&table_fate_change, "FROM declared.fate_change t", {"lane", "lane_seq", "trigger_lane_seq", "n"}, false},
    {&table_election, "FROM declared.election t", {"election_id", "lane_seq"}, false},
    {&table_snapshot, "FROM declared.snapshot t", {"election_id", "is_test", "seq"}, false},
    {&table_ballot, "FROM declared.ballot t", {"election_id", "is_test", "ballot_paper_id", "lane_seq"}, false},
    {&table_flash, "FROM declared.flash t", {"flash_id", "is_test"}, false},
};
static const Comparison of_topics[] = {
    {&table_ledger, "FROM declared.ledger t", {"lane", "topic", "kafka_offset"}, false},
    {&table_snapshot,
     "FROM (SELECT DISTINCT ON (election_id, is_test) * FROM declared.snapshot_told"
     " ORDER BY election_id, is_test, seq DESC) t",
     {"election_id", "is_test"},
     true},
};

// Why a column may differ when the replay is from topics.
static const struct {
    const char *columns, *why;
} reasons[] = {
    {" lane_seq ", "rows are in the order of Kafka's times, which need not be that of their arrival"},
    {" received_at ", "from topics it is Kafka's time of the record"},
    {" rules_version ", "all records were judged by the settings of today"},
    {" prev_hash entry_hash ", "they cover the columns that differ"},
    {" fate reasons detail election_id ballot_paper_id is_test ",
     "by other rules, or in another order: of records in conflict the first stands, an action may come early"},
};

typedef struct Difference {
    int64_t rows;
    Str example;
} Difference;

typedef struct Comparer {
    const Comparison *comparison;
    bool from_topics;
    Stream ledger, replay;
    int64_t same, differing, only_ledger, only_replay;
    Str only_example;
    Difference columns[TUPLE_FIELDS_MAX];
    bool explained, judged_otherwise;
    Arena *arena; // the command's, for examples
} Comparer;

static const char *find_reason(const Comparer *c, const char *column) {
    char word[64];
    snprintf(word, sizeof word, " %s ", column);
    for (size_t i = 0; c->from_topics && i < sizeof reasons / sizeof *reasons; i++) {
        if (c->comparison->table == &table_ledger && strstr(reasons[i].columns, word) != NULL) {
            return reasons[i].why;
        }
    }
    return c->from_topics && c->comparison->table == &table_snapshot && c->judged_otherwise
               ? "records were judged otherwise"
               : NULL;
}

static bool open_stream(const Comparer *c, Stream *stream, const Cli *cli) {
    const Table *table = c->comparison->table;
    _cleanup_buf_ Buf sql = {0};
    for (size_t i = 0; i < table->columns_count; i++) {
        buf_printf(&sql, "%s t.%s%s", i == 0 ? "SELECT" : ",", table->columns[i].name,
                   table->columns[i].type == COLUMN_JSON ? "::json" : "");
    }
    buf_printf(&sql, " %s ORDER BY", c->comparison->rows);
    for (size_t i = 0; i < KEYS_MAX && c->comparison->keys[i] != NULL; i++) {
        bool text = table->columns[table_find_column(table, c->comparison->keys[i])].type == COLUMN_TEXT;
        buf_printf(&sql, "%s t.%s%s", i == 0 ? "" : ",", c->comparison->keys[i], text ? " COLLATE \"C\"" : "");
    }
    buf_add_byte(&sql, 0);
    return stream_open(stream, cli, sql.ptr);
}

static void note_differences(Comparer *c, const Str *ledger, const Str *replay) {
    const Table *table = c->comparison->table;
    Arena arena = {0};
    int64_t found = 0;
    for (size_t i = 0; i < table->columns_count; i++) {
        // One column at a time, by a table that has only it.
        const Table one = {table->name, &table->columns[i], 1};
        if ((c->comparison->content_alone && !table->columns[i].content) ||
            row_find_difference(&one, &ledger[i], &replay[i]) == 1) {
            continue;
        }
        found++;
        if (c->columns[i].rows++ == 0) {
            Str name = row_tell_name(table, ledger, &arena);
            Values values = row_tell_values(table, i, ledger, replay, &arena);
            c->columns[i].example =
                arena_printf(c->arena, STR_FMT ": " STR_FMT ": " STR_FMT " in the ledger's, " STR_FMT " in the replay",
                             STR_ARG(name), STR_ARG(values.place), STR_ARG(values.left), STR_ARG(values.right));
        }
    }
    c->same += found == 0;
    c->differing += found > 0;
    arena_free(&arena);
}

static bool compare_streams(Comparer *c) {
    const Table *table = c->comparison->table;
    int keys[KEYS_MAX + 1] = {-1, -1, -1, -1, -1};
    for (size_t i = 0; i < KEYS_MAX && c->comparison->keys[i] != NULL; i++) {
        keys[i] = (int)table_find_column(table, c->comparison->keys[i]);
    }
    bool good = true;
    while (good && (c->ledger.has_row || c->replay.has_row)) {
        const Str *ledger = c->ledger.row.fields, *replay = c->replay.row.fields;
        int order = !c->ledger.has_row ? 1 : !c->replay.has_row ? -1 : row_compare_keys(keys, ledger, replay);
        if (order == 0) {
            note_differences(c, ledger, replay);
        } else if (str_is_none(c->only_example)) {
            c->only_example = row_tell_name(table, order < 0 ? ledger : replay, c->arena);
        }
        c->only_ledger += order < 0;
        c->only_replay += order > 0;
        good = (order > 0 || stream_next(&c->ledger)) && (order < 0 || stream_next(&c->replay));
    }
    return good;
}

static void report(Comparer *c) {
    const Table *table = c->comparison->table;
    printf("%s: %" PRId64 " rows are the same%s", table->name, c->same,
           c->comparison->content_alone ? " (the newest of each election, by what they say)" : "");
    if (c->differing > 0) {
        printf(", %" PRId64 " differ", c->differing);
    }
    printf("\n");
    if (c->only_ledger + c->only_replay > 0) {
        c->explained = false;
        printf("  %" PRId64 " rows are only in the ledger's database, %" PRId64
               " only in the replay; the first: " STR_FMT "\n",
               c->only_ledger, c->only_replay, STR_ARG(c->only_example));
    }
    for (size_t i = 0; i < table->columns_count; i++) {
        const Difference *difference = &c->columns[i];
        if (difference->rows == 0) {
            continue;
        }
        const char *why = find_reason(c, table->columns[i].name);
        c->explained = c->explained && why != NULL;
        printf("  %s differs in %" PRId64 ": %s\n    " STR_FMT "\n", table->columns[i].name, difference->rows,
               why == NULL ? "nothing explains that, see declarectl audit verify" : why, STR_ARG(difference->example));
        c->judged_otherwise = c->judged_otherwise || strcmp(table->columns[i].name, "fate") == 0 ||
                              strcmp(table->columns[i].name, "rules_version") == 0;
    }
}

static bool compare_tables(Comparer *c, const Cli *ledger, const Cli *replay, Str *error) {
    bool good = open_stream(c, &c->ledger, ledger) && open_stream(c, &c->replay, replay) && compare_streams(c);
    if (!good) {
        *error = str_is_none(c->ledger.error) ? c->replay.error : c->ledger.error;
        return false;
    }
    report(c);
    return true;
}

bool replay_compare(const Cli *ledger, const Cli *replay, bool from_topics, bool *explained, Str *error) {
    size_t count = from_topics ? sizeof of_topics / sizeof *of_topics : sizeof of_ledger / sizeof *of_ledger;
    Comparer before = {.explained = true};
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        Comparer c = {
            .comparison = from_topics ? &of_topics[i] : &of_ledger[i],
            .from_topics = from_topics,
            .ledger = before.ledger, // the connections go on from table to table
            .replay = before.replay,
            .explained = before.explained,
            .judged_otherwise = before.judged_otherwise,
            .arena = ledger->arena,
        };
        good = compare_tables(&c, ledger, replay, error);
        before = c;
    }
    stream_close(&before.ledger);
    stream_close(&before.replay);
    *explained = before.explained;
    return good;
}
