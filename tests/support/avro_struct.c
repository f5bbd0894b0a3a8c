#include "tests/support/avro_struct.h"

#include "common/domain/record.h"

#include <jansson.h>

enum {
    SLOT = STRUCT_HEADER_BYTES, // bytes for each member: a Str, a pointer with its count, or less
    FIELDS_MAX = 1000,          // a few references can make a struct of a million
};

// ---- a struct for a schema

static Binding lay_record(Arena *arena, const SchemaNode *node, uint32_t header);

static BindingKind kind_of(const SchemaNode *value, bool nullable, uint32_t offset) {
    switch (value->type) {
    case SCHEMA_STRING:
        return BIND_STR;
    case SCHEMA_BOOLEAN:
        return nullable ? BIND_TRILEAN : BIND_BOOL;
    case SCHEMA_INT: // either will do: take turns
        return nullable || offset / SLOT % 2 == 0 ? BIND_INT64 : BIND_INT32;
    case SCHEMA_LONG:
        return BIND_INT64;
    case SCHEMA_ENUM:
        return BIND_ENUM;
    case SCHEMA_ARRAY:
        return BIND_ARRAY;
    case SCHEMA_MAP:
        return BIND_MAP;
    default:
        return nullable ? BIND_POINTER : BIND_RECORD;
    }
}

// Fields that a struct for this type would have, those of its records counted wherever they are referred to; stops
// at more than FIELDS_MAX, and takes a record that contains itself for as many.
static size_t count_fields(const SchemaNode *node) {
    const SchemaNode *value = binding_value_type(node);
    if (value->type == SCHEMA_ARRAY || value->type == SCHEMA_MAP) {
        return 1 + count_fields(value->items);
    }
    size_t count = value->recursive ? FIELDS_MAX + 1 : 1;
    for (size_t i = 0; value->type == SCHEMA_RECORD && i < value->fields_count && count <= FIELDS_MAX; i++) {
        count += count_fields(value->fields[i].type);
    }
    return count;
}

static Binding *copy_binding(Arena *arena, Binding binding) {
    Binding *copy = arena_alloc(arena, 1, sizeof *copy);
    *copy = binding;
    return copy;
}

// Places a value at `*end`, and moves that behind it.
static Binding lay_value(Arena *arena, const SchemaNode *node, uint32_t *end) {
    const SchemaNode *value = binding_value_type(node);
    Binding binding = {.kind = kind_of(value, value != node, *end), .offset = *end};
    if (binding.kind == BIND_RECORD) {
        uint32_t offset = *end;
        binding = lay_record(arena, value, 0);
        binding.offset = offset;
        *end += binding.size;
        return binding;
    }
    if (binding.kind == BIND_ARRAY || binding.kind == BIND_MAP) {
        binding.count_offset = *end + sizeof(void *);
        binding.size = binding.kind == BIND_MAP ? SLOT : 0; // the key
        Binding item = lay_value(arena, value->items, &binding.size);
        binding.item = copy_binding(arena, item);
    } else if (binding.kind == BIND_POINTER) {
        binding.item = copy_binding(arena, lay_record(arena, value, 0));
        binding.size = binding.item->size;
    }
    *end += SLOT;
    return binding;
}

static Binding lay_record(Arena *arena, const SchemaNode *node, uint32_t header) {
    Binding *fields = arena_alloc(arena, node->fields_count, sizeof *fields);
    Binding record = {.kind = BIND_RECORD, .size = header, .fields = fields, .fields_count = node->fields_count};
    for (size_t i = 0; i < node->fields_count; i++) {
        fields[i] = lay_value(arena, node->fields[i].type, &record.size);
        fields[i].name = node->fields[i].name.ptr;
    }
    record.size = record.size == 0 ? SLOT : record.size;
    return record;
}

bool struct_bind(Binding *binding, SchemaNode *node, Arena *arena, Str *error) {
    if (node->type != SCHEMA_RECORD || count_fields(node) > FIELDS_MAX) {
        *error = STR_LIT("no record, or one with too many fields for a struct");
        return false;
    }
    *binding = lay_record(arena, node, STRUCT_HEADER_BYTES);
    return binding_attach(binding, node, arena, error);
}

// ---- its value as JSON

#define PLACE(type) (*(const type *)(const void *)(base + binding->offset))

static json_t *print_value(const SchemaNode *node, const Binding *binding, const char *base);

static json_t *print_str(Str s) {
    return str_is_none(s) ? json_null() : json_stringn(s.ptr, s.len);
}

static json_t *print_fields(const SchemaNode *node, const Binding *record, const char *base) {
    json_t *out = json_object();
    for (size_t i = 0; i < node->fields_count; i++) {
        json_object_set_new(out, node->fields[i].name.ptr, print_value(node->fields[i].type, &record->fields[i], base));
    }
    return out;
}

static json_t *print_items(const SchemaNode *node, const Binding *binding, const char *base) {
    const char *items = PLACE(char *);
    size_t count = *(const size_t *)(const void *)(base + binding->count_offset);
    bool keyed = binding->kind == BIND_MAP;
    if (keyed && items == NULL) {
        return json_null();
    }
    json_t *out = keyed ? json_object() : json_array();
    for (size_t i = 0; i < count; i++) {
        const char *item = items + i * binding->size;
        json_t *value = print_value(node->items, binding->item, item);
        if (keyed) {
            const Str *key = (const Str *)(const void *)item;
            json_object_setn_new(out, key->ptr, key->len, value);
        } else {
            json_array_append_new(out, value);
        }
    }
    return out;
}

static json_t *print_value(const SchemaNode *node, const Binding *binding, const char *base) {
    const SchemaNode *value = binding_value_type(node);
    switch (binding->kind) {
    case BIND_STR:
        return print_str(PLACE(Str));
    case BIND_BOOL:
        return json_boolean(PLACE(bool));
    case BIND_TRILEAN:
        return PLACE(int32_t) == TRILEAN_UNKNOWN ? json_null() : json_boolean(PLACE(int32_t) == TRILEAN_TRUE);
    case BIND_ENUM:
        return print_str(value->symbols.ptr[PLACE(int32_t)]);
    case BIND_INT32:
        return json_integer(PLACE(int32_t));
    case BIND_INT64:
        return value != node && PLACE(int64_t) == COUNT_UNKNOWN ? json_null() : json_integer(PLACE(int64_t));
    case BIND_ARRAY:
    case BIND_MAP:
        return print_items(value, binding, base);
    case BIND_POINTER:
        return PLACE(char *) == NULL ? json_null() : print_fields(value, binding->item, PLACE(char *));
    case BIND_RECORD:
        return print_fields(value, binding, base + binding->offset);
    }
    return json_null();
}

json_t *struct_to_json(const SchemaNode *node, const Binding *binding, const void *value) {
    return print_fields(node, binding, value);
}
