#include "services/cli/night.h"

#include "common/base/mem.h"
#include "services/cli/random.h"
#include "services/cli/slug.h"

#include <stdlib.h>

#define MINUTE_S INT64_C(60)
#define HOUR_S INT64_C(3600)

enum { STREAM_COUNCIL = 1, STREAM_WARD, STREAM_LINES };
enum { PARTY_CON, PARTY_LAB, PARTY_LD, PARTY_GRN, PARTY_REF, PARTY_IND };

static const char *const name_starts[] = {"Ald",  "Ash", "Beck", "Bram", "Cald", "Coll", "Dun",  "East",
                                          "Ells", "Far", "Gar",  "Hal",  "Hart", "Ken",  "Lang", "Mar",
                                          "Nor",  "Oak", "Pen",  "Rad",  "Sel",  "Thor", "Wal",  "Whit"};
static const char *const name_ends[] = {"bourne", "bridge", "bury",  "by",     "combe", "dale", "den",  "field",
                                        "ford",   "ham",    "hurst", "ingham", "leigh", "low",  "mere", "mouth",
                                        "port",   "stead",  "stoke", "stow",   "ton",   "wick", "wood", "worth"};
enum {
    STARTS = sizeof name_starts / sizeof name_starts[0],
    ENDS = sizeof name_ends / sizeof name_ends[0],
};

// No place is called Sim: a simulated headline must not pass for news.
static void name_council(Night *night, size_t index) {
    NightCouncil *council = &night->councils[index];
    const size_t pairs = (size_t)STARTS * ENDS;
    size_t pair = (index * 37 + night->options.seed % pairs) % pairs; // 37 has no factor in common
    size_t round = index / pairs;
    _cleanup_buf_ Buf text = {0};
    buf_printf(&text, "Sim %s%s", name_starts[pair / ENDS], name_ends[pair % ENDS]);
    if (round > 0) {
        buf_printf(&text, " %zu", round + 1);
    }
    council->name = arena_copy(&night->memory, buf_str(&text));
    buf_clear(&text);
    slug_add(&text, council->name);
    council->slug = arena_copy(&night->memory, buf_str(&text));
}

// A party drawn by strength.
static size_t draw_party(const NightCouncil *council, Random *random) {
    uint64_t sum = 0;
    for (size_t p = 0; p < NIGHT_PARTIES; p++) {
        sum += council->weights[p];
    }
    uint64_t point = random_below(random, sum);
    for (size_t p = 0; p < NIGHT_PARTIES; p++) {
        if (point < council->weights[p]) {
            return p;
        }
        point -= council->weights[p];
    }
    return 0;
}

static void make_ward(Night *night, NightCouncil *council, size_t index) {
    NightWard *ward = &night->wards[index];
    Random random = random_for(night->options.seed, STREAM_WARD, index);
    ward->seats = council->thirds ? 1 : (uint8_t)random_between(&random, 1, NIGHT_SEATS_MAX);
    ward->electorate = (int32_t)(ward->seats * random_between(&random, 1800, 3200));
    ward->papers = (int32_t)(ward->electorate * random_between(&random, 240, 460) / 1000);
    ward->rejected = (int32_t)random_between(&random, 0, ward->papers / 150);
    ward->uncontested = random_below(&random, 200) == 0;
    for (size_t seat = 0; seat < ward->seats; seat++) {
        ward->defending[draw_party(council, &random)]++;
    }
    if (ward->uncontested) {
        ward->nominated[draw_party(council, &random)] = ward->seats;
        return;
    }
    ward->nominated[PARTY_CON] = ward->seats;
    ward->nominated[PARTY_LAB] = ward->seats;
    ward->nominated[PARTY_LD] = (uint8_t)random_between(&random, 0, ward->seats);
    ward->nominated[PARTY_GRN] = (uint8_t)random_between(&random, 0, ward->seats);
    ward->nominated[PARTY_REF] = (uint8_t)random_below(&random, 2);
    ward->nominated[PARTY_IND] = random_below(&random, 4) == 0;
}

// Adds up what the wards defend and what continues, and who so was in control.
static void settle_council(Night *night, NightCouncil *council, Random *random) {
    for (size_t w = 0; w < council->wards; w++) {
        const NightWard *ward = &night->wards[council->first_ward + w];
        for (size_t p = 0; p < NIGHT_PARTIES; p++) {
            council->defending[p] += ward->defending[p];
        }
        council->seats_total += ward->seats;
    }
    for (size_t seat = 0; council->thirds && seat < 2 * (size_t)council->wards; seat++) {
        council->continuing[draw_party(council, random)]++;
        council->seats_total++;
    }
    council->previous = -1;
    for (int p = 0; p < NIGHT_PARTIES; p++) {
        bool most = (council->continuing[p] + council->defending[p]) * 2 > council->seats_total;
        council->previous = most && p != PARTY_IND ? p : council->previous;
    }
}

static void make_council(Night *night, size_t index, uint32_t first_ward, uint32_t wards) {
    static const uint32_t usual[NIGHT_PARTIES] = {300, 320, 160, 60, 90, 50};
    NightCouncil *council = &night->councils[index];
    Random random = random_for(night->options.seed, STREAM_COUNCIL, index);
    name_council(night, index);
    council->first_ward = first_ward;
    council->wards = wards;
    council->thirds = random_below(&random, 3) == 0;
    for (size_t p = 0; p < NIGHT_PARTIES; p++) {
        council->weights[p] = (uint32_t)(usual[p] * (uint64_t)random_between(&random, 20, 250) / 100);
    }
    council->weights[random_below(&random, 3)] *= 3; // most places have a usual winner
    council->first_declaration_s =
        civil_close_of_poll_ms(night->options.poll_date) / 1000 + random_between(&random, 45 * MINUTE_S, 4 * HOUR_S);
    for (size_t w = 0; w < wards; w++) {
        night->wards[first_ward + w].council = (uint32_t)index;
        make_ward(night, council, first_ward + w);
    }
    settle_council(night, council, &random);
    uint32_t name = (uint32_t)random_below(&random, 600);
    for (size_t w = 0; w < wards; w++) {
        night->wards[first_ward + w].name = name + (uint32_t)w;
    }
}

// Wards for each council: between three fifths and seven fifths of the mean, at least one, `wards` in all.
static void make_councils(Night *night) {
    size_t councils = (size_t)night->options.councils;
    size_t wards = night->wards_count;
    uint64_t *sizes = mem_alloc(councils, sizeof *sizes);
    uint64_t sum = 0;
    for (size_t i = 0; i < councils; i++) {
        Random random = random_for(night->options.seed, STREAM_COUNCIL, i + NIGHT_COUNCILS_MAX);
        sum += sizes[i] = (uint64_t)random_between(&random, 60, 140);
    }
    size_t given = 0;
    uint64_t so_far = 0;
    for (size_t i = 0; i < councils; i++) {
        so_far += sizes[i];
        size_t until = councils == wards ? i + 1 : (size_t)(so_far * (wards - councils) / sum) + i + 1;
        make_council(night, i, (uint32_t)given, (uint32_t)(until - given));
        given = until;
    }
    mem_free(sizes);
}

// What a ward has said last.
typedef struct WardPast {
    int64_t last_s;
    int32_t revision;
    bool withdrawn;
} WardPast;

typedef struct Plan {
    Night *night;
    Random random;
    WardPast *pasts;
    uint32_t *open; // wards whose results can be revised: declared and contested
    size_t open_count;
} Plan;

static NightLine *add_line(Plan *plan, NightKind kind, uint32_t ward, int64_t at_s) {
    Night *night = plan->night;
    NightLine *line = &night->lines[night->lines_count];
    *line = (NightLine){
        .sent_s = at_s, .declared_s = at_s, .order = (uint32_t)night->lines_count, .ward = ward, .kind = (uint8_t)kind};
    line->revision = 1;
    night->lines_count++;
    return line;
}

static void plan_first(Plan *plan, size_t count, size_t postponed) {
    Night *night = plan->night;
    size_t *order = mem_alloc(night->wards_count, sizeof *order);
    for (size_t i = 0; i < night->wards_count; i++) {
        order[i] = i;
        size_t other = random_below(&plan->random, i + 1);
        size_t kept = order[other];
        order[other] = i;
        order[i] = kept;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t index = (uint32_t)order[i];
        const NightWard *ward = &night->wards[index];
        const NightCouncil *council = &night->councils[ward->council];
        int64_t at_s = council->first_declaration_s + random_between(&plan->random, 0, 4 * MINUTE_S * council->wards);
        if (i < postponed) {
            add_line(plan, NIGHT_POSTPONED, index, at_s);
            continue;
        }
        add_line(plan, NIGHT_DECLARED, index, at_s);
        plan->pasts[index] = (WardPast){.last_s = at_s, .revision = 1};
        if (!ward->uncontested) {
            plan->open[plan->open_count++] = index;
        }
    }
    mem_free(order);
}

static void plan_revisions(Plan *plan, size_t corrections, size_t withdrawals) {
    while (corrections + withdrawals > 0) {
        bool withdraw = random_below(&plan->random, corrections + withdrawals) < withdrawals;
        uint32_t ward = plan->open[random_below(&plan->random, plan->open_count)];
        WardPast *past = &plan->pasts[ward];
        past->last_s += random_between(&plan->random, 2 * MINUTE_S, 40 * MINUTE_S);
        NightKind kind = withdraw ? NIGHT_WITHDRAWN : past->withdrawn ? NIGHT_DECLARED : NIGHT_CORRECTED;
        NightLine *line = add_line(plan, kind, ward, past->last_s);
        past->revision = line->revision = past->revision + 1;
        past->withdrawn = withdraw;
        withdrawals -= withdraw;
        corrections -= !withdraw;
    }
}

// Repeats and contradictions of what was planned until now.
static void plan_echoes(Plan *plan, size_t duplicates, size_t conflicts) {
    Night *night = plan->night;
    size_t originals = night->lines_count;
    while (duplicates > 0) {
        const NightLine *original = &night->lines[random_below(&plan->random, originals)];
        NightLine *line = add_line(plan, (NightKind)original->kind, original->ward,
                                   original->sent_s + random_between(&plan->random, 1, 10 * MINUTE_S));
        line->declared_s = original->declared_s;
        line->revision = original->revision;
        duplicates--;
    }
    while (conflicts > 0) {
        const NightLine *original = &night->lines[random_below(&plan->random, originals)];
        bool result = original->kind == NIGHT_DECLARED || original->kind == NIGHT_CORRECTED;
        if (!result || night->wards[original->ward].uncontested) {
            continue;
        }
        NightLine *line = add_line(plan, (NightKind)original->kind, original->ward,
                                   original->sent_s + random_between(&plan->random, 1, 30 * MINUTE_S));
        line->revision = original->revision;
        line->other = true;
        conflicts--;
    }
}

static void plan_garbage(Plan *plan, size_t count) {
    Night *night = plan->night;
    for (size_t i = 0; i < count; i++) {
        uint32_t ward = (uint32_t)random_below(&plan->random, night->wards_count);
        int64_t begun_s = night->councils[night->wards[ward].council].first_declaration_s;
        add_line(plan, NIGHT_GARBAGE, ward, begun_s + random_between(&plan->random, 0, 4 * HOUR_S));
    }
}

static int compare_lines(const void *a, const void *b) {
    const NightLine *x = a;
    const NightLine *y = b;
    if (x->sent_s != y->sent_s) {
        return x->sent_s < y->sent_s ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

typedef struct Counts {
    size_t first, postponed, corrections, duplicates, withdrawals, conflicts, garbage;
} Counts;

static size_t share_of(double share, int64_t lines) {
    return (size_t)(share * (double)lines + 1e-6);
}

static const char *count_lines(const NightOptions *options, Counts *n) {
    const double shares[] = {options->shares.corrections,   options->shares.duplicates, options->shares.withdrawals,
                             options->shares.postponements, options->shares.conflicts,  options->shares.garbage};
    double sum = 0;
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        if (!(shares[i] >= 0 && shares[i] < 1)) {
            return "a share is from 0 to less than 1";
        }
        sum += shares[i];
    }
    if (sum >= 1) {
        return "the shares leave no room for first declarations";
    }
    int64_t lines = options->declarations;
    *n = (Counts){.postponed = share_of(options->shares.postponements, lines),
                  .corrections = share_of(options->shares.corrections, lines),
                  .duplicates = share_of(options->shares.duplicates, lines),
                  .withdrawals = share_of(options->shares.withdrawals, lines),
                  .conflicts = share_of(options->shares.conflicts, lines),
                  .garbage = share_of(options->shares.garbage, lines)};
    n->first = (size_t)lines - n->corrections - n->duplicates - n->withdrawals - n->conflicts - n->garbage;
    size_t wards_max = (size_t)options->councils * NIGHT_WARDS_MEAN_MAX;
    if (n->first > wards_max) { // more lines than ballots: the rest are corrections
        n->corrections += n->first - wards_max;
        n->first = wards_max;
    }
    n->postponed = n->postponed < n->first ? n->postponed : n->first;
    return NULL;
}

static bool plan_lines(Night *night, const Counts *n) {
    Plan plan = {.night = night, .random = random_for(night->options.seed, STREAM_LINES, 0)};
    plan.pasts = mem_alloc(night->wards_count, sizeof *plan.pasts);
    plan.open = mem_alloc(night->wards_count, sizeof *plan.open);
    plan_first(&plan, n->first, n->postponed);
    bool possible = plan.open_count > 0 || n->corrections + n->withdrawals + n->conflicts == 0;
    possible = possible && (night->lines_count > 0 || n->duplicates == 0);
    if (possible) {
        plan_revisions(&plan, n->corrections, n->withdrawals);
        plan_echoes(&plan, n->duplicates, n->conflicts);
        plan_garbage(&plan, n->garbage);
        qsort(night->lines, night->lines_count, sizeof *night->lines, compare_lines);
    }
    mem_free(plan.pasts);
    mem_free(plan.open);
    return possible;
}

Night *night_new(const NightOptions *options, const char **error) {
    Counts counts = {0};
    if (options->councils < 1 || options->councils > NIGHT_COUNCILS_MAX) {
        *error = "councils are 1 to 10000";
        return NULL;
    }
    if (options->declarations < 0 || options->declarations > NIGHT_LINES_MAX) {
        *error = "declarations are 0 to 10000000";
        return NULL;
    }
    *error = count_lines(options, &counts);
    if (*error != NULL) {
        return NULL;
    }
    Night *night = mem_alloc(1, sizeof *night);
    size_t councils = (size_t)options->councils;
    night->options = *options;
    night->wards_count = counts.first > councils ? counts.first : councils;
    night->councils = mem_alloc(councils, sizeof *night->councils);
    night->wards = mem_alloc(night->wards_count, sizeof *night->wards);
    night->lines = mem_alloc((size_t)options->declarations, sizeof *night->lines);
    make_councils(night);
    if (!plan_lines(night, &counts)) {
        *error = "too few first declarations to revise, repeat or contradict";
        night_free(night);
        return NULL;
    }
    return night;
}

void night_free(Night *night) {
    if (night == NULL) {
        return;
    }
    mem_free(night->councils);
    mem_free(night->wards);
    mem_free(night->lines);
    arena_free(&night->memory);
    mem_free(night);
}
