#include "services/cli/night.h"

#include "services/cli/import_party.h"
#include "services/cli/random.h"
#include "services/cli/slug.h"

enum { STREAM_NAMES = 21, STREAM_GARBAGE };
enum { GARBAGE_BYTES_MAX = 96 };

static const char *const party_ids[NIGHT_PARTIES] = {"PP52", "PP53", "PP90", "PP63", "PP7931", PARTY_ID_INDEPENDENT};

static const char *const ward_firsts[] = {
    "Abbey", "Birch",   "Bridge", "Brook",  "Canal", "Castle", "Chapel", "Church",  "Common", "East",
    "Elm",   "Fern",    "Forest", "Hazel",  "High",  "Holly",  "Kings",  "Lower",   "Market", "Mill",
    "North", "Orchard", "Priory", "Queens", "River", "South",  "Spring", "Station", "Upper",  "West"};
static const char *const ward_seconds[] = {"Bank",  "Cross", "Dean", "End",  "Fields", "Gate", "Green",
                                           "Grove", "Heath", "Hill", "Lane", "Moor",   "Park", "Row",
                                           "Side",  "Town",  "Vale", "View", "Wells",  "Wood"};
static const char *const given_names[] = {"Aisha", "Alan",  "Anil",   "Beth",  "Carol", "Chloe", "David", "Dawn",
                                          "Emma",  "Femi",  "Gareth", "Grace", "Hugh",  "Imran", "Iris",  "Jack",
                                          "Joan",  "Karen", "Liam",   "Lucy",  "Mark",  "Maya",  "Nadia", "Owen",
                                          "Paul",  "Priya", "Ruth",   "Sam",   "Tariq", "Una",   "Vera",  "Will"};
static const char *const family_names[] = {
    "Adams",  "Ahmed",  "Baker",  "Begum",  "Bell",   "Brown",  "Carter", "Chen",   "Clarke",  "Cooper", "Cox",
    "Davies", "Dixon",  "Evans",  "Fisher", "Ford",   "Gill",   "Grant",  "Green",  "Hall",    "Harris", "Hughes",
    "Hunt",   "Jones",  "Kaur",   "Khan",   "King",   "Lewis",  "Martin", "Mason",  "Moore",   "Murphy", "Nowak",
    "Okafor", "Palmer", "Parker", "Patel",  "Pearce", "Price",  "Reid",   "Reed",   "Roberts", "Rose",   "Scott",
    "Shah",   "Sharp",  "Singh",  "Smith",  "Stone",  "Taylor", "Thomas", "Turner", "Walker",  "Ward",   "Watson",
    "Webb",   "Wells",  "White",  "Wilson", "Wood",   "Wright", "Wynn",   "Yates",  "Young"};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static void add_text(Buf *out, const char *text) {
    buf_add_str(out, str_from(text));
}

// 600 names, no two alike.
static void add_ward_name(Buf *out, uint32_t name, const char *space) {
    uint32_t pairs = (uint32_t)(COUNT_OF(ward_firsts) * COUNT_OF(ward_seconds));
    uint32_t pair = name * 7 % pairs; // 7 has no factor in common
    add_text(out, ward_firsts[pair / COUNT_OF(ward_seconds)]);
    add_text(out, space);
    add_text(out, ward_seconds[pair % COUNT_OF(ward_seconds)]);
}

static void add_date(Buf *out, CivilDate date) {
    buf_printf(out, "%04d-%02d-%02d", date.year, date.month, date.day);
}

static void add_election_id(Buf *out, const Night *night, const NightCouncil *council) {
    add_text(out, "local.");
    buf_add_str(out, council->slug);
    buf_add_byte(out, '.');
    add_date(out, night->options.poll_date);
}

static void add_ballot_id(Buf *out, const Night *night, const NightWard *ward) {
    add_text(out, "local.");
    buf_add_str(out, night->councils[ward->council].slug);
    buf_add_byte(out, '.');
    size_t from = out->len;
    add_ward_name(out, ward->name, "-");
    for (size_t i = from; i < out->len; i++) {
        char c = out->ptr[i];
        out->ptr[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    buf_add_byte(out, '.');
    add_date(out, night->options.poll_date);
}

static void add_number(Buf *out, const char *before, int64_t number) {
    add_text(out, before);
    buf_add_decimal(out, number);
}

static void add_candidate(Buf *out, const NightLine *line, const NightCandidate *candidate, size_t index, bool votes) {
    size_t names = COUNT_OF(given_names) * COUNT_OF(family_names);
    size_t name = (line->ward * (size_t)89 + index * 131) % names; // 131 has no factor in common: no name comes twice
    add_number(out, "{\"candidate_id\":\"sim-", line->ward);
    add_number(out, "-", (int64_t)index);
    add_text(out, "\",\"name\":\"");
    add_text(out, given_names[name % COUNT_OF(given_names)]);
    add_text(out, " ");
    add_text(out, family_names[name / COUNT_OF(given_names)]);
    add_text(out, "\",\"party_id\":\"");
    add_text(out, candidate->joint ? PARTY_ID_LABOUR_CO_OP : party_ids[candidate->party]);
    if (votes) {
        add_number(out, "\",\"votes\":", candidate->votes);
        add_text(out, ",\"elected\":");
    } else {
        add_text(out, "\",\"elected\":");
    }
    add_text(out, candidate->elected ? "true" : "false");
    add_text(out, candidate->by_lot && votes ? ",\"elected_by_lot\":true}" : "}");
}

static void add_candidates(Buf *out, const Night *night, const NightLine *line) {
    NightCandidate candidates[NIGHT_CANDIDATES_MAX];
    bool result = line->kind == NIGHT_DECLARED || line->kind == NIGHT_CORRECTED;
    size_t count = result ? night_result(night, line, candidates) : 0;
    add_text(out, ",\"candidates\":[");
    for (size_t i = 0; i < count; i++) {
        add_text(out, i > 0 ? "," : "");
        add_candidate(out, line, &candidates[i], i, !night->wards[line->ward].uncontested);
    }
    add_text(out, "]");
}

static const char *kind_of(const NightLine *line) {
    static const char *const names[] = {"DECLARED", "CORRECTED", "WITHDRAWN", "POSTPONED"};
    return names[line->kind];
}

static const char *basis_of(const NightLine *line) {
    if (line->kind != NIGHT_CORRECTED) {
        return "DECLARATION";
    }
    return line->revision % 3 == 0 ? "OFFICER_CORRECTION" : "TRANSCRIPTION_FIX";
}

static void add_time(Buf *out, const char *before, int64_t s) {
    add_text(out, before);
    civil_add_timestamp(out, s * INT64_C(1000000));
}

static void write_declaration(const Night *night, const NightLine *line, Buf *out) {
    const NightWard *ward = &night->wards[line->ward];
    const NightCouncil *council = &night->councils[ward->council];
    add_text(out, "{\"election_id\":\"");
    add_election_id(out, night, council);
    add_text(out, "\",\"ballot_paper_id\":\"");
    add_ballot_id(out, night, ward);
    add_text(out, "\",\"council_id\":\"dc:");
    buf_add_str(out, council->slug);
    add_text(out, "\",\"ward_name\":\"");
    add_ward_name(out, ward->name, " ");
    add_text(out, "\",\"kind\":\"");
    add_text(out, kind_of(line));
    add_number(out, "\",\"revision\":", line->revision);
    add_text(out, ",\"basis\":\"");
    add_text(out, basis_of(line));
    add_time(out, "\",\"declared_at\":\"", line->declared_s);
    add_time(out, "\",\"reported_at\":\"", line->declared_s + 20 + line->ward % 60);
    add_text(out, "\",\"source\":\"simulation\"");
    add_text(out, night->options.is_test ? ",\"is_test\":true" : "");
    add_number(out, ",\"seats\":", ward->seats);
    add_text(out, ward->uncontested ? ",\"uncontested\":true" : "");
    add_number(out, ",\"electorate\":", ward->electorate);
    if (!ward->uncontested && (line->kind == NIGHT_DECLARED || line->kind == NIGHT_CORRECTED)) {
        add_number(out, ",\"ballot_papers\":", ward->papers);
        add_number(out, ",\"rejected_papers\":", ward->rejected);
    }
    add_candidates(out, night, line);
    add_text(out, "}\n");
}

static void add_base64(Buf *out, const uint8_t *bytes, size_t len) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < len ? (uint32_t)bytes[i + 2] : 0;
        buf_add_byte(out, (uint8_t)digits[three >> 18]);
        buf_add_byte(out, (uint8_t)digits[three >> 12 & 63]);
        buf_add_byte(out, (uint8_t)(i + 1 < len ? digits[three >> 6 & 63] : '='));
        buf_add_byte(out, (uint8_t)(i + 2 < len ? digits[three & 63] : '='));
    }
}

// Noise; a schema that nobody has; our schema, then noise; text where Avro should be.
static void write_garbage(const Night *night, const NightLine *line, Buf *out) {
    static const uint8_t single_object[] = {0xc3, 0x01};
    static const uint8_t confluent[] = {0, 0, 0, 0, 1};
    Random random = random_for(night->options.seed, STREAM_GARBAGE, line->order);
    uint8_t bytes[GARBAGE_BYTES_MAX];
    size_t len = (size_t)random_between(&random, 1, GARBAGE_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)random_next(&random);
    }
    switch (random_below(&random, 4)) {
    case 0:
        memcpy(bytes, single_object, len < sizeof single_object ? len : sizeof single_object);
        break;
    case 1:
        memcpy(bytes, confluent, len < sizeof confluent ? len : sizeof confluent);
        break;
    case 2:
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)(' ' + bytes[i] % 95);
        }
        break;
    default:
        bytes[0] |= 0x40; // begins like no framing: neither 00 nor C3
        bytes[0] &= 0x7f;
        break;
    }
    add_text(out, "{\"key\":\"dc:");
    buf_add_str(out, night->councils[night->wards[line->ward].council].slug);
    add_text(out, "\",\"value_base64\":\"");
    add_base64(out, bytes, len);
    add_text(out, "\"}\n");
}

void night_write_line(const Night *night, const NightLine *line, Buf *out) {
    if (line->kind == NIGHT_GARBAGE) {
        write_garbage(night, line, out);
    } else {
        write_declaration(night, line, out);
    }
}

// {"PP52": 3}; parties with none are left out.
static void add_map(Buf *out, const int64_t *counts) {
    add_text(out, "{");
    bool any = false;
    for (size_t p = 0; p < NIGHT_PARTIES; p++) {
        if (counts[p] > 0) {
            buf_printf(out, "%s\"%s\": %lld", any ? ", " : "", party_ids[p], (long long)counts[p]);
            any = true;
        }
    }
    add_text(out, "}");
}

static void widen(const uint8_t *counts, int64_t *wide) {
    for (size_t p = 0; p < NIGHT_PARTIES; p++) {
        wide[p] = counts[p];
    }
}

static void write_party(size_t party, Buf *out) {
    const KnownParty *known = known_party_find(str_from(party_ids[party]));
    bool labour = str_equal(str_from(known->party_id), STR_LIT("PP53"));
    bool independent = str_equal(str_from(known->party_id), STR_LIT(PARTY_ID_INDEPENDENT));
    buf_printf(out,
               "  {\"party_id\": \"%s\", \"name\": \"%s\", \"short\": \"%s\", \"group\": \"%s\", \"colour\": \"%s\", "
               "\"text_colour\": \"%s\", \"folds\": [%s], \"bloc\": %s}",
               known->party_id, known->name, known->short_name, known->short_name, known->colour, known->text_colour,
               labour ? "\"" PARTY_ID_LABOUR_CO_OP "\"" : "", independent ? "false" : "true");
}

static void write_ballot(const Night *night, const NightWard *ward, Buf *out) {
    int64_t counts[NIGHT_PARTIES];
    add_text(out, "    {\"ballot_paper_id\": \"");
    add_ballot_id(out, night, ward);
    add_text(out, "\", \"ward_name\": \"");
    add_ward_name(out, ward->name, " ");
    add_number(out, "\", \"seats\": ", ward->seats);
    add_number(out, ", \"electorate\": ", ward->electorate);
    add_text(out, ", \"nominations\": ");
    widen(ward->nominated, counts);
    add_map(out, counts);
    add_text(out, ", \"defending\": ");
    widen(ward->defending, counts);
    add_map(out, counts);
    add_text(out, "}");
}

static void add_previous(const NightCouncil *council, Buf *out) {
    add_text(out, ",\n   \"previous_control\": {\"party_id\": ");
    if (council->previous < 0) {
        add_text(out, "null");
    } else {
        int64_t seats = council->continuing[council->previous] + council->defending[council->previous];
        buf_printf(out, "\"%s\", \"seats\": %lld", party_ids[council->previous], (long long)seats);
    }
    buf_printf(out, ", \"seats_total\": %lld, \"seats_basis\": \"eve_of_poll\"}", (long long)council->seats_total);
    add_text(out, ", \"control_history\": [{\"from\": \"1974-04-01\", \"party_id\": null}");
    if (council->previous >= 0) {
        buf_printf(out, ", {\"from\": \"2011-05-05\", \"party_id\": \"%s\", \"reason\": \"election\"}",
                   party_ids[council->previous]);
    }
    add_text(out, "]");
}

static void write_council(const Night *night, const NightCouncil *council, Buf *out) {
    int64_t before[NIGHT_PARTIES];
    for (size_t p = 0; p < NIGHT_PARTIES; p++) {
        before[p] = council->continuing[p] + council->defending[p];
    }
    buf_printf(out, "  {\"council_id\": \"dc:" STR_FMT "\", \"name\": \"" STR_FMT "\", \"kind\": \"%s\", ",
               STR_ARG(council->slug), STR_ARG(council->name), council->thirds ? "district" : "unitary");
    add_text(out, "\"nation\": \"england\", \"area_word\": \"ward\", \"executive\": \"leader\", "
                  "\"created\": \"1974-04-01\",\n   \"election_id\": \"");
    add_election_id(out, night, council);
    buf_printf(out, "\", \"seats_total\": %lld, \"boundary_changes\": false, \"voting_system\": \"FPTP\"",
               (long long)council->seats_total);
    add_previous(council, out);
    add_text(out, ", \"seat_baseline\": {\"basis\": \"eve_of_poll\", \"seats\": ");
    add_map(out, before);
    add_text(out, "},\n   \"continuing\": ");
    add_map(out, council->continuing);
    add_text(out, ", \"vacant\": 0, \"ballots\": [\n");
    for (size_t w = 0; w < council->wards; w++) {
        write_ballot(night, &night->wards[council->first_ward + w], out);
        add_text(out, w + 1 < council->wards ? ",\n" : "]}");
    }
}

void night_write_reference(const Night *night, Buf *out) {
    add_text(out, "{\"parties\": [\n");
    for (size_t p = 0; p < NIGHT_PARTIES; p++) {
        write_party(p, out);
        add_text(out, p + 1 < NIGHT_PARTIES ? ",\n" : "],\n");
    }
    add_text(out, " \"councils\": [\n");
    size_t councils = (size_t)night->options.councils;
    for (size_t i = 0; i < councils; i++) {
        write_council(night, &night->councils[i], out);
        add_text(out, i + 1 < councils ? ",\n" : "]}\n");
    }
}
