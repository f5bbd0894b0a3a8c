// A writer's schema and ours, compiled once into a flat list of steps: Avro's schema resolution is
// decided here, so that walk.c only reads, checks and stores.
//
// Memory: a plan owns its parts and borrows nothing but defaults, which are our schemas' own and
// live as long as the process.
#pragma once

#include "services/validator/binding.h"
#include "services/validator/schema.h"

typedef enum OpCode {
    OP_END,         // of a body
    OP_JUMP,        // to `next`
    OP_FAIL,        // this branch of the writer's union does not resolve; names + table says why
    OP_SET_TYPE,    // Record.type = `size`
    OP_SET_UNKNOWN, // int64_t = COUNT_UNKNOWN
    OP_STRING,      // string or bytes -> Str
    OP_BOOL,
    OP_TRILEAN,
    OP_INT32,
    OP_INT,     // int -> int64_t
    OP_LONG,    // long -> int64_t
    OP_ENUM,    // `size` symbols; table[table + index] is our index, or -1
    OP_ARRAY,   // items of `size` bytes, each at least `min_bytes` on the wire; body follows, then `next`
    OP_MAP,     // the same; an item begins with its key
    OP_POINTER, // a struct of `size` bytes; body follows, then `next`
    OP_UNION,   // `size` branches; table[table + index] is how far ahead the branch's steps are
    OP_DEFAULT, // of a field that the writer lacks: the body reads defaults[table], then `next`
    OP_SKIP_BOOL,
    OP_SKIP_INT,
    OP_SKIP_LONG,
    OP_SKIP_FIXED, // `size` bytes
    OP_SKIP_BYTES,
    OP_SKIP_STRING,
    OP_SKIP_ENUM,  // `size` symbols
    OP_SKIP_ARRAY, // as OP_ARRAY
    OP_SKIP_MAP,
    OP_CALL, // the body at ops[table], for types that contain themselves; then `next`
} OpCode;

typedef struct Op {
    uint32_t code;                 // OpCode
    uint32_t offset, count_offset; // in the struct that is being filled
    uint32_t next;                 // steps ahead
    uint32_t size, min_bytes, table;
    uint32_t name; // of the writer's field, in `names`; an empty one for an item
} Op;

typedef struct Plan {
    Op *ops;
    size_t ops_count;
    int32_t *table;
    size_t table_count;
    Str *defaults; // borrowed bytes
    size_t defaults_count;
    Buf names; // NUL-terminated, one behind the other
} Plan;

// A schema of ours as a plan's target.
typedef struct PlanReader {
    const SchemaNode *root; // a record, bound
    uint32_t type;          // stored as a uint32_t at offset 0 of the memory that is filled ...
    uint32_t offset;        // ... and where in it the record's struct begins
} PlanReader;

typedef struct PlanReaders {
    const PlanReader *ptr;
    size_t count;
} PlanReaders;

// Chooses the reader by the writer's name: full, an alias of ours, or but for its namespace. False: the writer's schema
// does not resolve, for the reason in `error` (arena); the plan is then empty.
bool plan_compile(Plan *plan, const SchemaNode *writer, PlanReaders readers, Arena *arena, Str *error);
void plan_clear(Plan *plan);
