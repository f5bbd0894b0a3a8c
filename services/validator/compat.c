#include "services/validator/compat.h"

#include "common/base/limits.h"
#include "common/base/vec.h"

#include <jansson.h>

enum { NAME_BYTES_MAX = 64 };

// Records that are being compared, or were found to fit: a type that contains itself comes round again.
typedef struct Pair {
    const SchemaNode *writer, *reader;
} Pair;

typedef struct Compat {
    Arena *arena;
    Str reason;
    VEC(Pair) pairs;
    size_t visits, depth;
} Compat;

#define REFUSE(c, ...) ((c)->reason = arena_printf((c)->arena, __VA_ARGS__), false)

static bool can_read(Compat *c, const SchemaNode *writer, const SchemaNode *reader);

static bool is_path(Str reason) {
    return reason.len > 0 && strchr(".[{", reason.ptr[0]) != NULL;
}

// Puts a step of the path in front of the reason: ".candidates", "[]".
static bool blame(Compat *c, const char *mark, Str name) {
    c->reason = arena_printf(c->arena, "%s%.*s%s" STR_FMT, mark, NAME_BYTES_MAX, name.ptr,
                             is_path(c->reason) ? "" : ": ", STR_ARG(c->reason));
    return false;
}

static Str without_dot(Str reason) {
    return str_starts_with(reason, STR_LIT(".")) ? str_slice(reason, 1, reason.len) : reason;
}

static Str type_text(Compat *c, const SchemaNode *node) {
    const char *type = schema_type_name(node->type);
    return str_is_none(node->name) ? str_from(type)
                                   : arena_printf(c->arena, "%s %.*s", type, NAME_BYTES_MAX, node->name.ptr);
}

// ---- types

// Which types each may be promoted to, itself included.
static bool may_become(SchemaType writer, SchemaType reader) {
    static const unsigned promotions[SCHEMA_TYPES] = {
        [SCHEMA_INT] = 1u << SCHEMA_LONG | 1u << SCHEMA_FLOAT | 1u << SCHEMA_DOUBLE,
        [SCHEMA_LONG] = 1u << SCHEMA_FLOAT | 1u << SCHEMA_DOUBLE,
        [SCHEMA_FLOAT] = 1u << SCHEMA_DOUBLE,
        [SCHEMA_STRING] = 1u << SCHEMA_BYTES,
        [SCHEMA_BYTES] = 1u << SCHEMA_STRING,
    };
    return writer == reader || (promotions[writer] & 1u << reader) != 0;
}

static bool contains(StrList list, Str wanted) {
    for (size_t i = 0; i < list.count; i++) {
        if (str_equal(list.ptr[i], wanted)) {
            return true;
        }
    }
    return false;
}

// By the name behind the last dot, or as an alias of the reader's.
static bool names_match(const SchemaNode *writer, const SchemaNode *reader) {
    return str_is_none(reader->name) || str_equal(schema_short_name(writer->name), schema_short_name(reader->name)) ||
           contains(reader->aliases, writer->name);
}

static bool enum_fits(Compat *c, const SchemaNode *writer, const SchemaNode *reader) {
    for (size_t i = 0; i < writer->symbols.count && reader->fallback < 0; i++) {
        if (!contains(reader->symbols, writer->symbols.ptr[i])) {
            return REFUSE(c, "the symbol %.*s is unknown to the reader, and its enum has no default", NAME_BYTES_MAX,
                          writer->symbols.ptr[i].ptr);
        }
    }
    return true;
}

// ---- records

static const SchemaField *find_field(const SchemaNode *writer, const SchemaField *wanted) {
    const SchemaField *by_alias = NULL;
    for (size_t i = 0; i < writer->fields_count; i++) {
        if (str_equal(writer->fields[i].name, wanted->name)) {
            return &writer->fields[i];
        }
        if (by_alias == NULL && contains(wanted->aliases, writer->fields[i].name)) {
            by_alias = &writer->fields[i];
        }
    }
    return by_alias;
}

static bool fields_fit(Compat *c, const SchemaNode *writer, const SchemaNode *reader) {
    for (size_t i = 0; i < reader->fields_count; i++) {
        const SchemaField *ours = &reader->fields[i], *theirs = find_field(writer, ours);
        bool fits = theirs != NULL
                        ? can_read(c, theirs->type, ours->type)
                        : ours->default_json != NULL || REFUSE(c, "the writer lacks it, and it has no default");
        if (!fits) {
            return blame(c, ".", ours->name);
        }
    }
    return true;
}

static bool record_fits(Compat *c, const SchemaNode *writer, const SchemaNode *reader) {
    for (size_t i = 0; i < c->pairs.count; i++) {
        if (c->pairs.items[i].writer == writer && c->pairs.items[i].reader == reader) {
            return true;
        }
    }
    size_t before = c->pairs.count;
    *vec_push(&c->pairs) = (Pair){writer, reader};
    bool fits = fields_fit(c, writer, reader);
    if (!fits) {
        c->pairs.count = before; // what was found on the assumption that it fits
    }
    return fits;
}

// ---- unions

static bool every_branch_fits(Compat *c, const SchemaNode *writer, const SchemaNode *reader) {
    for (size_t i = 0; i < writer->branches_count; i++) {
        if (!can_read(c, writer->branches[i], reader)) {
            return false;
        }
    }
    return true;
}

// The reason is that of the branch of the same type, if there is one.
static bool some_branch_fits(Compat *c, const SchemaNode *writer, const SchemaNode *reader) {
    Str reason = arena_printf(c->arena, STR_FMT " is none of the reader's branches", STR_ARG(type_text(c, writer)));
    for (size_t i = 0; i < reader->branches_count; i++) {
        const SchemaNode *branch = reader->branches[i];
        if (can_read(c, writer, branch)) {
            return true;
        }
        if (branch->type == writer->type && names_match(writer, branch)) {
            reason = c->reason;
        }
    }
    c->reason = reason;
    return false;
}

// ---- any

static bool same_kind_fits(Compat *c, const SchemaNode *writer, const SchemaNode *reader) {
    switch (reader->type) {
    case SCHEMA_RECORD:
        return record_fits(c, writer, reader);
    case SCHEMA_ENUM:
        return enum_fits(c, writer, reader);
    case SCHEMA_FIXED:
        return writer->size == reader->size ||
               REFUSE(c, "a fixed of %zu bytes cannot be read as one of %zu", writer->size, reader->size);
    case SCHEMA_ARRAY:
        return can_read(c, writer->items, reader->items) || blame(c, "[]", STR_LIT(""));
    case SCHEMA_MAP:
        return can_read(c, writer->items, reader->items) || blame(c, "{}", STR_LIT(""));
    default:
        return true;
    }
}

static bool fits(Compat *c, const SchemaNode *writer, const SchemaNode *reader) {
    if (writer->type == SCHEMA_UNION) {
        return every_branch_fits(c, writer, reader);
    }
    if (reader->type == SCHEMA_UNION) {
        return some_branch_fits(c, writer, reader);
    }
    if (!may_become(writer->type, reader->type) || !names_match(writer, reader)) {
        return REFUSE(c, STR_FMT " cannot be read as " STR_FMT, STR_ARG(type_text(c, writer)),
                      STR_ARG(type_text(c, reader)));
    }
    return same_kind_fits(c, writer, reader);
}

static bool can_read(Compat *c, const SchemaNode *writer, const SchemaNode *reader) {
    if (c->visits >= LIMIT_SCHEMA_NODES || c->depth >= LIMIT_SCHEMA_DEPTH) {
        return REFUSE(c, "more than %d types, or nested deeper than %d, when references are followed",
                      LIMIT_SCHEMA_NODES, LIMIT_SCHEMA_DEPTH);
    }
    c->visits++;
    c->depth++;
    bool good = fits(c, writer, reader);
    c->depth--;
    return good;
}

bool compat_can_read(const SchemaNode *writer, const SchemaNode *reader, Arena *arena, Str *reason) {
    Compat c = {.arena = arena, .reason = STR_LIT("")};
    bool good = can_read(&c, writer, reader);
    *reason = without_dot(c.reason);
    vec_free(&c.pairs);
    return good;
}

// ---- defaults

static bool default_fits(const SchemaNode *node, const json_t *value);

static bool items_fit(const SchemaNode *node, const json_t *value) {
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) {
        if (!default_fits(node->items, item)) {
            return false;
        }
    }
    const char *key;
    json_object_foreach((json_t *)value, key, item) { // which changes nothing
        if (!default_fits(node->items, item)) {
            return false;
        }
    }
    return true;
}

// A field that the default leaves out takes its own, which is looked at where it stands.
static bool record_default_fits(const SchemaNode *node, const json_t *value) {
    for (size_t i = 0; i < node->fields_count; i++) {
        const SchemaField *field = &node->fields[i];
        const json_t *given = json_object_get(value, field->name.ptr);
        if (given == NULL ? field->default_json == NULL : !default_fits(field->type, given)) {
            return false;
        }
    }
    return true;
}

// As deep as the value is nested, however the type is.
static bool default_fits(const SchemaNode *node, const json_t *value) {
    switch (node->type) {
    case SCHEMA_RECORD:
        return json_is_object(value) && record_default_fits(node, value);
    case SCHEMA_ARRAY:
        return json_is_array(value) && items_fit(node, value);
    case SCHEMA_MAP:
        return json_is_object(value) && items_fit(node, value);
    case SCHEMA_UNION:
        return default_fits(node->branches[0], value);
    default: {
        _cleanup_buf_ Buf datum = {0};
        return schema_encode_json(node, value, &datum);
    }
    }
}

static bool check_defaults(Compat *c, const SchemaNode *node);

static bool check_field_defaults(Compat *c, const SchemaNode *node) {
    for (size_t i = 0; i < c->pairs.count; i++) {
        if (c->pairs.items[i].writer == node) {
            return true; // on the way, or done
        }
    }
    *vec_push(&c->pairs) = (Pair){node, node};
    for (size_t i = 0; i < node->fields_count; i++) {
        const SchemaField *field = &node->fields[i];
        bool good = field->default_json == NULL || default_fits(field->type, field->default_json) ||
                    REFUSE(c, "its default does not fit its type");
        if (!good || !check_defaults(c, field->type)) {
            return blame(c, ".", field->name);
        }
    }
    return true;
}

static bool check_defaults(Compat *c, const SchemaNode *node) {
    switch (node->type) {
    case SCHEMA_RECORD:
        return check_field_defaults(c, node);
    case SCHEMA_ARRAY:
        return check_defaults(c, node->items) || blame(c, "[]", STR_LIT(""));
    case SCHEMA_MAP:
        return check_defaults(c, node->items) || blame(c, "{}", STR_LIT(""));
    case SCHEMA_UNION:
        for (size_t i = 0; i < node->branches_count; i++) {
            if (!check_defaults(c, node->branches[i])) {
                return false;
            }
        }
        return true;
    default:
        return true;
    }
}

bool compat_check_defaults(const SchemaNode *root, Arena *arena, Str *reason) {
    Compat c = {.arena = arena, .reason = STR_LIT("")};
    bool good = check_defaults(&c, root);
    *reason = without_dot(c.reason);
    vec_free(&c.pairs);
    return good;
}
