// The daemon's small HTTP server: /metrics, /healthz, /readyz, for machines that watch it. A thread of its own.
#pragma once

#include "common/base/config.h"

typedef struct Listener Listener;

// As daemon.listen says, which is not empty. NULL, with a line in `error` (arena): it cannot.
Listener *listener_start(const Config *config, Arena *arena, Str *error);

// host:port, as it listens; a port 0 of the settings is the one that was free.
Str listener_address(const Listener *listener);

// NULL is fine.
void listener_stop(Listener *listener);
