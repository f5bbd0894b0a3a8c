#include "services/aggregator/control.h"

#include "common/base/mem.h"
#include "common/base/sort.h"

static int32_t least(int32_t a, int32_t b) {
    return a < b ? a : b;
}

// Each of these adds a ballot's share (`sign` 1) or takes it out (-1).

static void count_candidates(Count *count, const CouncilBallot *ballot, const BallotResult *result, int32_t sign) {
    for (size_t i = 0; i < result->candidates_count; i++) {
        const CandidateResult *c = &result->candidates[i];
        Tally *party = &count->parties[c->party];
        int32_t elected = c->elected ? sign : 0;
        party->listed += sign;
        party->won += elected;
        // The won seats of a ballot count as a change only where it is known who defended them.
        party->defended += ballot->defending_known ? 0 : elected;
        if (c->elected && c->by_lot) {
            count->lots += sign;
            count->lot_turns++;
        }
        if (c->votes != COUNT_UNKNOWN) {
            party->votes_known += sign;
            party->votes += sign * c->votes;
        } else if (!result->uncontested) {
            count->votes_missing += sign;
        }
    }
}

static void count_declared(Count *count, const CouncilBallot *ballot, const BallotResult *result, int32_t sign) {
    count->ballots_declared += sign;
    count->seats_declared += sign * ballot->seats;
    count->defending_known += ballot->defending_known ? sign : 0;
    count_candidates(count, ballot, result, sign);
    for (size_t i = 0; i < ballot->defending_count; i++) {
        count->parties[ballot->defending[i].party].defended += sign * ballot->defending[i].count;
    }
}

static void count_postponed(Count *count, const CouncilBallot *ballot, int32_t sign) {
    count->ballots_postponed += sign;
    count->seats_postponed += sign * ballot->seats;
    count->open_to_all += sign * ballot->seats; // nominations reopen
    count->postponed_defence_unknown += ballot->defending_known ? 0 : sign;
    for (size_t i = 0; i < ballot->defending_count; i++) {
        count->parties[ballot->defending[i].party].postponed_defence += sign * ballot->defending[i].count;
    }
}

static void count_to_come(Count *count, const CouncilBallot *ballot, int32_t sign) {
    count->ballots_to_come += sign;
    count->seats_to_come += sign * ballot->seats;
    if (!ballot->nominations_known) {
        count->open_to_all += sign * ballot->seats;
        return;
    }
    bool elected_by_law = ballot->nominations_total <= ballot->seats;
    for (size_t i = 0; i < ballot->nominations_count; i++) {
        Tally *party = &count->parties[ballot->nominations[i].party];
        party->reach += sign * least(ballot->seats, ballot->nominations[i].count);
        party->sure += elected_by_law ? sign * ballot->nominations[i].count : 0;
    }
}

static void count_ballot(Count *count, const CouncilBallot *ballot, const BallotResult *result, int32_t sign) {
    switch (result->status) {
    case BALLOT_DECLARED:
        count_declared(count, ballot, result, sign);
        break;
    case BALLOT_POSTPONED:
        count_postponed(count, ballot, sign);
        break;
    case BALLOT_AWAITING:
        count_to_come(count, ballot, sign);
        break;
    }
}

CandidateResult candidate_result(const Council *council, const Candidate *candidate) {
    return (CandidateResult){
        .votes = candidate->votes,
        .party = council == NULL ? PARTY_NONE : council_find_party(council, candidate->party_id),
        .elected = candidate->elected,
        .by_lot = candidate->elected_by_lot,
    };
}

Count count_new(const Council *council, const BallotResult *results) {
    Count count = {.parties = mem_alloc(council->parties_count, sizeof *count.parties)};
    for (size_t i = 0; i < council->ballots_count; i++) {
        count_ballot(&count, &council->ballots[i], &results[i], 1);
    }
    return count;
}

void count_free(Count *count) {
    mem_free(count->parties);
    *count = (Count){0};
}

void count_turn(Count *count, const CouncilBallot *ballot, const BallotResult *before, const BallotResult *now) {
    count_ballot(count, ballot, before, -1);
    count_ballot(count, ballot, now, 1);
}

static int32_t held(const Council *council, const Count *count, size_t party) {
    return council->parties[party].continuing + count->parties[party].won;
}

static int32_t sure(const Council *council, const Count *count, size_t party) {
    return held(council, count, party) + count->parties[party].sure;
}

static int32_t reach(const Council *council, const Count *count, size_t party) {
    return held(council, count, party) + count->parties[party].reach + count->open_to_all;
}

static Status decide_status(const Count *count, Control control) {
    if (count->ballots_declared + count->ballots_postponed == 0) {
        return STATUS_AWAITING;
    }
    if (count->ballots_to_come == 0) {
        return STATUS_FINAL;
    }
    return control.kind == CONTROL_UNKNOWN ? STATUS_IN_PROGRESS : STATUS_CALLED;
}

// Certain control: a bloc that has the threshold for sure, or no bloc left that can reach it. A
// party that nobody has named yet may still win what is open to all.
static Control decide_control(const Council *council, const Count *count) {
    bool in_reach = count->open_to_all >= council->threshold;
    for (size_t i = 0; i < council->parties_count; i++) {
        if (!council->parties[i].bloc) {
            continue;
        }
        if (sure(council, count, i) >= council->threshold) {
            return (Control){CONTROL_PARTY, (PartyIndex)i};
        }
        in_reach |= reach(council, count, i) >= council->threshold;
    }
    return (Control){in_reach ? CONTROL_UNKNOWN : CONTROL_NOC, PARTY_NONE};
}

static Outcome decide_outcome(const Council *council, Control control, Control previous) {
    if (control.kind == CONTROL_UNKNOWN) {
        return OUTCOME_NONE;
    }
    if (council->reference->new_council) {
        return OUTCOME_NEW;
    }
    if (previous.kind == CONTROL_UNKNOWN) {
        return OUTCOME_NONE;
    }
    if (control_equal(control, previous)) {
        return control.kind == CONTROL_NOC ? OUTCOME_NO_CHANGE : OUTCOME_HOLD;
    }
    return control.kind == CONTROL_NOC ? OUTCOME_LOSS : OUTCOME_GAIN;
}

static Control previous_control(const Council *council) {
    if (!council->previous_known) {
        return (Control){CONTROL_UNKNOWN, PARTY_NONE};
    }
    return (Control){council->previous_party == PARTY_NONE ? CONTROL_NOC : CONTROL_PARTY, council->previous_party};
}

static MaybeInt seat_change(const Council *council, const Count *count, Status status, size_t party) {
    const Tally *tally = &count->parties[party];
    switch (status) {
    case STATUS_FINAL:
        if (!council->baseline_known || count->postponed_defence_unknown > 0) {
            return (MaybeInt){0};
        }
        return (MaybeInt){
            true, held(council, count, party) + tally->postponed_defence - council->parties[party].baseline};
    case STATUS_IN_PROGRESS:
    case STATUS_CALLED:
        return count->defending_known > 0 ? (MaybeInt){true, tally->won - tally->defended} : (MaybeInt){0};
    case STATUS_AWAITING:
        break;
    }
    return (MaybeInt){0};
}

typedef struct SortLine {
    SeatLine line;
    Str party_id;
} SortLine;

static int by_seats(const void *left, const void *right) {
    const SortLine *a = left, *b = right;
    if (a->line.held != b->line.held) {
        return a->line.held > b->line.held ? -1 : 1;
    }
    if (a->line.won != b->line.won) {
        return a->line.won > b->line.won ? -1 : 1;
    }
    if (a->line.votes != b->line.votes) { // COUNT_UNKNOWN is the smallest number
        return a->line.votes > b->line.votes ? -1 : 1;
    }
    return str_compare(a->party_id, b->party_id);
}

static void list_seats(const Council *council, const Count *count, Standing *standing, Arena *arena) {
    SortLine *lines = arena_alloc_raw(arena, council->parties_count, sizeof *lines);
    const void **order = arena_alloc_raw(arena, council->parties_count, sizeof *order);
    for (size_t i = 0; i < council->parties_count; i++) {
        const CouncilParty *party = &council->parties[i];
        const Tally *tally = &count->parties[i];
        int32_t seats = held(council, count, i);
        if (tally->listed > 0 || seats > 0 || party->baseline > 0) {
            SortLine *line = &lines[standing->seats_count];
            order[standing->seats_count++] = line;
            *line = (SortLine){
                .line = {.party = (PartyIndex)i, .held = seats, .won = tally->won, .continuing = party->continuing,
                         .change = seat_change(council, count, standing->status, i),
                         .votes = tally->votes_known > 0 ? tally->votes : COUNT_UNKNOWN},
                .party_id = party->party_id,
            };
        }
    }
    sort_pointers(order, standing->seats_count, by_seats);
    standing->seats = arena_alloc_raw(arena, standing->seats_count, sizeof *standing->seats);
    for (size_t i = 0; i < standing->seats_count; i++) {
        standing->seats[i] = ((const SortLine *)order[i])->line;
    }
}

static PartyIndex find_largest(const Council *council, const Count *count) {
    PartyIndex largest = PARTY_NONE;
    int32_t most = 0;
    for (size_t i = 0; i < council->parties_count; i++) {
        int32_t seats = held(council, count, i);
        if (!council->parties[i].bloc || seats < most || seats == 0) {
            continue;
        }
        largest = seats == most ? PARTY_NONE : (PartyIndex)i;
        most = seats;
    }
    return largest;
}

static MaybeInt majority_of(const Council *council, int32_t seats) {
    return (MaybeInt){true, 2 * seats - council->seats_total};
}

static void decide_for_counted(const Council *council, const Count *count, Control control, Standing *s) {
    s->previous_control_lost = s->status != STATUS_AWAITING && s->previous.kind == CONTROL_PARTY &&
                               reach(council, count, s->previous.party) < council->threshold;
    if (s->status == STATUS_AWAITING) {
        return;
    }
    s->control = control;
    s->outcome = decide_outcome(council, s->control, s->previous);
    if (s->outcome == OUTCOME_GAIN) {
        s->gained_from = s->previous;
    }
    if (s->control.kind == CONTROL_PARTY) {
        s->majority_at_least = majority_of(council, sure(council, count, control.party));
        if (s->status == STATUS_FINAL) {
            s->majority = majority_of(council, held(council, count, control.party));
        }
    }
}

Standing control_decide(const Council *council, const Count *count, Arena *arena) {
    static const Control unknown = {CONTROL_UNKNOWN, PARTY_NONE};
    // A council with by-elections alone has no control to call.
    Control control = council->counted ? decide_control(council, count) : unknown;
    Standing standing = {
        .status = decide_status(count, control),
        .control = unknown,
        .previous = previous_control(council),
        .gained_from = unknown,
        .largest_party = find_largest(council, count),
        .seats_declared = count->seats_declared,
        .seats_to_come = count->seats_to_come,
        .seats_postponed = count->seats_postponed,
        .ballots_declared = count->ballots_declared,
        .ballots_postponed = count->ballots_postponed,
    };
    standing.votes_complete = standing.status == STATUS_FINAL && count->votes_missing == 0;
    if (council->counted) {
        decide_for_counted(council, count, control, &standing);
    }
    list_seats(council, count, &standing, arena);
    return standing;
}
