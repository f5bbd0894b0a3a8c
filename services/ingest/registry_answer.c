#include "services/ingest/registry_answer.h"

#include "common/base/limits.h"

#include <jansson.h>

enum { HTTP_OK = 200, HTTP_NOT_FOUND = 404 };

// A parser's tree grows with these; strings are copied once.
static bool has_few_marks(Str body) {
    size_t marks = 0;
    bool quoted = false;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (c == '"') {
            quoted = !quoted;
        } else if (quoted) {
            i += c == '\\';
        } else {
            marks += strchr("[{,:", c) != NULL;
        }
    }
    return marks <= LIMIT_REGISTRY_ANSWER_MARKS;
}

static bool begins_an_object(Str body) {
    size_t i = 0;
    while (i < body.len && strchr(" \t\r\n", body.ptr[i]) != NULL) {
        i++;
    }
    return i < body.len && body.ptr[i] == '{';
}

static RegistryStatus read_object(int32_t id, const json_t *answer, Arena *arena, Str *text) {
    const json_t *schema = json_object_get(answer, "schema");
    const json_t *type = json_object_get(answer, "schemaType"); // absent: Avro
    if (!json_is_string(schema)) {
        *text = STR_LIT("an answer without a schema");
        return REGISTRY_AWAY;
    }
    if (json_is_string(type) && strcmp(json_string_value(type), "AVRO") != 0) {
        *text =
            arena_printf(arena, "the registry's schema %d is of the type %.32s, not AVRO", id, json_string_value(type));
        return REGISTRY_REFUSED;
    }
    if (json_array_size(json_object_get(answer, "references")) > 0) {
        *text = arena_printf(arena, "the registry's schema %d refers to other schemas, which is not supported", id);
        return REGISTRY_REFUSED;
    }
    *text = arena_copy(arena, (Str){json_string_value(schema), json_string_length(schema)});
    return REGISTRY_SCHEMA;
}

// {"error_code": 40403, "message": "Schema not found"}
static bool has_error_code(Str body) {
    json_t *answer = has_few_marks(body) ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
    bool has = json_is_integer(json_object_get(answer, "error_code"));
    json_decref(answer);
    return has;
}

RegistryStatus registry_read_answer(int32_t id, long http_status, Str body, bool cut, Arena *arena, Str *text) {
    if (http_status == HTTP_NOT_FOUND) {
        *text = arena_printf(arena, "the registry has no schema of the id %d (HTTP status 404)", id);
        return has_error_code(body) ? REGISTRY_UNKNOWN : REGISTRY_NOT_FOUND;
    }
    if (http_status != HTTP_OK) {
        *text = arena_printf(arena, "HTTP status %ld", http_status);
        return REGISTRY_AWAY;
    }
    // Somebody may have registered a monster: waiting for it to shrink would hold up the lane for ever.
    if (begins_an_object(body) && (cut || !has_few_marks(body))) {
        *text = arena_printf(arena, "the registry's answer for schema %d is too large", id);
        return REGISTRY_REFUSED;
    }
    json_t *answer = cut ? NULL : json_loadb(body.ptr, body.len, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(answer)) {
        json_decref(answer);
        *text = STR_LIT("an answer that is no JSON object");
        return REGISTRY_AWAY;
    }
    RegistryStatus status = read_object(id, answer, arena, text);
    json_decref(answer);
    return status;
}
