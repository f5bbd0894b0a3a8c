// The rules for what a declaration says: its candidates, votes, papers and times.
#include "services/validator/rules.h"

enum { TURNOUT_PERCENT_MIN = 5, TURNOUT_PERCENT_MAX = 90 };

// What the rules about votes need to know, found in one pass over the candidates.
typedef struct Votes {
    int64_t elected; // candidates
    bool all_known;
    int64_t sum, highest; // over the known
    int64_t least_elected, most_unelected; // of known votes; -1: there is none
} Votes;

static Votes count_votes(const Declaration *d) {
    Votes v = {.all_known = true, .least_elected = -1, .most_unelected = -1};
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *c = &d->candidates[i];
        v.elected += c->elected;
        if (c->votes == COUNT_UNKNOWN) {
            v.all_known = false;
            continue;
        }
        v.sum += c->votes;
        v.highest = c->votes > v.highest ? c->votes : v.highest;
        if (c->elected && (v.least_elected < 0 || c->votes < v.least_elected)) {
            v.least_elected = c->votes;
        }
        if (!c->elected && c->votes > v.most_unelected) {
            v.most_unelected = c->votes;
        }
    }
    return v;
}

static void check_parties(const Declaration *d, const PartyIndex *parties, Findings *f) {
    for (size_t i = 0; i < d->candidates_count; i++) {
        if (parties[i] == PARTY_NONE) {
            findings_add(f, RULE_UNKNOWN_PARTY, "party " STR_FMT " of " STR_FMT, STR_ARG(d->candidates[i].party_id),
                         STR_ARG(d->candidates[i].name));
            return;
        }
    }
}

static bool same_party(const Declaration *d, const PartyIndex *parties, size_t a, size_t b) {
    return parties[a] == PARTY_NONE ? str_equal(d->candidates[a].party_id, d->candidates[b].party_id)
                                    : parties[a] == parties[b];
}

enum { PAIRS_MAX = 64 }; // candidates that are compared each with each

// `words`: str_word() of the ids up to that candidate's.
static bool is_twice(const Declaration *d, const PartyIndex *parties, const uint64_t *words, size_t i) {
    const Candidate *c = &d->candidates[i];
    for (size_t j = 0; j < i; j++) {
        const Candidate *other = &d->candidates[j];
        // A name alone is no proof, so the party decides.
        if ((words[i] == words[j] && str_equal(c->candidate_id, other->candidate_id)) ||
            (same_party(d, parties, i, j) && str_equal(c->name, other->name))) {
            return true;
        }
    }
    return false;
}

// No ballot has so many: their ids alone, so that a flood of them costs no more than its length.
static bool is_id_twice(Map *seen, Candidate *c) {
    bool twice = map_get(seen, c->candidate_id) != NULL;
    map_put(seen, c->candidate_id, c);
    return twice;
}

static void check_duplicates(const Declaration *d, const PartyIndex *parties, Findings *f) {
    Map seen = {0};
    uint64_t words[PAIRS_MAX];
    for (size_t i = 0; i < d->candidates_count; i++) {
        Candidate *c = &d->candidates[i];
        bool twice = false;
        if (i < PAIRS_MAX) {
            words[i] = str_word(c->candidate_id);
            twice = is_twice(d, parties, words, i);
        }
        if (d->candidates_count > PAIRS_MAX) {
            twice |= is_id_twice(&seen, c);
        }
        if (twice) {
            findings_add(f, RULE_DUPLICATE_CANDIDATE, STR_FMT " (" STR_FMT ") appears twice", STR_ARG(c->name),
                         STR_ARG(c->candidate_id));
            break;
        }
    }
    map_free(&seen);
}

static void check_elected(const Declaration *d, const Votes *v, int64_t seats, Findings *f) {
    int64_t candidates = (int64_t)d->candidates_count;
    if (v->elected > seats) {
        findings_add(f, RULE_TOO_MANY_ELECTED, "%lld elected to %lld seats", (long long)v->elected, (long long)seats);
    }
    int64_t expected = seats < candidates ? seats : candidates;
    if (v->elected < expected) {
        findings_add(f, RULE_TOO_FEW_ELECTED, "%lld elected to %lld seats from %lld candidates", (long long)v->elected,
                     (long long)seats, (long long)candidates);
    }
}

static int32_t nominated(const CouncilBallot *ballot, PartyIndex party) {
    for (size_t i = 0; i < ballot->nominations_count; i++) {
        if (ballot->nominations[i].party == party) {
            return ballot->nominations[i].count;
        }
    }
    return 0;
}

static void check_nominations(const Council *council, const CouncilBallot *ballot, const Declaration *d,
                              const PartyIndex *parties, Findings *f) {
    if (ballot == NULL || !ballot->nominations_known) {
        return;
    }
    int32_t *standing = arena_alloc(f->arena, council->parties_count, sizeof *standing);
    for (size_t i = 0; i < d->candidates_count; i++) {
        // Nominations may name a party that the list of parties does not.
        const CouncilParty *party = parties[i] != PARTY_NONE ? &council->parties[parties[i]]
                                                             : map_get(&council->party_of, d->candidates[i].party_id);
        int32_t limit = party == NULL ? 0 : nominated(ballot, (PartyIndex)(party - council->parties));
        if (party == NULL || ++standing[party - council->parties] > limit) {
            findings_add(f, RULE_NOT_NOMINATED, STR_FMT " nominated %d here, and has more candidates",
                         STR_ARG(party == NULL ? d->candidates[i].party_id : party->name), limit);
            return;
        }
    }
}

static bool lot_drawn_at(const Declaration *d, int64_t votes) {
    for (size_t i = 0; i < d->candidates_count; i++) {
        if (d->candidates[i].elected && d->candidates[i].elected_by_lot && d->candidates[i].votes == votes) {
            return true;
        }
    }
    return false;
}

// First past the post: the most votes win; equal votes at the cut are decided by lot (Local
// Elections Rules 2006, rule 49 of Schedule 2).
static void check_order(const Declaration *d, const Votes *v, Findings *f) {
    if (!v->all_known || v->least_elected < 0 || v->most_unelected < 0) {
        return;
    }
    if (v->least_elected < v->most_unelected) {
        findings_add(f, RULE_ELECTED_NOT_TOP, "someone is elected with %lld votes, someone with %lld is not",
                     (long long)v->least_elected, (long long)v->most_unelected);
    } else if (v->least_elected == v->most_unelected && !lot_drawn_at(d, v->least_elected)) {
        findings_add(f, RULE_TIE_WITHOUT_LOT, "%lld votes both in and out, and no lot drawn",
                     (long long)v->least_elected);
    }
}

// Held where the excess could have changed who is elected, else a warning.
static void check_votes_against_papers(const Declaration *d, const Votes *v, int64_t votes_each, Findings *f) {
    if (d->ballot_papers == COUNT_UNKNOWN || f->rules->verdicts[RULE_VOTES_EXCEED_PAPERS] == VERDICT_OFF) {
        return;
    }
    int64_t valid = d->ballot_papers - (d->rejected_papers == COUNT_UNKNOWN ? 0 : d->rejected_papers);
    int64_t excess = v->sum - votes_each * valid;
    bool one_exceeds = v->highest > valid;
    if (excess <= 0 && !one_exceeds) {
        return;
    }
    bool all_elected = v->elected == (int64_t)d->candidates_count;
    bool decides = !all_elected && (v->elected == 0 || !v->all_known || excess >= v->least_elected - v->most_unelected);
    findings_add(f, RULE_VOTES_EXCEED_PAPERS, "%lld votes, the highest %lld, from %lld valid papers",
                 (long long)v->sum, (long long)v->highest, (long long)valid);
    if (!one_exceeds && !decides) {
        f->softened |= RULE_BIT(RULE_VOTES_EXCEED_PAPERS);
    }
}

static void check_papers(const Council *council, const CouncilBallot *ballot, const Declaration *d, Findings *f) {
    int64_t electorate = d->electorate;
    if (electorate == COUNT_UNKNOWN && ballot != NULL) {
        electorate = ballot->electorate;
    }
    if (!d->uncontested && d->declared_at_ms < council->close_of_poll_ms) {
        findings_add(f, RULE_DECLARED_BEFORE_CLOSE, "declared before 22:00 in London on poll day");
    }
    if (electorate == COUNT_UNKNOWN || d->ballot_papers == COUNT_UNKNOWN) {
        return;
    }
    if (d->ballot_papers > electorate) {
        findings_add(f, RULE_PAPERS_EXCEED_ELECTORATE, "%lld ballot papers, %lld electors",
                     (long long)d->ballot_papers, (long long)electorate);
    }
    if (d->ballot_papers * 100 < electorate * TURNOUT_PERCENT_MIN ||
               d->ballot_papers * 100 > electorate * TURNOUT_PERCENT_MAX) {
        findings_add(f, RULE_TURNOUT_UNLIKELY, "%lld ballot papers from %lld electors", (long long)d->ballot_papers,
                     (long long)electorate);
    }
}

void rules_check_declaration(const Council *council, const CouncilBallot *ballot, const Declaration *d,
                             const PartyIndex *parties, Findings *f) {
    if (ballot == NULL) {
        findings_add(f, RULE_UNKNOWN_BALLOT, "no ballot " STR_FMT, STR_ARG(d->ballot_paper_id));
    } else if (ballot->seats != d->seats) {
        findings_add(f, RULE_SEATS_MISMATCH, "%lld seats, %d in the reference data", (long long)d->seats,
                     ballot->seats);
    }
    if (d->kind != KIND_DECLARED && d->kind != KIND_CORRECTED) {
        return;
    }
    Votes votes = count_votes(d);
    check_parties(d, parties, f);
    check_duplicates(d, parties, f);
    check_elected(d, &votes, d->seats, f);
    check_nominations(council, ballot, d, parties, f);
    if (!council->stv) {
        check_order(d, &votes, f);
    }
    check_votes_against_papers(d, &votes, council->stv ? 1 : d->seats, f);
    check_papers(council, ballot, d, f);
}
