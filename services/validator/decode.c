#include "services/validator/decode.h"

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "services/validator/framing.h"
#include "services/validator/own_schemas.h"
#include "services/validator/walk.h"

#include <jansson.h>
#include <stdlib.h>

// By what a record may name its writer's schema.
typedef struct WriterKey {
    FramingKind framing;
    uint64_t number; // id or fingerprint
} WriterKey;

// A writer's schema, as one key names it. Two keys may name the same schema: each has its own copy.
typedef struct Writer {
    WriterKey key;
    uint64_t fingerprint; // 0: the schema was refused
    Str json;             // owned
    Plan plan;            // empty: it does not resolve to ours, or was refused
    Str fault;            // owned: why
    bool kept;            // ours: never dropped
    uint64_t used;        // the store's clock at the last use
} Writer;

enum { OWN_KEYS_MAX = 64 };

// The kind of key of a schema that a row of the ledger names, whatever its framing.
#define NAMED_BY_LEDGER FRAMING_BAD

_Static_assert(sizeof(RecordType) == sizeof(uint32_t) && offsetof(Record, type) == 0, "a plan stores the type there");

struct SchemaStore {
    Writer *writers[LIMIT_PLANS + OWN_KEYS_MAX]; // by key
    size_t count, kept_count;
    uint64_t clock;
    PlanReader readers[OWN_KEYS_MAX];
    size_t readers_count;
};

static Str copy(Str s) {
    char *ptr = mem_alloc(s.len + 1, 1);
    if (s.len > 0) {
        memcpy(ptr, s.ptr, s.len);
    }
    return (Str){ptr, s.len};
}

static void writer_free(Writer *writer) {
    plan_clear(&writer->plan);
    mem_free((char *)writer->json.ptr);
    mem_free((char *)writer->fault.ptr);
    mem_free(writer);
}

static int compare_keys(WriterKey a, WriterKey b) {
    int order = (a.framing > b.framing) - (a.framing < b.framing);
    return order != 0 ? order : (a.number > b.number) - (a.number < b.number);
}

// Where the key is, or would have to be.
static size_t find_place(const SchemaStore *store, WriterKey key) {
    size_t from = 0, to = store->count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (compare_keys(store->writers[middle]->key, key) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static Writer *find(SchemaStore *store, WriterKey key) {
    size_t place = find_place(store, key);
    if (place == store->count || compare_keys(store->writers[place]->key, key) != 0) {
        return NULL;
    }
    Writer *writer = store->writers[place];
    writer->used = ++store->clock;
    return writer;
}

static void drop_least_used(SchemaStore *store) {
    size_t oldest = store->count;
    for (size_t i = 0; i < store->count; i++) {
        const Writer *writer = store->writers[i];
        if (!writer->kept && (oldest == store->count || writer->used < store->writers[oldest]->used)) {
            oldest = i;
        }
    }
    writer_free(store->writers[oldest]);
    store->count--;
    memmove(&store->writers[oldest], &store->writers[oldest + 1], (store->count - oldest) * sizeof(Writer *));
}

static void insert(SchemaStore *store, Writer *writer) {
    if (store->count - store->kept_count == LIMIT_PLANS) {
        drop_least_used(store);
    }
    size_t place = find_place(store, writer->key);
    memmove(&store->writers[place + 1], &store->writers[place], (store->count - place) * sizeof(Writer *));
    store->writers[place] = writer;
    store->count++;
    store->kept_count += writer->kept;
    writer->used = ++store->clock;
}

// Parsed and compiled; refused schemas are kept as well, so that each of their records is told why.
static Writer *writer_new(const SchemaStore *store, WriterKey key, Str json) {
    Writer *writer = mem_alloc(1, sizeof *writer);
    Arena arena = {0};
    Schema schema;
    Str fault = STR_NONE;
    writer->key = key;
    if (schema_parse(&schema, json, &arena, &fault)) {
        PlanReaders readers = {store->readers, store->readers_count};
        writer->fingerprint = schema_fingerprint(schema.root);
        writer->json = copy(json);
        if (!plan_compile(&writer->plan, schema.root, readers, &arena, &fault)) {
            fault = arena_printf(&arena, "the writer's schema does not resolve to ours: " STR_FMT, STR_ARG(fault));
        }
        schema_clear(&schema);
    } else {
        fault = arena_printf(&arena, "the writer's schema is refused: " STR_FMT, STR_ARG(fault));
    }
    writer->fault = str_is_none(fault) ? STR_NONE : copy(fault);
    arena_free(&arena);
    return writer;
}

static void keep(SchemaStore *store, WriterKey key, Str json) {
    Writer *writer = writer_new(store, key, json);
    writer->kept = true;
    insert(store, writer);
}

static void keep_own_ids(SchemaStore *store, const OwnSchema *own, size_t count) {
    Str text = own_schema_ids();
    json_t *ids = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    const char *id;
    json_t *file;
    json_object_foreach(ids, id, file) {
        for (size_t i = 0; i < count; i++) {
            if (str_equal_text(own[i].file, json_string_value(file)) && store->kept_count < OWN_KEYS_MAX) {
                keep(store, (WriterKey){FRAMING_CONFLUENT, strtoul(id, NULL, 10)}, own[i].json);
            }
        }
    }
    json_decref(ids);
}

SchemaStore *schema_store_new(void) {
    SchemaStore *store = mem_alloc(1, sizeof *store);
    size_t count;
    const OwnSchema *own = own_schemas(&count);
    for (size_t i = 0; i < count; i++) {
        if (own[i].type != RECORD_NONE) {
            store->readers[store->readers_count++] =
                (PlanReader){.root = own[i].schema.root, .type = own[i].type, .offset = own[i].offset};
        }
    }
    for (size_t i = 0; i < count; i++) {
        keep(store, (WriterKey){FRAMING_SINGLE_OBJECT, own[i].fingerprint}, own[i].json);
    }
    keep_own_ids(store, own, count);
    return store;
}

void schema_store_free(SchemaStore *store) {
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < store->count; i++) {
        writer_free(store->writers[i]);
    }
    mem_free(store);
}

bool schema_store_add(SchemaStore *store, int32_t id, Str json, Arena *arena, Str *error) {
    WriterKey key = {FRAMING_CONFLUENT, (uint32_t)id};
    Writer *writer = find(store, key);
    if (writer == NULL) {
        writer = writer_new(store, key, json);
        insert(store, writer);
    }
    if (writer->fingerprint == 0) {
        *error = arena_copy(arena, writer->fault);
    }
    return writer->fingerprint != 0;
}

void schema_store_add_named(SchemaStore *store, uint64_t fingerprint, Str json) {
    WriterKey key = {NAMED_BY_LEDGER, fingerprint};
    if (find(store, key) == NULL) {
        insert(store, writer_new(store, key, json));
    }
}

uint64_t schema_store_fingerprint(SchemaStore *store, int32_t id) {
    const Writer *writer = find(store, (WriterKey){FRAMING_CONFLUENT, (uint32_t)id});
    return writer == NULL ? 0 : writer->fingerprint;
}

Str schema_store_json(const SchemaStore *store, uint64_t fingerprint) {
    for (size_t i = 0; i < store->count; i++) {
        if (store->writers[i]->fingerprint == fingerprint && fingerprint != 0) {
            return store->writers[i]->json;
        }
    }
    return STR_NONE;
}

static DecodeStatus reject(Decoded *out, Rule rule, Str detail) {
    out->record = (Record){0};
    out->rule = rule;
    out->detail = detail.len > LIMIT_DETAIL_BYTES ? str_slice(detail, 0, LIMIT_DETAIL_BYTES) : detail;
    return DECODE_REJECTED;
}

static DecodeStatus reject_unknown(const Framing *framing, Arena *arena, Decoded *out, int32_t *wanted) {
    if (framing->kind == FRAMING_SINGLE_OBJECT) {
        return reject(
            out, RULE_UNKNOWN_SCHEMA,
            arena_printf(arena, "no schema with the fingerprint %016llx", (unsigned long long)framing->fingerprint));
    }
    (void)reject(out, RULE_UNKNOWN_SCHEMA, arena_printf(arena, "no schema with the id %lld", (long long)framing->id));
    if (framing->id > INT32_MAX) {
        return DECODE_REJECTED;
    }
    *wanted = (int32_t)framing->id;
    return DECODE_SCHEMA_WANTED;
}

static const Writer *find_framed(SchemaStore *store, const Framing *framing) {
    bool by_id = framing->kind == FRAMING_CONFLUENT;
    return find(store, (WriterKey){framing->kind, by_id ? (uint64_t)framing->id : framing->fingerprint});
}

static DecodeStatus decode_datum(const Writer *writer, Str payload, size_t datum, Arena *arena, Decoded *out) {
    out->writer_schema = writer->fingerprint;
    if (writer->plan.ops == NULL) {
        return reject(out, RULE_BAD_AVRO, arena_copy(arena, writer->fault));
    }
    WalkFault fault;
    if (!walk_datum(&writer->plan, payload, datum, &out->record, arena, &fault)) {
        return reject(out, fault.rule, fault.detail);
    }
    return DECODE_OK;
}

DecodeStatus decode_payload(SchemaStore *store, Str payload, Arena *arena, Decoded *out, int32_t *wanted) {
    *out = (Decoded){0};
    if (payload.len > LIMIT_RECORD_BYTES) {
        return reject(out, RULE_TOO_LARGE,
                      arena_printf(arena, "%zu bytes, more than %d", payload.len, LIMIT_RECORD_BYTES));
    }
    Framing framing = framing_read(payload);
    if (framing.kind == FRAMING_BAD) {
        return reject(out, RULE_BAD_FRAMING, framing_fault(payload, arena));
    }
    const Writer *writer = find_framed(store, &framing);
    if (writer == NULL) {
        return reject_unknown(&framing, arena, out, wanted);
    }
    return decode_datum(writer, payload, framing.datum, arena, out);
}

DecodeStatus decode_payload_as(SchemaStore *store, uint64_t fingerprint, Str payload, Arena *arena, Decoded *out) {
    Framing framing = framing_read(payload);
    if (framing.kind == FRAMING_BAD) {
        int32_t wanted = 0;
        return decode_payload(store, payload, arena, out, &wanted);
    }
    const Writer *writer = find_framed(store, &framing);
    if (writer == NULL || writer->fingerprint != fingerprint) {
        writer = find(store, (WriterKey){NAMED_BY_LEDGER, fingerprint});
    }
    *out = (Decoded){0};
    return writer == NULL ? DECODE_SCHEMA_WANTED : decode_datum(writer, payload, framing.datum, arena, out);
}
