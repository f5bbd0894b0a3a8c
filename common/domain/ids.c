#include "common/domain/ids.h"

enum { PARTS_MAX = 5 };

// Cuts at the dots; returns how many parts there are, or 0 when one is empty or there are too many.
static size_t split_parts(Str id, Str parts[PARTS_MAX]) {
    size_t count = 0;
    for (size_t start = 0, end; start <= id.len; start = end + 1) {
        const char *dot = start == id.len ? NULL : memchr(id.ptr + start, '.', id.len - start);
        end = dot == NULL ? id.len : (size_t)(dot - id.ptr);
        if (end == start || count == PARTS_MAX) {
            return 0;
        }
        parts[count++] = str_slice(id, start, end);
    }
    return count;
}

bool ids_parse(Str id, ContestId *out) {
    Str parts[PARTS_MAX];
    size_t count = split_parts(id, parts);
    if (count < 3 || !str_equal_text(parts[0], "local") || (count == 5 && !str_equal_text(parts[3], "by"))) {
        return false;
    }
    *out = (ContestId){.organisation = parts[1], .ward = count > 3 ? parts[2] : STR_NONE, .by_election = count == 5};
    return civil_parse_date(parts[count - 1], &out->poll_date);
}

static bool ends_with(Str s, Str end) {
    return s.len >= end.len && memcmp(s.ptr + s.len - end.len, end.ptr, end.len) == 0;
}

// A ballot's id is its election's with something in front of the date: `<ward>.` or `<ward>.by.`. Nothing else of it
// needs to be looked at, for dates are written in one way.
bool ids_same_contest(Str election_id, Str ballot_paper_id) {
    ContestId election;
    if (!ids_parse(election_id, &election) || !str_is_none(election.ward)) {
        return false;
    }
    size_t place = election_id.len - sizeof "2023-05-04" + 1;
    Str head = str_slice(election_id, 0, place), tail = str_slice(election_id, place - 1, election_id.len);
    if (ballot_paper_id.len <= head.len + tail.len || !str_starts_with(ballot_paper_id, head) ||
        !ends_with(ballot_paper_id, tail)) {
        return false;
    }
    Str ward = str_slice(ballot_paper_id, head.len, ballot_paper_id.len - tail.len), by = STR_LIT(".by");
    ward.len -= ends_with(ward, by) ? by.len : 0;
    return ward.len > 0 && memchr(ward.ptr, '.', ward.len) == NULL;
}

bool ids_poll_date(Str id, CivilDate *date) {
    ContestId parts;
    bool good = ids_parse(id, &parts);
    if (good) {
        *date = parts.poll_date;
    }
    return good;
}

bool ids_is_by_election(Str ballot_paper_id) {
    ContestId parts;
    return ids_parse(ballot_paper_id, &parts) && parts.by_election;
}
