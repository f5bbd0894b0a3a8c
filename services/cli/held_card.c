#include "services/cli/held_card.h"

#include "common/base/arena.h"
#include "common/base/vec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <uniwidth.h>

// A row of the two versions, as text.
typedef struct CardRow {
    Str label, held, other;
    bool compared; // marked where they differ
} CardRow;

typedef struct Comparison {
    const HeldCard *card;
    Arena arena; // of the rows' text
    VEC(CardRow) rows;
} Comparison;

static void add_row(Comparison *c, bool compared, Str label, Str held, Str other) {
    *vec_push(&c->rows) = (CardRow){label, held, other, compared};
}

// ---- facts

static Str moment_text(Arena *arena, int64_t ms) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char text[64] = "?";
    if (gmtime_r(&seconds, &utc) != NULL) {
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &utc);
    }
    return arena_copy(arena, str_from(text));
}

static Str count_text(Arena *arena, int64_t count) {
    return count == COUNT_UNKNOWN ? STR_LIT("not known") : arena_printf(arena, "%" PRId64, count);
}

typedef enum Fact {
    FACT_SOURCE,
    FACT_REVISION,
    FACT_KIND,
    FACT_BASIS,
    FACT_SEATS,
    FACT_ELECTORATE,
    FACT_PAPERS,
    FACT_REJECTED,
    FACT_DECLARED_AT,
    FACT_REPORTED_AT,
    FACT_URL,
    FACT_NOTE,
    FACTS
} Fact;

static Str fact_text(Arena *arena, const Declaration *d, Fact fact) {
    if (d == NULL) {
        return STR_LIT("");
    }
    switch (fact) {
    case FACT_SOURCE:
        return d->source;
    case FACT_REVISION:
        return arena_printf(arena, "%" PRId32, d->revision);
    case FACT_KIND:
        return arena_printf(arena, STR_FMT "%s", STR_ARG(declaration_kind_name((DeclarationKind)d->kind)),
                            d->uncontested ? ", uncontested" : "");
    case FACT_BASIS:
        return revision_basis_name((RevisionBasis)d->basis);
    case FACT_SEATS:
        return count_text(arena, d->seats);
    case FACT_ELECTORATE:
        return count_text(arena, d->electorate);
    case FACT_PAPERS:
        return count_text(arena, d->ballot_papers);
    case FACT_REJECTED:
        return count_text(arena, d->rejected_papers);
    case FACT_DECLARED_AT:
        return moment_text(arena, d->declared_at_ms);
    case FACT_REPORTED_AT:
        return moment_text(arena, d->reported_at_ms);
    case FACT_URL:
        return d->source_url;
    case FACT_NOTE:
        return d->note;
    case FACTS:
        break;
    }
    return STR_LIT("");
}

static void add_facts(Comparison *c) {
    static const struct {
        const char *label;
        bool compared;
    } table[FACTS] = {
        [FACT_SOURCE] = {"source", true},
        [FACT_REVISION] = {"revision", true},
        [FACT_KIND] = {"kind", true},
        [FACT_BASIS] = {"basis", true},
        [FACT_SEATS] = {"seats", true},
        [FACT_ELECTORATE] = {"electorate", true},
        [FACT_PAPERS] = {"ballot papers", true},
        [FACT_REJECTED] = {"of these rejected", true},
        [FACT_DECLARED_AT] = {"declared", false},
        [FACT_REPORTED_AT] = {"reported", false},
        [FACT_URL] = {"notice", false},
        [FACT_NOTE] = {"note", true},
    };
    const HeldCard *card = c->card;
    for (int fact = 0; fact < FACTS; fact++) {
        Str held = fact_text(&c->arena, card->held.declaration, (Fact)fact);
        Str other = fact_text(&c->arena, card->other.declaration, (Fact)fact);
        if (held.len + other.len > 0) {
            add_row(c, table[fact].compared, str_from(table[fact].label), held, other);
        }
    }
}

// ---- candidates

static Str party_text(const HeldCard *card, Str party_id) {
    for (size_t i = 0; i < card->parties_count; i++) {
        if (str_equal(card->parties[i].party_id, party_id)) {
            return card->parties[i].short_name;
        }
    }
    return party_id;
}

// `party`: empty where the versions agree on it.
static Str result_text(Arena *arena, const Candidate *candidate, Str party) {
    if (candidate == NULL) {
        return STR_LIT("not a candidate");
    }
    const char *elected = candidate->elected_by_lot ? "  ELECTED by lot" : candidate->elected ? "  ELECTED" : "";
    const char *of = party.len > 0 ? "  for " : "";
    return candidate->votes == COUNT_UNKNOWN
               ? arena_printf(arena, "     -%s%s" STR_FMT, elected, of, STR_ARG(party))
               : arena_printf(arena, "%6" PRId64 "%s%s" STR_FMT, candidate->votes, elected, of, STR_ARG(party));
}

// Sources have ids of their own; then the name tells, if the party is the same.
static const Candidate *find_candidate(const HeldCard *card, const Declaration *in, const Candidate *wanted) {
    for (size_t i = 0; in != NULL && i < in->candidates_count; i++) {
        if (str_equal(in->candidates[i].candidate_id, wanted->candidate_id)) {
            return &in->candidates[i];
        }
    }
    for (size_t i = 0; in != NULL && i < in->candidates_count; i++) {
        const Candidate *c = &in->candidates[i];
        if (c->name.len == wanted->name.len && strncasecmp(c->name.ptr, wanted->name.ptr, c->name.len) == 0 &&
            str_equal(party_text(card, c->party_id), party_text(card, wanted->party_id))) {
            return c;
        }
    }
    return NULL;
}

static int most_votes_first(const void *left, const void *right) {
    const Candidate *a = *(const Candidate *const *)left, *b = *(const Candidate *const *)right;
    if (a->elected != b->elected) {
        return a->elected ? -1 : 1;
    }
    return (a->votes < b->votes) - (a->votes > b->votes);
}

// Those of the version that counts, in the order of their votes, then whom the other version has besides.
static void add_candidates(Comparison *c, const Declaration *of, const Declaration *beside, bool besides_alone) {
    if (of == NULL) {
        return;
    }
    const HeldCard *card = c->card;
    const Candidate **list = arena_alloc(&c->arena, of->candidates_count, sizeof *list);
    for (size_t i = 0; i < of->candidates_count; i++) {
        list[i] = &of->candidates[i];
    }
    qsort(list, of->candidates_count, sizeof *list, most_votes_first);
    bool pair = card->other.declaration != NULL;
    for (size_t i = 0; i < of->candidates_count; i++) {
        const Candidate *same = find_candidate(card, beside, list[i]);
        if (besides_alone && same != NULL) {
            continue;
        }
        const Candidate *held = of == card->held.declaration ? list[i] : same;
        const Candidate *other = of == card->held.declaration ? same : list[i];
        Str party = party_text(card, list[i]->party_id), of_held = STR_LIT(""), of_other = STR_LIT("");
        if (same != NULL && !str_equal(party, party_text(card, same->party_id))) {
            of_held = party_text(card, held->party_id);
            of_other = party_text(card, other->party_id);
        }
        Str label = arena_printf(&c->arena, STR_FMT " (" STR_FMT ")", STR_ARG(list[i]->name), STR_ARG(party));
        add_row(c, pair, label, result_text(&c->arena, held, of_held),
                pair ? result_text(&c->arena, other, of_other) : STR_LIT(""));
    }
}

// ---- the text

static int width_of(Str text) {
    return text.len == 0 ? 0 : u8_width((const uint8_t *)text.ptr, text.len, "UTF-8");
}

static void add_padded(Buf *out, Str text, int cells) {
    buf_add_str(out, text);
    for (int i = width_of(text); i < cells; i++) {
        buf_add_byte(out, ' ');
    }
}

static void write_rows(const Comparison *c, Buf *out) {
    int label = 0, held = 0;
    for (size_t i = 0; i < c->rows.count; i++) {
        const CardRow *row = &c->rows.items[i];
        label = width_of(row->label) > label ? width_of(row->label) : label;
        held = width_of(row->held) > held ? width_of(row->held) : held;
    }
    bool pair = c->card->other.declaration != NULL;
    for (size_t i = 0; i < c->rows.count; i++) {
        const CardRow *row = &c->rows.items[i];
        bool differs = row->compared && pair && str_compare(row->held, row->other) != 0;
        buf_printf(out, "  %c ", differs ? '*' : ' ');
        add_padded(out, row->label, label + 2);
        add_padded(out, row->held, pair ? held + 2 : 0);
        buf_add_str(out, row->other);
        while (out->len > 0 && out->ptr[out->len - 1] == ' ') {
            out->len--;
        }
        buf_add_byte(out, '\n');
    }
}

static void write_reasons(const HeldCard *card, Buf *out) {
    for (RuleSet left = card->reasons; left != 0; left &= left - 1) {
        Rule rule = (Rule)__builtin_ctzll(left);
        buf_printf(out, "    " STR_FMT ": " STR_FMT "\n", STR_ARG(rule_code(rule)), STR_ARG(rule_meaning(rule)));
    }
    if (card->detail.len > 0) {
        buf_printf(out, "    (" STR_FMT ")\n", STR_ARG(card->detail));
    }
}

static void write_command(Buf *out, const char *command, Str position, const char *effect) {
    buf_printf(out, "  declarectl %s " STR_FMT " --by NAME --note 'WHY'\n      %s\n", command, STR_ARG(position),
               effect);
}

static void write_commands(const HeldCard *card, Buf *out) {
    if ((card->reasons & RULES_UNKNOWN) != 0) {
        buf_printf(
            out,
            "  declarectl reference load FILE\n"
            "      reference data that know it; then it is judged anew by itself. A release alone does not help\n");
    } else {
        write_command(out, "release", card->held.position,
                      (card->reasons & RULES_CONFLICT) != 0
                          ? "the held version comes into force, over rank and revision"
                          : "the held version stands, as if it had broken no rule");
    }
    write_command(out, "reject", card->held.position,
                  card->other.position.len > 0 ? "the held version stays out for good; the other stays as it is"
                                               : "the held version stays out for good; the ballot stays as it is");
}

void held_card_write(const HeldCard *card, Buf *out) {
    Comparison c = {.card = card};
    buf_printf(out, STR_FMT ": held since " STR_FMT "%s\n", STR_ARG(card->place), STR_ARG(card->received_at),
               card->is_test ? " (a rehearsal)" : "");
    write_reasons(card, out);
    buf_add_byte(out, '\n');
    add_row(&c, false, STR_LIT(""), card->held.standing, card->other.standing);
    add_row(&c, false, STR_LIT(""), card->held.position, card->other.position);
    add_facts(&c);
    bool pair = card->other.declaration != NULL;
    const Declaration *first = pair ? card->other.declaration : card->held.declaration;
    add_candidates(&c, first, pair ? card->held.declaration : NULL, false);
    add_candidates(&c, pair ? card->held.declaration : NULL, first, true);
    write_rows(&c, out);
    if (card->held.declaration == NULL) {
        buf_printf(out, "    what it says cannot be read here\n");
    }
    buf_add_byte(out, '\n');
    write_commands(card, out);
    vec_free(&c.rows);
    arena_free(&c.arena);
}
