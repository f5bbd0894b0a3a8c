// Democracy Club's results as JSON: result sets of both versions of its API (/api/next/results/,
// /api/v0.9/result_sets/), its ballots with their candidacies (/api/next/ballots/), and the results
// file of a day, an object of ballots by id. Pages as they come, lists of them, or one alone.

#include "services/cli/import.h"

#include "common/base/text.h"

#include <jansson.h>
#include <stdio.h>

// Of lists in lists: a list of pages of ballots needs three.
enum { NESTING_MAX = 4 };

typedef struct Reader {
    Import *import;
    Str file;
} Reader;

// A place in text that is known to be JSON, with its physical line.
typedef struct Scan {
    Str text;
    size_t at, line;
} Scan;

static void step(Scan *scan) {
    scan->line += scan->text.ptr[scan->at] == '\n';
    scan->at++;
}

static bool scan_is_in(const Scan *scan, const char *set) {
    return scan->at < scan->text.len && scan->text.ptr[scan->at] != '\0' &&
           strchr(set, scan->text.ptr[scan->at]) != NULL;
}

static void skip_space(Scan *scan) {
    while (scan_is_in(scan, " \t\r\n")) {
        step(scan);
    }
}

static void skip_string(Scan *scan) {
    step(scan);
    while (scan->at < scan->text.len && !scan_is_in(scan, "\"")) {
        if (scan_is_in(scan, "\\")) {
            step(scan);
        }
        step(scan);
    }
    step(scan);
}

// One value, with all that is inside it.
static Str take_value(Scan *scan) {
    size_t from = scan->at;
    size_t depth = 0;
    do {
        if (scan_is_in(scan, "\"")) {
            skip_string(scan);
        } else {
            depth += scan_is_in(scan, "[{");
            depth -= scan_is_in(scan, "]}");
            step(scan);
        }
    } while (scan->at < scan->text.len && (depth > 0 || !scan_is_in(scan, ",:]} \t\r\n")));
    return str_slice(scan->text, from, scan->at);
}

typedef struct Item {
    Str key; // with its quotes, as written; absent in a list
    Str text;
    size_t line;
} Item;

// The next item of the list or object that the scan is inside of; start with at == 0, on its bracket.
static bool next_item(Scan *scan, Item *item) {
    skip_space(scan);
    if (scan->at == 0 || scan_is_in(scan, ",")) {
        step(scan);
    }
    skip_space(scan);
    if (scan->at >= scan->text.len || scan_is_in(scan, "]}")) {
        return false;
    }
    *item = (Item){.line = scan->line};
    item->text = take_value(scan);
    skip_space(scan);
    if (scan_is_in(scan, ":")) {
        step(scan);
        skip_space(scan);
        item->key = item->text;
        item->text = take_value(scan);
    }
    return true;
}

// The value at a path of keys joined by dots; NULL: there is none, or it is null.
static const json_t *at_path(const json_t *object, const char *path) {
    while (object != NULL && *path != '\0') {
        const char *dot = strchr(path, '.');
        size_t len = dot == NULL ? strlen(path) : (size_t)(dot - path);
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)len, path);
        object = json_object_get(object, key);
        path += len + (dot != NULL);
    }
    return json_is_null(object) ? NULL : object;
}

// The first of several paths, in one string parted by spaces, that leads to a value.
static const json_t *first_of(const json_t *object, const char *paths) {
    while (*paths != '\0') {
        size_t len = strcspn(paths, " ");
        char path[128];
        snprintf(path, sizeof path, "%.*s", (int)len, paths);
        const json_t *value = at_path(object, path);
        if (value != NULL) {
            return value;
        }
        paths += len + (paths[len] == ' ');
    }
    return NULL;
}

// Text, or a number as text; empty when there is none. In the arena.
static Str text_of(Reader *reader, const json_t *object, const char *paths) {
    const json_t *value = first_of(object, paths);
    Arena *arena = &reader->import->memory;
    if (json_is_string(value)) {
        Str text = {json_string_value(value), json_string_length(value)};
        return import_trim(arena_copy(arena, text));
    }
    if (json_is_integer(value)) {
        return arena_printf(arena, "%lld", (long long)json_integer_value(value));
    }
    if (json_is_real(value)) {
        return arena_printf(arena, "%.15g", json_real_value(value));
    }
    return json_is_true(value) ? STR_LIT("true") : STR_LIT("");
}

static int64_t figure_of(Reader *reader, ImportBallot *ballot, const json_t *object, const char *paths) {
    int64_t count;
    Str text = text_of(reader, object, paths);
    ImportNumber number = import_parse_number(text, &count);
    if (number == NUMBER_BAD || number == NUMBER_PERCENTAGE) {
        import_refuse(reader->import, ballot, ballot->line, "%.*s is “" STR_FMT "”, no count", (int)strcspn(paths, " "),
                      paths, STR_ARG(text));
    }
    return count;
}

static bool flag_of(Reader *reader, ImportBallot *ballot, const json_t *object, const char *paths) {
    bool flag;
    Str text = text_of(reader, object, paths);
    if (!import_parse_flag(text, &flag)) {
        import_refuse(reader->import, ballot, ballot->line, "%.*s is “" STR_FMT "”, neither yes nor no",
                      (int)strcspn(paths, " "), paths, STR_ARG(text));
    }
    return flag;
}

static void take_candidate(Reader *reader, ImportBallot *ballot, const json_t *object) {
    ImportCandidate *candidate = import_add_candidate(ballot, ballot->line);
    candidate->person_id = text_of(reader, object, "person.id membership.person.id person_id");
    candidate->name = text_of(reader, object, "person.name membership.person.name person_name name");
    candidate->party_id = text_of(
        reader, object, "party.ec_id party.legacy_slug party.id membership.on_behalf_of.id party_ec_id party_id");
    candidate->party_name = text_of(reader, object, "party.name membership.on_behalf_of.name party_name");
    candidate->description = text_of(reader, object, "party_description_text membership.party_description_text");
    candidate->votes = figure_of(reader, ballot, object, "num_ballots result.num_ballots votes_cast ballots_cast");
    candidate->elected = flag_of(reader, ballot, object, "elected is_winner membership.elected result.elected");
    candidate->by_lot = flag_of(reader, ballot, object, "tied_vote_winner result.tied_vote_winner");
}

static const json_t *candidates_of(const json_t *object) {
    const json_t *list = first_of(object, "candidate_results candidacies candidates");
    return json_is_array(list) ? list : NULL;
}

static void take_turnout(Reader *reader, ImportBallot *ballot, const json_t *object) {
    Str text = text_of(reader, object, "num_turnout_reported results.num_turnout_reported turnout_reported turnout");
    ImportNumber number = import_parse_number(text, &ballot->turnout);
    ballot->turnout_is_percentage = number == NUMBER_PERCENTAGE;
    if (number == NUMBER_BAD) {
        import_refuse(reader->import, ballot, ballot->line, "turnout is “" STR_FMT "”, no count", STR_ARG(text));
    }
}

static void take_ballot(Reader *reader, const json_t *object, Str id, size_t line) {
    ImportBallot *ballot = import_new_ballot(reader->import, reader->file, line, id);
    if (ballot == NULL) {
        return;
    }
    const json_t *list = candidates_of(object);
    const json_t *membership = at_path(json_array_get(list, 0), "membership");
    ballot->election_id = text_of(reader, object, "election.election_id election.slug election_id election");
    if (ballot->election_id.len == 0) {
        ballot->election_id = text_of(reader, membership, "election.id");
    }
    Str post_id = text_of(reader, object, "post.id post_id");
    ballot->ward_gss = import_gss(post_id.len > 0 ? post_id : text_of(reader, membership, "post.id"));
    ballot->ward_name = text_of(reader, object, "post.label post_label");
    if (ballot->ward_name.len == 0) {
        ballot->ward_name = text_of(reader, membership, "post.label");
    }
    ballot->region = text_of(reader, object, "tags.NUTS1.value");
    ballot->voting_system = text_of(reader, object, "voting_system.slug voting_system");
    ballot->source = text_of(reader, object, "source results.source results_source");
    ballot->cancelled = flag_of(reader, ballot, object, "cancelled cancelled_poll");
    ballot->seats_stated = figure_of(reader, ballot, object, "winner_count seats_contested");
    ballot->rejected_papers =
        figure_of(reader, ballot, object, "num_spoilt_ballots results.num_spoilt_ballots spoilt_ballots");
    ballot->electorate = figure_of(reader, ballot, object, "total_electorate results.total_electorate");
    take_turnout(reader, ballot, object);
    size_t i;
    const json_t *candidate;
    json_array_foreach(list, i, candidate) {
        take_candidate(reader, ballot, candidate);
    }
}

static void take_document(Reader *reader, const Item *item, int depth);

static void take_items(Reader *reader, const Item *list, int depth) {
    Scan scan = {.text = list->text, .line = list->line};
    Item item;
    while (next_item(&scan, &item)) {
        take_document(reader, &item, depth + 1);
    }
}

// A page holds its ballots under "results".
static void take_page(Reader *reader, const Item *page, int depth) {
    Scan scan = {.text = page->text, .line = page->line};
    Item member;
    while (next_item(&scan, &member)) {
        if (str_equal(member.key, STR_LIT("\"results\""))) {
            member.key = STR_NONE;
            take_items(reader, &member, depth);
        }
    }
}

static void take_object(Reader *reader, const json_t *object, const Item *item, int depth) {
    Str id = text_of(reader, object, "ballot_paper_id ballot.ballot_paper_id");
    if (id.len == 0 && candidates_of(object) != NULL && item->key.len > 2) {
        id = str_slice(item->key, 1, item->key.len - 1); // an object of ballots by id
    }
    if (id.len > 0) {
        take_ballot(reader, object, id, item->line);
    } else if (json_is_array(json_object_get(object, "results"))) {
        take_page(reader, item, depth);
    } else if (str_is_none(item->key) && json_is_object(json_object_iter_value(json_object_iter((json_t *)object)))) {
        take_items(reader, item, depth);
    } else {
        import_tell(reader->import, reader->file, item->line, "something without a ballot_paper_id is left out");
    }
}

static void take_document(Reader *reader, const Item *item, int depth) {
    json_t *value = depth > NESTING_MAX ? NULL : json_loadb(item->text.ptr, item->text.len, JSON_DECODE_ANY, NULL);
    if (json_is_object(value)) {
        take_object(reader, value, item, depth);
    } else if (json_is_array(value)) {
        take_items(reader, item, depth);
    } else {
        import_tell(reader->import, reader->file, item->line, "something without a ballot_paper_id is left out");
    }
    json_decref(value);
}

bool import_democracy_club_json(Import *import, Str file, Str text, Str *error) {
    const Str byte_order_mark = STR_LIT("\xEF\xBB\xBF");
    if (str_starts_with(text, byte_order_mark)) {
        text = str_slice(text, byte_order_mark.len, text.len);
    }
    json_error_t why;
    json_t *whole = json_loadb(text.ptr, text.len, 0, &why);
    if (whole == NULL) {
        *error = text_one_line(&import->memory, arena_printf(&import->memory, "line %d: %s", why.line, why.text));
        return false;
    }
    json_decref(whole);
    Reader reader = {.import = import, .file = file};
    Scan scan = {.text = text, .line = 1};
    skip_space(&scan);
    Item item = {.text = str_slice(text, scan.at, text.len), .line = scan.line};
    take_document(&reader, &item, 0);
    return true;
}
