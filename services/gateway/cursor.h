// How far a reader of a stream is: of each lane the next event to come. It is the id of every event.
//
// Lanes commit side by side, so no single number orders their rows as they become visible; but within a lane
// rows become visible in the order of lane_seq, each with all it caused. So a reader that holds a place for
// each lane misses nothing and gets nothing twice, whichever gateway it asks next. A lane that a cursor does
// not name had no rows when it was written, and begins at its first. Pure.
#pragma once

#include "common/base/buf.h"

enum { CURSOR_LANES_MAX = 256 }; // partitions of a topic; six are usual

typedef struct LanePlace {
    int32_t lane;
    int32_t n;        // events of lane_seq that the reader has had
    int64_t lane_seq; // rows before it are done
} LanePlace;

typedef struct Cursor {
    LanePlace places[CURSOR_LANES_MAX]; // by lane
    size_t count;
} Cursor;

// As it is written: `start`, or `lane:lane_seq` and `lane:lane_seq.n`, comma-separated, by lane. False: not that.
bool cursor_parse(Str text, Cursor *cursor);
void cursor_write(const Cursor *cursor, Buf *out);

// The reader has had event n (from 1) of that row.
bool cursor_covers(const Cursor *cursor, int32_t lane, int64_t lane_seq, int32_t n);

// Now it has; places only move forward. False: there are too many lanes.
bool cursor_advance(Cursor *cursor, int32_t lane, int64_t lane_seq, int32_t n);

// In no lane is `cursor` behind `other`.
bool cursor_includes(const Cursor *cursor, const Cursor *other);
