#include "services/cli/json_fields.h"

#include "common/base/rfc3339.h"
#include "common/base/text.h"
#include "common/domain/record.h"

// One value on its way into its place.
typedef struct Reading {
    const Field *field;
    const json_t *json; // neither NULL nor null
    char *base;         // of the struct
    Arena *arena;
    Str *error;
} Reading;

#define PLACE(reading, type) ((type *)(void *)((reading)->base + (reading)->field->offset))
#define COUNT_PLACE(reading) ((size_t *)(void *)((reading)->base + (reading)->field->count_offset))
#define REFUSE(reading, ...)                                                                                           \
    (*(reading)->error = text_one_line((reading)->arena, arena_printf((reading)->arena, __VA_ARGS__)), false)

static Str copy_text(const json_t *json, Arena *arena) {
    return arena_copy(arena, (Str){json_string_value(json), json_string_length(json)});
}

static bool read_text(const Reading *r) {
    if (!json_is_string(r->json)) {
        return REFUSE(r, "%s: wants a string", r->field->name);
    }
    *PLACE(r, Str) = copy_text(r->json, r->arena);
    return true;
}

static bool is_avro_int(const json_t *json) {
    return json_is_integer(json) && json_integer_value(json) >= INT32_MIN && json_integer_value(json) <= INT32_MAX;
}

static bool refuse_int(const Reading *r) {
    return json_is_integer(r->json) ? REFUSE(r, "%s: is outside a 32-bit integer", r->field->name)
                                    : REFUSE(r, "%s: wants a whole number", r->field->name);
}

static bool read_int(const Reading *r) {
    if (!is_avro_int(r->json)) {
        return refuse_int(r);
    }
    *PLACE(r, int32_t) = (int32_t)json_integer_value(r->json);
    return true;
}

static bool read_number(const Reading *r) {
    if (!is_avro_int(r->json)) {
        return refuse_int(r);
    }
    *PLACE(r, int64_t) = json_integer_value(r->json);
    return true;
}

static bool read_time(const Reading *r) {
    int64_t *ms = PLACE(r, int64_t);
    if (json_is_integer(r->json)) {
        *ms = json_integer_value(r->json);
        return true;
    }
    return (json_is_string(r->json) &&
            rfc3339_parse((Str){json_string_value(r->json), json_string_length(r->json)}, ms)) ||
           REFUSE(r, "%s: wants an RFC 3339 time or milliseconds", r->field->name);
}

static bool read_bool(const Reading *r) {
    *PLACE(r, bool) = json_is_true(r->json);
    return json_is_boolean(r->json) || REFUSE(r, "%s: wants true or false", r->field->name);
}

static bool read_trilean(const Reading *r) {
    *PLACE(r, int32_t) = json_is_true(r->json) ? TRILEAN_TRUE : TRILEAN_FALSE;
    return json_is_boolean(r->json) || REFUSE(r, "%s: wants true or false", r->field->name);
}

static bool read_enum(const Reading *r) {
    for (int32_t i = 0; json_is_string(r->json) && i < r->field->symbols; i++) {
        if (str_equal(r->field->symbol(i), (Str){json_string_value(r->json), json_string_length(r->json)})) {
            *PLACE(r, int32_t) = i;
            return true;
        }
    }
    Str names = STR_LIT("");
    for (int32_t i = 0; i < r->field->symbols; i++) {
        Str name = r->field->symbol(i);
        names = arena_printf(r->arena, STR_FMT "%s" STR_FMT, STR_ARG(names), i == 0 ? "" : ", ", STR_ARG(name));
    }
    return REFUSE(r, "%s: wants one of " STR_FMT, r->field->name, STR_ARG(names));
}

static bool read_seats(const Reading *r) {
    if (!json_is_object(r->json)) {
        return REFUSE(r, "%s: wants an object of party ids and seats", r->field->name);
    }
    PartySeatsMap *map = PLACE(r, PartySeatsMap);
    map->entries = arena_alloc(r->arena, json_object_size(r->json), sizeof *map->entries);
    const char *party_id;
    json_t *seats;
    json_object_foreach((json_t *)r->json, party_id, seats) {
        if (!is_avro_int(seats)) {
            return REFUSE(r, "%s.%s: wants a whole number", r->field->name, party_id);
        }
        map->entries[map->count++] = (PartySeats){arena_copy(r->arena, str_from(party_id)), json_integer_value(seats)};
    }
    return true;
}

static bool read_blocs(const Reading *r) {
    if (!json_is_object(r->json)) {
        return REFUSE(r, "%s: wants an object of party ids and true or false", r->field->name);
    }
    PartyBloc *blocs = arena_alloc(r->arena, json_object_size(r->json), sizeof *blocs);
    size_t count = 0;
    const char *party_id;
    json_t *bloc;
    json_object_foreach((json_t *)r->json, party_id, bloc) {
        if (!json_is_boolean(bloc)) {
            return REFUSE(r, "%s.%s: wants true or false", r->field->name, party_id);
        }
        blocs[count++] = (PartyBloc){arena_copy(r->arena, str_from(party_id)), json_is_true(bloc)};
    }
    *PLACE(r, PartyBloc *) = blocs;
    *COUNT_PLACE(r) = count;
    return true;
}

static bool read_texts(const Reading *r) {
    if (!json_is_array(r->json)) {
        return REFUSE(r, "%s: wants an array of strings", r->field->name);
    }
    size_t count = json_array_size(r->json);
    Str *texts = arena_alloc(r->arena, count, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(r->json, i);
        if (!json_is_string(text)) {
            return REFUSE(r, "%s[%zu]: wants a string", r->field->name, i);
        }
        texts[i] = copy_text(text, r->arena);
    }
    *PLACE(r, Str *) = texts;
    *COUNT_PLACE(r) = count;
    return true;
}

static bool read_object(const Reading *r) {
    void *object = arena_alloc(r->arena, 1, r->field->shape->size);
    *PLACE(r, void *) = object;
    return fields_read(r->field->shape, r->json, object, r->arena, r->error) ||
           REFUSE(r, "%s.%s", r->field->name, r->error->ptr);
}

static bool read_objects(const Reading *r) {
    if (!json_is_array(r->json)) {
        return REFUSE(r, "%s: wants an array", r->field->name);
    }
    size_t count = json_array_size(r->json), size = r->field->shape->size;
    char *objects = arena_alloc(r->arena, count, size);
    for (size_t i = 0; i < count; i++) {
        if (!fields_read(r->field->shape, json_array_get(r->json, i), objects + i * size, r->arena, r->error)) {
            return REFUSE(r, "%s[%zu].%s", r->field->name, i, r->error->ptr);
        }
    }
    *PLACE(r, void *) = objects;
    *COUNT_PLACE(r) = count;
    return true;
}

static bool (*const readers[])(const Reading *) = {
    [FIELD_TEXT] = read_text,       [FIELD_INT] = read_int,     [FIELD_NUMBER] = read_number,
    [FIELD_COUNT] = read_number,    [FIELD_TIME] = read_time,   [FIELD_BOOL] = read_bool,
    [FIELD_TRILEAN] = read_trilean, [FIELD_ENUM] = read_enum,   [FIELD_SEATS] = read_seats,
    [FIELD_BLOCS] = read_blocs,     [FIELD_TEXTS] = read_texts, [FIELD_OBJECT] = read_object,
    [FIELD_OBJECTS] = read_objects,
};

static bool read_field(const Reading *r) {
    const Field *field = r->field;
    bool there = r->json != NULL;
    if (there && !json_is_null(r->json)) {
        return readers[field->type](r);
    }
    if (!there && (field->need == FIELD_REQUIRED || field->need == FIELD_PRESENT)) {
        return REFUSE(r, "%s: is missing", field->name);
    }
    if (there && (field->need == FIELD_REQUIRED || field->need == FIELD_DEFAULTED)) {
        return REFUSE(r, "%s: is null and must be filled in", field->name);
    }
    if (field->type == FIELD_COUNT || field->type == FIELD_TIME) {
        *PLACE(r, int64_t) = COUNT_UNKNOWN;
    }
    return true; // all other zero values mean absent
}

static bool is_field(const FieldShape *shape, const char *key) {
    for (size_t i = 0; i < shape->count; i++) {
        if (strcmp(shape->fields[i].name, key) == 0) {
            return true;
        }
    }
    Str name = str_from(key);
    return shape->remarks && (str_starts_with(name, STR_LIT("_")) || str_starts_with(name, STR_LIT("note")) ||
                              str_starts_with(name, STR_LIT("comment")));
}

bool fields_read(const FieldShape *shape, const json_t *json, void *out, Arena *arena, Str *error) {
    if (!json_is_object(json)) {
        *error = STR_LIT("wants an object");
        return false;
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)json, key, value) {
        if (!is_field(shape, key)) {
            *error = text_one_line(arena, arena_printf(arena, "%s: no such field", key));
            return false;
        }
    }
    for (size_t i = 0; i < shape->count; i++) {
        const Field *field = &shape->fields[i];
        if (!read_field(&(Reading){field, json_object_get(json, field->name), out, arena, error})) {
            return false;
        }
    }
    return true;
}

json_t *fields_load_json(Str text, Arena *arena, Str *error) {
    json_error_t problem;
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
    if (json == NULL) {
        Str place = problem.line > 1 ? arena_printf(arena, "line %d, column %d", problem.line, problem.column)
                                     : arena_printf(arena, "column %d", problem.column);
        *error = text_one_line(arena, arena_printf(arena, STR_FMT ": %s", STR_ARG(place), problem.text));
    }
    return json;
}
