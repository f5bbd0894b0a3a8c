// A council control snapshot: what the columns of api.council_control say (spec 5 and 7).
#pragma once

#include "common/domain/council.h"

typedef enum Status { STATUS_AWAITING, STATUS_IN_PROGRESS, STATUS_CALLED, STATUS_FINAL } Status;
typedef enum Outcome { OUTCOME_NONE, OUTCOME_HOLD, OUTCOME_GAIN, OUTCOME_LOSS, OUTCOME_NO_CHANGE, OUTCOME_NEW } Outcome;

Str status_name(Status status);
Str outcome_name(Outcome outcome); // absent for OUTCOME_NONE

// Who controls a council.
typedef enum ControlKind { CONTROL_UNKNOWN, CONTROL_PARTY, CONTROL_NOC } ControlKind;
typedef struct Control {
    ControlKind kind;
    PartyIndex party; // of CONTROL_PARTY, else PARTY_NONE
} Control;

static inline bool control_equal(Control a, Control b) {
    return a.kind == b.kind && a.party == b.party;
}

// A figure that may not be known.
typedef struct MaybeInt {
    bool known;
    int32_t value;
} MaybeInt;

// An entry of `seats`.
typedef struct SeatLine {
    PartyIndex party;
    int32_t held, won, continuing;
    MaybeInt change;
    int64_t votes; // or COUNT_UNKNOWN
} SeatLine;

// All that follows from the reference data and the ballots in force, and from nothing else.
typedef struct Standing {
    Status status;
    Control control, previous, gained_from;
    bool previous_control_lost;
    Outcome outcome;
    MaybeInt majority, majority_at_least;
    PartyIndex largest_party; // or PARTY_NONE
    int32_t seats_declared, seats_to_come, seats_postponed;
    int32_t ballots_declared, ballots_postponed;
    bool votes_complete;
    SeatLine *seats; // in order of held, then won, votes, party_id
    size_t seats_count;
} Standing;

// The party_id, `NOC`, or absent.
Str control_text(const Council *council, Control control);
