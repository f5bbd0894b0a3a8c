#include "services/validator/schema.h"

#include "common/base/limits.h"
#include "common/base/text.h"
#include "services/validator/avro_c.h"

#include <jansson.h>
#include <stdlib.h>

enum {
    // JSON takes up to three levels ({fields: [{type: ...) where a schema takes one.
    JSON_DEPTH_MAX = 4 * LIMIT_SCHEMA_DEPTH,
    // Separators and brackets: what jansson's tree grows with. A field of ours has about six.
    JSON_MARKS_MAX = 16 * LIMIT_SCHEMA_NODES,
};

typedef struct Named {
    struct Named *next;
    SchemaNode *node;
} Named;

typedef struct Parser {
    Arena *arena;
    Named *named; // newest first
    uint32_t named_count;
    size_t nodes, depth;
    bool recursive;
    Str error;
} Parser;

// Notes why the schema is refused; the value is the NULL to return.
#define REFUSE(p, ...) ((p)->error = text_one_line((p)->arena, arena_printf((p)->arena, __VA_ARGS__)), NULL)

// A hostile name does not fill the detail.
#define NAME_FMT "%.64s"

// clang-format off
static const struct {
    const char *name;
    uint32_t min_bytes;
} types[SCHEMA_TYPES] = {
    [SCHEMA_NULL] = {"null", 0},
    [SCHEMA_BOOLEAN] = {"boolean", 1},
    [SCHEMA_INT] = {"int", 1},
    [SCHEMA_LONG] = {"long", 1},
    [SCHEMA_FLOAT] = {"float", 4},
    [SCHEMA_DOUBLE] = {"double", 8},
    [SCHEMA_BYTES] = {"bytes", 1},
    [SCHEMA_STRING] = {"string", 1},
    [SCHEMA_FIXED] = {"fixed", 0},
    [SCHEMA_ENUM] = {"enum", 1},
    [SCHEMA_ARRAY] = {"array", 1},
    [SCHEMA_MAP] = {"map", 1},
    [SCHEMA_UNION] = {"union", 1},
    [SCHEMA_RECORD] = {"record", 0},
};
// clang-format on

static SchemaNode *parse_node(Parser *p, const json_t *json, Str space);

const char *schema_type_name(SchemaType type) {
    return types[type].name;
}

Str schema_short_name(Str full_name) {
    size_t from = full_name.len;
    while (from > 0 && full_name.ptr[from - 1] != '.') {
        from--;
    }
    return str_slice(full_name, from, full_name.len);
}

static SchemaType type_of_name(Str name) {
    for (int type = 0; type < SCHEMA_TYPES; type++) {
        if (str_equal_text(name, types[type].name)) {
            return (SchemaType)type;
        }
    }
    return SCHEMA_TYPES;
}

static bool is_primitive(SchemaType type) {
    return type <= SCHEMA_STRING;
}

static Str json_str(const json_t *json) {
    return json_is_string(json) ? (Str){json_string_value(json), json_string_length(json)} : STR_NONE;
}

static bool is_name_byte(char c, bool first) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static bool is_name(Str name) {
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte(name.ptr[i], i == 0)) {
            return false;
        }
    }
    return name.len > 0;
}

// Names joined by dots. Empty is a namespace, too: none.
static bool is_dotted_name(Str name) {
    bool first = true;
    for (size_t i = 0; i < name.len; i++) {
        bool dot = name.ptr[i] == '.';
        if (dot ? first : !is_name_byte(name.ptr[i], first)) {
            return false;
        }
        first = dot;
    }
    return name.len == 0 || !first;
}

static Str space_of(Str full_name) {
    size_t name_len = schema_short_name(full_name).len;
    return name_len == full_name.len ? STR_LIT("") : str_slice(full_name, 0, full_name.len - name_len - 1);
}

static Str qualified(Parser *p, Str name, Str space) {
    if (space.len == 0 || space_of(name).len > 0) {
        return name;
    }
    return arena_printf(p->arena, STR_FMT "." STR_FMT, STR_ARG(space), STR_ARG(name));
}

static int compare_strs(const void *a, const void *b) {
    return str_compare(*(const Str *)a, *(const Str *)b);
}

// A string that is in the list twice; absent when there is none. Sorted, for a list may be long.
static Str duplicate_in(Parser *p, StrList list) {
    Str *sorted = arena_alloc(p->arena, list.count, sizeof *sorted);
    for (size_t i = 0; i < list.count; i++) {
        sorted[i] = list.ptr[i];
    }
    qsort(sorted, list.count, sizeof *sorted, compare_strs);
    for (size_t i = 1; i < list.count; i++) {
        if (str_equal(sorted[i - 1], sorted[i])) {
            return sorted[i];
        }
    }
    return STR_NONE;
}

// An array of strings, or nothing at all. NULL on failure.
static StrList *parse_strings(Parser *p, const json_t *owner, const char *key, StrList *out) {
    const json_t *json = json_object_get(owner, key);
    *out = (StrList){.count = json_array_size(json)};
    if (json != NULL && !json_is_array(json)) {
        return REFUSE(p, "\"%s\" is not an array", key);
    }
    out->ptr = arena_alloc(p->arena, out->count, sizeof *out->ptr);
    for (size_t i = 0; i < out->count; i++) {
        out->ptr[i] = json_str(json_array_get(json, i));
        if (!is_dotted_name(out->ptr[i]) || out->ptr[i].len == 0) {
            return REFUSE(p, "\"%s\" holds something that is no name", key);
        }
    }
    return out;
}

static SchemaNode *new_node(Parser *p, SchemaType type) {
    if (++p->nodes > LIMIT_SCHEMA_NODES) {
        return REFUSE(p, "more than %d types", LIMIT_SCHEMA_NODES);
    }
    SchemaNode *node = arena_alloc(p->arena, 1, sizeof *node);
    node->type = type;
    node->min_bytes = types[type].min_bytes;
    return node;
}

static SchemaNode *find_named(const Parser *p, Str full_name) {
    for (const Named *named = p->named; named != NULL; named = named->next) {
        if (str_equal(named->node->name, full_name)) {
            return named->node;
        }
    }
    return NULL;
}

static SchemaNode *parse_reference(Parser *p, Str name, Str space) {
    SchemaType type = type_of_name(name);
    if (is_primitive(type)) {
        return new_node(p, type);
    }
    SchemaNode *node = find_named(p, qualified(p, name, space));
    if (node == NULL) {
        return REFUSE(p, "no type " NAME_FMT " is defined", name.ptr);
    }
    if (++p->nodes > LIMIT_SCHEMA_NODES) {
        return REFUSE(p, "more than %d types", LIMIT_SCHEMA_NODES);
    }
    node->recursive |= node->open;
    p->recursive |= node->open;
    return node;
}

// A record, enum or fixed with its names, known from now on.
static SchemaNode *new_named(Parser *p, const json_t *json, SchemaType type, Str space) {
    Str name = json_str(json_object_get(json, "name"));
    const json_t *given = json_object_get(json, "namespace");
    if (json_is_string(given)) {
        space = json_str(given);
    }
    if (name.len == 0 || !is_dotted_name(name) || !is_dotted_name(space)) {
        return REFUSE(p, "a %s without a proper name", types[type].name);
    }
    SchemaNode *node = new_node(p, type);
    if (node == NULL || parse_strings(p, json, "aliases", &node->aliases) == NULL) {
        return NULL;
    }
    node->name = qualified(p, name, space);
    if (type_of_name(node->name) != SCHEMA_TYPES || find_named(p, node->name) != NULL) {
        return REFUSE(p, "the name " NAME_FMT " is taken", node->name.ptr);
    }
    for (size_t i = 0; i < node->aliases.count; i++) {
        node->aliases.ptr[i] = qualified(p, node->aliases.ptr[i], space_of(node->name));
    }
    Named *named = arena_alloc(p->arena, 1, sizeof *named);
    *named = (Named){p->named, node};
    p->named = named;
    node->number = p->named_count++;
    node->fallback = -1;
    return node;
}

static SchemaNode *parse_enum(Parser *p, const json_t *json, Str space) {
    SchemaNode *node = new_named(p, json, SCHEMA_ENUM, space);
    if (node == NULL || parse_strings(p, json, "symbols", &node->symbols) == NULL) {
        return NULL;
    }
    Str fallback = json_str(json_object_get(json, "default"));
    for (size_t i = 0; i < node->symbols.count; i++) {
        if (!is_name(node->symbols.ptr[i])) {
            return REFUSE(p, "enum " NAME_FMT " has a symbol that is no name", node->name.ptr);
        }
        if (str_equal(node->symbols.ptr[i], fallback)) {
            node->fallback = (int32_t)i;
        }
    }
    Str twice = duplicate_in(p, node->symbols);
    if (!str_is_none(twice)) {
        return REFUSE(p, "enum " NAME_FMT " has the symbol " NAME_FMT " twice", node->name.ptr, twice.ptr);
    }
    if (node->symbols.count == 0 || (json_object_get(json, "default") != NULL && node->fallback < 0)) {
        return REFUSE(p, "enum " NAME_FMT " has no symbols, or a default that is none of them", node->name.ptr);
    }
    return node;
}

static SchemaNode *parse_fixed(Parser *p, const json_t *json, Str space) {
    SchemaNode *node = new_named(p, json, SCHEMA_FIXED, space);
    if (node == NULL) {
        return NULL;
    }
    const json_t *size = json_object_get(json, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > LIMIT_RECORD_BYTES) {
        return REFUSE(p, "fixed " NAME_FMT " has a size that is not from 0 to %d", node->name.ptr, LIMIT_RECORD_BYTES);
    }
    node->size = (size_t)json_integer_value(size);
    node->min_bytes = (uint32_t)node->size;
    return node;
}

static SchemaField *parse_field(Parser *p, const json_t *json, Str space, SchemaField *field) {
    field->name = json_str(json_object_get(json, "name"));
    field->default_json = json_object_get(json, "default");
    if (!is_name(field->name)) {
        return REFUSE(p, "a field without a proper name");
    }
    const json_t *type = json_object_get(json, "type");
    if (type == NULL) {
        return REFUSE(p, "field " NAME_FMT " has no type", field->name.ptr);
    }
    if (parse_strings(p, json, "aliases", &field->aliases) == NULL) {
        return NULL;
    }
    field->type = parse_node(p, type, space);
    return field->type == NULL ? NULL : field;
}

static uint32_t add_saturating(uint32_t a, uint32_t b) {
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static SchemaNode *parse_record(Parser *p, const json_t *json, Str space) {
    SchemaNode *node = new_named(p, json, SCHEMA_RECORD, space);
    if (node == NULL) {
        return NULL;
    }
    const json_t *fields = json_object_get(json, "fields");
    node->fields_count = json_array_size(fields);
    if (!json_is_array(fields) || node->fields_count > LIMIT_SCHEMA_NODES) {
        return REFUSE(p, "record " NAME_FMT " has no fields, or too many", node->name.ptr);
    }
    node->fields = arena_alloc(p->arena, node->fields_count, sizeof *node->fields);
    StrList names = {.ptr = arena_alloc(p->arena, node->fields_count, sizeof(Str)), .count = node->fields_count};
    node->open = true;
    for (size_t i = 0; i < node->fields_count; i++) {
        SchemaField *field = parse_field(p, json_array_get(fields, i), space_of(node->name), &node->fields[i]);
        if (field == NULL) {
            return NULL;
        }
        names.ptr[i] = field->name;
        node->min_bytes = add_saturating(node->min_bytes, field->type->min_bytes);
    }
    node->open = false;
    Str twice = duplicate_in(p, names);
    if (!str_is_none(twice)) {
        return REFUSE(p, "record " NAME_FMT " has the field " NAME_FMT " twice", node->name.ptr, twice.ptr);
    }
    return node;
}

static SchemaNode *parse_items(Parser *p, const json_t *json, SchemaType type, Str space) {
    const json_t *items = json_object_get(json, type == SCHEMA_MAP ? "values" : "items");
    SchemaNode *node = new_node(p, type);
    if (node == NULL) {
        return NULL;
    }
    if (items == NULL) {
        return REFUSE(p, "%s of nothing", types[type].name);
    }
    node->items = parse_node(p, items, space);
    return node->items == NULL ? NULL : node;
}

// Named types are told apart by their names, all others by their kind.
static bool same_branch(const SchemaNode *a, const SchemaNode *b) {
    return a == b || (a->type == b->type && str_is_none(a->name));
}

static SchemaNode *parse_union(Parser *p, const json_t *json, Str space) {
    SchemaNode *node = new_node(p, SCHEMA_UNION);
    if (node == NULL) {
        return NULL;
    }
    node->branches_count = json_array_size(json);
    if (node->branches_count == 0 || node->branches_count > LIMIT_SCHEMA_NODES) {
        return REFUSE(p, "a union of nothing, or of too many types");
    }
    node->branches = arena_alloc(p->arena, node->branches_count, sizeof(SchemaNode *));
    uint32_t shortest = UINT32_MAX;
    for (size_t i = 0; i < node->branches_count; i++) {
        SchemaNode *branch = parse_node(p, json_array_get(json, i), space);
        if (branch == NULL) {
            return NULL;
        }
        if (branch->type == SCHEMA_UNION) {
            return REFUSE(p, "a union directly in a union");
        }
        for (size_t j = 0; j < i; j++) {
            if (same_branch(node->branches[j], branch)) {
                return REFUSE(p, "a union with %s twice", types[branch->type].name);
            }
        }
        node->branches[i] = branch;
        shortest = branch->min_bytes < shortest ? branch->min_bytes : shortest;
    }
    node->min_bytes = add_saturating(node->min_bytes, shortest);
    return node;
}

static SchemaNode *parse_object(Parser *p, const json_t *json, Str space) {
    Str name = json_str(json_object_get(json, "type"));
    if (str_is_none(name)) {
        return REFUSE(p, "an object whose \"type\" is not a string");
    }
    switch (type_of_name(name)) {
    case SCHEMA_RECORD:
        return parse_record(p, json, space);
    case SCHEMA_ENUM:
        return parse_enum(p, json, space);
    case SCHEMA_FIXED:
        return parse_fixed(p, json, space);
    case SCHEMA_ARRAY:
        return parse_items(p, json, SCHEMA_ARRAY, space);
    case SCHEMA_MAP:
        return parse_items(p, json, SCHEMA_MAP, space);
    default:
        return parse_reference(p, name, space);
    }
}

static SchemaNode *parse_node(Parser *p, const json_t *json, Str space) {
    if (p->depth == LIMIT_SCHEMA_DEPTH) {
        return REFUSE(p, "nested deeper than %d types", LIMIT_SCHEMA_DEPTH);
    }
    p->depth++;
    SchemaNode *node;
    if (json_is_string(json)) {
        node = parse_reference(p, json_str(json), space);
    } else if (json_is_array(json)) {
        node = parse_union(p, json, space);
    } else if (json_is_object(json)) {
        node = parse_object(p, json, space);
    } else {
        node = REFUSE(p, "a type that is no string, array or object");
    }
    p->depth--;
    return node;
}

// Before jansson makes a tree of it: no deeper and with no more values than a schema of ours may have.
static bool text_is_bounded(Str json) {
    size_t depth = 0, marks = 0;
    bool quoted = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            marks++;
            if (++depth > JSON_DEPTH_MAX) {
                return false;
            }
        } else if (c == ']' || c == '}') {
            depth -= depth > 0;
        } else if (c == ',') {
            marks++;
        }
    }
    return marks <= JSON_MARKS_MAX;
}

// A byte 0 is as good as any in the default of a bytes or fixed, but Avro C's JSON parser refuses it.
static bool has_nul(Str json) {
    static const char escaped[] = "\\u0000";
    return memmem(json.ptr, json.len, escaped, sizeof escaped - 1) != NULL;
}

static bool parse(Parser *p, Schema *schema, Str json) {
    if (json.len == 0 || json.len > LIMIT_SCHEMA_BYTES || !text_is_bounded(json)) {
        return REFUSE(p, "a schema must have 1 to %d bytes and at most %d levels", LIMIT_SCHEMA_BYTES,
                      LIMIT_SCHEMA_DEPTH);
    }
    json_error_t fault;
    schema->json = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
    if (schema->json == NULL) {
        return REFUSE(p, "not JSON: %s at line %d", fault.text, fault.line);
    }
    schema->root = parse_node(p, schema->json, STR_LIT(""));
    if (schema->root == NULL) {
        return false;
    }
    if (!p->recursive && !has_nul(json) && !avro_c_accepts(json)) {
        return REFUSE(p, "refused by Avro C");
    }
    return true;
}

bool schema_parse(Schema *schema, Str json, Arena *arena, Str *error) {
    Parser parser = {.arena = arena};
    *schema = (Schema){0};
    bool parsed = parse(&parser, schema, json);
    if (!parsed) {
        *error = parser.error;
        schema_clear(schema);
    }
    return parsed;
}

void schema_clear(Schema *schema) {
    json_decref(schema->json);
    *schema = (Schema){0};
}
