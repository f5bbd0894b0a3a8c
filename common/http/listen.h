// The socket that the settings name.
#pragma once

#include "common/base/arena.h"

// `listen`, the value of `setting`, is host:port, [v6]:port, or :port for all addresses; a port 0 takes a free one. Not
// blocking.
// `*address` (arena) is what it became. -1, with a line in `error` (arena): it cannot be had.
int listen_open(const char *setting, const char *listen, Arena *arena, Str *address, Str *error);
