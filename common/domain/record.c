#include "common/domain/record.h"

Str record_type_name(RecordType type) {
    static const Str names[] = {
        [RECORD_DECLARATION] = STR_ENTRY("declared.WardDeclaration"),
        [RECORD_REFERENCE] = STR_ENTRY("declared.CouncilReference"),
        [RECORD_ACTION] = STR_ENTRY("declared.OperatorAction"),
    };
    return names[type];
}

Str declaration_kind_name(DeclarationKind kind) {
    static const Str names[] = {STR_ENTRY("DECLARED"), STR_ENTRY("CORRECTED"), STR_ENTRY("WITHDRAWN"),
                                STR_ENTRY("POSTPONED")};
    return names[kind];
}

Str revision_basis_name(RevisionBasis basis) {
    static const Str names[] = {STR_ENTRY("DECLARATION"), STR_ENTRY("VOTES_ADDED"), STR_ENTRY("TRANSCRIPTION_FIX"),
                                STR_ENTRY("OFFICER_CORRECTION"), STR_ENTRY("COURT_ORDER")};
    return names[basis];
}

Str operator_action_name(OperatorActionKind kind) {
    static const Str names[] = {STR_ENTRY("RELEASE"), STR_ENTRY("REJECT"), STR_ENTRY("APPROVE_CALL")};
    return names[kind];
}
