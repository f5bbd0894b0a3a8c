// Where a schema's fields live in C structs: one table for each record, used by the decoder and the
// encoder alike. The order of the fields is the schema's; a table names them in any order.
#pragma once

#include "common/base/arena.h"
#include "services/validator/schema.h"

#include <stddef.h>
#include <stdint.h>

typedef enum BindingKind {
    BIND_STR,     // string -> Str; null: absent
    BIND_BOOL,    // boolean -> bool
    BIND_TRILEAN, // [null, boolean] -> int32_t, a Trilean
    BIND_ENUM,    // enum -> int32_t, index of our symbol
    BIND_INT32,   // int -> int32_t
    BIND_INT64,   // int or long -> int64_t; null: COUNT_UNKNOWN
    BIND_ARRAY,   // array -> pointer and size_t
    BIND_MAP,     // map -> pointer and size_t, items begin with the key's Str; null: NULL, empty: not NULL
    BIND_POINTER, // [null, record] -> pointer; null: NULL
    BIND_RECORD,  // record -> the struct itself
} BindingKind;

typedef struct Binding {
    const char *name; // of the field; NULL: an item of an array or map
    BindingKind kind;
    uint32_t offset;              // in the struct around it
    uint32_t count_offset;        // array, map: of the size_t
    uint32_t size;                // array, map: of an item; pointer, record: of the struct
    const struct Binding *item;   // array, map: the item; pointer: the record
    const struct Binding *fields; // record
    size_t fields_count;
} Binding;

// clang-format off
#define BIND_FIELD(type, kind_name, wire, member) \
    {.name = (wire), .kind = BIND_##kind_name, .offset = offsetof(type, member)}
#define BIND_ITEMS(type, kind_name, wire, member, count_member, item_binding, item_type) \
    {.name = (wire), \
     .kind = BIND_##kind_name, \
     .offset = offsetof(type, member), \
     .count_offset = offsetof(type, count_member), \
     .size = sizeof(item_type), \
     .item = &(item_binding)}
#define BIND_OPTIONAL(type, wire, member, record_binding, record_type) \
    {.name = (wire), \
     .kind = BIND_POINTER, \
     .offset = offsetof(type, member), \
     .size = sizeof(record_type), \
     .item = &(record_binding)}
#define BIND_STRUCT(type, table) \
    {.kind = BIND_RECORD, .size = sizeof(type), .fields = (table), .fields_count = sizeof(table) / sizeof(table)[0]}
// clang-format on

// Ties each field of a schema of ours to its place and writes its default as a datum, in the arena.
// False: the schema and the table do not fit each other, which `error` explains.
bool binding_attach(const Binding *binding, SchemaNode *node, Arena *arena, Str *error);

// The type behind [null, X] or [X, null], or the node itself.
const SchemaNode *binding_value_type(const SchemaNode *node);
