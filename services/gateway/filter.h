// Which events a client of a stream wants. Pure.
#pragma once

#include "services/gateway/events.h"

typedef struct Filter {
    Str councils, elections, regions, parties; // comma-separated, borrowed; absent: any
    bool kinds[EVENT_KINDS];
} Filter;

// `kinds` is comma-separated names, absent: all. False: one of them is no kind.
bool filter_set_kinds(Filter *filter, Str kinds);

bool filter_passes(const Filter *filter, const Event *event);
