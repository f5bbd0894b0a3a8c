#include "services/validator/walk.h"

#include "common/base/limits.h"
#include "common/domain/record.h"
#include "services/validator/varint.h"

#include <stdlib.h>
#include <unistr.h>

enum {
    // Memory for a payload: 4 times its size and 64 KiB, half of which is kept for telling a fault.
    MEMORY_FACTOR = 4,
    MEMORY_EXTRA = 32 * 1024,
    // Items that take no byte (null, a record of nothing): five bytes can claim 2^62 of them.
    EMPTY_ITEMS_MAX = 4096,
    PATH_BYTES_MAX = 256,
};

typedef struct Walk {
    const Plan *plan;
    Arena *arena;
    const uint8_t *start, *end; // of the payload, or of a default's bytes
    size_t memory_left, empty_items_left;
    unsigned depth;
    // Of the failure:
    Rule rule;
    Str what, path;
    size_t byte;
} Walk;

// Every function below that takes a place in the bytes, `at`, and gives one back, gives that behind
// what it read, or NULL after noting the fault.
static const uint8_t *run(Walk *w, const Op *op, const uint8_t *at, char *base);

__attribute__((cold, noinline)) static const uint8_t *fail(Walk *w, Rule rule, const uint8_t *at, Str what) {
    w->rule = rule;
    w->what = what;
    w->byte = (size_t)(at - w->start);
    return NULL;
}

__attribute__((cold, noinline)) static const uint8_t *fail_long(Walk *w, const uint8_t *at) {
    return fail(w, RULE_BAD_AVRO, at, str_from(varint_fault(at, w->end, VARINT_LONG_BYTES)));
}

__attribute__((cold, noinline)) static const uint8_t *fail_int(Walk *w, const uint8_t *at) {
    return fail(w, RULE_BAD_AVRO, at, str_from(varint_fault(at, w->end, VARINT_INT_BYTES)));
}

__attribute__((cold, noinline)) static const uint8_t *fail_length(Walk *w, const uint8_t *at, int64_t len,
                                                                  size_t left) {
    return fail(w, RULE_BAD_AVRO, at, arena_printf(w->arena, "length %lld with %zu bytes left", (long long)len, left));
}

__attribute__((cold, noinline)) static const uint8_t *fail_index(Walk *w, const uint8_t *at, const Op *op,
                                                                 int64_t index) {
    const char *of = op->code == OP_UNION ? "union branch" : "enum index";
    return fail(w, RULE_BAD_AVRO, at, arena_printf(w->arena, "%s %lld of %u", of, (long long)index, op->size));
}

__attribute__((cold, noinline)) static const uint8_t *fail_bool(Walk *w, const uint8_t *at) {
    Str what = at == w->end ? STR_LIT("boolean cut short")
                            : arena_printf(w->arena, "boolean %u, which is neither 0 nor 1", *at);
    return fail(w, RULE_BAD_AVRO, at, what);
}

__attribute__((cold, noinline)) static const uint8_t *fail_depth(Walk *w, const uint8_t *at) {
    return fail(w, RULE_BAD_AVRO, at, arena_printf(w->arena, "nested deeper than %d", LIMIT_SCHEMA_DEPTH));
}

// Puts a field or an item in front of the path to the fault.
__attribute__((cold, noinline)) static void blame(Walk *w, Str part) {
    const char *dot = part.len > 0 && w->path.len > 0 && w->path.ptr[0] != '[' ? "." : "";
    Str path = arena_printf(w->arena, STR_FMT "%s" STR_FMT, STR_ARG(part), dot, STR_ARG(w->path));
    w->path = path.len > PATH_BYTES_MAX ? str_slice(path, 0, PATH_BYTES_MAX) : path;
}

static size_t left(const Walk *w, const uint8_t *at) {
    return (size_t)(w->end - at);
}

// ---- scalars

static inline const uint8_t *take_long(Walk *w, const uint8_t *at, int64_t *value) {
    const uint8_t *next = varint_read_long(at, w->end, value);
    return next != NULL ? next : fail_long(w, at);
}

static inline const uint8_t *take_int(Walk *w, const uint8_t *at, int64_t *value) {
    const uint8_t *next = varint_read_int(at, w->end, value);
    return next != NULL ? next : fail_int(w, at);
}

static inline const uint8_t *take_int32(Walk *w, const uint8_t *at, int32_t *value) {
    int64_t wide = 0;
    at = take_int(w, at, &wide);
    *value = (int32_t)wide;
    return at;
}

static inline const uint8_t *take_bool(Walk *w, const uint8_t *at, bool *value) {
    if (at == w->end || *at > 1) {
        return fail_bool(w, at);
    }
    *value = *at;
    return at + 1;
}

// Of an enum's symbol or a union's branch, of which the step says how many there are.
static inline const uint8_t *take_index(Walk *w, const Op *op, const uint8_t *at, uint32_t *index) {
    int64_t value = 0;
    const uint8_t *next = take_int(w, at, &value);
    if (next == NULL) {
        return NULL;
    }
    if (value < 0 || value >= op->size) {
        return fail_index(w, at, op, value);
    }
    *index = (uint32_t)value;
    return next;
}

static const uint8_t *take_enum(Walk *w, const Op *op, const uint8_t *at, int32_t *value) {
    uint32_t index = 0;
    const uint8_t *next = take_index(w, op, at, &index);
    if (next == NULL) {
        return NULL;
    }
    *value = w->plan->table[op->table + index];
    return *value >= 0
               ? next
               : fail(w, RULE_BAD_AVRO, at, STR_LIT("the writer's symbol is none of ours, and we have no default"));
}

static inline const uint8_t *take_span(Walk *w, const uint8_t *at, Str *value) {
    int64_t len = 0;
    const uint8_t *bytes = take_long(w, at, &len);
    if (bytes == NULL) {
        return NULL;
    }
    if (len < 0 || (uint64_t)len > left(w, bytes)) {
        return fail_length(w, at, len, left(w, bytes));
    }
    *value = (Str){(const char *)bytes, (size_t)len};
    return bytes + len;
}

static inline uint64_t load_64(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t load_32(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

// Some byte's top bit is set if some byte is NUL or above ASCII: less one, a NUL borrows into it.
static inline uint64_t odd_bytes(uint64_t word) {
    static const uint64_t ones = UINT64_C(0x0101010101010101);
    return (word - ones) | word;
}

// ASCII without NUL, eight bytes at a time; the last word may overlap those before.
static inline bool is_plain(const uint8_t *at, size_t len) {
    static const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t odd = 0;
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8) {
            odd |= odd_bytes(load_64(at + i));
        }
        odd |= odd_bytes(load_64(at + len - 8));
    } else if (len >= 4) {
        odd = odd_bytes(load_32(at) | load_32(at + len - 4) << 32);
    } else {
        for (size_t i = 0; i < len; i++) {
            odd |= (uint8_t)(at[i] - 1) | at[i];
        }
    }
    return (odd & tops) == 0;
}

__attribute__((noinline)) static const uint8_t *check_text(Walk *w, Str text, const uint8_t *next) {
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    const uint8_t *wrong = u8_check(bytes, text.len);
    if (wrong != NULL) {
        return fail(w, RULE_BAD_UTF8, wrong, STR_LIT("not UTF-8"));
    }
    const uint8_t *nul = memchr(bytes, 0, text.len);
    return nul == NULL ? next : fail(w, RULE_BAD_UTF8, nul, STR_LIT("NUL in a string"));
}

__attribute__((always_inline)) static inline const uint8_t *take_text(Walk *w, const uint8_t *at, Str *value) {
    at = take_span(w, at, value);
    if (at == NULL || is_plain((const uint8_t *)value->ptr, value->len)) {
        return at;
    }
    return check_text(w, *value, at);
}

static const uint8_t *skip_fixed(Walk *w, const uint8_t *at, size_t size) {
    if (size > left(w, at)) {
        return fail(w, RULE_BAD_AVRO, at, arena_printf(w->arena, "%zu bytes wanted with %zu left", size, left(w, at)));
    }
    return at + size;
}

// ---- memory

// Zeroed, or NULL after noting the fault.
static void *allocate(Walk *w, const uint8_t *at, size_t count, size_t size) {
    size_t align = _Alignof(max_align_t), rounded = (size + align - 1) / align * align;
    if (count > w->memory_left / rounded) {
        (void)fail(w, RULE_BAD_AVRO, at, STR_LIT("needs more memory than 4 times the record and 64 KiB"));
        return NULL;
    }
    w->memory_left -= count * rounded;
    return arena_alloc(w->arena, count, size);
}

typedef struct Items {
    char *ptr;
    size_t count, capacity;
} Items;

// Room for `more` items: exactly, in the usual single block, then by doubling.
static bool reserve(Walk *w, const uint8_t *at, Items *items, size_t more, size_t size) {
    size_t wanted = items->count + more;
    if (wanted <= items->capacity) {
        return true;
    }
    size_t capacity = wanted < items->capacity * 2 ? items->capacity * 2 : wanted;
    char *ptr = allocate(w, at, capacity, size);
    if (ptr == NULL) {
        return false;
    }
    if (items->count > 0) {
        memcpy(ptr, items->ptr, items->count * size);
    }
    items->ptr = ptr;
    items->capacity = capacity;
    return true;
}

// ---- arrays and maps

typedef struct Block {
    size_t count;
    const uint8_t *end; // NULL: the writer gave no size
} Block;

// Reads a block's count (0: there are no more) and, with a negative one, its size in bytes.
static const uint8_t *take_block(Walk *w, const Op *op, const uint8_t *at, Block *block) {
    int64_t count = 0, size = 0;
    const uint8_t *next = take_long(w, at, &count);
    *block = (Block){0};
    if (next == NULL || count == 0) {
        return next;
    }
    if (count < 0) {
        next = take_long(w, next, &size);
        if (next == NULL) {
            return NULL;
        }
        if (size < 0 || (uint64_t)size > left(w, next)) {
            Str what =
                arena_printf(w->arena, "block of %lld bytes with %zu bytes left", (long long)size, left(w, next));
            return fail(w, RULE_BAD_AVRO, at, what);
        }
        block->end = next + size;
    }
    uint64_t items = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    size_t item_bytes = (size_t)op->min_bytes + (op->code == OP_MAP || op->code == OP_SKIP_MAP);
    if (item_bytes == 0 ? items > w->empty_items_left : items > left(w, next) / item_bytes) {
        Str what =
            arena_printf(w->arena, "%llu items claimed with %zu bytes left", (unsigned long long)items, left(w, next));
        return fail(w, RULE_BAD_AVRO, at, what);
    }
    w->empty_items_left -= item_bytes == 0 ? items : 0;
    block->count = (size_t)items;
    return next;
}

static const uint8_t *take_item(Walk *w, const Op *op, const uint8_t *at, char *item) {
    Str skipped = STR_NONE;
    if (op->code == OP_MAP) {
        at = take_text(w, at, (Str *)(void *)item);
    } else if (op->code == OP_SKIP_MAP) {
        at = take_text(w, at, &skipped);
    }
    return at == NULL ? NULL : run(w, op + 1, at, item);
}

// Items into the arena. NULL for `items`: they are skipped, and nothing is stored at `base` either.
static const uint8_t *take_items(Walk *w, const Op *op, const uint8_t *at, char *base, Items *items) {
    for (size_t number = 0;;) {
        const uint8_t *from = at;
        Block block;
        at = take_block(w, op, at, &block);
        if (at == NULL || block.count == 0) {
            return at;
        }
        if (items != NULL && !reserve(w, from, items, block.count, op->size)) {
            return NULL;
        }
        for (size_t i = 0; i < block.count; i++, number++) {
            char *item = items == NULL ? base : items->ptr + items->count++ * op->size;
            at = take_item(w, op, at, item);
            if (at == NULL) {
                blame(w, arena_printf(w->arena, "[%zu]", number));
                return NULL;
            }
        }
        if (block.end != NULL && block.end != at) {
            return fail(w, RULE_BAD_AVRO, from, STR_LIT("a block whose size is not that of its items"));
        }
    }
}

static void store_items(const Op *op, char *base, void *ptr, size_t count) {
    memcpy(base + op->offset, &ptr, sizeof ptr);
    memcpy(base + op->count_offset, &count, sizeof count);
}

static const uint8_t *take_array(Walk *w, const Op *op, const uint8_t *at, char *base) {
    Items items = {0};
    at = take_items(w, op, at, base, &items);
    store_items(op, base, items.ptr, items.count);
    return at;
}

static int compare_keys(const void *a, const void *b) {
    return str_compare(*(const Str *)a, *(const Str *)b);
}

static const uint8_t *take_map(Walk *w, const Op *op, const uint8_t *at, char *base) {
    static max_align_t empty; // a map without entries is there, and so not NULL
    Items items = {.ptr = (char *)&empty};
    const uint8_t *next = take_items(w, op, at, base, &items);
    if (next == NULL) {
        return NULL;
    }
    qsort(items.ptr, items.count, op->size, compare_keys);
    for (size_t i = 1; i < items.count; i++) {
        if (compare_keys(items.ptr + (i - 1) * op->size, items.ptr + i * op->size) == 0) {
            return fail(w, RULE_BAD_AVRO, at, STR_LIT("a map with a key given twice"));
        }
    }
    store_items(op, base, items.ptr, items.count);
    return next;
}

// ---- the steps

static const uint8_t *take_pointer(Walk *w, const Op *op, const uint8_t *at, char *base) {
    char *target = allocate(w, at, 1, op->size);
    if (target == NULL) {
        return NULL;
    }
    memcpy(base + op->offset, &target, sizeof target);
    return run(w, op + 1, at, target);
}

// The default's bytes were written by us, so reading them can fail for want of memory alone.
static const uint8_t *take_default(Walk *w, const Op *op, const uint8_t *at, char *base) {
    const uint8_t *start = w->start, *end = w->end;
    Str datum = w->plan->defaults[op->table];
    w->start = (const uint8_t *)datum.ptr;
    w->end = w->start + datum.len;
    const uint8_t *read = run(w, op + 1, w->start, base);
    w->start = start;
    w->end = end;
    w->byte = (size_t)(at - start);
    return read == NULL ? NULL : at;
}

static const uint8_t *skip_scalar(Walk *w, const Op *op, const uint8_t *at) {
    int64_t number = 0;
    uint32_t index = 0;
    bool truth = false;
    Str text = STR_NONE;
    switch (op->code) {
    case OP_SKIP_BOOL:
        return take_bool(w, at, &truth);
    case OP_SKIP_INT:
        return take_int(w, at, &number);
    case OP_SKIP_LONG:
        return take_long(w, at, &number);
    case OP_SKIP_FIXED:
        return skip_fixed(w, at, op->size);
    case OP_SKIP_BYTES:
        return take_span(w, at, &text);
    case OP_SKIP_STRING:
        return take_text(w, at, &text);
    default: // OP_SKIP_ENUM
        return take_index(w, op, at, &index);
    }
}

// A place in the struct. The binding's kind and the member's type agree, so it is aligned.
#define PLACE(type) ((type *)(void *)(base + op->offset))

// One step that goes on behind itself, of those that a record has few of.
__attribute__((noinline)) static const uint8_t *rare_step(Walk *w, const Op *op, const uint8_t *at, char *base) {
    bool truth = false;
    switch ((OpCode)op->code) {
    case OP_SET_TYPE:
        memcpy(base, &op->size, sizeof op->size);
        return at;
    case OP_TRILEAN:
        at = take_bool(w, at, &truth);
        *PLACE(int32_t) = at == NULL ? TRILEAN_UNKNOWN : truth ? TRILEAN_TRUE : TRILEAN_FALSE;
        return at;
    case OP_INT32:
        return take_int32(w, at, PLACE(int32_t));
    case OP_ENUM:
        return take_enum(w, op, at, PLACE(int32_t));
    case OP_ARRAY:
        return take_array(w, op, at, base);
    case OP_MAP:
        return take_map(w, op, at, base);
    case OP_POINTER:
        return take_pointer(w, op, at, base);
    case OP_DEFAULT:
        return take_default(w, op, at, base);
    case OP_SKIP_ARRAY:
    case OP_SKIP_MAP:
        return take_items(w, op, at, base, NULL);
    case OP_CALL:
        return run(w, w->plan->ops + op->table, at, base);
    case OP_FAIL:
        return fail(w, RULE_BAD_AVRO, at, str_from(w->plan->names.ptr + op->table));
    default:
        return skip_scalar(w, op, at);
    }
}

// The steps of a body, up to its end. Here is what a candidate consists of: a declaration has dozens of each, and what
// else a step may be would take the registers.
static const uint8_t *run(Walk *w, const Op *op, const uint8_t *at, char *base) {
    if (w->depth == LIMIT_SCHEMA_DEPTH) {
        return fail_depth(w, at);
    }
    w->depth++;
    for (;;) {
        uint32_t ahead = op->next, branch = 0;
        switch (op->code) {
        case OP_END:
            w->depth--;
            return at;
        case OP_JUMP:
            break;
        case OP_UNION:
            at = take_index(w, op, at, &branch);
            ahead = at == NULL ? 0 : (uint32_t)w->plan->table[op->table + branch];
            break;
        case OP_SET_UNKNOWN:
            *PLACE(int64_t) = COUNT_UNKNOWN;
            break;
        case OP_STRING:
            at = take_text(w, at, PLACE(Str));
            break;
        case OP_BOOL:
            at = take_bool(w, at, PLACE(bool));
            break;
        case OP_INT:
            at = take_int(w, at, PLACE(int64_t));
            break;
        case OP_LONG:
            at = take_long(w, at, PLACE(int64_t));
            break;
        default:
            at = rare_step(w, op, at, base);
        }
        if (at == NULL) {
            blame(w, str_from(w->plan->names.ptr + op->name));
            return NULL;
        }
        op += ahead;
    }
}

bool walk_datum(const Plan *plan, Str payload, size_t datum, void *out, Arena *arena, WalkFault *fault) {
    const uint8_t *start = (const uint8_t *)payload.ptr;
    Walk w = {
        .plan = plan,
        .arena = arena,
        .start = start,
        .end = start + payload.len,
        .memory_left = MEMORY_FACTOR * payload.len + MEMORY_EXTRA,
        .empty_items_left = EMPTY_ITEMS_MAX,
    };
    const uint8_t *end = run(&w, plan->ops, start + datum, out);
    if (end == w.end) {
        return true;
    }
    if (end != NULL) {
        fault->rule = RULE_TRAILING_BYTES;
        fault->detail =
            arena_printf(arena, "%zu bytes left behind the datum, at byte %zu", left(&w, end), (size_t)(end - start));
        return false;
    }
    fault->rule = w.rule;
    fault->detail = arena_printf(arena, STR_FMT "%s" STR_FMT " at byte %zu", STR_ARG(w.path),
                                 w.path.len > 0 ? ": " : "", STR_ARG(w.what), w.byte);
    return false;
}
