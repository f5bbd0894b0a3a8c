#include "common/domain/snapshot.h"

Str status_name(Status status) {
    static const char *const names[] = {"awaiting", "in_progress", "called", "final"};
    return str_from(names[status]);
}

Str outcome_name(Outcome outcome) {
    static const char *const names[] = {NULL, "HOLD", "GAIN", "LOSS", "NO CHANGE", "NEW"};
    return str_from(names[outcome]);
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
