#include "services/validator/encode.h"

#include "services/validator/framing.h"
#include "services/validator/own_schemas.h"
#include "services/validator/varint.h"

#include <stdlib.h>

// A place in the struct. The binding's kind and the member's type agree, so it is aligned.
#define PLACE(type) ((const type *)(const void *)(base + binding->offset))

static void add_value(const SchemaNode *node, const Binding *binding, const char *base, Buf *out);

static bool is_null(const Binding *binding, const char *base) {
    switch (binding->kind) {
    case BIND_STR:
        return str_is_none(*PLACE(Str));
    case BIND_INT64:
        return *PLACE(int64_t) == COUNT_UNKNOWN;
    case BIND_TRILEAN:
        return *PLACE(int32_t) == TRILEAN_UNKNOWN;
    case BIND_MAP:
    case BIND_POINTER:
        return *PLACE(void *) == NULL;
    default:
        return false;
    }
}

static void add_text(Str text, Buf *out) {
    varint_add_long(out, (int64_t)text.len);
    buf_add_str(out, text);
}

static void add_fields(const SchemaNode *record, const char *base, Buf *out) {
    for (size_t i = 0; i < record->fields_count; i++) {
        add_value(record->fields[i].type, record->fields[i].binding, base, out);
    }
}

// One block, then the end; the end alone when there is nothing.
static void add_items(const SchemaNode *node, const Binding *binding, const char *base, Buf *out) {
    const char *items = *PLACE(char *);
    size_t count;
    memcpy(&count, base + binding->count_offset, sizeof count);
    if (count > 0) {
        varint_add_long(out, (int64_t)count);
    }
    for (size_t i = 0; i < count; i++) {
        const char *item = items + i * binding->size;
        if (node->type == SCHEMA_MAP) {
            add_text(*(const Str *)(const void *)item, out);
        }
        add_value(node->items, binding->item, item, out);
    }
    varint_add_long(out, 0);
}

static void add_bound(const SchemaNode *node, const Binding *binding, const char *base, Buf *out) {
    switch (binding->kind) {
    case BIND_STR:
        add_text(*PLACE(Str), out);
        break;
    case BIND_BOOL:
        buf_add_byte(out, *PLACE(bool));
        break;
    case BIND_TRILEAN:
        buf_add_byte(out, *PLACE(int32_t) == TRILEAN_TRUE);
        break;
    case BIND_ENUM:
    case BIND_INT32:
        varint_add_long(out, *PLACE(int32_t));
        break;
    case BIND_INT64:
        varint_add_long(out, *PLACE(int64_t));
        break;
    case BIND_ARRAY:
    case BIND_MAP:
        add_items(node, binding, base, out);
        break;
    case BIND_POINTER:
        add_fields(node, *PLACE(char *), out);
        break;
    case BIND_RECORD:
        add_fields(node, base + binding->offset, out);
        break;
    }
}

static void add_value(const SchemaNode *node, const Binding *binding, const char *base, Buf *out) {
    const SchemaNode *value = binding_value_type(node);
    if (value != node) {
        bool null = is_null(binding, base);
        bool null_first = node->branches[0]->type == SCHEMA_NULL;
        varint_add_long(out, null == null_first ? 0 : 1);
        if (null) {
            return;
        }
    }
    add_bound(value, binding, base, out);
}

static void add_struct(const OwnSchema *own, const void *value, Buf *out) {
    framing_add_single_object(out, own->fingerprint);
    add_fields(own->schema.root, value, out);
}

void encode_struct(Str schema_name, const void *value, Buf *out) {
    const OwnSchema *own = own_schema_by_name(schema_name);
    if (own == NULL) {
        abort();
    }
    add_struct(own, value, out);
}

void encode_record(const Record *record, Buf *out) {
    size_t count;
    const OwnSchema *own = own_schemas(&count);
    for (size_t i = 0; i < count; i++) {
        if (own[i].type == record->type && record->type != RECORD_NONE) {
            add_struct(&own[i], (const char *)record + own[i].offset, out);
            return;
        }
    }
    abort();
}
