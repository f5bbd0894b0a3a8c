#include "services/gateway/filter.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const Event event = {
    .kind = EVENT_FLASH,
    .election_id = {"local.x.2023-05-04", 18},
    .council_id = {"E06000035", 9},
    .region = {"South East", 10},
    .control = {"PP53", 4},
    .previous_control = {"PP52", 4},
};

static Filter open_filter(void) {
    Filter filter = {0};
    assert_true(filter_set_kinds(&filter, STR_NONE));
    return filter;
}

static void an_open_filter_passes_everything(void **state) {
    (void)state;
    Filter filter = open_filter();
    Event bare = {.kind = EVENT_FACT};
    assert_true(filter_passes(&filter, &event));
    assert_true(filter_passes(&filter, &bare));
}

static void lists_name_what_passes(void **state) {
    (void)state;
    static const struct {
        Filter filter;
        bool passes;
    } cases[] = {
        {{.councils = {"E06000035", 9}}, true},
        {{.councils = {"E06000034,E06000035", 19}}, true},
        {{.councils = {"E0600003", 8}}, false},
        {{.councils = {"E060000355", 10}}, false},
        {{.councils = {"", 0}}, false},
        {{.regions = {"South East,London", 17}}, true},
        {{.elections = {"local.y.2023-05-04", 18}}, false},
        {{.parties = {"PP53", 4}}, true},
        {{.parties = {"PP52", 4}}, true},
        {{.parties = {"PP90", 4}}, false},
        {{.parties = {"PP53", 4}, .regions = {"London", 6}}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Filter filter = cases[i].filter;
        assert_true(filter_set_kinds(&filter, STR_NONE));
        assert_int_equal(filter_passes(&filter, &event), cases[i].passes);
    }
}

static void an_event_without_a_region_or_control_fits_no_list_of_them(void **state) {
    (void)state;
    Event bare = {.kind = EVENT_SNAPSHOT, .council_id = {"E06000035", 9}};
    Filter filter = open_filter();
    filter.regions = (Str){"South East", 10};
    assert_false(filter_passes(&filter, &bare));
    filter = open_filter();
    filter.parties = (Str){"PP53,", 5};
    assert_false(filter_passes(&filter, &bare));
}

static void kinds_are_named(void **state) {
    (void)state;
    Filter filter = {0};
    assert_true(filter_set_kinds(&filter, STR_LIT("flash,fact")));
    assert_true(filter_passes(&filter, &event));
    assert_true(filter_set_kinds(&filter, STR_LIT("snapshot")));
    assert_false(filter_passes(&filter, &event));
    static const char *const bad[] = {"", "gossip", "flash,", "flash,gossip", "Flash", "flash, fact"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(filter_set_kinds(&filter, str_from(bad[i])));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_filter_passes_everything),
        cmocka_unit_test(lists_name_what_passes),
        cmocka_unit_test(an_event_without_a_region_or_control_fits_no_list_of_them),
        cmocka_unit_test(kinds_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
