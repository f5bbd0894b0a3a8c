#include "services/aggregator/facts.h"

#include <stdarg.h>
#include <stdio.h>

// One telling: the array so far.
typedef struct Telling {
    const Council *council;
    const Standing *standing;
    Arena *arena;
    Buf json;
} Telling;

// A fact: `params` are the members of its JSON object, already JSON.
static void tell(Telling *t, const char *code, Str params, Str text) {
    buf_printf(&t->json, "%s{\"code\":\"%s\",\"params\":{" STR_FMT "},\"text\":", t->json.len > 1 ? "," : "", code,
               STR_ARG(params));
    buf_add_json_string(&t->json, text);
    buf_add_byte(&t->json, '}');
}

static Str quoted(Telling *t, Str s) {
    Buf json = {0};
    buf_add_json_string(&json, s);
    Str copy = arena_copy(t->arena, buf_str(&json));
    buf_free(&json);
    return copy;
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

static Str plural(Telling *t, int64_t count, const char *noun) {
    return arena_printf(t->arena, "%lld %s%s", (long long)count, noun, count == 1 ? "" : "s");
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
    Str span = plural(t, years, "year");
    if (days > 0) {
        span = arena_printf(t->arena, STR_FMT " " STR_FMT, STR_ARG(span), STR_ARG(plural(t, days, "day")));
    }
    Str params = arena_printf(t->arena, "\"party_id\":" STR_FMT ",\"since\":" STR_FMT ",\"years\":%d,\"days\":%lld,\"lost\":%s",
                              STR_ARG(quoted(t, party->party_id)), STR_ARG(quoted(t, since)), years, (long long)days,
                              lost ? "true" : "false");
    Str text = arena_printf(t->arena,
                            lost ? STR_FMT " control of " STR_FMT " is lost, for the first time in %s%d years: it had lasted " STR_FMT "."
                                 : STR_FMT " control of " STR_FMT " is held, as it has been for %s%d years: " STR_FMT " to poll day.",
                            STR_ARG(party->name), STR_ARG(council_name(t)), days > 0 ? "more than " : "", years,
                            STR_ARG(span));
    tell(t, "CONTROL_HELD_FOR", params, text);
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
    Str id = quoted(t, party->party_id);
    if (last < 0) {
        if (history_reaches_creation(r)) {
            Str year = {r->created.ptr, 4};
            tell(t, "FIRST_MAJORITY_EVER",
                 arena_printf(t->arena, "\"party_id\":" STR_FMT ",\"created\":" STR_FMT, STR_ARG(id), STR_ARG(quoted(t, r->created))),
                 arena_printf(t->arena, "The first " STR_FMT " majority since the council was created in " STR_FMT ".",
                              STR_ARG(party->name), STR_ARG(year)));
        }
        return;
    }
    if ((size_t)last + 1 >= r->control_history_count) {
        return; // the history has them in control: it says nothing of how they lost it
    }
    Str lost = r->control_history[last + 1].from;
    Str year = {lost.ptr, lost.len < 4 ? lost.len : 4};
    Str params = arena_printf(t->arena, "\"party_id\":" STR_FMT ",\"lost\":" STR_FMT, STR_ARG(id), STR_ARG(quoted(t, lost)));
    if (election_after(r, (size_t)last)) {
        tell(t, "FIRST_SINCE", params,
             arena_printf(t->arena, "The first " STR_FMT " majority since " STR_FMT ".", STR_ARG(party->name), STR_ARG(year)));
    } else {
        tell(t, "REGAINED", params,
             arena_printf(t->arena, STR_FMT " control is regained: it had been lost between elections, in " STR_FMT ".",
                          STR_ARG(party->name), STR_ARG(year)));
    }
}

static const char *basis_words(Str basis) {
    if (str_equal_text(basis, "last_election")) {
        return "at the last election";
    }
    if (str_equal_text(basis, "eve_of_poll")) {
        return "on the eve of poll";
    }
    return str_equal_text(basis, "notional") ? "on notional figures" : "before";
}

static void tell_majority_was(Telling *t) {
    const PreviousControl *previous = t->council->reference->previous_control;
    if (t->standing->previous.kind != CONTROL_PARTY || previous->seats == COUNT_UNKNOWN ||
        previous->seats_total == COUNT_UNKNOWN || 2 * previous->seats <= previous->seats_total) {
        return;
    }
    const CouncilParty *party = party_of(t, t->standing->previous.party);
    long long majority = 2 * previous->seats - previous->seats_total;
    tell(t, "MAJORITY_WAS",
         arena_printf(t->arena, "\"party_id\":" STR_FMT ",\"majority\":%lld,\"seats\":%lld,\"seats_total\":%lld,\"basis\":" STR_FMT,
                      STR_ARG(quoted(t, party->party_id)), majority, (long long)previous->seats,
                      (long long)previous->seats_total, STR_ARG(quoted(t, previous->seats_basis))),
         arena_printf(t->arena, "The " STR_FMT " majority was %lld %s: %lld of %lld seats.", STR_ARG(party->name), majority,
                      basis_words(previous->seats_basis), (long long)previous->seats, (long long)previous->seats_total));
}

static void tell_new_seats(Telling *t) {
    const CouncilReference *r = t->council->reference;
    const PreviousControl *previous = r->previous_control;
    if (r->boundary_changes != TRILEAN_TRUE || previous == NULL || previous->seats_total == COUNT_UNKNOWN ||
        previous->seats_total == r->seats_total) {
        return;
    }
    long long before = previous->seats_total, now = r->seats_total, more = now - before;
    tell(t, "NEW_SEATS",
         arena_printf(t->arena, "\"seats_total\":%lld,\"before\":%lld,\"change\":%lld", now, before, more),
         arena_printf(t->arena, STR_FMT " has %lld seats, %lld %s than the %lld before boundary changes.",
                      STR_ARG(council_name(t)), now, more > 0 ? more : -more, more > 0 ? "more" : "fewer", before));
}

static void tell_largest_party(Telling *t) {
    const Standing *s = t->standing;
    if (s->largest_party == PARTY_NONE || s->seats_count == 0) {
        return;
    }
    const CouncilParty *party = party_of(t, s->largest_party);
    int32_t held = 0;
    Str others = STR_LIT("");
    for (size_t i = 0; i < s->seats_count; i++) {
        const SeatLine *line = &s->seats[i];
        if (line->party == s->largest_party) {
            held = line->held;
        } else if (line->held > 0) {
            others = arena_printf(t->arena, STR_FMT "%s" STR_FMT " %d", STR_ARG(others), others.len == 0 ? "; " : ", ",
                                  STR_ARG(party_of(t, line->party)->name), line->held);
        }
    }
    bool enough = held >= t->council->threshold;
    tell(t, "LARGEST_PARTY",
         arena_printf(t->arena, "\"party_id\":" STR_FMT ",\"seats\":%d,\"seats_total\":%d,\"threshold\":%d,\"enough\":%s",
                      STR_ARG(quoted(t, party->party_id)), held, t->council->seats_total, t->council->threshold,
                      enough ? "true" : "false"),
         arena_printf(t->arena, STR_FMT ": %d of %d seats, %s for control, which takes %d" STR_FMT ".",
                      STR_ARG(party->name), held, t->council->seats_total, enough ? "enough" : "not enough",
                      t->council->threshold, STR_ARG(others)));
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
             arena_printf(t->arena, "\"party_id\":" STR_FMT ",\"seats\":%d,\"change\":%d,\"baseline\":%d,\"basis\":" STR_FMT,
                          STR_ARG(quoted(t, party->party_id)), line->held, change, party->baseline, STR_ARG(quoted(t, basis))),
             arena_printf(t->arena, STR_FMT ": " STR_FMT ", %d %s than the %d %s.", STR_ARG(party->name),
                          STR_ARG(plural(t, line->held, "seat")), change > 0 ? change : -change,
                          change > 0 ? "more" : "fewer", party->baseline, basis_words(basis)));
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

static bool led_votes_lost_seats(const Standing *s, const SeatLine *votes, const SeatLine *seats) {
    return s->votes_complete && s->status == STATUS_FINAL && votes != NULL && seats != NULL && votes != seats;
}

static void tell_led_votes_lost_seats(Telling *t) {
    const Standing *s = t->standing;
    const SeatLine *votes = leader(s, votes_cast), *seats = leader(s, seats_won);
    if (!led_votes_lost_seats(s, votes, seats)) {
        return;
    }
    const CouncilParty *ahead = party_of(t, votes->party), *winner = party_of(t, seats->party);
    tell(t, "LED_VOTES_LOST_SEATS",
         arena_printf(t->arena,
                      "\"party_id\":" STR_FMT ",\"votes\":%lld,\"seats\":%d,\"winner\":" STR_FMT ",\"winner_votes\":%lld,\"winner_seats\":%d",
                      STR_ARG(quoted(t, ahead->party_id)), (long long)votes->votes, votes->won,
                      STR_ARG(quoted(t, winner->party_id)), (long long)seats->votes, seats->won),
         arena_printf(t->arena, "Most votes: " STR_FMT " (%lld to %lld); most seats: " STR_FMT " (%d to %d).",
                      STR_ARG(ahead->name), (long long)votes->votes, (long long)votes_cast(seats), STR_ARG(winner->name),
                      seats->won, votes->won));
}

static void tell_lots(Telling *t, const BallotResult *results) {
    for (size_t b = 0; results != NULL && b < t->council->ballots_count; b++) {
        const Declaration *d = results[b].declaration;
        for (size_t i = 0; results[b].status == BALLOT_DECLARED && i < d->candidates_count; i++) {
            const Candidate *c = &d->candidates[i];
            if (!c->elected || !c->elected_by_lot) {
                continue;
            }
            Str votes = c->votes == COUNT_UNKNOWN ? STR_LIT("null") : arena_printf(t->arena, "%lld", (long long)c->votes);
            Str after = c->votes == COUNT_UNKNOWN ? STR_LIT("") : arena_printf(t->arena, " after a tie on %lld votes", (long long)c->votes);
            tell(t, "DECIDED_BY_LOT",
                 arena_printf(t->arena, "\"ballot_paper_id\":" STR_FMT ",\"candidate\":" STR_FMT ",\"party_id\":" STR_FMT ",\"votes\":" STR_FMT,
                              STR_ARG(quoted(t, d->ballot_paper_id)), STR_ARG(quoted(t, c->name)),
                              STR_ARG(quoted(t, party_of(t, results[b].parties[i])->party_id)), STR_ARG(votes)),
                 arena_printf(t->arena, STR_FMT " (" STR_FMT ") was elected in " STR_FMT " by lot" STR_FMT ".", STR_ARG(c->name),
                              STR_ARG(party_name(t, c->party_id)), STR_ARG(d->ward_name), STR_ARG(after)));
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
    const SeatLine *votes = leader(s, votes_cast), *seats = leader(s, seats_won);
    if (led_votes_lost_seats(s, votes, seats)) {
        const int64_t figures[] = {votes->party, votes->votes, seats->party, seats->votes};
        buf_add(key, figures, sizeof figures);
    }
}

Str facts_tell(const Council *council, const Standing *standing, const BallotResult *results, Arena *arena) {
    Telling t = {.council = council, .standing = standing, .arena = arena};
    buf_add_byte(&t.json, '[');
    if (is_story(council, standing)) {
        tell_control_held_for(&t);
        tell_first_majority(&t);
        tell_largest_party(&t);
        tell_seat_changes(&t);
        tell_majority_was(&t);
        tell_new_seats(&t);
        tell_led_votes_lost_seats(&t);
        tell_lots(&t, results);
    }
    buf_add_byte(&t.json, ']');
    Str facts = arena_copy(arena, buf_str(&t.json));
    buf_free(&t.json);
    return facts;
}
