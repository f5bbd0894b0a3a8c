#include "services/cli/audit_replayer.h"

#include "services/aggregator/rules_json.h"
#include "services/cli/audit_compare.h"
#include "services/cli/database.h"
#include "services/validator/framing.h"
#include "services/validator/schema.h"

#include <inttypes.h>
#include <stdlib.h>

#define POSTGRES_EPOCH_US INT64_C(946684800000000) // 2000-01-01

enum { SETTLE_EVERY = 256, CONFLUENT_HEAD_BYTES = 5 };

// A schema that rows name by its fingerprint; known to the store of schemas under an id of our own.
typedef struct WriterSchema {
    Str fingerprint; // 16 hex digits
    Str json;
    int32_t id;
} WriterSchema;

// A lane that has reference data for an election in force; a list.
typedef struct Keeper {
    int32_t lane;
    struct Keeper *next;
} Keeper;

struct Replayer {
    const Cli *cli;
    PGconn *connection;
    SchemaStore *schemas;
    VEC(RuleBook *) rules;
    VEC(WriterSchema) writers;
    Map keepers_of; // election id -> Keeper
    Buf reload_sql;
    Effects unwanted; // of rows that are applied anew
    Arena scratch;    // of the same
    Arena memory;
    int unsettled;
};

// What the rows refer to.

static void add_ledger_columns(Buf *sql) {
    for (size_t i = 0; i < table_ledger.columns_count; i++) {
        buf_printf(sql, "%sl.%s", i == 0 ? "" : ", ", table_ledger.columns[i].name);
    }
}

static bool add_rules(Replayer *replayer, const PGresult *result, int row, Str *error) {
    Str settings = {PQgetvalue(result, row, 1), (size_t)PQgetlength(result, row, 1)};
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256(settings.ptr, settings.len, digest);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    const char *version = PQgetvalue(result, row, 0);
    if (strcmp(hex, PQgetvalue(result, row, 2)) != 0) {
        *error = arena_printf(replayer->cli->arena, "rules, version %s: digest is not that of its settings", version);
        return false;
    }
    RuleBook *book = arena_alloc(&replayer->memory, 1, sizeof *book);
    if (!rules_from_json(settings, &replayer->memory, book)) {
        *error = arena_printf(replayer->cli->arena, "rules, version %s: its settings cannot be read", version);
        return false;
    }
    book->version = (int32_t)strtol(version, NULL, 10);
    *vec_push(&replayer->rules) = book;
    return true;
}

static bool load_rules(Replayer *replayer, Str *error) {
    _cleanup_result_ PGresult *result = database_query(
        replayer->cli, replayer->connection,
        "SELECT version, settings, encode(digest, 'hex') FROM declared.rules ORDER BY version", NULL, error);
    for (int row = 0; result != NULL && row < PQntuples(result); row++) {
        if (!add_rules(replayer, result, row, error)) {
            return false;
        }
    }
    return result != NULL;
}

static bool is_fingerprint_of(Str fingerprint, Str json) {
    Arena arena = {0};
    Schema schema;
    Str error;
    bool same = false;
    if (schema_parse(&schema, json, &arena, &error)) {
        char hex[17];
        snprintf(hex, sizeof hex, "%016" PRIx64, schema_fingerprint(schema.root));
        same = str_equal_text(fingerprint, hex);
        schema_clear(&schema);
    }
    arena_free(&arena);
    return same;
}

static bool load_writers(Replayer *replayer, Str *error) {
    _cleanup_result_ PGresult *result =
        database_query(replayer->cli, replayer->connection,
                       "SELECT fingerprint, schema FROM declared.writer_schema ORDER BY fingerprint", NULL, error);
    for (int row = 0; result != NULL && row < PQntuples(result); row++) {
        WriterSchema writer = {
            .fingerprint = arena_copy(&replayer->memory, str_from(PQgetvalue(result, row, 0))),
            .json = arena_copy(&replayer->memory, str_from(PQgetvalue(result, row, 1))),
            .id = INT32_MAX - row, // far from those of a registry, which count from 1
        };
        if (!is_fingerprint_of(writer.fingerprint, writer.json)) {
            *error =
                arena_printf(replayer->cli->arena, "writer_schema, fingerprint " STR_FMT ": its schema has another",
                             STR_ARG(writer.fingerprint));
            return false;
        }
        *vec_push(&replayer->writers) = writer;
    }
    return result != NULL;
}

static void add_keeper(Replayer *replayer, Str election_id, int32_t lane) {
    Keeper *keeper = arena_alloc(&replayer->memory, 1, sizeof *keeper);
    *keeper = (Keeper){lane, map_get(&replayer->keepers_of, election_id)};
    map_put(&replayer->keepers_of, keeper->next == NULL ? arena_copy(&replayer->memory, election_id) : election_id,
            keeper);
}

static bool load_keepers(Replayer *replayer, Str *error) {
    _cleanup_result_ PGresult *result = database_query(
        replayer->cli, replayer->connection, "SELECT DISTINCT election_id, lane FROM declared.election", NULL, error);
    for (int row = 0; result != NULL && row < PQntuples(result); row++) {
        add_keeper(replayer, str_from(PQgetvalue(result, row, 0)),
                   (int32_t)strtol(PQgetvalue(result, row, 1), NULL, 10));
    }
    return result != NULL;
}

// All rows of an election up to a moment of its lane, the actions included that came before their record.
static void prepare_reload(Replayer *replayer) {
    Buf *sql = &replayer->reload_sql;
    buf_add_str(sql, STR_LIT("SELECT "));
    add_ledger_columns(sql);
    buf_add_str(sql, STR_LIT(" FROM declared.ledger l WHERE l.lane = $1 AND l.election_id = $2 AND l.lane_seq <= $3 "
                             "UNION ALL SELECT "));
    add_ledger_columns(sql);
    buf_add_str(sql, STR_LIT(" FROM declared.fate_change c JOIN declared.ledger l USING (lane, lane_seq) "
                             "WHERE c.lane = $1 AND c.election_id = $2 AND c.trigger_lane_seq <= $3 "
                             "AND l.election_id IS NULL ORDER BY lane_seq"));
    buf_add_byte(sql, 0);
}

Replayer *replayer_new(const Cli *cli, PGconn *connection, Str *error) {
    Replayer *replayer = mem_alloc(1, sizeof *replayer);
    replayer->cli = cli;
    replayer->connection = connection;
    replayer->schemas = schema_store_new();
    prepare_reload(replayer);
    if (connection != NULL &&
        (!load_rules(replayer, error) || !load_writers(replayer, error) || !load_keepers(replayer, error))) {
        replayer_free(replayer);
        return NULL;
    }
    return replayer;
}

void replayer_free(Replayer *replayer) {
    if (replayer == NULL) {
        return;
    }
    schema_store_free(replayer->schemas);
    vec_free(&replayer->rules);
    vec_free(&replayer->writers);
    map_free(&replayer->keepers_of);
    buf_free(&replayer->reload_sql);
    effects_free(&replayer->unwanted);
    arena_free(&replayer->scratch);
    arena_free(&replayer->memory);
    mem_free(replayer);
}

// Rows.

void ledger_add_query(Buf *sql, int32_t lane, int64_t from, int64_t to) {
    buf_add_str(sql, STR_LIT("SELECT "));
    add_ledger_columns(sql);
    buf_printf(sql,
               " FROM declared.ledger l WHERE l.lane = %" PRId32 " AND l.lane_seq BETWEEN %" PRId64 " AND %" PRId64
               " ORDER BY l.lane_seq",
               lane, from, to);
}

// text[] as row_add_tuple writes it, which is checked by writing it again.
static void read_rules(Str field, RuleSet *rules) {
    *rules = 0;
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        Str code = rule_code((Rule)rule);
        const char *at = memmem(field.ptr, field.len, code.ptr, code.len);
        // Behind its length, and so not a part of another code.
        if (at != NULL && at - field.ptr >= 4 && (uint8_t)at[-1] == code.len && at[-2] == 0) {
            *rules |= RULE_BIT(rule);
        }
    }
}

static void read_value(const Column *column, Str field, void *place, const Tuple *tuple, size_t i) {
    bool none = str_is_none(field);
    switch (column->type) {
    case COLUMN_TEXT:
    case COLUMN_BYTES:
        *(Str *)place = field;
        break;
    case COLUMN_INT:
        *(int32_t *)place = tuple_int4(tuple, i);
        break;
    case COLUMN_BIGINT:
        *(int64_t *)place = tuple_int8(tuple, i);
        break;
    case COLUMN_MAYBE_INT:
        *(MaybeInt *)place = none ? (MaybeInt){0} : (MaybeInt){true, tuple_int4(tuple, i)};
        break;
    case COLUMN_TRILEAN:
        *(Trilean *)place = none ? TRILEAN_UNKNOWN : tuple_bool(tuple, i) ? TRILEAN_TRUE : TRILEAN_FALSE;
        break;
    case COLUMN_TIME:
        *(int64_t *)place = none ? TIME_NONE : (int64_t)((uint64_t)tuple_int8(tuple, i) + (uint64_t)POSTGRES_EPOCH_US);
        break;
    case COLUMN_UUID:
        if (!none && field.len == sizeof((MaybeUuid *)place)->bytes) {
            ((MaybeUuid *)place)->known = true;
            memcpy(((MaybeUuid *)place)->bytes, field.ptr, field.len);
        }
        break;
    case COLUMN_RULES:
        read_rules(field, place);
        break;
    case COLUMN_HASH:
        memcpy(place, field.ptr, field.len < SHA256_BYTES ? field.len : SHA256_BYTES);
        break;
    case COLUMN_JSON:
    case COLUMN_COUNT:
    case COLUMN_BOOL:
    case COLUMN_DATE:
        break; // the ledger has no such column
    }
}

bool ledger_row_read(const Tuple *tuple, LedgerRow *row, const char **column) {
    *row = (LedgerRow){0};
    for (size_t i = 0; i < table_ledger.columns_count; i++) {
        const Column *c = &table_ledger.columns[i];
        read_value(c, tuple->fields[i], (char *)row + c->offset, tuple, i);
    }
    // What does not come out as it went in has no form in a row of ours.
    _cleanup_buf_ Buf bytes = {0};
    Tuple again;
    row_add_tuple(&table_ledger, row, &bytes);
    tuple_read(buf_str(&bytes), &again);
    size_t differs = row_find_difference(&table_ledger, tuple->fields, again.fields);
    *column = differs < table_ledger.columns_count ? table_ledger.columns[differs].name : NULL;
    return *column == NULL;
}

// Decoding.

static const WriterSchema *find_writer(const Replayer *replayer, Str fingerprint) {
    for (size_t i = 0; i < replayer->writers.count; i++) {
        if (str_equal(replayer->writers.items[i].fingerprint, fingerprint)) {
            return &replayer->writers.items[i];
        }
    }
    return NULL;
}

// The datum as if the row's writer schema had our own id for it: what the row's framing names may be
// another schema by now, or none.
static void decode_as(Replayer *replayer, const WriterSchema *writer, Str payload, Arena *arena, Decoded *decoded) {
    size_t datum = framing_read(payload).datum, len = payload.len - datum;
    char *bytes = arena_alloc(arena, CONFLUENT_HEAD_BYTES + len, 1);
    for (size_t i = 1; i < CONFLUENT_HEAD_BYTES; i++) {
        bytes[i] = (char)((uint32_t)writer->id >> (8 * (CONFLUENT_HEAD_BYTES - 1 - i)));
    }
    memcpy(bytes + CONFLUENT_HEAD_BYTES, payload.ptr + datum, len);
    Str framed = {bytes, CONFLUENT_HEAD_BYTES + len};
    int32_t wanted;
    Str error;
    if (decode_payload(replayer->schemas, framed, arena, decoded, &wanted) == DECODE_SCHEMA_WANTED) {
        schema_store_add(replayer->schemas, writer->id, writer->json, arena, &error);
        decode_payload(replayer->schemas, framed, arena, decoded, &wanted);
    }
}

// A registry's word on an id: the row names no schema, so its own reason and detail are what remains.
static void take_registry_word(const LedgerRow *row, Decoded *decoded) {
    decoded->rule = row->reasons == RULE_BIT(RULE_BAD_AVRO) ? RULE_BAD_AVRO : RULE_UNKNOWN_SCHEMA;
    decoded->detail = row->detail;
}

static bool decode_row(Replayer *replayer, const LedgerRow *row, Arena *arena, Decoded *decoded, Str *problem) {
    int32_t wanted;
    char named[17] = "";
    DecodeStatus status = decode_payload(replayer->schemas, row->payload, arena, decoded, &wanted);
    if (decoded->writer_schema != 0) {
        snprintf(named, sizeof named, "%016" PRIx64, decoded->writer_schema);
    }
    if (str_is_none(row->writer_schema)) {
        if (status == DECODE_SCHEMA_WANTED) {
            take_registry_word(row, decoded);
        }
        return true;
    }
    if (str_equal_text(row->writer_schema, named) || framing_read(row->payload).kind == FRAMING_BAD) {
        return true;
    }
    const WriterSchema *writer = find_writer(replayer, row->writer_schema);
    if (writer == NULL) {
        *problem = arena_printf(replayer->cli->arena,
                                "it names writer schema " STR_FMT ", which declared.writer_schema does not hold",
                                STR_ARG(row->writer_schema));
        return false;
    }
    decode_as(replayer, writer, row->payload, arena, decoded);
    return true;
}

// Applying.

static const RuleBook *find_rules(const Replayer *replayer, int32_t version) {
    for (size_t i = 0; i < replayer->rules.count; i++) {
        if (replayer->rules.items[i]->version == version) {
            return replayer->rules.items[i];
        }
    }
    return NULL;
}

static Envelope envelope_of(const LedgerRow *row) {
    return (Envelope){
        .topic = str_equal_text(row->topic, TOPIC_DESK) ? INPUT_DESK : INPUT_DECLARATIONS,
        .partition = row->partition,
        .kafka_offset = row->kafka_offset,
        .kafka_timestamp_ms = row->kafka_timestamp_us == TIME_NONE ? -1 : row->kafka_timestamp_us / 1000,
        .key = row->key,
        .payload = row->payload,
    };
}

// Only one lane keeps an election: the one whose reference data was committed first.
static bool is_kept_elsewhere(const Replayer *replayer, Str election_id, int32_t lane) {
    const Keeper *first = map_get(&replayer->keepers_of, election_id), *keeper = first;
    while (keeper != NULL && keeper->lane != lane) {
        keeper = keeper->next;
    }
    return first != NULL && keeper == NULL;
}

static void mark_kept(const Replayer *replayer, Lane *lane, Str election_id) {
    lane_take_election(lane, election_id)->foreign = is_kept_elsewhere(replayer, election_id, lane->lane);
}

static bool prepare_row(Replayer *replayer, const LedgerRow *row, Arena *arena, Decoded *decoded,
                        const RuleBook **rules, Str *problem) {
    *rules = find_rules(replayer, row->rules_version);
    if (*rules == NULL) {
        *problem =
            arena_printf(replayer->cli->arena, "it names rules version %" PRId32 ", which declared.rules does not hold",
                         row->rules_version);
        return false;
    }
    return decode_row(replayer, row, arena, decoded, problem);
}

static bool apply_anew(Replayer *replayer, Lane *lane, const PGresult *result, int row, Str *problem) {
    Tuple tuple = {.count = table_ledger.columns_count};
    for (size_t i = 0; i < tuple.count; i++) {
        bool none = PQgetisnull(result, row, (int)i);
        tuple.fields[i] =
            none ? STR_NONE : (Str){PQgetvalue(result, row, (int)i), (size_t)PQgetlength(result, row, (int)i)};
    }
    LedgerRow ledger_row;
    const char *column;
    const RuleBook *rules;
    Decoded decoded;
    if (!ledger_row_read(&tuple, &ledger_row, &column) ||
        !prepare_row(replayer, &ledger_row, &replayer->scratch, &decoded, &rules, problem)) {
        return false;
    }
    Envelope envelope = envelope_of(&ledger_row);
    lane_reapply(lane, &envelope, &decoded, rules, ledger_row, &replayer->scratch, &replayer->unwanted);
    effects_clear(&replayer->unwanted);
    arena_reset(&replayer->scratch);
    return true;
}

static bool reload(Replayer *replayer, Lane *lane, Str election_id, Str *problem) {
    char number[16], seq[24];
    snprintf(number, sizeof number, "%" PRId32, lane->lane);
    snprintf(seq, sizeof seq, "%" PRId64, lane->lane_seq);
    Str id = arena_copy(&replayer->scratch, election_id); // with a NUL
    const char *values[] = {number, id.ptr, seq};
    _cleanup_result_ PGresult *result =
        PQexecParams(replayer->connection, replayer->reload_sql.ptr, 3, NULL, values, NULL, NULL, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        *problem = database_problem(replayer->cli, replayer->connection, result);
        return false;
    }
    lane_forget_election(lane, election_id);
    mark_kept(replayer, lane, election_id);
    for (int row = 0; row < PQntuples(result); row++) {
        if (!apply_anew(replayer, lane, result, row, problem)) {
            return false;
        }
    }
    return true;
}

// The trimmed election of which the row may need every record; NULL: none. What an action names may be trimmed itself,
// but the row says where it is.
static const Election *find_wanting(const Lane *lane, const Envelope *envelope, const Record *record,
                                    const LedgerRow *row) {
    const Election *election = lane_find_wanting(lane, envelope, record);
    if (election == NULL && record->type == RECORD_ACTION && !str_is_none(row->election_id)) {
        election = lane_find_election(lane, row->election_id);
    }
    return election != NULL && election->trimmed ? election : NULL;
}

ReplayStatus replayer_apply(Replayer *replayer, Lane *lane, const LedgerRow *row, Arena *arena, Effects *effects,
                            Str *problem) {
    const RuleBook *rules;
    Decoded decoded;
    if (!prepare_row(replayer, row, arena, &decoded, &rules, problem)) {
        return REPLAY_FAILED;
    }
    Envelope envelope = envelope_of(row);
    const Election *election = find_wanting(lane, &envelope, &decoded.record, row);
    if (election != NULL) {
        if (effects->ledger.count > 0) {
            return REPLAY_SETTLE_FIRST; // they may point into what is forgotten now
        }
        if (!reload(replayer, lane, election->election_id, problem)) {
            return REPLAY_FAILED;
        }
    }
    if (decoded.record.type == RECORD_REFERENCE) {
        mark_kept(replayer, lane, decoded.record.reference.election_id);
    }
    lane_apply(lane, &envelope, &decoded, rules, row->received_at_us, arena, effects);
    return REPLAY_OK;
}

void replayer_settle(Replayer *replayer, Lane *lane) {
    if (++replayer->unsettled >= SETTLE_EVERY) {
        replayer->unsettled = 0;
        lane_trim(lane);
    }
}

void replayer_apply_record(Replayer *replayer, Lane *lane, const Envelope *envelope, const RuleBook *rules,
                           int64_t received_at_us, Arena *arena, Effects *effects) {
    int32_t wanted = 0;
    Decoded decoded;
    if (decode_payload(replayer->schemas, envelope->payload, arena, &decoded, &wanted) == DECODE_SCHEMA_WANTED) {
        // As the daemon says it (services/ingest/writers.c).
        decoded.detail = arena_printf(arena, "no schema is known by id %" PRId32 ", and no registry is set", wanted);
    }
    if (decoded.record.type == RECORD_REFERENCE) {
        mark_kept(replayer, lane, decoded.record.reference.election_id);
    }
    size_t elections = effects->elections.count;
    lane_apply(lane, envelope, &decoded, rules, received_at_us, arena, effects);
    for (; elections < effects->elections.count; elections++) {
        add_keeper(replayer, effects->elections.items[elections].election_id, lane->lane);
    }
}

bool replayer_learn_ids(Replayer *replayer, Str *error) {
    _cleanup_result_ PGresult *result = database_query(
        replayer->cli, replayer->connection,
        "SELECT DISTINCT ('x' || encode(substring(payload FROM 2 FOR 4), 'hex'))::bit(32)::bigint, s.schema"
        " FROM declared.ledger l JOIN declared.writer_schema s ON s.fingerprint = l.writer_schema"
        " WHERE substring(payload FROM 1 FOR 1) = '\\x00'",
        NULL, error);
    Arena arena = {0};
    Str refused;
    for (int row = 0; result != NULL && row < PQntuples(result); row++) {
        int32_t id = (int32_t)strtoll(PQgetvalue(result, row, 0), NULL, 10);
        schema_store_add(replayer->schemas, id, str_from(PQgetvalue(result, row, 1)), &arena, &refused);
    }
    arena_free(&arena);
    return result != NULL;
}

const SchemaStore *replayer_schemas(const Replayer *replayer) {
    return replayer->schemas;
}
