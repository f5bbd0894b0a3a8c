// The HTTP server: one thread for the network, which answers at once or hands a request to the pool.
#pragma once

#include "common/base/config.h"
#include "services/gateway/assets.h"
#include "services/gateway/hub.h"
#include "services/gateway/pool.h"

typedef struct Server Server;

typedef struct ServerParts {
    const Config *config;
    Hub *hub;
    Pool *pool;
    Assets *assets;
} ServerParts;

// Listens. NULL, with a line in `error` (arena): it cannot. The parts outlive the server.
Server *server_start(const ServerParts *parts, Arena *arena, Str *error);

// host:port, as it listens; a port 0 of the settings is the one that was free.
Str server_address(const Server *server);

// No more connections; those that wait are answered. Then the pool may be stopped.
void server_quiesce(Server *server);

// After the pool's threads have ended, so that no request waits any more.
void server_stop(Server *server);
