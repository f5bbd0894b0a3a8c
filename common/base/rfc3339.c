#include "common/base/rfc3339.h"

#include "common/base/civil.h"

#define MS_PER_MINUTE INT64_C(60000)
#define MS_PER_DAY INT64_C(86400000)

enum { DATE_BYTES = 10 };

// Each take_ reads off the front of `text`, or leaves it alone and says false.
static bool take_digit(Str *text, int *digit) {
    if (text->len == 0 || text->ptr[0] < '0' || text->ptr[0] > '9') {
        return false;
    }
    *digit = text->ptr[0] - '0';
    *text = str_slice(*text, 1, text->len);
    return true;
}

static bool take_two_digits(Str *text, int most, int *number) {
    Str rest = *text;
    int tens, ones;
    if (!take_digit(&rest, &tens) || !take_digit(&rest, &ones) || tens * 10 + ones > most) {
        return false;
    }
    *number = tens * 10 + ones;
    *text = rest;
    return true;
}

static bool take_mark(Str *text, const char *wanted) {
    if (text->len == 0 || text->ptr[0] == '\0' || strchr(wanted, text->ptr[0]) == NULL) {
        return false;
    }
    *text = str_slice(*text, 1, text->len);
    return true;
}

static bool take_date(Str *text, int64_t *ms) {
    CivilDate date;
    if (text->len < DATE_BYTES || !civil_parse_date(str_slice(*text, 0, DATE_BYTES), &date)) {
        return false;
    }
    *ms = civil_days(date) * MS_PER_DAY;
    *text = str_slice(*text, DATE_BYTES, text->len);
    return true;
}

static bool take_clock(Str *text, int64_t *ms) {
    int hour, minute, second, digit;
    if (!take_two_digits(text, 23, &hour) || !take_mark(text, ":") || !take_two_digits(text, 59, &minute) ||
        !take_mark(text, ":") || !take_two_digits(text, 60, &second)) {
        return false;
    }
    *ms = (hour * INT64_C(60) + minute) * MS_PER_MINUTE + second * INT64_C(1000);
    if (!take_mark(text, ".")) {
        return true;
    }
    bool digits = false;
    for (int scale = 100; take_digit(text, &digit); scale /= 10) {
        *ms += (int64_t)digit * scale;
        digits = true;
    }
    return digits;
}

static bool take_offset(Str *text, int64_t *ms) {
    int hours, minutes;
    *ms = 0;
    if (take_mark(text, "Zz")) {
        return true;
    }
    bool west = text->len > 0 && text->ptr[0] == '-';
    if (!take_mark(text, "+-") || !take_two_digits(text, 23, &hours) || !take_mark(text, ":") ||
        !take_two_digits(text, 59, &minutes)) {
        return false;
    }
    *ms = (hours * INT64_C(60) + minutes) * (west ? -MS_PER_MINUTE : MS_PER_MINUTE);
    return true;
}

bool rfc3339_parse(Str text, int64_t *ms) {
    int64_t day_ms, clock_ms, offset_ms;
    if (!take_date(&text, &day_ms) || !take_mark(&text, "Tt ") || !take_clock(&text, &clock_ms) ||
        !take_offset(&text, &offset_ms) || text.len > 0) {
        return false;
    }
    *ms = day_ms + clock_ms - offset_ms;
    return true;
}
