// Dates and clock times as people write them: UTC, the proleptic Gregorian calendar, and London's.
#pragma once

#include "common/base/buf.h"

typedef struct CivilDate {
    int32_t year, month, day;
} CivilDate;

// `YYYY-MM-DD`, a day that exists, years 1 to 9999.
bool civil_parse_date(Str text, CivilDate *date);

// Days since 1970-01-01, negative before.
int64_t civil_days(CivilDate date);

CivilDate civil_from_days(int64_t days);

// The moment when polls close on that day, 22:00 in London (Local Elections Rules 2006, rule 1 of
// Schedule 2), as milliseconds since 1970. Summer time from the last Sunday of March to the last of
// October, 01:00 UTC (Summer Time Act 1972, as amended 2002).
int64_t civil_close_of_poll_ms(CivilDate poll_date);

// RFC 3339 in UTC with six decimals: 2023-05-05T01:15:00.000000Z
void civil_add_timestamp(Buf *out, int64_t us);
