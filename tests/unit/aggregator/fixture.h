// Small councils and declarations in words, for tests of the aggregator.
//
// Parties: LAB, into which COOP folds; CON; LD; GRN; IND (independents) and RES, which are no blocs.
// Seats: "LAB 2, CON 1". People: "LAB=20*, CON=10, IND" are three candidates, the first elected with
// 20 votes, the last without known votes; "*lot" is elected by lot. Everything made lies in the arena.
#pragma once

#include "services/aggregator/control.h"

enum { SMALL_BALLOTS = 5 };

#define SMALL_ELECTION "local.medway.2023-05-04"
#define SMALL_COUNCIL_ID "E06000035"

// Ballots are local.medway.a.2023-05-04, then b and so on; with `by`, local.medway.a.by.2023-05-04.
typedef struct SmallBallot {
    int seats;                           // 0: there is no such ballot
    const char *nominations, *defending; // NULL: not known
    const char *result;                  // people in force; "POSTPONED"; NULL: to come
    bool by;
} SmallBallot;

#define TO_COME(count)                                                                                                 \
    { .seats = (count) }
#define NOMINATED(count, parties)                                                                                      \
    { .seats = (count), .nominations = (parties) }
#define RESULT(count, people)                                                                                          \
    { .seats = (count), .result = (people) }

typedef struct SmallCouncil {
    const char *previous;   // party, "NOC", "new" for a new council, NULL: not known
    const char *continuing; // seats
    int vacant;
    const char *baseline;   // NULL: not known
    const char *more_blocs; // parties that are blocs here though they are none elsewhere
    const char *name;       // NULL: Medway
    const char *colour;     // of LAB; NULL: not known
    bool stv;
    SmallBallot ballots[SMALL_BALLOTS];
} SmallCouncil;

CouncilReference *small_reference(const SmallCouncil *small, Arena *arena);

// Of its ballot 0 to SMALL_BALLOTS - 1: DECLARED, revision 1 of source "pa", made an hour after the
// close of poll. `people` as above, or "POSTPONED" or "WITHDRAWN".
Declaration *small_declaration(const SmallCouncil *small, int ballot, const char *people, Arena *arena);

// The declaration in force for its ballot.
BallotResult declared_result(const Council *council, const Declaration *declaration, Arena *arena);

// How the council stands with these results, one for each of its ballots.
Standing standing_of(const Council *council, const BallotResult *results, Arena *arena);

// The council, which the caller frees, and how it stands with the results of its ballots.
Standing small_standing(const SmallCouncil *small, Arena *arena, Council **council);

Str small_party_id(Str word);

// "LAB 33 +2, CON 22 ?": held and change of each party, in order.
Str small_seats(const Council *council, const Standing *standing, Arena *arena);
