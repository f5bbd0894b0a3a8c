#include "common/base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { BYTES_MAX = 64 };

// Of the bytes 0, 1, 2 and so on: PYTHONHASHSEED=0 python3.11 -c 'print(hex(hash(bytes(range(LEN))) % 2**64))', whose
// key is zero then.
static void hashes_are_those_of_python(void **state) {
    (void)state;
    static const SipKey zero;
    static const struct {
        size_t len;
        uint64_t hash;
    } cases[] = {
        {1, UINT64_C(0x68a914128e01e473)},
        {2, UINT64_C(0x010bac45c41e3669)},
        {3, UINT64_C(0x4d4c9a4a8ef6e0ad)},
        {4, UINT64_C(0x7cc43f98813e4dbd)},
        {5, UINT64_C(0x5abe2169dff36275)},
        {7, UINT64_C(0x2f098ab0c751325a)},
        {8, UINT64_C(0xead411e67ebe2eea)},
        {9, UINT64_C(0x75927f9d95124362)},
        {12, UINT64_C(0xa6baf4fb0f9fe1c2)},
        {15, UINT64_C(0xf30eb725bb91c9ea)},
        {16, UINT64_C(0x8972188433a5c5b7)},
        {17, UINT64_C(0x4883c49a2c009c1d)},
        {63, UINT64_C(0x385d3e39e5f37359)},
    };
    char bytes[BYTES_MAX];
    for (size_t i = 0; i < BYTES_MAX; i++) {
        bytes[i] = (char)i;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(siphash(&zero, (Str){bytes, cases[i].len}) == cases[i].hash);
    }
}

static void another_key_is_another_hash(void **state) {
    (void)state;
    static const SipKey zero, one = {{1, 0}}, other = {{0, 1}};
    Str bytes = STR_LIT("local.medway.2023-05-04");
    assert_true(siphash(&zero, bytes) != siphash(&one, bytes) && siphash(&zero, bytes) != siphash(&other, bytes));
}

static void the_secret_stays_what_it_is(void **state) {
    (void)state;
    SipKey secret = *siphash_secret();
    assert_true(secret.words[0] != 0 || secret.words[1] != 0);
    assert_memory_equal(&secret, siphash_secret(), sizeof secret);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_python),
        cmocka_unit_test(another_key_is_another_hash),
        cmocka_unit_test(the_secret_stays_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
