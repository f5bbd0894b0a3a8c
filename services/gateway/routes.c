#include "services/gateway/routes.h"

#include "common/base/civil.h"
#include "common/base/limits.h"
#include "common/base/rfc3339.h"

#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define FAIL(arena, problem, ...) (*(problem) = arena_printf(arena, __VA_ARGS__), false)

const Route routes[] = {
    {"/elections", ROUTE_ROWS, "election", {"date", "region", "party", "status", "at"}, "elections.sql"},
    {"/elections/{election_id}", ROUTE_ROW, "election", {"election_id", "at"}, "election.sql"},
    {"/elections/{election_id}/history", ROUTE_ROWS, "snapshot", {"election_id"}, "history.sql"},
    {"/elections/{election_id}/ballots", ROUTE_ROWS, "ballot", {"election_id"}, "ballots.sql"},
    {"/elections/{election_id}/candidates", ROUTE_ROWS, "candidate", {"election_id"}, "election_candidates.sql"},
    {"/elections/{election_id}/facts", ROUTE_ROWS, "fact", {"election_id", "at"}, "election_facts.sql"},
    {"/elections/{election_id}/flashes", ROUTE_ROWS, "flash", {"election_id"}, "election_flashes.sql"},
    {"/councils/{council_id}", ROUTE_ROW, "election", {"council_id", "at"}, "council.sql"},
    {"/ballots/{ballot_paper_id}", ROUTE_ROW, "ballot", {"ballot_paper_id"}, "ballot.sql"},
    {"/ballots/{ballot_paper_id}/candidates", ROUTE_ROWS, "candidate", {"ballot_paper_id"}, "candidates.sql"},
    {"/ballots/{ballot_paper_id}/audit", ROUTE_ROWS, "record", {"ballot_paper_id", "payload"}, "audit.sql"},
    {"/dates", ROUTE_ROWS, "date", {NULL}, "dates.sql"},
    {"/totals", ROUTE_ROWS, "total", {"date", "by"}, "totals.sql"},
    {"/progress", ROUTE_ROWS, "area", {"date"}, "progress.sql"},
    {"/flashes", ROUTE_ROWS, "flash", {"date"}, "flashes.sql"},
    {"/facts", ROUTE_ROWS, "fact", {"date", "at"}, "facts.sql"},
    {"/parties", ROUTE_ROWS, "party", {"date"}, "parties.sql"},
    {"/stream", ROUTE_STREAM, NULL, {"council", "election", "region", "party", "kind", "last_event_id"}, NULL},
    {"/openapi", ROUTE_OPENAPI, NULL, {NULL}, NULL},
    {0},
};

// ---- parameters ------------------------------------------------------------------------------------------

typedef enum ParameterType { TEXT, DATE, MOMENT, CHOICE, FLAG, NUMBER } ParameterType;

typedef struct Parameter {
    const char *name;
    ParameterType type;
    const char *choices; // separated by '|'
    int most;            // of a number, from 1; of text, bytes
} Parameter;

static const Parameter parameters[] = {
    {"election_id", TEXT, .most = LIMIT_ID_BYTES},
    {"council_id", TEXT, .most = LIMIT_ID_BYTES},
    {"ballot_paper_id", TEXT, .most = LIMIT_ID_BYTES},
    {.name = "date", .type = DATE},
    {"region", TEXT, .most = LIMIT_ID_BYTES},
    {"party", TEXT, .most = LIMIT_ID_BYTES},
    {"status", CHOICE, .choices = "awaiting|in_progress|called|final"},
    {.name = "at", .type = MOMENT},
    {"by", CHOICE, .choices = "party"},
    {.name = "payload", .type = FLAG},
    {"format", CHOICE, .choices = "json|csv|xml"},
    {.name = "flat", .type = FLAG},
    {"parties", NUMBER, .most = 40},
    {"council", TEXT, .most = LIMIT_DETAIL_BYTES},
    {"election", TEXT, .most = LIMIT_DETAIL_BYTES},
    {"kind", TEXT, .most = LIMIT_ID_BYTES},
    {"last_event_id", TEXT, .most = TARGET_BYTES_MAX},
};

static const char *const format_parameters[] = {"format", "flat", "parties"};

static const Parameter *find_parameter(const char *name) {
    for (size_t i = 0; i < COUNT_OF(parameters); i++) {
        if (strcmp(parameters[i].name, name) == 0) {
            return &parameters[i];
        }
    }
    abort(); // a route names a parameter that the table does not have
}

static bool is_choice(const char *choices, Str value) {
    for (Str rest = str_from(choices); rest.len > 0;) {
        const char *end = memchr(rest.ptr, '|', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        if (str_equal(str_slice(rest, 0, len), value)) {
            return true;
        }
        rest = str_slice(rest, len + (end != NULL), rest.len);
    }
    return false;
}

static bool read_flag(Str value, const char **text) {
    static const char *const words[][2] = {{"1", "true"}, {"true", "true"}, {"0", "false"}, {"false", "false"}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_equal_text(value, words[i][0])) {
            *text = words[i][1];
            return true;
        }
    }
    return false;
}

// A '+' that nobody escaped has become a space: 2023-05-05T01:00:00 01:00
static bool read_moment(Str value, Arena *arena, const char **text) {
    static const size_t offset_len = sizeof "+01:00" - 1;
    char *moment = (char *)arena_copy(arena, value).ptr;
    if (value.len > offset_len && moment[value.len - offset_len] == ' ') {
        moment[value.len - offset_len] = '+';
    }
    int64_t ms;
    *text = moment;
    return rfc3339_parse((Str){moment, value.len}, &ms);
}

static bool is_number(Str value, int most) {
    int number = 0;
    for (size_t i = 0; i < value.len; i++) {
        number = number * 10 + value.ptr[i] - '0';
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || number > most) {
            return false;
        }
    }
    return number >= 1;
}

static bool read_value(const char *name, Str value, Arena *arena, const char **text, Str *problem) {
    const Parameter *parameter = find_parameter(name);
    CivilDate date;
    *text = value.ptr;
    switch (parameter->type) {
    case TEXT:
        return (value.len > 0 && value.len <= (size_t)parameter->most) ||
               FAIL(arena, problem, "%s is 1 to %d bytes", name, parameter->most);
    case DATE:
        return civil_parse_date(value, &date) || FAIL(arena, problem, "%s is a day as YYYY-MM-DD", name);
    case MOMENT:
        return read_moment(value, arena, text) ||
               FAIL(arena, problem, "%s is a moment as RFC 3339 has it: 2023-05-05T01:00:00Z", name);
    case CHOICE:
        return is_choice(parameter->choices, value) ||
               FAIL(arena, problem, "%s is one of %s", name, parameter->choices);
    case FLAG:
        return read_flag(value, text) || FAIL(arena, problem, "%s is 1 or 0", name);
    case NUMBER:
        return is_number(value, parameter->most) ||
               FAIL(arena, problem, "%s is a number from 1 to %d", name, parameter->most);
    }
    return false;
}

// ---- a target's route ------------------------------------------------------------------------------------

// Cuts the first segment off a path of the table.
static Str next_segment(const char **path) {
    const char *begin = *path + 1;
    *path = begin + strcspn(begin, "/");
    return (Str){begin, (size_t)(*path - begin)};
}

static bool path_matches(const char *path, const Str *segments, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (*path == '\0') {
            return false;
        }
        Str wanted = next_segment(&path);
        if (wanted.ptr[0] != '{' && !str_equal(wanted, segments[i])) {
            return false;
        }
    }
    return *path == '\0';
}

static const Route *find_route(const Str *segments, size_t count) {
    for (const Route *route = routes; route->path != NULL; route++) {
        if (path_matches(route->path, segments, count)) {
            return route;
        }
    }
    return NULL;
}

// Cuts `.json`, `.csv` or `.xml` off.
static bool cut_suffix(Str *segment, Format *format) {
    static const char *const suffixes[] = {[FORMAT_JSON] = ".json", [FORMAT_CSV] = ".csv", [FORMAT_XML] = ".xml"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        Str suffix = str_from(suffixes[i]);
        if (segment->len > suffix.len &&
            str_equal(str_slice(*segment, segment->len - suffix.len, segment->len), suffix)) {
            segment->len -= suffix.len;
            *format = (Format)i;
            return true;
        }
    }
    return false;
}

static bool read_path_values(const Str *segments, Arena *arena, Ask *ask, Str *problem) {
    const char *path = ask->route->path;
    size_t value = 0;
    for (size_t i = 0; *path != '\0'; i++) {
        if (next_segment(&path).ptr[0] == '{') {
            Str text = arena_copy(arena, segments[i]);
            if (!read_value(ask->route->parameters[value], text, arena, &ask->values[value], problem)) {
                return false;
            }
            value++;
        }
    }
    return true;
}

// Where the query's parameter `name` has its place; -1: nowhere.
static int place_of(const Ask *ask, Str name) {
    for (int i = 0; i < ROUTE_PARAMETERS_MAX && ask->route->parameters[i] != NULL; i++) {
        if (str_equal_text(name, ask->route->parameters[i])) {
            return ask->values[i] == NULL ? i : -1; // else it stands in the path
        }
    }
    return -1;
}

static bool set_format(Ask *ask, Str name, const char *value) {
    if (str_equal_text(name, "format")) {
        ask->format = strcmp(value, "csv") == 0 ? FORMAT_CSV : strcmp(value, "xml") == 0 ? FORMAT_XML : FORMAT_JSON;
    } else if (str_equal_text(name, "flat")) {
        ask->flat = strcmp(value, "true") == 0;
    } else {
        ask->parties = (int)strtol(value, NULL, 10);
    }
    return true;
}

static bool is_format_parameter(const Ask *ask, Str name) {
    bool wanted = ask->route->kind == ROUTE_ROW || ask->route->kind == ROUTE_ROWS;
    for (size_t i = 0; wanted && i < COUNT_OF(format_parameters); i++) {
        if (str_equal_text(name, format_parameters[i])) {
            return true;
        }
    }
    return false;
}

static bool read_parameter(const TargetParameter *given, Arena *arena, Ask *ask, Str *problem) {
    const char *value;
    if (given->name.ptr[0] == '_') {
        return true; // what pollers add against caches: ?_=1683248400
    }
    if (is_format_parameter(ask, given->name)) {
        return read_value(given->name.ptr, given->value, arena, &value, problem) && set_format(ask, given->name, value);
    }
    int place = place_of(ask, given->name);
    if (place < 0) {
        return FAIL(arena, problem, "there is no parameter " STR_FMT " here", STR_ARG(given->name));
    }
    return read_value(given->name.ptr, given->value, arena, &ask->values[place], problem);
}

AskStatus routes_ask(const Target *target, Arena *arena, Ask *ask, Str *problem) {
    *ask = (Ask){.schema = "api"};
    Str segments[TARGET_SEGMENTS_MAX];
    size_t from = 0, count = target->segments_count;
    if (count > 0 && str_equal_text(target->segments[0], "test")) {
        ask->schema = "api_test";
        from = 1;
    }
    if (from + 1 >= count || !str_equal_text(target->segments[from], "v1")) {
        return ASK_UNKNOWN;
    }
    from++;
    memcpy(segments, target->segments + from, (count - from) * sizeof *segments);
    count -= from;
    bool has_suffix = cut_suffix(&segments[count - 1], &ask->format);
    ask->route = find_route(segments, count);
    if (ask->route == NULL || (has_suffix && ask->route->kind == ROUTE_STREAM) ||
        (ask->format != FORMAT_JSON && ask->route->kind == ROUTE_OPENAPI)) {
        return ASK_UNKNOWN;
    }
    if (!read_path_values(segments, arena, ask, problem)) {
        return ASK_BAD;
    }
    for (size_t i = 0; i < target->parameters_count; i++) {
        if (has_suffix && str_equal_text(target->parameters[i].name, "format")) {
            *problem = arena_printf(arena, "the format is in the path already");
            return ASK_BAD;
        }
        if (!read_parameter(&target->parameters[i], arena, ask, problem)) {
            return ASK_BAD;
        }
    }
    return ASK_OK;
}

const Route *routes_parent(const Route *route) {
    size_t len = (size_t)(strrchr(route->path, '/') - route->path);
    for (const Route *parent = routes; len > 0 && parent->path != NULL; parent++) {
        if (strlen(parent->path) == len && memcmp(parent->path, route->path, len) == 0) {
            return parent->kind == ROUTE_ROW ? parent : NULL;
        }
    }
    return NULL;
}

const char *routes_last_word(const Route *route) {
    const char *word = strrchr(route->path, '/');
    return word + 1;
}

Str routes_sql(Str sql, const char *schema, Arena *arena) {
    static const Str written = {"api.", 4};
    Buf out = {0};
    for (size_t i = 0; i < sql.len; i++) {
        Str rest = str_slice(sql, i, sql.len);
        if (str_starts_with(rest, written) && (i == 0 || strchr(" (", sql.ptr[i - 1]) != NULL)) {
            buf_add_str(&out, str_from(schema));
            buf_add_byte(&out, '.');
            i += written.len - 1;
        } else {
            buf_add_byte(&out, (uint8_t)sql.ptr[i]);
        }
    }
    Str text = arena_copy(arena, buf_str(&out));
    buf_free(&out);
    return text;
}
