// A council as the rules of control need it: reference data with parties folded and looked up.
//
// Made once from a checked CouncilReference, then read-only. It owns a deep copy of everything it
// points to, so the record may go.
#pragma once

#include "common/base/arena.h"
#include "common/base/civil.h"
#include "common/base/map.h"
#include "common/domain/record.h"

// An index into Council.parties.
typedef uint32_t PartyIndex;
#define PARTY_NONE UINT32_MAX

typedef struct CouncilParty {
    Str party_id, name, short_name, group, colour, text_colour;
    bool bloc;   // false: its seats are many parties of one, which cannot control (independents)
    bool listed; // false: only named in a map of the reference data; its candidates are unknown
    int32_t continuing;
    int32_t baseline; // of Council.baseline_known
} CouncilParty;

typedef struct PartyCount {
    PartyIndex party;
    int32_t count;
} PartyCount;

// An id under which a listed party stands, its own or one folded into it.
typedef struct PartyKey {
    uint64_t word; // str_word() of the id
    Str id;
    PartyIndex party;
} PartyKey;

typedef struct CouncilBallot {
    Str ballot_paper_id, ward_name, ward_gss;
    int32_t seats;
    int64_t electorate;          // or COUNT_UNKNOWN
    bool nominations_known;
    PartyCount *nominations;     // folded: one entry a party
    size_t nominations_count;
    int32_t nominations_total;
    bool defending_known;
    PartyCount *defending;
    size_t defending_count;
} CouncilBallot;

typedef struct Council {
    const CouncilReference *reference; // a copy without its ballots; names and other facts are read from here
    Str short_name;                    // for headlines: as given, or the name in upper case
    CivilDate poll_date;
    int64_t close_of_poll_ms; // of that day
    bool counted; // false: by-elections alone, which have no control and are in no totals
    bool stv;
    bool previous_known;        // false: not known, or a new council
    PartyIndex previous_party;  // PARTY_NONE: no overall control
    int32_t seats_total, threshold; // threshold: floor(seats_total / 2) + 1
    bool baseline_known;
    CouncilParty *parties;
    size_t parties_count;
    CouncilBallot *ballots;
    size_t ballots_count;
    Map party_of;  // party id, folded ids included -> CouncilParty
    PartyKey *listed; // sorted: what council_find_party looks through, once for every candidate
    size_t listed_count;
    Map ballot_of; // ballot paper id -> CouncilBallot
    Arena memory;
} Council;

// Independent candidates as Democracy Club writes them: no bloc unless the reference data says so.
#define PARTY_INDEPENDENT "ynmp-party:2"

// Of a reference that passed reference_check. The caller frees it.
Council *council_new(const CouncilReference *reference);
void council_free(Council *council);

// The folded party, or PARTY_NONE when the reference data does not list it.
PartyIndex council_find_party(const Council *council, Str party_id);

// NULL when the reference data has no such ballot.
const CouncilBallot *council_find_ballot(const Council *council, Str ballot_paper_id);
