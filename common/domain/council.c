#include "common/domain/council.h"

#include "common/base/mem.h"
#include "common/domain/ids.h"

#include <stdlib.h>
#include <unicase.h>

// A CouncilReference and all it points to, in another arena.
static PartySeatsMap copy_seats(Arena *arena, PartySeatsMap map) {
    PartySeatsMap copy = {.count = map.count};
    if (map.entries == NULL) {
        return copy;
    }
    copy.entries = arena_alloc(arena, map.count, sizeof *copy.entries);
    for (size_t i = 0; i < map.count; i++) {
        copy.entries[i] = (PartySeats){arena_copy(arena, map.entries[i].party_id), map.entries[i].seats};
    }
    return copy;
}

static void copy_strings(Arena *arena, Str *const strings[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        *strings[i] = arena_copy(arena, *strings[i]);
    }
}
#define COPY_STRINGS(arena, ...)                                                                                      \
    copy_strings(arena, (Str *const[]){__VA_ARGS__}, sizeof((Str *const[]){__VA_ARGS__}) / sizeof(Str *))

static Party *copy_parties(Arena *arena, const Party *parties, size_t count) {
    Party *copy = arena_alloc(arena, count, sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        Party *p = &copy[i];
        *p = parties[i];
        COPY_STRINGS(arena, &p->party_id, &p->name, &p->short_name, &p->group, &p->colour, &p->text_colour);
        p->folds = arena_alloc(arena, p->folds_count, sizeof *p->folds);
        for (size_t f = 0; f < p->folds_count; f++) {
            p->folds[f] = arena_copy(arena, parties[i].folds[f]);
        }
    }
    return copy;
}

// All but its ballots, which the council has in a form of its own.
static CouncilReference *copy_reference(Arena *arena, const CouncilReference *reference) {
    CouncilReference *r = arena_alloc(arena, 1, sizeof *r);
    *r = *reference;
    COPY_STRINGS(arena, &r->council_id, &r->name, &r->short_name, &r->kind, &r->nation, &r->region, &r->area_word,
                 &r->executive, &r->created, &r->election_id, &r->voting_system, &r->by);
    if (r->previous_control != NULL) {
        r->previous_control = arena_alloc(arena, 1, sizeof *r->previous_control);
        *r->previous_control = *reference->previous_control;
        COPY_STRINGS(arena, &r->previous_control->party_id, &r->previous_control->seats_basis);
    }
    r->control_history = arena_alloc(arena, r->control_history_count, sizeof *r->control_history);
    for (size_t i = 0; i < r->control_history_count; i++) {
        r->control_history[i] = reference->control_history[i];
        COPY_STRINGS(arena, &r->control_history[i].from, &r->control_history[i].party_id, &r->control_history[i].reason);
    }
    if (r->seat_baseline != NULL) {
        r->seat_baseline = arena_alloc(arena, 1, sizeof *r->seat_baseline);
        *r->seat_baseline = (SeatBaseline){arena_copy(arena, reference->seat_baseline->basis),
                                           copy_seats(arena, reference->seat_baseline->seats)};
    }
    r->blocs = arena_alloc(arena, r->blocs_count, sizeof *r->blocs);
    for (size_t i = 0; i < r->blocs_count; i++) {
        r->blocs[i] = (PartyBloc){arena_copy(arena, reference->blocs[i].party_id), reference->blocs[i].bloc};
    }
    r->continuing = copy_seats(arena, r->continuing);
    r->ballots = NULL;
    r->ballots_count = 0;
    r->parties = copy_parties(arena, r->parties, r->parties_count);
    return r;
}

// At most: each map may name others.
static size_t count_named_parties(const CouncilReference *r) {
    size_t count = r->parties_count + r->continuing.count + r->blocs_count + 1;
    count += r->seat_baseline != NULL ? r->seat_baseline->seats.count : 0;
    for (size_t i = 0; i < r->ballots_count; i++) {
        count += r->ballots[i].nominations.count + r->ballots[i].defending.count;
    }
    return count;
}

static PartyIndex add_party(Council *council, CouncilParty party) {
    PartyIndex index = (PartyIndex)council->parties_count++;
    council->parties[index] = party;
    map_put(&council->party_of, party.party_id, &council->parties[index]);
    return index;
}

// The folded party; one that no list names becomes a party of its own, so that its seats count.
static PartyIndex party_named(Council *council, Str party_id) {
    const CouncilParty *party = map_get(&council->party_of, party_id);
    if (party != NULL) {
        return (PartyIndex)(party - council->parties);
    }
    Str id = arena_copy(&council->memory, party_id);
    return add_party(council, (CouncilParty){.party_id = id, .name = id, .short_name = id,
                                             .bloc = !str_equal_text(id, PARTY_INDEPENDENT)});
}

static void add_parties(Council *council) {
    const CouncilReference *r = council->reference;
    for (size_t i = 0; i < r->parties_count; i++) {
        const Party *p = &r->parties[i];
        bool bloc = p->bloc == TRILEAN_UNKNOWN ? !str_equal_text(p->party_id, PARTY_INDEPENDENT) : p->bloc == TRILEAN_TRUE;
        add_party(council, (CouncilParty){.party_id = p->party_id, .name = p->name, .short_name = p->short_name,
                                          .group = p->group, .colour = p->colour, .text_colour = p->text_colour,
                                          .bloc = bloc, .listed = true});
    }
    for (size_t i = 0; i < r->parties_count; i++) {
        for (size_t f = 0; f < r->parties[i].folds_count; f++) {
            map_put(&council->party_of, r->parties[i].folds[f], &council->parties[i]);
        }
    }
    for (size_t i = 0; i < r->blocs_count; i++) {
        council->parties[party_named(council, r->blocs[i].party_id)].bloc = r->blocs[i].bloc;
    }
    for (size_t i = 0; i < r->continuing.count; i++) {
        const PartySeats *entry = &r->continuing.entries[i];
        council->parties[party_named(council, entry->party_id)].continuing += (int32_t)entry->seats;
    }
    council->baseline_known = r->seat_baseline != NULL;
    for (size_t i = 0; council->baseline_known && i < r->seat_baseline->seats.count; i++) {
        const PartySeats *entry = &r->seat_baseline->seats.entries[i];
        council->parties[party_named(council, entry->party_id)].baseline += (int32_t)entry->seats;
    }
}

static PartyCount *fold_counts(Council *council, PartySeatsMap map, size_t *count) {
    PartyCount *folded = arena_alloc(&council->memory, map.count, sizeof *folded);
    *count = 0;
    for (size_t i = 0; i < map.count; i++) {
        PartyIndex party = party_named(council, map.entries[i].party_id);
        size_t at = 0;
        while (at < *count && folded[at].party != party) {
            at++;
        }
        *count += at == *count;
        folded[at].party = party;
        folded[at].count += (int32_t)map.entries[i].seats;
    }
    return folded;
}

static void add_ballots(Council *council, const CouncilReference *r) {
    Arena *arena = &council->memory;
    council->ballots_count = r->ballots_count;
    council->ballots = arena_alloc(&council->memory, r->ballots_count, sizeof *council->ballots);
    for (size_t i = 0; i < r->ballots_count; i++) {
        const ReferenceBallot *from = &r->ballots[i];
        CouncilBallot *to = &council->ballots[i];
        *to = (CouncilBallot){.ballot_paper_id = arena_copy(arena, from->ballot_paper_id),
                              .ward_name = arena_copy(arena, from->ward_name),
                              .ward_gss = arena_copy(arena, from->ward_gss), .seats = (int32_t)from->seats,
                              .electorate = from->electorate, .nominations_known = from->nominations.entries != NULL,
                              .defending_known = from->defending.entries != NULL};
        to->nominations = fold_counts(council, from->nominations, &to->nominations_count);
        to->defending = fold_counts(council, from->defending, &to->defending_count);
        for (size_t n = 0; n < to->nominations_count; n++) {
            to->nominations_total += to->nominations[n].count;
        }
        council->counted |= !ids_is_by_election(to->ballot_paper_id);
        map_put(&council->ballot_of, to->ballot_paper_id, to);
    }
}

// Out of the scratch memory, now that it is known how many there are.
static void move_parties(Council *council) {
    const CouncilParty *before = council->parties;
    council->parties = arena_alloc(&council->memory, council->parties_count, sizeof *council->parties);
    if (council->parties_count > 0) {
        memcpy(council->parties, before, council->parties_count * sizeof *council->parties);
    }
    for (size_t i = 0; i < council->party_of.capacity; i++) {
        const CouncilParty *party = council->party_of.slots[i].value;
        if (party != NULL) {
            council->party_of.slots[i].value = &council->parties[party - before];
        }
    }
}

// Candidates' parties are looked up by comparing, which costs less than a hash that strangers cannot foresee: by
// str_word() first, then by length, then by the rest.

// Of ids whose words are the same.
static int compare_rest(Str a, Str b) {
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len <= sizeof(uint64_t) ? 0 : memcmp(a.ptr, b.ptr, a.len - sizeof(uint64_t));
}

static int compare_keys(const void *left, const void *right) {
    const PartyKey *a = left, *b = right;
    return a->word != b->word ? (a->word < b->word ? -1 : 1) : compare_rest(a->id, b->id);
}

static void list_parties(Council *council) {
    const Map *map = &council->party_of;
    council->listed = arena_alloc(&council->memory, map->count, sizeof *council->listed);
    for (size_t i = 0; i < map->capacity; i++) {
        const CouncilParty *party = map->slots[i].value;
        if (party != NULL && party->listed) {
            Str id = map->slots[i].key;
            council->listed[council->listed_count++] =
                (PartyKey){str_word(id), id, (PartyIndex)(party - council->parties)};
        }
    }
    qsort(council->listed, council->listed_count, sizeof *council->listed, compare_keys);
}

static Str upper_case(Arena *arena, Str name) {
    size_t len = 0;
    uint8_t *upper = u8_toupper((const uint8_t *)name.ptr, name.len, NULL, NULL, NULL, &len);
    Str copy = upper == NULL ? name : arena_copy(arena, (Str){(const char *)upper, len});
    free(upper);
    return copy;
}

Council *council_new(const CouncilReference *reference) {
    Council *council = mem_alloc(1, sizeof *council);
    council->memory.block_bytes = 4096;
    const CouncilReference *r = copy_reference(&council->memory, reference);
    council->reference = r;
    council->short_name = str_is_none(r->short_name) ? upper_case(&council->memory, r->name) : r->short_name;
    ids_poll_date(r->election_id, &council->poll_date);
    council->close_of_poll_ms = civil_close_of_poll_ms(council->poll_date);
    council->stv = str_equal_text(r->voting_system, "STV");
    council->seats_total = (int32_t)r->seats_total;
    council->threshold = council->seats_total / 2 + 1;
    Arena scratch = {0};
    council->parties = arena_alloc(&scratch, count_named_parties(reference), sizeof *council->parties);
    add_parties(council);
    add_ballots(council, reference);
    move_parties(council);
    list_parties(council);
    arena_free(&scratch);
    council->previous_known = r->previous_control != NULL;
    council->previous_party = PARTY_NONE;
    if (council->previous_known && !str_is_none(r->previous_control->party_id)) {
        council->previous_party = party_named(council, r->previous_control->party_id);
    }
    return council;
}

void council_free(Council *council) {
    if (council == NULL) {
        return;
    }
    map_free(&council->party_of);
    map_free(&council->ballot_of);
    arena_free(&council->memory);
    mem_free(council);
}

PartyIndex council_find_party(const Council *council, Str party_id) {
    uint64_t word = str_word(party_id);
    size_t from = 0, to = council->listed_count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        const PartyKey *key = &council->listed[middle];
        if (key->word < word) {
            from = middle + 1;
            continue;
        }
        int order = key->word > word ? 1 : compare_rest(key->id, party_id);
        if (order == 0) {
            return key->party;
        }
        from = order < 0 ? middle + 1 : from;
        to = order < 0 ? to : middle;
    }
    return PARTY_NONE;
}

const CouncilBallot *council_find_ballot(const Council *council, Str ballot_paper_id) {
    return map_get(&council->ballot_of, ballot_paper_id);
}
