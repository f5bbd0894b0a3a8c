#include "services/gateway/cursor.h"

#include <limits.h>

static const LanePlace *find_place(const Cursor *cursor, int32_t lane) {
    for (size_t i = 0; i < cursor->count; i++) {
        if (cursor->places[i].lane == lane) {
            return &cursor->places[i];
        }
    }
    return NULL;
}

// Digits at the beginning of *text, cut off. False: none, or too large a number.
static bool cut_number(Str *text, int64_t most, int64_t *number) {
    size_t i = 0;
    *number = 0;
    for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++) {
        int digit = text->ptr[i] - '0';
        if (*number > (most - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    *text = str_slice(*text, i, text->len);
    return i > 0;
}

static bool cut_mark(Str *text, char mark) {
    if (text->len == 0 || text->ptr[0] != mark) {
        return false;
    }
    *text = str_slice(*text, 1, text->len);
    return true;
}

bool cursor_parse(Str text, Cursor *cursor) {
    cursor->count = 0;
    if (str_equal(text, STR_LIT("start"))) {
        return true;
    }
    int64_t before = -1;
    do {
        int64_t lane, lane_seq, n = 0;
        if (!cut_number(&text, INT32_MAX, &lane) || !cut_mark(&text, ':') || !cut_number(&text, INT64_MAX, &lane_seq) ||
            (cut_mark(&text, '.') && !cut_number(&text, INT32_MAX, &n)) || lane <= before ||
            cursor->count == CURSOR_LANES_MAX) {
            return false;
        }
        cursor->places[cursor->count++] = (LanePlace){(int32_t)lane, (int32_t)n, lane_seq};
        before = lane;
    } while (cut_mark(&text, ','));
    return text.len == 0;
}

void cursor_write(const Cursor *cursor, Buf *out) {
    if (cursor->count == 0) {
        buf_add_str(out, STR_LIT("start"));
    }
    for (size_t i = 0; i < cursor->count; i++) {
        const LanePlace *place = &cursor->places[i];
        if (i > 0) {
            buf_add_byte(out, ',');
        }
        buf_add_decimal(out, place->lane);
        buf_add_byte(out, ':');
        buf_add_decimal(out, place->lane_seq);
        if (place->n > 0) {
            buf_add_byte(out, '.');
            buf_add_decimal(out, place->n);
        }
    }
}

static bool is_before(const LanePlace *place, int64_t lane_seq, int32_t n) {
    return place->lane_seq < lane_seq || (place->lane_seq == lane_seq && place->n < n);
}

bool cursor_covers(const Cursor *cursor, int32_t lane, int64_t lane_seq, int32_t n) {
    const LanePlace *place = find_place(cursor, lane);
    return place != NULL && !is_before(place, lane_seq, n);
}

bool cursor_advance(Cursor *cursor, int32_t lane, int64_t lane_seq, int32_t n) {
    LanePlace *place = (LanePlace *)find_place(cursor, lane);
    if (place != NULL) {
        if (is_before(place, lane_seq, n)) {
            *place = (LanePlace){lane, n, lane_seq};
        }
        return true;
    }
    if (cursor->count == CURSOR_LANES_MAX) {
        return false;
    }
    size_t at = cursor->count++;
    for (; at > 0 && cursor->places[at - 1].lane > lane; at--) {
        cursor->places[at] = cursor->places[at - 1];
    }
    cursor->places[at] = (LanePlace){lane, n, lane_seq};
    return true;
}

bool cursor_includes(const Cursor *cursor, const Cursor *other) {
    for (size_t i = 0; i < other->count; i++) {
        const LanePlace *place = find_place(cursor, other->places[i].lane);
        if (place == NULL || is_before(place, other->places[i].lane_seq, other->places[i].n)) {
            return false;
        }
    }
    return true;
}
