#include "services/validator/reference_check.h"

#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/base/text.h"
#include "common/domain/council.h"
#include "common/domain/ids.h"

#include <inttypes.h>

#define TIME_MS_MAX INT64_C(253402300799999) // the last millisecond of 9999

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

typedef struct Check {
    const CouncilReference *reference;
    Map parties; // party id, folded ids included -> Party
    Map ballots; // ballot paper id -> ReferenceBallot
    Arena *arena;
    Str *problem;
} Check;

#define REFUSE(check, ...)                                                                                             \
    (*(check)->problem = text_one_line((check)->arena, arena_printf((check)->arena, __VA_ARGS__)), false)

static bool check_text(Check *check, Str text, const char *what) {
    return (text.len > 0 && text.len <= LIMIT_ID_BYTES) ||
           REFUSE(check, "%s is %s", what, text.len == 0 ? "empty" : "too long");
}

static bool check_word(Check *check, Str word, const char *const *words, size_t count, const char *what) {
    for (size_t i = 0; i < count; i++) {
        if (str_is_none(word) || str_equal_text(word, words[i])) {
            return true;
        }
    }
    return REFUSE(check, "%s cannot be '" STR_FMT "'", what, STR_ARG(word));
}

static bool check_count(Check *check, int64_t count, int64_t least, int64_t most, Str of, const char *what) {
    return (count >= least && count <= most) ||
           REFUSE(check, STR_FMT ": %s is %" PRId64 ", outside %" PRId64 " to %" PRId64, STR_ARG(of), what, count,
                  least, most);
}

static bool check_seats(Check *check, PartySeatsMap map, Str of, const char *what) {
    if (map.count > LIMIT_PARTIES) {
        return REFUSE(check, STR_FMT ": %s names %zu parties, more than %d", STR_ARG(of), what, map.count,
                      LIMIT_PARTIES);
    }
    Map seen = {0};
    int64_t sum = 0;
    bool good = true;
    for (size_t i = 0; good && i < map.count; i++) {
        PartySeats *entry = &map.entries[i];
        if (entry->party_id.len == 0 || map_get(&seen, entry->party_id) != NULL) {
            good = REFUSE(check, STR_FMT ": %s names the party '" STR_FMT "' %s", STR_ARG(of), what,
                          STR_ARG(entry->party_id), entry->party_id.len == 0 ? "without an id" : "twice");
            break;
        }
        map_put(&seen, entry->party_id, entry);
        sum += entry->seats;
        good = check_count(check, entry->seats, 0, LIMIT_COUNCIL_SEATS, of, what);
    }
    map_free(&seen);
    return good && check_count(check, sum, 0, LIMIT_COUNCIL_SEATS, of, what);
}

static bool check_names(Check *check) {
    const CouncilReference *r = check->reference;
    static const char *const systems[] = {"FPTP", "STV"};
    ContestId election;
    if (!check_text(check, r->council_id, "council_id") || !check_text(check, r->name, "name") ||
        !check_text(check, r->election_id, "election_id")) {
        return false;
    }
    if (!ids_parse(r->election_id, &election) || !str_is_none(election.ward)) {
        return REFUSE(check, "election_id '" STR_FMT "' is not local.<organisation>.<date>", STR_ARG(r->election_id));
    }
    return check_word(check, r->voting_system, systems, COUNT_OF(systems), "voting_system") &&
           (r->expected_at_ms == COUNT_UNKNOWN ||
            check_count(check, r->expected_at_ms, 0, TIME_MS_MAX, r->council_id, "expected_at"));
}

// No id stands for two parties, whether as its own or as one folded into it.
static bool add_party_id(Check *check, Str id, Party *party) {
    if (str_equal_text(id, "NOC")) { // what readers see for no overall control
        return REFUSE(check, "a party id cannot be NOC");
    }
    if (!check_text(check, id, "a party id")) {
        return false;
    }
    if (map_get(&check->parties, id) != NULL) {
        return REFUSE(check, "the party id " STR_FMT " appears twice", STR_ARG(id));
    }
    map_put(&check->parties, id, party);
    return true;
}

static bool check_parties(Check *check) {
    for (size_t i = 0; i < check->reference->parties_count; i++) {
        Party *party = &check->reference->parties[i];
        if (!add_party_id(check, party->party_id, party)) {
            return false;
        }
        for (size_t f = 0; f < party->folds_count; f++) {
            if (!add_party_id(check, party->folds[f], party)) {
                return false;
            }
        }
        if (party->name.len == 0 || party->short_name.len == 0) {
            return REFUSE(check, "party " STR_FMT ": %s is empty", STR_ARG(party->party_id),
                          party->name.len == 0 ? "name" : "short");
        }
    }
    return true;
}

static bool check_ballot(Check *check, ReferenceBallot *ballot) {
    Str id = ballot->ballot_paper_id;
    if (!check_text(check, id, "a ballot_paper_id")) {
        return false;
    }
    if (!ids_same_contest(check->reference->election_id, id)) {
        return REFUSE(check, "ballot_paper_id '" STR_FMT "' is no ballot of " STR_FMT, STR_ARG(id),
                      STR_ARG(check->reference->election_id));
    }
    if (map_get(&check->ballots, id) != NULL) {
        return REFUSE(check, "the ballot " STR_FMT " appears twice", STR_ARG(id));
    }
    map_put(&check->ballots, id, ballot);
    return check_count(check, ballot->seats, 1, LIMIT_COUNCIL_SEATS, id, "seats") &&
           (ballot->electorate == COUNT_UNKNOWN ||
            check_count(check, ballot->electorate, 0, INT32_MAX, id, "electorate")) &&
           check_seats(check, ballot->nominations, id, "nominations") &&
           check_seats(check, ballot->defending, id, "defending");
}

static bool check_ballots(Check *check) {
    for (size_t i = 0; i < check->reference->ballots_count; i++) {
        if (!check_ballot(check, &check->reference->ballots[i])) {
            return false;
        }
    }
    return check->reference->ballots_count > 0 || REFUSE(check, "there are no ballots");
}

static bool check_sum(Check *check) {
    const CouncilReference *r = check->reference;
    int64_t continuing = 0, up = 0;
    if (!check_count(check, r->seats_total, 1, LIMIT_COUNCIL_SEATS, r->council_id, "seats_total") ||
        !check_count(check, r->vacant, 0, LIMIT_COUNCIL_SEATS, r->council_id, "vacant") ||
        !check_seats(check, r->continuing, r->council_id, "continuing")) {
        return false;
    }
    for (size_t i = 0; i < r->continuing.count; i++) {
        continuing += r->continuing.entries[i].seats;
    }
    for (size_t i = 0; i < r->ballots_count; i++) {
        up += r->ballots[i].seats;
    }
    return continuing + r->vacant + up == r->seats_total ||
           REFUSE(check, "%" PRId64 " continuing + %" PRId64 " vacant + %" PRId64 " up are not seats_total %" PRId64,
                  continuing, r->vacant, up, r->seats_total);
}

static bool by_elections_alone(const CouncilReference *r) {
    for (size_t i = 0; i < r->ballots_count; i++) {
        if (!ids_is_by_election(r->ballots[i].ballot_paper_id)) {
            return false;
        }
    }
    return true;
}

static bool is_bloc(const Check *check, const Party *party) {
    const CouncilReference *r = check->reference;
    bool bloc = party->bloc == TRILEAN_UNKNOWN ? !str_equal_text(party->party_id, PARTY_INDEPENDENT)
                                               : party->bloc == TRILEAN_TRUE;
    for (size_t i = 0; i < r->blocs_count; i++) {
        bloc = map_get(&check->parties, r->blocs[i].party_id) == party ? r->blocs[i].bloc : bloc;
    }
    return bloc;
}

static bool check_previous_party(Check *check, const PreviousControl *previous) {
    const Party *party = map_get(&check->parties, previous->party_id);
    if (party == NULL) {
        return REFUSE(check, "previous_control: " STR_FMT " is not among the parties", STR_ARG(previous->party_id));
    }
    if (!is_bloc(check, party)) {
        return REFUSE(check, "previous_control: " STR_FMT " is no bloc here, so it cannot have controlled",
                      STR_ARG(previous->party_id));
    }
    bool known = str_equal_text(previous->seats_basis, "eve_of_poll") && previous->seats != COUNT_UNKNOWN &&
                 previous->seats_total != COUNT_UNKNOWN;
    return !known || 2 * previous->seats > previous->seats_total ||
           REFUSE(check, "previous_control: %" PRId64 " seats of %" PRId64 " are not more than half", previous->seats,
                  previous->seats_total);
}

static bool check_previous(Check *check) {
    const CouncilReference *r = check->reference;
    const PreviousControl *previous = r->previous_control;
    static const char *const bases[] = {"eve_of_poll", "last_election", "notional"};
    if (r->seat_baseline != NULL &&
        (!check_word(check, r->seat_baseline->basis, bases, COUNT_OF(bases), "seat_baseline: basis") ||
         !check_seats(check, r->seat_baseline->seats, r->council_id, "seat_baseline"))) {
        return false;
    }
    if (previous == NULL) {
        return r->new_council || by_elections_alone(r) ||
               REFUSE(check, "previous_control is not known: fill it in, or leave it out for a new council");
    }
    if (r->new_council) {
        return REFUSE(check, "a new council has no previous_control");
    }
    if (!check_word(check, previous->seats_basis, bases, COUNT_OF(bases), "previous_control: seats_basis") ||
        (previous->seats != COUNT_UNKNOWN &&
         !check_count(check, previous->seats, 0, LIMIT_COUNCIL_SEATS, r->council_id, "previous_control: seats")) ||
        (previous->seats_total != COUNT_UNKNOWN && !check_count(check, previous->seats_total, 1, LIMIT_COUNCIL_SEATS,
                                                                r->council_id, "previous_control: seats_total"))) {
        return false;
    }
    return str_is_none(previous->party_id) || check_previous_party(check, previous);
}

static bool check_dates(Check *check) {
    const CouncilReference *r = check->reference;
    CivilDate date;
    if (!str_is_none(r->created) && !civil_parse_date(r->created, &date)) {
        return REFUSE(check, "created: '" STR_FMT "' is not a date", STR_ARG(r->created));
    }
    int64_t before = INT64_MIN;
    for (size_t i = 0; i < r->control_history_count; i++) {
        Str from = r->control_history[i].from;
        if (!civil_parse_date(from, &date)) {
            return REFUSE(check, "control_history: '" STR_FMT "' is not a date", STR_ARG(from));
        }
        if (civil_days(date) <= before) {
            return REFUSE(check, "control_history: " STR_FMT " does not follow the period before it", STR_ARG(from));
        }
        before = civil_days(date);
    }
    return true;
}

bool reference_check(const CouncilReference *reference, Arena *arena, Str *problem) {
    static bool (*const steps[])(Check *) = {check_names, check_parties,  check_ballots,
                                             check_sum,   check_previous, check_dates};
    Check check = {.reference = reference, .arena = arena, .problem = problem};
    bool good = true;
    for (size_t i = 0; good && i < COUNT_OF(steps); i++) {
        good = steps[i](&check);
    }
    map_free(&check.parties);
    map_free(&check.ballots);
    return good;
}
