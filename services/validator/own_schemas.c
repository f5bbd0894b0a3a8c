#include "services/validator/own_schemas.h"

#include "common/base/embedded.h"
#include "common/domain/snapshot_record.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

extern const EmbeddedFile validator_files[];

static const Binding item_string = {.kind = BIND_STR};
static const Binding item_party_seats = {.kind = BIND_INT64, .offset = offsetof(PartySeats, seats)};
static const Binding item_party_bloc = {.kind = BIND_BOOL, .offset = offsetof(PartyBloc, bloc)};

_Static_assert(offsetof(PartySeats, party_id) == 0 && offsetof(PartyBloc, party_id) == 0,
               "a map's item begins with its key");

// clang-format off
#define BIND_SEATS(type, wire, member) \
    {.name = (wire), \
     .kind = BIND_MAP, \
     .offset = offsetof(type, member) + offsetof(PartySeatsMap, entries), \
     .count_offset = offsetof(type, member) + offsetof(PartySeatsMap, count), \
     .size = sizeof(PartySeats), \
     .item = &item_party_seats}
// clang-format on

static const Binding candidate_fields[] = {
    BIND_FIELD(Candidate, STR, "candidate_id", candidate_id),
    BIND_FIELD(Candidate, STR, "name", name),
    BIND_FIELD(Candidate, STR, "party_id", party_id),
    BIND_FIELD(Candidate, STR, "description", description),
    BIND_FIELD(Candidate, INT64, "votes", votes),
    BIND_FIELD(Candidate, BOOL, "elected", elected),
    BIND_FIELD(Candidate, BOOL, "elected_by_lot", elected_by_lot),
};
static const Binding candidate = BIND_STRUCT(Candidate, candidate_fields);

static const Binding declaration_fields[] = {
    BIND_FIELD(Declaration, STR, "event_id", event_id),
    BIND_FIELD(Declaration, STR, "election_id", election_id),
    BIND_FIELD(Declaration, STR, "ballot_paper_id", ballot_paper_id),
    BIND_FIELD(Declaration, STR, "council_id", council_id),
    BIND_FIELD(Declaration, STR, "ward_name", ward_name),
    BIND_FIELD(Declaration, ENUM, "kind", kind),
    BIND_FIELD(Declaration, INT32, "revision", revision),
    BIND_FIELD(Declaration, ENUM, "basis", basis),
    BIND_FIELD(Declaration, INT64, "declared_at", declared_at_ms),
    BIND_FIELD(Declaration, INT64, "reported_at", reported_at_ms),
    BIND_FIELD(Declaration, STR, "source", source),
    BIND_FIELD(Declaration, STR, "source_url", source_url),
    BIND_FIELD(Declaration, BOOL, "is_test", is_test),
    BIND_FIELD(Declaration, INT64, "seats", seats),
    BIND_FIELD(Declaration, BOOL, "uncontested", uncontested),
    BIND_FIELD(Declaration, INT64, "electorate", electorate),
    BIND_FIELD(Declaration, INT64, "ballot_papers", ballot_papers),
    BIND_FIELD(Declaration, INT64, "rejected_papers", rejected_papers),
    BIND_ITEMS(Declaration, ARRAY, "candidates", candidates, candidates_count, candidate, Candidate),
    BIND_FIELD(Declaration, STR, "note", note),
};
static const Binding declaration = BIND_STRUCT(Declaration, declaration_fields);

static const Binding action_fields[] = {
    BIND_FIELD(OperatorAction, ENUM, "action", action),
    BIND_FIELD(OperatorAction, STR, "topic", topic),
    BIND_FIELD(OperatorAction, INT32, "partition", partition),
    BIND_FIELD(OperatorAction, INT64, "kafka_offset", kafka_offset),
    BIND_FIELD(OperatorAction, STR, "by", by),
    BIND_FIELD(OperatorAction, STR, "note", note),
    BIND_FIELD(OperatorAction, INT64, "acted_at", acted_at_ms),
};
static const Binding action = BIND_STRUCT(OperatorAction, action_fields);

static const Binding previous_control_fields[] = {
    BIND_FIELD(PreviousControl, STR, "party_id", party_id),
    BIND_FIELD(PreviousControl, INT64, "seats", seats),
    BIND_FIELD(PreviousControl, INT64, "seats_total", seats_total),
    BIND_FIELD(PreviousControl, STR, "seats_basis", seats_basis),
};
static const Binding previous_control = BIND_STRUCT(PreviousControl, previous_control_fields);

static const Binding control_period_fields[] = {
    BIND_FIELD(ControlPeriod, STR, "from", from),
    BIND_FIELD(ControlPeriod, STR, "party_id", party_id),
    BIND_FIELD(ControlPeriod, STR, "reason", reason),
};
static const Binding control_period = BIND_STRUCT(ControlPeriod, control_period_fields);

static const Binding seat_baseline_fields[] = {
    BIND_FIELD(SeatBaseline, STR, "basis", basis),
    BIND_SEATS(SeatBaseline, "seats", seats),
};
static const Binding seat_baseline = BIND_STRUCT(SeatBaseline, seat_baseline_fields);

static const Binding ballot_fields[] = {
    BIND_FIELD(ReferenceBallot, STR, "ballot_paper_id", ballot_paper_id),
    BIND_FIELD(ReferenceBallot, STR, "ward_name", ward_name),
    BIND_FIELD(ReferenceBallot, STR, "ward_gss", ward_gss),
    BIND_FIELD(ReferenceBallot, INT64, "seats", seats),
    BIND_FIELD(ReferenceBallot, INT64, "electorate", electorate),
    BIND_SEATS(ReferenceBallot, "nominations", nominations),
    BIND_SEATS(ReferenceBallot, "defending", defending),
};
static const Binding ballot = BIND_STRUCT(ReferenceBallot, ballot_fields);

static const Binding party_fields[] = {
    BIND_FIELD(Party, STR, "party_id", party_id),
    BIND_FIELD(Party, STR, "name", name),
    BIND_FIELD(Party, STR, "short", short_name),
    BIND_FIELD(Party, STR, "group", group),
    BIND_FIELD(Party, STR, "colour", colour),
    BIND_FIELD(Party, STR, "text_colour", text_colour),
    BIND_ITEMS(Party, ARRAY, "folds", folds, folds_count, item_string, Str),
    BIND_FIELD(Party, TRILEAN, "bloc", bloc),
};
static const Binding party = BIND_STRUCT(Party, party_fields);

static const Binding reference_fields[] = {
    BIND_FIELD(CouncilReference, STR, "council_id", council_id),
    BIND_FIELD(CouncilReference, STR, "name", name),
    BIND_FIELD(CouncilReference, STR, "short_name", short_name),
    BIND_FIELD(CouncilReference, STR, "kind", kind),
    BIND_FIELD(CouncilReference, STR, "nation", nation),
    BIND_FIELD(CouncilReference, STR, "region", region),
    BIND_FIELD(CouncilReference, STR, "area_word", area_word),
    BIND_FIELD(CouncilReference, STR, "executive", executive),
    BIND_FIELD(CouncilReference, STR, "created", created),
    BIND_FIELD(CouncilReference, STR, "election_id", election_id),
    BIND_FIELD(CouncilReference, INT64, "seats_total", seats_total),
    BIND_FIELD(CouncilReference, TRILEAN, "boundary_changes", boundary_changes),
    BIND_FIELD(CouncilReference, STR, "voting_system", voting_system),
    BIND_FIELD(CouncilReference, BOOL, "new_council", new_council),
    BIND_OPTIONAL(CouncilReference, "previous_control", previous_control, previous_control, PreviousControl),
    BIND_ITEMS(CouncilReference, ARRAY, "control_history", control_history, control_history_count, control_period,
               ControlPeriod),
    BIND_OPTIONAL(CouncilReference, "seat_baseline", seat_baseline, seat_baseline, SeatBaseline),
    BIND_ITEMS(CouncilReference, MAP, "blocs", blocs, blocs_count, item_party_bloc, PartyBloc),
    BIND_SEATS(CouncilReference, "continuing", continuing),
    BIND_FIELD(CouncilReference, INT64, "vacant", vacant),
    BIND_FIELD(CouncilReference, INT64, "expected_at", expected_at_ms),
    BIND_ITEMS(CouncilReference, ARRAY, "ballots", ballots, ballots_count, ballot, ReferenceBallot),
    BIND_ITEMS(CouncilReference, ARRAY, "parties", parties, parties_count, party, Party),
    BIND_FIELD(CouncilReference, STR, "by", by),
    BIND_FIELD(CouncilReference, INT64, "loaded_at", loaded_at_ms),
};
static const Binding reference = BIND_STRUCT(CouncilReference, reference_fields);

static const Binding snapshot_seats_fields[] = {
    BIND_FIELD(SnapshotSeats, STR, "party_id", party_id),
    BIND_FIELD(SnapshotSeats, STR, "short", short_name),
    BIND_FIELD(SnapshotSeats, STR, "group", group),
    BIND_FIELD(SnapshotSeats, STR, "colour", colour),
    BIND_FIELD(SnapshotSeats, STR, "text_colour", text_colour),
    BIND_FIELD(SnapshotSeats, INT32, "held", held),
    BIND_FIELD(SnapshotSeats, INT32, "won", won),
    BIND_FIELD(SnapshotSeats, INT32, "continuing", continuing),
    BIND_FIELD(SnapshotSeats, INT64, "change", change),
    BIND_FIELD(SnapshotSeats, INT64, "votes", votes),
};
static const Binding snapshot_seats = BIND_STRUCT(SnapshotSeats, snapshot_seats_fields);

static const Binding snapshot_cause_fields[] = {
    BIND_FIELD(SnapshotCause, STR, "record", record),
    BIND_FIELD(SnapshotCause, STR, "topic", topic),
    BIND_FIELD(SnapshotCause, INT32, "partition", partition),
    BIND_FIELD(SnapshotCause, INT64, "kafka_offset", kafka_offset),
    BIND_FIELD(SnapshotCause, INT32, "lane", lane),
    BIND_FIELD(SnapshotCause, INT64, "lane_seq", lane_seq),
    BIND_FIELD(SnapshotCause, STR, "event_id", event_id),
    BIND_FIELD(SnapshotCause, STR, "ballot_paper_id", ballot_paper_id),
    BIND_FIELD(SnapshotCause, INT64, "revision", revision),
    BIND_FIELD(SnapshotCause, STR, "by", by),
};

static const Binding snapshot_fields[] = {
    BIND_FIELD(CouncilControlSnapshot, STR, "election_id", election_id),
    BIND_FIELD(CouncilControlSnapshot, STR, "council_id", council_id),
    BIND_FIELD(CouncilControlSnapshot, STR, "council_name", council_name),
    BIND_FIELD(CouncilControlSnapshot, STR, "short_name", short_name),
    BIND_FIELD(CouncilControlSnapshot, STR, "kind", kind),
    BIND_FIELD(CouncilControlSnapshot, STR, "nation", nation),
    BIND_FIELD(CouncilControlSnapshot, STR, "region", region),
    BIND_FIELD(CouncilControlSnapshot, INT32, "poll_date", poll_date),
    BIND_FIELD(CouncilControlSnapshot, INT32, "seq", seq),
    BIND_FIELD(CouncilControlSnapshot, INT64, "recorded_at", recorded_at_us),
    BIND_FIELD(CouncilControlSnapshot, STR, "status", status),
    BIND_FIELD(CouncilControlSnapshot, STR, "control", control),
    BIND_FIELD(CouncilControlSnapshot, STR, "outcome", outcome),
    BIND_FIELD(CouncilControlSnapshot, STR, "gained_from", gained_from),
    BIND_FIELD(CouncilControlSnapshot, STR, "previous_control", previous_control),
    BIND_FIELD(CouncilControlSnapshot, BOOL, "previous_control_lost", previous_control_lost),
    BIND_FIELD(CouncilControlSnapshot, INT64, "majority", majority),
    BIND_FIELD(CouncilControlSnapshot, INT64, "majority_at_least", majority_at_least),
    BIND_FIELD(CouncilControlSnapshot, STR, "largest_party", largest_party),
    BIND_FIELD(CouncilControlSnapshot, INT32, "seats_total", seats_total),
    BIND_FIELD(CouncilControlSnapshot, INT32, "threshold", threshold),
    BIND_FIELD(CouncilControlSnapshot, INT32, "seats_declared", seats_declared),
    BIND_FIELD(CouncilControlSnapshot, INT32, "seats_to_come", seats_to_come),
    BIND_FIELD(CouncilControlSnapshot, INT32, "seats_postponed", seats_postponed),
    BIND_FIELD(CouncilControlSnapshot, INT32, "ballots_total", ballots_total),
    BIND_FIELD(CouncilControlSnapshot, INT32, "ballots_declared", ballots_declared),
    BIND_FIELD(CouncilControlSnapshot, INT32, "ballots_postponed", ballots_postponed),
    BIND_FIELD(CouncilControlSnapshot, INT32, "ballots_held", ballots_held),
    BIND_FIELD(CouncilControlSnapshot, BOOL, "votes_complete", votes_complete),
    BIND_ITEMS(CouncilControlSnapshot, ARRAY, "seats", seats, seats_count, snapshot_seats, SnapshotSeats),
    BIND_FIELD(CouncilControlSnapshot, STR, "headline", headline),
    BIND_FIELD(CouncilControlSnapshot, STR, "headline_short", headline_short),
    BIND_FIELD(CouncilControlSnapshot, INT64, "called_at", called_at_us),
    {.name = "cause",
     .kind = BIND_RECORD,
     .offset = offsetof(CouncilControlSnapshot, cause),
     .size = sizeof(SnapshotCause),
     .fields = snapshot_cause_fields,
     .fields_count = sizeof snapshot_cause_fields / sizeof snapshot_cause_fields[0]},
};
static const Binding snapshot = BIND_STRUCT(CouncilControlSnapshot, snapshot_fields);

// A further record takes a file in schemas/avro/, a table above, and a row here.
// clang-format off
#define OWN(record_type, file_name, binding_of, member) \
    {.type = (record_type), \
     .file = {(file_name), sizeof(file_name) - 1}, \
     .binding = &(binding_of), \
     .offset = offsetof(Record, member)}
// clang-format on
static OwnSchema schemas[] = {
    OWN(RECORD_DECLARATION, "ward-declaration.avsc", declaration, declaration),
    OWN(RECORD_ACTION, "operator-action.avsc", action, action),
    OWN(RECORD_REFERENCE, "council-reference.avsc", reference, reference),
    {.type = RECORD_NONE, .file = {"council-control-snapshot.avsc", 29}, .binding = &snapshot},
};
enum { SCHEMAS_COUNT = sizeof schemas / sizeof schemas[0] };

static Arena trees; // of the process, never freed
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    for (size_t i = 0; i < SCHEMAS_COUNT; i++) {
        OwnSchema *own = &schemas[i];
        Str error = STR_NONE;
        own->json = embedded_find(validator_files, own->file.ptr);
        if (!schema_parse(&own->schema, own->json, &trees, &error) ||
            !binding_attach(own->binding, own->schema.root, &trees, &error)) {
            fprintf(stderr, "%s: " STR_FMT "\n", own->file.ptr, STR_ARG(error));
            abort();
        }
        own->fingerprint = schema_fingerprint(own->schema.root);
    }
}

const OwnSchema *own_schemas(size_t *count) {
    pthread_once(&once, load);
    *count = SCHEMAS_COUNT;
    return schemas;
}

const OwnSchema *own_schema_by_name(Str full_name) {
    size_t count;
    const OwnSchema *own = own_schemas(&count);
    for (size_t i = 0; i < count; i++) {
        if (str_equal(own[i].schema.root->name, full_name)) {
            return &own[i];
        }
    }
    return NULL;
}

Str own_schema_ids(void) {
    return embedded_find(validator_files, "ids.json");
}
