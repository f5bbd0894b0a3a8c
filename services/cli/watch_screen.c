#include "services/cli/watch_screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <uniwidth.h>

enum {
    WIDTH_MAX = 100,
    COUNCIL_CELLS = 24,
    WARD_CELLS = 32,
    FLASH_INDENT = 20, // under the ward's name
    PARTY_CELLS = 6,   // of a party's short name
    FIGURE_CELLS = 24, // beside a bar: name, seats, change
    LIST_BAR_CELLS = 34,
};

#define END_OF_LINE "\x1b[K\n"
#define RESET "\x1b[0m"
#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"

ScreenColours screen_colours(const char *colorterm, const char *term, const char *no_color) {
    if ((no_color != NULL && *no_color != '\0') || term == NULL || *term == '\0' || strcmp(term, "dumb") == 0) {
        return COLOURS_NONE;
    }
    bool direct = strstr(term, "direct") != NULL ||
                  (colorterm != NULL && (strcmp(colorterm, "truecolor") == 0 || strcmp(colorterm, "24bit") == 0));
    return direct ? COLOURS_24_BIT : COLOURS_256;
}

static int width_of(const Screen *screen) {
    return screen->columns < WIDTH_MAX ? screen->columns : WIDTH_MAX;
}

// `#RRGGBB`; what is not that is a grey.
static void read_colour(Str colour, unsigned long rgb[3]) {
    unsigned long value = 0x888888;
    if (colour.len == 7 && colour.ptr[0] == '#') {
        char digits[7] = {0};
        memcpy(digits, colour.ptr + 1, 6);
        value = strtoul(digits, NULL, 16);
    }
    rgb[0] = value >> 16 & 0xff;
    rgb[1] = value >> 8 & 0xff;
    rgb[2] = value & 0xff;
}

// `layer` is 38 for the text, 48 for what is behind it.
static void add_colour(Buf *out, ScreenColours colours, int layer, Str colour) {
    unsigned long rgb[3];
    read_colour(colour, rgb);
    if (colours == COLOURS_24_BIT) {
        buf_printf(out, "\x1b[%d;2;%lu;%lu;%lum", layer, rgb[0], rgb[1], rgb[2]);
    } else if (colours == COLOURS_256) { // the cube of 6 x 6 x 6
        buf_printf(out, "\x1b[%d;5;%lum", layer,
                   16 + 36 * ((rgb[0] * 5 + 127) / 255) + 6 * ((rgb[1] * 5 + 127) / 255) + (rgb[2] * 5 + 127) / 255);
    }
}

static void add_padded(Buf *out, Str text, int cells) {
    buf_add_str(out, text);
    for (int i = u8_width((const uint8_t *)text.ptr, text.len, "UTF-8"); i < cells; i++) {
        buf_add_byte(out, ' ');
    }
}

static void add_spaces(Buf *out, int count) {
    for (int i = 0; i < count; i++) {
        buf_add_byte(out, ' ');
    }
}

static const ScreenParty *find_party(const ScreenCouncil *council, Str party_id) {
    for (size_t i = 0; i < council->parties_count; i++) {
        if (str_equal(council->parties[i].party_id, party_id)) {
            return &council->parties[i];
        }
    }
    return NULL;
}

static Str party_name(const ScreenCouncil *council, Str party_id) {
    const ScreenParty *party = find_party(council, party_id);
    return party == NULL ? party_id : party->name;
}

// In the colours of the party in control, if there is one.
static void add_headline(Buf *out, const Screen *screen, const ScreenCouncil *council, Str headline) {
    const ScreenParty *party = find_party(council, council->control);
    buf_add_str(out, STR_LIT(BOLD));
    if (party != NULL && screen->colours != COLOURS_NONE) {
        add_colour(out, screen->colours, 48, party->colour);
        add_colour(out, screen->colours, 38, str_is_none(party->text_colour) ? STR_LIT("#FFFFFF") : party->text_colour);
    }
    buf_printf(out, " " STR_FMT " " RESET, STR_ARG(headline));
}

// Cells of one bar: `filled` of the party, and a mark where the majority begins.
static void add_bar(Buf *out, const Screen *screen, const ScreenParty *party, int filled, int mark, int cells) {
    for (int i = 0; i < cells; i++) {
        bool full = i < filled;
        if (i == 0 && full) {
            add_colour(out, screen->colours, 48, party->colour);
        }
        if (i == filled) {
            buf_add_str(out, STR_LIT(RESET));
        }
        buf_add_byte(out, i == mark ? '|' : full && screen->colours == COLOURS_NONE ? '#' : ' ');
    }
    buf_add_str(out, STR_LIT(RESET));
}

static int round_to_cells(int seats, int cells, int scale) {
    return (seats * cells * 2 + scale) / (2 * scale);
}

// How wide the bars are, and how many seats that stands for.
typedef struct BarScale {
    int cells, seats, mark; // mark: the cell in which the majority is reached
} BarScale;

static BarScale choose_scale(const Screen *screen, const ScreenCouncil *council) {
    int cells = width_of(screen) - FIGURE_CELLS;
    int seats = council->threshold * 4 / 3 + 1; // the majority stands at three quarters
    if (council->parties_count > 0 && council->parties[0].held > seats) {
        seats = council->parties[0].held;
    }
    BarScale scale = {cells < 10 ? 10 : cells, seats, 0};
    scale.mark = round_to_cells(council->threshold, scale.cells, scale.seats) - 1;
    return scale;
}

static void draw_bars(const Screen *screen, const ScreenCouncil *council, size_t parties, Buf *out) {
    BarScale scale = choose_scale(screen, council);
    for (size_t i = 0; i < parties; i++) {
        const ScreenParty *party = &council->parties[i];
        buf_add_str(out, STR_LIT("  " BOLD));
        add_padded(out, party->name, PARTY_CELLS);
        buf_printf(out, RESET " %4d  ", party->held);
        add_bar(out, screen, party, round_to_cells(party->held, scale.cells, scale.seats), scale.mark, scale.cells);
        buf_printf(out, " %5.*s" END_OF_LINE, STR_ARG(party->change));
    }
    buf_printf(out, DIM "  to come%4d  ", council->seats_to_come);
    int dots = round_to_cells(council->seats_to_come, scale.cells, scale.seats);
    for (int i = 0; i < scale.cells; i++) {
        buf_add_byte(out, i == scale.mark ? '|' : i < dots ? '.' : ' ');
    }
    buf_add_str(out, STR_LIT(RESET END_OF_LINE));
    add_spaces(out, 15 + scale.mark);
    buf_printf(out, DIM "|%d to win" RESET END_OF_LINE, council->threshold);
}

// The parties that have no bar, in one row.
static void draw_without_seats(const ScreenCouncil *council, size_t drawn, Buf *out) {
    buf_add_str(out, STR_LIT(DIM "  no seat       "));
    for (size_t i = drawn; i < council->parties_count; i++) {
        const ScreenParty *party = &council->parties[i];
        buf_printf(out, STR_FMT " ", STR_ARG(party->name));
        if (party->change.len > 0 && !str_equal_text(party->change, "+0")) {
            buf_printf(out, "(" STR_FMT ") ", STR_ARG(party->change));
        }
    }
    buf_add_str(out, STR_LIT(RESET END_OF_LINE END_OF_LINE));
}

static void draw_title(const Screen *screen, const ScreenCouncil *council, Buf *out) {
    size_t start = out->len;
    buf_printf(out, " " BOLD STR_FMT RESET "  " STR_FMT, STR_ARG(council->name), STR_ARG(council->poll_date));
    int used = (int)(out->len - start) - (int)(sizeof BOLD - 1) - (int)(sizeof RESET - 1);
    Str status = str_equal_text(council->status, "in_progress") ? STR_LIT("in progress") : council->status;
    char right[64];
    int len = snprintf(right, sizeof right, STR_FMT ", %d of %d wards", STR_ARG(status), council->ballots_declared,
                       council->ballots_total);
    add_spaces(out, width_of(screen) - used - len - 1);
    buf_printf(out, "%s" END_OF_LINE END_OF_LINE, right);
}

static void draw_control(const ScreenCouncil *council, Buf *out) {
    Str control = party_name(council, council->control), before = party_name(council, council->previous_control);
    buf_printf(out, "  control  " BOLD STR_FMT RESET, STR_ARG(control.len == 0 ? STR_LIT("not certain yet") : control));
    if (council->majority.len > 0) {
        buf_printf(out, ", majority " STR_FMT, STR_ARG(council->majority));
    }
    if (before.len > 0) {
        buf_printf(out, "   (before: " STR_FMT "%s)", STR_ARG(before), council->previous_control_lost ? ", lost" : "");
    }
    if (council->seats_postponed > 0) {
        buf_printf(out, "   seats postponed %d", council->seats_postponed);
    }
    if (council->ballots_held > 0) {
        buf_printf(out, "   " BOLD "wards held %d" RESET " (declarectl held)", council->ballots_held);
    }
    buf_add_str(out, STR_LIT(END_OF_LINE END_OF_LINE));
}

// The newest first, each flash in a row of its own.
static void draw_events(const ScreenEvent *events, size_t count, int rows, Buf *out) {
    for (size_t i = 0; i < count && rows > 0; i++, rows--) {
        const ScreenEvent *event = &events[i];
        buf_printf(out, "  " DIM STR_FMT RESET "  %6.*s  ", STR_ARG(event->time), STR_ARG(event->declared));
        add_padded(out, event->what, WARD_CELLS);
        buf_printf(out, " " STR_FMT END_OF_LINE, STR_ARG(event->winners));
        if (event->flash.len > 0 && rows-- > 1) {
            add_spaces(out, FLASH_INDENT);
            buf_printf(out, BOLD "> " STR_FMT RESET END_OF_LINE, STR_ARG(event->flash));
        }
    }
}

static size_t count_seated(const ScreenCouncil *council) {
    size_t count = 0;
    while (count < council->parties_count && council->parties[count].held > 0) {
        count++;
    }
    return count;
}

void screen_draw_council(const Screen *screen, const ScreenCouncil *council, const ScreenEvent *events, size_t count,
                         Buf *out) {
    enum { OTHER_ROWS = 11, EVENTS_MIN = 4, PARTIES_MIN = 3 };
    int room = screen->rows - OTHER_ROWS - EVENTS_MIN;
    size_t parties = count_seated(council), most = (size_t)(room < PARTIES_MIN ? PARTIES_MIN : room);
    parties = parties < most ? parties : most;
    draw_title(screen, council, out);
    draw_bars(screen, council, parties, out);
    draw_without_seats(council, parties, out);
    draw_control(council, out);
    if (council->headline.len > 0) {
        buf_add_byte(out, ' ');
        add_headline(out, screen, council, council->headline);
    }
    if (council->call_waits) {
        buf_printf(out, "  " BOLD "call waits for approval" RESET " (declarectl held)");
    }
    buf_add_str(out, STR_LIT(END_OF_LINE END_OF_LINE));
    draw_events(events, count, screen->rows - OTHER_ROWS - (int)parties, out);
}

// All seats of a council in one row: each party's in its colour, those to come as dots.
static void add_stack(const Screen *screen, const ScreenCouncil *council, Buf *out) {
    int seats = 0, drawn = 0;
    for (size_t i = 0; i < council->parties_count; i++) {
        const ScreenParty *party = &council->parties[i];
        seats += party->held;
        int end = seats * LIST_BAR_CELLS / council->seats_total;
        add_bar(out, screen, party, end - drawn, -1, end - drawn);
        drawn = end;
    }
    for (; drawn < LIST_BAR_CELLS; drawn++) {
        buf_add_byte(out, '.');
    }
}

void screen_draw_list(const Screen *screen, const ScreenCouncil *councils, size_t count, Buf *out) {
    size_t final = 0, certain = 0;
    for (size_t i = 0; i < count; i++) {
        final += str_equal_text(councils[i].status, "final");
        certain += councils[i].control.len > 0;
    }
    buf_printf(out, " " BOLD "%zu councils" RESET ": %zu certain, %zu final; the newest first" END_OF_LINE END_OF_LINE,
               count, certain, final);
    for (size_t i = 0; i < count && (int)i < screen->rows - 3; i++) {
        const ScreenCouncil *council = &councils[i];
        buf_add_byte(out, ' ');
        add_padded(out, council->short_name, COUNCIL_CELLS);
        buf_printf(out, " %3d/%-3d ", council->ballots_declared, council->ballots_total);
        add_stack(screen, council, out);
        if (council->headline_short.len > 0) {
            buf_add_byte(out, ' ');
            add_headline(out, screen, council, council->headline_short);
        }
        if (council->call_waits) {
            buf_printf(out, " " BOLD "call waits" RESET);
        }
        if (council->ballots_held > 0) {
            buf_printf(out, " " BOLD "held %d" RESET, council->ballots_held);
        }
        buf_add_str(out, STR_LIT(END_OF_LINE));
    }
}

void screen_write_line(const ScreenCouncil *council, Buf *out) {
    buf_printf(out, STR_FMT " " STR_FMT " %d/%d " STR_FMT, STR_ARG(council->recorded_at), STR_ARG(council->short_name),
               council->ballots_declared, council->ballots_total, STR_ARG(council->status));
    for (size_t i = 0; i < council->parties_count && council->parties[i].held > 0; i++) {
        buf_printf(out, "%s" STR_FMT " %d", i == 0 ? " " : ", ", STR_ARG(council->parties[i].name),
                   council->parties[i].held);
    }
    if (council->ballots_held > 0) {
        buf_printf(out, " | held %d", council->ballots_held);
    }
    buf_printf(out, "%s" STR_FMT "\n", council->headline.len > 0 ? " | " : "", STR_ARG(council->headline));
}
