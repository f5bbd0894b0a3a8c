// An Avro schema as a tree, from JSON that nobody vouches for.
//
// What passes schema_parse() keeps the specification's rules (names, duplicates, unions, sizes) and
// our limits, and Avro C accepts it too, if it can be asked (avro_c.h). The tree keeps what Avro C
// forgets: defaults and aliases.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/str.h"

#include <stdint.h>

struct json_t;
struct Binding;

typedef enum SchemaType {
    SCHEMA_NULL,
    SCHEMA_BOOLEAN,
    SCHEMA_INT,
    SCHEMA_LONG,
    SCHEMA_FLOAT,
    SCHEMA_DOUBLE,
    SCHEMA_BYTES,
    SCHEMA_STRING,
    SCHEMA_FIXED,
    SCHEMA_ENUM,
    SCHEMA_ARRAY,
    SCHEMA_MAP,
    SCHEMA_UNION,
    SCHEMA_RECORD,
    SCHEMA_TYPES
} SchemaType;

typedef struct StrList {
    Str *ptr;
    size_t count;
} StrList;

typedef struct SchemaNode SchemaNode;

typedef struct SchemaField {
    Str name;
    StrList aliases;
    SchemaNode *type;
    const struct json_t *default_json; // NULL: none
    // Of our own schemas alone, set by binding_attach():
    Str default_bytes;             // the default as a datum of `type`; absent: none
    const struct Binding *binding; // the field's place in a C struct
} SchemaField;

struct SchemaNode {
    SchemaType type;
    uint32_t min_bytes; // no datum is shorter; saturates
    // Records, enums and fixed:
    Str name;            // full
    StrList aliases;     // full names
    uint32_t number;     // of named types in the order of their definitions
    bool open;           // while its definition is being parsed
    bool recursive;      // a record that may contain itself
    size_t size;         // fixed
    StrList symbols;     // enum
    int32_t fallback;    // enum: index of its default symbol, -1: none
    SchemaField *fields; // record
    size_t fields_count;
    SchemaNode **branches; // union
    size_t branches_count;
    SchemaNode *items; // array; a map's values
};

typedef struct Schema {
    SchemaNode *root;
    struct json_t *json; // owned; names in the tree are borrowed from it
} Schema;

// The tree, and `error` on failure, are made in the arena. On failure `schema` holds nothing.
bool schema_parse(Schema *schema, Str json, Arena *arena, Str *error);
void schema_clear(Schema *schema);

// "record", "long" ...
const char *schema_type_name(SchemaType type);

// The part of a full name behind the last dot.
Str schema_short_name(Str full_name);

// Parsing Canonical Form, appended.
void schema_add_canonical(const SchemaNode *root, Buf *out);

// CRC-64-AVRO of the Parsing Canonical Form.
uint64_t schema_fingerprint(const SchemaNode *root);

// A JSON value written as a datum, as the specification has it for defaults: a union's value is of
// its first branch, bytes are code points up to 255, fields left out take their defaults. False:
// the value does not fit the schema; `out` then holds a part of it.
bool schema_encode_json(const SchemaNode *node, const struct json_t *value, Buf *out);
