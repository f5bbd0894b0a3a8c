// What a worker puts on its shelf it gets back whole or not at all.
#include "services/ingest/shelf.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define ID STR_LIT("local.medway.2023-05-04")

static int set_up(void **state) {
    *state = shelf_new("/tmp");
    return 0;
}

static int tear_down(void **state) {
    shelf_free(*state);
    return 0;
}

// Told apart by its mark; `bytes` make it as large.
static void put(Shelf *shelf, int32_t lane, Str id, int64_t mark, size_t bytes) {
    Election *election = election_new(id);
    election->used_at_us = mark;
    buf_reserve(&election->spaces[0].facts, bytes);
    memset(election->spaces[0].facts.ptr, (int)mark, bytes);
    election->spaces[0].facts.len = bytes;
    shelf_put(shelf, lane, election);
    election_free(election);
}

// The mark of what is taken; -1: nothing is there.
static int64_t take(Shelf *shelf, int32_t lane, Str id) {
    Election *election = shelf_take(shelf, lane, id);
    int64_t mark = election == NULL ? -1 : election->used_at_us;
    if (election != NULL) {
        Str facts = buf_str(&election->spaces[0].facts);
        assert_true(str_equal(election->election_id, id));
        for (size_t i = 0; i < facts.len; i++) {
            assert_int_equal((uint8_t)facts.ptr[i], (uint8_t)mark);
        }
    }
    election_free(election);
    return mark;
}

// The file of this process that has no name any more.
static int shelf_file(void) {
    int found = -1;
    DIR *files = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
        char target[64] = "";
        (void)!readlinkat(dirfd(files), entry->d_name, target, sizeof target - 1);
        found = strncmp(target, "/tmp/declared-", 14) == 0 && strstr(target, "(deleted)") != NULL
                    ? (int)strtol(entry->d_name, NULL, 10)
                    : found;
    }
    closedir(files);
    return found;
}

static void what_is_put_is_taken_once(void **state) {
    assert_false(shelf_has(*state, 3, ID));
    put(*state, 3, ID, 7, 100);
    assert_true(shelf_has(*state, 3, ID));
    assert_false(shelf_has(*state, 4, ID));
    assert_int_equal(take(*state, 3, ID), 7);
    assert_false(shelf_has(*state, 3, ID));
    assert_int_equal(take(*state, 3, ID), -1);
}

static void a_lane_has_its_own(void **state) {
    put(*state, 3, ID, 7, 100);
    put(*state, 4, ID, 8, 100);
    assert_int_equal(take(*state, 5, ID), -1);
    assert_int_equal(take(*state, 4, ID), 8);
    assert_int_equal(take(*state, 3, ID), 7);
}

static void the_newest_is_taken_whatever_its_size(void **state) {
    put(*state, 3, STR_LIT("local.swale.2023-05-04"), 50, 5000);
    for (int64_t mark = 1; mark <= 20; mark++) {
        put(*state, 3, ID, mark, (size_t)(mark * mark * 100)); // to ten times its first room
    }
    assert_int_equal(take(*state, 3, ID), 20);
    put(*state, 3, ID, 21, 10);
    assert_int_equal(take(*state, 3, ID), 21);
    assert_int_equal(take(*state, 3, STR_LIT("local.swale.2023-05-04")), 50);
}

static void what_is_dropped_is_not_there(void **state) {
    put(*state, 3, ID, 7, 100);
    shelf_drop(*state, 4, ID);
    shelf_drop(*state, 3, ID);
    assert_int_equal(take(*state, 3, ID), -1);
    put(*state, 3, ID, 8, 100);
    put(*state, 4, ID, 9, 100);
    shelf_clear(*state);
    assert_int_equal(take(*state, 3, ID), -1);
    assert_int_equal(take(*state, 4, ID), -1);
    assert_int_equal(shelf_file(), -1);
    put(*state, 3, ID, 10, 100);
    assert_int_equal(take(*state, 3, ID), 10);
}

static void what_the_disk_has_altered_is_not_there(void **state) {
    put(*state, 3, ID, 7, 100);
    put(*state, 3, STR_LIT("local.swale.2023-05-04"), 8, 100);
    assert_int_equal(pwrite(shelf_file(), "x", 1, 40), 1);
    assert_int_equal(take(*state, 3, ID), -1);
}

static void what_the_disk_has_lost_is_not_there(void **state) {
    put(*state, 3, ID, 7, 100);
    assert_int_equal(ftruncate(shelf_file(), 20), 0);
    assert_int_equal(take(*state, 3, ID), -1);
}

static void what_a_full_disk_does_not_take_is_not_there(void **state) {
    put(*state, 3, ID, 7, 100);
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){8192, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    put(*state, 3, STR_LIT("local.swale.2023-05-04"), 8, 9000);
    put(*state, 3, ID, 9, 9000); // it was there, but is older
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(take(*state, 3, STR_LIT("local.swale.2023-05-04")), -1);
    assert_int_equal(take(*state, 3, ID), -1);
    shelf_clear(*state); // and it is tried again
    put(*state, 3, ID, 10, 9000);
    assert_int_equal(take(*state, 3, ID), 10);
}

static void without_a_folder_nothing_is_kept(void **state) {
    (void)state;
    const char *const folders[] = {"", "/nowhere"};
    for (size_t i = 0; i < 2; i++) {
        Shelf *shelf = shelf_new(folders[i]);
        put(shelf, 3, ID, 7, 100);
        assert_int_equal(take(shelf, 3, ID), -1);
        shelf_clear(shelf);
        put(shelf, 3, ID, 8, 100);
        assert_int_equal(take(shelf, 3, ID), -1);
        shelf_free(shelf);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_taken_once),
        TEST(a_lane_has_its_own),
        TEST(the_newest_is_taken_whatever_its_size),
        TEST(what_is_dropped_is_not_there),
        TEST(what_the_disk_has_altered_is_not_there),
        TEST(what_the_disk_has_lost_is_not_there),
        TEST(what_a_full_disk_does_not_take_is_not_there),
        TEST(without_a_folder_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
