// Whether a consumer that the group has put out was replaced by another of its name.
#include "services/ingest/consumer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FENCED "Broker: Static consumer fenced by other consumer with same group.instance.id"
#define BY_HEARTBEAT "Fatal consumer error: " FENCED
#define BY_OFFSETS "OffsetCommit failed: " FENCED

static void a_member_that_is_refused_was_replaced(void **state) {
    (void)state;
    assert_true(consumer_reads_replaced(BY_HEARTBEAT, "one-1", "one-1"));
    assert_true(consumer_reads_replaced(BY_OFFSETS, "one-1", "one-1"));
}

static void who_speaks_without_a_member_id_had_lost_it_before(void **state) {
    (void)state;
    static const char *const reasons[] = {BY_HEARTBEAT, BY_OFFSETS};
    for (size_t i = 0; i < 2; i++) {
        assert_false(consumer_reads_replaced(reasons[i], "one-1", NULL));
        assert_false(consumer_reads_replaced(reasons[i], "one-1", ""));
        assert_false(consumer_reads_replaced(reasons[i], NULL, NULL));
    }
}

static void offsets_told_before_it_joined_anew_are_nobodys(void **state) {
    (void)state;
    assert_false(consumer_reads_replaced(BY_OFFSETS, "one-1", "one-2"));
    assert_false(consumer_reads_replaced(BY_OFFSETS, NULL, "one-1"));
}

static void a_heartbeat_is_of_the_member_that_it_is_now(void **state) {
    (void)state;
    assert_true(consumer_reads_replaced(BY_HEARTBEAT, "one-1", "one-2"));
    assert_true(consumer_reads_replaced(BY_HEARTBEAT, NULL, "one-1"));
}

static void a_reason_in_other_words_ends_the_process(void **state) {
    (void)state;
    assert_true(consumer_reads_replaced("", "one-1", "one-2"));
    assert_true(consumer_reads_replaced("put out for good", "one-1", "one-2"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_that_is_refused_was_replaced),
        cmocka_unit_test(who_speaks_without_a_member_id_had_lost_it_before),
        cmocka_unit_test(offsets_told_before_it_joined_anew_are_nobodys),
        cmocka_unit_test(a_heartbeat_is_of_the_member_that_it_is_now),
        cmocka_unit_test(a_reason_in_other_words_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
