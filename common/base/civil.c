#include "common/base/civil.h"

#define MS_PER_HOUR INT64_C(3600000)
#define US_PER_SECOND INT64_C(1000000)
#define SECONDS_PER_DAY INT64_C(86400)

// Era arithmetic as in Howard Hinnant's "chrono-compatible low-level date algorithms".
int64_t civil_days(CivilDate date) {
    int64_t y = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = (date.month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

CivilDate civil_from_days(int64_t days) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int32_t month = (int32_t)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    return (CivilDate){
        .year = (int32_t)(year_of_era + era * 400 + (month <= 2)),
        .month = month,
        .day = (int32_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
    };
}

static bool parse_digits(const char *text, size_t count, int32_t *value) {
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *value = *value * 10 + (text[i] - '0');
    }
    return true;
}

bool civil_parse_date(Str text, CivilDate *date) {
    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-' || !parse_digits(text.ptr, 4, &date->year) ||
        !parse_digits(text.ptr + 5, 2, &date->month) || !parse_digits(text.ptr + 8, 2, &date->day)) {
        return false;
    }
    if (date->year < 1 || date->month < 1 || date->month > 12 || date->day < 1 || date->day > 31) {
        return false;
    }
    CivilDate again = date->day <= 28 ? *date : civil_from_days(civil_days(*date)); // differs past a short month's end
    return again.month == date->month;
}

// The last Sunday of a month of 31 days.
static int64_t last_sunday(int32_t year, int32_t month) {
    int64_t last = civil_days((CivilDate){year, month, 31});
    int64_t weekday = ((last + 4) % 7 + 7) % 7; // 1970-01-01 was a Thursday; Sunday is 0
    return last - weekday;
}

int64_t civil_close_of_poll_ms(CivilDate poll_date) {
    int64_t days = civil_days(poll_date);
    bool summer = days >= last_sunday(poll_date.year, 3) && days < last_sunday(poll_date.year, 10);
    return (days * 24 + (summer ? 21 : 22)) * MS_PER_HOUR;
}

static void put_digits(char *at, int64_t value, int count) {
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void civil_add_timestamp(Buf *out, int64_t us) {
    int64_t seconds = us / US_PER_SECOND - (us % US_PER_SECOND < 0);
    int64_t days = seconds / SECONDS_PER_DAY - (seconds % SECONDS_PER_DAY < 0);
    int64_t second_of_day = seconds - days * SECONDS_PER_DAY;
    CivilDate date = civil_from_days(days);
    char text[] = "0000-00-00T00:00:00.000000Z";
    put_digits(text, date.year, 4);
    put_digits(text + 5, date.month, 2);
    put_digits(text + 8, date.day, 2);
    put_digits(text + 11, second_of_day / 3600, 2);
    put_digits(text + 14, second_of_day / 60 % 60, 2);
    put_digits(text + 17, second_of_day % 60, 2);
    put_digits(text + 20, us - seconds * US_PER_SECOND, 6);
    buf_add(out, text, sizeof text - 1);
}
