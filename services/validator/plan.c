#include "services/validator/plan.h"

#include "common/base/limits.h"
#include "common/base/mem.h"

enum {
    NAME_BYTES_MAX = 64,  // of one field in a path
    PATH_BYTES_MAX = 160, // of fields joined by dots
    SYMBOLS_A_VISIT = 16, // a long enum, mentioned often, makes many tables: it counts as many types
};

// A body that was compiled for a type which contains itself.
typedef struct Body {
    const SchemaNode *type;
    size_t first; // step
} Body;

typedef struct Compiler {
    Plan *plan;
    Arena *arena;
    PlanReaders readers;
    Str reason;           // why something does not resolve
    uint32_t name;        // of the field that is being compiled
    size_t visits, depth; // of types, references followed
    Body *bodies;
    size_t bodies_count;
} Compiler;

// Our side of a value.
typedef struct Target {
    const SchemaNode *type; // behind the null
    const Binding *binding;
    uint32_t offset; // of the value in the struct that the steps fill
    bool nullable;
} Target;

#define REFUSE(c, ...) ((c)->reason = arena_printf((c)->arena, __VA_ARGS__), false)

static bool resolve(Compiler *c, const SchemaNode *writer, Target target);
static bool skip(Compiler *c, const SchemaNode *writer);

// "int", "record declared.Candidate".
static Str type_text(Compiler *c, const SchemaNode *node) {
    const char *type = schema_type_name(node->type);
    return str_is_none(node->name) ? str_from(type)
                                   : arena_printf(c->arena, "%s %.*s", type, NAME_BYTES_MAX, node->name.ptr);
}

static Target target_of(const SchemaNode *reader, const Binding *binding, uint32_t base) {
    const SchemaNode *value = binding_value_type(reader);
    return (Target){.type = value, .binding = binding, .offset = base + binding->offset, .nullable = value != reader};
}

static bool is_power_of_2(size_t n) {
    return (n & (n - 1)) == 0;
}

// Room for one more in a list that grows by doubling.
static void *grown(void *list, size_t count, size_t size) {
    return is_power_of_2(count) ? mem_resize(list, count == 0 ? 1 : count * 2, size) : list;
}

static size_t emit(Compiler *c, Op op) {
    Plan *plan = c->plan;
    op.name = c->name;
    op.next = op.next == 0 ? 1 : op.next;
    plan->ops = grown(plan->ops, plan->ops_count, sizeof *plan->ops);
    plan->ops[plan->ops_count] = op;
    return plan->ops_count++;
}

static void emit_code(Compiler *c, OpCode code) {
    (void)emit(c, (Op){.code = code});
}

// Makes the step's `next` lead to the step that comes next.
static void land(Compiler *c, size_t from) {
    c->plan->ops[from].next = (uint32_t)(c->plan->ops_count - from);
}

static uint32_t add_table(Compiler *c, size_t count) {
    Plan *plan = c->plan;
    uint32_t first = (uint32_t)plan->table_count;
    plan->table_count += count;
    plan->table = mem_resize(plan->table, plan->table_count, sizeof *plan->table);
    return first;
}

static uint32_t add_text(Compiler *c, Str text) {
    Buf *names = &c->plan->names;
    uint32_t at = (uint32_t)names->len;
    buf_add_str(names, text);
    buf_add_byte(names, 0);
    return at;
}

// From now on steps belong to this field of the present one. Returns what to set back afterwards.
static uint32_t enter_field(Compiler *c, Str field) {
    uint32_t outer = c->name;
    const char *path = c->plan->names.ptr + outer;
    Str joined = arena_printf(c->arena, "%.*s%s%.*s", PATH_BYTES_MAX, path, path[0] != '\0' ? "." : "", NAME_BYTES_MAX,
                              field.ptr);
    c->name = add_text(c, joined);
    return outer;
}

// Before each type; the depth goes down again behind it.
static bool visit(Compiler *c) {
    if (c->visits >= LIMIT_SCHEMA_NODES || c->depth >= LIMIT_SCHEMA_DEPTH) {
        return REFUSE(c, "more than %d types, or nested deeper than %d, when references are followed",
                      LIMIT_SCHEMA_NODES, LIMIT_SCHEMA_DEPTH);
    }
    c->visits++;
    c->depth++;
    return true;
}

static bool is_exhausted(const Compiler *c) {
    return c->visits >= LIMIT_SCHEMA_NODES;
}

// ---- what the writer has and we do not want

static bool skip_fields(Compiler *c, const SchemaNode *writer) {
    for (size_t i = 0; i < writer->fields_count; i++) {
        uint32_t outer = enter_field(c, writer->fields[i].name);
        if (!skip(c, writer->fields[i].type)) {
            return false;
        }
        c->name = outer;
    }
    return true;
}

// The body of a type that contains itself is compiled where it is first met, then called.
static bool skip_recursive(Compiler *c, const SchemaNode *writer) {
    for (size_t i = 0; i < c->bodies_count; i++) {
        if (c->bodies[i].type == writer) {
            (void)emit(c, (Op){.code = OP_CALL, .table = (uint32_t)c->bodies[i].first});
            return true;
        }
    }
    size_t call = emit(c, (Op){.code = OP_CALL, .table = (uint32_t)c->plan->ops_count + 1});
    c->bodies = grown(c->bodies, c->bodies_count, sizeof *c->bodies);
    c->bodies[c->bodies_count++] = (Body){.type = writer, .first = c->plan->ops_count};
    uint32_t outer = c->name;
    c->name = 0;
    bool compiled = skip_fields(c, writer);
    c->name = outer;
    emit_code(c, OP_END);
    land(c, call);
    return compiled;
}

static bool skip_items(Compiler *c, const SchemaNode *writer) {
    size_t items = emit(c, (Op){.code = writer->type == SCHEMA_MAP ? OP_SKIP_MAP : OP_SKIP_ARRAY,
                                .min_bytes = writer->items->min_bytes});
    uint32_t outer = c->name;
    c->name = 0;
    bool compiled = skip(c, writer->items);
    c->name = outer;
    emit_code(c, OP_END);
    land(c, items);
    return compiled;
}

// A reason that begins with a field has a dot in front of it.
static Str without_dot(Str reason) {
    return str_starts_with(reason, STR_LIT(".")) ? str_slice(reason, 1, reason.len) : reason;
}

typedef bool CompileBranch(Compiler *c, const SchemaNode *branch, const void *context);

// The writer's union: each branch on its own, then on to what follows. A branch that does not
// resolve fails when it is met; it is an error now if none resolves.
static bool compile_union(Compiler *c, const SchemaNode *writer, CompileBranch *compile, const void *context) {
    size_t count = writer->branches_count;
    uint32_t table = add_table(c, count);
    size_t at = emit(c, (Op){.code = OP_UNION, .size = (uint32_t)count, .table = table});
    size_t *jumps = arena_alloc(c->arena, count, sizeof *jumps);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        size_t first = c->plan->ops_count, bodies = c->bodies_count, tables = c->plan->table_count, depth = c->depth;
        uint32_t name = c->name;
        c->plan->table[table + i] = (int32_t)(first - at);
        if (compile(c, writer->branches[i], context)) {
            any = true;
            jumps[i] = emit(c, (Op){.code = OP_JUMP});
            continue;
        }
        if (is_exhausted(c)) {
            return false;
        }
        c->name = name;
        c->depth = depth;
        c->plan->ops_count = first;
        c->bodies_count = bodies;
        c->plan->table_count = tables;
        emit_code(c, OP_FAIL);
        c->plan->ops[first].table = add_text(c, without_dot(c->reason));
    }
    for (size_t i = 0; i < count; i++) {
        if (jumps[i] != 0) {
            land(c, jumps[i]);
        }
    }
    return any;
}

static bool skip_branch(Compiler *c, const SchemaNode *branch, const void *context) {
    (void)context;
    return skip(c, branch);
}

static bool skip_type(Compiler *c, const SchemaNode *writer) {
    static const OpCode codes[SCHEMA_TYPES] = {
        [SCHEMA_BOOLEAN] = OP_SKIP_BOOL, [SCHEMA_INT] = OP_SKIP_INT,       [SCHEMA_LONG] = OP_SKIP_LONG,
        [SCHEMA_BYTES] = OP_SKIP_BYTES,  [SCHEMA_STRING] = OP_SKIP_STRING,
    };
    switch (writer->type) {
    case SCHEMA_NULL:
        return true;
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
    case SCHEMA_FIXED:
        // What takes no byte takes no step: else a datum could ask for more steps than it has bytes.
        if (writer->min_bytes > 0) {
            (void)emit(c, (Op){.code = OP_SKIP_FIXED, .size = writer->min_bytes});
        }
        return true;
    case SCHEMA_ENUM:
        (void)emit(c, (Op){.code = OP_SKIP_ENUM, .size = (uint32_t)writer->symbols.count});
        return true;
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        return skip_items(c, writer);
    case SCHEMA_UNION:
        return compile_union(c, writer, skip_branch, NULL);
    case SCHEMA_RECORD:
        return writer->recursive ? skip_recursive(c, writer) : skip_fields(c, writer);
    default:
        emit_code(c, codes[writer->type]);
        return true;
    }
}

static bool skip(Compiler *c, const SchemaNode *writer) {
    if (!visit(c)) {
        return false;
    }
    bool compiled = skip_type(c, writer);
    c->depth--;
    return compiled;
}

// ---- what both have

static bool has_alias(const SchemaNode *reader, Str full_name) {
    for (size_t i = 0; i < reader->aliases.count; i++) {
        if (str_equal(reader->aliases.ptr[i], full_name)) {
            return true;
        }
    }
    return false;
}

// Named types match by the name behind the last dot; our aliases are full names of theirs.
static bool names_match(const SchemaNode *writer, const SchemaNode *reader) {
    return str_equal(schema_short_name(writer->name), schema_short_name(reader->name)) ||
           has_alias(reader, writer->name);
}

// By type: does the writer's value fit ours, as it is or promoted?
static bool types_match(const SchemaNode *writer, const SchemaNode *reader) {
    switch (reader->type) {
    case SCHEMA_STRING:
        return writer->type == SCHEMA_STRING || writer->type == SCHEMA_BYTES;
    case SCHEMA_LONG:
        return writer->type == SCHEMA_LONG || writer->type == SCHEMA_INT;
    case SCHEMA_ENUM:
    case SCHEMA_RECORD:
        return writer->type == reader->type && names_match(writer, reader);
    default:
        return writer->type == reader->type;
    }
}

static int32_t symbol_index(const SchemaNode *reader, Str symbol) {
    for (size_t i = 0; i < reader->symbols.count; i++) {
        if (str_equal(reader->symbols.ptr[i], symbol)) {
            return (int32_t)i;
        }
    }
    return reader->fallback;
}

static bool resolve_enum(Compiler *c, const SchemaNode *writer, Target target) {
    c->visits += writer->symbols.count / SYMBOLS_A_VISIT;
    uint32_t table = add_table(c, writer->symbols.count);
    for (size_t i = 0; i < writer->symbols.count; i++) {
        c->plan->table[table + i] = symbol_index(target.type, writer->symbols.ptr[i]);
    }
    (void)emit(c,
               (Op){.code = OP_ENUM, .offset = target.offset, .size = (uint32_t)writer->symbols.count, .table = table});
    return true;
}

static bool resolve_items(Compiler *c, const SchemaNode *writer, Target target) {
    const Binding *binding = target.binding;
    uint32_t base = target.offset - binding->offset;
    size_t items = emit(c, (Op){.code = target.type->type == SCHEMA_MAP ? OP_MAP : OP_ARRAY,
                                .offset = target.offset,
                                .count_offset = base + binding->count_offset,
                                .size = binding->size,
                                .min_bytes = writer->items->min_bytes});
    uint32_t outer = c->name;
    c->name = 0;
    bool resolved = resolve(c, writer->items, target_of(target.type->items, binding->item, 0));
    c->name = outer;
    emit_code(c, OP_END);
    land(c, items);
    return resolved;
}

static const uint32_t NO_FIELD = UINT32_MAX;

static uint32_t writer_field(const SchemaNode *writer, Str name) {
    for (size_t i = 0; i < writer->fields_count; i++) {
        if (str_equal(writer->fields[i].name, name)) {
            return (uint32_t)i;
        }
    }
    return NO_FIELD;
}

static bool is_source(const uint32_t *sources, size_t count, uint32_t field) {
    for (size_t i = 0; i < count; i++) {
        if (sources[i] == field) {
            return true;
        }
    }
    return false;
}

// Which of the writer's fields each of ours is read from: that of its name, else of an alias.
static uint32_t *match_fields(Compiler *c, const SchemaNode *writer, const SchemaNode *reader) {
    uint32_t *sources = arena_alloc(c->arena, reader->fields_count, sizeof *sources);
    for (size_t i = 0; i < reader->fields_count; i++) {
        sources[i] = writer_field(writer, reader->fields[i].name);
    }
    for (size_t i = 0; i < reader->fields_count; i++) {
        const StrList *aliases = &reader->fields[i].aliases;
        for (size_t j = 0; sources[i] == NO_FIELD && j < aliases->count; j++) {
            uint32_t field = writer_field(writer, aliases->ptr[j]);
            sources[i] = is_source(sources, reader->fields_count, field) ? NO_FIELD : field;
        }
    }
    return sources;
}

static bool resolve_default(Compiler *c, const SchemaField *field, uint32_t base) {
    if (str_is_none(field->default_bytes)) {
        return REFUSE(c, "the writer lacks it, and it has no default");
    }
    Plan *plan = c->plan;
    plan->defaults = grown(plan->defaults, plan->defaults_count, sizeof *plan->defaults);
    plan->defaults[plan->defaults_count] = field->default_bytes;
    size_t at = emit(c, (Op){.code = OP_DEFAULT, .table = (uint32_t)plan->defaults_count++});
    bool resolved = resolve(c, field->type, target_of(field->type, field->binding, base));
    emit_code(c, OP_END);
    land(c, at);
    return resolved;
}

// Puts the field in front of the reason that something in it does not resolve.
static bool blame_field(Compiler *c, Str field) {
    bool nested = str_starts_with(c->reason, STR_LIT("."));
    c->reason =
        arena_printf(c->arena, ".%.*s%s" STR_FMT, NAME_BYTES_MAX, field.ptr, nested ? "" : ": ", STR_ARG(c->reason));
    return false;
}

// In the writer's order; then our defaults.
static bool resolve_fields(Compiler *c, const SchemaNode *writer, const SchemaNode *reader, uint32_t base) {
    const uint32_t *sources = match_fields(c, writer, reader);
    for (size_t i = 0; i < writer->fields_count; i++) {
        const SchemaField *theirs = &writer->fields[i], *ours = NULL;
        for (size_t j = 0; ours == NULL && j < reader->fields_count; j++) {
            ours = sources[j] == i ? &reader->fields[j] : NULL;
        }
        uint32_t outer = enter_field(c, theirs->name);
        bool done =
            ours == NULL ? skip(c, theirs->type) : resolve(c, theirs->type, target_of(ours->type, ours->binding, base));
        if (!done) {
            return blame_field(c, theirs->name);
        }
        c->name = outer;
    }
    for (size_t j = 0; j < reader->fields_count; j++) {
        if (sources[j] == NO_FIELD && !resolve_default(c, &reader->fields[j], base)) {
            return blame_field(c, reader->fields[j].name);
        }
    }
    return true;
}

static bool resolve_pointer(Compiler *c, const SchemaNode *writer, Target target) {
    size_t at = emit(c, (Op){.code = OP_POINTER, .offset = target.offset, .size = target.binding->size});
    uint32_t outer = c->name;
    c->name = 0;
    bool resolved = resolve_fields(c, writer, target.type, 0);
    c->name = outer;
    emit_code(c, OP_END);
    land(c, at);
    return resolved;
}

static bool resolve_null(Compiler *c, Target target) {
    if (!target.nullable) {
        return REFUSE(c, "null cannot be read as %s", schema_type_name(target.type->type));
    }
    // For all others null is what a zeroed struct holds.
    if (target.binding->kind == BIND_INT64) {
        (void)emit(c, (Op){.code = OP_SET_UNKNOWN, .offset = target.offset});
    }
    return true;
}

static bool resolve_branch(Compiler *c, const SchemaNode *branch, const void *context) {
    const Target *target = context;
    return resolve(c, branch, *target);
}

static bool resolve_type(Compiler *c, const SchemaNode *writer, Target target) {
    static const OpCode codes[] = {
        [BIND_STR] = OP_STRING,
        [BIND_BOOL] = OP_BOOL,
        [BIND_TRILEAN] = OP_TRILEAN,
        [BIND_INT32] = OP_INT32,
    };
    if (writer->type == SCHEMA_UNION) {
        return compile_union(c, writer, resolve_branch, &target);
    }
    if (writer->type == SCHEMA_NULL) {
        return resolve_null(c, target);
    }
    if (!types_match(writer, target.type)) {
        return REFUSE(c, STR_FMT " cannot be read as " STR_FMT, STR_ARG(type_text(c, writer)),
                      STR_ARG(type_text(c, target.type)));
    }
    switch (target.binding->kind) {
    case BIND_ENUM:
        return resolve_enum(c, writer, target);
    case BIND_INT64:
        (void)emit(c, (Op){.code = writer->type == SCHEMA_INT ? OP_INT : OP_LONG, .offset = target.offset});
        return true;
    case BIND_ARRAY:
    case BIND_MAP:
        return resolve_items(c, writer, target);
    case BIND_POINTER:
        return resolve_pointer(c, writer, target);
    case BIND_RECORD:
        return resolve_fields(c, writer, target.type, target.offset);
    default:
        (void)emit(c, (Op){.code = codes[target.binding->kind], .offset = target.offset});
        return true;
    }
}

static bool resolve(Compiler *c, const SchemaNode *writer, Target target) {
    if (!visit(c)) {
        return false;
    }
    bool resolved = resolve_type(c, writer, target);
    c->depth--;
    return resolved;
}

// ---- the record as a whole

// By full name or alias; else, as the specification has it, by the name behind the last dot.
static const PlanReader *find_reader(PlanReaders readers, Str full_name) {
    const PlanReader *by_short_name = NULL;
    for (size_t i = 0; i < readers.count; i++) {
        const PlanReader *reader = &readers.ptr[i];
        if (str_equal(reader->root->name, full_name) || has_alias(reader->root, full_name)) {
            return reader;
        }
        if (str_equal(schema_short_name(reader->root->name), schema_short_name(full_name))) {
            by_short_name = reader;
        }
    }
    return by_short_name;
}

static bool compile_record(Compiler *c, const SchemaNode *writer, const void *context) {
    (void)context;
    if (writer->type == SCHEMA_UNION) {
        return compile_union(c, writer, compile_record, NULL); // which cannot hold a union itself
    }
    const PlanReader *reader = writer->type == SCHEMA_RECORD ? find_reader(c->readers, writer->name) : NULL;
    if (reader == NULL) {
        return REFUSE(c, STR_FMT " is no record of ours", STR_ARG(type_text(c, writer)));
    }
    (void)emit(c, (Op){.code = OP_SET_TYPE, .size = reader->type});
    return resolve_fields(c, writer, reader->root, reader->offset);
}

// How far on the jumps lead that begin at this step; 0: it is none.
static uint32_t jumped(const Plan *plan, size_t step) {
    return plan->ops[step].code == OP_JUMP ? plan->ops[step].next : 0;
}

// What leads to a jump leads to where that goes. From the end, so that jumps lead to no other jump themselves.
static void thread_jumps(Plan *plan) {
    for (size_t i = plan->ops_count; i-- > 0;) {
        Op *op = &plan->ops[i];
        if (op->code == OP_END) {
            continue;
        }
        op->next += jumped(plan, i + op->next);
        for (size_t b = 0; op->code == OP_UNION && b < op->size; b++) {
            int32_t *ahead = &plan->table[op->table + b];
            *ahead += (int32_t)jumped(plan, i + (size_t)*ahead);
        }
    }
}

bool plan_compile(Plan *plan, const SchemaNode *writer, PlanReaders readers, Arena *arena, Str *error) {
    *plan = (Plan){0};
    Compiler c = {.plan = plan, .arena = arena, .readers = readers, .reason = STR_LIT("")};
    (void)add_text(&c, STR_LIT("")); // name 0: none
    bool compiled = compile_record(&c, writer, NULL);
    emit_code(&c, OP_END);
    mem_free(c.bodies);
    if (!compiled) {
        *error = without_dot(c.reason);
        plan_clear(plan);
        return false;
    }
    thread_jumps(plan);
    return true;
}

void plan_clear(Plan *plan) {
    mem_free(plan->ops);
    mem_free(plan->table);
    mem_free(plan->defaults);
    buf_free(&plan->names);
    *plan = (Plan){0};
}
