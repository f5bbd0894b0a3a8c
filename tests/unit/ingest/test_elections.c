// Which elections a worker shelves when they take more memory than it may have, and how they come back.
#include "services/ingest/elections.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { LANES = 2, EACH = 4, ALL = LANES * EACH };

typedef struct Worker {
    Shelf *shelf;
    Lane *lanes[LANES];
    size_t one; // bytes of an election; all are alike
} Worker;

typedef struct Name {
    char text[40];
} Name;

static Name name_of(int number) {
    Name name;
    snprintf(name.text, sizeof name.text, "local.council-%d.2023-05-04", number);
    return name;
}

static Election *find(const Worker *worker, int number) {
    return lane_find_election(worker->lanes[number % LANES], str_from(name_of(number).text));
}

static void use(const Worker *worker, int number, int64_t at_us) {
    find(worker, number)->used_at_us = at_us;
}

static void keep_within(const Worker *worker, size_t bytes) {
    elections_keep_within(worker->shelf, worker->lanes, LANES, bytes, 0);
}

// "01234567": the numbers of those that are at hand.
static void assert_at_hand(const Worker *worker, const char *expected) {
    char found[ALL + 1] = "";
    size_t count = 0, listed = 0;
    for (int number = 0; number < ALL; number++) {
        if (find(worker, number) != NULL) {
            found[count++] = (char)('0' + number);
        }
    }
    for (size_t i = 0; i < LANES; i++) {
        listed += worker->lanes[i]->elections.count;
    }
    assert_string_equal(found, expected);
    assert_int_equal(listed, count);
}

// Number n is in lane n % LANES and was used at n.
static int set_up(void **state) {
    Worker *worker = mem_alloc(1, sizeof *worker);
    worker->shelf = shelf_new("");
    for (int lane = 0; lane < LANES; lane++) {
        worker->lanes[lane] = lane_new(lane);
    }
    for (int number = 0; number < ALL; number++) {
        Election *election = lane_take_election(worker->lanes[number % LANES], str_from(name_of(number).text));
        election->used_at_us = number;
        worker->one = election_bytes(election);
    }
    *state = worker;
    return 0;
}

static int tear_down(void **state) {
    Worker *worker = *state;
    for (size_t i = 0; i < LANES; i++) {
        lane_free(worker->lanes[i]);
    }
    shelf_free(worker->shelf);
    mem_free(worker);
    return 0;
}

static void within_the_bound_all_stay(void **state) {
    const Worker *worker = *state;
    keep_within(worker, ALL * worker->one);
    assert_at_hand(worker, "01234567");
}

static void past_it_the_longest_unused_goes(void **state) {
    const Worker *worker = *state;
    keep_within(worker, ALL * worker->one - 1);
    assert_at_hand(worker, "1234567");
    keep_within(worker, ALL * worker->one - 1);
    assert_at_hand(worker, "1234567");
}

static void past_it_as_many_go_as_make_the_room(void **state) {
    const Worker *worker = *state;
    elections_keep_within(worker->shelf, worker->lanes, LANES, ALL * worker->one, 2 * worker->one);
    assert_at_hand(worker, "01234567"); // not past it
    elections_keep_within(worker->shelf, worker->lanes, LANES, ALL * worker->one - 1, 2 * worker->one);
    assert_at_hand(worker, "34567");
    elections_keep_within(worker->shelf, worker->lanes, LANES, worker->one, 2 * worker->one);
    assert_at_hand(worker, "");
}

static void how_many_go_is_no_matter_of_the_lane(void **state) {
    const Worker *worker = *state;
    for (int number = 0; number < ALL; number += LANES) {
        use(worker, number, number + ALL); // all of lane 0 after all of lane 1
    }
    keep_within(worker, 3 * worker->one);
    assert_at_hand(worker, "246");
    assert_int_equal(worker->lanes[1]->elections.count, 0);
}

static void what_was_used_since_stays_and_what_was_not_goes(void **state) {
    const Worker *worker = *state;
    use(worker, 0, ALL);
    use(worker, 3, ALL + 1);
    keep_within(worker, 3 * worker->one);
    assert_at_hand(worker, "037");
}

static void those_of_one_moment_stay_together(void **state) {
    const Worker *worker = *state;
    for (int number = 1; number < ALL; number++) {
        use(worker, number, ALL); // as a batch does
    }
    keep_within(worker, 4 * worker->one);
    assert_at_hand(worker, "1234567");
}

static void one_that_takes_more_than_the_bound_goes_too(void **state) {
    const Worker *worker = *state;
    keep_within(worker, worker->one - 1);
    assert_at_hand(worker, "");
}

static void what_has_gone_can_be_loaded_again(void **state) {
    const Worker *worker = *state;
    keep_within(worker, 3 * worker->one);
    assert_null(find(worker, 0));
    assert_non_null(lane_take_election(worker->lanes[0], str_from(name_of(0).text)));
    use(worker, 0, ALL);
    assert_at_hand(worker, "0567");
}

static void lanes_without_elections_are_no_trouble(void **state) {
    const Worker *worker = *state;
    keep_within(worker, 0);
    keep_within(worker, 0);
    assert_at_hand(worker, "");
    elections_keep_within(worker->shelf, NULL, 0, 0, 0);
}

// ---- back from the shelf ----

static void shelve_from(Worker *worker, const char *folder) {
    shelf_free(worker->shelf);
    worker->shelf = shelf_new(folder);
}

// Of lane 0, one for each of these numbers; -1: one that cannot be read.
static void list_records(const int *numbers, size_t count, Name *names, BatchRecord *records) {
    for (size_t i = 0; i < count; i++) {
        names[i] = name_of(numbers[i]);
        records[i] = (BatchRecord){.envelope = {.topic = INPUT_DECLARATIONS}};
        if (numbers[i] >= 0) {
            records[i].decoded.record.type = RECORD_DECLARATION;
            records[i].decoded.record.declaration = (Declaration){.election_id = str_from(names[i].text)};
        }
    }
}

// How many of the records are ready. There is no ledger.
static size_t load(const Worker *worker, const int *numbers, size_t count, size_t *room) {
    Name names[ALL];
    BatchRecord records[ALL];
    list_records(numbers, count, names, records);
    const ElectionSource source = {.shelf = worker->shelf};
    size_t ready = 0;
    assert_int_equal(elections_load(&source, worker->lanes[0], records, count, room, &ready), STORE_OK);
    return ready;
}

static void what_has_gone_comes_back_from_the_shelf(void **state) {
    Worker *worker = *state;
    shelve_from(worker, "/tmp");
    find(worker, 0)->foreign = true;
    keep_within(worker, 0);
    assert_at_hand(worker, "");
    size_t room = 100 * worker->one;
    assert_int_equal(load(worker, (const int[]){0, -1, 4, 0}, 4, &room), 4);
    assert_at_hand(worker, "04");
    assert_true(find(worker, 0)->foreign);
    assert_int_equal(find(worker, 4)->used_at_us, 4);
    assert_int_equal(room, 98 * worker->one);
    keep_within(worker, 0); // and again
    assert_int_equal(load(worker, (const int[]){0}, 1, &room), 1);
    assert_at_hand(worker, "0");
}

static void loading_ends_where_there_is_no_more_room(void **state) {
    Worker *worker = *state;
    shelve_from(worker, "/tmp");
    keep_within(worker, 0);
    size_t room = worker->one + 1;
    assert_int_equal(load(worker, (const int[]){0, 2, 2, 4}, 4, &room), 2); // the second takes more than there is
    assert_at_hand(worker, "02");
    assert_int_equal(room, 0);
    assert_int_equal(load(worker, (const int[]){4}, 1, &room), 0);
    room = 1;
    assert_int_equal(load(worker, (const int[]){2, 4}, 2, &room), 2);
    assert_at_hand(worker, "024");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_has_gone_comes_back_from_the_shelf, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loading_ends_where_there_is_no_more_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(within_the_bound_all_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(past_it_the_longest_unused_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(past_it_as_many_go_as_make_the_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(how_many_go_is_no_matter_of_the_lane, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_used_since_stays_and_what_was_not_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_of_one_moment_stay_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_takes_more_than_the_bound_goes_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_gone_can_be_loaded_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lanes_without_elections_are_no_trouble, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
