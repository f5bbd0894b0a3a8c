#include "services/cli/csv.h"

#include "common/base/buf.h"

#define BYTE_ORDER_MARK STR_LIT("\xEF\xBB\xBF")

void csv_init(CsvReader *reader, Str text) {
    *reader = (CsvReader){.text = text, .line = 1};
    if (str_starts_with(text, BYTE_ORDER_MARK)) {
        reader->at = BYTE_ORDER_MARK.len;
    }
}

void csv_free(CsvReader *reader) {
    vec_free(&reader->fields);
}

static bool at_end(const CsvReader *reader) {
    return reader->at == reader->text.len;
}

static char peek(const CsvReader *reader) {
    return reader->text.ptr[reader->at];
}

static bool at_line_break(const CsvReader *reader) {
    return !at_end(reader) && (peek(reader) == '\n' || peek(reader) == '\r');
}

static void skip_line_break(CsvReader *reader) {
    bool carriage_return = peek(reader) == '\r';
    reader->at++;
    if (carriage_return && !at_end(reader) && peek(reader) == '\n') {
        reader->at++;
    }
    reader->line++;
}

// A field's bytes: one run of the text as long as that does, a copy once runs must be joined.
typedef struct Field {
    Str run;
    Buf joined;
    bool is_joined;
} Field;

static void field_add(Field *field, Str run) {
    if (!field->is_joined && field->run.len == 0) {
        field->run = run;
        return;
    }
    if (!field->is_joined) {
        buf_add_str(&field->joined, field->run);
        field->is_joined = true;
    }
    buf_add_str(&field->joined, run);
}

static Str field_take(Field *field, Arena *arena) {
    Str text = field->is_joined ? arena_copy(arena, buf_str(&field->joined)) : field->run;
    buf_free(&field->joined);
    return text;
}

// From behind the opening quote to behind the closing one. False: the text ends before it.
static bool read_quoted(CsvReader *reader, Field *field) {
    size_t from = reader->at;
    while (!at_end(reader)) {
        if (at_line_break(reader)) {
            skip_line_break(reader);
            continue;
        }
        if (peek(reader) != '"') {
            reader->at++;
            continue;
        }
        bool doubled = reader->at + 1 < reader->text.len && reader->text.ptr[reader->at + 1] == '"';
        field_add(field, str_slice(reader->text, from, reader->at + doubled));
        reader->at += doubled ? 2 : 1;
        from = reader->at;
        if (!doubled) {
            return true;
        }
    }
    return false;
}

static void read_plain(CsvReader *reader, Field *field) {
    size_t from = reader->at;
    while (!at_end(reader) && peek(reader) != ',' && !at_line_break(reader)) {
        reader->at++;
    }
    field_add(field, str_slice(reader->text, from, reader->at));
}

// Leaves the reader at the comma, the line break or the end.
static bool read_field(CsvReader *reader, Arena *arena, Str *text) {
    Field field = {.run = STR_LIT("")};
    bool closed = true;
    if (!at_end(reader) && peek(reader) == '"') {
        reader->at++;
        closed = read_quoted(reader, &field);
    }
    if (closed) {
        read_plain(reader, &field);
    }
    *text = field_take(&field, arena);
    return closed;
}

CsvStatus csv_next(CsvReader *reader, Arena *arena, CsvRecord *record) {
    while (at_line_break(reader)) {
        skip_line_break(reader);
    }
    if (at_end(reader)) {
        return CSV_END;
    }
    vec_clear(&reader->fields);
    record->line = reader->line;
    for (;;) {
        size_t line = reader->line;
        Str text;
        if (!read_field(reader, arena, &text)) {
            record->line = line;
            return CSV_QUOTE_OPEN;
        }
        *vec_push(&reader->fields) = text;
        if (at_end(reader) || at_line_break(reader)) {
            break;
        }
        reader->at++; // the comma
    }
    if (!at_end(reader)) {
        skip_line_break(reader);
    }
    record->fields = reader->fields.items;
    record->count = reader->fields.count;
    return CSV_RECORD;
}
