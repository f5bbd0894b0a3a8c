// `declared-gateway`: what stands in the api views, over HTTP, to whoever asks.
#include "common/base/log.h"
#include "common/base/program.h"
#include "services/gateway/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_bool stop;
static atomic_int running; // threads that use the database and have not ended

// The parts, in the order in which they are made; ended the other way round.
typedef struct Gateway {
    Arena arena;
    Database database;
    Assets *assets;
    Hub *hub;
    Pool *pool;
    Server *server;
} Gateway;

static bool start(Gateway *gateway, const Config *config, Str *error) {
    Arena *arena = &gateway->arena;
    gateway->database.uri = config_get(config, "postgres.uri");
    gateway->database.role = config_get(config, "postgres.role");
    gateway->database.stop = &stop;
    gateway->assets = assets_load(config_get(config, "gateway.assets"), arena, error);
    if (gateway->assets == NULL) {
        return false;
    }
    gateway->pool = pool_new(&gateway->database, config_int(config, "gateway.workers"), &running);
    gateway->hub = gateway->pool == NULL ? NULL : hub_start(&gateway->database, &running);
    if (gateway->hub == NULL) {
        *error = arena_printf(arena, "cannot start a thread: %s", strerror(errno));
        return false;
    }
    ServerParts parts = {.config = config, .hub = gateway->hub, .pool = gateway->pool, .assets = gateway->assets};
    gateway->server = server_start(&parts, arena, error);
    return gateway->server != NULL;
}

static void end(Gateway *gateway) {
    atomic_store(&stop, true);
    if (gateway->server != NULL) {
        server_quiesce(gateway->server);
    }
    if (gateway->pool != NULL) {
        pool_stop(gateway->pool);
    }
    program_leave_within_bounds(&running, NULL);
    if (gateway->server != NULL) {
        server_stop(gateway->server);
    }
    hub_free(gateway->hub);
    pool_free(gateway->pool);
    assets_free(gateway->assets);
    arena_free(&gateway->arena);
}

static int run(const Config *config) {
    program_block_signals();
    Gateway gateway = {0};
    Str error = STR_NONE;
    int code = EXIT_SUCCESS;
    if (start(&gateway, config, &error)) {
        log_info("declared-gateway %s listens on http://" STR_FMT, DECLARED_VERSION,
                 STR_ARG(server_address(gateway.server)));
        program_wait_for_stop(&stop);
    } else {
        fprintf(stderr, "declared-gateway: " STR_FMT "\n", STR_ARG(error));
        code = EXIT_FAILURE;
    }
    end(&gateway);
    return code;
}

int main(int argc, char **argv) {
    static const Program program = {
        .name = "declared-gateway",
        .about = "Serves council control, ballots, totals, facts and flashes over HTTP, as JSON, CSV, XML and as\n"
                 "server-sent events, and the page. Reads the views of schema api (rehearsals: api_test, below\n"
                 "/test), and nothing else; its login needs the role declared_reader alone.\n",
        .run = run,
    };
    return program_main(&program, argc, argv);
}
