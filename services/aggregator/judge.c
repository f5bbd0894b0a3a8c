// The rules that compare a declaration with what stands in its election already.
#include "services/aggregator/election.h"

#include <stdlib.h>

// Rejected by a rule and not by the desk: as if it had never come.
static bool was_rejected_by_rule(const Entry *entry) {
    return entry->fate == FATE_REJECTED && !entry->rejected_by_operator;
}

// Entries come in order, so those before it are what it is compared with.
static size_t entries_before(const Ballot *ballot, const Entry *entry) {
    size_t n = ballot->entries.count;
    while (n > 0 && ballot->entries.items[n - 1]->lane_seq >= entry->lane_seq) {
        n--;
    }
    return n;
}

static bool same_revision(const Entry *a, const Entry *b) {
    return a->source == b->source && a->revision == b->revision;
}

static const Entry *find_duplicate(const Election *election, const Ballot *ballot, const Entry *entry, Arena *arena) {
    size_t n = entries_before(ballot, entry);
    for (size_t i = 0; i < n; i++) {
        const Entry *other = ballot->entries.items[i];
        bool same_message = memcmp(entry->event_id, other->event_id, sizeof entry->event_id) == 0;
        if ((same_message || same_revision(entry, other)) && !was_rejected_by_rule(other) &&
            other->fate != FATE_DUPLICATE && entries_same_content(election, ballot, entry, other, arena)) {
            return other;
        }
    }
    return NULL;
}

// A record of the desk's making counts even where it came later, so all entries are looked at but itself.
static void check_conflicting(const Election *election, const Ballot *ballot, const Entry *entry, Findings *f) {
    for (size_t i = 0; i < ballot->entries.count; i++) {
        const Entry *other = ballot->entries.items[i];
        bool counts = other->lane_seq < entry->lane_seq || entry_stands(other);
        if (other != entry && counts && other->fate != FATE_REJECTED && other->fate != FATE_DUPLICATE &&
            same_revision(entry, other) && !entries_same_content(election, ballot, entry, other, f->arena)) {
            findings_add(f, RULE_CONFLICTING_REVISION, "offset %lld has other content under revision %d",
                         (long long)other->kafka_offset, entry->revision);
            return;
        }
    }
}

static bool is_lower(const Entry *entry, const Entry *newest) {
    return newest != NULL && newest != entry && entry->revision < newest->revision;
}

static void check_stale(const Entry *entry, const Entry *newest, Findings *f) {
    if (is_lower(entry, newest) && entry->reported_at_ms > newest->reported_at_ms) {
        findings_add(f, RULE_STALE_REVISION, "revision %d was reported after revision %d",
                     entry->revision, newest->revision);
    }
}

typedef struct PartyVotes {
    PartyIndex party;
    int64_t votes;
} PartyVotes;

static int by_party_and_votes(const void *left, const void *right) {
    const PartyVotes *a = left, *b = right;
    if (a->party != b->party) {
        return a->party > b->party ? 1 : -1;
    }
    return (a->votes > b->votes) - (a->votes < b->votes);
}

// Votes by party, in an order of their own; NULL when some are not known. Sources write names in
// their own ways, so the candidates' are not compared.
static PartyVotes *list_votes(const Entry *entry, Arena *arena) {
    PartyVotes *list = arena_alloc(arena, entry->candidates_count, sizeof *list);
    for (size_t i = 0; i < entry->candidates_count; i++) {
        if (entry->candidates[i].votes == COUNT_UNKNOWN) {
            return NULL;
        }
        list[i] = (PartyVotes){entry->candidates[i].party, entry->candidates[i].votes};
    }
    qsort(list, entry->candidates_count, sizeof *list, by_party_and_votes);
    return list;
}

static bool votes_differ(const Entry *a, const Entry *b, Arena *arena) {
    if (a->kind == KIND_POSTPONED || b->kind == KIND_POSTPONED) {
        return false;
    }
    const PartyVotes *votes_a = list_votes(a, arena), *votes_b = list_votes(b, arena);
    size_t count = a->candidates_count;
    if (votes_a == NULL || votes_b == NULL || count != b->candidates_count) {
        return votes_a != NULL && votes_b != NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (votes_a[i].party != votes_b[i].party || votes_a[i].votes != votes_b[i].votes) {
            return true;
        }
    }
    return false;
}

static void check_other_source(const Entry *entry, const Entry *in_force, Findings *f) {
    if (in_force == NULL || in_force->source == entry->source || entry->kind == KIND_WITHDRAWN) {
        return;
    }
    if (!entries_same_winners(entry, in_force, f->arena)) {
        findings_add(f, RULE_SOURCES_DIFFER_WINNERS, STR_FMT " is in force with other winners, by offset %lld",
                     STR_ARG(*in_force->source), (long long)in_force->kafka_offset);
    }
    if (votes_differ(entry, in_force, f->arena)) {
        findings_add(f, RULE_SOURCES_DIFFER_VOTES, STR_FMT " is in force with other votes, by offset %lld",
                     STR_ARG(*in_force->source), (long long)in_force->kafka_offset);
    }
}

static Fate standing_fate(const Entry *entry, const Entry *newest, const Entry *in_force, bool overrides,
                          Arena *arena) {
    if (!overrides && is_lower(entry, newest)) {
        return FATE_SUPERSEDED;
    }
    bool corroborates = in_force != NULL && in_force->source != entry->source &&
                        entry->kind != KIND_WITHDRAWN && entries_same_winners(entry, in_force, arena);
    return corroborates ? FATE_CORROBORATED : FATE_ACCEPTED;
}

static PartyIndex *list_parties(const Entry *entry, Arena *arena) {
    PartyIndex *parties = arena_alloc_raw(arena, entry->candidates_count, sizeof *parties);
    for (size_t i = 0; i < entry->candidates_count; i++) {
        parties[i] = entry->candidates[i].party;
    }
    return parties;
}

Judgement entry_judge(const Election *election, const Ballot *ballot, const Entry *entry, const RuleBook *rules,
                      Arena *arena) {
    const Entry *duplicate = find_duplicate(election, ballot, entry, arena);
    if (duplicate != NULL) {
        return (Judgement){.fate = FATE_DUPLICATE,
                           .detail = arena_printf(arena, "of offset %lld", (long long)duplicate->kafka_offset)};
    }
    Findings f = {.rules = rules, .arena = arena, .broken = entry->identity};
    const Council *council = election->council;
    const Entry *newest = ballot_newest_of_source(ballot, entry->source);
    const Entry *in_force = ballot->in_force == entry ? NULL : ballot->in_force;
    const Declaration *d = entry_declaration(election, ballot, entry, arena);
    if (council == NULL || !str_equal(council->reference->council_id, d->council_id)) {
        findings_add(&f, RULE_UNKNOWN_COUNCIL, "no reference data for " STR_FMT " as council " STR_FMT,
                     STR_ARG(d->election_id), STR_ARG(d->council_id));
    } else {
        rules_check_declaration(council, ballot->council_ballot, d, list_parties(entry, arena), &f);
        check_conflicting(election, ballot, entry, &f);
        check_stale(entry, newest, &f);
        check_other_source(entry, in_force, &f);
    }
    // A conflict that was found when the record came stays until the desk decides.
    f.broken |= entry->holds & RULES_CONFLICT;
    RuleSet conflicts = findings_at_least(&f, VERDICT_HELD) & RULES_CONFLICT;
    if (entry->released) {
        f.broken &= ~findings_at_least(&f, VERDICT_HELD) | RULES_UNKNOWN;
    }
    bool overrides = entry->released && (conflicts | entry->waived_conflicts) != 0;
    Judgement judgement = {
        .fate = standing_fate(entry, newest, in_force, overrides, arena),
        .reasons = f.broken,
        .holds = findings_at_least(&f, VERDICT_HELD),
        .detail = f.broken == 0 ? STR_NONE : f.detail,
        .conflicts = conflicts,
        .overrides = overrides,
    };
    if (judgement.holds != 0) {
        judgement.fate = findings_at_least(&f, VERDICT_REJECTED) != 0 ? FATE_REJECTED : FATE_HELD;
        judgement.overrides = false;
    }
    return judgement;
}
