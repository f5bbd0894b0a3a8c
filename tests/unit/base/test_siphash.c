// Bytes 0, 1, 2 and so on under the key of the bytes 0 to 15, as others hash them.
#include "common/base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { BYTES_MAX = 64 };

static const SipKey key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};

static Str first_bytes(size_t len) {
    static char bytes[BYTES_MAX];
    for (size_t i = 0; i < BYTES_MAX; i++) {
        bytes[i] = (char)i;
    }
    return (Str){bytes, len};
}

// openssl mac -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:16 -in FILE SIPHASH
static void digests_are_those_of_openssl(void **state) {
    (void)state;
    static const struct {
        size_t len;
        const char *digest;
    } cases[] = {
        {0, "A3817F04BA25A8E66DF67214C7550293"},  {1, "DA87C1D86B99AF44347659119B22FC45"},
        {3, "9C70B60C5267A94E5F33B6B02985ED51"},  {4, "F88164C12D9C8FAF7D0F6E7C7BCD5579"},
        {5, "1368875980776F8854527A07690E9627"},  {7, "A1F1EBBED8DBC153C0B84AA61FF08239"},
        {8, "3B62A9BA6258F5610F83E264F31497B4"},  {9, "264499060AD9BAABC47F8B02BB6D71ED"},
        {15, "5493E99933B0A8117E08EC0F97CFC3D9"}, {16, "6EE2A4CA67B054BBFD3315BF85230577"},
        {17, "473D06E8738DB89854C066C47AE47740"}, {63, "5150D1772F50834A503E069A973FBD7C"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t digest[SIPHASH_DIGEST_BYTES];
        char text[2 * SIPHASH_DIGEST_BYTES + 1];
        siphash_digest(&key, first_bytes(cases[i].len), digest);
        for (size_t b = 0; b < SIPHASH_DIGEST_BYTES; b++) {
            snprintf(text + 2 * b, 3, "%02X", digest[b]);
        }
        assert_string_equal(text, cases[i].digest);
    }
}

// PYTHONHASHSEED=0 python3.11 -c 'print(hex(hash(b"...") % 2**64))': its key is zero then.
static void places_are_those_of_python(void **state) {
    (void)state;
    static const SipKey zero;
    assert_true(siphash_place(&zero, STR_LIT("a")) == UINT64_C(0x407448d2b89b1813));
    assert_true(siphash_place(&zero, STR_LIT("1234567")) == UINT64_C(0xa33d651594fdae81));
    assert_true(siphash_place(&zero, STR_LIT("12345678")) == UINT64_C(0x3489982430560a87));
    assert_true(siphash_place(&zero, STR_LIT("local.medway.2023-05-04")) == UINT64_C(0x3b6e294e026dd09b));
}

static void the_secret_stays_what_it_is(void **state) {
    (void)state;
    SipKey secret = *siphash_secret();
    assert_true(secret.words[0] != 0 || secret.words[1] != 0);
    assert_memory_equal(&secret, siphash_secret(), sizeof secret);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_openssl),
        cmocka_unit_test(places_are_those_of_python),
        cmocka_unit_test(the_secret_stays_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
