#include "services/ingest/writers.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "services/ingest/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
    BATCH_PATIENCE_MS = 1000, // what all questions of one batch may take; then its lanes wait for theirs
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MOST_MS = 5000,
    NOT_FOUND_MS = 5000, // a 404 that is no registry's own is believed once it has lasted so long
};

// The registry's word that nobody can read records of that schema. An id may be registered later, so it is
// good for one batch.
typedef struct Refusal {
    int32_t id;
    Rule rule;
    Str detail;
} Refusal;

struct Writers {
    Registry *registry; // NULL: none is set
    Committer *committer;
    SchemaStore *schemas;
    int number;
    VEC(int32_t) waiting; // lanes
    bool wait_began;
    int32_t wanted; // the schema that the first of them waits for
    bool away;      // the trouble has been said
    int64_t backoff_ms, retry_at_ms;
    int32_t not_found;         // the schema of which the last answer was such a 404 ...
    int64_t not_found_at_ms;   // ... and since when; 0: never
    int64_t patience_until_ms; // of the batch
    VEC(Refusal) refusals;     // in the batch; details in its arena
    bool refused;              // the answer that ended the last wait was a refusal, for the next batch to use:
    Refusal refusal;           // detail in `memory`
    Arena memory;
};

Writers *writers_new(const Config *config, int number, Committer *committer, SchemaStore *schemas) {
    Writers *writers = mem_alloc(1, sizeof *writers);
    writers->registry = registry_new(config);
    writers->committer = committer;
    writers->schemas = schemas;
    writers->number = number;
    writers->backoff_ms = BACKOFF_FIRST_MS;
    return writers;
}

void writers_free(Writers *writers) {
    if (writers == NULL) {
        return;
    }
    registry_free(writers->registry);
    vec_free(&writers->waiting);
    vec_free(&writers->refusals);
    arena_free(&writers->memory);
    mem_free(writers);
}

// ---- asking

static void be_patient(Writers *w, int32_t id, Str why) {
    if (!w->away) {
        log_warning("the schema registry is away, lanes with a schema that is not known wait: " STR_FMT
                    " schema=%" PRId32 " worker=%d",
                    STR_ARG(why), id, w->number);
    }
    w->away = true;
    w->retry_at_ms = clock_ms() + w->backoff_ms;
    w->backoff_ms = w->backoff_ms * 2 < BACKOFF_MOST_MS ? w->backoff_ms * 2 : BACKOFF_MOST_MS;
}

static void be_well(Writers *w) {
    if (w->away) {
        log_info("the schema registry answers again worker=%d", w->number);
    }
    w->away = false;
    w->backoff_ms = BACKOFF_FIRST_MS;
}

// What stands in front of a registry, or is there before it has started, answers 404 as well.
static RegistryStatus judge_not_found(Writers *w, int32_t id) {
    if (w->not_found_at_ms == 0 || w->not_found != id) {
        w->not_found = id;
        w->not_found_at_ms = clock_ms();
    }
    return clock_ms() - w->not_found_at_ms < NOT_FOUND_MS ? REGISTRY_AWAY : REGISTRY_UNKNOWN;
}

// REGISTRY_NOT_FOUND is not among the answers.
static RegistryStatus ask(Writers *w, int32_t id, int64_t patience_ms, Str *text) {
    *text = STR_NONE;
    if (w->away && clock_ms() < w->retry_at_ms) {
        return REGISTRY_PENDING;
    }
    RegistryStatus status = registry_ask(w->registry, id, patience_ms > 0 ? (int)patience_ms : 0, text);
    if (status == REGISTRY_NOT_FOUND) {
        status = judge_not_found(w, id);
    } else if (status != REGISTRY_PENDING) {
        w->not_found_at_ms = 0;
    }
    if (status == REGISTRY_AWAY) {
        be_patient(w, id, *text);
    } else if (status != REGISTRY_PENDING) {
        be_well(w);
    }
    return status;
}

// A registry never changes what an id stands for, so it is kept; but for what nobody can read.
static StoreStatus learn(Writers *w, int32_t id, Str json) {
    Arena scratch = {0};
    Str fault; // is each record's detail, too
    char hex[17];
    (void)schema_store_add(w->schemas, id, json, &scratch, &fault);
    arena_free(&scratch);
    uint64_t fingerprint = schema_store_fingerprint(w->schemas, id);
    if (fingerprint == 0) {
        return STORE_OK;
    }
    snprintf(hex, sizeof hex, "%016" PRIx64, fingerprint);
    return store_keep_schema(committer_claim(w->committer), registry_name(w->registry), id, str_from(hex), json);
}

static Rule rule_of(RegistryStatus status) {
    return status == REGISTRY_UNKNOWN ? RULE_UNKNOWN_SCHEMA : RULE_BAD_AVRO;
}

// ---- a batch

static void refuse(Writers *w, Refusal refusal, Arena *arena) {
    refusal.detail = arena_copy(arena, refusal.detail);
    *vec_push(&w->refusals) = refusal;
}

static const Refusal *find_refusal(Writers *w, int32_t id, Arena *arena) {
    if (w->refused && w->refusal.id == id) {
        refuse(w, w->refusal, arena);
        w->refused = false;
    }
    for (size_t i = 0; i < w->refusals.count; i++) {
        if (w->refusals.items[i].id == id) {
            return &w->refusals.items[i];
        }
    }
    return NULL;
}

static void let_wait(Writers *w, int32_t id, BatchRecord *record) {
    record->waits = true;
    if (writers_lane_waits(w, record->envelope.partition)) {
        return;
    }
    if (w->waiting.count == 0) {
        w->wanted = id;
    }
    *vec_push(&w->waiting) = record->envelope.partition;
    w->wait_began = true;
}

// Takes the answer to where a second look finds it, or lets the record wait.
static StoreStatus ask_registry(Writers *w, int32_t id, BatchRecord *record, Arena *arena) {
    Str text;
    // One question at a time: once one has no answer, that one comes first.
    RegistryStatus status =
        w->waiting.count > 0 ? REGISTRY_PENDING : ask(w, id, w->patience_until_ms - clock_ms(), &text);
    switch (status) {
    case REGISTRY_SCHEMA:
        return learn(w, id, text);
    case REGISTRY_UNKNOWN:
    case REGISTRY_REFUSED:
        refuse(w, (Refusal){id, rule_of(status), text}, arena);
        return STORE_OK;
    case REGISTRY_PENDING:
    case REGISTRY_AWAY:
    case REGISTRY_NOT_FOUND:
        let_wait(w, id, record);
        return STORE_OK;
    }
    return STORE_OK;
}

static StoreStatus ask_around(Writers *w, int32_t id, BatchRecord *record, Arena *arena) {
    Str json;
    StoreStatus status = store_find_schema(committer_claim(w->committer), registry_name(w->registry), id, arena, &json);
    if (status != STORE_OK) {
        return status;
    }
    if (str_is_none(json)) {
        return ask_registry(w, id, record, arena);
    }
    Str fault; // cannot be: it was read before it was kept
    (void)schema_store_add(w->schemas, id, json, arena, &fault);
    return STORE_OK;
}

static DecodeStatus decode(Writers *w, BatchRecord *record, Arena *arena, int32_t *wanted) {
    return decode_payload(w->schemas, record->envelope.payload, arena, &record->decoded, wanted);
}

// A record whose schema the process does not know.
static StoreStatus find_writer(Writers *w, int32_t id, BatchRecord *record, Arena *arena) {
    if (w->registry == NULL) {
        record->decoded.detail =
            arena_printf(arena, "no schema is known by id %" PRId32 ", and no registry is set", id);
        return STORE_OK;
    }
    if (writers_lane_waits(w, record->envelope.partition)) {
        record->waits = true;
        return STORE_OK;
    }
    StoreStatus status = STORE_OK;
    const Refusal *refusal = find_refusal(w, id, arena);
    if (refusal == NULL) {
        status = ask_around(w, id, record, arena);
        refusal = find_refusal(w, id, arena);
    }
    if (refusal != NULL) {
        record->decoded = (Decoded){.rule = refusal->rule, .detail = refusal->detail};
    } else if (status == STORE_OK && !record->waits) {
        (void)decode(w, record, arena, &id);
    }
    return status;
}

StoreStatus writers_decode(Writers *writers, Batch *batch) {
    StoreStatus status = STORE_OK;
    vec_clear(&writers->refusals);
    writers->patience_until_ms = clock_ms() + BATCH_PATIENCE_MS;
    for (size_t i = 0; i < batch->records.count && status == STORE_OK; i++) {
        BatchRecord *record = &batch->records.items[i];
        int32_t wanted = 0;
        if (decode(writers, record, &batch->arena, &wanted) == DECODE_SCHEMA_WANTED) {
            status = find_writer(writers, wanted, record, &batch->arena);
        }
    }
    return status;
}

// ---- waiting

bool writers_lane_waits(const Writers *writers, int32_t lane) {
    for (size_t i = 0; i < writers->waiting.count; i++) {
        if (writers->waiting.items[i] == lane) {
            return true;
        }
    }
    return false;
}

bool writers_wait_began(Writers *writers) {
    bool began = writers->wait_began;
    writers->wait_began = false;
    return began;
}

bool writers_wait_is_over(Writers *writers) {
    if (writers->waiting.count == 0) {
        return false;
    }
    Str text;
    RegistryStatus status = ask(writers, writers->wanted, 0, &text);
    if (status == REGISTRY_PENDING || status == REGISTRY_AWAY) {
        return false;
    }
    if (status == REGISTRY_SCHEMA) {
        (void)learn(writers, writers->wanted, text); // what the database does not keep is asked for again one day
    } else {
        arena_reset(&writers->memory);
        writers->refused = true;
        writers->refusal = (Refusal){writers->wanted, rule_of(status), arena_copy(&writers->memory, text)};
    }
    writers_forget_waits(writers);
    return true;
}

void writers_forget_waits(Writers *writers) {
    vec_clear(&writers->waiting);
    writers->wait_began = false;
}
