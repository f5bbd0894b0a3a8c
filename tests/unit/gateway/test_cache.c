#include "services/gateway/cache.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static Answer *answer_of(size_t bytes) {
    Buf body = {0};
    memset(buf_reserve(&body, bytes), 'a', bytes);
    body.len = bytes;
    return answer_new(200, "image/png", CACHE_REVALIDATE, &body); // which is not compressed
}

static void an_answer_is_true_for_its_generation(void **state) {
    (void)state;
    Cache *cache = cache_new();
    Answer *answer = answer_of(10);
    assert_null(cache_find(cache, STR_LIT("a"), 1));
    cache_put(cache, STR_LIT("a"), 1, answer);
    Answer *found = cache_find(cache, STR_LIT("a"), 1);
    assert_ptr_equal(found, answer);
    assert_null(cache_find(cache, STR_LIT("a"), 2));
    assert_null(cache_find(cache, STR_LIT("b"), 1));
    answer_free(found);
    answer_free(answer);
    cache_free(cache);
}

static void the_newest_stands(void **state) {
    (void)state;
    Cache *cache = cache_new();
    Answer *old = answer_of(10), *new = answer_of(20);
    cache_put(cache, STR_LIT("a"), 1, old);
    cache_put(cache, STR_LIT("a"), 2, new);
    Answer *found = cache_find(cache, STR_LIT("a"), 2);
    assert_ptr_equal(found, new);
    assert_null(cache_find(cache, STR_LIT("a"), 1));
    answer_free(found);
    answer_free(old);
    answer_free(new);
    cache_free(cache);
}

// Each key finds its own answer or none, whatever stands in whose place; and what is kept is bounded.
static void many_answers_never_stand_for_each_other(void **state) {
    (void)state;
    Cache *cache = cache_new();
    enum { ANSWERS = 3000, BYTES = 100 * 1024 };
    static Answer *answers[ANSWERS];
    size_t kept = 0;
    for (int i = 0; i < ANSWERS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        answers[i] = answer_of(BYTES);
        cache_put(cache, str_from(key), 1, answers[i]);
        answer_free(answers[i]);
    }
    for (int i = 0; i < ANSWERS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        Answer *found = cache_find(cache, str_from(key), 1);
        assert_true(found == NULL || found == answers[i]);
        kept += found != NULL;
        answer_free(found);
    }
    assert_in_range(kept, 1, 64 * 1024 * 1024 / BYTES);
    cache_free(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_true_for_its_generation),
        cmocka_unit_test(the_newest_stands),
        cmocka_unit_test(many_answers_never_stand_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
