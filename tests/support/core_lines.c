// core-lines: the core of `declared` behind lines of JSON, for tests that compare it with a model.
//
//     core-lines [--reload] [--shelve] <LINES
//
// In: an input a line, those of a case after each other, in the order of its lane; then {"end": n}.
//     {"case": n, "rules": {"verdicts": {CODE: FATE}, "source_rank": [...], "require_approval", "partitions"},
//      "topic", "partition", "offset", "received_at_us", "key", "type", "value"}
// `rules` on the first line of a case alone; `type` and `value` null: bytes that could not be decoded.
// Out: a line for each case.
//     {"case": n, "rows": [{"lane_seq", "fate", "reasons"}],
//      "changes": [{"lane_seq", "fate", "reasons", "trigger_lane_seq"}],
//      "snapshots": [{all columns, "flashes": [{"kind", "retracts", "text"}]}]}
//
// --reload: every input is a batch. The lane is trimmed after each, and thrown away and made anew from
// the rows so far where a worker would need elections whole. It must not make a difference.
// --shelve: after every input all elections are shelved and come back from their bytes. Nor must that.
#include "common/domain/fates.h"
#include "services/aggregator/lane.h"
#include "services/aggregator/shelved.h"
#include "services/cli/declaration_json.h"
#include "services/cli/reference_json.h"

#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Input {
    Envelope envelope;
    Decoded decoded;
    int64_t received_at_us;
} Input;

// A case on its way. Everything that its inputs and effects point to lives in `arena`.
typedef struct Case {
    bool reload, shelve;
    Lane *lane;        // NULL: no input yet
    VEC(Lane *) spent; // thrown away; effects point into them
    RuleBook rules;
    Arena arena;
    Effects effects;
    VEC(Input) inputs;
} Case;

static unsigned long line_number;

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "core-lines: line %lu: ", line_number);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

// ---- reading ---------------------------------------------------------------------------------------------

static json_t *get(const json_t *object, const char *name) {
    json_t *value = json_object_get(object, name);
    if (value == NULL) {
        give_up("%s is missing", name);
    }
    return value;
}

static int64_t get_number(const json_t *object, const char *name) {
    const json_t *value = get(object, name);
    if (!json_is_integer(value)) {
        give_up("%s is not a whole number", name);
    }
    return json_integer_value(value);
}

// Absent for null.
static Str get_text(const json_t *object, const char *name, Arena *arena) {
    const json_t *value = get(object, name);
    return arena_copy(arena, (Str){json_string_value(value), json_string_length(value)});
}

static Str json_text(const json_t *json, Arena *arena) {
    char *text = json_dumps(json, JSON_COMPACT);
    Str copy = arena_copy(arena, str_from(text));
    free(text);
    return copy;
}

static void read_verdicts(const json_t *verdicts, RuleBook *book) {
    const char *code;
    json_t *verdict;
    json_object_foreach((json_t *)verdicts, code, verdict) {
        Rule rule;
        if (!rule_from_code(str_from(code), &rule) ||
            !verdict_from_name(str_from(json_string_value(verdict)), &book->verdicts[rule])) {
            give_up("%s cannot be set so", code);
        }
    }
}

static RuleBook read_rules(const json_t *rules, Arena *arena) {
    const json_t *partitions = json_object_get(rules, "partitions");
    RuleBook book = rule_book_default(partitions == NULL ? 6 : (int32_t)json_integer_value(partitions));
    read_verdicts(json_object_get(rules, "verdicts"), &book);
    const json_t *rank = json_object_get(rules, "source_rank");
    for (size_t i = 0; i < json_array_size(rank) && i < RULES_SOURCES_MAX; i++) {
        book.sources[book.sources_count++] = arena_copy(arena, str_from(json_string_value(json_array_get(rank, i))));
    }
    book.require_approval = json_is_true(json_object_get(rules, "require_approval"));
    return book;
}

static void read_declaration(const json_t *value, Arena *arena, Record *record) {
    DeclarationLine line;
    Str error;
    if (!declaration_json_parse(json_text(value, arena), arena, &line, &error) || line.raw) {
        give_up("not a declaration: " STR_FMT, STR_ARG(error));
    }
    *record = (Record){.type = RECORD_DECLARATION, .declaration = line.declaration};
}

// The record as a file of `declarectl reference load` with one council: there, who loads it and when
// comes from outside, parties stand beside councils, and a new council is one without previous_control.
static void read_reference(const json_t *value, Arena *arena, Record *record) {
    Str by = get_text(value, "by", arena);
    int64_t loaded_at_ms = get_number(value, "loaded_at");
    json_t *council = json_copy((json_t *)value);
    json_t *file = json_pack("{s:O, s:[o]}", "parties", get(value, "parties"), "councils", council);
    json_object_del(council, "parties");
    json_object_del(council, "by");
    json_object_del(council, "loaded_at");
    bool is_new = json_is_true(json_object_get(council, "new_council"));
    json_object_del(council, "new_council");
    if (is_new && json_is_null(json_object_get(council, "previous_control"))) {
        json_object_del(council, "previous_control");
    }
    ReferenceFile read;
    Str error;
    if (!reference_json_parse(json_text(file, arena), by, loaded_at_ms, arena, &read, &error)) {
        give_up("not reference data: " STR_FMT, STR_ARG(error));
    }
    json_decref(file);
    *record = (Record){.type = RECORD_REFERENCE, .reference = read.councils[0]};
}

static void read_action(const json_t *value, Arena *arena, Record *record) {
    OperatorAction *action = &record->action;
    *record = (Record){.type = RECORD_ACTION};
    Str name = get_text(value, "action", arena);
    while (!str_equal(operator_action_name((OperatorActionKind)action->action), name)) {
        if (++action->action > ACTION_APPROVE_CALL) {
            give_up("no such action: " STR_FMT, STR_ARG(name));
        }
    }
    action->topic = get_text(value, "topic", arena);
    action->partition = (int32_t)get_number(value, "partition");
    action->kafka_offset = get_number(value, "kafka_offset");
    action->by = get_text(value, "by", arena);
    action->note = get_text(value, "note", arena);
    action->acted_at_ms = get_number(value, "acted_at");
}

static void read_record(Str type, const json_t *value, Arena *arena, Decoded *decoded) {
    static const struct {
        const char *type;
        void (*read)(const json_t *value, Arena *arena, Record *record);
    } readers[] = {
        {"WardDeclaration", read_declaration}, {"CouncilReference", read_reference}, {"OperatorAction", read_action}};
    if (str_is_none(type) || json_is_null(value)) {
        *decoded = (Decoded){.rule = RULE_BAD_AVRO, .detail = STR_LIT("not decoded")};
        return;
    }
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (str_equal_text(type, readers[i].type)) {
            readers[i].read(value, arena, &decoded->record);
            return;
        }
    }
    give_up("no such type: " STR_FMT, STR_ARG(type));
}

static Input read_input(const json_t *line, Arena *arena) {
    const json_t *value = get(line, "value");
    bool desk = str_equal_text(get_text(line, "topic", arena), TOPIC_DESK);
    Input input = {
        .envelope = {.topic = desk ? INPUT_DESK : INPUT_DECLARATIONS,
                     .partition = (int32_t)get_number(line, "partition"),
                     .kafka_offset = get_number(line, "offset"),
                     .kafka_timestamp_ms = -1,
                     .key = get_text(line, "key", arena),
                     .payload = json_is_null(value) ? STR_NONE : json_text(value, arena)},
        .received_at_us = get_number(line, "received_at_us"),
    };
    read_record(get_text(line, "type", arena), value, arena, &input.decoded);
    return input;
}

// ---- the core --------------------------------------------------------------------------------------------

// The lane goes on where the other stood.
static void take_place(Case *c, Lane *before) {
    c->lane->lane_seq = before->lane_seq;
    c->lane->received_at_us = before->received_at_us;
    memcpy(c->lane->head_hash, before->head_hash, sizeof c->lane->head_hash);
    memcpy(c->lane->next, before->next, sizeof c->lane->next);
    *vec_push(&c->spent) = before;
}

// A lane with the rows so far reapplied, which stands where the old one stood.
static void reload_lane(Case *c) {
    Lane *before = c->lane;
    Effects told = {0};
    c->lane = lane_new(before->lane);
    for (size_t i = 0; i < c->effects.ledger.count; i++) {
        const Input *input = &c->inputs.items[i];
        lane_reapply(c->lane, &input->envelope, &input->decoded, &c->rules, c->effects.ledger.items[i], &c->arena,
                     &told);
    }
    if (told.snapshots.count != c->effects.snapshots.count || told.flashes.count != c->effects.flashes.count ||
        told.fate_changes.count != c->effects.fate_changes.count) {
        give_up("the rows so far do not come out again as they were");
    }
    take_place(c, before);
    effects_free(&told);
}

// Every election of the lane by way of its bytes.
static void shelve_lane(Case *c) {
    Lane *before = c->lane;
    Buf bytes = {0}, again = {0};
    c->lane = lane_new(before->lane);
    for (size_t i = 0; i < before->elections.count; i++) {
        buf_clear(&bytes);
        buf_clear(&again);
        election_shelve(before->elections.items[i], &bytes);
        Election *election = election_unshelve(buf_str(&bytes));
        election_shelve(election, &again);
        if (!str_equal(buf_str(&bytes), buf_str(&again))) {
            give_up("an election that was shelved is not what it was");
        }
        lane_put_election(c->lane, election);
    }
    for (size_t i = 0; i < before->pending.count; i++) {
        lane_add_pending(c->lane, &before->pending.items[i].action, before->pending.items[i].lane_seq);
    }
    take_place(c, before);
    buf_free(&bytes);
    buf_free(&again);
}

// The lane's account of its memory, kept as it goes, is the sum.
static void check_bytes(const Lane *lane) {
    size_t bytes = 0;
    for (size_t i = 0; i < lane->elections.count; i++) {
        bytes += election_bytes(lane->elections.items[i]);
    }
    if (bytes != lane->bytes) {
        give_up("elections take %zu bytes, not the lane's %zu", bytes, lane->bytes);
    }
}

static void apply_line(Case *c, const json_t *line) {
    if (c->lane == NULL) {
        c->rules = read_rules(json_object_get(line, "rules"), &c->arena);
        c->lane = lane_new((int32_t)get_number(line, "partition"));
    }
    Input *input = vec_push(&c->inputs);
    *input = read_input(line, &c->arena);
    bool desk = input->envelope.topic == INPUT_DESK; // what an action names may have been trimmed
    if (c->reload && (desk || lane_find_wanting(c->lane, &input->envelope, &input->decoded.record) != NULL)) {
        reload_lane(c);
    }
    lane_apply(c->lane, &input->envelope, &input->decoded, &c->rules, input->received_at_us, &c->arena, &c->effects);
    if (c->reload) {
        lane_trim(c->lane);
        check_bytes(c->lane);
    }
    if (c->shelve) {
        shelve_lane(c);
    }
}

// ---- writing ---------------------------------------------------------------------------------------------

static json_t *text_json(Str text) {
    return str_is_none(text) ? json_null() : json_stringn(text.ptr, text.len);
}

static json_t *reasons_json(RuleSet reasons) {
    json_t *codes = json_array();
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        if ((reasons & RULE_BIT(rule)) != 0) {
            json_array_append_new(codes, text_json(rule_code((Rule)rule)));
        }
    }
    return codes;
}

static json_t *number_json(bool known, int64_t number) {
    return known ? json_integer(number) : json_null();
}

static json_t *nested_json(Str text) {
    return str_is_none(text) ? json_null() : json_loadb(text.ptr, text.len, 0, NULL);
}

static json_t *date_json(CivilDate date) {
    return json_sprintf("%04d-%02d-%02d", date.year, date.month, date.day);
}

static json_t *column_json(const Column *column, const void *row) {
    const void *value = (const char *)row + column->offset;
    switch (column->type) {
    case COLUMN_TEXT:
        return text_json(*(const Str *)value);
    case COLUMN_JSON:
        return nested_json(*(const Str *)value);
    case COLUMN_INT:
        return json_integer(*(const int32_t *)value);
    case COLUMN_MAYBE_INT:
        return number_json(((const MaybeInt *)value)->known, ((const MaybeInt *)value)->value);
    case COLUMN_COUNT:
    case COLUMN_BIGINT:
    case COLUMN_TIME: // microseconds
        return number_json(*(const int64_t *)value != COUNT_UNKNOWN, *(const int64_t *)value);
    case COLUMN_BOOL:
        return json_boolean(*(const bool *)value);
    case COLUMN_DATE:
        return date_json(*(const CivilDate *)value);
    case COLUMN_RULES:
        return reasons_json(*(const RuleSet *)value);
    case COLUMN_TRILEAN:
    case COLUMN_BYTES:
    case COLUMN_UUID:
    case COLUMN_HASH:
        break; // of the ledger alone
    }
    return json_null();
}

// {"seq", "kind"} of a flash_id, which is <election_id>/<seq>/<kind>.
static json_t *flash_json(Str flash_id) {
    if (str_is_none(flash_id)) {
        return json_null();
    }
    const char *kind = memrchr(flash_id.ptr, '/', flash_id.len);
    const char *seq = memrchr(flash_id.ptr, '/', (size_t)(kind - flash_id.ptr));
    return json_pack("{s:i, s:s%}", "seq", (int)strtol(seq + 1, NULL, 10), "kind", kind + 1,
                     (size_t)(flash_id.ptr + flash_id.len - kind - 1));
}

static json_t *flashes_json(const Effects *effects, const SnapshotRow *snapshot) {
    json_t *flashes = json_array();
    for (size_t i = 0; i < effects->flashes.count; i++) {
        const FlashRow *flash = &effects->flashes.items[i];
        if (flash->seq == snapshot->seq && flash->is_test == snapshot->is_test &&
            str_equal(flash->election_id, snapshot->election_id)) {
            json_array_append_new(flashes, json_pack("{s:o, s:o, s:o}", "kind", text_json(flash->kind), "retracts",
                                                     flash_json(flash->retracts), "text", text_json(flash->text)));
        }
    }
    return flashes;
}

// What the view declared.snapshot_told adds to the stored row: the parties' names and looks, and the cause where it
// is the causing row's own declaration.

static json_t *seats_told(const Effects *effects, const SnapshotRow *snapshot) {
    const ElectionRow *election = NULL;
    for (size_t i = 0; i < effects->elections.count; i++) {
        const ElectionRow *row = &effects->elections.items[i];
        if (str_equal(row->election_id, snapshot->election_id) && row->lane_seq <= snapshot->lane_seq) {
            election = row;
        }
    }
    static const char *const numbers[] = {"held", "won", "continuing", "change", "votes"};
    json_t *parties = nested_json(election->parties), *lines = nested_json(snapshot->seats), *told = json_array(), *line;
    size_t i;
    json_array_foreach(lines, i, line) {
        json_t *seat = json_copy(json_array_get(parties, (size_t)json_integer_value(json_array_get(line, 0))));
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            json_object_set(seat, numbers[n], json_array_get(line, n + 1));
        }
        json_array_append_new(told, seat);
    }
    json_decref(parties);
    json_decref(lines);
    return told;
}

static json_t *cause_told(const Effects *effects, const SnapshotRow *snapshot) {
    const LedgerRow *row = &effects->ledger.items[0];
    while (row->lane_seq != snapshot->lane_seq) {
        row++;
    }
    return json_pack("{s:o, s:o, s:i, s:I, s:I}", "record", text_json(row->record), "topic", text_json(row->topic),
                     "partition", row->partition, "kafka_offset", (json_int_t)row->kafka_offset, "lane_seq",
                     (json_int_t)row->lane_seq);
}

static json_t *snapshot_json(const Effects *effects, const SnapshotRow *snapshot) {
    json_t *json = json_object();
    for (size_t i = 0; i < table_snapshot.columns_count; i++) {
        const Column *column = &table_snapshot.columns[i];
        json_object_set_new(json, column->name, column_json(column, snapshot));
    }
    json_object_set_new(json, "seats", seats_told(effects, snapshot));
    if (str_is_none(snapshot->cause)) {
        json_object_set_new(json, "cause", cause_told(effects, snapshot));
    }
    json_object_set_new(json, "flashes", flashes_json(effects, snapshot));
    return json;
}

static void write_case(const Effects *effects, int64_t number) {
    json_t *rows = json_array(), *changes = json_array(), *snapshots = json_array();
    for (size_t i = 0; i < effects->ledger.count; i++) {
        const LedgerRow *row = &effects->ledger.items[i];
        json_array_append_new(rows, json_pack("{s:I, s:o, s:o}", "lane_seq", (json_int_t)row->lane_seq, "fate",
                                              text_json(row->fate), "reasons", reasons_json(row->reasons)));
    }
    for (size_t i = 0; i < effects->fate_changes.count; i++) {
        const FateChangeRow *row = &effects->fate_changes.items[i];
        json_array_append_new(changes, json_pack("{s:I, s:o, s:o, s:I}", "lane_seq", (json_int_t)row->lane_seq, "fate",
                                                 text_json(row->fate), "reasons", reasons_json(row->reasons),
                                                 "trigger_lane_seq", (json_int_t)row->trigger_lane_seq));
    }
    for (size_t i = 0; i < effects->snapshots.count; i++) {
        json_array_append_new(snapshots, snapshot_json(effects, &effects->snapshots.items[i]));
    }
    json_t *answer = json_pack("{s:I, s:o, s:o, s:o}", "case", (json_int_t)number, "rows", rows, "changes", changes,
                               "snapshots", snapshots);
    json_dumpf(answer, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(answer);
}

static void end_case(Case *c) {
    effects_clear(&c->effects);
    vec_clear(&c->inputs);
    lane_free(c->lane);
    c->lane = NULL;
    for (size_t i = 0; i < c->spent.count; i++) {
        lane_free(c->spent.items[i]);
    }
    vec_clear(&c->spent);
    arena_reset(&c->arena);
}

static void take_line(Case *c, Str text) {
    json_error_t problem;
    json_t *line = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, &problem);
    if (!json_is_object(line)) {
        give_up("not a JSON object: %s", problem.text);
    }
    if (json_object_get(line, "end") != NULL) {
        write_case(&c->effects, get_number(line, "end"));
        end_case(c);
    } else {
        apply_line(c, line);
    }
    json_decref(line);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"reload", no_argument, NULL, 'r'}, {"shelve", no_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
    Case c = {0};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'r' && option != 's') {
            return 2;
        }
        c.reload |= option == 'r';
        c.shelve |= option == 's';
    }
    char *text = NULL;
    size_t capacity = 0;
    for (ssize_t len; (len = getline(&text, &capacity, stdin)) != -1;) {
        line_number++;
        take_line(&c, (Str){text, (size_t)len});
    }
    free(text);
    end_case(&c);
    vec_free(&c.inputs);
    vec_free(&c.spent);
    effects_free(&c.effects);
    arena_free(&c.arena);
    return ferror(stdin) || ferror(stdout) ? 1 : 0;
}
