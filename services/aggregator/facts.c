#include "services/aggregator/facts.h"

// One telling: the array so far.
typedef struct Telling {
    const Council *council;
    const Standing *standing;
    Arena *arena;
    Buf *json; // the array
} Telling;

// A sentence is told in parts, and so are a fact's parameters: each a text, a number or a truth.
typedef struct Part {
    enum { PART_TEXT, PART_NUMBER, PART_TRUTH } kind;
    Str text;
    int64_t number;
} Part;

typedef struct Param {
    const char *name;
    Part value;
} Param;

#define TEXT(str) {PART_TEXT, (str), 0}
#define WORDS(literal) {PART_TEXT, STR_LIT(literal), 0}
#define NUMBER(value) {PART_NUMBER, STR_NONE, (value)}
#define TRUTH(value) {PART_TRUTH, STR_NONE, (value)}
#define PARAMS(...) (const Param[]){__VA_ARGS__}, sizeof((const Param[]){__VA_ARGS__}) / sizeof(Param)
#define SENTENCE(...) (const Part[]){__VA_ARGS__}, sizeof((const Part[]){__VA_ARGS__}) / sizeof(Part)

static void add_param(Buf *json, const Param *param) {
    buf_add_byte(json, '"');
    buf_add_str(json, str_from(param->name));
    buf_add_str(json, STR_LIT("\":"));
    switch (param->value.kind) {
    case PART_TEXT:
        buf_add_json_string(json, param->value.text);
        break;
    case PART_NUMBER:
        buf_add_decimal(json, param->value.number);
        break;
    case PART_TRUTH:
        buf_add_str(json, param->value.number != 0 ? STR_LIT("true") : STR_LIT("false"));
        break;
    }
}

static Str join(const Part *parts, size_t count, Arena *arena) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        most += parts[i].kind == PART_NUMBER ? DECIMAL_BYTES_MAX : parts[i].text.len;
    }
    char *text = arena_alloc_raw(arena, most, 1), *at = text;
    for (size_t i = 0; i < count; i++) {
        Str part = parts[i].text;
        if (parts[i].kind == PART_NUMBER) {
            at = put_decimal(at, parts[i].number);
        } else if (part.len > 0) {
            memcpy(at, part.ptr, part.len);
            at += part.len;
        }
    }
    return (Str){text, (size_t)(at - text)};
}

static void tell(Telling *t, const char *code, const Param *params, size_t params_count, const Part *sentence,
                 size_t parts_count) {
    Buf *json = t->json;
    buf_add_str(json, json->len > 1 ? STR_LIT(",{\"code\":\"") : STR_LIT("{\"code\":\""));
    buf_add_str(json, str_from(code));
    buf_add_str(json, STR_LIT("\",\"params\":{"));
    for (size_t i = 0; i < params_count; i++) {
        buf_add_str(json, i == 0 ? STR_LIT("") : STR_LIT(","));
        add_param(json, &params[i]);
    }
    buf_add_str(json, STR_LIT("},\"text\":"));
    buf_add_json_string(json, join(sentence, parts_count, t->arena));
    buf_add_byte(json, '}');
}

static const CouncilParty *party_of(const Telling *t, PartyIndex party) {
    return &t->council->parties[party];
}

static Str council_name(const Telling *t) {
    return t->council->reference->name;
}

static Str party_name(const Telling *t, Str party_id) {
    const CouncilParty *party = map_get(&t->council->party_of, party_id);
    return party == NULL ? party_id : party->name;
}

static bool same_party(const Telling *t, Str a, Str b) {
    const CouncilParty *party_a = map_get(&t->council->party_of, a), *party_b = map_get(&t->council->party_of, b);
    return str_equal(party_a == NULL ? a : party_a->party_id, party_b == NULL ? b : party_b->party_id);
}

// Whole years and the days beyond them, from one date to a later one.
static void years_and_days(CivilDate from, CivilDate to, int32_t *years, int64_t *days) {
    *years = to.year - from.year;
    CivilDate anniversary = {to.year, from.month, from.day};
    if (civil_days(anniversary) > civil_days(to)) {
        *years -= 1;
        anniversary.year -= 1;
    }
    *days = civil_days(to) - civil_days(anniversary);
}

// The start of the unbroken run of this party that ends the history; absent: the history ends otherwise.
static Str run_began(const Telling *t, Str party_id) {
    const CouncilReference *r = t->council->reference;
    Str began = STR_NONE;
    for (size_t i = r->control_history_count; i-- > 0;) {
        const ControlPeriod *period = &r->control_history[i];
        if (str_is_none(period->party_id) || !same_party(t, period->party_id, party_id)) {
            break;
        }
        began = period->from;
    }
    return began;
}

static void tell_control_held_for(Telling *t) {
    const Standing *s = t->standing;
    bool lost = s->previous_control_lost;
    if (s->previous.kind != CONTROL_PARTY || (!lost && s->outcome != OUTCOME_HOLD)) {
        return;
    }
    const CouncilParty *party = party_of(t, s->previous.party);
    Str since = run_began(t, party->party_id);
    CivilDate from;
    if (str_is_none(since) || !civil_parse_date(since, &from)) {
        return;
    }
    int32_t years;
    int64_t days;
    years_and_days(from, t->council->poll_date, &years, &days);
    bool whole_years = days == 0;
    tell(t, "CONTROL_HELD_FOR",
         PARAMS({"party_id", TEXT(party->party_id)}, {"since", TEXT(since)}, {"years", NUMBER(years)},
                {"days", NUMBER(days)}, {"lost", TRUTH(lost)}),
         SENTENCE(TEXT(party->name), WORDS(" control of "), TEXT(council_name(t)),
                  TEXT(lost ? STR_LIT(" is lost, for the first time in ") : STR_LIT(" is held, as it has been for ")),
                  TEXT(whole_years ? STR_NONE : STR_LIT("more than ")), NUMBER(years),
                  TEXT(lost ? STR_LIT(" years: it had lasted ") : STR_LIT(" years: ")), NUMBER(years),
                  TEXT(years == 1 ? STR_LIT(" year") : STR_LIT(" years")),
                  TEXT(whole_years ? STR_NONE : STR_LIT(" ")),
                  whole_years ? (Part)TEXT(STR_NONE) : (Part)NUMBER(days),
                  TEXT(whole_years ? STR_NONE : days == 1 ? STR_LIT(" day") : STR_LIT(" days")),
                  TEXT(lost ? STR_LIT(".") : STR_LIT(" to poll day."))));
}

static bool history_reaches_creation(const CouncilReference *r) {
    return r->control_history_count > 0 && !str_is_none(r->created) &&
           str_compare(r->control_history[0].from, r->created) <= 0;
}

// The last period in which the party controlled the council; -1: none is known.
static ptrdiff_t last_period_of(const Telling *t, Str party_id) {
    const CouncilReference *r = t->council->reference;
    for (size_t i = r->control_history_count; i-- > 0;) {
        const ControlPeriod *period = &r->control_history[i];
        if (!str_is_none(period->party_id) && same_party(t, period->party_id, party_id)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static bool election_after(const CouncilReference *r, size_t period) {
    for (size_t i = period + 1; i < r->control_history_count; i++) {
        Str reason = r->control_history[i].reason;
        if (str_is_none(reason) || str_equal_text(reason, "election")) {
            return true;
        }
    }
    return false;
}

static void tell_first_majority(Telling *t) {
    const Standing *s = t->standing;
    const CouncilReference *r = t->council->reference;
    if (s->control.kind != CONTROL_PARTY || s->outcome != OUTCOME_GAIN) {
        return;
    }
    const CouncilParty *party = party_of(t, s->control.party);
    ptrdiff_t last = last_period_of(t, party->party_id);
    if (last < 0) {
        if (history_reaches_creation(r)) {
            Str year = {r->created.ptr, 4};
            tell(t, "FIRST_MAJORITY_EVER", PARAMS({"party_id", TEXT(party->party_id)}, {"created", TEXT(r->created)}),
                 SENTENCE(WORDS("The first "), TEXT(party->name), WORDS(" majority since the council was created in "),
                          TEXT(year), WORDS(".")));
        }
        return;
    }
    if ((size_t)last + 1 >= r->control_history_count) {
        return; // the history has them in control: it says nothing of how they lost it
    }
    Str lost = r->control_history[last + 1].from;
    Str year = {lost.ptr, lost.len < 4 ? lost.len : 4};
    bool first = election_after(r, (size_t)last);
    Part head = first ? (Part)WORDS("The first ") : (Part)TEXT(party->name);
    Part middle = first ? (Part)TEXT(party->name) : (Part)WORDS(" control is regained: it had been lost between elections, in ");
    Part tail = first ? (Part)WORDS(" majority since ") : (Part)WORDS("");
    tell(t, first ? "FIRST_SINCE" : "REGAINED", PARAMS({"party_id", TEXT(party->party_id)}, {"lost", TEXT(lost)}),
         SENTENCE(head, middle, tail, TEXT(year), WORDS(".")));
}

static Str basis_words(Str basis) {
    if (str_equal_text(basis, "last_election")) {
        return STR_LIT("at the last election");
    }
    if (str_equal_text(basis, "eve_of_poll")) {
        return STR_LIT("on the eve of poll");
    }
    return str_equal_text(basis, "notional") ? STR_LIT("on notional figures") : STR_LIT("before");
}

static void tell_majority_was(Telling *t) {
    const PreviousControl *previous = t->council->reference->previous_control;
    if (t->standing->previous.kind != CONTROL_PARTY || previous->seats == COUNT_UNKNOWN ||
        previous->seats_total == COUNT_UNKNOWN || 2 * previous->seats <= previous->seats_total) {
        return;
    }
    const CouncilParty *party = party_of(t, t->standing->previous.party);
    int64_t majority = 2 * previous->seats - previous->seats_total;
    tell(t, "MAJORITY_WAS",
         PARAMS({"party_id", TEXT(party->party_id)}, {"majority", NUMBER(majority)}, {"seats", NUMBER(previous->seats)},
                {"seats_total", NUMBER(previous->seats_total)}, {"basis", TEXT(previous->seats_basis)}),
         SENTENCE(WORDS("The "), TEXT(party->name), WORDS(" majority was "), NUMBER(majority), WORDS(" "),
                  TEXT(basis_words(previous->seats_basis)), WORDS(": "), NUMBER(previous->seats), WORDS(" of "),
                  NUMBER(previous->seats_total), WORDS(" seats.")));
}

static void tell_new_seats(Telling *t) {
    const CouncilReference *r = t->council->reference;
    const PreviousControl *previous = r->previous_control;
    if (r->boundary_changes != TRILEAN_TRUE || previous == NULL || previous->seats_total == COUNT_UNKNOWN ||
        previous->seats_total == r->seats_total) {
        return;
    }
    int64_t before = previous->seats_total, now = r->seats_total, more = now - before;
    tell(t, "NEW_SEATS", PARAMS({"seats_total", NUMBER(now)}, {"before", NUMBER(before)}, {"change", NUMBER(more)}),
         SENTENCE(TEXT(council_name(t)), WORDS(" has "), NUMBER(now), WORDS(" seats, "), NUMBER(more > 0 ? more : -more),
                  TEXT(more > 0 ? STR_LIT(" more than the ") : STR_LIT(" fewer than the ")), NUMBER(before),
                  WORDS(" before boundary changes.")));
}

// "; Conservative 22, Independent 4": every other party with seats.
static Str list_others(Telling *t) {
    const Standing *s = t->standing;
    Part *parts = arena_alloc_raw(t->arena, 4 * s->seats_count, sizeof *parts);
    size_t count = 0;
    for (size_t i = 0; i < s->seats_count; i++) {
        const SeatLine *line = &s->seats[i];
        if (line->party != s->largest_party && line->held > 0) {
            parts[count] = (Part)TEXT(count == 0 ? STR_LIT("; ") : STR_LIT(", "));
            parts[count + 1] = (Part)TEXT(party_of(t, line->party)->name);
            parts[count + 2] = (Part)WORDS(" ");
            parts[count + 3] = (Part)NUMBER(line->held);
            count += 4;
        }
    }
    return join(parts, count, t->arena);
}

static void tell_largest_party(Telling *t) {
    const Standing *s = t->standing;
    if (s->largest_party == PARTY_NONE || s->seats_count == 0) {
        return;
    }
    const CouncilParty *party = party_of(t, s->largest_party);
    int32_t held = 0, total = t->council->seats_total, threshold = t->council->threshold;
    for (size_t i = 0; i < s->seats_count; i++) {
        held = s->seats[i].party == s->largest_party ? s->seats[i].held : held;
    }
    bool enough = held >= threshold;
    Str others = list_others(t);
    tell(t, "LARGEST_PARTY",
         PARAMS({"party_id", TEXT(party->party_id)}, {"seats", NUMBER(held)}, {"seats_total", NUMBER(total)},
                {"threshold", NUMBER(threshold)}, {"enough", TRUTH(enough)}),
         SENTENCE(TEXT(party->name), WORDS(": "), NUMBER(held), WORDS(" of "), NUMBER(total), WORDS(" seats, "),
                  TEXT(enough ? STR_LIT("enough") : STR_LIT("not enough")), WORDS(" for control, which takes "),
                  NUMBER(threshold), TEXT(others), WORDS(".")));
}

static void tell_seat_changes(Telling *t) {
    const Standing *s = t->standing;
    if (s->status != STATUS_FINAL || !t->council->baseline_known) {
        return;
    }
    Str basis = t->council->reference->seat_baseline->basis;
    for (size_t i = 0; i < s->seats_count; i++) {
        const SeatLine *line = &s->seats[i];
        if (!line->change.known || line->change.value == 0) {
            continue;
        }
        const CouncilParty *party = party_of(t, line->party);
        int32_t change = line->change.value;
        tell(t, change > 0 ? "SEATS_GAINED" : "SEATS_LOST",
             PARAMS({"party_id", TEXT(party->party_id)}, {"seats", NUMBER(line->held)}, {"change", NUMBER(change)},
                    {"baseline", NUMBER(party->baseline)}, {"basis", TEXT(basis)}),
             SENTENCE(TEXT(party->name), WORDS(": "), NUMBER(line->held),
                      TEXT(line->held == 1 ? STR_LIT(" seat, ") : STR_LIT(" seats, ")),
                      NUMBER(change > 0 ? change : -change),
                      TEXT(change > 0 ? STR_LIT(" more than the ") : STR_LIT(" fewer than the ")),
                      NUMBER(party->baseline), WORDS(" "), TEXT(basis_words(basis)), WORDS(".")));
    }
}

// The line that is ahead of all others by `figure`; NULL on a tie.
static const SeatLine *leader(const Standing *s, int64_t (*figure)(const SeatLine *)) {
    const SeatLine *best = NULL;
    bool tied = false;
    for (size_t i = 0; i < s->seats_count; i++) {
        int64_t difference = best == NULL ? 1 : figure(&s->seats[i]) - figure(best);
        if (difference >= 0) {
            tied = difference == 0;
            best = &s->seats[i];
        }
    }
    return tied ? NULL : best;
}

static int64_t seats_won(const SeatLine *line) {
    return line->won;
}

static int64_t votes_cast(const SeatLine *line) {
    return line->votes == COUNT_UNKNOWN ? -1 : line->votes;
}

// False: the same party leads both, or nobody does, or it is too early to tell.
static bool led_votes_lost_seats(const Standing *s, const SeatLine **votes, const SeatLine **seats) {
    if (!s->votes_complete || s->status != STATUS_FINAL) {
        return false;
    }
    *votes = leader(s, votes_cast);
    *seats = leader(s, seats_won);
    return *votes != NULL && *seats != NULL && *votes != *seats;
}

static void tell_led_votes_lost_seats(Telling *t) {
    const Standing *s = t->standing;
    const SeatLine *votes, *seats;
    if (!led_votes_lost_seats(s, &votes, &seats)) {
        return;
    }
    const CouncilParty *ahead = party_of(t, votes->party), *winner = party_of(t, seats->party);
    tell(t, "LED_VOTES_LOST_SEATS",
         PARAMS({"party_id", TEXT(ahead->party_id)}, {"votes", NUMBER(votes->votes)}, {"seats", NUMBER(votes->won)},
                {"winner", TEXT(winner->party_id)}, {"winner_votes", NUMBER(votes_cast(seats))},
                {"winner_seats", NUMBER(seats->won)}),
         SENTENCE(WORDS("Most votes: "), TEXT(ahead->name), WORDS(" ("), NUMBER(votes->votes), WORDS(" to "),
                  NUMBER(votes_cast(seats)), WORDS("); most seats: "), TEXT(winner->name), WORDS(" ("),
                  NUMBER(seats->won), WORDS(" to "), NUMBER(votes->won), WORDS(").")));
}

static void tell_lots(Telling *t, const Lots *lots) {
    for (size_t b = 0; b < lots->count; b++) {
        const Declaration *d = lots->items[b].declaration;
        for (size_t i = 0; i < d->candidates_count; i++) {
            const Candidate *c = &d->candidates[i];
            if (!c->elected || !c->elected_by_lot) {
                continue;
            }
            bool known = c->votes != COUNT_UNKNOWN;
            Str after = known ? arena_printf(t->arena, " after a tie on %lld votes", (long long)c->votes) : STR_LIT("");
            Part votes = known ? (Part)NUMBER(c->votes) : (Part)TEXT(STR_NONE);
            tell(t, "DECIDED_BY_LOT",
                 PARAMS({"ballot_paper_id", TEXT(d->ballot_paper_id)}, {"candidate", TEXT(c->name)},
                        {"party_id", TEXT(party_of(t, lots->items[b].candidates[i].party)->party_id)}, {"votes", votes}),
                 SENTENCE(TEXT(c->name), WORDS(" ("), TEXT(party_name(t, c->party_id)), WORDS(") was elected in "),
                          TEXT(d->ward_name), WORDS(" by lot"), TEXT(after), WORDS(".")));
        }
    }
}

static bool is_story(const Council *council, const Standing *standing) {
    return council->counted && (standing->previous_control_lost || standing->control.kind != CONTROL_UNKNOWN);
}

void facts_add_key(const Council *council, const Standing *s, Buf *key) {
    bool story = is_story(council, s), final = s->status == STATUS_FINAL;
    const int32_t head[] = {story,         s->previous_control_lost, (int32_t)s->control.kind, (int32_t)s->control.party,
                            (int32_t)s->outcome, final, (int32_t)s->largest_party};
    buf_add(key, head, sizeof head);
    for (size_t i = 0; story && i < s->seats_count; i++) {
        const SeatLine *line = &s->seats[i];
        const int32_t seats[] = {(int32_t)line->party, line->held, line->won};
        buf_add(key, seats, sizeof seats);
        if (final) {
            buf_add_u32(key, line->change.known);
            buf_add_u32(key, (uint32_t)line->change.value);
        }
    }
    const SeatLine *votes, *seats;
    if (led_votes_lost_seats(s, &votes, &seats)) {
        const int64_t figures[] = {votes->party, votes->votes, seats->party, seats->votes};
        buf_add(key, figures, sizeof figures);
    }
}

void facts_tell(const Council *council, const Standing *standing, const Lots *lots, Buf *json, Arena *arena) {
    buf_add_byte(json, '[');
    if (is_story(council, standing)) {
        Telling t = {council, standing, arena, json};
        tell_control_held_for(&t);
        tell_first_majority(&t);
        tell_largest_party(&t);
        tell_seat_changes(&t);
        tell_majority_was(&t);
        tell_new_seats(&t);
        tell_led_votes_lost_seats(&t);
        tell_lots(&t, lots);
    }
    buf_add_byte(json, ']');
}
