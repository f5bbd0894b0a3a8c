#include "services/validator/framing.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void confluent_ids_are_big_endian(void **state) {
    (void)state;
    Framing framing = framing_read(STR_LIT("\x00\x01\x02\x03\xff!!"));
    assert_int_equal(framing.kind, FRAMING_CONFLUENT);
    assert_int_equal(framing.id, 0x010203ff);
    assert_int_equal(framing.datum, 5);
}

static void single_object_fingerprints_are_little_endian(void **state) {
    (void)state;
    Framing framing = framing_read(STR_LIT("\xc3\x01\x01\x02\x03\x04\x05\x06\x07\xff"));
    assert_int_equal(framing.kind, FRAMING_SINGLE_OBJECT);
    assert_true(framing.fingerprint == UINT64_C(0xff07060504030201));
    assert_int_equal(framing.datum, 10);
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    _cleanup_buf_ Buf buf = {0};
    framing_add_single_object(&buf, UINT64_C(0x0123456789abcdef));
    Framing framing = framing_read(buf_str(&buf));
    assert_int_equal(framing.kind, FRAMING_SINGLE_OBJECT);
    assert_true(framing.fingerprint == UINT64_C(0x0123456789abcdef));
}

static void all_else_is_bad_and_says_why(void **state) {
    (void)state;
    static const struct {
        Str payload;
        const char *fault;
    } cases[] = {
        {{NULL, 0}, "the value is null"},
        {{"", 0}, "the value is empty"},
        {{"\x00\x00\x00\x01", 4}, "Confluent framing cut short: 4 of 5 bytes"},
        {{"\xc3\x01\x00\x00\x00\x00\x00\x00\x00", 9}, "single-object framing cut short: 9 of 10 bytes"},
        {{"\x01GUIDGUIDGUIDGUID", 17}, "framing 01 (a schema's GUID) is not supported"},
        {{"{\"votes\": 1}", 12}, "the first byte is 7b: neither Confluent framing (00) nor single-object (C3 01)"},
        {{"\xc3\x02\x00\x00\x00\x00\x00\x00\x00\x00", 10},
         "the first byte is c3: neither Confluent framing (00) nor single-object (C3 01)"},
        {{"Obj\x01", 4}, "the first byte is 4f: neither Confluent framing (00) nor single-object (C3 01)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Arena arena = {0};
        bool bad = framing_read(cases[i].payload).kind == FRAMING_BAD;
        bool told = str_equal_text(framing_fault(cases[i].payload, &arena), cases[i].fault);
        arena_free(&arena);
        assert_true(bad);
        assert_true(told);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confluent_ids_are_big_endian),
        cmocka_unit_test(single_object_fingerprints_are_little_endian),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(all_else_is_bad_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
