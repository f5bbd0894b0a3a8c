#include "common/base/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void text_becomes_one_line_of_utf8(void **state) {
    (void)state;
    const struct {
        Str text;
        const char *line;
    } cases[] = {
        {STR_LIT(""), ""},
        {STR_LIT("All Saints"), "All Saints"},
        {STR_LIT("Ynys M\xC3\xB4n \xF0\x9F\x97\xB3"), "Ynys M\xC3\xB4n \xF0\x9F\x97\xB3"},
        {STR_LIT("a\nb\tc\r\x1B[2J\x7F"), "a\\nb\\tc\\x0d\\x1b[2J\\x7f"},
        {STR_LIT("\0"), "\\x00"},
        {STR_LIT("\xC2\x85next line"), "\\xc2\\x85next line"},
        {STR_LIT("cut \xE6\x8A"), "cut \\xe6\\x8a"},
        {STR_LIT("\xED\xA0\xBD half"), "\\xed\\xa0\\xbd half"},
        {STR_LIT("\xFF\n"), "\\xff\\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Arena arena = {0};
        Str line = text_one_line(&arena, cases[i].text);
        assert_int_equal(line.len, strlen(cases[i].line));
        assert_memory_equal(line.ptr, cases[i].line, line.len);
        arena_free(&arena);
    }
}

static void text_that_is_fit_is_not_copied(void **state) {
    (void)state;
    Arena arena = {0};
    Str text = STR_LIT("All Saints");
    assert_ptr_equal(text_one_line(&arena, text).ptr, text.ptr);
    assert_int_equal(arena.given, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_one_line_of_utf8),
        cmocka_unit_test(text_that_is_fit_is_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
