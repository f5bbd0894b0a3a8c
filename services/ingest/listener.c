#include "services/ingest/listener.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/http/listen.h"
#include "services/ingest/telemetry.h"

#include <microhttpd.h>
#include <stdio.h>

enum { CONNECTIONS = 32, IDLE_TIMEOUT_S = 10, CONNECTION_MEMORY = 16 * 1024 };

struct Listener {
    struct MHD_Daemon *daemon;
    Arena memory;
    Str address;
    int workers;
    int64_t started_s; // Unix time
};

// The status of the answer, and its body.
static unsigned answer(const Listener *listener, const char *path, Buf *body) {
    if (strcmp(path, "/metrics") == 0) {
        telemetry_write(listener->workers, listener->started_s, body);
        return MHD_HTTP_OK;
    }
    if (strcmp(path, "/healthz") == 0) {
        bool healthy = telemetry_is_healthy(clock_ms());
        buf_printf(body, healthy ? "ok\n" : "a worker hangs\n");
        return healthy ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    if (strcmp(path, "/readyz") == 0) {
        bool ready = telemetry_is_ready(listener->workers);
        buf_printf(body, ready ? "ready\n" : "a worker has not begun to read, or a server does not answer\n");
        return ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    buf_printf(body, "here are /metrics, /healthz and /readyz\n");
    return MHD_HTTP_NOT_FOUND;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const Buf *body) {
    struct MHD_Response *response = MHD_create_response_from_buffer(body->len, body->ptr, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

// libmicrohttpd calls it once for the head (then *state is NULL), and again when the request is whole.
static enum MHD_Result handle(void *listener, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_len, void **state) {
    static char seen;
    (void)version, (void)upload;
    Buf body = {0};
    unsigned status = MHD_HTTP_METHOD_NOT_ALLOWED;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        buf_printf(&body, "this server is for reading: GET and HEAD\n");
    } else if (*state == NULL || *upload_len > 0) {
        *state = &seen;
        *upload_len = 0;
        return MHD_YES;
    } else {
        status = answer(listener, path, &body);
    }
    enum MHD_Result queued = reply(connection, status, &body);
    buf_free(&body);
    return queued;
}

__attribute__((format(printf, 2, 0))) static void log_problem(void *listener, const char *format, va_list args) {
    (void)listener;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    log_debug("http: %s", text);
}

Listener *listener_start(const Config *config, Arena *arena, Str *error) {
    Listener *listener = mem_alloc(1, sizeof *listener);
    listener->started_s = (int64_t)time(NULL);
    listener->workers = config_int(config, "daemon.workers");
    const char *where = config_get(config, "daemon.listen");
    int socket = listen_open("daemon.listen", where, &listener->memory, &listener->address, error);
    if (socket >= 0) {
        listener->daemon =
            MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle, listener,
                             MHD_OPTION_EXTERNAL_LOGGER, log_problem, NULL, MHD_OPTION_LISTEN_SOCKET, socket,
                             MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                             (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                             MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
        *error = listener->daemon == NULL ? STR_LIT("the HTTP server does not start") : STR_NONE;
    }
    if (listener->daemon == NULL) {
        *error = arena_copy(arena, *error);
        listener_stop(listener);
        return NULL;
    }
    return listener;
}

Str listener_address(const Listener *listener) {
    return listener->address;
}

void listener_stop(Listener *listener) {
    if (listener != NULL) {
        if (listener->daemon != NULL) {
            MHD_stop_daemon(listener->daemon);
        }
        arena_free(&listener->memory);
        mem_free(listener);
    }
}
