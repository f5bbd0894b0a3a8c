// What the server says to a request: status, body, headers. Immutable once made, shared by counting.
//
// The entity tag is of the body's bytes, so it changes when and only when the answer does.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"

#include <stdatomic.h>

#define TYPE_JSON "application/json; charset=utf-8"
#define TYPE_CSV "text/csv; charset=utf-8; header=present"
#define TYPE_XML "application/xml; charset=utf-8"
#define TYPE_HTML "text/html; charset=utf-8"
#define TYPE_PROBLEM "application/problem+json"

#define CACHE_REVALIDATE "no-cache" // may be kept, but is asked for again each time: 304 costs nothing
#define CACHE_FOREVER "public, max-age=31536000, immutable"
#define CACHE_NEVER "no-store"

typedef struct Answer {
    atomic_int users;
    unsigned status;
    const char *type, *cache; // literals
    const char *allow;        // literal, of 405; else NULL
    int retry_after_s;        // 0: no such header
    Buf body, gzip;           // gzip is empty where it would not pay
    char tag[36];             // without quotes; "" where there is none
    bool is_page;             // HTML, and what belongs to it: gets the page's security headers
} Answer;

// Takes the body. One user.
Answer *answer_new(unsigned status, const char *type, const char *cache, Buf *body);

// application/problem+json (RFC 9457). `detail` says what the client can do about it.
Answer *answer_problem(unsigned status, Str detail);

Answer *answer_use(Answer *answer);
void answer_free(Answer *answer); // one user less; NULL is fine

// If-None-Match names this answer, in either encoding, or is *.
bool answer_matches(const Answer *answer, const char *if_none_match);

// Accept-Encoding allows gzip.
bool answer_accepts_gzip(const char *accept_encoding);
