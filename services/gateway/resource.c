#include "services/gateway/resource.h"

#include "common/base/embedded.h"
#include "services/gateway/flat.h"

extern const EmbeddedFile gateway_files[];

// PostgreSQL's own numbers for types (pg_type.dat).
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_JSON = 114,
    OID_TEXT_ARRAY = 1009,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_JSONB = 3802,
};

static Answer *answer_failure(QueryStatus status) {
    switch (status) {
    case QUERY_REFUSED:
        return answer_problem(400, STR_LIT("a parameter is out of PostgreSQL's range"));
    case QUERY_BROKEN:
        return answer_problem(500, STR_LIT("the database does not have what this needs; the gateway's log says what"));
    default:
        return answer_problem(503, STR_LIT("the database does not answer; try again in a moment"));
    }
}

static size_t count_parameters(const Route *route) {
    size_t count = 0;
    while (route->parameters[count] != NULL) {
        count++;
    }
    return count;
}

static const char *query_text(const char *file, const char *schema, Arena *arena) {
    return routes_sql(embedded_find(gateway_files, file), schema, arena).ptr;
}

// What has no rows: nothing yet, or no such thing?
static Answer *check_parent(Session *session, const Ask *ask, Arena *arena) {
    const Route *parent = routes_parent(ask->route);
    if (parent == NULL) {
        return NULL;
    }
    const char *values[ROUTE_PARAMETERS_MAX] = {ask->values[0]}; // the parent's others are left out
    PGresult *result;
    const char *sql = query_text(parent->query, ask->schema, arena);
    QueryStatus status = session_query(session, sql, values, count_parameters(parent), &result);
    bool exists = status == QUERY_OK && PQntuples(result) > 0;
    PQclear(result);
    if (status != QUERY_OK) {
        return answer_failure(status);
    }
    return exists ? NULL
                  : answer_problem(
                        404, arena_printf(arena, "%s names nothing that is known here", ask->route->parameters[0]));
}

// ---- JSON, as PostgreSQL makes it ------------------------------------------------------------------------

static Answer *answer_json(const PGresult *result) {
    Buf body = {0};
    buf_add(&body, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0));
    buf_add_byte(&body, '\n');
    return answer_new(200, TYPE_JSON, CACHE_REVALIDATE, &body);
}

// ---- flat ------------------------------------------------------------------------------------------------

static FlatType type_of(Oid oid) {
    switch (oid) {
    case OID_BOOL:
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_NUMERIC:
        return FLAT_LITERAL;
    case OID_JSON:
    case OID_JSONB:
        return FLAT_NESTED;
    default:
        return FLAT_TEXT;
    }
}

// From 2023-05-05 01:12:03.456+00, as PostgreSQL's JSON has it too: 2023-05-05T01:12:03.456+00:00
static Str moment_of(Str text, Arena *arena) {
    Str moment = arena_printf(arena, STR_FMT ":00", STR_ARG(text));
    char *space = memchr(moment.ptr, ' ', moment.len);
    if (space != NULL) {
        *space = 'T';
    }
    return moment;
}

// From {A,B}: A B. Codes, which need no quotes.
static Str words_of(Str text, Arena *arena) {
    Str words = arena_copy(arena, str_slice(text, 1, text.len - 1));
    for (size_t i = 0; i < words.len; i++) {
        ((char *)words.ptr)[i] = (char)(words.ptr[i] == ',' ? ' ' : words.ptr[i]);
    }
    return words;
}

static Str cell_of(const PGresult *result, int row, int column, Arena *arena) {
    if (PQgetisnull(result, row, column)) {
        return STR_NONE;
    }
    Str text = {PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
    switch (PQftype(result, column)) {
    case OID_BOOL:
        return text.ptr[0] == 't' ? STR_LIT("true") : STR_LIT("false");
    case OID_TIMESTAMPTZ:
        return moment_of(text, arena);
    case OID_TEXT_ARRAY:
        return words_of(text, arena);
    default:
        return text;
    }
}

static FlatTable read_table(const PGresult *result, Arena *arena) {
    int columns_count = PQnfields(result), rows_count = PQntuples(result);
    FlatColumn *columns = arena_alloc(arena, (size_t)columns_count, sizeof *columns);
    Str *cells = arena_alloc(arena, (size_t)columns_count * (size_t)rows_count, sizeof *cells), *cell = cells;
    for (int column = 0; column < columns_count; column++) {
        columns[column] = (FlatColumn){str_from(PQfname(result, column)), type_of(PQftype(result, column))};
    }
    for (int row = 0; row < rows_count; row++) {
        for (int column = 0; column < columns_count; column++) {
            *cell++ = cell_of(result, row, column, arena);
        }
    }
    return (FlatTable){columns, cells, (size_t)columns_count, (size_t)rows_count};
}

static Answer *answer_flat(const PGresult *result, const Ask *ask, Arena *arena) {
    FlatTable source = read_table(result, arena);
    FlatTable table = flat_expand(&source, ask->parties, arena);
    bool one_row = ask->route->kind == ROUTE_ROW;
    Buf body = {0};
    const char *type = TYPE_JSON;
    if (ask->format == FORMAT_CSV) {
        flat_write_csv(&table, &body);
        type = TYPE_CSV;
    } else if (ask->format == FORMAT_XML) {
        flat_write_xml(&table, one_row ? NULL : routes_last_word(ask->route), ask->route->element, &body);
        type = TYPE_XML;
    } else {
        flat_write_json(&table, one_row, &body);
    }
    return answer_new(200, type, CACHE_REVALIDATE, &body);
}

// ---- both ------------------------------------------------------------------------------------------------

Answer *resource_answer(Session *session, const Ask *ask, Arena *arena) {
    const Route *route = ask->route;
    bool flat = ask->flat || ask->format != FORMAT_JSON;
    const char *sql = query_text(route->query, ask->schema, arena);
    if (!flat) {
        sql = arena_printf(arena,
                           route->kind == ROUTE_ROW ? "SELECT row_to_json(r) FROM (%s) r"
                                                    : "SELECT coalesce(json_agg(r), '[]') FROM (%s) r",
                           sql)
                  .ptr;
    }
    PGresult *result;
    QueryStatus status = session_query(session, sql, ask->values, count_parameters(route), &result);
    if (status != QUERY_OK) {
        return answer_failure(status);
    }
    bool empty = PQntuples(result) == 0 || (!flat && strcmp(PQgetvalue(result, 0, 0), "[]") == 0);
    Answer *answer = NULL;
    if (empty && route->kind == ROUTE_ROW) {
        answer = answer_problem(404, arena_printf(arena, "%s names nothing that is known here", route->parameters[0]));
    } else if (empty) {
        answer = check_parent(session, ask, arena);
    }
    if (answer == NULL) {
        answer = flat ? answer_flat(result, ask, arena) : answer_json(result);
    }
    PQclear(result);
    return answer;
}
