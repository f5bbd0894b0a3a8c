#include "services/validator/binding.h"

#define REFUSE(error, arena, ...) (*(error) = arena_printf((arena), __VA_ARGS__), false)

const SchemaNode *binding_value_type(const SchemaNode *node) {
    if (node->type != SCHEMA_UNION || node->branches_count != 2) {
        return node;
    }
    if (node->branches[0]->type == SCHEMA_NULL) {
        return node->branches[1];
    }
    return node->branches[1]->type == SCHEMA_NULL ? node->branches[0] : node;
}

static bool kind_fits(const Binding *binding, const SchemaNode *value, bool nullable) {
    switch (binding->kind) {
    case BIND_STR:
        return value->type == SCHEMA_STRING;
    case BIND_BOOL:
        return value->type == SCHEMA_BOOLEAN && !nullable;
    case BIND_TRILEAN:
        return value->type == SCHEMA_BOOLEAN && nullable;
    case BIND_ENUM:
        return value->type == SCHEMA_ENUM && !nullable;
    case BIND_INT32:
        return value->type == SCHEMA_INT && !nullable;
    case BIND_INT64:
        return value->type == SCHEMA_INT || value->type == SCHEMA_LONG;
    case BIND_ARRAY:
        return value->type == SCHEMA_ARRAY && !nullable;
    case BIND_MAP:
        return value->type == SCHEMA_MAP;
    case BIND_POINTER:
        return value->type == SCHEMA_RECORD && nullable;
    case BIND_RECORD:
        return value->type == SCHEMA_RECORD && !nullable;
    }
    return false;
}

static const Binding *find_field(const Binding *record, Str name) {
    for (size_t i = 0; i < record->fields_count; i++) {
        if (str_equal_text(name, record->fields[i].name)) {
            return &record->fields[i];
        }
    }
    return NULL;
}

static bool attach_default(SchemaField *field, Arena *arena) {
    if (field->default_json == NULL) {
        return true;
    }
    _cleanup_buf_ Buf datum = {0};
    bool fits = schema_encode_json(field->type, field->default_json, &datum);
    field->default_bytes = arena_copy(arena, buf_str(&datum));
    return fits;
}

static bool attach_fields(const Binding *record, SchemaNode *node, Arena *arena, Str *error) {
    if (node->fields_count != record->fields_count || node->recursive) {
        return REFUSE(error, arena, STR_FMT ": recursive, or has other fields than its binding", STR_ARG(node->name));
    }
    for (size_t i = 0; i < node->fields_count; i++) {
        SchemaField *field = &node->fields[i];
        field->binding = find_field(record, field->name);
        if (field->binding == NULL) {
            return REFUSE(error, arena, STR_FMT "." STR_FMT " has no binding", STR_ARG(node->name),
                          STR_ARG(field->name));
        }
        if (!attach_default(field, arena)) {
            return REFUSE(error, arena, STR_FMT "." STR_FMT " has a default of another type", STR_ARG(node->name),
                          STR_ARG(field->name));
        }
        if (!binding_attach(field->binding, field->type, arena, error)) {
            return false;
        }
    }
    return true;
}

bool binding_attach(const Binding *binding, SchemaNode *node, Arena *arena, Str *error) {
    SchemaNode *value = (SchemaNode *)binding_value_type(node);
    if (!kind_fits(binding, value, value != node)) {
        return REFUSE(error, arena, "%s is bound as another type than %s",
                      binding->name != NULL ? binding->name : "item", schema_type_name(value->type));
    }
    switch (binding->kind) {
    case BIND_ARRAY:
    case BIND_MAP:
        return binding_attach(binding->item, value->items, arena, error);
    case BIND_POINTER:
        return attach_fields(binding->item, value, arena, error);
    case BIND_RECORD:
        return attach_fields(binding, value, arena, error);
    default:
        return true;
    }
}
