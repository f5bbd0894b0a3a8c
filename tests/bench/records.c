#include "tests/bench/records.h"

#include "services/cli/declaration_json.h"
#include "services/cli/reference_json.h"
#include "services/validator/encode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void bench_give_up(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

static FILE *open_file(const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        bench_give_up("cannot open %s", path);
    }
    return file;
}

static void add_record(Envelopes *envelopes, InputTopic topic, Str key, const Record *record, int64_t moment_ms,
                       Arena *memory) {
    _cleanup_buf_ Buf payload = {0};
    encode_record(record, &payload);
    Envelope envelope = {
        .topic = topic,
        .kafka_offset = (int64_t)envelopes->count,
        .kafka_timestamp_ms = moment_ms,
        .key = arena_copy(memory, key),
        .payload = arena_copy(memory, buf_str(&payload)),
    };
    *vec_push(envelopes) = envelope;
}

void records_read_reference(const char *path, int64_t moment_ms, Envelopes *envelopes, Arena *memory) {
    enum { CHUNK_BYTES = 1 << 16 };
    _cleanup_buf_ Buf text = {0};
    Arena parsed = {0};
    FILE *file = open_file(path);
    for (size_t len; (len = fread(buf_reserve(&text, CHUNK_BYTES), 1, CHUNK_BYTES, file)) > 0;) {
        text.len += len;
    }
    fclose(file);
    ReferenceFile reference;
    Str error = STR_NONE;
    if (!reference_json_parse(buf_str(&text), STR_LIT("bench"), moment_ms, &parsed, &reference, &error)) {
        bench_give_up("%s: " STR_FMT, path, STR_ARG(error));
    }
    for (size_t i = 0; i < reference.councils_count; i++) {
        Record record = {.type = RECORD_REFERENCE, .reference = reference.councils[i]};
        add_record(envelopes, INPUT_DESK, record.reference.council_id, &record, moment_ms, memory);
    }
    arena_free(&parsed);
}

void records_read_declarations(const char *path, int64_t moment_ms, Envelopes *envelopes, Arena *memory) {
    FILE *file = open_file(path);
    Arena parsed = {0};
    char *text = NULL;
    size_t capacity = 0;
    for (ssize_t len; (len = getline(&text, &capacity, file)) > 0;) {
        DeclarationLine line;
        Str error = STR_NONE;
        if (!declaration_json_parse((Str){text, (size_t)len}, &parsed, &line, &error) || line.raw) {
            bench_give_up("%s:%zu: " STR_FMT, path, envelopes->count + 1, STR_ARG(error));
        }
        Record record = {.type = RECORD_DECLARATION, .declaration = line.declaration};
        add_record(envelopes, INPUT_DECLARATIONS, line.declaration.council_id, &record, moment_ms, memory);
        arena_reset(&parsed);
    }
    free(text);
    fclose(file);
    arena_free(&parsed);
}
