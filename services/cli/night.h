// A synthetic election night, the same for the same options on every machine. Pure.
//
// Councils of wards are made up with parties, nominations, electorates and who held what before;
// their wards declare through the night, then revise, withdraw, repeat and contradict themselves as
// the shares say. Every declaration keeps the rules of fates.h, but for those asked to break one.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/civil.h"

enum {
    NIGHT_PARTIES = 6,
    NIGHT_SEATS_MAX = 3,        // of a ward
    NIGHT_WARDS_MEAN_MAX = 120, // of a council: the largest real ones have some 100
    NIGHT_CANDIDATES_MAX = NIGHT_PARTIES * NIGHT_SEATS_MAX,
    NIGHT_COUNCILS_MAX = 10000,
    NIGHT_LINES_MAX = 10 * 1000 * 1000, // bounds the plan's memory to half a gigabyte
};

// Shares of all lines, 0 to 1, together less than 1.
typedef struct NightShares {
    double corrections, duplicates, withdrawals, postponements, conflicts, garbage;
} NightShares;

typedef struct NightOptions {
    uint64_t seed;
    int64_t councils;     // 1 to NIGHT_COUNCILS_MAX
    int64_t declarations; // lines in all, 0 to NIGHT_LINES_MAX
    NightShares shares;
    bool is_test;
    CivilDate poll_date;
} NightOptions;

typedef struct NightCouncil {
    Str name, slug; // in the arena
    uint32_t first_ward, wards;
    bool thirds;
    uint32_t weights[NIGHT_PARTIES]; // how strong each party is here
    int64_t continuing[NIGHT_PARTIES], defending[NIGHT_PARTIES];
    int64_t seats_total;
    int previous; // party, or -1: no overall control
    int64_t first_declaration_s;
} NightCouncil;

typedef struct NightWard {
    uint32_t council;
    uint32_t name; // no two wards of a council have the same, modulo 600
    uint8_t seats;
    bool uncontested;
    uint8_t nominated[NIGHT_PARTIES], defending[NIGHT_PARTIES];
    int32_t electorate, papers, rejected;
} NightWard;

typedef enum NightKind { NIGHT_DECLARED, NIGHT_CORRECTED, NIGHT_WITHDRAWN, NIGHT_POSTPONED, NIGHT_GARBAGE } NightKind;

typedef struct NightLine {
    int64_t sent_s;     // since 1970: gives the lines their order
    int64_t declared_s; // what the line says
    uint32_t order;     // among lines of the same second
    uint32_t ward;
    int32_t revision;
    uint8_t kind; // NightKind
    bool other;   // a conflict: other votes than the same revision had
} NightLine;

typedef struct Night {
    NightOptions options;
    Arena memory;
    NightCouncil *councils;
    NightWard *wards;
    size_t wards_count;
    NightLine *lines; // in the order in which they are sent
    size_t lines_count;
} Night;

typedef struct NightCandidate {
    uint8_t party;
    bool joint; // stands as Labour and Co-operative
    bool elected, by_lot;
    int32_t votes;
} NightCandidate;

// Null when the shares leave no room for first declarations, or a number is out of its bounds; `error`
// then says which, in words that live for ever.
Night *night_new(const NightOptions *options, const char **error);
void night_free(Night *night);

// What a ward's revision says: candidates by party, at most NIGHT_CANDIDATES_MAX. Returns how many.
size_t night_result(const Night *night, const NightLine *line, NightCandidate *candidates);

// A line of JSON as `declarectl publish` takes it.
void night_write_line(const Night *night, const NightLine *line, Buf *out);

// Reference data for `declarectl reference load`.
void night_write_reference(const Night *night, Buf *out);
