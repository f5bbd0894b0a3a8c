#include "services/cli/watch_screen.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static ScreenParty parties[] = {
    {.party_id = {"PP53", 4}, .name = {"LAB", 3}, .colour = {"#E4003B", 7}, .held = 31, .change = {"+11", 3}},
    {.party_id = {"PP52", 4}, .name = {"CON", 3}, .colour = {"#0087DC", 7}, .held = 22, .change = {"", 0}},
    {.party_id = {"PP63", 4}, .name = {"GRN", 3}, .held = 0, .change = {"", 0}},
};

static ScreenCouncil medway(void) {
    return (ScreenCouncil){
        .election_id = STR_LIT("local.medway.2023-05-04"),
        .name = STR_LIT("Medway"),
        .short_name = STR_LIT("MEDWAY"),
        .poll_date = STR_LIT("4 May 2023"),
        .status = STR_LIT("called"),
        .control = STR_LIT("PP53"),
        .previous_control = STR_LIT("PP52"),
        .previous_control_lost = true,
        .majority = STR_LIT("at least 3"),
        .headline = STR_LIT("LAB GAIN MEDWAY FROM CON"),
        .headline_short = STR_LIT("LAB GAIN MEDWAY"),
        .recorded_at = STR_LIT("01:12:03Z"),
        .seats_total = 59,
        .threshold = 30,
        .seats_to_come = 2,
        .ballots_total = 24,
        .ballots_declared = 23,
        .parties = parties,
        .parties_count = 3,
    };
}

static Buf drawn;

static int tear_down(void **state) {
    (void)state;
    buf_free(&drawn);
    return 0;
}

static void assert_drawn(const char *text) {
    buf_add_byte(&drawn, '\0');
    assert_non_null(strstr(drawn.ptr, text));
    drawn.len--;
}

static size_t count_lines(void) {
    size_t count = 0;
    for (size_t i = 0; i < drawn.len; i++) {
        count += drawn.ptr[i] == '\n';
    }
    return count;
}

static void a_terminal_tells_its_colours(void **state) {
    (void)state;
    assert_int_equal(screen_colours("truecolor", "xterm-256color", NULL), COLOURS_24_BIT);
    assert_int_equal(screen_colours("24bit", "screen", ""), COLOURS_24_BIT);
    assert_int_equal(screen_colours(NULL, "xterm-direct", NULL), COLOURS_24_BIT);
    assert_int_equal(screen_colours(NULL, "xterm", NULL), COLOURS_256);
    assert_int_equal(screen_colours("truecolor", "dumb", NULL), COLOURS_NONE);
    assert_int_equal(screen_colours("truecolor", NULL, NULL), COLOURS_NONE);
    assert_int_equal(screen_colours("truecolor", "xterm", "1"), COLOURS_NONE);
}

static void a_council_is_drawn_with_its_majority_line(void **state) {
    (void)state;
    ScreenCouncil council = medway();
    Screen screen = {24, 100, COLOURS_NONE};
    screen_draw_council(&screen, &council, NULL, 0, &drawn);
    assert_drawn("called, 23 of 24 wards");
    // 76 cells stand for 41 seats: the 30th ends in the 56th, and 31 fill 57.
    assert_drawn("   31  #######################################################|#\x1b[0m   ");
    assert_drawn("   22  #########################################\x1b[0m              |   ");
    assert_drawn("|30 to win");
    assert_drawn("LAB\x1b[0m, majority at least 3   (before: CON, lost)");
    assert_drawn(" LAB GAIN MEDWAY FROM CON ");
}

static void colours_are_24_bit_or_the_nearest_of_the_cube(void **state) {
    (void)state;
    ScreenCouncil council = medway();
    screen_draw_council(&(Screen){24, 100, COLOURS_24_BIT}, &council, NULL, 0, &drawn);
    assert_drawn("\x1b[48;2;228;0;59m");
    buf_clear(&drawn);
    screen_draw_council(&(Screen){24, 100, COLOURS_256}, &council, NULL, 0, &drawn);
    assert_drawn("\x1b[48;5;161m");
}

static void a_frame_fits_its_terminal(void **state) {
    (void)state;
    ScreenCouncil council = medway();
    ScreenEvent events[40];
    for (size_t i = 0; i < 40; i++) {
        events[i] = (ScreenEvent){.time = STR_LIT("01:12:03"),
                                  .what = STR_LIT("Watling"),
                                  .declared = STR_LIT("23/24"),
                                  .winners = STR_LIT("LAB 3"),
                                  .flash = i % 2 == 0 ? STR_LIT("LAB GAIN MEDWAY FROM CON") : STR_LIT("")};
    }
    for (int rows = 18; rows < 60; rows++) {
        buf_clear(&drawn);
        screen_draw_council(&(Screen){rows, 80, COLOURS_256}, &council, events, 40, &drawn);
        assert_in_range(count_lines(), 1, rows - 1);
    }
    ScreenCouncil many[50];
    for (size_t i = 0; i < 50; i++) {
        many[i] = medway();
    }
    buf_clear(&drawn);
    screen_draw_list(&(Screen){24, 100, COLOURS_256}, many, 50, &drawn);
    assert_int_equal(count_lines(), 23);
    assert_drawn("50 councils\x1b[0m: 50 certain, 0 final");
}

static void what_waits_for_the_desk_is_told(void **state) {
    (void)state;
    ScreenCouncil councils[] = {medway(), medway()};
    councils[0].ballots_held = 2;
    councils[0].call_waits = true;
    screen_draw_council(&(Screen){24, 100, COLOURS_NONE}, &councils[0], NULL, 0, &drawn);
    assert_drawn("wards held 2\x1b[0m (declarectl held)");
    assert_drawn("call waits for approval\x1b[0m (declarectl held)");
    buf_clear(&drawn);
    screen_draw_list(&(Screen){24, 100, COLOURS_NONE}, councils, 2, &drawn);
    assert_drawn("call waits\x1b[0m \x1b[1mheld 2\x1b[0m");
    buf_clear(&drawn);
    screen_draw_list(&(Screen){24, 100, COLOURS_NONE}, &councils[1], 1, &drawn);
    buf_add_byte(&drawn, '\0');
    assert_null(strstr(drawn.ptr, "held"));
    assert_null(strstr(drawn.ptr, "waits"));
}

static void odd_councils_draw_too(void **state) {
    (void)state;
    ScreenCouncil empty = {.seats_total = 1, .threshold = 1};
    screen_draw_council(&(Screen){1, 1, COLOURS_256}, &empty, NULL, 0, &drawn);
    screen_draw_list(&(Screen){1, 1, COLOURS_256}, &empty, 1, &drawn);
    screen_write_line(&empty, &drawn);
}

static void a_plain_line_has_it_all(void **state) {
    (void)state;
    ScreenCouncil council = medway();
    screen_write_line(&council, &drawn);
    assert_true(
        str_equal_text(buf_str(&drawn), "01:12:03Z MEDWAY 23/24 called LAB 31, CON 22 | LAB GAIN MEDWAY FROM CON\n"));
    council.ballots_held = 2;
    council.headline = STR_NONE;
    buf_clear(&drawn);
    screen_write_line(&council, &drawn);
    assert_true(str_equal_text(buf_str(&drawn), "01:12:03Z MEDWAY 23/24 called LAB 31, CON 22 | held 2\n"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_terminal_tells_its_colours),
        TEST(a_council_is_drawn_with_its_majority_line),
        TEST(colours_are_24_bit_or_the_nearest_of_the_cube),
        TEST(a_frame_fits_its_terminal),
        TEST(what_waits_for_the_desk_is_told),
        TEST(odd_councils_draw_too),
        TEST(a_plain_line_has_it_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
