#include "services/gateway/reply.h"

#include <stdio.h>

#define METHODS "GET, HEAD, OPTIONS"

// The page brings all that it needs; nothing is fetched from elsewhere, and nothing runs that is not a file of it.
#define CONTENT_SECURITY_POLICY                                                                                        \
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "                  \
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'"

static void add_headers(struct MHD_Response *response) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    MHD_add_response_header(response, "Access-Control-Expose-Headers", "ETag, Retry-After");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

static void add_answer_headers(struct MHD_Response *response, const Answer *answer, bool gzip) {
    add_headers(response);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, answer->cache);
    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    if (answer->tag[0] != '\0') {
        char tag[sizeof answer->tag + 8];
        snprintf(tag, sizeof tag, gzip ? "\"%s-gzip\"" : "\"%s\"", answer->tag);
        MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag);
    }
}

static void add_body_headers(struct MHD_Response *response, const Answer *answer, bool gzip) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    if (gzip) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    }
    if (answer->allow != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, METHODS);
    }
    if (answer->retry_after_s > 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%d", answer->retry_after_s);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    if (answer->is_page) {
        MHD_add_response_header(response, "Content-Security-Policy", CONTENT_SECURITY_POLICY);
        MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    }
}

static void release(void *answer) {
    answer_free(answer);
}

static unsigned queue(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response) {
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued == MHD_YES ? status : 0;
}

unsigned reply_with(struct MHD_Connection *connection, Answer *answer) {
    const char *wanted = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    const char *known = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    bool gzip = answer->gzip.len > 0 && answer_accepts_gzip(wanted);
    bool unchanged = answer_matches(answer, known);
    Str body = buf_str(gzip ? &answer->gzip : &answer->body);
    // Of 304 the library sends the headers alone, with the length that 200 would have.
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(body.len, (void *)body.ptr, release, answer_use(answer));
    if (response == NULL) {
        answer_free(answer);
        return 0;
    }
    add_answer_headers(response, answer, gzip);
    if (!unchanged) {
        add_body_headers(response, answer, gzip);
    }
    return queue(connection, unchanged ? MHD_HTTP_NOT_MODIFIED : answer->status, response);
}

unsigned reply_with_stream(struct MHD_Connection *connection, struct MHD_Response *stream) {
    add_headers(stream);
    MHD_add_response_header(stream, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream; charset=utf-8");
    MHD_add_response_header(stream, MHD_HTTP_HEADER_CACHE_CONTROL, CACHE_NEVER);
    MHD_add_response_header(stream, "X-Accel-Buffering", "no"); // or a proxy keeps events back
    return queue(connection, MHD_HTTP_OK, stream);
}

unsigned reply_to_options(struct MHD_Connection *connection) {
    struct MHD_Response *response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return 0;
    }
    add_headers(response);
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, METHODS);
    MHD_add_response_header(response, "Access-Control-Allow-Methods", METHODS);
    MHD_add_response_header(response, "Access-Control-Allow-Headers", "If-None-Match, Last-Event-ID, Cache-Control");
    MHD_add_response_header(response, "Access-Control-Max-Age", "86400");
    return queue(connection, MHD_HTTP_NO_CONTENT, response);
}
