// What stands in one council's election: every declaration that has a place in it, which of them is
// in force for each ballot, and the newest snapshot. The live night and the rehearsal are two spaces
// of one election that share nothing but the reference data.
//
// State is a cache of the ledger: it is filled by applying ledger rows, and a worker throws it away
// whenever a transaction did not commit. One thread.
#pragma once

#include "services/aggregator/control.h"
#include "services/aggregator/rows.h"
#include "services/validator/rules.h"

// A declaration in its election, from its first fate on. Duplicates and what a rule rejected have no entry, nor has
// what the ballot was trimmed of. One block of memory: its candidates are behind it, then the packed declaration.
typedef struct Entry {
    int64_t lane_seq, kafka_offset;
    const Declaration *declaration; // of a draft, and not its own; NULL: entry_declaration has it
    uint32_t packed_bytes;
    uint32_t candidates_count;
    uint8_t event_id[16];
    const Str *source;   // one place for each source of the election: equal pointers, equal names
    int32_t kind, revision;
    int64_t declared_at_ms, reported_at_ms;
    Fate fate;
    RuleSet reasons;
    RuleSet holds;       // of the reasons: those that hold it, and are no mere warnings
    RuleSet identity;    // broken by the record as it came; does not change with reference data
    bool uncontested, by_lot; // by_lot: of those elected, at least one
    bool released;       // every rule but the UNKNOWN_ ones is waived
    bool rejected_by_operator;
    int32_t release;     // the how-maniest of the ballot's releases brought it to stand; 0: none did
    RuleSet waived_conflicts; // that its release waived: it goes into force over rank and revision
    CandidateResult candidates[];
} Entry;

// A ballot's entries, and which of them counts. An entry that was trimmed leaves two prints: of its event id, and of
// source and revision.
typedef struct Ballot {
    Str ballot_paper_id;                 // the election's, or its council's, or a retired one's
    const CouncilBallot *council_ballot; // NULL: the reference data has no such ballot, or there is none yet
    VEC(Entry *) entries;                // in order of lane_seq
    int32_t held;                        // entries that are held now
    Entry *in_force;                     // NULL: the ballot is open
    Entry *override;                     // put in force by a release over rank and revision
    int32_t releases;                    // that brought a record to stand
    VEC(uint16_t) prints;                // of its entries that only the ledger has
} Ballot;

typedef struct Space {
    bool is_test;
    VEC(Ballot *) ballots; // those that a record has concerned
    Ballot **known;        // of them, by the place in council->ballots; NULL: none there
    Map strangers;         // ballot paper id -> Ballot: those that the reference data do not have
    Count count;           // of all of council->ballots, as they stand
    int32_t ballots_held;
    // The newest snapshot.
    int32_t seq;   // 0: there is none yet
    Buf content_key; // what it said follows from this, and from the reference data
    Buf content;     // what it said, while the reference data are newer; else empty
    Control control;
    bool previous_control_lost, final;
    int32_t loss_flash_seq, call_flash_seq; // snapshots of the flashes that a retraction names
    int64_t called_at_us;                   // TIME_NONE: no call
    InputTopic call_topic;                  // of the record that caused the present call
    int64_t call_offset;
    bool approval_wanted; // the call waits for APPROVE_CALL
    Buf facts, facts_key;   // told with it or before; the key is empty while the reference data are newer
} Space;

typedef struct Election {
    Str election_id;
    Council *council; // NULL: no reference data yet
    VEC(Council *) retired; // earlier ones, which ballots and rows of the batch may still point into
    Space spaces[2];  // live, rehearsal
    Map sources;      // name -> Str
    const Str *last_source; // that a record came from: most often the next one's too
    bool foreign;     // another lane keeps this election's snapshots
    bool trimmed;     // entries that may be wanted again are only in the ledger
    int64_t used_at_us;   // when a record that concerned it was last received
    size_t entries_bytes; // of its entries, their copies and their lists
    size_t counted_bytes; // its part of its lane's; 0: none yet
    Arena memory;
} Election;

Election *election_new(Str election_id);
void election_free(Election *election);

// Memory that it takes, near enough.
size_t election_bytes(const Election *election);

// Drops the entries that only a reference or an action can bring into force again: those a newer revision of their
// source has overtaken. Before such a record is applied, or one that ballot_may_repeat, a trimmed election is loaded
// anew, from a ledger that must hold all that was applied.
void ballot_trim(Election *election, Ballot *ballot);

// Whether the declaration may repeat or contradict an entry that was trimmed: by prints of 16 bits, so it is sometimes
// true for one that does neither, and never false for one that does.
bool ballot_may_repeat(const Ballot *ballot, const Declaration *declaration);

// The ballot of that id in the space; NULL: no record has concerned it.
Ballot *election_find_ballot(const Election *election, const Space *space, Str ballot_paper_id);

// The same, made when it is not there.
Ballot *election_ballot(Election *election, Space *space, Str ballot_paper_id);

// The election's own place for the name of a source: see Entry.source.
const Str *election_source(Election *election, Str name);

// Ballots find their reference data anew.
void election_find_council_ballots(const Election *election, Space *space);

// An entry for the declaration in `scratch`, borrowing it: enough to be judged, once it has its places and event_id.
// Parties are folded by the reference data there is.
Entry *entry_draft(Election *election, const Declaration *declaration, Arena *scratch);

// The entry with its own copy of everything, among the ballot's entries. It is held by no count
// until entry_set_fate or entry_take_judgement.
Entry *entry_keep(Election *election, Ballot *ballot, const Entry *draft, Arena *scratch);

// Among the ballot's entries, as the newest; the election frees it.
void entry_add(Election *election, Ballot *ballot, Entry *entry);

// Room for so many more prints of the ballot, to be filled; not 0.
uint16_t *ballot_add_prints(Election *election, Ballot *ballot, size_t count);

// The entry's declaration, as it came. In `scratch`, its strings with the entry and the ballot.
const Declaration *entry_declaration(const Election *election, const Ballot *ballot, const Entry *entry,
                                     Arena *scratch);

// Folded parties, by the reference data there is now.
void entry_resolve(const Election *election, const Ballot *ballot, Entry *entry, Arena *scratch);

// Both of the ballot's entries say the same (spec 6): what a duplicate repeats.
bool entries_same_content(const Election *election, const Ballot *ballot, const Entry *a, const Entry *b,
                          Arena *scratch);

// Present fate; keeps the counts of held entries.
void entry_set_fate(Space *space, Ballot *ballot, Entry *entry, Fate fate);

static inline bool entry_stands(const Entry *entry) {
    return entry->fate == FATE_ACCEPTED || entry->fate == FATE_CORROBORATED || entry->fate == FATE_SUPERSEDED;
}

// In force for the ballot (spec 5), by the fates as they are; NULL: it is open.
Entry *ballot_find_in_force(const Ballot *ballot, const RuleBook *rules);

// How a ballot stands with this entry in force; NULL: it is open.
BallotResult entry_result(const Entry *entry);

// Of each of council->ballots.
BallotResult *space_results(const Space *space, const Council *council, Arena *arena);

// The source's standing entry of the highest revision; of equal revisions the one released last,
// else the first. NULL: none stands.
Entry *ballot_newest_of_source(const Ballot *ballot, const Str *source);

// Both elect the same multiset of folded parties, and both or neither is POSTPONED.
bool entries_same_winners(const Entry *a, const Entry *b, Arena *scratch);

// What the rules say of an entry, as things stand.
typedef struct Judgement {
    Fate fate;
    RuleSet reasons, holds;
    Str detail;
    RuleSet conflicts; // conflict rules that it breaks, waived or not
    bool overrides;    // accepted, and in force over rank and revision
} Judgement;

// By all rules of spec 6 that need its election. `entry` may be among the ballot's entries already
// (judged anew): it is never compared with itself, nor with what came after it.
Judgement entry_judge(const Election *election, const Ballot *ballot, const Entry *entry, const RuleBook *rules,
                      Arena *arena);

// Makes the judgement the entry's own. What a release put in force over rank and revision gives way
// to the next record that is accepted or released.
void entry_take_judgement(Space *space, Ballot *ballot, Entry *entry, const Judgement *judgement);
