#include "services/cli/import.h"

#include "common/base/civil.h"
#include "services/cli/import_party.h"
#include "services/cli/import_place.h"
#include "services/cli/slug.h"

#include <unistr.h>

// A turnout of this or less is a percentage: no ward has so few voters at the polls.
enum { TURNOUT_PERCENTAGE_MAX = 100 };

static void add_note(Import *import, ImportBallot *ballot, Str note) {
    ballot->note = str_is_none(ballot->note)
                       ? note
                       : arena_printf(&import->memory, STR_FMT "; " STR_FMT, STR_ARG(ballot->note), STR_ARG(note));
}

// The part of `id` up to the next dot, which is taken off. Absent: nothing is left.
static Str take_part(Str *id) {
    if (str_is_none(*id)) {
        return STR_NONE;
    }
    size_t to = 0;
    while (to < id->len && id->ptr[to] != '.') {
        to++;
    }
    Str part = str_slice(*id, 0, to);
    *id = to < id->len ? str_slice(*id, to + 1, id->len) : STR_NONE;
    return part;
}

static bool is_slug(Str part) {
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return part.len > 0;
}

static void refuse_kind(Import *import, ImportBallot *ballot, Str kind) {
    const char *what = str_equal_text(kind, "mayor")   ? "a mayoral ballot"
                       : str_equal_text(kind, "parl")  ? "a parliamentary ballot"
                       : str_equal_text(kind, "pcc")   ? "a ballot for a police and crime commissioner"
                       : str_equal_text(kind, "local") ? NULL
                                                       : "a ballot of another kind";
    if (what != NULL) {
        import_refuse(import, ballot, ballot->line, "%s, not of a council's election", what);
    } else {
        import_refuse(import, ballot, ballot->line, "the id is not local.COUNCIL.WARD.DATE");
    }
}

typedef struct BallotId {
    Str kind, organisation, ward, date;
    bool by_election;
    CivilDate poll_date;
} BallotId;

// local.COUNCIL.WARD.DATE, with `by` before the date of a by-election. False: of another form.
static bool parse_id(Str text, BallotId *id) {
    *id = (BallotId){.kind = take_part(&text)};
    id->organisation = take_part(&text);
    id->ward = take_part(&text);
    id->date = take_part(&text);
    id->by_election = str_equal(id->date, STR_LIT("by"));
    if (id->by_election) {
        id->date = take_part(&text);
    }
    return str_equal(id->kind, STR_LIT("local")) && is_slug(id->organisation) && is_slug(id->ward) &&
           str_is_none(text) && civil_parse_date(id->date, &id->poll_date) && id->poll_date.year >= 1970;
}

// An id of the day's group, local.2018-05-03, names no council and contradicts nothing.
static bool names_other_election(Str stated, Str election) {
    CivilDate date;
    return str_starts_with(stated, STR_LIT("local.")) && !str_equal(stated, election) &&
           !civil_parse_date(str_slice(stated, 6, stated.len), &date);
}

// Sets what the ballot's id and place tell.
static bool identify(Import *import, ImportBallot *ballot) {
    BallotId id;
    if (!parse_id(ballot->ballot_paper_id, &id)) {
        refuse_kind(import, ballot, id.kind);
        return false;
    }
    Str election =
        arena_printf(&import->memory, "local." STR_FMT "." STR_FMT, STR_ARG(id.organisation), STR_ARG(id.date));
    if (names_other_election(ballot->election_id, election)) {
        import_refuse(import, ballot, ballot->line, "the file puts it in another election, " STR_FMT,
                      STR_ARG(ballot->election_id));
        return false;
    }
    ballot->organisation = id.organisation;
    ballot->election_id = election;
    ballot->by_election = id.by_election;
    ballot->close_of_poll_ms = civil_close_of_poll_ms(id.poll_date);
    ballot->nation = import_nation(id.organisation, ballot->ward_gss, ballot->region);
    ballot->stv = ballot->voting_system.len == 0 ? import_nation_counts_by_stv(ballot->nation)
                                                 : str_equal(ballot->voting_system, STR_LIT("STV"));
    if (ballot->ward_name.len == 0) {
        _cleanup_buf_ Buf title = {0};
        slug_add_title(&title, id.ward);
        ballot->ward_name = arena_copy(&import->memory, buf_str(&title));
    }
    return true;
}

static bool same_result(const ImportCandidate *a, const ImportCandidate *b) {
    return str_equal(a->party_id, b->party_id) && a->votes == b->votes && a->elected == b->elected;
}

// A file made from a join may have a candidate twice. Twice the same is once; twice another is a doubt.
static void drop_repeated(Import *import, ImportBallot *ballot) {
    Map seen = {0}; // person id -> candidate
    size_t kept = 0;
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        const ImportCandidate *candidate = &ballot->candidates.items[i];
        const ImportCandidate *earlier = map_get(&seen, candidate->person_id);
        if (earlier == NULL) {
            ballot->candidates.items[kept] = *candidate;
            map_put(&seen, candidate->person_id, &ballot->candidates.items[kept++]);
        } else if (!same_result(earlier, candidate)) {
            import_refuse(import, ballot, candidate->line, STR_FMT " is there twice, with different figures",
                          STR_ARG(candidate->name));
        }
    }
    ballot->candidates.count = kept;
    map_free(&seen);
}

static void name_candidates(Import *import, ImportBallot *ballot) {
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        ImportCandidate *candidate = &ballot->candidates.items[i];
        if (candidate->name.len == 0) {
            import_refuse(import, ballot, candidate->line, "a candidate has no name");
            continue;
        }
        candidate->party_id = import_party_id(&import->memory, candidate->party_id, candidate->party_name);
        if (str_is_none(candidate->party_id)) {
            import_refuse(import, ballot, candidate->line, STR_FMT " has neither a party id nor a party name",
                          STR_ARG(candidate->name));
        }
        if (candidate->person_id.len == 0) {
            _cleanup_buf_ Buf slug = {0};
            slug_add(&slug, candidate->name);
            candidate->person_id = arena_printf(&import->memory, "name:" STR_FMT, STR_ARG(buf_str(&slug)));
        }
    }
}

static size_t count_elected(const ImportBallot *ballot) {
    size_t elected = 0;
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        elected += ballot->candidates.items[i].elected;
    }
    return elected;
}

static void judge_seats(Import *import, ImportBallot *ballot) {
    size_t elected = count_elected(ballot);
    bool stated = ballot->seats_stated > 0;
    if (elected == 0 && ballot->cancelled && stated && (int64_t)ballot->candidates.count > ballot->seats_stated) {
        ballot->outcome = IMPORT_POSTPONED;
        ballot->seats = ballot->seats_stated;
        add_note(import, ballot, STR_LIT("The source marks the poll as cancelled"));
        import_tell(import, ballot->file, ballot->line, STR_FMT ": the poll was cancelled: imported as postponed",
                    STR_ARG(ballot->ballot_paper_id));
        return;
    }
    if (elected == 0) {
        import_refuse(import, ballot, ballot->line, "%s",
                      ballot->cancelled ? "the poll was cancelled, and nobody is marked as elected"
                                        : "nobody is marked as elected");
        ballot->seats = stated ? ballot->seats_stated : 0;
        return;
    }
    ballot->outcome = IMPORT_DECLARED;
    ballot->seats = (int64_t)elected;
    if (stated && ballot->seats_stated != ballot->seats) {
        import_tell(import, ballot->file, ballot->line,
                    STR_FMT ": %zu are marked as elected, so %zu seats are declared; the file says %lld",
                    STR_ARG(ballot->ballot_paper_id), elected, elected, (long long)ballot->seats_stated);
    }
}

// Adds up what is known; false when somebody's votes are not.
static bool sum_votes(const ImportBallot *ballot, int64_t *sum) {
    bool all_known = true;
    *sum = 0;
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        int64_t votes = ballot->candidates.items[i].votes;
        all_known = all_known && votes != COUNT_UNKNOWN;
        *sum += votes == COUNT_UNKNOWN ? 0 : votes;
    }
    return all_known;
}

static void forget_votes(ImportBallot *ballot) {
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        ballot->candidates.items[i].votes = COUNT_UNKNOWN;
    }
}

static void judge_votes(Import *import, ImportBallot *ballot) {
    int64_t sum;
    sum_votes(ballot, &sum);
    bool contest = (int64_t)ballot->candidates.count > ballot->seats;
    if (contest && sum == 0) {
        import->counts.votes_unknown++;
        forget_votes(ballot);
    }
    if (!contest && sum == 0) {
        ballot->uncontested = true;
        import->counts.uncontested++;
        forget_votes(ballot);
    }
    if (!contest && sum > 0) {
        ballot->losers_missing = true;
        import_tell(import, ballot->file, ballot->line,
                    STR_FMT ": all its candidates have votes and are elected: those not elected are missing",
                    STR_ARG(ballot->ballot_paper_id));
    }
}

static void judge_papers(Import *import, ImportBallot *ballot) {
    int64_t sum;
    sum_votes(ballot, &sum);
    int64_t rejected = ballot->rejected_papers == COUNT_UNKNOWN ? 0 : ballot->rejected_papers;
    int64_t turnout = ballot->turnout;
    if (ballot->uncontested) {
        ballot->rejected_papers = COUNT_UNKNOWN;
    } else if (turnout == COUNT_UNKNOWN) {
        return;
    } else if (ballot->turnout_is_percentage || turnout <= TURNOUT_PERCENTAGE_MAX) {
        import->counts.turnout_percentages++;
    } else if (ballot->seats > 1 && !ballot->stv && (turnout == sum + rejected || turnout == sum)) {
        import->counts.turnout_votes++;
    } else {
        ballot->ballot_papers = turnout;
    }
}

// The last elected and the first not with the same votes: only a lot can have parted them.
static void judge_lot(ImportBallot *ballot) {
    int64_t last_in = INT64_MAX;
    int64_t first_out = INT64_MIN;
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        const ImportCandidate *candidate = &ballot->candidates.items[i];
        if (candidate->votes == COUNT_UNKNOWN) {
            return;
        }
        if (candidate->elected) {
            last_in = candidate->votes < last_in ? candidate->votes : last_in;
        } else {
            first_out = candidate->votes > first_out ? candidate->votes : first_out;
        }
    }
    if (ballot->stv || last_in != first_out) {
        return;
    }
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        ImportCandidate *candidate = &ballot->candidates.items[i];
        candidate->by_lot = candidate->by_lot || (candidate->elected && candidate->votes == last_in);
    }
}

static void note_lots(Import *import, ImportBallot *ballot) {
    _cleanup_buf_ Buf notes = {0};
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        ImportCandidate *candidate = &ballot->candidates.items[i];
        candidate->by_lot = candidate->by_lot && candidate->elected;
        if (!candidate->by_lot) {
            continue;
        }
        Str note =
            candidate->votes == COUNT_UNKNOWN
                ? arena_printf(&import->memory, STR_FMT " is marked as elected by lot", STR_ARG(candidate->name))
                : arena_printf(&import->memory, STR_FMT " is marked as elected on %lld votes, tied at the cut: by lot",
                               STR_ARG(candidate->name), (long long)candidate->votes);
        buf_add_str(&notes, notes.len > 0 ? STR_LIT("; ") : STR_LIT(""));
        buf_add_str(&notes, note);
        import_tell(import, ballot->file, candidate->line, STR_FMT ": " STR_FMT, STR_ARG(ballot->ballot_paper_id),
                    STR_ARG(note));
    }
    if (notes.len > 0) {
        import->counts.by_lot++;
        add_note(import, ballot, arena_copy(&import->memory, buf_str(&notes)));
    }
}

// Text that cannot be sent: a record's strings are UTF-8 without NUL.
static bool is_text(Str text) {
    return text.len == 0 ||
           (u8_check((const uint8_t *)text.ptr, text.len) == NULL && memchr(text.ptr, 0, text.len) == NULL);
}

static bool check_text(Import *import, ImportBallot *ballot) {
    if (!is_text(ballot->ward_name) || !is_text(ballot->region) || !is_text(ballot->source)) {
        import_refuse(import, ballot, ballot->line, "its text is not UTF-8");
        return false;
    }
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        const ImportCandidate *c = &ballot->candidates.items[i];
        if (!is_text(c->name) || !is_text(c->party_id) || !is_text(c->party_name) || !is_text(c->description) ||
            !is_text(c->person_id)) {
            import_refuse(import, ballot, c->line, "its text is not UTF-8");
            return false;
        }
    }
    return true;
}

static void leave_out(Import *import, ImportBallot *ballot) {
    ballot->outcome = IMPORT_LEFT_OUT;
    import->counts.left_out++;
    import_tell(import, ballot->file, ballot->refusal_line, STR_FMT ": left out: " STR_FMT,
                STR_ARG(ballot->ballot_paper_id), STR_ARG(ballot->refusal));
}

// Of a ballot of a council's election, in text that can be sent.
static void judge_result(Import *import, ImportBallot *ballot) {
    if (str_is_none(ballot->refusal)) {
        name_candidates(import, ballot);
        drop_repeated(import, ballot);
    }
    if (!str_is_none(ballot->refusal)) {
        ballot->seats = ballot->seats_stated > 0 ? ballot->seats_stated : 0;
        return;
    }
    judge_seats(import, ballot);
    if (ballot->outcome == IMPORT_DECLARED) {
        judge_votes(import, ballot);
        judge_papers(import, ballot);
        judge_lot(ballot);
        note_lots(import, ballot);
    }
}

void import_judge(Import *import, ImportBallot *ballot) {
    ballot->outcome = IMPORT_LEFT_OUT;
    if (check_text(import, ballot) && identify(import, ballot)) {
        judge_result(import, ballot);
    }
    if (ballot->outcome == IMPORT_LEFT_OUT) {
        leave_out(import, ballot);
    }
    import->counts.imported += ballot->outcome != IMPORT_LEFT_OUT;
    import->counts.postponed += ballot->outcome == IMPORT_POSTPONED;
}
