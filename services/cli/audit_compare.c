#include "services/cli/audit_compare.h"

#include <arpa/inet.h>
#include <endian.h>
#include <jansson.h>
#include <stdlib.h>

#define POSTGRES_EPOCH_US INT64_C(946684800000000) // 2000-01-01
#define POSTGRES_EPOCH_DAYS INT64_C(10957)

enum { SHOWN_BYTES = 60, SHOWN_BEFORE = 20, JSON_DEPTH = 16 };

size_t row_find_difference(const Table *table, const Str *left, const Str *right) {
    size_t i = 0;
    while (i < table->columns_count && str_equal(left[i], right[i])) {
        i++;
    }
    return i;
}

size_t table_find_column(const Table *table, const char *name) {
    size_t i = 0;
    while (strcmp(table->columns[i].name, name) != 0) {
        i++;
    }
    return i;
}

int row_compare_keys(const int *keys, const Str *left, const Str *right) {
    int order = 0;
    for (; *keys >= 0 && order == 0; keys++) {
        order = str_compare(left[*keys], right[*keys]);
    }
    return order;
}

// Values as people read them.

static int64_t big_endian(Str field) {
    uint64_t eight = 0;
    uint32_t four = 0;
    if (field.len == sizeof eight) {
        memcpy(&eight, field.ptr, sizeof eight);
        return (int64_t)be64toh(eight);
    }
    memcpy(&four, field.ptr, field.len < sizeof four ? field.len : sizeof four);
    return (int32_t)ntohl(four);
}

static void add_hex(Buf *out, Str bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        buf_printf(out, "%02x", (unsigned)(uint8_t)bytes.ptr[i]);
    }
}

static void add_texts(Buf *out, Str array) {
    enum { HEAD_BYTES = 20 }; // dimensions, nulls, type, length, lower bound
    Str at = array.len < HEAD_BYTES ? STR_LIT("") : str_slice(array, HEAD_BYTES, array.len);
    buf_add_byte(out, '{');
    for (bool first = true; at.len >= 4; first = false) {
        int64_t length = big_endian(str_slice(at, 0, 4));
        size_t end = length < 0 ? 4 : 4 + (size_t)length;
        if (end > at.len) {
            break;
        }
        buf_add_str(out, first ? STR_LIT("") : STR_LIT(","));
        buf_add_str(out, str_slice(at, 4, end));
        at = str_slice(at, end, at.len);
    }
    buf_add_byte(out, '}');
}

static void add_value(Buf *out, ColumnType type, Str field) {
    if (str_is_none(field)) {
        buf_add_str(out, STR_LIT("null"));
        return;
    }
    switch (type) {
    case COLUMN_TEXT:
    case COLUMN_JSON:
        buf_add_str(out, field);
        break;
    case COLUMN_BYTES:
    case COLUMN_HASH:
    case COLUMN_UUID:
        add_hex(out, field);
        break;
    case COLUMN_INT:
    case COLUMN_MAYBE_INT:
    case COLUMN_COUNT:
    case COLUMN_BIGINT:
        buf_add_decimal(out, big_endian(field));
        break;
    case COLUMN_BOOL:
    case COLUMN_TRILEAN:
        buf_add_str(out, field.len == 1 && *field.ptr != 0 ? STR_LIT("true") : STR_LIT("false"));
        break;
    case COLUMN_TIME:
        civil_add_timestamp(out, (int64_t)((uint64_t)big_endian(field) + (uint64_t)POSTGRES_EPOCH_US));
        break;
    case COLUMN_DATE: {
        CivilDate date = civil_from_days(big_endian(field) + POSTGRES_EPOCH_DAYS);
        buf_printf(out, "%04d-%02d-%02d", date.year, date.month, date.day);
        break;
    }
    case COLUMN_RULES:
        add_texts(out, field);
        break;
    }
}

static size_t common_prefix(Str a, Str b) {
    size_t i = 0;
    while (i < a.len && i < b.len && a.ptr[i] == b.ptr[i]) {
        i++;
    }
    return i;
}

static bool starts_character(char byte) {
    return ((uint8_t)byte & 0xC0) != 0x80;
}

// The part that begins at `from`, in one line.
static Str shorten(Str text, size_t from, Arena *arena) {
    while (from > 0 && from < text.len && !starts_character(text.ptr[from])) {
        from--;
    }
    size_t to = text.len - from <= SHOWN_BYTES ? text.len : from + SHOWN_BYTES;
    while (to < text.len && !starts_character(text.ptr[to])) {
        to++;
    }
    return arena_printf(arena, "%s" STR_FMT "%s", from > 0 ? "..." : "", STR_ARG(str_slice(text, from, to)),
                        to < text.len ? "..." : "");
}

static Values show(Str place, Str left, Str right, Arena *arena) {
    size_t same = common_prefix(left, right);
    size_t from = same > SHOWN_BEFORE && (left.len > SHOWN_BYTES || right.len > SHOWN_BYTES) ? same - SHOWN_BEFORE : 0;
    return (Values){place, shorten(left, from < left.len ? from : 0, arena),
                    shorten(right, from < right.len ? from : 0, arena)};
}

// In one line whatever the value holds, and told from null.
static Str quote(Str field, Str shown, Arena *arena) {
    Str quoted = str_is_none(field) ? shown : arena_printf(arena, "'" STR_FMT "'", STR_ARG(shown));
    for (char *at = (char *)quoted.ptr; at < quoted.ptr + quoted.len; at++) {
        *at = (char)((uint8_t)*at < ' ' ? ' ' : *at);
    }
    return quoted;
}

// JSON: the way to the first place that differs.
typedef struct JsonPlace {
    Buf path;
    const json_t *left, *right; // NULL: not there
} JsonPlace;

static void descend(JsonPlace *place, int depth);

static void step_into(JsonPlace *place, const json_t *left, const json_t *right, int depth) {
    place->left = left;
    place->right = right;
    descend(place, depth + 1);
}

static bool differ(const json_t *a, const json_t *b) {
    return a == NULL || b == NULL || json_equal(a, b) == 0;
}

static void descend_object(JsonPlace *place, int depth) {
    const char *key = NULL;
    json_t *value;
    const json_t *left = place->left, *right = place->right;
    json_object_foreach((json_t *)left, key, value) {
        if (differ(value, json_object_get(right, key))) {
            buf_printf(&place->path, ".%s", key);
            step_into(place, value, json_object_get(right, key), depth);
            return;
        }
    }
    json_object_foreach((json_t *)right, key, value) {
        if (json_object_get(left, key) == NULL) {
            buf_printf(&place->path, ".%s", key);
            step_into(place, NULL, value, depth);
            return;
        }
    }
}

static void descend_array(JsonPlace *place, int depth) {
    const json_t *left = place->left, *right = place->right;
    size_t i = 0;
    while (!differ(json_array_get(left, i), json_array_get(right, i))) {
        i++;
    }
    buf_printf(&place->path, "[%zu]", i);
    step_into(place, json_array_get(left, i), json_array_get(right, i), depth);
}

static void descend(JsonPlace *place, int depth) {
    if (depth == JSON_DEPTH || place->left == NULL || place->right == NULL) {
        return;
    }
    if (json_is_object(place->left) && json_is_object(place->right)) {
        descend_object(place, depth);
    } else if (json_is_array(place->left) && json_is_array(place->right)) {
        descend_array(place, depth);
    }
}

static Str json_text(const json_t *json, Arena *arena) {
    char *text = json == NULL ? NULL : json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    Str copy = text == NULL ? STR_LIT("nothing") : arena_copy(arena, str_from(text));
    free(text);
    return copy;
}

static Values tell_json(const char *column, Str left, Str right, Arena *arena) {
    json_t *a = json_loadb(left.ptr, left.len, JSON_DECODE_ANY, NULL), *b = json_loadb(right.ptr, right.len, JSON_DECODE_ANY, NULL);
    JsonPlace place = {.left = a, .right = b};
    descend(&place, 0);
    Str name = arena_printf(arena, "%s" STR_FMT, column, STR_ARG(buf_str(&place.path)));
    Values values = show(name, json_text(place.left, arena), json_text(place.right, arena), arena);
    buf_free(&place.path);
    json_decref(a);
    json_decref(b);
    return values;
}

Values row_tell_values(const Table *table, size_t column, const Str *left, const Str *right, Arena *arena) {
    const Column *c = &table->columns[column];
    if (c->type == COLUMN_JSON && !str_is_none(left[column]) && !str_is_none(right[column])) {
        return tell_json(c->name, left[column], right[column], arena);
    }
    _cleanup_buf_ Buf a = {0};
    _cleanup_buf_ Buf b = {0};
    add_value(&a, c->type, left[column]);
    add_value(&b, c->type, right[column]);
    Values values = show(str_from(c->name), buf_str(&a), buf_str(&b), arena);
    values.left = quote(left[column], values.left, arena);
    values.right = quote(right[column], values.right, arena);
    return values;
}

Str row_tell_name(const Table *table, const Str *fields, Arena *arena) {
    static const char *const names[] = {
        "lane", "lane_seq", "trigger_lane_seq", "n", "election_id", "ballot_paper_id", "is_test", "seq", "flash_id"};
    _cleanup_buf_ Buf name = {0};
    buf_add_str(&name, str_from(table->name));
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        for (size_t i = 0; i < table->columns_count; i++) {
            if (strcmp(table->columns[i].name, names[n]) == 0 && !str_is_none(fields[i])) {
                buf_printf(&name, ", %s ", names[n]);
                add_value(&name, table->columns[i].type, fields[i]);
            }
        }
    }
    return arena_copy(arena, buf_str(&name));
}
