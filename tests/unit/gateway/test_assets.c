#include "services/gateway/assets.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct Folder {
    char path[64];
    Arena arena;
    Assets *assets;
} Folder;

static void write_file(const Folder *folder, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(name, file);
    fclose(file);
}

static const char *const files[] = {"index.html", "board.html", "assets/app-B3kfz9aQ.js", "assets/some-component.css",
                                    ".hidden"};

static int set_up(void **state) {
    static Folder folder;
    folder = (Folder){.path = "/tmp/declared-assets-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    char path[256];
    snprintf(path, sizeof path, "%s/assets", folder.path);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_file(&folder, files[i]);
    }
    snprintf(path, sizeof path, "%s/link.txt", folder.path);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    Str error;
    folder.assets = assets_load(folder.path, &folder.arena, &error);
    assert_non_null(folder.assets);
    *state = &folder;
    return 0;
}

static int tear_down(void **state) {
    Folder *folder = *state;
    char path[256];
    assets_free(folder->assets);
    arena_free(&folder->arena);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder->path, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/link.txt", folder->path);
    unlink(path);
    snprintf(path, sizeof path, "%s/assets", folder->path);
    rmdir(path);
    return rmdir(folder->path);
}

static void assert_found(const Folder *folder, const char *path, const char *body) {
    Answer *answer = assets_find(folder->assets, str_from(path));
    if (body == NULL) {
        assert_null(answer);
        return;
    }
    assert_non_null(answer);
    assert_true(str_equal_text(buf_str(&answer->body), body));
    answer_free(answer);
}

static void paths_find_files_and_nothing_else(void **state) {
    static const struct {
        const char *path, *body;
    } cases[] = {
        {"", "index.html"},        {"index.html", "index.html"}, {"assets/app-B3kfz9aQ.js", "assets/app-B3kfz9aQ.js"},
        {"board/x", "board.html"}, {"board/a/b", "board.html"},  {"board", NULL},
        {".hidden", NULL},         {"link.txt", NULL},           {"assets", NULL},
        {"assets/", NULL},         {"/etc/hostname", NULL},      {"assets/app-B3kfz9aQ.j", NULL},
        {"INDEX.HTML", NULL},      {"index.html/", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_found(*state, cases[i].path, cases[i].body);
    }
}

static void names_with_a_hash_are_kept_for_good(void **state) {
    Folder *folder = *state;
    Answer *hashed = assets_find(folder->assets, STR_LIT("assets/app-B3kfz9aQ.js"));
    Answer *named = assets_find(folder->assets, STR_LIT("assets/some-component.css"));
    assert_string_equal(hashed->cache, CACHE_FOREVER);
    assert_string_equal(hashed->type, "text/javascript; charset=utf-8");
    assert_string_equal(named->cache, CACHE_REVALIDATE);
    assert_true(named->is_page);
    answer_free(hashed);
    answer_free(named);
}

static void without_a_folder_the_first_page_says_so(void **state) {
    (void)state;
    Arena arena = {0};
    Str error;
    Assets *assets = assets_load("/nonexistent", &arena, &error);
    Answer *answer = assets_find(assets, STR_LIT(""));
    assert_non_null(memmem(answer->body.ptr, answer->body.len, "/v1/openapi.json", 16));
    answer_free(answer);
    assert_null(assets_find(assets, STR_LIT("board/x")));
    assets_free(assets);
    assert_null(assets_load("/dev/null", &arena, &error));
    assert_true(str_starts_with(error, STR_LIT("cannot read the page in /dev/null")));
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_find_files_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_with_a_hash_are_kept_for_good, set_up, tear_down),
        cmocka_unit_test(without_a_folder_the_first_page_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
