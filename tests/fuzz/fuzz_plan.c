// A reader's schema of any shape, a writer's and a datum for it, NUL between them: resolution as plan.c compiles it, on
// a struct laid out for the reader. Without a writer's schema the reader's own is meant.
#include "services/validator/walk.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/avro_struct.h"

#include <jansson.h>

typedef struct Pair {
    Schema reader, writer;
    Binding binding;
    Plan self, plan, skipping;
    Arena arena;
} Pair;

static void pair_free(Pair *pair) {
    plan_clear(&pair->self);
    plan_clear(&pair->plan);
    plan_clear(&pair->skipping);
    schema_clear(&pair->reader);
    schema_clear(&pair->writer);
    arena_free(&pair->arena);
}

static bool is_about_limits(Str reason) {
    return memmem(reason.ptr, reason.len, "when references are followed", 28) != NULL;
}

static PlanReaders one_reader(const SchemaNode *root) {
    static PlanReader reader;
    reader = (PlanReader){.root = root, .type = 1};
    return (PlanReaders){&reader, 1};
}

// Whatever a reader can be, it reads what its own schema wrote.
static bool take_reader(Pair *pair, Str json) {
    Str error = STR_NONE;
    if (!schema_parse(&pair->reader, json, &pair->arena, &error) ||
        !struct_bind(&pair->binding, pair->reader.root, &pair->arena, &error)) {
        check_reason(error);
        return false;
    }
    bool compiled = plan_compile(&pair->self, pair->reader.root, one_reader(pair->reader.root), &pair->arena, &error);
    check(compiled || is_about_limits(error), "a schema that does not resolve to itself");
    return compiled;
}

static bool take_writer(Pair *pair, Str json) {
    Str error = STR_NONE;
    if (!schema_parse(&pair->writer, json, &pair->arena, &error) ||
        !plan_compile(&pair->plan, pair->writer.root, one_reader(pair->reader.root), &pair->arena, &error)) {
        check_reason(error);
        return false;
    }
    return true;
}

// Reads the datum. What is stored is touched.
static bool read_datum(const Pair *pair, const Plan *plan, Str datum, bool stores) {
    Arena arena = {0};
    WalkFault fault = {0};
    Arena place = {0};
    void *value = arena_alloc(&place, 1, pair->binding.size);
    bool read = walk_datum(plan, datum, 0, value, &arena, &fault);
    check(arena.given <= 4 * datum.len + 65536, "more memory than 4 times the datum and 64 KiB");
    if (!read) {
        check_reason(fault.detail);
    } else if (stores) {
        json_decref(struct_to_json(pair->reader.root, &pair->binding, value));
    }
    arena_free(&arena);
    arena_free(&place);
    return read;
}

// A reader that wants none of the fields accepts at least what one that wants some does.
static void check_skipping(Pair *pair, const SchemaNode *writer, Str datum, bool read) {
    SchemaNode nothing = {.type = SCHEMA_RECORD, .name = writer->name};
    Str error = STR_NONE;
    if (writer->type != SCHEMA_RECORD ||
        !plan_compile(&pair->skipping, writer, one_reader(&nothing), &pair->arena, &error)) {
        return;
    }
    check(read_datum(pair, &pair->skipping, datum, false) || !read, "skipping a datum fails, and reading it does not");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Pair pair = {0};
    Str nul = {"", 1}, rest = {(const char *)data, size};
    Str reader = take_until(&rest, nul), writer = take_until(&rest, nul);
    if (take_reader(&pair, reader) && (writer.len == 0 || take_writer(&pair, writer))) {
        const Plan *plan = writer.len == 0 ? &pair.self : &pair.plan;
        bool read = read_datum(&pair, plan, rest, true);
        check_skipping(&pair, writer.len == 0 ? pair.reader.root : pair.writer.root, rest, read);
    }
    pair_free(&pair);
    return 0;
}
