// What `declarectl watch` draws, as text with ANSI colours. Pure: from a model into a buffer.
#pragma once

#include "common/base/buf.h"

typedef struct ScreenParty {
    Str party_id, name, colour, text_colour; // name: the short one; colours "#RRGGBB" or absent
    int held;
    Str change; // signed, or "" when not known
} ScreenParty;

typedef struct ScreenCouncil {
    Str election_id, name, short_name, poll_date, status;
    Str control, previous_control; // party_id, NOC, or "" when not known
    bool previous_control_lost;
    bool call_waits; // for the desk's approval
    Str majority, headline, headline_short, recorded_at;
    int seats_total, threshold, seats_to_come, seats_postponed;
    int ballots_total, ballots_declared, ballots_held;
    int seq;
    ScreenParty *parties; // most seats first
    size_t parties_count;
} ScreenCouncil;

// A snapshot of the past, for the lines under the bars.
typedef struct ScreenEvent {
    Str time, what, declared, winners, flash; // flash: "" for most
} ScreenEvent;

typedef enum ScreenColours { COLOURS_NONE, COLOURS_256, COLOURS_24_BIT } ScreenColours;

// Of the terminal with these COLORTERM, TERM and NO_COLOR; each may be NULL.
ScreenColours screen_colours(const char *colorterm, const char *term, const char *no_color);

typedef struct Screen {
    int rows, columns;
    ScreenColours colours;
} Screen;

// One council, bars and the newest events first; or many, a row each. Every line ends by clearing
// the rest of its row, so that frames can be drawn over one another.
void screen_draw_council(const Screen *screen, const ScreenCouncil *council, const ScreenEvent *events, size_t count,
                         Buf *out);
void screen_draw_list(const Screen *screen, const ScreenCouncil *councils, size_t count, Buf *out);

// A snapshot as one plain line.
void screen_write_line(const ScreenCouncil *council, Buf *out);
