// Democracy Club's identifiers: an election `local.<organisation>.<date>`, and its ballots
// `local.<organisation>.<ward>.<date>` and, for a by-election, `local.<organisation>.<ward>.by.<date>`.
#pragma once

#include "common/base/civil.h"

// The parts of an id, borrowed from it.
typedef struct ContestId {
    Str organisation;
    Str ward; // absent: the id of an election
    bool by_election;
    CivilDate poll_date;
} ContestId;

// False: not an id of either form, or its date is no day of the calendar.
bool ids_parse(Str id, ContestId *out);

// Both are well formed and name the same organisation and date; the second is a ballot of the first.
bool ids_same_contest(Str election_id, Str ballot_paper_id);

// Of an election or a ballot. False, and no change: not well formed.
bool ids_poll_date(Str id, CivilDate *date);

// False also for what is not the id of a ballot.
bool ids_is_by_election(Str ballot_paper_id);
