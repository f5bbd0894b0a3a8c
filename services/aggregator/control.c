#include "services/aggregator/control.h"

#include <stdlib.h>

// What one party holds, may still reach, and has for sure.
typedef struct Tally {
    int32_t won, held, reach, sure;
    int32_t defended; // seats it held before in ballots that are declared
    int32_t postponed_defence;
    bool listed; // has a line in `seats`
    int64_t votes;
} Tally;

// What the ballots say together.
typedef struct Count {
    Tally *parties;
    int32_t open_to_all;     // seats that any party, known or not, may still win
    bool defending_known;    // of at least one declared ballot
    bool postponed_defence_unknown; // of at least one postponed ballot
    int32_t ballots_open;
    Standing *standing;
} Count;

static int32_t least(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static void count_declared(Count *count, const CouncilBallot *ballot, const BallotResult *result) {
    const Declaration *d = result->declaration;
    count->standing->ballots_declared++;
    count->standing->seats_declared += ballot->seats;
    for (size_t i = 0; i < d->candidates_count; i++) {
        Tally *party = &count->parties[result->parties[i]];
        party->listed = true;
        party->won += d->candidates[i].elected;
        if (d->candidates[i].votes != COUNT_UNKNOWN) {
            party->votes = (party->votes == COUNT_UNKNOWN ? 0 : party->votes) + d->candidates[i].votes;
        } else if (!d->uncontested) {
            count->standing->votes_complete = false;
        }
    }
    count->defending_known |= ballot->defending_known;
    for (size_t i = 0; i < ballot->defending_count; i++) {
        count->parties[ballot->defending[i].party].defended += ballot->defending[i].count;
    }
    // The won seats of a ballot count as a change only where it is known who defended them.
    for (size_t i = 0; !ballot->defending_known && i < d->candidates_count; i++) {
        count->parties[result->parties[i]].defended += d->candidates[i].elected;
    }
}

static void count_postponed(Count *count, const CouncilBallot *ballot) {
    count->standing->ballots_postponed++;
    count->standing->seats_postponed += ballot->seats;
    count->open_to_all += ballot->seats; // nominations reopen
    count->postponed_defence_unknown |= !ballot->defending_known;
    for (size_t i = 0; i < ballot->defending_count; i++) {
        count->parties[ballot->defending[i].party].postponed_defence += ballot->defending[i].count;
    }
}

static void count_open(Count *count, const CouncilBallot *ballot) {
    count->ballots_open++;
    count->standing->seats_to_come += ballot->seats;
    if (!ballot->nominations_known) {
        count->open_to_all += ballot->seats;
        return;
    }
    bool elected_by_law = ballot->nominations_total <= ballot->seats;
    for (size_t i = 0; i < ballot->nominations_count; i++) {
        Tally *party = &count->parties[ballot->nominations[i].party];
        party->reach += least(ballot->seats, ballot->nominations[i].count);
        party->sure += elected_by_law ? ballot->nominations[i].count : 0;
    }
}

static void count_ballots(const Council *council, const BallotResult *results, Count *count) {
    for (size_t i = 0; i < council->parties_count; i++) {
        count->parties[i] = (Tally){.votes = COUNT_UNKNOWN};
    }
    for (size_t i = 0; i < council->ballots_count; i++) {
        switch (results[i].status) {
        case BALLOT_DECLARED:
            count_declared(count, &council->ballots[i], &results[i]);
            break;
        case BALLOT_POSTPONED:
            count_postponed(count, &council->ballots[i]);
            break;
        case BALLOT_AWAITING:
            count_open(count, &council->ballots[i]);
            break;
        }
    }
    for (size_t i = 0; i < council->parties_count; i++) {
        Tally *party = &count->parties[i];
        party->held = council->parties[i].continuing + party->won;
        party->reach += party->held + count->open_to_all;
        party->sure += party->held;
    }
}

static Status decide_status(const Count *count, Control control) {
    const Standing *s = count->standing;
    if (s->ballots_declared + s->ballots_postponed == 0) {
        return STATUS_AWAITING;
    }
    if (count->ballots_open == 0) {
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
        if (count->parties[i].sure >= council->threshold) {
            return (Control){CONTROL_PARTY, (PartyIndex)i};
        }
        in_reach |= count->parties[i].reach >= council->threshold;
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

static MaybeInt seat_change(const Council *council, const Count *count, PartyIndex party) {
    const Tally *tally = &count->parties[party];
    switch (count->standing->status) {
    case STATUS_FINAL:
        if (!council->baseline_known || count->postponed_defence_unknown) {
            return (MaybeInt){0};
        }
        return (MaybeInt){true, tally->held + tally->postponed_defence - council->parties[party].baseline};
    case STATUS_IN_PROGRESS:
    case STATUS_CALLED:
        return count->defending_known ? (MaybeInt){true, tally->won - tally->defended} : (MaybeInt){0};
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

static void list_seats(const Council *council, const Count *count, Arena *arena) {
    Standing *standing = count->standing;
    SortLine *lines = arena_alloc(arena, council->parties_count, sizeof *lines);
    for (size_t i = 0; i < council->parties_count; i++) {
        const CouncilParty *party = &council->parties[i];
        const Tally *tally = &count->parties[i];
        if (tally->listed || tally->held > 0 || party->baseline > 0) {
            lines[standing->seats_count++] = (SortLine){
                .line = {.party = (PartyIndex)i, .held = tally->held, .won = tally->won,
                         .continuing = party->continuing, .change = seat_change(council, count, (PartyIndex)i),
                         .votes = tally->votes},
                .party_id = party->party_id,
            };
        }
    }
    qsort(lines, standing->seats_count, sizeof *lines, by_seats);
    standing->seats = arena_alloc(arena, standing->seats_count, sizeof *standing->seats);
    for (size_t i = 0; i < standing->seats_count; i++) {
        standing->seats[i] = lines[i].line;
    }
}

static PartyIndex find_largest(const Council *council, const Count *count) {
    PartyIndex largest = PARTY_NONE;
    int32_t most = 0;
    for (size_t i = 0; i < council->parties_count; i++) {
        int32_t held = count->parties[i].held;
        if (!council->parties[i].bloc || held < most || held == 0) {
            continue;
        }
        largest = held == most ? PARTY_NONE : (PartyIndex)i;
        most = held;
    }
    return largest;
}

static MaybeInt majority_of(const Council *council, int32_t seats) {
    return (MaybeInt){true, 2 * seats - council->seats_total};
}

static void decide_for_counted(const Council *council, const Count *count, Control control) {
    Standing *s = count->standing;
    s->previous_control_lost = s->status != STATUS_AWAITING && s->previous.kind == CONTROL_PARTY &&
                               count->parties[s->previous.party].reach < council->threshold;
    if (s->status == STATUS_AWAITING) {
        return;
    }
    s->control = control;
    s->outcome = decide_outcome(council, s->control, s->previous);
    if (s->outcome == OUTCOME_GAIN) {
        s->gained_from = s->previous;
    }
    if (s->control.kind == CONTROL_PARTY) {
        const Tally *winner = &count->parties[s->control.party];
        s->majority_at_least = majority_of(council, winner->sure);
        s->majority = s->status == STATUS_FINAL ? majority_of(council, winner->held) : (MaybeInt){0};
    }
}

Standing control_decide(const Council *council, const BallotResult *results, Arena *arena) {
    static const Control unknown = {CONTROL_UNKNOWN, PARTY_NONE};
    Standing standing = {
        .control = unknown, .previous = previous_control(council), .gained_from = unknown, .votes_complete = true};
    Count count = {.parties = arena_alloc(arena, council->parties_count, sizeof(Tally)), .standing = &standing};
    count_ballots(council, results, &count);
    // A council with by-elections alone has no control to call.
    Control control = council->counted ? decide_control(council, &count) : unknown;
    standing.status = decide_status(&count, control);
    standing.votes_complete &= standing.status == STATUS_FINAL;
    standing.largest_party = find_largest(council, &count);
    if (council->counted) {
        decide_for_counted(council, &count, control);
    }
    list_seats(council, &count, arena);
    return standing;
}
