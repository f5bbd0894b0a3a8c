// Schema resolution: what a writer's schema and datum become in a reader's struct, by the rules of
// the Avro specification. The reader has every kind of field that a binding knows.
#include "services/validator/plan.h"

#include "common/domain/record.h"
#include "services/validator/walk.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct Inner {
    int32_t k;
    Str v;
} Inner;

typedef struct Weight {
    Str key;
    int64_t value;
} Weight;

typedef struct Sample {
    uint32_t type;
    Str text;
    int64_t n, maybe;
    bool flag;
    int32_t colour, mood, sure;
    Str *tags;
    size_t tags_count;
    Weight *weights;
    size_t weights_count;
    Inner *inner;
    Inner *items;
    size_t items_count;
} Sample;

static const char reader_json[] =
    "{\"type\":\"record\",\"name\":\"test.Sample\",\"aliases\":[\"old.Specimen\"],\"fields\":["
    "{\"name\":\"text\",\"type\":\"string\",\"default\":\"none\"},"
    "{\"name\":\"n\",\"type\":\"long\",\"aliases\":[\"count\",\"number\"]},"
    "{\"name\":\"maybe\",\"type\":[\"null\",\"int\"],\"default\":null},"
    "{\"name\":\"flag\",\"type\":\"boolean\",\"default\":true},"
    "{\"name\":\"colour\",\"type\":{\"type\":\"enum\",\"name\":\"Colour\",\"symbols\":[\"RED\",\"GREEN\",\"BLUE\"],"
    "\"default\":\"GREEN\"},\"default\":\"BLUE\"},"
    "{\"name\":\"mood\",\"type\":{\"type\":\"enum\",\"name\":\"Mood\",\"symbols\":[\"CALM\",\"GLAD\"],"
    "\"aliases\":[\"old.Temper\"]},\"default\":\"GLAD\"},"
    "{\"name\":\"sure\",\"type\":[\"null\",\"boolean\"],\"default\":null},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[\"a\",\"b\"]},"
    "{\"name\":\"weights\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"default\":{\"x\":1}},"
    "{\"name\":\"inner\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Inner\",\"fields\":["
    "{\"name\":\"k\",\"type\":\"int\"},{\"name\":\"v\",\"type\":[\"string\",\"null\"],\"default\":\"vv\"}]}],"
    "\"default\":null},"
    "{\"name\":\"items\",\"type\":{\"type\":\"array\",\"items\":\"Inner\"},\"default\":[{\"k\":7}]}]}";

static const Binding tag = {.kind = BIND_STR};
static const Binding weight = {.kind = BIND_INT64, .offset = offsetof(Weight, value)};
static const Binding inner_fields[] = {
    BIND_FIELD(Inner, INT32, "k", k),
    BIND_FIELD(Inner, STR, "v", v),
};
static const Binding inner = BIND_STRUCT(Inner, inner_fields);
static const Binding sample_fields[] = {
    BIND_FIELD(Sample, STR, "text", text),
    BIND_FIELD(Sample, INT64, "n", n),
    BIND_FIELD(Sample, INT64, "maybe", maybe),
    BIND_FIELD(Sample, BOOL, "flag", flag),
    BIND_FIELD(Sample, ENUM, "colour", colour),
    BIND_FIELD(Sample, ENUM, "mood", mood),
    BIND_FIELD(Sample, TRILEAN, "sure", sure),
    BIND_ITEMS(Sample, ARRAY, "tags", tags, tags_count, tag, Str),
    BIND_ITEMS(Sample, MAP, "weights", weights, weights_count, weight, Weight),
    BIND_OPTIONAL(Sample, "inner", inner, inner, Inner),
    BIND_ITEMS(Sample, ARRAY, "items", items, items_count, inner, Inner),
};
static const Binding sample = BIND_STRUCT(Sample, sample_fields);

typedef struct Fixture {
    Arena arena;
    Schema reader, writer;
    Plan plan;
    Buf text;
} Fixture;

static int set_up(void **state) {
    static Fixture fixture;
    fixture = (Fixture){0};
    Str error = STR_NONE;
    *state = &fixture;
    bool ready = schema_parse(&fixture.reader, str_from(reader_json), &fixture.arena, &error) &&
                 binding_attach(&sample, fixture.reader.root, &fixture.arena, &error);
    return ready ? 0 : -1;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    plan_clear(&f->plan);
    schema_clear(&f->reader);
    schema_clear(&f->writer);
    arena_free(&f->arena);
    buf_free(&f->text);
    return 0;
}

static void print_inner(Buf *out, const Inner *value) {
    buf_printf(out, "(%d " STR_FMT ")", value->k, STR_ARG(str_is_none(value->v) ? STR_LIT("-") : value->v));
}

// Every field, in short, so that a case is a line.
static void print_sample(Buf *out, const Sample *s) {
    static const char *const colours[] = {"RED", "GREEN", "BLUE"}, *const moods[] = {"CALM", "GLAD"};
    buf_printf(out, "text=" STR_FMT " n=%lld", STR_ARG(s->text), (long long)s->n);
    buf_printf(out, s->maybe == COUNT_UNKNOWN ? " maybe=-" : " maybe=%lld", (long long)s->maybe);
    buf_printf(out, " flag=%d %s %s sure=%d tags=", s->flag, colours[s->colour], moods[s->mood], s->sure);
    for (size_t i = 0; i < s->tags_count; i++) {
        buf_printf(out, STR_FMT ",", STR_ARG(s->tags[i]));
    }
    buf_printf(out, s->weights == NULL ? " weights=NULL" : " weights=");
    for (size_t i = 0; s->weights != NULL && i < s->weights_count; i++) {
        buf_printf(out, STR_FMT ":%lld,", STR_ARG(s->weights[i].key), (long long)s->weights[i].value);
    }
    buf_add_str(out, STR_LIT(" inner="));
    if (s->inner != NULL) {
        print_inner(out, s->inner);
    }
    buf_add_str(out, STR_LIT(" items="));
    for (size_t i = 0; i < s->items_count; i++) {
        print_inner(out, &s->items[i]);
    }
}

// What comes of it: the struct, "refused: ..." for the schema, or "rejected: ..." for the datum.
static const char *outcome(Fixture *f, const char *writer, Str datum) {
    Str error = STR_NONE;
    plan_clear(&f->plan);
    schema_clear(&f->writer);
    buf_clear(&f->text);
    PlanReader reader = {.root = f->reader.root, .type = 1};
    if (!schema_parse(&f->writer, str_from(writer), &f->arena, &error)) {
        buf_printf(&f->text, "no schema: " STR_FMT, STR_ARG(error));
    } else if (!plan_compile(&f->plan, f->writer.root, (PlanReaders){&reader, 1}, &f->arena, &error)) {
        buf_printf(&f->text, "refused: " STR_FMT, STR_ARG(error));
    } else {
        Sample value = {0};
        WalkFault fault;
        if (!walk_datum(&f->plan, datum, 0, &value, &f->arena, &fault)) {
            buf_printf(&f->text, "rejected: " STR_FMT, STR_ARG(fault.detail));
        } else if (value.type == 1) {
            print_sample(&f->text, &value);
        }
    }
    buf_add_byte(&f->text, 0);
    return f->text.ptr;
}

typedef struct Case {
    const char *writer;
    Str datum;
    const char *outcome;
} Case;

static void check(Fixture *f, const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *got = outcome(f, cases[i].writer, cases[i].datum);
        if (strcmp(got, cases[i].outcome) != 0) {
            print_message("writer %s\n", cases[i].writer);
        }
        assert_string_equal(got, cases[i].outcome);
    }
}

// clang-format off
#define CHECK(f, cases) check(f, cases, sizeof(cases) / sizeof(cases)[0])
#define BYTES(literal) {(literal), sizeof(literal) - 1}
#define RECORD(fields) "{\"type\":\"record\",\"name\":\"test.Sample\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define N FIELD("n", "\"long\"")
// All but n from our defaults.
#define AFTER_MAYBE " flag=1 BLUE GLAD sure=0 tags=a,b, weights=x:1, inner= items=(7 vv)"
#define DEFAULTS_FOR(n) "text=none n=" n " maybe=-" AFTER_MAYBE

static void what_the_writer_lacks_takes_our_default(void **state) {
    static const Case cases[] = {
        {RECORD(N), BYTES("\x0a"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("text", "\"string\"")), BYTES(""), "refused: n: the writer lacks it, and it has no default"},
        {RECORD(N "," FIELD("inner", "{\"type\":\"record\",\"name\":\"Inner\",\"fields\":[" FIELD("k", "\"int\"") "]}")),
         BYTES("\x0a\x06"),
         "text=none n=5 maybe=- flag=1 BLUE GLAD sure=0 tags=a,b, weights=x:1, inner=(3 vv) items=(7 vv)"},
        {RECORD(N "," FIELD("inner", "{\"type\":\"record\",\"name\":\"Inner\",\"fields\":[]}")), BYTES("\x0a"),
         "refused: inner.k: the writer lacks it, and it has no default"},
    };
    CHECK(*state, cases);
}

static void numbers_are_promoted_never_narrowed(void **state) {
    static const Case cases[] = {
        {RECORD(FIELD("n", "\"int\"")), BYTES("\x0a"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("n", "\"int\"")), BYTES("\x80\x80\x80\x80\x10"), "rejected: n: number outside int's range at byte 0"},
        {RECORD(N), BYTES("\x80\x80\x80\x80\x10"), DEFAULTS_FOR("2147483648")},
        {RECORD(FIELD("n", "\"float\"")), BYTES(""), "refused: n: float cannot be read as long"},
        {RECORD(FIELD("n", "\"double\"")), BYTES(""), "refused: n: double cannot be read as long"},
        {RECORD(FIELD("n", "\"string\"")), BYTES(""), "refused: n: string cannot be read as long"},
        {RECORD(FIELD("n", "\"boolean\"")), BYTES(""), "refused: n: boolean cannot be read as long"},
        {RECORD(N "," FIELD("maybe", "\"long\"")), BYTES(""), "refused: maybe: long cannot be read as int"},
        {RECORD(N "," FIELD("flag", "\"int\"")), BYTES(""), "refused: flag: int cannot be read as boolean"},
    };
    CHECK(*state, cases);
}

static void bytes_become_a_string_if_they_are_text(void **state) {
    static const Case cases[] = {
        {RECORD(FIELD("text", "\"bytes\"") "," N), BYTES("\x04hi\x0a"),
         "text=hi n=5 maybe=-" AFTER_MAYBE},
        {RECORD(FIELD("text", "\"bytes\"") "," N), BYTES("\x04h\xff\x0a"), "rejected: text: not UTF-8 at byte 2"},
        {RECORD(FIELD("text", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}") "," N), BYTES("hi\x0a"),
         "refused: text: fixed test.F cannot be read as string"},
    };
    CHECK(*state, cases);
}

static void what_we_do_not_know_is_skipped_and_checked(void **state) {
#define SKIPPED(type) RECORD(FIELD("other", type) "," N)
    static const Case cases[] = {
        {SKIPPED("\"null\""), BYTES("\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("\"boolean\""), BYTES("\x01\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("\"boolean\""), BYTES("\x02\x0a"), "rejected: other: boolean 2, which is neither 0 nor 1 at byte 0"},
        {SKIPPED("\"int\""), BYTES("\x80\x02\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("\"int\""), BYTES("\x80\x80\x80\x80\x10\x0a"), "rejected: other: number outside int's range at byte 0"},
        {SKIPPED("\"long\""), BYTES("\x80\x80\x80\x80\x10\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("\"float\""), BYTES("\xff\xff\xff\xff\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("\"double\""), BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("\"double\""), BYTES("\xff\xff"), "rejected: other: 8 bytes wanted with 2 left at byte 0"},
        {SKIPPED("\"bytes\""), BYTES("\x04\x00\xff\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("\"string\""), BYTES("\x04hi\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("\"string\""), BYTES("\x04h\xff\x0a"), "rejected: other: not UTF-8 at byte 2"},
        {SKIPPED("{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}"), BYTES("\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}"), BYTES("\x00\x00\x00\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"), BYTES("\x02\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"), BYTES("\x04\x0a"),
         "rejected: other: enum index 2 of 2 at byte 0"},
        {SKIPPED("{\"type\":\"array\",\"items\":\"int\"}"), BYTES("\x04\x02\x04\x01\x02\x06\x00\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("{\"type\":\"array\",\"items\":\"int\"}"), BYTES("\x01\x04\x02\x00\x0a"),
         "rejected: other: a block whose size is not that of its items at byte 0"},
        {SKIPPED("{\"type\":\"map\",\"values\":[\"null\",\"int\"]}"), BYTES("\x04\x02k\x00\x02k\x02\x02\x00\x0a"),
         DEFAULTS_FOR("5")},
        {SKIPPED("{\"type\":\"map\",\"values\":\"int\"}"), BYTES("\x02\x02\x00\x02\x00\x0a"),
         "rejected: other[0]: NUL in a string at byte 2"},
        {SKIPPED("[\"null\",\"int\",\"string\"]"), BYTES("\x04\x04hi\x0a"), DEFAULTS_FOR("5")},
        {SKIPPED("[\"null\",\"int\",\"string\"]"), BYTES("\x06\x0a"), "rejected: other: union branch 3 of 3 at byte 0"},
        {SKIPPED("{\"type\":\"record\",\"name\":\"P\",\"fields\":[" FIELD("x", "\"int\"") "," FIELD("y", "\"boolean\"") "]}"),
         BYTES("\x02\x07\x0a"), "rejected: other.y: boolean 7, which is neither 0 nor 1 at byte 1"},
    };
    CHECK(*state, cases);
}

static void types_that_hold_themselves_are_skipped(void **state) {
#define TREE "{\"type\":\"record\",\"name\":\"Tree\",\"fields\":[" FIELD("kids", "{\"type\":\"array\",\"items\":\"Tree\"}") "]}"
    static const Case cases[] = {
        {RECORD(FIELD("tree", TREE) "," N), BYTES("\x04\x00\x02\x00\x00\x00\x0a"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("tree", TREE) "," N "," FIELD("again", "\"Tree\"")), BYTES("\x00\x0a\x02\x00\x00"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("tree", TREE) "," N), BYTES("\x04\x00\x02\x00\x80"),
         "rejected: tree.kids[1].kids: varint cut short at byte 4"},
        // Met first in a branch that does not resolve, then for good.
        {RECORD(FIELD("inner", "[\"null\",{\"type\":\"record\",\"name\":\"Inner\",\"fields\":[" FIELD("tree", TREE) "]}]") ","
                FIELD("tree", "\"Tree\"") "," N),
         BYTES("\x00\x02\x00\x00\x0a"), DEFAULTS_FOR("5")},
    };
    CHECK(*state, cases);
}

static void order_is_the_writers(void **state) {
    static const Case cases[] = {
        {RECORD(FIELD("flag", "\"boolean\"") "," FIELD("maybe", "[\"int\",\"null\"]") "," N "," FIELD("text", "\"string\"")),
         BYTES("\x00\x00\x0e\x0a\x04hi"),
         "text=hi n=5 maybe=7 flag=0 BLUE GLAD sure=0 tags=a,b, weights=x:1, inner= items=(7 vv)"},
    };
    CHECK(*state, cases);
}

static void unions_resolve_by_branch(void **state) {
    static const Case cases[] = {
        {RECORD(N "," FIELD("maybe", "\"int\"")), BYTES("\x0a\x0e"), "text=none n=5 maybe=7" AFTER_MAYBE},
        {RECORD(N "," FIELD("maybe", "\"null\"")), BYTES("\x0a"), DEFAULTS_FOR("5")},
        {RECORD(N "," FIELD("maybe", "[\"int\",\"null\"]")), BYTES("\x0a\x02"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("n", "[\"int\",\"long\"]")), BYTES("\x00\x0a"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("n", "[\"int\",\"long\"]")), BYTES("\x02\x0a"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("n", "[\"null\",\"long\"]")), BYTES("\x02\x0a"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("n", "[\"null\",\"long\"]")), BYTES("\x00"), "rejected: n: null cannot be read as long at byte 1"},
        {RECORD(FIELD("n", "[\"string\",\"long\",\"double\"]")), BYTES("\x04"),
         "rejected: n: double cannot be read as long at byte 1"},
        {RECORD(FIELD("n", "[\"string\",\"double\"]")), BYTES(""), "refused: n: double cannot be read as long"},
        {RECORD(N "," FIELD("maybe", "[\"null\",\"int\"]") "," FIELD("extra", "[\"null\",\"int\"]") ","
                FIELD("more", "[\"null\",\"string\"]")), BYTES("\x0a\x00\x00\x00"), DEFAULTS_FOR("5")},
        {RECORD(N "," FIELD("maybe", "[\"null\",\"int\"]") "," FIELD("extra", "[\"null\",\"int\"]") ","
                FIELD("more", "[\"null\",\"string\"]")), BYTES("\x0a\x02\x0e\x00\x02\x02q"),
         "text=none n=5 maybe=7" AFTER_MAYBE},
        {RECORD(N "," FIELD("extra", "{\"type\":\"array\",\"items\":[\"null\",\"int\"]}")),
         BYTES("\x0a\x04\x00\x02\x08\x00"), DEFAULTS_FOR("5")},
        {RECORD(N "," FIELD("sure", "[\"boolean\",\"null\"]")), BYTES("\x0a\x00\x01"),
         "text=none n=5 maybe=- flag=1 BLUE GLAD sure=2 tags=a,b, weights=x:1, inner= items=(7 vv)"},
        {RECORD(N "," FIELD("sure", "\"boolean\"")), BYTES("\x0a\x00"),
         "text=none n=5 maybe=- flag=1 BLUE GLAD sure=1 tags=a,b, weights=x:1, inner= items=(7 vv)"},
        {RECORD(N "," FIELD("tags", "{\"type\":\"array\",\"items\":[\"bytes\",\"string\",\"int\"]}")),
         BYTES("\x0a\x04\x00\x02p\x02\x02q\x00"),
         "text=none n=5 maybe=- flag=1 BLUE GLAD sure=0 tags=p,q, weights=x:1, inner= items=(7 vv)"},
        {RECORD(N "," FIELD("tags", "{\"type\":\"array\",\"items\":[\"bytes\",\"string\",\"int\"]}")),
         BYTES("\x0a\x04\x00\x02p\x04\x02\x00"), "rejected: tags[1]: int cannot be read as string at byte 6"},
    };
    CHECK(*state, cases);
}

static void enums_resolve_by_symbol(void **state) {
#define COLOUR(name, symbols) FIELD("colour", "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}")
#define MOOD(name, symbols) FIELD("mood", "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}")
    static const Case cases[] = {
        {RECORD(N "," COLOUR("Colour", "\"BLUE\",\"PINK\",\"RED\"")), BYTES("\x0a\x04"),
         "text=none n=5 maybe=- flag=1 RED GLAD sure=0 tags=a,b, weights=x:1, inner= items=(7 vv)"},
        {RECORD(N "," COLOUR("Colour", "\"BLUE\",\"PINK\",\"RED\"")), BYTES("\x0a\x02"),
         "text=none n=5 maybe=- flag=1 GREEN GLAD sure=0 tags=a,b, weights=x:1, inner= items=(7 vv)"},
        {RECORD(N "," COLOUR("Colour", "\"BLUE\"")), BYTES("\x0a\x02"), "rejected: colour: enum index 1 of 1 at byte 1"},
        {RECORD(N "," COLOUR("elsewhere.Colour", "\"BLUE\"")), BYTES("\x0a\x00"), DEFAULTS_FOR("5")},
        {RECORD(N "," COLOUR("Color", "\"BLUE\"")), BYTES(""),
         "refused: colour: enum test.Color cannot be read as enum test.Colour"},
        {RECORD(N "," FIELD("colour", "\"string\"")), BYTES(""), "refused: colour: string cannot be read as enum test.Colour"},
        {RECORD(N "," MOOD("Mood", "\"SAD\",\"CALM\"")), BYTES("\x0a\x02"),
         "text=none n=5 maybe=- flag=1 BLUE CALM sure=0 tags=a,b, weights=x:1, inner= items=(7 vv)"},
        {RECORD(N "," MOOD("Mood", "\"SAD\",\"CALM\"")), BYTES("\x0a\x00"),
         "rejected: mood: the writer's symbol is none of ours, and we have no default at byte 1"},
        {RECORD(N "," MOOD("old.Temper", "\"CALM\"")), BYTES("\x0a\x00"),
         "text=none n=5 maybe=- flag=1 BLUE CALM sure=0 tags=a,b, weights=x:1, inner= items=(7 vv)"},
    };
    CHECK(*state, cases);
}

static void aliases_are_our_names_for_theirs(void **state) {
    static const Case cases[] = {
        {RECORD(FIELD("number", "\"int\"")), BYTES("\x0a"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("number", "\"int\"") "," FIELD("count", "\"int\"")), BYTES("\x02\x0a"), DEFAULTS_FOR("5")},
        {RECORD(FIELD("count", "\"string\"") "," N), BYTES("\x02x\x0a"), DEFAULTS_FOR("5")},
        {"{\"type\":\"record\",\"name\":\"old.Specimen\",\"fields\":[" N "]}", BYTES("\x0a"), DEFAULTS_FOR("5")},
        {"{\"type\":\"record\",\"name\":\"elsewhere.Sample\",\"fields\":[" N "]}", BYTES("\x0a"), DEFAULTS_FOR("5")},
        {"{\"type\":\"record\",\"name\":\"new.Specimen\",\"fields\":[" N "]}", BYTES("\x0a"),
         "refused: record new.Specimen is no record of ours"},
    };
    CHECK(*state, cases);
}

static void a_union_may_stand_around_the_record(void **state) {
    static const Case cases[] = {
        {"[\"null\"," RECORD(N) "]", BYTES("\x02\x0a"), DEFAULTS_FOR("5")},
        {"[\"null\"," RECORD(N) "]", BYTES("\x00"), "rejected: null is no record of ours at byte 1"},
        {"[\"null\",\"int\"]", BYTES(""), "refused: int is no record of ours"},
    };
    CHECK(*state, cases);
}

static void arrays_and_maps_come_in_blocks(void **state) {
#define WEIGHTS FIELD("weights", "{\"type\":\"map\",\"values\":\"int\"}")
#define INNER "{\"type\":\"record\",\"name\":\"Inner\",\"fields\":[" FIELD("v", "\"string\"") "," FIELD("k", "\"int\"") "]}"
    static const Case cases[] = {
        {RECORD(N "," WEIGHTS), BYTES("\x0a\x00"),
         "text=none n=5 maybe=- flag=1 BLUE GLAD sure=0 tags=a,b, weights= inner= items=(7 vv)"},
        {RECORD(N "," WEIGHTS), BYTES("\x0a\x02\x02z\x02\x01\x08\x02y\x04\x00"),
         "rejected: weights: a block whose size is not that of its items at byte 5"},
        {RECORD(N "," WEIGHTS), BYTES("\x0a\x02\x02z\x02\x01\x06\x02y\x04\x02\x02x\x06\x00"),
         "text=none n=5 maybe=- flag=1 BLUE GLAD sure=0 tags=a,b, weights=x:3,y:2,z:1, inner= items=(7 vv)"},
        {RECORD(N "," WEIGHTS), BYTES("\x0a\x02\x02z\x02\x02\x02z\x04\x00"),
         "rejected: weights: a map with a key given twice at byte 1"},
        {RECORD(N "," FIELD("items", "{\"type\":\"array\",\"items\":" INNER "}")),
         BYTES("\x0a\x02\x02p\x02\x02\x02q\x04\x04\x02r\x06\x00\x08\x00"),
         "text=none n=5 maybe=- flag=1 BLUE GLAD sure=0 tags=a,b, weights=x:1, inner= items=(1 p)(2 q)(3 r)(4 )"},
        {RECORD(N "," FIELD("items", "{\"type\":\"array\",\"items\":" INNER "}")), BYTES("\x0a\x04\x02p\x02\x02q\x80"),
         "rejected: items[1].k: varint cut short at byte 7"},
        {RECORD(FIELD("items", "{\"type\":\"array\",\"items\":" INNER "}") "," FIELD("inner", "\"Inner\"") ","
                FIELD("other", "[\"null\",\"Inner\"]") "," N),
         BYTES("\x00\x02p\x02\x02\x02q\x04\x0a"),
         "text=none n=5 maybe=- flag=1 BLUE GLAD sure=0 tags=a,b, weights=x:1, inner=(1 p) items="},
    };
    CHECK(*state, cases);
}
// clang-format on

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_the_writer_lacks_takes_our_default),
        TEST(numbers_are_promoted_never_narrowed),
        TEST(bytes_become_a_string_if_they_are_text),
        TEST(what_we_do_not_know_is_skipped_and_checked),
        TEST(types_that_hold_themselves_are_skipped),
        TEST(order_is_the_writers),
        TEST(unions_resolve_by_branch),
        TEST(enums_resolve_by_symbol),
        TEST(aliases_are_our_names_for_theirs),
        TEST(a_union_may_stand_around_the_record),
        TEST(arrays_and_maps_come_in_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
