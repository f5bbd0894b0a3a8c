#include "services/aggregator/election.h"

#include "common/base/sort.h"
#include "services/aggregator/packed.h"

#include <stdint.h>
#include <stdlib.h>

enum { ELECTION_BLOCK_BYTES = 1024 }; // most of 4,000 councils hear of a few ballots only

Election *election_new(Str election_id) {
    Election *election = mem_alloc(1, sizeof *election);
    election->memory.block_bytes = ELECTION_BLOCK_BYTES;
    char *id = mem_alloc(election_id.len + 1, 1);
    memcpy(id, election_id.ptr, election_id.len);
    election->election_id = (Str){id, election_id.len};
    election->spaces[1].is_test = true;
    for (size_t i = 0; i < 2; i++) {
        election->spaces[i].called_at_us = TIME_NONE;
        election->spaces[i].control = (Control){CONTROL_UNKNOWN, PARTY_NONE};
    }
    return election;
}

static size_t entry_bytes(const Entry *entry) {
    return sizeof *entry + entry->candidates_count * sizeof *entry->candidates + entry->packed_bytes;
}

static void drop_entry(Election *election, Entry *entry) {
    election->entries_bytes -= entry_bytes(entry);
    mem_free(entry);
}

void election_free(Election *election) {
    if (election == NULL) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        Space *space = &election->spaces[i];
        for (size_t b = 0; b < space->ballots.count; b++) {
            Ballot *ballot = space->ballots.items[b];
            for (size_t e = 0; e < ballot->entries.count; e++) {
                drop_entry(election, ballot->entries.items[e]);
            }
            vec_free(&ballot->entries);
            vec_free(&ballot->prints);
        }
        vec_free(&space->ballots);
        mem_free(space->known);
        map_free(&space->strangers);
        count_free(&space->count);
        buf_free(&space->content_key);
        buf_free(&space->content);
        buf_free(&space->facts);
        buf_free(&space->facts_key);
    }
    for (size_t i = 0; i < election->retired.count; i++) {
        council_free(election->retired.items[i]);
    }
    vec_free(&election->retired);
    map_free(&election->sources);
    council_free(election->council);
    arena_free(&election->memory);
    mem_free((void *)(uintptr_t)election->election_id.ptr);
    mem_free(election);
}

static size_t map_bytes(const Map *map) {
    return map->capacity * sizeof *map->slots;
}

size_t election_bytes(const Election *election) {
    size_t bytes = sizeof *election + election->memory.held + election->entries_bytes + map_bytes(&election->sources);
    const Council *council = election->council;
    if (council != NULL) {
        bytes += sizeof *council + council->memory.held + map_bytes(&council->ballot_of) +
                 map_bytes(&council->party_of);
    }
    for (size_t i = 0; i < 2; i++) {
        const Space *space = &election->spaces[i];
        bytes += map_bytes(&space->strangers) + space->ballots.capacity * sizeof(Ballot *) +
                 (space->known == NULL ? 0 : council->ballots_count * sizeof(Ballot *)) +
                 space->content_key.capacity + space->facts.capacity + space->facts_key.capacity;
    }
    return bytes;
}

static const CouncilBallot *find_council_ballot(const Election *election, Str ballot_paper_id) {
    return election->council == NULL ? NULL : council_find_ballot(election->council, ballot_paper_id);
}

static size_t place_of(const Election *election, const CouncilBallot *council_ballot) {
    return (size_t)(council_ballot - election->council->ballots);
}

static Ballot *find_at(const Election *election, const Space *space, const CouncilBallot *council_ballot, Str id) {
    if (council_ballot == NULL) {
        return map_get(&space->strangers, id);
    }
    return space->known == NULL ? NULL : space->known[place_of(election, council_ballot)];
}

static void put_at(const Election *election, Space *space, Ballot *ballot) {
    if (ballot->council_ballot == NULL) {
        map_put(&space->strangers, ballot->ballot_paper_id, ballot);
        return;
    }
    if (space->known == NULL) {
        space->known = mem_alloc(election->council->ballots_count, sizeof *space->known);
    }
    space->known[place_of(election, ballot->council_ballot)] = ballot;
}

Ballot *election_find_ballot(const Election *election, const Space *space, Str ballot_paper_id) {
    return find_at(election, space, find_council_ballot(election, ballot_paper_id), ballot_paper_id);
}

Ballot *election_ballot(Election *election, Space *space, Str ballot_paper_id) {
    const CouncilBallot *council_ballot = find_council_ballot(election, ballot_paper_id);
    Ballot *ballot = find_at(election, space, council_ballot, ballot_paper_id);
    if (ballot == NULL) {
        ballot = arena_alloc(&election->memory, 1, sizeof *ballot);
        ballot->council_ballot = council_ballot;
        ballot->ballot_paper_id = council_ballot != NULL ? council_ballot->ballot_paper_id
                                                         : arena_copy(&election->memory, ballot_paper_id);
        put_at(election, space, ballot);
        *vec_push(&space->ballots) = ballot;
    }
    return ballot;
}

void election_find_council_ballots(const Election *election, Space *space) {
    mem_free(space->known);
    space->known = NULL;
    map_free(&space->strangers);
    for (size_t i = 0; i < space->ballots.count; i++) {
        Ballot *ballot = space->ballots.items[i];
        ballot->council_ballot = find_council_ballot(election, ballot->ballot_paper_id);
        put_at(election, space, ballot);
    }
}

const Str *election_source(Election *election, Str name) {
    if (election->last_source != NULL && str_equal(*election->last_source, name)) {
        return election->last_source;
    }
    Str *source = map_get(&election->sources, name);
    if (source == NULL) {
        source = arena_alloc(&election->memory, 1, sizeof *source);
        *source = arena_copy(&election->memory, name);
        map_put(&election->sources, *source, source);
    }
    election->last_source = source;
    return source;
}

Entry *entry_draft(Election *election, const Declaration *declaration, Arena *scratch) {
    size_t count = declaration->candidates_count;
    Entry *entry = arena_alloc_raw(scratch, 1, sizeof *entry + count * sizeof *entry->candidates);
    *entry = (Entry){
        .declaration = declaration,
        .candidates_count = (uint32_t)count,
        .source = election_source(election, declaration->source),
        .kind = declaration->kind,
        .revision = declaration->revision,
        .declared_at_ms = declaration->declared_at_ms,
        .reported_at_ms = declaration->reported_at_ms,
        .uncontested = declaration->uncontested,
        .fate = FATE_REJECTED,
    };
    for (size_t i = 0; i < count; i++) {
        const CandidateResult *result = &entry->candidates[i];
        entry->candidates[i] = candidate_result(election->council, &declaration->candidates[i]);
        entry->by_lot |= result->elected && result->by_lot;
    }
    return entry;
}

void entry_add(Election *election, Ballot *ballot, Entry *entry) {
    size_t room = ballot->entries.capacity;
    if (room == 0) { // one is all that most ballots get
        ballot->entries.items = mem_resize(NULL, 1, sizeof entry);
        ballot->entries.capacity = 1;
    }
    *vec_push(&ballot->entries) = entry;
    election->entries_bytes += entry_bytes(entry) + (ballot->entries.capacity - room) * sizeof entry;
}

Entry *entry_keep(Election *election, Ballot *ballot, const Entry *draft, Arena *scratch) {
    Str packed = declaration_pack(draft->declaration, scratch);
    size_t candidates_bytes = draft->candidates_count * sizeof *draft->candidates;
    Entry *entry = mem_resize(NULL, 1, sizeof *entry + candidates_bytes + packed.len);
    memcpy(entry, draft, sizeof *entry + candidates_bytes);
    memcpy((char *)entry->candidates + candidates_bytes, packed.ptr, packed.len);
    entry->packed_bytes = (uint32_t)packed.len;
    entry->declaration = NULL;
    entry_add(election, ballot, entry);
    return entry;
}

const Declaration *entry_declaration(const Election *election, const Ballot *ballot, const Entry *entry,
                                     Arena *scratch) {
    if (entry->declaration != NULL) {
        return entry->declaration;
    }
    Str packed = {(const char *)(entry->candidates + entry->candidates_count), entry->packed_bytes};
    Declaration *d = declaration_unpack(packed, scratch);
    d->election_id = election->election_id;
    d->ballot_paper_id = ballot->ballot_paper_id;
    d->source = *entry->source;
    return d;
}

// A candidate as a duplicate repeats it.
typedef struct Told {
    Str folded_party_id;
    const Candidate *candidate;
} Told;

static int in_any_fixed_order(const void *left, const void *right) {
    const Told *a = left, *b = right;
    const Candidate *c = a->candidate, *d = b->candidate;
    int order = str_compare(a->folded_party_id, b->folded_party_id);
    order = order != 0 ? order : str_compare(c->name, d->name);
    if (order != 0) {
        return order;
    }
    if (c->votes != d->votes) {
        return c->votes > d->votes ? 1 : -1;
    }
    return 2 * (c->elected - d->elected) + (c->elected_by_lot - d->elected_by_lot);
}

// What is told of the candidates, in that order.
static const void **list_told(const Election *election, const Entry *entry, const Declaration *d, Arena *scratch) {
    Told *told = arena_alloc_raw(scratch, d->candidates_count, sizeof *told);
    const void **list = arena_alloc_raw(scratch, d->candidates_count, sizeof *list);
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *c = &d->candidates[i];
        PartyIndex party = entry->candidates[i].party;
        told[i] = (Told){party == PARTY_NONE ? c->party_id : election->council->parties[party].party_id, c};
        list[i] = &told[i];
    }
    sort_pointers(list, d->candidates_count, in_any_fixed_order);
    return list;
}

// By what is at hand: a sum, in which most corrections differ from what they correct.
static bool may_say_the_same(const Entry *a, const Entry *b) {
    bool same = a->kind == b->kind && a->candidates_count == b->candidates_count;
    uint64_t votes = 0; // of `a` less those of `b`
    for (size_t i = 0; same && i < a->candidates_count; i++) {
        votes += (uint64_t)a->candidates[i].votes - (uint64_t)b->candidates[i].votes;
    }
    return same && votes == 0;
}

bool entries_same_content(const Election *election, const Ballot *ballot, const Entry *a, const Entry *b,
                          Arena *scratch) {
    if (!may_say_the_same(a, b)) {
        return false;
    }
    const Declaration *d = entry_declaration(election, ballot, a, scratch);
    const Declaration *e = entry_declaration(election, ballot, b, scratch);
    if (d->seats != e->seats || d->ballot_papers != e->ballot_papers || d->rejected_papers != e->rejected_papers) {
        return false;
    }
    size_t count = d->candidates_count, same = 0;
    const void **told_a = list_told(election, a, d, scratch), **told_b = list_told(election, b, e, scratch);
    while (same < count && in_any_fixed_order(told_a[same], told_b[same]) == 0) {
        same++;
    }
    return same == count;
}

static bool is_wanted(const Ballot *ballot, const Entry *entry) {
    return entry->fate == FATE_HELD || entry == ballot->in_force || entry == ballot->override ||
           ballot_newest_of_source(ballot, entry->source) == entry;
}

static uint16_t message_print(const uint8_t event_id[16]) {
    return (uint16_t)map_hash((Str){(const char *)event_id, 16});
}

static uint16_t revision_print(Str source, int32_t revision) {
    uint64_t spread = (uint64_t)revision * UINT64_C(0x9E3779B97F4A7C15);
    return (uint16_t)((map_hash(source) + spread) >> 48);
}

uint16_t *ballot_add_prints(Election *election, Ballot *ballot, size_t count) {
    size_t room = ballot->prints.capacity, before = ballot->prints.count;
    ballot->prints.count += count;
    if (ballot->prints.count > room) {
        ballot->prints.capacity = ballot->prints.count > 2 * room ? ballot->prints.count : 2 * room;
        ballot->prints.items =
            mem_resize(ballot->prints.items, ballot->prints.capacity, sizeof *ballot->prints.items);
        election->entries_bytes += (ballot->prints.capacity - room) * sizeof *ballot->prints.items;
    }
    return &ballot->prints.items[before];
}

static void leave_prints(Election *election, Ballot *ballot, const Entry *entry) {
    uint16_t *prints = ballot_add_prints(election, ballot, 2);
    prints[0] = message_print(entry->event_id);
    prints[1] = revision_print(*entry->source, entry->revision);
}

void ballot_trim(Election *election, Ballot *ballot) {
    for (size_t e = ballot->entries.count; e-- > 0;) {
        Entry **place = &ballot->entries.items[e];
        if (!is_wanted(ballot, *place)) {
            leave_prints(election, ballot, *place);
            drop_entry(election, *place);
            memmove(place, place + 1, (--ballot->entries.count - e) * sizeof *place);
            election->trimmed = true;
        }
    }
}

bool ballot_may_repeat(const Ballot *ballot, const Declaration *declaration) {
    if (ballot->prints.count == 0) {
        return false;
    }
    uint8_t event_id[16] = {0};
    uuid_parse(declaration->event_id, event_id);
    uint16_t message = message_print(event_id), revision = revision_print(declaration->source, declaration->revision);
    bool found = false;
    for (size_t i = 0; i < ballot->prints.count && !found; i++) {
        found = ballot->prints.items[i] == message || ballot->prints.items[i] == revision;
    }
    return found;
}

void entry_resolve(const Election *election, const Ballot *ballot, Entry *entry, Arena *scratch) {
    const Declaration *d = entry_declaration(election, ballot, entry, scratch);
    for (size_t i = 0; i < d->candidates_count; i++) {
        entry->candidates[i] = candidate_result(election->council, &d->candidates[i]);
    }
}

void entry_set_fate(Space *space, Ballot *ballot, Entry *entry, Fate fate) {
    int32_t before = ballot->held > 0;
    ballot->held += (fate == FATE_HELD) - (entry->fate == FATE_HELD);
    space->ballots_held += (ballot->held > 0) - before;
    entry->fate = fate;
}

void entry_take_judgement(Space *space, Ballot *ballot, Entry *entry, const Judgement *judgement) {
    entry->reasons = judgement->reasons;
    entry->holds = judgement->holds;
    entry->waived_conflicts |= entry->released ? judgement->conflicts : 0;
    entry_set_fate(space, ballot, entry, judgement->fate);
    if (!entry_stands(entry)) {
        return;
    }
    if (entry->released) {
        entry->release = ++ballot->releases;
    }
    if (entry->released || entry->fate == FATE_ACCEPTED) {
        ballot->override = judgement->overrides ? entry : NULL;
    }
}

BallotResult entry_result(const Entry *entry) {
    if (entry == NULL) {
        return (BallotResult){.status = BALLOT_AWAITING};
    }
    if (entry->kind == KIND_POSTPONED) {
        return (BallotResult){.status = BALLOT_POSTPONED};
    }
    return (BallotResult){.status = BALLOT_DECLARED,
                          .candidates = entry->candidates,
                          .candidates_count = entry->candidates_count,
                          .uncontested = entry->uncontested};
}

BallotResult *space_results(const Space *space, const Council *council, Arena *arena) {
    _Static_assert(BALLOT_AWAITING == 0, "ballots that no record has concerned are awaited");
    BallotResult *results = arena_alloc(arena, council->ballots_count, sizeof *results);
    for (size_t i = 0; i < space->ballots.count; i++) {
        const Ballot *ballot = space->ballots.items[i];
        if (ballot->council_ballot != NULL) {
            results[ballot->council_ballot - council->ballots] = entry_result(ballot->in_force);
        }
    }
    return results;
}

// Of one source: the higher revision, then what the desk released last, then what came first.
static bool outranks_within_source(const Entry *a, const Entry *b) {
    if (a->revision != b->revision) {
        return a->revision > b->revision;
    }
    return a->release > b->release;
}

Entry *ballot_newest_of_source(const Ballot *ballot, const Str *source) {
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
static bool outranks(const RuleBook *rules, const Entry *a, const Entry *b) {
    size_t rank_a = rank_of(rules, *a->source), rank_b = rank_of(rules, *b->source);
    if (rank_a != rank_b) {
        return rank_a < rank_b;
    }
    if (a->declared_at_ms != b->declared_at_ms) {
        return a->declared_at_ms < b->declared_at_ms;
    }
    return str_compare(*a->source, *b->source) < 0;
}

Entry *ballot_find_in_force(const Ballot *ballot, const RuleBook *rules) {
    const Entry *override = ballot->override;
    if (override != NULL && override->kind != KIND_WITHDRAWN) {
        return ballot->override;
    }
    Entry *best = NULL;
    for (size_t i = 0; i < ballot->entries.count; i++) {
        Entry *entry = ballot->entries.items[i];
        bool silent = override != NULL && entry->source == override->source;
        if (silent || !entry_stands(entry) || entry->kind == KIND_WITHDRAWN) {
            continue;
        }
        if (best != NULL && entry->source != best->source && !outranks(rules, entry, best)) {
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
    PartyIndex *winners = arena_alloc(scratch, entry->candidates_count, sizeof *winners);
    *count = 0;
    for (size_t i = 0; entry->kind != KIND_POSTPONED && i < entry->candidates_count; i++) {
        if (entry->candidates[i].elected) {
            winners[(*count)++] = entry->candidates[i].party;
        }
    }
    qsort(winners, *count, sizeof *winners, by_number);
    return winners;
}

bool entries_same_winners(const Entry *a, const Entry *b, Arena *scratch) {
    if ((a->kind == KIND_POSTPONED) != (b->kind == KIND_POSTPONED)) {
        return false;
    }
    size_t count_a, count_b;
    const PartyIndex *winners_a = list_winners(a, scratch, &count_a);
    const PartyIndex *winners_b = list_winners(b, scratch, &count_b);
    return count_a == count_b && memcmp(winners_a, winners_b, count_a * sizeof *winners_a) == 0;
}
