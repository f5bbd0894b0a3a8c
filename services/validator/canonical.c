#include "services/validator/schema.h"

#include <inttypes.h>

typedef struct Writer {
    Buf *out;
    uint32_t next; // number of the first named type not yet written: later mentions are names
} Writer;

static void add_node(Writer *w, const SchemaNode *node);

// Names and symbols are ASCII identifiers, so nothing needs an escape.
static void add_quoted(Buf *out, Str text) {
    buf_add_byte(out, '"');
    buf_add_str(out, text);
    buf_add_byte(out, '"');
}

static void add_symbols(Buf *out, const SchemaNode *node) {
    buf_add_str(out, STR_LIT(",\"symbols\":["));
    for (size_t i = 0; i < node->symbols.count; i++) {
        buf_add_str(out, i > 0 ? STR_LIT(",") : STR_LIT(""));
        add_quoted(out, node->symbols.ptr[i]);
    }
    buf_add_byte(out, ']');
}

static void add_fields(Writer *w, const SchemaNode *node) {
    buf_add_str(w->out, STR_LIT(",\"fields\":["));
    for (size_t i = 0; i < node->fields_count; i++) {
        buf_add_str(w->out, i > 0 ? STR_LIT(",{\"name\":") : STR_LIT("{\"name\":"));
        add_quoted(w->out, node->fields[i].name);
        buf_add_str(w->out, STR_LIT(",\"type\":"));
        add_node(w, node->fields[i].type);
        buf_add_byte(w->out, '}');
    }
    buf_add_byte(w->out, ']');
}

static void add_named(Writer *w, const SchemaNode *node) {
    if (node->number != w->next) {
        add_quoted(w->out, node->name);
        return;
    }
    w->next++;
    buf_add_str(w->out, STR_LIT("{\"name\":"));
    add_quoted(w->out, node->name);
    buf_printf(w->out, ",\"type\":\"%s\"", schema_type_name(node->type));
    if (node->type == SCHEMA_RECORD) {
        add_fields(w, node);
    } else if (node->type == SCHEMA_ENUM) {
        add_symbols(w->out, node);
    } else {
        buf_printf(w->out, ",\"size\":%zu", node->size);
    }
    buf_add_byte(w->out, '}');
}

static void add_node(Writer *w, const SchemaNode *node) {
    switch (node->type) {
    case SCHEMA_RECORD:
    case SCHEMA_ENUM:
    case SCHEMA_FIXED:
        add_named(w, node);
        break;
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        buf_add_str(w->out, node->type == SCHEMA_MAP ? STR_LIT("{\"type\":\"map\",\"values\":")
                                                     : STR_LIT("{\"type\":\"array\",\"items\":"));
        add_node(w, node->items);
        buf_add_byte(w->out, '}');
        break;
    case SCHEMA_UNION:
        for (size_t i = 0; i < node->branches_count; i++) {
            buf_add_byte(w->out, i > 0 ? ',' : '[');
            add_node(w, node->branches[i]);
        }
        buf_add_byte(w->out, ']');
        break;
    default:
        buf_printf(w->out, "\"%s\"", schema_type_name(node->type));
        break;
    }
}

void schema_add_canonical(const SchemaNode *root, Buf *out) {
    add_node(&(Writer){.out = out}, root);
}

uint64_t schema_fingerprint(const SchemaNode *root) {
    static const uint64_t empty = UINT64_C(0xc15d213aa4d7a795);
    _cleanup_buf_ Buf canonical = {0};
    schema_add_canonical(root, &canonical);
    uint64_t crc = empty;
    for (size_t i = 0; i < canonical.len; i++) {
        crc ^= (unsigned char)canonical.ptr[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (empty & (0 - (crc & 1)));
        }
    }
    return crc;
}
