#include "services/gateway/feed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int woken;

static void note_wake(FeedClient *client) {
    (void)client;
    woken++;
}

static int set_up(void **state) {
    static Feed feed;
    feed_init(&feed, "api");
    woken = 0;
    *state = &feed;
    return 0;
}

static int tear_down(void **state) {
    feed_free(*state);
    return 0;
}

static void add(Feed *feed, int64_t lane_seq, EventKind kind) {
    cursor_advance(&feed->cursor, 3, lane_seq, 1);
    Event event = {.lane = 3,
                   .lane_seq = lane_seq,
                   .n = 1,
                   .kind = kind,
                   .council_id = STR_LIT("E06000035"),
                   .data = STR_LIT("{\"seq\":1}")};
    feed_add(feed, &event);
}

static void an_event_is_kept_as_it_is_sent(void **state) {
    Feed *feed = *state;
    add(feed, 25, EVENT_FLASH);
    const KeptEvent *kept = feed_event(feed, 0);
    assert_true(str_equal_text(buf_str(&kept->text), "id: 3:25.1\nevent: flash\ndata: {\"seq\":1}\n\n"));
    assert_true(str_equal_text(kept->event.council_id, "E06000035"));
    assert_true(str_is_none(kept->event.region));
    assert_null(feed_event(feed, 1));
}

static void what_is_too_old_is_gone(void **state) {
    Feed *feed = *state;
    for (int64_t i = 0; i < FEED_EVENTS_KEPT + 10; i++) {
        add(feed, i + 1, EVENT_FACT);
    }
    assert_null(feed_event(feed, 9));
    assert_non_null(feed_event(feed, 10));
    assert_int_equal(feed_event(feed, 10)->event.lane_seq, 11);
    assert_int_equal(feed_event(feed, feed->count - 1)->event.lane_seq, FEED_EVENTS_KEPT + 10);
}

static void clients_are_woken_for_what_they_want(void **state) {
    Feed *feed = *state;
    FeedClient client = {.wake = note_wake, .live = true, .even = true, .waits = true};
    filter_set_kinds(&client.filter, STR_LIT("flash"));
    feed_join(feed, &client);
    add(feed, 1, EVENT_SNAPSHOT);
    add(feed, 2, EVENT_FACT);
    feed_wake_all(feed, false);
    assert_int_equal(woken, 0);
    assert_int_equal(client.position, 2); // and need not look at them again
    add(feed, 3, EVENT_FLASH);
    feed_wake_all(feed, false);
    assert_int_equal(woken, 1);
    assert_false(client.waits);
    assert_int_equal(client.position, 2);
    feed_wake_all(feed, false); // it is at work
    assert_int_equal(woken, 1);
    feed_leave(feed, &client);
}

static void a_heartbeat_and_the_end_wake_all_that_wait(void **state) {
    Feed *feed = *state;
    FeedClient clients[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        clients[i] = (FeedClient){.wake = note_wake, .live = true, .even = true, .waits = i > 0};
        feed_join(feed, &clients[i]);
    }
    feed_wake_all(feed, false);
    assert_int_equal(woken, 0);
    feed_wake_all(feed, true);
    assert_int_equal(woken, 2);
    assert_true(clients[1].heartbeat_due);
    clients[2].waits = true;
    feed->ended = true;
    feed_wake_all(feed, false);
    assert_int_equal(woken, 3);
    feed_leave(feed, &clients[1]);
    feed_leave(feed, &clients[2]);
    feed_leave(feed, &clients[0]);
    assert_null(feed->clients);
}

static void a_client_that_reads_up_looks_for_itself(void **state) {
    Feed *feed = *state;
    FeedClient client = {.wake = note_wake, .waits = true};
    feed_join(feed, &client);
    feed_wake_all(feed, false);
    assert_int_equal(woken, 1);
    feed_leave(feed, &client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_is_kept_as_it_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_old_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clients_are_woken_for_what_they_want, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_heartbeat_and_the_end_wake_all_that_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_reads_up_looks_for_itself, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
