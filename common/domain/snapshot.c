#include "common/domain/snapshot.h"

Str status_name(Status status) {
    static const Str names[] = {STR_ENTRY("awaiting"), STR_ENTRY("in_progress"), STR_ENTRY("called"),
                                STR_ENTRY("final")};
    return names[status];
}

Str outcome_name(Outcome outcome) {
    static const Str names[] = {
        [OUTCOME_HOLD] = STR_ENTRY("HOLD"), [OUTCOME_GAIN] = STR_ENTRY("GAIN"),
        [OUTCOME_LOSS] = STR_ENTRY("LOSS"), [OUTCOME_NO_CHANGE] = STR_ENTRY("NO CHANGE"),
        [OUTCOME_NEW] = STR_ENTRY("NEW"),
    };
    return names[outcome];
}

Str control_text(const Council *council, Control control) {
    switch (control.kind) {
    case CONTROL_PARTY:
        return council->parties[control.party].party_id;
    case CONTROL_NOC:
        return STR_LIT("NOC");
    case CONTROL_UNKNOWN:
        break;
    }
    return STR_NONE;
}
