// One walk over all that an election is serves both ways, so that neither can leave out what the other has: outwards
// each value is added to the bytes, inwards it is set from them. Reference data is walked as it came and made into a
// council anew; sums are counted anew.
#include "services/aggregator/shelved.h"

typedef struct Walk {
    Buf *out;       // NULL: inwards
    const char *in; // the next byte
    Arena scratch;  // inwards: what is copied again before the walk ends
} Walk;

static bool is_inwards(const Walk *walk) {
    return walk->out == NULL;
}

static inline void pass_bytes(Walk *walk, void *bytes, size_t size) {
    if (!is_inwards(walk)) {
        buf_add(walk->out, bytes, size);
    } else if (size > 0) {
        memcpy(bytes, walk->in, size);
        walk->in += size;
    }
}

// A number or a flag.
#define PASS(walk, value) pass_bytes(walk, &(value), sizeof(value))

// Inwards the string lies in the bytes.
static void pass_str(Walk *walk, Str *s) {
    size_t taken = str_is_none(*s) ? 0 : s->len + 1; // 0: absent
    PASS(walk, taken);
    if (!is_inwards(walk)) {
        buf_add_str(walk->out, *s);
        return;
    }
    *s = taken == 0 ? STR_NONE : (Str){walk->in, taken - 1};
    walk->in += s->len;
}

static void pass_buf(Walk *walk, Buf *buf) {
    Str text = buf_str(buf);
    pass_str(walk, &text);
    if (is_inwards(walk)) {
        buf_set(buf, text);
    }
}

// Inwards room for so many, zeroed; NULL stays NULL.
static void *pass_list(Walk *walk, void *items, size_t *count, size_t size) {
    bool there = items != NULL;
    PASS(walk, there);
    PASS(walk, *count);
    if (!is_inwards(walk)) {
        return items;
    }
    return there ? arena_alloc(&walk->scratch, *count, size) : NULL;
}

// ---- reference data ----

static void pass_seats(Walk *walk, PartySeatsMap *map) {
    map->entries = pass_list(walk, map->entries, &map->count, sizeof *map->entries);
    for (size_t i = 0; map->entries != NULL && i < map->count; i++) {
        pass_str(walk, &map->entries[i].party_id);
        PASS(walk, map->entries[i].seats);
    }
}

static void pass_parties(Walk *walk, CouncilReference *r) {
    r->parties = pass_list(walk, r->parties, &r->parties_count, sizeof *r->parties);
    for (size_t i = 0; i < r->parties_count; i++) {
        Party *p = &r->parties[i];
        pass_str(walk, &p->party_id);
        pass_str(walk, &p->name);
        pass_str(walk, &p->short_name);
        pass_str(walk, &p->group);
        pass_str(walk, &p->colour);
        pass_str(walk, &p->text_colour);
        PASS(walk, p->bloc);
        p->folds = pass_list(walk, p->folds, &p->folds_count, sizeof *p->folds);
        for (size_t f = 0; f < p->folds_count; f++) {
            pass_str(walk, &p->folds[f]);
        }
    }
    r->blocs = pass_list(walk, r->blocs, &r->blocs_count, sizeof *r->blocs);
    for (size_t i = 0; i < r->blocs_count; i++) {
        pass_str(walk, &r->blocs[i].party_id);
        PASS(walk, r->blocs[i].bloc);
    }
    pass_seats(walk, &r->continuing);
}

static void pass_history(Walk *walk, CouncilReference *r) {
    size_t one = 1;
    r->previous_control = pass_list(walk, r->previous_control, &one, sizeof *r->previous_control);
    if (r->previous_control != NULL) {
        pass_str(walk, &r->previous_control->party_id);
        PASS(walk, r->previous_control->seats);
        PASS(walk, r->previous_control->seats_total);
        pass_str(walk, &r->previous_control->seats_basis);
    }
    r->control_history = pass_list(walk, r->control_history, &r->control_history_count, sizeof *r->control_history);
    for (size_t i = 0; i < r->control_history_count; i++) {
        pass_str(walk, &r->control_history[i].from);
        pass_str(walk, &r->control_history[i].party_id);
        pass_str(walk, &r->control_history[i].reason);
    }
    r->seat_baseline = pass_list(walk, r->seat_baseline, &one, sizeof *r->seat_baseline);
    if (r->seat_baseline != NULL) {
        pass_str(walk, &r->seat_baseline->basis);
        pass_seats(walk, &r->seat_baseline->seats);
    }
}

static void pass_reference_ballots(Walk *walk, CouncilReference *r) {
    r->ballots = pass_list(walk, r->ballots, &r->ballots_count, sizeof *r->ballots);
    for (size_t i = 0; i < r->ballots_count; i++) {
        ReferenceBallot *b = &r->ballots[i];
        pass_str(walk, &b->ballot_paper_id);
        pass_str(walk, &b->ward_name);
        pass_str(walk, &b->ward_gss);
        PASS(walk, b->seats);
        PASS(walk, b->electorate);
        pass_seats(walk, &b->nominations);
        pass_seats(walk, &b->defending);
    }
}

static void pass_reference(Walk *walk, CouncilReference *r) {
    Str *const strings[] = {&r->council_id, &r->name,      &r->short_name, &r->kind,        &r->nation,        &r->region,
                            &r->area_word,  &r->executive, &r->created,    &r->election_id, &r->voting_system, &r->by};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        pass_str(walk, strings[i]);
    }
    PASS(walk, r->seats_total);
    PASS(walk, r->boundary_changes);
    PASS(walk, r->new_council);
    PASS(walk, r->vacant);
    PASS(walk, r->expected_at_ms);
    PASS(walk, r->loaded_at_ms);
    pass_parties(walk, r);
    pass_history(walk, r);
    pass_reference_ballots(walk, r);
}

static PartySeatsMap list_seats(const Council *council, bool known, const PartyCount *counts, size_t count,
                                Arena *arena) {
    PartySeatsMap map = {0};
    if (known) {
        map = (PartySeatsMap){arena_alloc(arena, count, sizeof *map.entries), count};
    }
    for (size_t i = 0; i < map.count; i++) {
        map.entries[i] = (PartySeats){council->parties[counts[i].party].party_id, counts[i].count};
    }
    return map;
}

// What the council was made from, but that its ballots' maps are folded by now, which folds to the same again.
static CouncilReference reference_of(const Council *council, Arena *arena) {
    CouncilReference r = *council->reference;
    r.ballots_count = council->ballots_count;
    r.ballots = arena_alloc(arena, r.ballots_count, sizeof *r.ballots);
    for (size_t i = 0; i < r.ballots_count; i++) {
        const CouncilBallot *b = &council->ballots[i];
        r.ballots[i] = (ReferenceBallot){
            .ballot_paper_id = b->ballot_paper_id,
            .ward_name = b->ward_name,
            .ward_gss = b->ward_gss,
            .seats = b->seats,
            .electorate = b->electorate,
            .nominations = list_seats(council, b->nominations_known, b->nominations, b->nominations_count, arena),
            .defending = list_seats(council, b->defending_known, b->defending, b->defending_count, arena),
        };
    }
    return r;
}

static void pass_council(Walk *walk, Election *election) {
    bool there = election->council != NULL;
    PASS(walk, there);
    if (!there) {
        return;
    }
    CouncilReference r = {0};
    if (!is_inwards(walk)) {
        r = reference_of(election->council, &walk->scratch);
    }
    pass_reference(walk, &r);
    if (is_inwards(walk)) {
        election->council = council_new(&r);
    }
}

// ---- what stands ----

static void pass_candidate(Walk *walk, CandidateResult *candidate) {
    PASS(walk, candidate->votes);
    PASS(walk, candidate->party);
    PASS(walk, candidate->elected);
    PASS(walk, candidate->by_lot);
}

// `entry` is NULL inwards.
static void pass_entry(Walk *walk, Election *election, Ballot *ballot, Entry *entry) {
    uint32_t candidates_count = entry == NULL ? 0 : entry->candidates_count;
    uint32_t packed_bytes = entry == NULL ? 0 : entry->packed_bytes;
    Str source = entry == NULL ? STR_NONE : *entry->source;
    PASS(walk, candidates_count);
    PASS(walk, packed_bytes);
    pass_str(walk, &source);
    if (is_inwards(walk)) {
        entry = mem_alloc(1, sizeof *entry + candidates_count * sizeof *entry->candidates + packed_bytes);
        entry->candidates_count = candidates_count;
        entry->packed_bytes = packed_bytes;
        entry->source = election_source(election, source);
        entry_add(election, ballot, entry);
    }
    PASS(walk, entry->lane_seq);
    PASS(walk, entry->kafka_offset);
    PASS(walk, entry->event_id);
    PASS(walk, entry->kind);
    PASS(walk, entry->revision);
    PASS(walk, entry->declared_at_ms);
    PASS(walk, entry->reported_at_ms);
    PASS(walk, entry->fate);
    PASS(walk, entry->reasons);
    PASS(walk, entry->holds);
    PASS(walk, entry->identity);
    PASS(walk, entry->uncontested);
    PASS(walk, entry->by_lot);
    PASS(walk, entry->released);
    PASS(walk, entry->rejected_by_operator);
    PASS(walk, entry->release);
    PASS(walk, entry->waived_conflicts);
    for (size_t i = 0; i < candidates_count; i++) {
        pass_candidate(walk, &entry->candidates[i]);
    }
    pass_bytes(walk, &entry->candidates[candidates_count], packed_bytes);
}

// One of the ballot's entries, or NULL, by its place.
static void pass_choice(Walk *walk, const Ballot *ballot, Entry **choice) {
    size_t place = 0; // from 1
    for (size_t e = 0; *choice != NULL && place == 0; e++) {
        place = ballot->entries.items[e] == *choice ? e + 1 : 0;
    }
    PASS(walk, place);
    *choice = place == 0 ? NULL : ballot->entries.items[place - 1];
}

// `ballot` is NULL inwards.
static void pass_ballot(Walk *walk, Election *election, Space *space, Ballot *ballot) {
    Str id = ballot == NULL ? STR_NONE : ballot->ballot_paper_id;
    pass_str(walk, &id);
    if (is_inwards(walk)) {
        ballot = election_ballot(election, space, id);
    }
    size_t entries = ballot->entries.count, prints = ballot->prints.count;
    PASS(walk, entries);
    for (size_t e = 0; e < entries; e++) {
        pass_entry(walk, election, ballot, is_inwards(walk) ? NULL : ballot->entries.items[e]);
    }
    PASS(walk, ballot->held);
    pass_choice(walk, ballot, &ballot->in_force);
    pass_choice(walk, ballot, &ballot->override);
    PASS(walk, ballot->releases);
    PASS(walk, prints);
    if (prints > 0) {
        uint16_t *items = is_inwards(walk) ? ballot_add_prints(election, ballot, prints) : ballot->prints.items;
        pass_bytes(walk, items, prints * sizeof *items);
    }
}

static void pass_space(Walk *walk, Election *election, Space *space) {
    size_t ballots = space->ballots.count;
    PASS(walk, ballots);
    for (size_t b = 0; b < ballots; b++) {
        pass_ballot(walk, election, space, is_inwards(walk) ? NULL : space->ballots.items[b]);
    }
    if (is_inwards(walk) && election->council != NULL) {
        space->count = count_new(election->council, space_results(space, election->council, &walk->scratch));
    }
    PASS(walk, space->count.lot_turns);
    PASS(walk, space->ballots_held);
    PASS(walk, space->seq);
    pass_buf(walk, &space->content_key);
    pass_buf(walk, &space->content);
    PASS(walk, space->control.kind);
    PASS(walk, space->control.party);
    PASS(walk, space->previous_control_lost);
    PASS(walk, space->final);
    PASS(walk, space->loss_flash_seq);
    PASS(walk, space->call_flash_seq);
    PASS(walk, space->called_at_us);
    PASS(walk, space->call_topic);
    PASS(walk, space->call_offset);
    PASS(walk, space->approval_wanted);
    pass_buf(walk, &space->facts);
    pass_buf(walk, &space->facts_key);
}

// Who adds a field adds it to the walk, and its size here.
#define IS_WALKED(type, size) _Static_assert(sizeof(void *) != 8 || sizeof(type) == (size), #type " has grown")
IS_WALKED(CouncilReference, 336);
IS_WALKED(Party, 120);
IS_WALKED(ReferenceBallot, 96);
IS_WALKED(CandidateResult, 16);
IS_WALKED(Entry, 128);
IS_WALKED(Ballot, 104);
IS_WALKED(Space, 280);
IS_WALKED(Election, 712);

// All but its id.
static void pass_election(Walk *walk, Election *election) {
    pass_council(walk, election);
    PASS(walk, election->foreign);
    PASS(walk, election->trimmed);
    PASS(walk, election->used_at_us);
    for (size_t s = 0; s < 2; s++) {
        pass_space(walk, election, &election->spaces[s]);
    }
}

void election_shelve(const Election *election, Buf *bytes) {
    Walk walk = {.out = bytes};
    Str id = election->election_id;
    pass_str(&walk, &id);
    pass_election(&walk, (Election *)(uintptr_t)election); // which outwards changes nothing
    arena_free(&walk.scratch);
}

Election *election_unshelve(Str bytes) {
    Walk walk = {.in = bytes.ptr};
    Str id = STR_NONE;
    pass_str(&walk, &id);
    Election *election = election_new(id);
    pass_election(&walk, election);
    arena_free(&walk.scratch);
    return election;
}
