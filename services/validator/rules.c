#include "services/validator/rules.h"

#include "common/base/limits.h"
#include "common/domain/ids.h"
#include "services/validator/reference_check.h"

#include <stdarg.h>
#include <stdio.h>

#define MS_END_OF_9999 INT64_C(253402300799999)

// Cut at a character's boundary so that it stays UTF-8.
static Str at_most(Str s, size_t len) {
    if (s.len <= len) {
        return s;
    }
    while (len > 0 && ((unsigned char)s.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return (Str){s.ptr, len};
}

void findings_add(Findings *findings, Rule rule, const char *format, ...) {
    if (findings->rules->verdicts[rule] == VERDICT_OFF) {
        return;
    }
    findings->broken |= RULE_BIT(rule);
    char text[LIMIT_DETAIL_BYTES + 1];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    Str line = at_most((Str){text, (size_t)(len < 0 ? 0 : len)}, LIMIT_DETAIL_BYTES - 4);
    Str joined = str_is_none(findings->detail)
                     ? arena_copy(findings->arena, line)
                     : arena_printf(findings->arena, STR_FMT "; " STR_FMT, STR_ARG(findings->detail), STR_ARG(line));
    findings->detail = at_most(joined, LIMIT_DETAIL_BYTES);
}

RuleSet findings_at_least(const Findings *findings, Verdict verdict) {
    RuleSet as_bad = 0;
    for (RuleSet left = findings->broken; left != 0; left &= left - 1) {
        int rule = __builtin_ctzll(left);
        as_bad |= findings->rules->verdicts[rule] >= verdict ? RULE_BIT(rule) : 0;
    }
    return findings->broken & as_bad & (verdict > VERDICT_WARNING ? ~findings->softened : ~UINT64_C(0));
}

Verdict findings_worst(const Findings *findings) {
    Verdict worst = VERDICT_REJECTED;
    while (worst > VERDICT_OFF && findings_at_least(findings, worst) == 0) {
        worst--;
    }
    return worst;
}

// The digit's value and one; 0: no digit.
static const uint8_t hex_values[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static bool parse_hex(const unsigned char *at, size_t count, uint8_t *bytes) {
    for (size_t i = 0; i < count; i++) {
        unsigned high = hex_values[at[2 * i]], low = hex_values[at[2 * i + 1]];
        if (high == 0 || low == 0) {
            return false;
        }
        bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return true;
}

bool uuid_parse(Str text, uint8_t bytes[16]) {
    const unsigned char *at = (const unsigned char *)text.ptr;
    return text.len == 36 && parse_hex(at, 4, bytes) && at[8] == '-' && parse_hex(at + 9, 2, bytes + 4) &&
           at[13] == '-' && parse_hex(at + 14, 2, bytes + 6) && at[18] == '-' && parse_hex(at + 19, 2, bytes + 8) &&
           at[23] == '-' && parse_hex(at + 24, 6, bytes + 10);
}

// BAD_VALUE, by the kinds of value that the contract bounds.

static void check_id(Findings *f, const char *field, Str id) {
    if (id.len == 0) {
        findings_add(f, RULE_BAD_VALUE, "%s is empty", field);
    } else if (id.len > LIMIT_ID_BYTES) {
        findings_add(f, RULE_BAD_VALUE, "%s is longer than %d bytes", field, LIMIT_ID_BYTES);
    }
}

static void check_time(Findings *f, const char *field, int64_t ms) {
    if (ms < 0 || ms > MS_END_OF_9999) {
        findings_add(f, RULE_BAD_VALUE, "%s is outside 1970 to 9999", field);
    }
}

static void check_least(Findings *f, const char *field, int64_t value, int64_t least) {
    if (value != COUNT_UNKNOWN && value < least) {
        findings_add(f, RULE_BAD_VALUE, "%s is %lld, less than %lld", field, (long long)value, (long long)least);
    }
}

static void check_declaration_values(const Declaration *d, Findings *f) {
    uint8_t uuid[16];
    if (!uuid_parse(d->event_id, uuid)) {
        findings_add(f, RULE_BAD_VALUE, "event_id is not a UUID");
    }
    check_id(f, "election_id", d->election_id);
    check_id(f, "ballot_paper_id", d->ballot_paper_id);
    check_id(f, "council_id", d->council_id);
    check_least(f, "revision", d->revision, 1);
    check_least(f, "seats", d->seats, 1);
    check_least(f, "electorate", d->electorate, 0);
    check_least(f, "ballot_papers", d->ballot_papers, 0);
    check_least(f, "rejected_papers", d->rejected_papers, 0);
    check_time(f, "declared_at", d->declared_at_ms);
    check_time(f, "reported_at", d->reported_at_ms);
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *c = &d->candidates[i];
        if (c->candidate_id.len > 0 && c->candidate_id.len <= LIMIT_ID_BYTES && c->party_id.len > 0 &&
            c->party_id.len <= LIMIT_ID_BYTES && (c->votes >= 0 || c->votes == COUNT_UNKNOWN)) {
            continue;
        }
        char field[64];
        snprintf(field, sizeof field, "candidates[%zu].candidate_id", i);
        check_id(f, field, c->candidate_id);
        snprintf(field, sizeof field, "candidates[%zu].party_id", i);
        check_id(f, field, c->party_id);
        snprintf(field, sizeof field, "candidates[%zu].votes", i);
        check_least(f, field, c->votes, 0);
    }
}

static void check_action_values(const OperatorAction *a, Findings *f) {
    check_id(f, "topic", a->topic);
    check_least(f, "partition", a->partition, 0);
    check_least(f, "kafka_offset", a->kafka_offset, 0);
    check_time(f, "acted_at", a->acted_at_ms);
    if (a->by.len == 0 || a->note.len == 0) {
        findings_add(f, RULE_BAD_VALUE, "%s is empty", a->by.len == 0 ? "by" : "note");
    }
}

static void check_seats_values(Findings *f, const char *field, PartySeatsMap map) {
    for (size_t i = 0; i < map.count; i++) {
        check_id(f, field, map.entries[i].party_id);
        check_least(f, field, map.entries[i].seats, 0);
    }
}

static void check_reference_values(const CouncilReference *r, Findings *f) {
    check_id(f, "council_id", r->council_id);
    check_id(f, "election_id", r->election_id);
    check_least(f, "seats_total", r->seats_total, 1);
    check_least(f, "vacant", r->vacant, 0);
    check_time(f, "loaded_at", r->loaded_at_ms);
    if (r->expected_at_ms != COUNT_UNKNOWN) {
        check_time(f, "expected_at", r->expected_at_ms);
    }
    if (r->previous_control != NULL) {
        check_least(f, "previous_control.seats", r->previous_control->seats, 0);
        check_least(f, "previous_control.seats_total", r->previous_control->seats_total, 0);
    }
    check_seats_values(f, "continuing", r->continuing);
    if (r->seat_baseline != NULL) {
        check_seats_values(f, "seat_baseline.seats", r->seat_baseline->seats);
    }
    for (size_t i = 0; i < r->parties_count; i++) {
        check_id(f, "parties.party_id", r->parties[i].party_id);
    }
    for (size_t i = 0; i < r->ballots_count; i++) {
        const ReferenceBallot *ballot = &r->ballots[i];
        check_id(f, "ballots.ballot_paper_id", ballot->ballot_paper_id);
        check_least(f, "ballots.seats", ballot->seats, 1);
        check_least(f, "ballots.electorate", ballot->electorate, 0);
        check_seats_values(f, "ballots.nominations", ballot->nominations);
        check_seats_values(f, "ballots.defending", ballot->defending);
    }
}

static void check_key(const Envelope *envelope, Str council_id, Findings *f) {
    if (!str_equal(envelope->key, council_id)) {
        Str key = at_most(envelope->key, 80);
        findings_add(f, RULE_KEY_MISMATCH, "the key is %s%s, council_id is " STR_FMT,
                     str_is_none(key) ? "absent" : "another", key.len == 0 ? "" : " one", STR_ARG(council_id));
    }
    int32_t n = f->rules->partitions;
    if (!str_is_none(envelope->key) && partition_of_key(envelope->key, n) != envelope->partition) {
        findings_add(f, RULE_WRONG_PARTITION, "the key belongs to partition %d of %d, not %d",
                     partition_of_key(envelope->key, n), n, envelope->partition);
    }
}

static void check_reference(const CouncilReference *reference, Findings *f) {
    Str problem = STR_NONE;
    if (!reference_check(reference, f->arena, &problem)) {
        findings_add(f, RULE_BAD_REFERENCE, STR_FMT, STR_ARG(problem));
    }
}

static void check_values(const Record *record, Findings *f) {
    if (record->type == RECORD_DECLARATION) {
        check_declaration_values(&record->declaration, f);
    } else if (record->type == RECORD_ACTION) {
        check_action_values(&record->action, f);
    } else {
        check_reference_values(&record->reference, f);
    }
}

// Who it is about, against where it came.
static void check_place(const Envelope *envelope, const Record *record, Findings *f) {
    if (record->type == RECORD_DECLARATION) {
        const Declaration *d = &record->declaration;
        check_key(envelope, d->council_id, f);
        if (!ids_same_contest(d->election_id, d->ballot_paper_id)) {
            findings_add(f, RULE_ID_MISMATCH, STR_FMT " is no ballot of " STR_FMT, STR_ARG(d->ballot_paper_id),
                         STR_ARG(d->election_id));
        }
    } else if (record->type == RECORD_REFERENCE) {
        check_key(envelope, record->reference.council_id, f);
        check_reference(&record->reference, f);
    } else if (record->action.partition != envelope->partition) {
        findings_add(f, RULE_WRONG_PARTITION, "it names a record of partition %d, but came on %d",
                     record->action.partition, envelope->partition);
    }
}

void rules_check_record(const Envelope *envelope, const Record *record, Findings *f) {
    check_values(record, f);
    if (f->broken != 0) {
        return;
    }
    InputTopic expected = record->type == RECORD_DECLARATION ? INPUT_DECLARATIONS : INPUT_DESK;
    if (envelope->topic != expected) {
        findings_add(f, RULE_WRONG_TOPIC, STR_FMT " does not belong on " STR_FMT,
                     STR_ARG(record_type_name(record->type)), STR_ARG(input_topic_name(envelope->topic)));
    }
    check_place(envelope, record, f);
}
