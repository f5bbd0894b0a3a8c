// What can be asked: the table of resources, and how a target finds its row in it. Pure.
//
// A resource is a query of the folder sql/ on the views of schema api, or, below /test, the same on api_test.
// What a client sends is a parameter of the query and nothing else.
#pragma once

#include "services/gateway/target.h"

enum { ROUTE_PARAMETERS_MAX = 6 };

typedef enum RouteKind {
    ROUTE_ROW,    // one row, or 404
    ROUTE_ROWS,   // any number
    ROUTE_STREAM, // server-sent events
    ROUTE_OPENAPI,
} RouteKind;

typedef struct Route {
    const char *path; // below /v1; {name} stands for any one segment
    RouteKind kind;
    const char *element;                              // XML's name of a row
    const char *parameters[ROUTE_PARAMETERS_MAX + 1]; // the query's, in order; those of the path come first
    const char *query;                                // the file of sql/
} Route;

// Ends with a NULL path.
extern const Route routes[];

typedef enum Format { FORMAT_JSON, FORMAT_CSV, FORMAT_XML } Format;

// What a target asks for.
typedef struct Ask {
    const Route *route;
    const char *schema;                       // "api" or "api_test"
    const char *values[ROUTE_PARAMETERS_MAX]; // as text for the query; NULL: not given
    Format format;
    bool flat;   // JSON without arrays and objects in it; CSV and XML always are
    int parties; // of a flat row; 0: as many as there are, but at least FLAT_PARTIES_MIN
} Ask;

typedef enum AskStatus {
    ASK_OK,
    ASK_UNKNOWN, // no such resource
    ASK_BAD,     // `problem` (arena) says what is wrong with a parameter
} AskStatus;

// The target's path begins with /v1 or /test/v1 (else ASK_UNKNOWN).
AskStatus routes_ask(const Target *target, Arena *arena, Ask *ask, Str *problem);

// The route of the one thing that this one's rows belong to: of /elections/{election_id}/ballots that of
// /elections/{election_id}. NULL: they belong to nothing.
const Route *routes_parent(const Route *route);

// What a list of its rows is called: of /elections/{election_id}/ballots it is `ballots`.
const char *routes_last_word(const Route *route);

// A query that is written for schema api, for that schema (arena; NUL-terminated).
Str routes_sql(Str sql, const char *schema, Arena *arena);
