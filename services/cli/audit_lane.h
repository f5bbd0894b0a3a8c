// One lane under audit verify: its chain recomputed, its rows applied again, and all that they caused
// compared with what the database holds.
//
// A lane is read as sorted streams beside each other: its ledger, and one for each table that its rows
// write into. After each ledger row what it caused must be what the streams have for it.
#pragma once

#include "common/base/vec.h"
#include "services/cli/audit_replayer.h"
#include "services/cli/audit_seal.h"
#include "services/cli/progress.h"

enum { EFFECT_TABLES = 5 };

typedef struct LaneRange {
    int32_t first, last;
} LaneRange;

// Where a lane ends, by its row of declared.lane.
typedef struct LaneHead {
    int32_t lane;
    int64_t lane_seq;
    Str tuple; // the row, in the command's arena
} LaneHead;

typedef struct Verifier {
    const Cli *cli;
    const Seal *seal; // NULL: none
    int64_t from_seq; // rows before it are applied, and what they caused is not compared
    Replayer *replayer;
    Progress progress;
    int64_t rows, effects_compared;
    Str problem; // what is wrong, of the command's arena; absent: nothing yet
    // Of the lane at hand:
    const LaneHead *head;
    Lane *lane;
    Stream ledger, streams[EFFECT_TABLES];
    // Of the row at hand:
    Effects effects;
    Arena arena;
    Buf made; // its effects as tuples
    VEC(Tuple) expected, found;
    VEC(char *) found_bytes;
} Verifier;

// Notes what is wrong. Always false.
__attribute__((format(printf, 2, 3))) bool verifier_find(Verifier *v, const char *format, ...);

typedef struct LaneHeads {
    VEC(LaneHead) all;
} LaneHeads;

// Ascending.
bool verifier_read_heads(Verifier *v, LaneRange range, LaneHeads *heads);

// The lane from its first row to its head.
bool verifier_verify_lane(Verifier *v, const LaneHead *head);

void verifier_free(Verifier *v);
