// Story facts: what makes this council's night a story, each as a code, its parameters and a sentence.
//
// Those of one council follow from its reference data and its standing; what compares councils
// (the only one to switch, ...) is read from the snapshots by the views.
#pragma once

#include "common/base/buf.h"
#include "services/aggregator/control.h"

// What the facts follow from, besides the reference data and who was elected by lot: added as bytes that are equal
// exactly when no fact can differ. Cheap, so that facts are told anew only where they are new.
void facts_add_key(const Council *council, const Standing *standing, Buf *key);

// A ballot in which somebody was elected by lot.
typedef struct LotBallot {
    const CouncilBallot *ballot;
    const Declaration *declaration;
    const CandidateResult *candidates; // of the declaration's
} LotBallot;

// In the order of council->ballots.
typedef struct Lots {
    LotBallot *items;
    size_t count;
} Lots;

// Adds a JSON array of {"code", "params", "text"}, `[]` while there is no story: before control is lost or certain.
// What is needed meanwhile lies in the arena. `json` is empty.
void facts_tell(const Council *council, const Standing *standing, const Lots *lots, Buf *json, Arena *arena);
