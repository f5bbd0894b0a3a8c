// Within the aggregator: one row's way through its lane, and the rows that it makes.
#pragma once

#include "services/aggregator/lane.h"

// Why a snapshot was made: the row that caused it, and the declaration that it is about, if any.
typedef struct Cause {
    Str record;
    InputTopic topic;
    int32_t partition;
    int64_t kafka_offset;
    const Declaration *about; // NULL: none
    bool about_itself;        // the row is a declaration, and about that
    Str by;                   // who, where a person caused it
} Cause;

typedef struct Step {
    Lane *lane;
    const RuleBook *rules;
    Arena *arena;
    Effects *effects;
    int64_t lane_seq, recorded_at_us; // of the causing row
    Cause cause;
    int32_t changes; // fate changes made so far
} Step;

// The ballot as it stands now, as a row.
void emit_ballot(Step *step, const Election *election, const Space *space, const Ballot *ballot);

// A ballot that a reload of the reference data left out.
void emit_ballot_removed(Step *step, const Election *election, const Space *space, const Ballot *ballot);

// A snapshot with its flashes, if what it says differs from the newest one or `changed` is set.
// Nothing without reference data. `approved`: the desk has just approved the call.
void emit_snapshot(Step *step, Election *election, Space *space, bool changed, bool approved);

// Before other reference data come into force: what the newest snapshot says is kept, for the next to be compared with.
void emit_keep_content(const Step *step, const Election *election, Space *space);

// Reference data as applied.
void emit_election(Step *step, const Election *election);

// A later fate of a record (lane_seq) in `election_id`.
void emit_fate_change(Step *step, int64_t lane_seq, Str election_id, Fate fate, RuleSet reasons, Str detail, Str by,
                      Str note);

// Reference data that passed the rules of its record. False: it cannot follow what is in force, with
// the problem in the arena; nothing has changed then.
bool reference_apply(Step *step, Election *election, const CouncilReference *reference, Str *problem);

// Brings the ballot in force up to its entries' fates, with the rows that follow from it.
void ballot_settle(Step *step, Election *election, Space *space, Ballot *ballot);

// An approval that came before the declaration which causes the call: taken, so that the call goes
// out at once.
bool take_pending_approval(Step *step, const Election *election);
