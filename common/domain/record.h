// The records that arrive, as C values (spec 3). Strings point into the memory the decoder was
// given (a batch's arena); nothing here owns anything. Field names are those of schemas/avro/.
#pragma once

#include "common/base/str.h"

#include <stdint.h>

// A count that the record does not give (Avro null). Outside what Avro's int can carry.
#define COUNT_UNKNOWN INT64_MIN

typedef enum RecordType { RECORD_NONE, RECORD_DECLARATION, RECORD_REFERENCE, RECORD_ACTION } RecordType;

// The schema's full name: declared.WardDeclaration ...; absent for RECORD_NONE.
Str record_type_name(RecordType type);

// Values are the index of the symbol in the reader's schema.
typedef enum DeclarationKind { KIND_DECLARED, KIND_CORRECTED, KIND_WITHDRAWN, KIND_POSTPONED } DeclarationKind;
typedef enum RevisionBasis {
    BASIS_DECLARATION,
    BASIS_VOTES_ADDED,
    BASIS_TRANSCRIPTION_FIX,
    BASIS_OFFICER_CORRECTION,
    BASIS_COURT_ORDER
} RevisionBasis;
typedef enum OperatorActionKind { ACTION_RELEASE, ACTION_REJECT, ACTION_APPROVE_CALL } OperatorActionKind;

Str declaration_kind_name(DeclarationKind kind);
Str revision_basis_name(RevisionBasis basis);
Str operator_action_name(OperatorActionKind kind);

typedef struct Candidate {
    Str candidate_id, name, party_id, description;
    int64_t votes; // or COUNT_UNKNOWN
    bool elected, elected_by_lot;
} Candidate;

typedef struct Declaration {
    Str event_id;
    Str election_id, ballot_paper_id, council_id, ward_name;
    int32_t kind; // DeclarationKind
    int32_t revision;
    int32_t basis;                       // RevisionBasis
    int64_t declared_at_ms, reported_at_ms; // since 1970, UTC
    Str source, source_url;
    bool is_test, uncontested;
    int64_t seats;
    int64_t electorate, ballot_papers, rejected_papers; // or COUNT_UNKNOWN
    Candidate *candidates;
    size_t candidates_count;
    Str note;
} Declaration;

typedef struct OperatorAction {
    int32_t action; // OperatorActionKind
    Str topic;
    int32_t partition;
    int64_t kafka_offset;
    Str by, note;
    int64_t acted_at_ms;
} OperatorAction;

// An entry of an Avro map.
typedef struct PartySeats {
    Str party_id;
    int64_t seats;
} PartySeats;

typedef struct PartySeatsMap {
    PartySeats *entries; // NULL: not known (Avro null), which differs from an empty map
    size_t count;
} PartySeatsMap;

typedef struct PartyBloc {
    Str party_id;
    bool bloc;
} PartyBloc;

typedef enum Trilean { TRILEAN_UNKNOWN, TRILEAN_FALSE, TRILEAN_TRUE } Trilean;

typedef struct Party {
    Str party_id, name, short_name, group, colour, text_colour; // short_name: the field "short"
    Str *folds;
    size_t folds_count;
    int32_t bloc; // Trilean
} Party;

typedef struct ControlPeriod {
    Str from; // YYYY-MM-DD
    Str party_id; // absent: no overall control
    Str reason;
} ControlPeriod;

typedef struct PreviousControl {
    Str party_id; // absent: no overall control
    int64_t seats, seats_total;
    Str seats_basis;
} PreviousControl;

typedef struct SeatBaseline {
    Str basis;
    PartySeatsMap seats;
} SeatBaseline;

typedef struct ReferenceBallot {
    Str ballot_paper_id, ward_name, ward_gss;
    int64_t seats, electorate;
    PartySeatsMap nominations, defending;
} ReferenceBallot;

typedef struct CouncilReference {
    Str council_id, name, short_name, kind, nation, region, area_word, executive, created;
    Str election_id;
    int64_t seats_total;
    int32_t boundary_changes; // Trilean
    Str voting_system;
    bool new_council;
    PreviousControl *previous_control; // NULL: not known, or a new council
    ControlPeriod *control_history;
    size_t control_history_count;
    SeatBaseline *seat_baseline; // NULL: not known
    PartyBloc *blocs;
    size_t blocs_count;
    PartySeatsMap continuing;
    int64_t vacant;
    int64_t expected_at_ms; // or COUNT_UNKNOWN
    ReferenceBallot *ballots;
    size_t ballots_count;
    Party *parties;
    size_t parties_count;
    Str by;
    int64_t loaded_at_ms;
} CouncilReference;

// One decoded record, whichever it is.
typedef struct Record {
    RecordType type;
    union {
        Declaration declaration;
        CouncilReference reference;
        OperatorAction action;
    };
} Record;
