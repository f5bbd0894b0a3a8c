// Reference data as far as a file of results tells it: parties, councils, their ballots with seats and
// nominations. What the desk must add is null: councillors in all, and who was in control before.

#include "services/cli/import.h"

#include "services/cli/import_party.h"
#include "services/cli/slug.h"

typedef struct SkeletonParty {
    Str party_id, name;
    Str joint_name; // of a party that folds into it
    VEC(Str) folds;
    size_t nominations; // scratch, of the ballot being written
    int namesakes;      // parties that wanted its short as well, and got a number
} SkeletonParty;

typedef struct SkeletonElection {
    const ImportBallot *first;
    VEC(const ImportBallot *) ballots;
} SkeletonElection;

typedef struct Skeleton {
    Import *import;
    VEC(SkeletonParty *) parties;
    VEC(SkeletonElection *) elections;
    Map party_by_id, election_by_id;
    Map shorts; // given out: short -> party
} Skeleton;

static SkeletonParty *find_party(Skeleton *skeleton, Str party_id) {
    SkeletonParty *party = map_get(&skeleton->party_by_id, party_id);
    if (party == NULL) {
        party = arena_alloc(&skeleton->import->memory, 1, sizeof *party);
        party->party_id = party_id;
        *vec_push(&skeleton->parties) = party;
        map_put(&skeleton->party_by_id, party_id, party);
    }
    return party;
}

static void add_fold(SkeletonParty *party, Str party_id) {
    for (size_t i = 0; i < party->folds.count; i++) {
        if (str_equal(party->folds.items[i], party_id)) {
            return;
        }
    }
    *vec_push(&party->folds) = party_id;
}

static void collect_party(Skeleton *skeleton, const ImportCandidate *candidate) {
    Str folded = import_party_fold(&skeleton->import->memory, candidate->party_id);
    SkeletonParty *party = find_party(skeleton, folded);
    if (!str_equal(folded, candidate->party_id)) {
        add_fold(party, candidate->party_id);
        party->joint_name = candidate->party_name;
    } else if (party->name.len == 0) {
        party->name = candidate->party_name;
    }
}

// A ballot that was left out is still a ballot of the election if its seats are known.
static bool belongs(const ImportBallot *ballot) {
    return !str_is_none(ballot->organisation) && ballot->seats > 0;
}

static void collect(Skeleton *skeleton) {
    Import *import = skeleton->import;
    for (size_t i = 0; i < import->ballots.count; i++) {
        const ImportBallot *ballot = import->ballots.items[i];
        if (!belongs(ballot)) {
            continue;
        }
        SkeletonElection *election = map_get(&skeleton->election_by_id, ballot->election_id);
        if (election == NULL) {
            election = arena_alloc(&import->memory, 1, sizeof *election);
            election->first = ballot;
            *vec_push(&skeleton->elections) = election;
            map_put(&skeleton->election_by_id, ballot->election_id, election);
        }
        *vec_push(&election->ballots) = ballot;
        for (size_t k = 0; k < ballot->candidates.count && ballot->outcome != IMPORT_LEFT_OUT; k++) {
            collect_party(skeleton, &ballot->candidates.items[k]);
        }
    }
}

static void skeleton_free(Skeleton *skeleton) {
    for (size_t i = 0; i < skeleton->parties.count; i++) {
        vec_free(&skeleton->parties.items[i]->folds);
    }
    for (size_t i = 0; i < skeleton->elections.count; i++) {
        vec_free(&skeleton->elections.items[i]->ballots);
    }
    vec_free(&skeleton->parties);
    vec_free(&skeleton->elections);
    map_free(&skeleton->party_by_id);
    map_free(&skeleton->election_by_id);
    map_free(&skeleton->shorts);
}

// A short that no other party of the file has: with the number of its id where two are alike.
static Str unique_short(Skeleton *skeleton, SkeletonParty *party, Str wanted) {
    Arena *arena = &skeleton->import->memory;
    Str given = wanted;
    SkeletonParty *first = map_get(&skeleton->shorts, wanted);
    if (first != NULL) {
        size_t digits = party->party_id.len;
        while (digits > 0 && party->party_id.ptr[digits - 1] >= '0' && party->party_id.ptr[digits - 1] <= '9') {
            digits--;
        }
        given = arena_printf(arena, STR_FMT STR_FMT, STR_ARG(wanted),
                             STR_ARG(str_slice(party->party_id, digits, party->party_id.len)));
    }
    while (map_get(&skeleton->shorts, given) != NULL) {
        given = arena_printf(arena, STR_FMT "%d", STR_ARG(wanted), ++first->namesakes + 1);
    }
    map_put(&skeleton->shorts, given, party);
    return given;
}

static void add_text(Buf *out, const char *name, Str value) {
    buf_printf(out, ", \"%s\": ", name);
    buf_add_json_string(out, value);
}

static Str name_of(const SkeletonParty *party, const KnownParty *known) {
    if (known != NULL) {
        return str_from(known->name);
    }
    if (party->name.len > 0) {
        return party->name;
    }
    return party->joint_name.len > 0 ? party->joint_name : party->party_id;
}

static void write_party(Skeleton *skeleton, SkeletonParty *party, Buf *out) {
    const KnownParty *known = known_party_find(party->party_id);
    Str name = name_of(party, known);
    Str wanted = known != NULL ? str_from(known->short_name) : import_party_short(&skeleton->import->memory, name);
    Str short_name = unique_short(skeleton, party, wanted);
    buf_add_str(out, STR_LIT("    {\"party_id\": "));
    buf_add_json_string(out, party->party_id);
    add_text(out, "name", name);
    add_text(out, "short", short_name);
    add_text(out, "group", short_name);
    add_text(out, "colour", known != NULL ? str_from(known->colour) : STR_NONE);
    add_text(out, "text_colour", known != NULL ? str_from(known->text_colour) : STR_NONE);
    buf_add_str(out, STR_LIT(", \"folds\": ["));
    for (size_t i = 0; i < party->folds.count; i++) {
        buf_add_str(out, i > 0 ? STR_LIT(", ") : STR_LIT(""));
        buf_add_json_string(out, party->folds.items[i]);
    }
    bool independent = str_equal(party->party_id, STR_LIT(PARTY_ID_INDEPENDENT));
    buf_add_str(out, independent ? STR_LIT("], \"bloc\": false}") : STR_LIT("], \"bloc\": true}"));
}

// How many of each party stand, in the order in which the ballot has them; null where that is not known.
static void write_nominations(Skeleton *skeleton, const ImportBallot *ballot, Buf *out) {
    if (ballot->outcome == IMPORT_LEFT_OUT || ballot->losers_missing) {
        buf_add_str(out, STR_LIT(", \"nominations\": null"));
        return;
    }
    Arena *arena = &skeleton->import->memory;
    VEC(SkeletonParty *) standing = {0};
    for (size_t i = 0; i < ballot->candidates.count; i++) {
        SkeletonParty *party = find_party(skeleton, import_party_fold(arena, ballot->candidates.items[i].party_id));
        if (party->nominations++ == 0) {
            *vec_push(&standing) = party;
        }
    }
    buf_add_str(out, STR_LIT(", \"nominations\": {"));
    for (size_t i = 0; i < standing.count; i++) {
        buf_add_str(out, i > 0 ? STR_LIT(", ") : STR_LIT(""));
        buf_add_json_string(out, standing.items[i]->party_id);
        buf_printf(out, ": %zu", standing.items[i]->nominations);
        standing.items[i]->nominations = 0;
    }
    buf_add_byte(out, '}');
    vec_free(&standing);
}

static void write_ballot(Skeleton *skeleton, const ImportBallot *ballot, Buf *out) {
    buf_add_str(out, STR_LIT("      {\"ballot_paper_id\": "));
    buf_add_json_string(out, ballot->ballot_paper_id);
    add_text(out, "ward_name", ballot->ward_name);
    add_text(out, "ward_gss", ballot->ward_gss.len > 0 ? ballot->ward_gss : STR_NONE);
    buf_printf(out, ", \"seats\": %lld, \"electorate\": ", (long long)ballot->seats);
    if (ballot->electorate == COUNT_UNKNOWN) {
        buf_add_str(out, STR_LIT("null"));
    } else {
        buf_add_decimal(out, ballot->electorate);
    }
    write_nominations(skeleton, ballot, out);
    buf_add_str(out, STR_LIT(", \"defending\": null}"));
}

static void write_election(Skeleton *skeleton, const SkeletonElection *election, Buf *out) {
    const ImportBallot *first = election->first;
    _cleanup_buf_ Buf name = {0};
    slug_add_title(&name, first->organisation);
    buf_printf(out, "    {\"council_id\": \"dc:" STR_FMT "\"", STR_ARG(first->organisation));
    add_text(out, "name", buf_str(&name));
    buf_add_str(out, STR_LIT(", \"short_name\": null, \"kind\": null"));
    add_text(out, "nation", str_from(first->nation));
    add_text(out, "region", first->region.len > 0 ? first->region : STR_NONE);
    buf_add_str(out, STR_LIT(", \"area_word\": null, \"executive\": null, \"created\": null,\n     \"election_id\": "));
    buf_add_json_string(out, first->election_id);
    buf_add_str(out, STR_LIT(", \"seats_total\": null, \"boundary_changes\": null"));
    add_text(out, "voting_system", first->stv ? STR_LIT("STV") : STR_LIT("FPTP"));
    buf_add_str(out, STR_LIT(",\n     \"previous_control\": null, \"control_history\": [], \"seat_baseline\": null, "
                             "\"blocs\": {}, \"continuing\": {}, \"vacant\": 0, \"expected_at\": null,\n"
                             "     \"ballots\": [\n"));
    for (size_t i = 0; i < election->ballots.count; i++) {
        write_ballot(skeleton, election->ballots.items[i], out);
        buf_add_str(out, i + 1 < election->ballots.count ? STR_LIT(",\n") : STR_LIT("\n"));
    }
    buf_add_str(out, STR_LIT("     ]}"));
}

void import_write_reference(Import *import, Buf *out) {
    Skeleton skeleton = {.import = import};
    collect(&skeleton);
    buf_add_str(out, STR_LIT("{\"parties\": [\n"));
    for (size_t i = 0; i < skeleton.parties.count; i++) {
        write_party(&skeleton, skeleton.parties.items[i], out);
        buf_add_str(out, i + 1 < skeleton.parties.count ? STR_LIT(",\n") : STR_LIT("\n"));
    }
    buf_add_str(out, STR_LIT("  ],\n \"councils\": [\n"));
    for (size_t i = 0; i < skeleton.elections.count; i++) {
        write_election(&skeleton, skeleton.elections.items[i], out);
        buf_add_str(out, i + 1 < skeleton.elections.count ? STR_LIT(",\n") : STR_LIT("\n"));
    }
    buf_add_str(out, STR_LIT("  ]}\n"));
    skeleton_free(&skeleton);
}
