#include "services/gateway/answer.h"

#include "common/base/mem.h"
#include "common/base/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

enum {
    GZIP_LEAST_BYTES = 1024, // less fits a packet anyway
    GZIP_WINDOW = 15 + 16,   // zlib: gzip's framing
    TAG_BYTES = 16,
};

// Where it is no smaller, there is none.
static void compress_body(Answer *answer) {
    if (answer->body.len < GZIP_LEAST_BYTES || strncmp(answer->type, "image/", 6) == 0) {
        return;
    }
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_BEST_SPEED + 2, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return;
    }
    size_t room = deflateBound(&stream, answer->body.len);
    stream.next_in = (Bytef *)answer->body.ptr;
    stream.avail_in = (uInt)answer->body.len;
    stream.next_out = (Bytef *)buf_reserve(&answer->gzip, room);
    stream.avail_out = (uInt)room;
    bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END && stream.total_out < answer->body.len;
    answer->gzip.len = whole ? stream.total_out : 0;
    deflateEnd(&stream);
}

static void tag_body(Answer *answer) {
    uint8_t digest[SHA256_BYTES];
    sha256(answer->body.ptr, answer->body.len, digest);
    for (size_t i = 0; i < TAG_BYTES; i++) {
        snprintf(answer->tag + 2 * i, 3, "%02x", digest[i]);
    }
}

Answer *answer_new(unsigned status, const char *type, const char *cache, Buf *body) {
    Answer *answer = mem_alloc(1, sizeof *answer);
    *answer = (Answer){.users = 1, .status = status, .type = type, .cache = cache, .body = *body};
    *body = (Buf){0};
    compress_body(answer);
    if (status == 200 && strcmp(cache, CACHE_NEVER) != 0) {
        tag_body(answer);
    }
    return answer;
}

static const char *title_of(unsigned status) {
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {{400, "Bad request"},       {404, "Not found"},       {405, "Method not allowed"},
                  {409, "Not of this night"}, {414, "Target too long"}, {500, "Internal error"},
                  {503, "Not available now"}};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Error";
}

Answer *answer_problem(unsigned status, Str detail) {
    Buf body = {0};
    buf_printf(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":", title_of(status), status);
    buf_add_json_string(&body, detail);
    buf_add_str(&body, STR_LIT("}\n"));
    Answer *answer = answer_new(status, TYPE_PROBLEM, CACHE_NEVER, &body);
    answer->retry_after_s = status == 503 ? 1 : 0;
    return answer;
}

Answer *answer_use(Answer *answer) {
    atomic_fetch_add(&answer->users, 1);
    return answer;
}

void answer_free(Answer *answer) {
    if (answer != NULL && atomic_fetch_sub(&answer->users, 1) == 1) {
        buf_free(&answer->body);
        buf_free(&answer->gzip);
        mem_free(answer);
    }
}

// A tag as ours are sent: "..." or "...-gzip", perhaps made weak by a proxy.
static bool is_tag(Str item, const char *tag) {
    size_t len = strlen(tag);
    if (str_starts_with(item, STR_LIT("W/"))) {
        item = str_slice(item, 2, item.len);
    }
    if (item.len < len + 2 || item.ptr[0] != '"' || memcmp(item.ptr + 1, tag, len) != 0) {
        return false;
    }
    Str rest = str_slice(item, len + 1, item.len);
    return str_equal(rest, STR_LIT("\"")) || str_equal(rest, STR_LIT("-gzip\""));
}

// The next of a comma-separated list, without spaces around it; absent at the end.
static Str next_item(const char **list) {
    *list += strspn(*list, ", \t");
    size_t len = strcspn(*list, ",");
    Str item = {*list, len};
    *list += len;
    while (item.len > 0 && strchr(" \t", item.ptr[item.len - 1]) != NULL) {
        item.len--;
    }
    return item.len > 0 ? item : STR_NONE;
}

bool answer_matches(const Answer *answer, const char *if_none_match) {
    if (answer->tag[0] == '\0' || if_none_match == NULL) {
        return false;
    }
    for (Str item; !str_is_none(item = next_item(&if_none_match));) {
        if (str_equal(item, STR_LIT("*")) || is_tag(item, answer->tag)) {
            return true;
        }
    }
    return false;
}

// `gzip`, `gzip;q=0.5`, but not `gzip;q=0`.
bool answer_accepts_gzip(const char *accept_encoding) {
    if (accept_encoding == NULL) {
        return false;
    }
    for (Str item; !str_is_none(item = next_item(&accept_encoding));) {
        static const size_t len = sizeof "gzip" - 1;
        if (item.len < len || strncasecmp(item.ptr, "gzip", len) != 0) {
            continue;
        }
        const char *quality = memchr(item.ptr, '=', item.len);
        return item.len == len ||
               (strchr("; \t", item.ptr[len]) != NULL && quality != NULL && strtod(quality + 1, NULL) > 0);
    }
    return false;
}
