// The settings that can change a fate or a snapshot, as the RuleBook the ledger keeps: [rules],
// [sources] rank and [calls] require_approval.
#pragma once

#include "common/base/config.h"
#include "common/domain/fates.h"

// `partitions` is of both input topics. The book borrows its sources from `config`. False: an
// unknown rule or fate, a fate milder than the rule may have, too many sources; `error` (arena) is
// one line that names where it was set.
bool rule_settings_read(const Config *config, int32_t partitions, Arena *arena, RuleBook *book, Str *error);

// The rules as lines of the sample file's last section.
void rule_settings_write_sample(Buf *out);
