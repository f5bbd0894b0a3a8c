#include "services/ingest/registry.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/mem.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { CONNECT_TIMEOUT_MS = 3000, ANSWER_TIMEOUT_MS = 10000 };

struct Registry {
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    char *url; // without a slash at its end
    char *name;
    int32_t id;
    bool asking, answered;
    // Of the answer:
    Buf body;
    size_t bytes_left; // of headers and body
    bool cut;
    CURLcode result;
    char reason[CURL_ERROR_SIZE];
    Arena arena; // of the text; reset by the next question
};

static void start_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

// ---- settings

// The URL without slashes at its end and, for `name`, without a login; NULL: it is none. curl_free() it.
static char *clean_url(const char *text, bool name) {
    char *clean = NULL, *scheme = NULL, *query = NULL, *fragment = NULL;
    CURLU *url = curl_url();
    bool good = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
                curl_url_get(url, CURLUPART_QUERY, &query, 0) != CURLUE_OK &&
                curl_url_get(url, CURLUPART_FRAGMENT, &fragment, 0) != CURLUE_OK;
    if (good && name) {
        curl_url_set(url, CURLUPART_USER, NULL, 0);
        curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    }
    if (good && curl_url_get(url, CURLUPART_URL, &clean, 0) == CURLUE_OK) {
        for (size_t len = strlen(clean); len > 0 && clean[len - 1] == '/'; len--) {
            clean[len - 1] = '\0';
        }
    }
    curl_free(scheme);
    curl_free(query);
    curl_free(fragment);
    curl_url_cleanup(url);
    return clean;
}

bool registry_check(const Config *config, char *error, size_t error_size) {
    const char *text = config_get(config, "registry.url"), *ca = config_get(config, "registry.ca");
    if (text[0] == '\0') {
        return true;
    }
    char *url = clean_url(text, false);
    if (url == NULL) {
        snprintf(error, error_size, "registry.url is not a URL of the form http://host:port or https://host:port/path");
        return false;
    }
    curl_free(url);
    FILE *file = ca[0] == '\0' ? NULL : fopen(ca, "re");
    if (file == NULL && ca[0] != '\0') {
        snprintf(error, error_size, "registry.ca: cannot read %s", ca);
        return false;
    }
    if (file != NULL) {
        fclose(file);
    }
    return true;
}

// ---- a question

static bool take_bytes(Registry *registry, size_t bytes) {
    registry->cut |= bytes > registry->bytes_left;
    registry->bytes_left -= registry->cut ? 0 : bytes;
    return !registry->cut;
}

// What is not taken whole ends the transfer.
static size_t on_header(char *line, size_t size, size_t count, void *context) {
    (void)line;
    return take_bytes(context, size * count) ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    Registry *registry = context;
    if (!take_bytes(registry, size * count)) {
        return 0;
    }
    buf_add(&registry->body, bytes, size * count);
    return size * count;
}

static void configure(Registry *registry, const Config *config) {
    const char *user = config_get(config, "registry.user"), *ca = config_get(config, "registry.ca");
    CURL *easy = registry->easy;
    registry->headers = curl_slist_append(NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, registry->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "declared/" DECLARED_VERSION);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"); // redirects are not followed
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, registry->reason);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, registry);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, registry);
    if (user[0] != '\0') {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, config_get(config, "registry.password"));
    }
    if (ca[0] != '\0') {
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
    }
}

static void drop_question(Registry *registry) {
    if (registry->asking) {
        curl_multi_remove_handle(registry->multi, registry->easy);
    }
    registry->asking = registry->answered = false;
}

static void begin_question(Registry *registry, int32_t id) {
    drop_question(registry);
    arena_reset(&registry->arena);
    buf_clear(&registry->body);
    registry->bytes_left = LIMIT_REGISTRY_ANSWER_BYTES;
    registry->cut = false;
    registry->reason[0] = '\0';
    registry->id = id;
    registry->asking = true;
    curl_easy_setopt(registry->easy, CURLOPT_URL,
                     arena_printf(&registry->arena, "%s/schemas/ids/%d", registry->url, id).ptr);
    if (curl_multi_add_handle(registry->multi, registry->easy) != CURLM_OK) {
        registry->result = CURLE_FAILED_INIT;
        registry->asking = false;
        registry->answered = true;
    }
}

static void go_on(Registry *registry) {
    int running, left;
    curl_multi_perform(registry->multi, &running);
    for (CURLMsg *message; (message = curl_multi_info_read(registry->multi, &left)) != NULL;) {
        registry->result = message->data.result;
        registry->answered = message->msg == CURLMSG_DONE;
    }
    if (registry->answered) {
        curl_multi_remove_handle(registry->multi, registry->easy);
        registry->asking = false;
    }
}

static RegistryStatus read_answer(Registry *registry, Str *text) {
    long status = 0;
    curl_easy_getinfo(registry->easy, CURLINFO_RESPONSE_CODE, &status);
    if (registry->result != CURLE_OK && !registry->cut) {
        const char *reason = registry->reason[0] != '\0' ? registry->reason : curl_easy_strerror(registry->result);
        *text = arena_printf(&registry->arena, "%s", reason);
        return REGISTRY_AWAY;
    }
    return registry_read_answer(registry->id, status, buf_str(&registry->body), registry->cut, &registry->arena, text);
}

RegistryStatus registry_ask(Registry *registry, int32_t id, int patience_ms, Str *text) {
    int64_t until = clock_ms() + patience_ms;
    if (registry->id != id || (!registry->asking && !registry->answered)) {
        begin_question(registry, id);
    }
    while (!registry->answered) {
        go_on(registry);
        int64_t left = until - clock_ms();
        if (registry->answered || left <= 0) {
            break;
        }
        curl_multi_poll(registry->multi, NULL, 0, (int)left, NULL);
    }
    if (!registry->answered) {
        return REGISTRY_PENDING;
    }
    registry->answered = false;
    return read_answer(registry, text);
}

// ---- life

Registry *registry_new(const Config *config) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (config_get(config, "registry.url")[0] == '\0') {
        return NULL;
    }
    pthread_once(&once, start_curl);
    Registry *registry = mem_alloc(1, sizeof *registry);
    registry->url = clean_url(config_get(config, "registry.url"), false);
    registry->name = clean_url(config_get(config, "registry.url"), true);
    registry->easy = curl_easy_init();
    registry->multi = curl_multi_init();
    if (registry->url == NULL || registry->name == NULL || registry->easy == NULL || registry->multi == NULL) {
        mem_exhausted(); // nothing else makes these fail
    }
    configure(registry, config);
    return registry;
}

void registry_free(Registry *registry) {
    if (registry == NULL) {
        return;
    }
    drop_question(registry);
    curl_multi_cleanup(registry->multi);
    curl_easy_cleanup(registry->easy);
    curl_slist_free_all(registry->headers);
    curl_free(registry->url);
    curl_free(registry->name);
    buf_free(&registry->body);
    arena_free(&registry->arena);
    mem_free(registry);
}

Str registry_name(const Registry *registry) {
    return str_from(registry->name);
}
