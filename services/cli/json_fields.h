// JSON objects read into C structs by a table of fields, strictly: no unknown key, no wrong type,
// no number that Avro's int cannot carry. What the values mean is not judged here.
#pragma once

#include "common/base/arena.h"

#include <jansson.h>

typedef enum FieldType {
    FIELD_TEXT,    // Str; absent: none
    FIELD_INT,     // int32_t; absent: 0
    FIELD_NUMBER,  // int64_t, in Avro an int; absent: 0
    FIELD_COUNT,   // the same; absent: COUNT_UNKNOWN
    FIELD_TIME,    // int64_t, RFC 3339 or milliseconds; absent: COUNT_UNKNOWN
    FIELD_BOOL,    // bool; absent: false
    FIELD_TRILEAN, // int32_t, of Trilean; absent: unknown
    FIELD_ENUM,    // int32_t, an index of `symbols`
    FIELD_SEATS,   // PartySeatsMap, from an object; absent: no entries array
    FIELD_BLOCS,   // PartyBloc * and a count, from an object
    FIELD_TEXTS,   // Str * and a count, from an array
    FIELD_OBJECT,  // a pointer to a struct of `shape`; absent: NULL
    FIELD_OBJECTS, // a pointer to structs of `shape` and a count, from an array
} FieldType;

typedef enum FieldNeed {
    FIELD_REQUIRED,
    FIELD_PRESENT,   // must be there, may be null
    FIELD_DEFAULTED, // may be left out, not null
    FIELD_OPTIONAL,  // may be left out or null
} FieldNeed;

typedef struct FieldShape FieldShape;

typedef struct Field {
    const char *name;
    FieldType type;
    FieldNeed need;
    size_t offset;       // of the value in the struct
    size_t count_offset; // of its size_t, where the type has one
    const FieldShape *shape;
    Str (*symbol)(int32_t index);
    int32_t symbols; // how many
} Field;

struct FieldShape {
    size_t size; // of the struct
    const Field *fields;
    size_t count;
    bool remarks; // keys that begin with "_", "note" or "comment" are passed over
};

// Rows of a table: a member with the field's own name, one with another, and an array whose count is
// the member `<name>_count`.
#define FIELD(struct_, name_, type_, need_) FIELD_AS(struct_, #name_, name_, type_, need_)
#define FIELD_AS(struct_, name_, member_, type_, need_)                                                                \
    { .name = (name_), .type = (type_), .need = (need_), .offset = offsetof(struct_, member_) }
#define FIELD_ARRAY(struct_, name_, type_, need_, shape_)                                                              \
    {                                                                                                                  \
        .name = #name_, .type = (type_), .need = (need_), .offset = offsetof(struct_, name_),                          \
        .count_offset = offsetof(struct_, name_##_count), .shape = (shape_)                                            \
    }

#define FIELD_SHAPE(struct_, table_, remarks_)                                                                         \
    { sizeof(struct_), table_, sizeof(table_) / sizeof *(table_), remarks_ }

// `out` is a zeroed struct of the shape; all it then points to is in the arena, nothing is borrowed
// from `json`. False: `error` names the path of the field and what is wrong with it.
bool fields_read(const FieldShape *shape, const json_t *json, void *out, Arena *arena, Str *error);

// Text as JSON, duplicate keys refused. The caller owns it. NULL: `error` has line and column.
json_t *fields_load_json(Str text, Arena *arena, Str *error);
