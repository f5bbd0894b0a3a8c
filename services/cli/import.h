// Results from elsewhere, made into declarations: the parts that every format shares.
//
// A reader (import_democracy_club_*.c) collects each ballot as its file has it; import_judge() then
// decides what is declared, or why the ballot is left out; the writers print. A ballot is imported
// or left out whole, and whatever happened to it is told with file and physical line. Everything
// here lives in one Import and its arena. Nothing but import.c touches a file. One thread.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/map.h"
#include "common/base/vec.h"
#include "common/domain/record.h"

#define IMPORT_SOURCE "democracy-club"

// Text is trimmed, and empty or absent where the file has none; counts are COUNT_UNKNOWN.
typedef struct ImportCandidate {
    size_t line;
    Str person_id, name, party_id, party_name, description;
    int64_t votes;
    bool elected, by_lot;
} ImportCandidate;

typedef enum ImportOutcome { IMPORT_LEFT_OUT, IMPORT_DECLARED, IMPORT_POSTPONED } ImportOutcome;

typedef struct ImportBallot {
    // As the file has it.
    Str file;
    size_t line; // of its first row
    Str ballot_paper_id, election_id, ward_name, ward_gss, region, voting_system, source;
    int64_t turnout;            // papers, votes or a percentage: see import_judge
    bool turnout_is_percentage; // the file says so
    int64_t rejected_papers, electorate, seats_stated;
    bool cancelled;
    VEC(ImportCandidate) candidates;

    // Why it is left out: the first reason found. A reader may set it with import_refuse.
    Str refusal;
    size_t refusal_line;
    Str repeated_in; // the last file of which it was told that the ballot was there already

    // By import_judge; the candidates' party ids, votes and lots are then as declared too.
    ImportOutcome outcome;
    Str organisation; // absent: no ballot of a council's election, or an id that makes no sense
    const char *nation;
    bool by_election, stv, uncontested;
    bool losers_missing; // the file lists the elected alone
    int64_t close_of_poll_ms;
    int64_t seats; // 0: not known
    int64_t ballot_papers;
    Str note; // absent: none
} ImportBallot;

// What the closing line on standard error counts.
typedef struct ImportCounts {
    size_t imported, left_out, postponed, uncontested, by_lot;
    size_t turnout_percentages, turnout_votes, votes_unknown;
} ImportCounts;

typedef struct Import {
    Arena memory;
    VEC(ImportBallot *) ballots; // in the order of first appearance
    Map by_id;
    Buf told; // lines for standard error
    ImportCounts counts;
} Import;

void import_free(Import *import);

// A line for standard error: "FILE:LINE: what is said".
__attribute__((format(printf, 4, 5))) void import_tell(Import *import, Str file, size_t line, const char *format, ...);

// A new ballot. NULL, and told once for each file: that id was met already.
ImportBallot *import_new_ballot(Import *import, Str file, size_t line, Str ballot_paper_id);

// The same, for files that spread a ballot over rows: a ballot that this very file began is found.
ImportBallot *import_ballot(Import *import, Str file, size_t line, Str ballot_paper_id);

// Leaves the ballot out, for this reason unless there is one.
__attribute__((format(printf, 4, 5))) void import_refuse(Import *import, ImportBallot *ballot, size_t line,
                                                         const char *format, ...);

// A new last candidate, all unknown.
ImportCandidate *import_add_candidate(ImportBallot *ballot, size_t line);

// Without the white space around it, no-break spaces included.
Str import_trim(Str text);

typedef enum ImportNumber { NUMBER_NONE, NUMBER_COUNT, NUMBER_PERCENTAGE, NUMBER_BAD } ImportNumber;

// `1234`, `1,234` and `1234.0` are counts; `24.5` and `24%` percentages; empty is none.
ImportNumber import_parse_number(Str text, int64_t *count);

// `True`, `t`, `1`, `yes`, `elected` and the like. False: the text is neither that nor its opposite.
bool import_parse_flag(Str text, bool *flag);

// The ward's code in `gss:E05000030`, `MTW:E05010881` or `E05000030`; empty where there is none.
Str import_gss(Str post_id);

// Readers. False: the file cannot be read, with the reason in `error` (arena). `file` is its name, for
// messages; `text` outlives the import.
bool import_democracy_club_csv(Import *import, Str file, Str text, Str *error);
bool import_democracy_club_json(Import *import, Str file, Str text, Str *error);

// Sets the outcome of a ballot, and counts and tells it. Once for each ballot.
void import_judge(Import *import, ImportBallot *ballot);

// A WardDeclaration as a JSON line. Only for ballots that are not left out.
void import_write_declaration(Import *import, const ImportBallot *ballot, Buf *out);

// Reference data (JSON) of all elections met, with what no file of results tells left null.
void import_write_reference(Import *import, Buf *out);
