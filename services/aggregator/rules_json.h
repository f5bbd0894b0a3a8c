// A rule book as the JSON that the database keeps as a version of `rules`.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/domain/fates.h"

// One line, always the same for the same book; `version` is not part of it.
void rules_to_json(const RuleBook *rules, Buf *out);

// Of JSON that rules_to_json wrote, by this version of the program or an earlier one: a rule that it
// does not name has its default. Sources are copied into `arena`. False: not such JSON.
bool rules_from_json(Str json, Arena *arena, RuleBook *rules);
