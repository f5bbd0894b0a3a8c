#include "services/gateway/filter.h"

// Absent after the last.
static Str next_item(Str *list) {
    if (str_is_none(*list)) {
        return STR_NONE;
    }
    const char *comma = list->len == 0 ? NULL : memchr(list->ptr, ',', list->len);
    size_t len = comma == NULL ? list->len : (size_t)(comma - list->ptr);
    Str item = str_slice(*list, 0, len);
    *list = comma == NULL ? STR_NONE : str_slice(*list, len + 1, list->len);
    return item;
}

static bool lists(Str list, Str wanted) {
    for (Str item; !str_is_none(item = next_item(&list));) {
        if (str_equal(item, wanted)) {
            return true;
        }
    }
    return false;
}

static bool fits(Str list, Str value) {
    return str_is_none(list) || lists(list, value);
}

bool filter_set_kinds(Filter *filter, Str kinds) {
    for (size_t i = 0; i < EVENT_KINDS; i++) {
        filter->kinds[i] = str_is_none(kinds) || lists(kinds, str_from(event_kind_names[i]));
    }
    for (Str item; !str_is_none(item = next_item(&kinds));) {
        bool known = false;
        for (size_t i = 0; i < EVENT_KINDS; i++) {
            known = known || str_equal_text(item, event_kind_names[i]);
        }
        if (!known) {
            return false;
        }
    }
    return true;
}

bool filter_passes(const Filter *filter, const Event *event) {
    return filter->kinds[event->kind] && fits(filter->councils, event->council_id) &&
           fits(filter->elections, event->election_id) && fits(filter->regions, event->region) &&
           (fits(filter->parties, event->control) || fits(filter->parties, event->previous_control));
}
