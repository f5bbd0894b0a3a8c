#include "services/cli/reference_json.h"

#include "services/cli/json_fields.h"

static const Field party_fields[] = {
    FIELD(Party, party_id, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(Party, name, FIELD_TEXT, FIELD_REQUIRED),
    FIELD_AS(Party, "short", short_name, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(Party, group, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(Party, colour, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(Party, text_colour, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD_ARRAY(Party, folds, FIELD_TEXTS, FIELD_OPTIONAL, NULL),
    FIELD(Party, bloc, FIELD_TRILEAN, FIELD_OPTIONAL),
};
static const FieldShape party_shape = FIELD_SHAPE(Party, party_fields, true);

static const Field period_fields[] = {
    FIELD(ControlPeriod, from, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(ControlPeriod, party_id, FIELD_TEXT, FIELD_PRESENT),
    FIELD(ControlPeriod, reason, FIELD_TEXT, FIELD_OPTIONAL),
};
static const FieldShape period_shape = FIELD_SHAPE(ControlPeriod, period_fields, true);

static const Field previous_fields[] = {
    FIELD(PreviousControl, party_id, FIELD_TEXT, FIELD_PRESENT),
    FIELD(PreviousControl, seats, FIELD_COUNT, FIELD_OPTIONAL),
    FIELD(PreviousControl, seats_total, FIELD_COUNT, FIELD_OPTIONAL),
    FIELD(PreviousControl, seats_basis, FIELD_TEXT, FIELD_OPTIONAL),
};
static const FieldShape previous_shape = FIELD_SHAPE(PreviousControl, previous_fields, true);

static const Field baseline_fields[] = {
    FIELD(SeatBaseline, basis, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(SeatBaseline, seats, FIELD_SEATS, FIELD_OPTIONAL),
};
static const FieldShape baseline_shape = FIELD_SHAPE(SeatBaseline, baseline_fields, true);

static const Field ballot_fields[] = {
    FIELD(ReferenceBallot, ballot_paper_id, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(ReferenceBallot, ward_name, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(ReferenceBallot, ward_gss, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(ReferenceBallot, seats, FIELD_NUMBER, FIELD_REQUIRED),
    FIELD(ReferenceBallot, electorate, FIELD_COUNT, FIELD_OPTIONAL),
    FIELD(ReferenceBallot, nominations, FIELD_SEATS, FIELD_OPTIONAL),
    FIELD(ReferenceBallot, defending, FIELD_SEATS, FIELD_OPTIONAL),
};
static const FieldShape ballot_shape = FIELD_SHAPE(ReferenceBallot, ballot_fields, true);

static const Field council_fields[] = {
    FIELD(CouncilReference, council_id, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(CouncilReference, name, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(CouncilReference, short_name, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(CouncilReference, kind, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(CouncilReference, nation, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(CouncilReference, region, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(CouncilReference, area_word, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(CouncilReference, executive, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(CouncilReference, created, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(CouncilReference, election_id, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(CouncilReference, seats_total, FIELD_NUMBER, FIELD_REQUIRED),
    FIELD(CouncilReference, boundary_changes, FIELD_TRILEAN, FIELD_OPTIONAL),
    FIELD(CouncilReference, voting_system, FIELD_TEXT, FIELD_OPTIONAL),
    {.name = "previous_control",
     .type = FIELD_OBJECT,
     .need = FIELD_OPTIONAL,
     .offset = offsetof(CouncilReference, previous_control),
     .shape = &previous_shape},
    FIELD_ARRAY(CouncilReference, control_history, FIELD_OBJECTS, FIELD_OPTIONAL, &period_shape),
    {.name = "seat_baseline",
     .type = FIELD_OBJECT,
     .need = FIELD_OPTIONAL,
     .offset = offsetof(CouncilReference, seat_baseline),
     .shape = &baseline_shape},
    FIELD_ARRAY(CouncilReference, blocs, FIELD_BLOCS, FIELD_OPTIONAL, NULL),
    FIELD(CouncilReference, continuing, FIELD_SEATS, FIELD_OPTIONAL),
    FIELD(CouncilReference, vacant, FIELD_NUMBER, FIELD_OPTIONAL),
    FIELD_AS(CouncilReference, "expected_at", expected_at_ms, FIELD_TIME, FIELD_OPTIONAL),
    FIELD_ARRAY(CouncilReference, ballots, FIELD_OBJECTS, FIELD_REQUIRED, &ballot_shape),
};
static const FieldShape council_shape = FIELD_SHAPE(CouncilReference, council_fields, true);

static const Field file_fields[] = {
    FIELD_ARRAY(ReferenceFile, parties, FIELD_OBJECTS, FIELD_OPTIONAL, &party_shape),
    FIELD_ARRAY(ReferenceFile, councils, FIELD_OBJECTS, FIELD_REQUIRED, &council_shape),
};
static const FieldShape file_shape = FIELD_SHAPE(ReferenceFile, file_fields, true);

static void complete_council(CouncilReference *council, const json_t *json, const ReferenceFile *file) {
    council->new_council = json_object_get(json, "previous_control") == NULL;
    if (council->seat_baseline != NULL && council->seat_baseline->seats.entries == NULL) {
        council->seat_baseline = NULL; // a baseline whose seats are not known is none
    }
    council->parties = file->parties;
    council->parties_count = file->parties_count;
}

bool reference_json_parse(Str text, Str by, int64_t loaded_at_ms, Arena *arena, ReferenceFile *out, Str *error) {
    *out = (ReferenceFile){0};
    json_t *json = fields_load_json(text, arena, error);
    bool good = json != NULL && fields_read(&file_shape, json, out, arena, error);
    const json_t *councils = json_object_get(json, "councils");
    for (size_t i = 0; good && i < out->councils_count; i++) {
        complete_council(&out->councils[i], json_array_get(councils, i), out);
        out->councils[i].by = by;
        out->councils[i].loaded_at_ms = loaded_at_ms;
    }
    json_decref(json);
    return good;
}
