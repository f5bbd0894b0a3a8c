#include "services/gateway/assets.h"

#include "common/base/mem.h"
#include "common/base/vec.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 16 * 1024 * 1024, DEPTH_MAX = 4, HASH_LEN_MIN = 8 };

typedef struct Asset {
    Str path; // below the folder
    Answer *answer;
} Asset;

struct Assets {
    Arena memory; // of paths
    VEC(Asset) files;
    Answer *missing; // what `/` says without a folder
};

static const char no_page[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>declared-gateway</title>\n"
    "<h1>declared-gateway</h1>\n<p>The page has not been built: its folder is missing (setting <code>[gateway] "
    "assets</code>)."
    " The interface is here:</p>\n<ul>\n"
    "<li><a href=\"/v1/openapi.json\">/v1/openapi.json</a>: all of it\n"
    "<li><a href=\"/v1/dates\">/v1/dates</a>, <a href=\"/v1/elections\">/v1/elections</a>,"
    " <a href=\"/v1/elections.csv\">/v1/elections.csv</a>, <a href=\"/v1/totals\">/v1/totals</a>,"
    " <a href=\"/v1/flashes\">/v1/flashes</a>, <a href=\"/v1/facts\">/v1/facts</a>\n"
    "<li><a href=\"/v1/stream\">/v1/stream</a>: server-sent events\n"
    "<li><a href=\"/healthz\">/healthz</a>, <a href=\"/readyz\">/readyz</a>, <a "
    "href=\"/metrics\">/metrics</a>\n</ul>\n";

static const char *type_of(Str path) {
    static const struct {
        const char *suffix;
        const char *type;
    } types[] = {
        {".html", TYPE_HTML},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", TYPE_JSON},
        {".map", TYPE_JSON},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml; charset=utf-8"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        Str suffix = str_from(types[i].suffix);
        if (path.len > suffix.len && str_equal(str_slice(path, path.len - suffix.len, path.len), suffix)) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

// As bundlers name what never changes: index-B3kfz9aQ.js
static bool has_hash(Str path) {
    const char *dot = memrchr(path.ptr, '.', path.len);
    const char *dash = dot == NULL ? NULL : memrchr(path.ptr, '-', (size_t)(dot - path.ptr));
    if (dash == NULL || dot - dash - 1 < HASH_LEN_MIN) {
        return false;
    }
    bool mixed = false; // a word has no digit and no capital
    for (const char *c = dash + 1; c < dot; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_') {
            return false;
        }
        mixed = mixed || isdigit((unsigned char)*c) || isupper((unsigned char)*c);
    }
    return mixed;
}

static Answer *page_answer(Str path, Buf *body) {
    Answer *answer = answer_new(200, type_of(path), has_hash(path) ? CACHE_FOREVER : CACHE_REVALIDATE, body);
    answer->is_page = true;
    return answer;
}

static bool read_all(int fd, size_t size, Buf *body) {
    char *place = buf_reserve(body, size + 1);
    while (body->len < size) {
        ssize_t got = read(fd, place + body->len, size - body->len);
        if (got <= 0) {
            return false;
        }
        body->len += (size_t)got;
    }
    return true;
}

static bool load_file(Assets *assets, int fd, const struct stat *status, const char *path) {
    Buf body = {0};
    if (status->st_size > FILE_BYTES_MAX) {
        errno = EFBIG;
        return false;
    }
    if (!read_all(fd, (size_t)status->st_size, &body)) {
        buf_free(&body);
        return false;
    }
    Str name = arena_copy(&assets->memory, str_from(path));
    *vec_push(&assets->files) = (Asset){name, page_answer(name, &body)};
    return true;
}

static bool load_folder(Assets *assets, int fd, const char *prefix, int depth);

// What is neither a file nor a folder (no link is followed) is left out.
static bool load_entry(Assets *assets, int folder, const char *name, const char *prefix, int depth) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s", prefix, name);
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return errno == ELOOP;
    }
    struct stat status;
    bool good = fstat(fd, &status) == 0;
    if (good && S_ISDIR(status.st_mode) && depth < DEPTH_MAX) {
        snprintf(path, sizeof path, "%s%s/", prefix, name);
        return load_folder(assets, fd, path, depth + 1);
    }
    if (good && S_ISREG(status.st_mode)) {
        good = load_file(assets, fd, &status, path);
    }
    close(fd);
    return good;
}

// Takes fd.
static bool load_folder(Assets *assets, int fd, const char *prefix, int depth) {
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return false;
    }
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            good = load_entry(assets, fd, entry->d_name, prefix, depth);
        }
    }
    int problem = errno;
    closedir(folder);
    errno = problem;
    return good;
}

static Str default_folder(Arena *arena) {
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    for (int levels = 0; len > 0 && levels < 2; len--) {
        levels += self[len - 1] == '/';
    }
    return arena_printf(arena, "%.*s/share/declared/page", (int)(len > 0 ? len : 0), self);
}

Assets *assets_load(const char *folder, Arena *arena, Str *error) {
    Str path = *folder == '\0' ? default_folder(arena) : str_from(folder);
    Assets *assets = mem_alloc(1, sizeof *assets);
    int fd = open(path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if ((fd < 0 && errno != ENOENT) || (fd >= 0 && !load_folder(assets, fd, "", 0))) {
        *error = arena_printf(arena, "cannot read the page in " STR_FMT ": %s", STR_ARG(path), strerror(errno));
        assets_free(assets);
        return NULL;
    }
    if (assets->files.count == 0) {
        Buf body = {0};
        buf_add_str(&body, STR_LIT(no_page));
        assets->missing = page_answer(STR_LIT("index.html"), &body);
    }
    return assets;
}

void assets_free(Assets *assets) {
    if (assets == NULL) {
        return;
    }
    for (size_t i = 0; i < assets->files.count; i++) {
        answer_free(assets->files.items[i].answer);
    }
    vec_free(&assets->files);
    answer_free(assets->missing);
    arena_free(&assets->memory);
    mem_free(assets);
}

static Answer *find_file(const Assets *assets, Str path) {
    for (size_t i = 0; i < assets->files.count; i++) {
        if (str_equal(assets->files.items[i].path, path)) {
            return answer_use(assets->files.items[i].answer);
        }
    }
    return NULL;
}

Answer *assets_find(const Assets *assets, Str path) {
    if (assets->missing != NULL) {
        return path.len == 0 ? answer_use(assets->missing) : NULL;
    }
    Answer *answer = path.len == 0 ? NULL : find_file(assets, path);
    if (answer == NULL && str_starts_with(path, STR_LIT("board/"))) {
        answer = find_file(assets, STR_LIT("board.html"));
        return answer != NULL ? answer : find_file(assets, STR_LIT("index.html"));
    }
    return answer != NULL || path.len > 0 ? answer : find_file(assets, STR_LIT("index.html"));
}
