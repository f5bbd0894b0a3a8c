#include "common/domain/record.h"

Str record_type_name(RecordType type) {
    static const char *const names[] = {NULL, "declared.WardDeclaration", "declared.CouncilReference",
                                        "declared.OperatorAction"};
    return str_from(names[type]);
}

Str declaration_kind_name(DeclarationKind kind) {
    static const char *const names[] = {"DECLARED", "CORRECTED", "WITHDRAWN", "POSTPONED"};
    return str_from(names[kind]);
}

Str revision_basis_name(RevisionBasis basis) {
    static const char *const names[] = {"DECLARATION", "VOTES_ADDED", "TRANSCRIPTION_FIX", "OFFICER_CORRECTION",
                                        "COURT_ORDER"};
    return str_from(names[basis]);
}

Str operator_action_name(OperatorActionKind kind) {
    static const char *const names[] = {"RELEASE", "REJECT", "APPROVE_CALL"};
    return str_from(names[kind]);
}
