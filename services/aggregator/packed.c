// Numbers are varints of seven bits a byte, lowest first; a string is its length and its bytes.
#include "services/aggregator/packed.h"

enum {
    NUMBER_BYTES_MAX = 10,
    DECLARATION_NUMBERS = 11 + 5, // with the lengths of its strings
    CANDIDATE_NUMBERS = 2 + 4,
};

static char *put_number(char *at, uint64_t number) {
    for (; number >= 0x80; number >>= 7) {
        *at++ = (char)(number | 0x80);
    }
    *at++ = (char)number;
    return at;
}

static char *put_signed(char *at, int64_t number) {
    return put_number(at, (uint64_t)number << 1 ^ (uint64_t)(number >> 63)); // small ones of either sign stay short
}

// 0: not known.
static char *put_count(char *at, int64_t count) {
    return count == COUNT_UNKNOWN ? put_number(at, 0) : put_signed(at, count < 0 ? count : count + 1);
}

// 0: absent.
static char *put_string(char *at, Str s) {
    if (str_is_none(s)) {
        return put_number(at, 0);
    }
    at = put_number(at, s.len + 1);
    memcpy(at, s.ptr, s.len);
    return at + s.len;
}

static size_t bytes_at_most(const Declaration *d) {
    size_t bytes = d->event_id.len + d->council_id.len + d->ward_name.len + d->source_url.len + d->note.len;
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *c = &d->candidates[i];
        bytes += c->candidate_id.len + c->name.len + c->party_id.len + c->description.len;
    }
    return bytes + (DECLARATION_NUMBERS + d->candidates_count * CANDIDATE_NUMBERS) * NUMBER_BYTES_MAX;
}

// In the order in which they are read below.
Str declaration_pack(const Declaration *d, Arena *arena) {
    char *start = arena_alloc_raw(arena, bytes_at_most(d), 1);
    char *at = put_string(start, d->event_id);
    at = put_string(at, d->council_id);
    at = put_string(at, d->ward_name);
    at = put_signed(at, d->kind);
    at = put_signed(at, d->revision);
    at = put_signed(at, d->basis);
    at = put_signed(at, d->declared_at_ms);
    at = put_signed(at, d->reported_at_ms);
    at = put_string(at, d->source_url);
    at = put_number(at, (uint64_t)d->is_test << 1 | d->uncontested);
    at = put_count(at, d->seats);
    at = put_count(at, d->electorate);
    at = put_count(at, d->ballot_papers);
    at = put_count(at, d->rejected_papers);
    at = put_string(at, d->note);
    at = put_number(at, d->candidates_count);
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *c = &d->candidates[i];
        at = put_string(at, c->candidate_id);
        at = put_string(at, c->name);
        at = put_string(at, c->party_id);
        at = put_string(at, c->description);
        at = put_count(at, c->votes);
        at = put_number(at, (uint64_t)c->elected << 1 | c->elected_by_lot);
    }
    return (Str){start, (size_t)(at - start)};
}

static uint64_t take_number(const char **at) {
    uint64_t number = 0;
    unsigned shift = 0;
    for (; (uint8_t)**at >= 0x80; shift += 7) {
        number |= (uint64_t)((uint8_t)*(*at)++ & 0x7F) << shift;
    }
    return number | (uint64_t)(uint8_t)*(*at)++ << shift;
}

static int64_t take_signed(const char **at) {
    uint64_t number = take_number(at);
    return (int64_t)(number >> 1 ^ (0 - (number & 1)));
}

static int64_t take_count(const char **at) {
    if (**at == 0) {
        (*at)++;
        return COUNT_UNKNOWN;
    }
    int64_t count = take_signed(at);
    return count < 0 ? count : count - 1;
}

static Str take_string(const char **at) {
    uint64_t length = take_number(at);
    if (length == 0) {
        return STR_NONE;
    }
    Str s = {*at, (size_t)length - 1};
    *at += s.len;
    return s;
}

static Candidate take_candidate(const char **at) {
    Candidate c = {.candidate_id = take_string(at)};
    c.name = take_string(at);
    c.party_id = take_string(at);
    c.description = take_string(at);
    c.votes = take_count(at);
    uint64_t elected = take_number(at);
    c.elected = elected >> 1;
    c.elected_by_lot = elected & 1;
    return c;
}

Declaration *declaration_unpack(Str packed, Arena *arena) {
    const char *at = packed.ptr;
    Declaration *d = arena_alloc(arena, 1, sizeof *d);
    d->event_id = take_string(&at);
    d->council_id = take_string(&at);
    d->ward_name = take_string(&at);
    d->kind = (int32_t)take_signed(&at);
    d->revision = (int32_t)take_signed(&at);
    d->basis = (int32_t)take_signed(&at);
    d->declared_at_ms = take_signed(&at);
    d->reported_at_ms = take_signed(&at);
    d->source_url = take_string(&at);
    uint64_t flags = take_number(&at);
    d->is_test = flags >> 1;
    d->uncontested = flags & 1;
    d->seats = take_count(&at);
    d->electorate = take_count(&at);
    d->ballot_papers = take_count(&at);
    d->rejected_papers = take_count(&at);
    d->note = take_string(&at);
    d->candidates_count = (size_t)take_number(&at);
    d->candidates = arena_alloc_raw(arena, d->candidates_count, sizeof *d->candidates);
    for (size_t i = 0; i < d->candidates_count; i++) {
        d->candidates[i] = take_candidate(&at);
    }
    return d;
}
