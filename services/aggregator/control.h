// The rules of control (spec 5): who holds the council, from what is declared and what may still come.
//
// Pure: a function of the reference data and the ballots in force. A call is made exactly when every
// completion of the night agrees. Source: control of an English council is a majority of all its
// seats (Local Government Act 1972, Schedule 12, has decisions taken by a majority of members
// voting); "no overall control" otherwise, as broadcasters and the House of Commons Library count it.
#pragma once

#include "common/domain/snapshot.h"

typedef enum BallotStatus { BALLOT_AWAITING, BALLOT_DECLARED, BALLOT_POSTPONED } BallotStatus;

// A ballot as it stands. `declaration` and `parties` (the folded party of each candidate) are set
// for BALLOT_DECLARED alone.
typedef struct BallotResult {
    BallotStatus status;
    const Declaration *declaration;
    const PartyIndex *parties;
} BallotResult;

// `results` has an entry for each of council->ballots. `seats` of the answer lies in the arena.
Standing control_decide(const Council *council, const BallotResult *results, Arena *arena);
