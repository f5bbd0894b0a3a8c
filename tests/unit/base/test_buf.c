#include "common/base/buf.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int tear_down(void **state) {
    Buf *buf = *state;
    buf_free(buf);
    return 0;
}

static int set_up(void **state) {
    static Buf buf;
    *state = &buf;
    return 0;
}

static void assert_holds(const Buf *buf, const char *text) {
    assert_true(str_equal_text(buf_str(buf), text));
}

static void an_empty_buffer_is_an_empty_string(void **state) {
    Buf *buf = *state;
    assert_holds(buf, "");
    assert_false(str_is_none(buf_str(buf)));
}

static void numbers_go_in_network_order(void **state) {
    Buf *buf = *state;
    buf_add_u16(buf, 0x0102);
    buf_add_u32(buf, 0x03040506);
    buf_add_u64(buf, UINT64_C(0x0708090a0b0c0d0e));
    assert_int_equal(buf->len, 14);
    for (size_t i = 0; i < 14; i++) {
        assert_int_equal(buf->ptr[i], i + 1);
    }
}

static void decimals_reach_both_ends(void **state) {
    Buf *buf = *state;
    buf_add_decimal(buf, INT64_MIN);
    buf_add_byte(buf, ' ');
    buf_add_decimal(buf, INT64_MAX);
    buf_add_byte(buf, ' ');
    buf_add_decimal(buf, 0);
    assert_holds(buf, "-9223372036854775808 9223372036854775807 0");
}

static void assert_decimal(Buf *buf, int64_t value) {
    char expected[24];
    buf_clear(buf);
    buf_add_decimal(buf, value);
    snprintf(expected, sizeof expected, "%lld", (long long)value);
    assert_holds(buf, expected);
}

static void decimals_have_all_their_digits(void **state) {
    Buf *buf = *state;
    for (int64_t power = 1, digits = 1; digits <= 19; power = digits < 19 ? power * 10 : power, digits++) {
        for (int64_t value = power - 1; value <= power + 1; value++) {
            assert_decimal(buf, value);
            assert_decimal(buf, -value);
            assert_decimal(buf, power / 7 * 6 + value % 1000);
        }
    }
    for (int64_t value = 0; value <= 20000; value++) {
        assert_decimal(buf, value);
    }
}

// What buf_add_json_string writes, byte by byte.
static size_t escape(const char *text, size_t len, char *out) {
    size_t at = 0;
    out[at++] = '"';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\' || c == '\n' || c == '\t') {
            out[at++] = '\\';
            out[at++] = c == '\n' ? 'n' : c == '\t' ? 't' : (char)c;
        } else if (c < 0x20) {
            at += (size_t)sprintf(out + at, "\\u%04x", c);
        } else {
            out[at++] = (char)c;
        }
    }
    out[at++] = '"';
    return at;
}

// Strings are copied by the word: every length that makes a difference, each byte at each place.
static void json_strings_are_escaped_wherever_it_is(void **state) {
    Buf *buf = *state;
    enum { LENGTH_MAX = 20 };
    for (size_t len = 0; len <= LENGTH_MAX; len++) {
        for (size_t place = 0; place < len; place++) {
            for (int byte = 0; byte <= 0xFF; byte++) {
                char text[LENGTH_MAX], expected[6 * LENGTH_MAX + 3], put[6 * LENGTH_MAX + sizeof "null"];
                memset(text, place % 2 == 0 ? '~' : ' ', len);
                text[place] = (char)byte;
                text[len - 1 - place / 2] = (char)(0xFF - byte);
                size_t expected_len = escape(text, len, expected);
                buf_clear(buf);
                buf_add_json_string(buf, (Str){text, len});
                assert_int_equal(buf->len, expected_len);
                assert_memory_equal(buf->ptr, expected, expected_len);
                assert_true(expected_len <= json_string_bytes_max((Str){text, len}));
                assert_ptr_equal(put_json_string(put, (Str){text, len}), put + expected_len);
                assert_memory_equal(put, expected, expected_len);
            }
        }
    }
}

static void a_string_of_escapes_has_room(void **state) {
    Buf *buf = *state;
    char text[100];
    memset(text, 1, sizeof text);
    buf_add_json_string(buf, (Str){text, sizeof text});
    assert_int_equal(buf->len, 6 * sizeof text + 2);
    assert_true(buf->len <= json_string_bytes_max((Str){text, sizeof text}));
}

static void json_strings_are_escaped(void **state) {
    Buf *buf = *state;
    buf_add_json_string(buf, STR_LIT("a\"b\\c\nd\te\x01\x1f/\xc3\xa9"));
    buf_add_json_string(buf, STR_LIT(""));
    buf_add_json_string(buf, STR_NONE);
    assert_holds(buf, "\"a\\\"b\\\\c\\nd\\te\\u0001\\u001f/\xc3\xa9\"\"\"null");
}

static void it_grows_as_it_must(void **state) {
    Buf *buf = *state;
    for (int i = 0; i < 10000; i++) {
        buf_printf(buf, "%04d", i);
    }
    assert_int_equal(buf->len, 40000);
    assert_memory_equal(buf->ptr + 39996, "9999", 4);
    buf_clear(buf);
    assert_holds(buf, "");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_buffer_is_an_empty_string),
        TEST(numbers_go_in_network_order),
        TEST(decimals_reach_both_ends),
        TEST(decimals_have_all_their_digits),
        TEST(json_strings_are_escaped),
        TEST(json_strings_are_escaped_wherever_it_is),
        TEST(a_string_of_escapes_has_room),
        TEST(it_grows_as_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
