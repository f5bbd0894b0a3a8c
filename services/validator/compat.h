// Can every datum of one schema be read as another? Asked before a new version is published, of schemas that
// need not be ours.
//
// The rules are those of Avro's schema resolution, and stricter than plan.h where resolution leaves it to the
// datum: each branch of a writer's union and each symbol of its enums must be readable.
#pragma once

#include "common/base/arena.h"
#include "services/validator/schema.h"

// False: not, for the reason in `reason` (arena): the path to the field, and what is in the way.
bool compat_can_read(const SchemaNode *writer, const SchemaNode *reader, Arena *arena, Str *reason);

// Does each default of the schema fit its field? False: `reason` names the first that does not. A union's
// default is of its first branch.
bool compat_check_defaults(const SchemaNode *root, Arena *arena, Str *reason);
