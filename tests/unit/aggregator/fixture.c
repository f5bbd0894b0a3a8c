#include "tests/unit/aggregator/fixture.h"

#include "common/domain/ids.h"

#include <stdlib.h>

#define T(text) STR_LIT(text)
enum { PEOPLE_MAX = 20, PARTIES = 6 };

// The next part of a list, without the spaces around it. False at its end.
static bool next_part(const char **list, Str *part) {
    if (*list == NULL || **list == '\0') {
        return false;
    }
    *list += strspn(*list, " ");
    size_t len = strcspn(*list, ",");
    *part = (Str){*list, len};
    *list += len + ((*list)[len] == ',');
    return true;
}

Str small_party_id(Str word) {
    return str_equal_text(word, "IND") ? T(PARTY_INDEPENDENT) : word;
}

static Str first_word(Str part) {
    size_t len = 0;
    while (len < part.len && part.ptr[len] >= 'A' && part.ptr[len] <= 'Z') {
        len++;
    }
    return str_slice(part, 0, len);
}

static PartySeatsMap read_seats(const char *list, Arena *arena) {
    PartySeatsMap map = {0};
    if (list == NULL) {
        return map;
    }
    map.entries = arena_alloc(arena, PEOPLE_MAX, sizeof *map.entries);
    for (Str part; next_part(&list, &part);) {
        Str word = first_word(part);
        map.entries[map.count++] = (PartySeats){small_party_id(word), (int)strtol(word.ptr + word.len, NULL, 10)};
    }
    return map;
}

static int64_t sum_seats(PartySeatsMap map) {
    int64_t sum = 0;
    for (size_t i = 0; i < map.count; i++) {
        sum += map.entries[i].seats;
    }
    return sum;
}

static Str ballot_id(const SmallCouncil *small, int ballot, Arena *arena) {
    return arena_printf(arena, "local.medway.%c%s.2023-05-04", 'a' + ballot, small->ballots[ballot].by ? ".by" : "");
}

static void list_parties(const SmallCouncil *small, CouncilReference *r, Arena *arena) {
    static Str coop = {"COOP", 4};
    const Party parties[PARTIES] = {
        {.party_id = T("LAB"), .name = T("Labour"), .short_name = T("LAB"), .folds = &coop, .folds_count = 1},
        {.party_id = T("CON"), .name = T("Conservative"), .short_name = T("CON")},
        {.party_id = T("LD"), .name = T("Liberal Democrat"), .short_name = T("LD")},
        {.party_id = T("GRN"), .name = T("Green"), .short_name = T("GRN")},
        {.party_id = T(PARTY_INDEPENDENT), .name = T("Independent"), .short_name = T("IND")},
        {.party_id = T("RES"), .name = T("Residents"), .short_name = T("RES"), .bloc = TRILEAN_FALSE},
    };
    r->parties = memcpy(arena_alloc(arena, PARTIES, sizeof *parties), parties, sizeof parties);
    r->parties[0].colour = small->colour == NULL ? STR_NONE : str_from(small->colour);
    r->parties_count = PARTIES;
}

static void list_ballots(CouncilReference *r, const SmallCouncil *small, Arena *arena) {
    r->ballots = arena_alloc(arena, SMALL_BALLOTS, sizeof *r->ballots);
    for (int i = 0; i < SMALL_BALLOTS && small->ballots[i].seats > 0; i++) {
        const SmallBallot *ballot = &small->ballots[i];
        r->ballots[r->ballots_count++] = (ReferenceBallot){
            .ballot_paper_id = ballot_id(small, i, arena),
            .ward_name = arena_printf(arena, "Ward %c", 'A' + i),
            .seats = ballot->seats,
            .electorate = COUNT_UNKNOWN,
            .nominations = read_seats(ballot->nominations, arena),
            .defending = read_seats(ballot->defending, arena),
        };
        r->seats_total += ballot->seats;
    }
}

static void read_previous(CouncilReference *r, const char *previous, Arena *arena) {
    r->new_council = previous != NULL && strcmp(previous, "new") == 0;
    if (previous == NULL || r->new_council) {
        return;
    }
    r->previous_control = arena_alloc(arena, 1, sizeof *r->previous_control);
    r->previous_control->party_id = strcmp(previous, "NOC") == 0 ? STR_NONE : str_from(previous);
    r->previous_control->seats = r->previous_control->seats_total = COUNT_UNKNOWN;
}

CouncilReference *small_reference(const SmallCouncil *small, Arena *arena) {
    CouncilReference *r = arena_alloc(arena, 1, sizeof *r);
    *r = (CouncilReference){.council_id = T(SMALL_COUNCIL_ID),
                            .name = small->name == NULL ? T("Medway") : str_from(small->name),
                            .election_id = T(SMALL_ELECTION),
                            .voting_system = small->stv ? T("STV") : STR_NONE,
                            .continuing = read_seats(small->continuing, arena),
                            .vacant = small->vacant,
                            .expected_at_ms = COUNT_UNKNOWN,
                            .by = T("the desk")};
    list_parties(small, r, arena);
    list_ballots(r, small, arena);
    read_previous(r, small->previous, arena);
    r->seats_total += sum_seats(r->continuing) + small->vacant;
    if (small->baseline != NULL) {
        r->seat_baseline = arena_alloc(arena, 1, sizeof *r->seat_baseline);
        *r->seat_baseline = (SeatBaseline){T("last_election"), read_seats(small->baseline, arena)};
    }
    const char *blocs = small->more_blocs;
    r->blocs = arena_alloc(arena, PARTIES, sizeof *r->blocs);
    for (Str word; next_part(&blocs, &word);) {
        r->blocs[r->blocs_count++] = (PartyBloc){small_party_id(word), true};
    }
    return r;
}

static void read_people(Declaration *d, const char *people, Arena *arena) {
    d->candidates = arena_alloc(arena, PEOPLE_MAX, sizeof *d->candidates);
    for (Str part; next_part(&people, &part);) {
        Str word = first_word(part), rest = str_slice(part, word.len, part.len);
        const char *star = memchr(rest.ptr, '*', rest.len);
        int number = (int)d->candidates_count;
        d->candidates[d->candidates_count++] = (Candidate){
            .candidate_id = arena_printf(arena, "person-%d", number),
            .name = arena_printf(arena, STR_FMT " %c", STR_ARG(word), 'A' + number),
            .party_id = small_party_id(word),
            .votes = rest.len > 0 && *rest.ptr == '=' ? (int)strtol(rest.ptr + 1, NULL, 10) : COUNT_UNKNOWN,
            .elected = star != NULL,
            .elected_by_lot =
                star != NULL && str_starts_with(str_slice(rest, (size_t)(star - rest.ptr), rest.len), T("*lot")),
        };
    }
}

Declaration *small_declaration(const SmallCouncil *small, int ballot, const char *people, Arena *arena) {
    CivilDate poll_date;
    ids_poll_date(T(SMALL_ELECTION), &poll_date);
    int64_t declared_at_ms = civil_close_of_poll_ms(poll_date) + 3600000;
    Declaration *d = arena_alloc(arena, 1, sizeof *d);
    *d = (Declaration){.event_id = T("00000000-0000-4000-8000-000000000000"),
                       .election_id = T(SMALL_ELECTION),
                       .ballot_paper_id = ballot_id(small, ballot, arena),
                       .council_id = T(SMALL_COUNCIL_ID),
                       .ward_name = T("Ward"),
                       .revision = 1,
                       .declared_at_ms = declared_at_ms,
                       .reported_at_ms = declared_at_ms + 60000,
                       .source = T("pa"),
                       .seats = small->ballots[ballot].seats,
                       .electorate = COUNT_UNKNOWN,
                       .ballot_papers = COUNT_UNKNOWN,
                       .rejected_papers = COUNT_UNKNOWN};
    if (strcmp(people, "POSTPONED") == 0) {
        d->kind = KIND_POSTPONED;
    } else if (strcmp(people, "WITHDRAWN") == 0) {
        d->kind = KIND_WITHDRAWN;
    } else {
        read_people(d, people, arena);
    }
    return d;
}

BallotResult declared_result(const Council *council, const Declaration *d, Arena *arena) {
    CandidateResult *candidates = arena_alloc(arena, d->candidates_count, sizeof *candidates);
    for (size_t i = 0; i < d->candidates_count; i++) {
        candidates[i] = candidate_result(council, &d->candidates[i]);
    }
    return (BallotResult){BALLOT_DECLARED, candidates, d->candidates_count, d->uncontested};
}

static BallotResult read_result(const SmallCouncil *small, int ballot, const Council *council, Arena *arena) {
    if (small->ballots[ballot].result == NULL) {
        return (BallotResult){.status = BALLOT_AWAITING};
    }
    const Declaration *d = small_declaration(small, ballot, small->ballots[ballot].result, arena);
    if (d->kind == KIND_POSTPONED) {
        return (BallotResult){.status = BALLOT_POSTPONED};
    }
    return declared_result(council, d, arena);
}

Standing standing_of(const Council *council, const BallotResult *results, Arena *arena) {
    Count count = count_new(council, results);
    Standing standing = control_decide(council, &count, arena);
    count_free(&count);
    return standing;
}

Standing small_standing(const SmallCouncil *small, Arena *arena, Council **council) {
    *council = council_new(small_reference(small, arena));
    BallotResult results[SMALL_BALLOTS];
    for (int i = 0; i < (int)(*council)->ballots_count; i++) {
        results[i] = read_result(small, i, *council, arena);
    }
    return standing_of(*council, results, arena);
}

Str small_seats(const Council *council, const Standing *standing, Arena *arena) {
    Str text = T("");
    for (size_t i = 0; i < standing->seats_count; i++) {
        const SeatLine *line = &standing->seats[i];
        Str change = line->change.known ? arena_printf(arena, "%+d", line->change.value) : T("?");
        text = arena_printf(arena, STR_FMT "%s" STR_FMT " %d " STR_FMT, STR_ARG(text), i == 0 ? "" : ", ",
                            STR_ARG(council->parties[line->party].short_name), line->held, STR_ARG(change));
    }
    return text;
}
