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

bool ids_same_contest(Str election_id, Str ballot_paper_id) {
    ContestId election, ballot;
    return ids_parse(election_id, &election) && str_is_none(election.ward) && ids_parse(ballot_paper_id, &ballot) &&
           !str_is_none(ballot.ward) && str_equal(election.organisation, ballot.organisation) &&
           election.poll_date.year == ballot.poll_date.year && election.poll_date.month == ballot.poll_date.month &&
           election.poll_date.day == ballot.poll_date.day;
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
