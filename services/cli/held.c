#include "services/cli/held.h"

#include "common/base/vec.h"
#include "common/domain/envelope.h"
#include "services/cli/database.h"
#include "services/cli/held_card.h"
#include "services/validator/decode.h"

#include <stdio.h>
#include <stdlib.h>

enum { CARDS_MAX = 5 };

// clang-format off
#define STANDS "('accepted', 'corroborated', 'superseded')"
// Held records, each with the one that it is to be compared with: of a conflict within its source, that source's record;
// else the one in force.
static const char held_sql[] =
    "SELECT concat(d.topic, ':', d.partition, ':', d.kafka_offset),"
    " concat_ws(', ', c.council_name, coalesce(b.ward_name, d.ballot_paper_id)),"
    " to_char(d.received_at, 'YYYY-MM-DD HH24:MI:SS\"Z\"'), array_to_string(d.reasons, ' '), coalesce(d.detail, ''),"
    " d.payload, coalesce(d.writer_schema, ''), coalesce(o.position, ''), coalesce(o.standing, ''), o.payload,"
    " coalesce(o.writer_schema, ''), coalesce(d.election_id, '')"
    " FROM declaration d"
    " LEFT JOIN council_control c ON c.election_id = d.election_id"
    " LEFT JOIN ballot_result b ON b.election_id = d.election_id AND b.ballot_paper_id = d.ballot_paper_id"
    " LEFT JOIN LATERAL (SELECT concat(x.topic, ':', x.partition, ':', x.kafka_offset) AS position, x.payload,"
    "  x.writer_schema,"
    "  CASE WHEN x.partition = b.partition AND x.kafka_offset = b.kafka_offset THEN 'in force' ELSE x.fate END AS standing"
    "   FROM declaration x WHERE x.election_id = d.election_id AND x.ballot_paper_id = d.ballot_paper_id"
    "    AND (x.lane, x.lane_seq) <> (d.lane, d.lane_seq)"
    "    AND CASE WHEN 'CONFLICTING_REVISION' = ANY (d.reasons) THEN x.source = d.source AND x.revision = d.revision"
    "                  AND x.lane_seq < d.lane_seq AND x.fate NOT IN ('rejected', 'duplicate')"
    "             WHEN 'STALE_REVISION' = ANY (d.reasons) THEN x.source = d.source AND x.revision > d.revision"
    "                  AND x.fate IN " STANDS
    "             ELSE x.partition = b.partition AND x.kafka_offset = b.kafka_offset END"
    "  ORDER BY (x.fate IN " STANDS ") DESC, x.revision DESC, x.lane_seq LIMIT 1) o ON true"
    " WHERE d.fate = 'held' AND ($1::text IS NULL OR concat(d.topic, ':', d.partition, ':', d.kafka_offset) = $1)"
    " ORDER BY d.received_at, d.lane, d.lane_seq";

// The names by which a party_id goes: its own, and for a joint party that of the party it is folded into, as far as
// results show it.
static const char parties_sql[] =
    "WITH named AS (SELECT p ->> 'party_id' AS party_id, p ->> 'short' AS short"
    "  FROM council_control c CROSS JOIN LATERAL jsonb_array_elements(c.seats) p WHERE c.election_id = $1)"
    " SELECT party_id, short FROM named WHERE short IS NOT NULL"
    " UNION SELECT r.party_id, n.short FROM candidate_result r JOIN named n ON n.party_id = r.folded_party_id"
    "  WHERE r.election_id = $1 AND n.short IS NOT NULL";
// clang-format on

enum Column {
    COLUMN_POSITION,
    COLUMN_PLACE,
    COLUMN_RECEIVED_AT,
    COLUMN_REASONS,
    COLUMN_DETAIL,
    COLUMN_PAYLOAD,
    COLUMN_SCHEMA,
    COLUMN_OTHER,
    COLUMN_OTHER_STANDING,
    COLUMN_OTHER_PAYLOAD,
    COLUMN_OTHER_SCHEMA,
    COLUMN_ELECTION,
};

typedef struct Held {
    const Cli *cli;
    PGconn *connection;
    SchemaStore *schemas;
    bool test;
} Held;

static Str field(const PGresult *rows, int row, enum Column column) {
    return str_from(PQgetvalue(rows, row, (int)column));
}

// bytea as text, in the arena.
static Str bytes_of(const Held *held, const char *text) {
    size_t len = 0;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)text, &len);
    Str copy = bytes == NULL ? STR_NONE : arena_copy(held->cli->arena, (Str){(const char *)bytes, len});
    PQfreemem(bytes);
    return copy;
}

// By the schema that its row names. NULL: that cannot be had here.
static const Declaration *read_declaration(Held *held, const PGresult *rows, int row, enum Column payload_column) {
    if (PQgetisnull(rows, row, (int)payload_column)) {
        return NULL;
    }
    Arena *arena = held->cli->arena;
    Str payload = bytes_of(held, PQgetvalue(rows, row, (int)payload_column));
    const char *fingerprint = PQgetvalue(rows, row, (int)payload_column + 1); // writer_schema
    uint64_t number = strtoull(fingerprint, NULL, 16);
    Decoded *decoded = arena_alloc(arena, 1, sizeof *decoded);
    DecodeStatus status = decode_payload_as(held->schemas, number, payload, arena, decoded);
    if (status == DECODE_SCHEMA_WANTED) {
        const char *values[] = {fingerprint, NULL};
        Str ignored;
        _cleanup_result_ PGresult *schema = database_query(
            held->cli, held->connection, "SELECT schema FROM writer_schema WHERE fingerprint = $1", values, &ignored);
        if (schema != NULL && PQntuples(schema) == 1) {
            Str json = arena_copy(arena, str_from(PQgetvalue(schema, 0, 0)));
            schema_store_add_named(held->schemas, number, json);
            status = decode_payload_as(held->schemas, number, payload, arena, decoded);
        }
    }
    return status == DECODE_OK && decoded->record.type == RECORD_DECLARATION ? &decoded->record.declaration : NULL;
}

static RuleSet read_reasons(Str text) {
    RuleSet set = 0;
    for (size_t from = 0; from < text.len;) {
        const char *space = memchr(text.ptr + from, ' ', text.len - from);
        size_t to = space == NULL ? text.len : (size_t)(space - text.ptr);
        Rule rule;
        set |= rule_from_code(str_slice(text, from, to), &rule) ? RULE_BIT(rule) : 0;
        from = to + 1;
    }
    return set;
}

// False: the query failed, said in `error`.
static bool read_parties(const Held *held, const char *election, HeldCard *card, Str *error) {
    const char *values[] = {election, NULL};
    _cleanup_result_ PGresult *rows = database_query(held->cli, held->connection, parties_sql, values, error);
    if (rows == NULL) {
        return false;
    }
    Arena *arena = held->cli->arena;
    size_t count = (size_t)PQntuples(rows);
    CardParty *parties = arena_alloc(arena, count, sizeof *parties);
    for (size_t i = 0; i < count; i++) {
        parties[i] = (CardParty){arena_copy(arena, str_from(PQgetvalue(rows, (int)i, 0))),
                                 arena_copy(arena, str_from(PQgetvalue(rows, (int)i, 1)))};
    }
    card->parties = parties;
    card->parties_count = count;
    return true;
}

static bool show_card(Held *held, const PGresult *rows, int row, Str *error) {
    HeldCard card = {
        .place = field(rows, row, COLUMN_PLACE),
        .received_at = field(rows, row, COLUMN_RECEIVED_AT),
        .reasons = read_reasons(field(rows, row, COLUMN_REASONS)),
        .detail = field(rows, row, COLUMN_DETAIL),
        .held = {field(rows, row, COLUMN_POSITION), STR_LIT("HELD"), read_declaration(held, rows, row, COLUMN_PAYLOAD)},
        .other = {field(rows, row, COLUMN_OTHER), field(rows, row, COLUMN_OTHER_STANDING),
                  read_declaration(held, rows, row, COLUMN_OTHER_PAYLOAD)},
        .is_test = held->test,
    };
    if (!read_parties(held, PQgetvalue(rows, row, COLUMN_ELECTION), &card, error)) {
        return false;
    }
    _cleanup_buf_ Buf text = {0};
    held_card_write(&card, &text);
    fwrite(text.ptr, 1, text.len, stdout);
    return true;
}

// The cards of the held records, at most `max`: with more there is a line instead. -1: failed; else how many are held.
static int show_cards(Held *held, const char *position, int max, Str *error) {
    const char *values[] = {position, NULL};
    _cleanup_result_ PGresult *rows = database_query(held->cli, held->connection, held_sql, values, error);
    if (rows == NULL) {
        return -1;
    }
    int count = PQntuples(rows);
    for (int row = 0; count <= max && row < count; row++) {
        if (*position == '\0') {
            printf("\n");
        }
        if (!show_card(held, rows, row, error)) {
            return -1;
        }
    }
    if (count > max) {
        printf("\ndeclarectl held POSITION shows one of them beside what it conflicts with, and how to decide\n");
    }
    return count;
}

static bool show_calls(const Held *held, Str *error) {
    _cleanup_result_ PGresult *rows = database_query(held->cli, held->connection, HELD_CALLS, NULL, error);
    for (int row = 0; rows != NULL && row < PQntuples(rows); row++) {
        printf("%s%s: certain since %s, waits for approval\n", row == 0 ? "\n" : "", PQgetvalue(rows, row, 2),
               PQgetvalue(rows, row, 3));
        printf("  declarectl approve %s --by NAME --note 'WHY'\n      headline and flash go out\n",
               PQgetvalue(rows, row, 1));
    }
    return rows != NULL;
}

static bool open_desk(Held *held, Str *error) {
    held->connection = database_open(held->cli, error);
    held->schemas = schema_store_new();
    return held->connection != NULL && database_use_views(held->cli, held->connection, held->test, error);
}

static void close_desk(Held *held) {
    PQfinish(held->connection);
    schema_store_free(held->schemas);
}

int held_show_one(const Cli *cli, bool test, const char *position) {
    Held held = {.cli = cli, .test = test};
    Str error = STR_NONE;
    const char *colon = strchr(position, ':');
    bool short_form = colon != NULL && strchr(colon + 1, ':') == NULL;
    Str whole = arena_printf(cli->arena, "%s%s", short_form ? TOPIC_DECLARATIONS ":" : "", position);
    int count = open_desk(&held, &error) ? show_cards(&held, whole.ptr, 1, &error) : -1;
    close_desk(&held);
    if (count < 0) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    return count > 0 ? CLI_OK
                     : cli_fail(cli, STR_FMT " is not held%s", STR_ARG(whole), test ? "" : " (--test: rehearsals)");
}

int held_show_some(const Cli *cli, bool test) {
    Held held = {.cli = cli, .test = test};
    Str error = STR_NONE;
    bool good = open_desk(&held, &error) && show_cards(&held, "", CARDS_MAX, &error) >= 0 && show_calls(&held, &error);
    close_desk(&held);
    return good ? CLI_OK : cli_fail(cli, STR_FMT, STR_ARG(error));
}
