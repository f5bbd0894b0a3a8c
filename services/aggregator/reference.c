// Reference data comes into force: a council is made or replaced, and what was held is judged anew.
#include "services/aggregator/step.h"

#include <stdlib.h>

static bool covers_parties(const Council *council, const Declaration *d, Str *problem, Arena *arena) {
    for (size_t i = 0; i < d->candidates_count; i++) {
        if (council_find_party(council, d->candidates[i].party_id) == PARTY_NONE) {
            *problem = arena_printf(arena, "it omits party " STR_FMT ", which has a candidate in " STR_FMT,
                                    STR_ARG(d->candidates[i].party_id), STR_ARG(d->ballot_paper_id));
            return false;
        }
    }
    return true;
}

static bool covers_ballot(const Council *council, const Election *election, const Ballot *ballot, Str *problem,
                          Arena *arena) {
    if (ballot->in_force != NULL && council_find_ballot(council, ballot->ballot_paper_id) == NULL) {
        *problem = arena_printf(arena, "it omits " STR_FMT ", which has a result in force",
                                STR_ARG(ballot->ballot_paper_id));
        return false;
    }
    // A result that another covers now may come into force again, so its parties must be there too.
    for (size_t i = 0; i < ballot->entries.count; i++) {
        const Entry *entry = ballot->entries.items[i];
        bool counts = entry->kind == KIND_DECLARED || entry->kind == KIND_CORRECTED;
        if (entry_stands(entry) && counts &&
            !covers_parties(council, entry_declaration(election, ballot, entry, arena), problem, arena)) {
            return false;
        }
    }
    return true;
}

// What stands must be in the new reference data too.
static bool covers_standing(const Council *council, const Election *election, Str *problem, Arena *arena) {
    for (size_t s = 0; s < 2; s++) {
        const Space *space = &election->spaces[s];
        for (size_t i = 0; i < space->ballots.count; i++) {
            if (!covers_ballot(council, election, space->ballots.items[i], problem, arena)) {
                return false;
            }
        }
    }
    return true;
}

// Control is kept by the party's place in the council's list, which may have moved.
static void carry_control(Space *space, const Council *before, const Council *now) {
    if (space->control.kind == CONTROL_PARTY) {
        const CouncilParty *party = map_get(&now->party_of, before->parties[space->control.party].party_id);
        space->control.party = party == NULL ? PARTY_NONE : (PartyIndex)(party - now->parties);
    }
}

static bool same_ballot_facts(const CouncilBallot *a, const CouncilBallot *b) {
    return a != NULL && b != NULL && a->seats == b->seats && a->electorate == b->electorate &&
           str_equal(a->ward_name, b->ward_name);
}

static void resolve_ballot(const Step *step, const Election *election, Ballot *ballot) {
    for (size_t e = 0; e < ballot->entries.count; e++) {
        entry_resolve(election, ballot, ballot->entries.items[e], step->arena);
    }
    ballot->in_force = ballot_find_in_force(ballot, step->rules);
}

// The ballot as the space has it; `bare` is one that no record has concerned yet.
static const Ballot *ballot_or_bare(const Election *election, const Space *space, const CouncilBallot *council_ballot,
                                    Ballot *bare) {
    *bare = (Ballot){.ballot_paper_id = council_ballot->ballot_paper_id, .council_ballot = council_ballot};
    const Ballot *ballot = election_find_ballot(election, space, council_ballot->ballot_paper_id);
    return ballot == NULL ? bare : ballot;
}

// Ballots find their reference data anew, entries their parties; rows for every ballot that looks different now.
static void reindex_space(Step *step, Election *election, Space *space, const Council *before) {
    const Council *council = election->council;
    Ballot bare;
    election_find_council_ballots(election, space);
    for (size_t i = 0; i < space->ballots.count; i++) {
        resolve_ballot(step, election, space->ballots.items[i]);
    }
    for (size_t i = 0; before != NULL && i < before->ballots_count; i++) {
        if (council_find_ballot(council, before->ballots[i].ballot_paper_id) == NULL) {
            const Ballot *ballot = ballot_or_bare(election, space, &before->ballots[i], &bare);
            bare.council_ballot = NULL;
            emit_ballot_removed(step, election, space, ballot);
        }
    }
    for (size_t i = 0; i < council->ballots_count; i++) {
        const CouncilBallot *now = &council->ballots[i];
        const CouncilBallot *earlier = before == NULL ? NULL : council_find_ballot(before, now->ballot_paper_id);
        const Ballot *ballot = ballot_or_bare(election, space, now, &bare);
        if (ballot->in_force != NULL || !same_ballot_facts(earlier, now)) {
            emit_ballot(step, election, space, ballot);
        }
    }
    buf_clear(&space->facts_key);
    count_free(&space->count);
    space->count = count_new(council, space_results(space, council, step->arena));
}

typedef struct HeldEntry {
    Ballot *ballot;
    Entry *entry;
} HeldEntry;

static int by_lane_seq(const void *a, const void *b) {
    int64_t left = ((const HeldEntry *)a)->entry->lane_seq, right = ((const HeldEntry *)b)->entry->lane_seq;
    return (left > right) - (left < right);
}

// Held by conflicts alone: the first stands until the desk decides, whatever the reference data say.
static bool is_judged_anew(const Entry *entry) {
    return entry->fate == FATE_HELD && (entry->holds & ~RULES_CONFLICT) != 0;
}

static void judge_anew(Step *step, Election *election, Space *space, HeldEntry held) {
    Entry *entry = held.entry;
    Judgement judgement = entry_judge(election, held.ballot, entry, step->rules, step->arena);
    bool same = judgement.fate == entry->fate && judgement.reasons == entry->reasons;
    entry_take_judgement(space, held.ballot, entry, &judgement);
    if (same) {
        return;
    }
    emit_fate_change(step, entry->lane_seq, election->election_id, judgement.fate, judgement.reasons,
                     judgement.detail, STR_NONE, STR_NONE);
    step->cause.about = entry_declaration(election, held.ballot, entry, step->arena);
    ballot_settle(step, election, space, held.ballot);
}

static void judge_held_anew(Step *step, Election *election, Space *space) {
    VEC(HeldEntry) held = {0};
    for (size_t i = 0; i < space->ballots.count; i++) {
        Ballot *ballot = space->ballots.items[i];
        for (size_t e = 0; e < ballot->entries.count; e++) {
            if (is_judged_anew(ballot->entries.items[e])) {
                *vec_push(&held) = (HeldEntry){ballot, ballot->entries.items[e]};
            }
        }
    }
    if (held.count > 0) {
        qsort(held.items, held.count, sizeof *held.items, by_lane_seq);
    }
    for (size_t i = 0; i < held.count; i++) {
        judge_anew(step, election, space, held.items[i]);
    }
    vec_free(&held);
}

bool reference_apply(Step *step, Election *election, const CouncilReference *reference, Str *problem) {
    if (election->foreign) {
        *problem = arena_printf(step->arena, STR_FMT " is kept under another council's id already",
                                STR_ARG(election->election_id));
        return false;
    }
    Council *council = council_new(reference);
    if (!covers_standing(council, election, problem, step->arena)) {
        council_free(council);
        return false;
    }
    for (size_t s = 0; s < 2; s++) {
        emit_keep_content(step, election, &election->spaces[s]);
    }
    Council *before = election->council;
    election->council = council;
    emit_election(step, election);
    for (size_t s = 0; s < 2; s++) {
        Space *space = &election->spaces[s];
        if (before != NULL) {
            carry_control(space, before, council);
        }
        reindex_space(step, election, space, before);
        step->cause.about = NULL;
        emit_snapshot(step, election, space, false, false);
        judge_held_anew(step, election, space);
    }
    step->cause.about = NULL;
    if (before != NULL) {
        *vec_push(&election->retired) = before;
    }
    return true;
}
