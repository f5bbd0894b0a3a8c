// The rules of control (spec 5): who holds the council, from what is declared and what may still come.
//
// Pure: a function of the reference data and the ballots in force, kept as sums that change with each ballot. A call
// is made exactly when every completion of the night agrees. Source: control of an English council is a majority of all its
// seats (Local Government Act 1972, Schedule 12, has decisions taken by a majority of members
// voting); "no overall control" otherwise, as broadcasters and the House of Commons Library count it.
#pragma once

#include "common/domain/snapshot.h"

typedef enum BallotStatus { BALLOT_AWAITING, BALLOT_DECLARED, BALLOT_POSTPONED } BallotStatus;

// What a candidate adds to the sums.
typedef struct CandidateResult {
    int64_t votes;    // or COUNT_UNKNOWN
    PartyIndex party; // folded; PARTY_NONE: the reference data do not list it, and the ballot cannot be counted
    bool elected, by_lot;
} CandidateResult;

// A ballot as it stands. What follows the status is set for BALLOT_DECLARED alone.
typedef struct BallotResult {
    BallotStatus status;
    const CandidateResult *candidates;
    size_t candidates_count;
    bool uncontested;
} BallotResult;

// What one party's ballots add up to. Everything is a sum, so that a ballot's share can be taken out again.
typedef struct Tally {
    int32_t listed; // candidates in declared ballots
    int32_t won;
    int32_t reach, sure; // in ballots to come
    int32_t defended;    // seats it held before in ballots that are declared
    int32_t postponed_defence;
    int32_t votes_known; // candidates
    int64_t votes;       // of those
} Tally;

// What all ballots of a council add up to. One thread; owns `parties`.
typedef struct Count {
    Tally *parties; // one for each of council->parties
    int32_t ballots_declared, ballots_postponed, ballots_to_come;
    int32_t seats_declared, seats_postponed, seats_to_come;
    int32_t open_to_all;               // seats that any party, known or not, may still win
    int32_t votes_missing;             // candidates without votes in contested declared ballots
    int32_t lots;                      // candidates elected by lot
    uint32_t lot_turns;                // how often one was added or taken out; no sum, but tells when to look again
    int32_t defending_known;           // declared ballots of which it is known who defended them
    int32_t postponed_defence_unknown; // postponed ballots of which it is not
} Count;

CandidateResult candidate_result(const Council *council, const Candidate *candidate); // `council` NULL: none is known

// `results` has an entry for each of council->ballots. count_free: back to the zero value.
Count count_new(const Council *council, const BallotResult *results);
void count_free(Count *count);

// The ballot stands otherwise now: `before` is taken out, `now` added.
void count_turn(Count *count, const CouncilBallot *ballot, const BallotResult *before, const BallotResult *now);

// How the council stands by that count. `seats` of the answer lies in the arena.
Standing control_decide(const Council *council, const Count *count, Arena *arena);
