// The decoder behind a pipe, for tests/property/avro_differential.py. Each line of standard input is
//   {"reader": schema or null, "writer": schema, "data": [hex, ...]}
// and gives a line for each datum: {"value": ...}, or {"encoded": hex} where the reader is null: then
// it is one of our own records, encoded anew. What does not decode gives {"rule": ..., "detail": ...}.
// With "avro_c": true, a value that decodes also has "avro_c", what Avro C reads by the writer's schema.
// For a reader of any shape that a binding knows, a struct is laid out here, as a compiler would.
#include "common/base/mem.h"
#include "common/domain/record.h"
#include "services/validator/decode.h"
#include "services/validator/encode.h"
#include "services/validator/walk.h"
#include "tests/support/avro_payload.h"

#include <avro.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOT = 16 }; // bytes for each member: a Str, a pointer with its count, or less

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

// ---- the lines

static void answer(json_t *line) {
    json_dumpf(line, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(line);
}

static void answer_fault(Str rule, Str detail) {
    answer(json_pack("{s:s%, s:s%}", "rule", rule.ptr, rule.len, "detail", detail.ptr, detail.len));
}

static unsigned hex_digit(char c) {
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void add_hex(Buf *out, const char *hex) {
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        buf_add_byte(out, (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1])));
    }
}

static Str dump(Arena *arena, const json_t *json) {
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    Str copy = arena_copy(arena, str_from(text));
    free(text);
    return copy;
}

static void decode_own(SchemaStore *store, Str writer, const json_t *data, Arena *arena) {
    static int32_t id = TEST_SCHEMA_ID;
    Str error = STR_NONE;
    size_t i;
    json_t *datum;
    (void)schema_store_add(store, ++id, writer, arena, &error);
    json_array_foreach((json_t *)data, i, datum) {
        _cleanup_buf_ Buf payload = {0};
        _cleanup_buf_ Buf encoded = {0};
        _cleanup_buf_ Buf text = {0};
        Decoded out;
        int32_t wanted;
        add_confluent(&payload, (uint32_t)id);
        add_hex(&payload, json_string_value(datum));
        if (decode_payload(store, buf_str(&payload), arena, &out, &wanted) != DECODE_OK) {
            answer_fault(rule_code(out.rule), out.detail);
            continue;
        }
        encode_record(&out.record, &encoded);
        for (size_t at = 0; at < encoded.len; at++) {
            buf_printf(&text, "%02x", (unsigned char)encoded.ptr[at]);
        }
        answer(json_pack("{s:s%}", "encoded", text.ptr, text.len));
    }
}

// Null when Avro C cannot read it.
static json_t *decode_with_avro_c(Str writer, Str datum) {
    avro_schema_t schema = NULL;
    if (avro_schema_from_json_length(writer.ptr, writer.len, &schema) != 0) {
        return json_null();
    }
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_reader_t reader = avro_reader_memory(datum.ptr, (int64_t)datum.len);
    avro_value_t value;
    char *text = NULL;
    avro_generic_value_new(iface, &value);
    bool read = avro_value_read(reader, &value) == 0 && avro_value_to_json(&value, 1, &text) == 0;
    json_t *out = read ? json_loads(text, JSON_DECODE_ANY, NULL) : json_null();
    free(text);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_reader_free(reader);
    avro_schema_decref(schema);
    return out;
}

typedef struct Pair {
    Schema reader, writer;
    Str writer_json;
    bool with_avro_c;
    Binding binding;
    Plan plan;
} Pair;

static bool prepare(Pair *pair, Str reader, Str writer, Arena *arena, Str *error) {
    if (!schema_parse(&pair->reader, reader, arena, error) || !schema_parse(&pair->writer, writer, arena, error)) {
        return false;
    }
    pair->binding = lay_record(arena, pair->reader.root, SLOT);
    PlanReader target = {.root = pair->reader.root, .type = 1};
    return binding_attach(&pair->binding, pair->reader.root, arena, error) &&
           plan_compile(&pair->plan, pair->writer.root, (PlanReaders){&target, 1}, arena, error);
}

static void decode_any(Pair *pair, const json_t *data, Arena *arena) {
    size_t i;
    json_t *datum;
    json_array_foreach((json_t *)data, i, datum) {
        _cleanup_buf_ Buf payload = {0};
        WalkFault fault;
        char *value = arena_alloc(arena, 1, pair->binding.size);
        add_hex(&payload, json_string_value(datum));
        if (walk_datum(&pair->plan, buf_str(&payload), 0, value, arena, &fault)) {
            json_t *line = json_pack("{s:o}", "value", print_fields(pair->reader.root, &pair->binding, value));
            if (pair->with_avro_c) {
                json_object_set_new(line, "avro_c", decode_with_avro_c(pair->writer_json, buf_str(&payload)));
            }
            answer(line);
        } else {
            answer_fault(rule_code(fault.rule), fault.detail);
        }
    }
}

static void work(SchemaStore *store, const json_t *line) {
    Arena arena = {0};
    const json_t *reader = json_object_get(line, "reader"), *data = json_object_get(line, "data");
    Str writer = dump(&arena, json_object_get(line, "writer"));
    if (json_is_null(reader)) {
        decode_own(store, writer, data, &arena);
    } else {
        Pair pair = {.writer_json = writer, .with_avro_c = json_is_true(json_object_get(line, "avro_c"))};
        Str error = STR_NONE;
        bool ready = prepare(&pair, dump(&arena, reader), writer, &arena, &error);
        for (size_t i = 0; !ready && i < json_array_size(data); i++) {
            answer_fault(STR_LIT("REFUSED"), error);
        }
        if (ready) {
            decode_any(&pair, data, &arena);
        }
        plan_clear(&pair.plan);
        schema_clear(&pair.reader);
        schema_clear(&pair.writer);
    }
    arena_free(&arena);
}

int main(void) {
    SchemaStore *store = schema_store_new();
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        json_error_t fault;
        json_t *json = json_loads(line, 0, &fault);
        if (json == NULL) {
            fprintf(stderr, "avro_resolve: %s\n", fault.text);
            return EXIT_FAILURE;
        }
        work(store, json);
        json_decref(json);
        fflush(stdout);
    }
    free(line);
    schema_store_free(store);
    return EXIT_SUCCESS;
}
