// Parties as Democracy Club's files name them: ids made alike, joint parties folded, and what a desk
// shows of the parties it meets everywhere. Pure.
#pragma once

#include "common/base/arena.h"

#define PARTY_ID_INDEPENDENT "ynmp-party:2"
#define PARTY_ID_LABOUR_CO_OP "joint-party:53-119"

// One way to write an id: `party:53`, `minor-party:1991`, `pp53` and `53` become PP53, PPm1991, PP53
// and PP53; an id that is missing is looked up by the party's name, as registered or as joint
// descriptions have it, and where that is no known party it becomes `name:` and the name's slug.
// Absent when neither id nor name says anything. The result lives in the arena or in `id`.
Str import_party_id(Arena *arena, Str id, Str name);

// The party that counts the seats: a joint party's first, `joint-party:53-119` -> PP53; else the id.
Str import_party_fold(Arena *arena, Str party_id);

// What every desk knows of a party. Text is NULL where there is nothing to know.
typedef struct KnownParty {
    const char *party_id, *name, *short_name, *colour, *text_colour;
} KnownParty;

// NULL: not one of those that stand in every region.
const KnownParty *known_party_find(Str party_id);

// A short of at most eight ASCII letters for a party that has no known one: the initials of several
// words, or the start of one, in upper case. Never empty.
Str import_party_short(Arena *arena, Str name);
