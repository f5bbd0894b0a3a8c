// A desk with a lane of its own, for tests of what becomes of records: what a test sends is applied at
// once, a second after what came before it.
#pragma once

#include "services/aggregator/lane.h"
#include "tests/unit/aggregator/fixture.h"

typedef struct Desk {
    Arena arena;
    RuleBook rules;
    Lane *lane;
    Effects effects;
    SmallCouncil council; // three wards of one seat, CON before; as it is when it is loaded
    int64_t now_us;
    int64_t next[INPUT_COUNT];
    int messages;
} Desk;

// For cmocka; *state is the desk.
int desk_set_up(void **state);
int desk_tear_down(void **state);

void desk_send(Desk *desk, InputTopic topic, Str key, const Decoded *decoded);
void desk_load(Desk *desk);

// A declaration, to be changed before it is declared; a message of its own.
Declaration *desk_draft(Desk *desk, int ballot, const char *people);

// These give the offset that the record has got.
int64_t desk_declare(Desk *desk, const Declaration *d);
int64_t desk_say(Desk *desk, int ballot, const char *people);
int64_t desk_say_as(Desk *desk, const char *source, int32_t revision, int ballot, const char *people);

void desk_act(Desk *desk, OperatorActionKind kind, int64_t offset);
void desk_act_on(Desk *desk, OperatorActionKind kind, const char *topic, int64_t offset);

// The newest ledger row: "held SEATS_MISMATCH UNKNOWN_PARTY" is its fate and reasons.
Str desk_row(Desk *desk);
void desk_assert_row(Desk *desk, const char *expected);

// All changes of fates since the desk was last asked, in order: "2 accepted by 4, 3 held UNKNOWN_PARTY by 4"
// are row, fate, reasons, triggering row.
void desk_assert_changes(Desk *desk, const char *expected);

// Of live data: the newest snapshot, and how many there are.
const SnapshotRow *desk_newest(const Desk *desk);
int desk_count_snapshots(const Desk *desk);

// Kinds of the newest snapshot's flashes: "CALL_RETRACTED(2/CALLED) CALLED"; in brackets what is taken back.
void desk_assert_flashes(Desk *desk, const char *expected);

void desk_assert_text(Str actual, const char *expected);

// The source of the newest row of a ballot, or absent while it is open.
Str desk_source_in_force(const Desk *desk, int ballot);
