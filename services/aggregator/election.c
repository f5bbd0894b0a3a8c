#include "services/aggregator/election.h"

#include <stdlib.h>

enum { ELECTION_BLOCK_BYTES = 4096 };

Election *election_new(Str election_id) {
    Election *election = mem_alloc(1, sizeof *election);
    election->memory.block_bytes = ELECTION_BLOCK_BYTES;
    election->election_id = arena_copy(&election->memory, election_id);
    election->spaces[1].is_test = true;
    for (size_t i = 0; i < 2; i++) {
        election->spaces[i].called_at_us = TIME_NONE;
        election->spaces[i].control = (Control){CONTROL_UNKNOWN, PARTY_NONE};
    }
    return election;
}

void election_free(Election *election) {
    if (election == NULL) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        Space *space = &election->spaces[i];
        for (size_t b = 0; b < space->ballots.count; b++) {
            vec_free(&space->ballots.items[b]->entries);
        }
        vec_free(&space->ballots);
        map_free(&space->ballot_of);
        buf_free(&space->content);
        buf_free(&space->facts);
    }
    for (size_t i = 0; i < election->retired.count; i++) {
        council_free(election->retired.items[i]);
    }
    vec_free(&election->retired);
    map_free(&election->sources);
    council_free(election->council);
    arena_free(&election->memory);
    mem_free(election);
}

Ballot *election_ballot(Election *election, Space *space, Str ballot_paper_id) {
    Ballot *ballot = map_get(&space->ballot_of, ballot_paper_id);
    if (ballot == NULL) {
        ballot = arena_alloc(&election->memory, 1, sizeof *ballot);
        ballot->ballot_paper_id = arena_copy(&election->memory, ballot_paper_id);
        if (election->council != NULL) {
            ballot->council_ballot = council_find_ballot(election->council, ballot_paper_id);
        }
        map_put(&space->ballot_of, ballot->ballot_paper_id, ballot);
        *vec_push(&space->ballots) = ballot;
    }
    return ballot;
}

static Declaration *copy_declaration(Arena *arena, const Declaration *from) {
    Declaration *d = arena_alloc(arena, 1, sizeof *d);
    *d = *from;
    Str *const strings[] = {&d->event_id,  &d->election_id, &d->ballot_paper_id, &d->council_id,
                            &d->ward_name, &d->source,      &d->source_url,      &d->note};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        *strings[i] = arena_copy(arena, *strings[i]);
    }
    d->candidates = arena_alloc(arena, d->candidates_count, sizeof *d->candidates);
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *c = &from->candidates[i];
        d->candidates[i] = *c;
        d->candidates[i].candidate_id = arena_copy(arena, c->candidate_id);
        d->candidates[i].name = arena_copy(arena, c->name);
        d->candidates[i].party_id = arena_copy(arena, c->party_id);
        d->candidates[i].description = arena_copy(arena, c->description);
    }
    return d;
}

Entry *entry_draft(const Election *election, const Declaration *declaration, Arena *scratch) {
    Entry *entry = arena_alloc(scratch, 1, sizeof *entry);
    const Entry *same_source = map_get(&election->sources, declaration->source);
    entry->declaration = declaration;
    entry->parties = arena_alloc(scratch, declaration->candidates_count, sizeof *entry->parties);
    entry->source = same_source != NULL ? same_source->source : election->sources_count;
    entry->fate = FATE_REJECTED;
    uuid_parse(declaration->event_id, entry->event_id);
    return entry;
}

Entry *entry_keep(Election *election, Ballot *ballot, const Entry *draft) {
    size_t candidates = draft->declaration->candidates_count;
    Entry *entry = arena_alloc(&election->memory, 1, sizeof *entry);
    *entry = *draft;
    entry->declaration = copy_declaration(&election->memory, draft->declaration);
    entry->parties = arena_alloc(&election->memory, candidates, sizeof *entry->parties);
    if (candidates > 0) {
        memcpy(entry->parties, draft->parties, candidates * sizeof *entry->parties);
    }
    if (entry->source == election->sources_count) {
        map_put(&election->sources, entry->declaration->source, entry);
        election->sources_count++;
    }
    *vec_push(&ballot->entries) = entry;
    return entry;
}

// What a candidate says, as bytes that can be sorted and hashed.
static Str candidate_content(const Candidate *c, Str folded_party_id, Arena *scratch) {
    return arena_printf(scratch, STR_FMT "%c" STR_FMT "%c%lld%c%d%d", STR_ARG(folded_party_id), 0, STR_ARG(c->name), 0,
                        (long long)c->votes, 0, c->elected, c->elected_by_lot);
}

static int by_bytes(const void *a, const void *b) {
    return str_compare(*(const Str *)a, *(const Str *)b);
}

void entry_resolve(Entry *entry, const Election *election, Arena *scratch) {
    const Declaration *d = entry->declaration;
    const Council *council = election->council;
    Str *candidates = arena_alloc(scratch, d->candidates_count, sizeof *candidates);
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *c = &d->candidates[i];
        entry->parties[i] = council == NULL ? PARTY_NONE : council_find_party(council, c->party_id);
        Str folded = entry->parties[i] == PARTY_NONE ? c->party_id : council->parties[entry->parties[i]].party_id;
        candidates[i] = candidate_content(c, folded, scratch);
    }
    qsort(candidates, d->candidates_count, sizeof *candidates, by_bytes);
    Str head = arena_printf(scratch, "%d %lld %lld %lld", (int)d->kind, (long long)d->seats,
                            (long long)d->ballot_papers, (long long)d->rejected_papers);
    size_t len = head.len;
    for (size_t i = 0; i < d->candidates_count; i++) {
        len += 8 + candidates[i].len;
    }
    char *bytes = arena_alloc(scratch, len, 1);
    char *at = memcpy(bytes, head.ptr, head.len);
    at += head.len;
    for (size_t i = 0; i < d->candidates_count; i++) {
        uint64_t candidate_len = candidates[i].len; // keeps the boundaries apart
        at = (char *)memcpy(at, &candidate_len, sizeof candidate_len) + sizeof candidate_len;
        at = (char *)memcpy(at, candidates[i].ptr, candidates[i].len) + candidates[i].len;
    }
    uint8_t digest[SHA256_BYTES];
    sha256(bytes, len, digest);
    memcpy(entry->content, digest, sizeof entry->content);
}

void entry_set_fate(Space *space, Ballot *ballot, Entry *entry, Fate fate) {
    int32_t before = ballot->held > 0;
    ballot->held += (fate == FATE_HELD) - (entry->fate == FATE_HELD);
    space->ballots_held += (ballot->held > 0) - before;
    entry->fate = fate;
}

// Of one source: the higher revision, then what the desk released last, then what came first.
static bool outranks_within_source(const Entry *a, const Entry *b) {
    if (a->declaration->revision != b->declaration->revision) {
        return a->declaration->revision > b->declaration->revision;
    }
    return a->released_by > b->released_by;
}

Entry *ballot_newest_of_source(const Ballot *ballot, uint32_t source) {
    Entry *newest = NULL;
    for (size_t i = 0; i < ballot->entries.count; i++) {
        Entry *entry = ballot->entries.items[i];
        if (entry->source == source && entry_stands(entry) &&
            (newest == NULL || outranks_within_source(entry, newest))) {
            newest = entry;
        }
    }
    return newest;
}

static size_t rank_of(const RuleBook *rules, Str source) {
    size_t rank = 0;
    while (rank < rules->sources_count && !str_equal(rules->sources[rank], source)) {
        rank++;
    }
    return rank;
}

// Of different sources: the better rank, then the earlier declaration, then the name.
static bool outranks(const RuleBook *rules, const Declaration *a, const Declaration *b) {
    size_t rank_a = rank_of(rules, a->source), rank_b = rank_of(rules, b->source);
    if (rank_a != rank_b) {
        return rank_a < rank_b;
    }
    if (a->declared_at_ms != b->declared_at_ms) {
        return a->declared_at_ms < b->declared_at_ms;
    }
    return str_compare(a->source, b->source) < 0;
}

Entry *ballot_find_in_force(const Ballot *ballot, const RuleBook *rules) {
    const Entry *override = ballot->override;
    if (override != NULL && override->declaration->kind != KIND_WITHDRAWN) {
        return ballot->override;
    }
    Entry *best = NULL;
    for (size_t i = 0; i < ballot->entries.count; i++) {
        Entry *entry = ballot->entries.items[i];
        bool silent = override != NULL && entry->source == override->source;
        if (silent || !entry_stands(entry) || entry->declaration->kind == KIND_WITHDRAWN) {
            continue;
        }
        if (best != NULL && entry->source != best->source && !outranks(rules, entry->declaration, best->declaration)) {
            continue; // cheap to tell, and spares the look at its source's other entries
        }
        if (ballot_newest_of_source(ballot, entry->source) == entry) {
            best = entry;
        }
    }
    return best;
}

static int by_number(const void *a, const void *b) {
    PartyIndex left = *(const PartyIndex *)a, right = *(const PartyIndex *)b;
    return (left > right) - (left < right);
}

static PartyIndex *list_winners(const Entry *entry, Arena *scratch, size_t *count) {
    const Declaration *d = entry->declaration;
    PartyIndex *winners = arena_alloc(scratch, d->candidates_count, sizeof *winners);
    *count = 0;
    for (size_t i = 0; d->kind != KIND_POSTPONED && i < d->candidates_count; i++) {
        if (d->candidates[i].elected) {
            winners[(*count)++] = entry->parties[i];
        }
    }
    qsort(winners, *count, sizeof *winners, by_number);
    return winners;
}

bool entries_same_winners(const Entry *a, const Entry *b, Arena *scratch) {
    if ((a->declaration->kind == KIND_POSTPONED) != (b->declaration->kind == KIND_POSTPONED)) {
        return false;
    }
    size_t count_a, count_b;
    const PartyIndex *winners_a = list_winners(a, scratch, &count_a);
    const PartyIndex *winners_b = list_winners(b, scratch, &count_b);
    return count_a == count_b && memcmp(winners_a, winners_b, count_a * sizeof *winners_a) == 0;
}
