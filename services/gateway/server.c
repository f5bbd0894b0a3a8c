#include "services/gateway/server.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/http/listen.h"
#include "services/gateway/cache.h"
#include "services/gateway/metrics.h"
#include "services/gateway/openapi.h"
#include "services/gateway/patience.h"
#include "services/gateway/reply.h"
#include "services/gateway/resource.h"
#include "services/gateway/stream.h"

#include <microhttpd.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    IDLE_TIMEOUT_S = 30,             // of a connection; a client that polls less often connects anew
    CONNECTION_MEMORY = 32 * 1024,   // a request's head, and what is being sent; longer heads get 431
    FILES_BESIDES_CONNECTIONS = 256, // sessions, listener, the log
};

struct Server {
    ServerParts parts;
    struct MHD_Daemon *daemon;
    Arena memory;
    Str address;
    Answer *openapi;
    Cache *cache;
    Patience *patience;
    unsigned streams_max; // the other connections are for polling
};

// Numbers of routes in the metrics: those of the table, then these.
typedef enum FixedRoute { ROUTE_HEALTHZ, ROUTE_READYZ, ROUTE_METRICS, ROUTE_PAGE, ROUTE_NONE, FIXED_ROUTES } FixedRoute;
static const char *const fixed_names[FIXED_ROUTES] = {"/healthz", "/readyz", "/metrics", "page", "none"};

typedef enum Stage { STAGE_NEW, STAGE_HEAD, STAGE_WAITING, STAGE_ANSWERED } Stage;

// From the first line to the last byte. While it waits for the pool, its connection is suspended, so that
// the network's thread does not touch it.
typedef struct Request {
    Server *server;
    struct MHD_Connection *connection;
    Arena arena;
    Str raw; // the target, as it came
    Stage stage;
    Ask ask;
    Str key;             // of the cache
    uint64_t generation; // under which it was asked; 0: nobody can know
    bool handed_over;    // to the pool, which sets the answer
    Answer *answer;
    struct MHD_Response *stream; // in its stead
    size_t route;                // for the metrics
    int64_t began_us;
} Request;

static int64_t clock_us(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t table_size(void) {
    size_t count = 0;
    while (routes[count].path != NULL) {
        count++;
    }
    return count;
}

static size_t fixed_route(FixedRoute route) {
    return table_size() + route;
}

// ---- a request's answer ----------------------------------------------------------------------------------

// What answers alike: what was asked, however it was written. No value holds the separator.
static Str key_of(const Ask *ask, Arena *arena) {
    Buf key = {0};
    buf_printf(&key, "%s\x1f%td\x1f%d\x1f%d\x1f%d", ask->schema, ask->route - routes, (int)ask->format, ask->flat,
               ask->parties);
    for (size_t i = 0; i < ROUTE_PARAMETERS_MAX; i++) {
        buf_printf(&key, "\x1f%s", ask->values[i] == NULL ? "\x1e" : ask->values[i]);
    }
    Str text = arena_copy(arena, buf_str(&key));
    buf_free(&key);
    return text;
}

// The answer that is known and still true, or NULL.
static Answer *find_known(const Request *request) {
    if (request->generation == 0) {
        return NULL;
    }
    Answer *answer = cache_find(request->server->cache, request->key, request->generation);
    metrics_add(COUNTER_CACHE_HITS, answer != NULL);
    return answer;
}

static void ask_database(Session *session, void *argument) {
    Request *request = argument;
    request->answer = find_known(request); // somebody before has asked for the same
    if (request->answer == NULL) {
        request->answer = resource_answer(session, &request->ask, &request->arena);
        if (request->generation != 0 && request->answer->status == 200) {
            cache_put(request->server->cache, request->key, request->generation, request->answer);
        }
    }
    MHD_resume_connection(request->connection);
}

static void check_database(Session *session, void *argument) {
    Request *request = argument;
    PGresult *result;
    QueryStatus status = session_query(session, "SELECT FROM api.lane LIMIT 1", NULL, 0, &result);
    PQclear(result);
    if (status == QUERY_OK) {
        Buf body = {0};
        buf_add_str(&body, STR_LIT("ready\n"));
        request->answer = answer_new(200, "text/plain; charset=utf-8", CACHE_NEVER, &body);
    } else {
        request->answer = answer_problem(503, STR_LIT("the database does not answer"));
    }
    MHD_resume_connection(request->connection);
}

// Its answer comes later, from a thread of the pool.
static void wait_for(Request *request, PoolWork *work) {
    request->handed_over = true;
    MHD_suspend_connection(request->connection);
    if (!pool_add(request->server->parts.pool, work, request)) {
        request->answer = answer_problem(503, STR_LIT("too many requests wait already"));
        MHD_resume_connection(request->connection);
    }
}

static Answer *metrics_answer(void) {
    Buf body = {0};
    metrics_write(&body, clock_us(CLOCK_REALTIME));
    return answer_new(200, "text/plain; version=0.0.4; charset=utf-8", CACHE_NEVER, &body);
}

static Answer *health_answer(void) {
    Buf body = {0};
    buf_add_str(&body, STR_LIT("ok\n"));
    return answer_new(200, "text/plain; charset=utf-8", CACHE_NEVER, &body);
}

static void answer_fixed(Request *request, const Target *target) {
    Str name = target->segments_count == 1 ? target->segments[0] : STR_LIT("");
    if (str_equal_text(name, "healthz")) {
        request->route = fixed_route(ROUTE_HEALTHZ);
        request->answer = health_answer();
    } else if (str_equal_text(name, "metrics")) {
        request->route = fixed_route(ROUTE_METRICS);
        request->answer = metrics_answer();
    } else if (str_equal_text(name, "readyz")) {
        request->route = fixed_route(ROUTE_READYZ);
        wait_for(request, check_database);
    } else {
        Str path = {request->raw.ptr + 1, strcspn(request->raw.ptr + 1, "?")};
        request->answer = assets_find(request->server->parts.assets, path);
        request->route = fixed_route(request->answer != NULL ? ROUTE_PAGE : ROUTE_NONE);
        if (request->answer == NULL) {
            request->answer = answer_problem(404, STR_LIT("nothing is here; see /v1/openapi.json"));
        }
    }
}

static void open_stream(Request *request) {
    Server *server = request->server;
    if (metrics_get(GAUGE_STREAM_CLIENTS) >= server->streams_max) {
        request->answer = answer_problem(503, STR_LIT("there are as many streams as this server has room for"));
        return;
    }
    const char *id = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Last-Event-ID");
    Str problem = STR_NONE;
    StreamParts parts = {server->parts.hub, server->parts.pool};
    request->stream = stream_open(&parts, request->connection, &request->ask, id, &request->arena, &problem);
    if (request->stream == NULL) {
        request->answer = answer_problem(400, problem);
    }
}

static void answer_resource(Request *request) {
    request->route = (size_t)(request->ask.route - routes);
    switch (request->ask.route->kind) {
    case ROUTE_OPENAPI:
        request->answer = answer_use(request->server->openapi);
        return;
    case ROUTE_STREAM:
        open_stream(request);
        return;
    default:
        request->key = key_of(&request->ask, &request->arena);
        request->generation = hub_generation(request->server->parts.hub);
        request->answer = find_known(request);
        if (request->answer == NULL) {
            wait_for(request, ask_database);
        }
    }
}

// Sets request->answer or ->stream, or leaves it to the pool.
static void decide(Request *request) {
    Target target;
    Str problem = STR_NONE;
    TargetStatus status = target_parse(request->raw.ptr, &request->arena, &target, &problem);
    if (status == TARGET_TOO_LONG) {
        request->answer =
            answer_problem(414, arena_printf(&request->arena, "a target has at most %d bytes", TARGET_BYTES_MAX));
        return;
    }
    if (status == TARGET_BAD) {
        request->answer = answer_problem(400, problem);
        return;
    }
    switch (routes_ask(&target, &request->arena, &request->ask, &problem)) {
    case ASK_OK:
        answer_resource(request);
        return;
    case ASK_BAD:
        request->route = (size_t)(request->ask.route - routes);
        request->answer = answer_problem(400, problem);
        return;
    case ASK_UNKNOWN:
        answer_fixed(request, &target);
        return;
    }
}

// ---- libmicrohttpd's callbacks, all in its thread --------------------------------------------------------

static enum MHD_Result finish(Request *request) {
    request->stage = STAGE_ANSWERED;
    if (request->stream != NULL) {
        return reply_with_stream(request->connection, request->stream) != 0 ? MHD_YES : MHD_NO;
    }
    unsigned status = reply_with(request->connection, request->answer);
    metrics_count_request(request->route, status, clock_us(CLOCK_MONOTONIC) - request->began_us);
    return status == 0 ? MHD_NO : MHD_YES;
}

static bool has_body(struct MHD_Connection *connection) {
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length != NULL && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

// What is refused by its head alone; MHD_YES with the stage unchanged: nothing of it is.
static enum MHD_Result check_head(Request *request, const char *method) {
    if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0) {
        request->stage = STAGE_ANSWERED;
        unsigned status = reply_to_options(request->connection);
        metrics_count_request(request->route, status, clock_us(CLOCK_MONOTONIC) - request->began_us);
        return status == 0 ? MHD_NO : MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        request->answer = answer_problem(405, STR_LIT("this server is for reading: GET, HEAD and OPTIONS"));
        request->answer->allow = "GET";
        return finish(request);
    }
    if (has_body(request->connection)) {
        request->answer = answer_problem(400, STR_LIT("a request for reading has no body"));
        return finish(request);
    }
    return MHD_YES;
}

static Guest *guest_of(struct MHD_Connection *connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void meet(void *server, struct MHD_Connection *connection, void **guest,
                 enum MHD_ConnectionNotificationCode code) {
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *guest = patience_admit(((Server *)server)->patience, info->connect_fd);
    } else {
        patience_dismiss(*guest);
    }
}

static enum MHD_Result handle(void *server, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *body, size_t *body_len, void **state) {
    (void)server, (void)url, (void)version, (void)body;
    Request *request = *state;
    switch (request->stage) {
    case STAGE_NEW:
        request->stage = STAGE_HEAD;
        request->connection = connection;
        patience_rest(guest_of(connection));
        return check_head(request, method);
    case STAGE_HEAD:
        *body_len = 0;
        request->stage = STAGE_WAITING;
        decide(request);
        return request->handed_over ? MHD_YES : finish(request);
    case STAGE_WAITING:
        return finish(request);
    case STAGE_ANSWERED:
        *body_len = 0;
        return MHD_YES;
    }
    return MHD_NO;
}

// The first that is called; what it returns becomes the request's state.
static void *begin(void *server, const char *target, struct MHD_Connection *connection) {
    (void)connection;
    Request *request = mem_alloc(1, sizeof *request);
    request->server = server;
    request->arena.block_bytes = 4096;
    request->raw = arena_copy(&request->arena, str_from(target));
    request->route = fixed_route(ROUTE_NONE);
    request->began_us = clock_us(CLOCK_MONOTONIC);
    return request;
}

static void complete(void *server, struct MHD_Connection *connection, void **state,
                     enum MHD_RequestTerminationCode code) {
    (void)server;
    Request *request = *state;
    if (request != NULL) {
        patience_await(guest_of(connection));
        if (request->stream != NULL && code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED) {
            metrics_add(COUNTER_STREAM_DROPPED, 1);
        }
        answer_free(request->answer);
        arena_free(&request->arena);
        mem_free(request);
        *state = NULL;
    }
}

__attribute__((format(printf, 2, 0))) static void log_problem(void *server, const char *format, va_list args) {
    (void)server;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    log_debug("http: %s", text);
}

// ---- the server ------------------------------------------------------------------------------------------

// As many files as connections; fewer, said in the log, where the system does not give them.
static unsigned allow_connections(int wanted) {
    rlim_t needed = (rlim_t)wanted + FILES_BESIDES_CONNECTIONS;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < needed) {
        limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= needed) {
        return (unsigned)wanted;
    }
    unsigned possible =
        (unsigned)(limit.rlim_cur > 2 * FILES_BESIDES_CONNECTIONS ? limit.rlim_cur - FILES_BESIDES_CONNECTIONS
                                                                  : limit.rlim_cur / 2);
    log_warning("the limit of open files allows only %u connections", possible);
    return possible;
}

static void name_routes(void) {
    for (size_t i = 0; routes[i].path != NULL; i++) {
        metrics_name_route(i, routes[i].path);
    }
    for (size_t i = 0; i < FIXED_ROUTES; i++) {
        metrics_name_route(fixed_route((FixedRoute)i), fixed_names[i]);
    }
}

Server *server_start(const ServerParts *parts, Arena *arena, Str *error) {
    Server *server = mem_alloc(1, sizeof *server);
    server->parts = *parts;
    int socket = listen_open("gateway.listen", config_get(parts->config, "gateway.listen"), &server->memory,
                             &server->address, error);
    if (socket < 0) {
        *error = arena_copy(arena, *error);
        arena_free(&server->memory);
        mem_free(server);
        return NULL;
    }
    name_routes();
    unsigned connections = allow_connections(config_int(parts->config, "gateway.connections"));
    server->streams_max = connections - connections / 8;
    server->openapi = openapi_answer();
    server->cache = cache_new();
    server->patience = patience_start(IDLE_TIMEOUT_S);
    if (server->patience == NULL) {
        *error = STR_LIT("cannot start a thread");
        close(socket);
        server_stop(server);
        return NULL;
    }
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_problem, NULL, MHD_OPTION_LISTEN_SOCKET, socket,
        MHD_OPTION_URI_LOG_CALLBACK, begin, server, MHD_OPTION_NOTIFY_COMPLETED, complete, server,
        MHD_OPTION_NOTIFY_CONNECTION, meet, server, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (server->daemon == NULL) {
        *error = STR_LIT("the HTTP server does not start");
        server_stop(server);
        return NULL;
    }
    return server;
}

Str server_address(const Server *server) {
    return server->address;
}

void server_quiesce(Server *server) {
    MHD_socket socket = MHD_quiesce_daemon(server->daemon);
    if (socket != MHD_INVALID_SOCKET) {
        close(socket);
    }
}

void server_stop(Server *server) {
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    patience_stop(server->patience);
    answer_free(server->openapi);
    cache_free(server->cache);
    arena_free(&server->memory);
    mem_free(server);
}
