// The decoder behind a pipe, for tests/property/avro_differential.py. Each line of standard input is
//   {"reader": schema or null, "writer": schema, "data": [hex, ...]}
// and gives a line for each datum: {"value": ...}, or {"encoded": hex} where the reader is null: then
// it is one of our own records, encoded anew. What does not decode gives {"rule": ..., "detail": ...}.
// With "avro_c": true, a value that decodes also has "avro_c", what Avro C reads by the writer's schema.
#include "services/validator/decode.h"
#include "services/validator/encode.h"
#include "services/validator/walk.h"
#include "tests/support/avro_payload.h"
#include "tests/support/avro_struct.h"

#include <avro.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

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
    PlanReader target = {.root = pair->reader.root, .type = 1};
    return struct_bind(&pair->binding, pair->reader.root, arena, error) &&
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
            json_t *line = json_pack("{s:o}", "value", struct_to_json(pair->reader.root, &pair->binding, value));
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
