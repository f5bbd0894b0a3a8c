#include "services/gateway/flat.h"

#include "common/base/vec.h"

#include <jansson.h>

typedef struct Member {
    const char *key, *name; // in the JSON; in the column's name
    FlatType type;
} Member;

static const Member seat_members[] = {
    {"party_id", "party", FLAT_TEXT},
    {"short", "short", FLAT_TEXT},
    {"group", "group", FLAT_TEXT},
    {"colour", "colour", FLAT_TEXT},
    {"text_colour", "text_colour", FLAT_TEXT},
    {"held", "held", FLAT_LITERAL},
    {"won", "won", FLAT_LITERAL},
    {"continuing", "continuing", FLAT_LITERAL},
    {"change", "change", FLAT_LITERAL},
    {"votes", "votes", FLAT_LITERAL},
    {0},
};

static const Member cause_members[] = {
    {"record", "record", FLAT_TEXT},
    {"topic", "topic", FLAT_TEXT},
    {"partition", "partition", FLAT_LITERAL},
    {"kafka_offset", "kafka_offset", FLAT_LITERAL},
    {"lane", "lane", FLAT_LITERAL},
    {"lane_seq", "lane_seq", FLAT_LITERAL},
    {"event_id", "event_id", FLAT_TEXT},
    {"ballot_paper_id", "ballot_paper_id", FLAT_TEXT},
    {"revision", "revision", FLAT_LITERAL},
    {"by", "by", FLAT_TEXT},
    {0},
};

static const struct Nested {
    const char *column;
    bool is_array;
    const Member *members;
} nested[] = {{"seats", true, seat_members}, {"cause", false, cause_members}};

typedef struct Nested Nested;

static const Nested *find_nested(const FlatColumn *column) {
    for (size_t i = 0; column->type == FLAT_NESTED && i < sizeof nested / sizeof *nested; i++) {
        if (str_equal_text(column->name, nested[i].column)) {
            return &nested[i];
        }
    }
    return NULL;
}

// ---- expanding -------------------------------------------------------------------------------------------

// A nested column of the source, parsed: a value for each row, NULL where it is null.
typedef struct Parsed {
    const Nested *nested; // NULL: an ordinary column
    json_t **values;
    size_t places; // of an array; 1 of an object
} Parsed;

static Parsed parse_column(const FlatTable *source, size_t column, int parties, Arena *arena) {
    Parsed parsed = {.nested = find_nested(&source->columns[column]), .places = 1};
    if (parsed.nested == NULL) {
        return parsed;
    }
    size_t longest = FLAT_PARTIES_MIN;
    parsed.values = arena_alloc(arena, source->rows_count, sizeof(json_t *));
    for (size_t row = 0; row < source->rows_count; row++) {
        Str cell = source->cells[row * source->columns_count + column];
        parsed.values[row] = str_is_none(cell) ? NULL : json_loadb(cell.ptr, cell.len, 0, NULL);
        size_t size = json_array_size(parsed.values[row]);
        longest = size > longest ? size : longest;
    }
    if (parsed.nested->is_array) {
        parsed.places = parties > 0 ? (size_t)parties : longest;
    }
    return parsed;
}

static void free_column(const Parsed *parsed, size_t rows) {
    for (size_t row = 0; parsed->nested != NULL && row < rows; row++) {
        json_decref(parsed->values[row]);
    }
}

static Str text_of(const json_t *value, Arena *arena) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        return arena_copy(arena, (Str){json_string_value(value), json_string_length(value)});
    case JSON_INTEGER:
        return arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_TRUE:
        return STR_LIT("true");
    case JSON_FALSE:
        return STR_LIT("false");
    default:
        return STR_NONE; // of these columns no member is anything else
    }
}

typedef struct Expansion {
    VEC(FlatColumn) columns;
    VEC(Str) cells;
    Arena *arena;
} Expansion;

static void add_columns(Expansion *e, const FlatColumn *column, const Parsed *parsed) {
    if (parsed->nested == NULL) {
        *vec_push(&e->columns) = *column;
        return;
    }
    for (size_t place = 1; place <= parsed->places; place++) {
        for (const Member *member = parsed->nested->members; member->key != NULL; member++) {
            Str name = parsed->nested->is_array
                           ? arena_printf(e->arena, "%s_%zu_%s", parsed->nested->column, place, member->name)
                           : arena_printf(e->arena, "%s_%s", parsed->nested->column, member->name);
            *vec_push(&e->columns) = (FlatColumn){name, member->type};
        }
    }
}

static void add_cells(Expansion *e, const Parsed *parsed, size_t row) {
    for (size_t place = 0; place < parsed->places; place++) {
        const json_t *object = parsed->values[row];
        if (parsed->nested->is_array) {
            object = json_array_get(object, place);
        }
        for (const Member *member = parsed->nested->members; member->key != NULL; member++) {
            const json_t *value = json_object_get(object, member->key);
            *vec_push(&e->cells) = value == NULL ? STR_NONE : text_of(value, e->arena);
        }
    }
}

static const void *keep(Arena *arena, const void *items, size_t count, size_t size) {
    void *kept = arena_alloc(arena, count, size);
    if (count > 0) {
        memcpy(kept, items, count * size);
    }
    return kept;
}

FlatTable flat_expand(const FlatTable *source, int parties, Arena *arena) {
    Expansion e = {.arena = arena};
    Parsed *parsed = arena_alloc(arena, source->columns_count, sizeof *parsed);
    for (size_t i = 0; i < source->columns_count; i++) {
        parsed[i] = parse_column(source, i, parties, arena);
        add_columns(&e, &source->columns[i], &parsed[i]);
    }
    for (size_t i = 0; i < source->rows_count * source->columns_count; i++) {
        const Parsed *column = &parsed[i % source->columns_count];
        if (column->nested == NULL) {
            *vec_push(&e.cells) = source->cells[i];
        } else {
            add_cells(&e, column, i / source->columns_count);
        }
    }
    for (size_t i = 0; i < source->columns_count; i++) {
        free_column(&parsed[i], source->rows_count);
    }
    FlatTable table = {.columns = keep(arena, e.columns.items, e.columns.count, sizeof(FlatColumn)),
                       .cells = keep(arena, e.cells.items, e.cells.count, sizeof(Str)),
                       .columns_count = e.columns.count,
                       .rows_count = source->rows_count};
    vec_free(&e.columns);
    vec_free(&e.cells);
    return table;
}

// ---- writing ---------------------------------------------------------------------------------------------

static void write_csv_field(Str field, Buf *out) {
    bool plain = true;
    for (size_t i = 0; i < field.len && plain; i++) {
        plain = strchr("\",\r\n", field.ptr[i]) == NULL;
    }
    bool spaced = field.len > 0 && (field.ptr[0] == ' ' || field.ptr[field.len - 1] == ' ');
    if (plain && !spaced) {
        buf_add_str(out, field);
        return;
    }
    buf_add_byte(out, '"');
    for (size_t i = 0; i < field.len; i++) {
        if (field.ptr[i] == '"') {
            buf_add_byte(out, '"');
        }
        buf_add_byte(out, (uint8_t)field.ptr[i]);
    }
    buf_add_byte(out, '"');
}

void flat_write_csv(const FlatTable *table, Buf *out) {
    for (size_t i = 0; i < table->columns_count; i++) {
        buf_add_str(out, i == 0 ? STR_LIT("") : STR_LIT(","));
        write_csv_field(table->columns[i].name, out);
    }
    for (size_t i = 0; i < table->rows_count * table->columns_count; i++) {
        buf_add_str(out, i % table->columns_count == 0 ? STR_LIT("\r\n") : STR_LIT(","));
        write_csv_field(table->cells[i], out);
    }
    buf_add_str(out, STR_LIT("\r\n"));
}

static void write_xml_text(Str text, Buf *out) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool noncharacter = c == 0xEF && i + 2 < text.len && (unsigned char)text.ptr[i + 1] == 0xBF &&
                            (unsigned char)text.ptr[i + 2] >= 0xBE; // U+FFFE and U+FFFF
        if (noncharacter || (c < 0x20 && c != '\t' && c != '\n' && c != '\r')) {
            buf_add_str(out, STR_LIT("\xEF\xBF\xBD"));
            i += noncharacter ? 2 : 0;
        } else if (c == '&') {
            buf_add_str(out, STR_LIT("&amp;"));
        } else if (c == '<') {
            buf_add_str(out, STR_LIT("&lt;"));
        } else if (c == '>') {
            buf_add_str(out, STR_LIT("&gt;"));
        } else if (c == '\r') {
            buf_add_str(out, STR_LIT("&#13;")); // else a parser makes it a newline
        } else {
            buf_add_byte(out, c);
        }
    }
}

static void write_xml_row(const FlatTable *table, size_t row, const char *element, Buf *out) {
    buf_printf(out, "<%s>\n", element);
    for (size_t i = 0; i < table->columns_count; i++) {
        Str name = table->columns[i].name, cell = table->cells[row * table->columns_count + i];
        if (cell.len == 0) {
            buf_printf(out, "  <" STR_FMT "/>\n", STR_ARG(name));
            continue;
        }
        buf_printf(out, "  <" STR_FMT ">", STR_ARG(name));
        write_xml_text(cell, out);
        buf_printf(out, "</" STR_FMT ">\n", STR_ARG(name));
    }
    buf_printf(out, "</%s>\n", element);
}

void flat_write_xml(const FlatTable *table, const char *list, const char *element, Buf *out) {
    buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    if (list != NULL) {
        buf_printf(out, "<%s>\n", list);
    }
    for (size_t row = 0; row < table->rows_count; row++) {
        write_xml_row(table, row, element, out);
    }
    if (list != NULL) {
        buf_printf(out, "</%s>\n", list);
    }
}

static void write_json_row(const FlatTable *table, size_t row, Buf *out) {
    for (size_t i = 0; i < table->columns_count; i++) {
        Str cell = table->cells[row * table->columns_count + i];
        buf_add_byte(out, i == 0 ? '{' : ',');
        buf_add_json_string(out, table->columns[i].name);
        buf_add_byte(out, ':');
        if (table->columns[i].type == FLAT_LITERAL && !str_is_none(cell)) {
            buf_add_str(out, cell);
        } else {
            buf_add_json_string(out, cell);
        }
    }
    buf_add_byte(out, '}');
}

void flat_write_json(const FlatTable *table, bool one_row, Buf *out) {
    if (!one_row) {
        buf_add_byte(out, '[');
    }
    for (size_t row = 0; row < table->rows_count; row++) {
        buf_add_str(out, row == 0 ? STR_LIT("") : STR_LIT(",\n "));
        write_json_row(table, row, out);
    }
    if (!one_row) {
        buf_add_byte(out, ']');
    }
    buf_add_byte(out, '\n');
}
