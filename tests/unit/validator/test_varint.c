#include "services/validator/varint.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPAN(literal) (const uint8_t *)(literal), (const uint8_t *)(literal) + sizeof(literal) - 1

static void what_is_written_is_read_back(void **state) {
    (void)state;
    static const int64_t values[] = {0, -1, 1, 63, 64, -64, -65, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        _cleanup_buf_ Buf buf = {0};
        varint_add_long(&buf, values[i]);
        const uint8_t *at = (const uint8_t *)buf.ptr;
        int64_t value = 0;
        assert_ptr_equal(varint_read_long(at, at + buf.len, &value), at + buf.len);
        assert_true(value == values[i]);
        assert_null(varint_read_long(at, at + buf.len - 1, &value));
    }
}

static void an_int_has_32_bits(void **state) {
    (void)state;
    int64_t value = 0;
    assert_non_null(varint_read_int(SPAN("\xfe\xff\xff\xff\x0f"), &value));
    assert_int_equal(value, INT32_MAX);
    assert_non_null(varint_read_int(SPAN("\xff\xff\xff\xff\x0f"), &value));
    assert_int_equal(value, INT32_MIN);
    assert_null(varint_read_int(SPAN("\x80\x80\x80\x80\x10"), &value));
    assert_string_equal(varint_fault(SPAN("\x80\x80\x80\x80\x10"), VARINT_INT_BYTES), "number outside int's range");
}

static void padding_is_refused(void **state) {
    (void)state;
    int64_t value = 0;
    assert_null(varint_read_long(SPAN("\x80\x00"), &value));
    assert_null(varint_read_int(SPAN("\x82\x80\x80\x80\x00"), &value));
    assert_string_equal(varint_fault(SPAN("\x80\x00"), VARINT_LONG_BYTES), "varint padded with zero bits");
}

static void ten_bytes_are_the_most(void **state) {
    (void)state;
    int64_t value = 0;
    assert_non_null(varint_read_long(SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &value));
    assert_true(value == INT64_MIN);
    assert_null(varint_read_long(SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), &value));
    assert_null(varint_read_long(SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &value));
    assert_string_equal(varint_fault(SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), VARINT_LONG_BYTES),
                        "varint longer than 10 bytes");
}

static void two_bytes_read_as_the_long_form_has_them(void **state) {
    (void)state;
    for (unsigned pair = 0; pair <= UINT16_MAX; pair++) {
        const uint8_t bytes[] = {(uint8_t)pair, (uint8_t)(pair >> 8)};
        for (size_t len = 0; len <= 2; len++) {
            uint64_t raw = 0;
            int64_t value = 0;
            const uint8_t *end = varint_read_long_form(bytes, bytes + len, VARINT_LONG_BYTES, &raw);
            assert_ptr_equal(varint_read_long(bytes, bytes + len, &value), end);
            assert_true(end == NULL || value == varint_unzigzag(raw));
            assert_ptr_equal(varint_read_int(bytes, bytes + len, &value), end);
            assert_true(end == NULL || value == varint_unzigzag(raw));
        }
    }
}

static void nothing_is_cut_short(void **state) {
    (void)state;
    int64_t value = 0;
    assert_null(varint_read_long(SPAN(""), &value));
    assert_null(varint_read_int(SPAN("\x80"), &value));
    assert_string_equal(varint_fault(SPAN("\x80"), VARINT_INT_BYTES), "varint cut short");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back), cmocka_unit_test(an_int_has_32_bits),
        cmocka_unit_test(padding_is_refused),           cmocka_unit_test(ten_bytes_are_the_most),
        cmocka_unit_test(nothing_is_cut_short),         cmocka_unit_test(two_bytes_read_as_the_long_form_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
