// Defaults: JSON to datum.
#include "services/validator/schema.h"

#include "services/validator/varint.h"

#include <jansson.h>
#include <math.h>

static void add_string(Buf *out, const char *bytes, size_t len) {
    varint_add_long(out, (int64_t)len);
    buf_add(out, bytes, len);
}

static bool encode_integer(const SchemaNode *node, const json_t *value, Buf *out) {
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || (node->type == SCHEMA_INT && (n < INT32_MIN || n > INT32_MAX))) {
        return false;
    }
    varint_add_long(out, n);
    return true;
}

static void add_little_endian(Buf *out, uint64_t bits, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) {
        buf_add_byte(out, (uint8_t)(bits >> (8 * i)));
    }
}

static bool encode_real(const SchemaNode *node, const json_t *value, Buf *out) {
    if (!json_is_number(value)) {
        return false;
    }
    double wide = json_number_value(value);
    if (node->type == SCHEMA_DOUBLE) {
        uint64_t bits;
        memcpy(&bits, &wide, sizeof bits);
        add_little_endian(out, bits, 8);
        return true;
    }
    float narrow = (float)wide;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    add_little_endian(out, bits, 4);
    return true;
}

// Of bytes and fixed: each code point up to U+00FF is a byte.
static bool encode_code_points(const SchemaNode *node, const json_t *value, Buf *out) {
    _cleanup_buf_ Buf bytes = {0};
    const unsigned char *at = (const unsigned char *)json_string_value(value);
    size_t len = json_string_length(value);
    if (at == NULL) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (at[i] < 0x80) {
            buf_add_byte(&bytes, at[i]);
        } else if (at[i] <= 0xC3 && i + 1 < len) {
            buf_add_byte(&bytes, (uint8_t)(at[i] << 6 | (at[i + 1] & 0x3F)));
            i++;
        } else {
            return false;
        }
    }
    if (node->type == SCHEMA_FIXED) {
        buf_add(out, bytes.ptr, bytes.len);
        return bytes.len == node->size;
    }
    add_string(out, bytes.ptr, bytes.len);
    return true;
}

static bool encode_symbol(const SchemaNode *node, const json_t *value, Buf *out) {
    Str wanted = {json_string_value(value), json_string_length(value)};
    for (size_t i = 0; i < node->symbols.count; i++) {
        if (str_equal(node->symbols.ptr[i], wanted)) {
            varint_add_long(out, (int64_t)i);
            return true;
        }
    }
    return false;
}

static bool encode_array(const SchemaNode *node, const json_t *value, Buf *out) {
    size_t count = json_array_size(value);
    bool fits = json_is_array(value);
    if (count > 0) {
        varint_add_long(out, (int64_t)count);
    }
    for (size_t i = 0; fits && i < count; i++) {
        fits = schema_encode_json(node->items, json_array_get(value, i), out);
    }
    varint_add_long(out, 0);
    return fits;
}

static bool encode_map(const SchemaNode *node, const json_t *value, Buf *out) {
    size_t count = json_object_size(value);
    bool fits = json_is_object(value);
    if (count > 0) {
        varint_add_long(out, (int64_t)count);
    }
    const char *key;
    json_t *item;
    // jansson's macro wants an object that is not const, though it changes nothing.
    json_object_foreach((json_t *)value, key, item) {
        add_string(out, key, strlen(key));
        fits = fits && schema_encode_json(node->items, item, out);
    }
    varint_add_long(out, 0);
    return fits;
}

static bool encode_fields(const SchemaNode *node, const json_t *value, Buf *out) {
    bool fits = json_is_object(value);
    for (size_t i = 0; fits && i < node->fields_count; i++) {
        const SchemaField *field = &node->fields[i];
        const json_t *given = json_object_get(value, field->name.ptr);
        given = given == NULL ? field->default_json : given;
        fits = given != NULL && schema_encode_json(field->type, given, out);
    }
    return fits;
}

bool schema_encode_json(const SchemaNode *node, const json_t *value, Buf *out) {
    switch (node->type) {
    case SCHEMA_NULL:
        return json_is_null(value);
    case SCHEMA_BOOLEAN:
        buf_add_byte(out, json_is_true(value));
        return json_is_boolean(value);
    case SCHEMA_INT:
    case SCHEMA_LONG:
        return encode_integer(node, value, out);
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
        return encode_real(node, value, out);
    case SCHEMA_STRING:
        add_string(out, json_string_value(value), json_string_length(value));
        return json_is_string(value);
    case SCHEMA_BYTES:
    case SCHEMA_FIXED:
        return encode_code_points(node, value, out);
    case SCHEMA_ENUM:
        return encode_symbol(node, value, out);
    case SCHEMA_ARRAY:
        return encode_array(node, value, out);
    case SCHEMA_MAP:
        return encode_map(node, value, out);
    case SCHEMA_UNION:
        varint_add_long(out, 0);
        return schema_encode_json(node->branches[0], value, out);
    case SCHEMA_RECORD:
        return encode_fields(node, value, out);
    case SCHEMA_TYPES:
        break;
    }
    return false;
}
