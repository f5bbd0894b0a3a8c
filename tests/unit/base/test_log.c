#include "common/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOMENT_US (INT64_C(1683249123) * 1000000 + 456789) // 2023-05-05T01:12:03.456789Z

__attribute__((format(printf, 3, 4))) static void format_line(Buf *out, LogLevel level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_format(out, level, MOMENT_US, format, args);
    va_end(args);
}

static void a_line_has_time_level_and_message(void **state) {
    (void)state;
    _cleanup_buf_ Buf line = {0};
    format_line(&line, LOG_LEVEL_WARNING, "PostgreSQL is away, waiting attempt=%d", 3);
    assert_true(
        str_equal_text(buf_str(&line), "2023-05-05T01:12:03.456789Z warning PostgreSQL is away, waiting attempt=3\n"));
}

static void a_message_stays_one_line(void **state) {
    (void)state;
    _cleanup_buf_ Buf line = {0};
    format_line(&line, LOG_LEVEL_ERROR, "said \"a\nb\x1b[2J\"");
    assert_true(str_equal_text(buf_str(&line), "2023-05-05T01:12:03.456789Z error said \"a b [2J\"\n"));
}

static void a_long_message_is_cut(void **state) {
    (void)state;
    _cleanup_buf_ Buf line = {0};
    format_line(&line, LOG_LEVEL_INFO, "%10000d", 1);
    assert_in_range(line.len, 4000, 4096);
    assert_int_equal(line.ptr[line.len - 1], '\n');
}

static void levels_have_names(void **state) {
    (void)state;
    assert_false(log_set_level(STR_LIT("verbose")));
    assert_true(log_set_level(STR_LIT("error")));
    log_info("is not written");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_and_message),
        cmocka_unit_test(a_message_stays_one_line),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
