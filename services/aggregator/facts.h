// Story facts: what makes this council's night a story, each as a code, its parameters and a sentence.
//
// Those of one council follow from its reference data and its standing; what compares councils
// (the only one to switch, ...) is read from the snapshots by the views.
#pragma once

#include "services/aggregator/control.h"

// A JSON array of {"code", "params", "text"}, `[]` while there is no story: before control is lost
// or certain. In the arena.
Str facts_tell(const Council *council, const Standing *standing, const BallotResult *results, Arena *arena);
