// A struct laid out for any schema that a reader of ours can have, as a compiler would lay it out, and its value
// as JSON: so that tests can resolve a writer's schema to readers that the project does not have.
#pragma once

#include "common/base/arena.h"
#include "services/validator/binding.h"

struct json_t;

// In front of the struct, for the record's type (PlanReader.type).
enum { STRUCT_HEADER_BYTES = 16 };

// A binding for the record `node`, in the arena, its fields behind a header. False: no record, one that contains
// itself, or too many types when references are followed; or a field of a type that no binding knows.
bool struct_bind(Binding *binding, SchemaNode *node, Arena *arena, Str *error);

// Of a struct that walk_datum() filled. The caller owns it.
struct json_t *struct_to_json(const SchemaNode *node, const Binding *binding, const void *value);
