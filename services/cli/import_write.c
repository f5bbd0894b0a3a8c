#include "services/cli/import.h"

#include "common/base/civil.h"

#define US_PER_MS INT64_C(1000)

static void add_member(Buf *out, const char *name, Str value) {
    buf_printf(out, ",\"%s\":", name);
    buf_add_json_string(out, value);
}

static void add_count(Buf *out, const char *name, int64_t count) {
    if (count != COUNT_UNKNOWN) {
        buf_printf(out, ",\"%s\":%lld", name, (long long)count);
    }
}

static void add_time(Buf *out, const char *name, int64_t ms) {
    buf_printf(out, ",\"%s\":\"", name);
    civil_add_timestamp(out, ms * US_PER_MS);
    buf_add_byte(out, '"');
}

static void add_candidate(Buf *out, const ImportCandidate *candidate) {
    buf_add_str(out, STR_LIT("{\"candidate_id\":"));
    buf_add_json_string(out, candidate->person_id);
    add_member(out, "name", candidate->name);
    add_member(out, "party_id", candidate->party_id);
    if (candidate->description.len > 0) {
        add_member(out, "description", candidate->description);
    }
    add_count(out, "votes", candidate->votes);
    buf_printf(out, ",\"elected\":%s", candidate->elected ? "true" : "false");
    buf_add_str(out, candidate->by_lot ? STR_LIT(",\"elected_by_lot\":true}") : STR_LIT("}"));
}

// The first web address in a source, which may be a text around it; absent: there is none.
static Str find_url(Str source) {
    for (size_t from = 0; from < source.len; from++) {
        Str rest = str_slice(source, from, source.len);
        if (!str_starts_with(rest, STR_LIT("https://")) && !str_starts_with(rest, STR_LIT("http://"))) {
            continue;
        }
        size_t len = 0;
        while (len < rest.len && (unsigned char)rest.ptr[len] > ' ') {
            len++;
        }
        return str_slice(rest, 0, len);
    }
    return STR_NONE;
}

static void add_source(Import *import, const ImportBallot *ballot, Buf *out) {
    Str url = find_url(ballot->source);
    Str note = ballot->note;
    if (!str_is_none(url)) {
        add_member(out, "source_url", url);
    } else if (ballot->source.len > 0) {
        note = arena_printf(&import->memory, STR_FMT "%sSource: " STR_FMT, STR_ARG(note), str_is_none(note) ? "" : "; ",
                            STR_ARG(ballot->source));
    }
    if (!str_is_none(note)) {
        add_member(out, "note", note);
    }
}

void import_write_declaration(Import *import, const ImportBallot *ballot, Buf *out) {
    bool postponed = ballot->outcome == IMPORT_POSTPONED;
    buf_add_str(out, STR_LIT("{\"election_id\":"));
    buf_add_json_string(out, ballot->election_id);
    add_member(out, "ballot_paper_id", ballot->ballot_paper_id);
    add_member(out, "council_id", arena_printf(&import->memory, "dc:" STR_FMT, STR_ARG(ballot->organisation)));
    add_member(out, "ward_name", ballot->ward_name);
    add_member(out, "kind", postponed ? STR_LIT("POSTPONED") : STR_LIT("DECLARED"));
    buf_add_str(out, STR_LIT(",\"revision\":1,\"basis\":\"DECLARATION\""));
    add_time(out, "declared_at", ballot->close_of_poll_ms);
    add_time(out, "reported_at", ballot->close_of_poll_ms);
    add_member(out, "source", STR_LIT(IMPORT_SOURCE));
    add_count(out, "seats", ballot->seats);
    if (ballot->uncontested) {
        buf_add_str(out, STR_LIT(",\"uncontested\":true"));
    }
    add_count(out, "electorate", ballot->electorate);
    if (!postponed) {
        add_count(out, "ballot_papers", ballot->ballot_papers);
        add_count(out, "rejected_papers", ballot->rejected_papers);
    }
    buf_add_str(out, STR_LIT(",\"candidates\":["));
    for (size_t i = 0; i < ballot->candidates.count && !postponed; i++) {
        buf_add_str(out, i > 0 ? STR_LIT(",") : STR_LIT(""));
        add_candidate(out, &ballot->candidates.items[i]);
    }
    buf_add_byte(out, ']');
    add_source(import, ballot, out);
    buf_add_str(out, STR_LIT("}\n"));
}
