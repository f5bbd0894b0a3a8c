#include "services/cli/audit_seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

// Of the test vectors of RFC 8032, section 7.1, the first key, and another.
static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                                  "-----END PRIVATE KEY-----\n";
static const char public_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                 "-----END PUBLIC KEY-----\n";
static const char other_public_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                       "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
                                       "-----END PUBLIC KEY-----\n";

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MOMENT "2023-05-05T05:00:00.000000Z"

typedef struct Fixture {
    Arena arena;
    Seal seal, read;
    char file[32];
} Fixture;

static int set_up(void **state) {
    Fixture *f = mem_alloc(1, sizeof *f);
    f->seal.sealed_at = STR_LIT(MOMENT);
    *vec_push(&f->seal.lanes) = (SealedLane){0, 12, STR_LIT(HASH_A), STR_LIT(MOMENT)};
    *vec_push(&f->seal.lanes) = (SealedLane){5, 900, STR_LIT(HASH_B), STR_LIT(MOMENT)};
    *vec_push(&f->seal.rules) = (SealedText){STR_LIT("1"), STR_LIT(HASH_A)};
    *vec_push(&f->seal.writer_schemas) = (SealedText){STR_LIT("0123456789abcdef"), STR_LIT(HASH_B)};
    memcpy(f->file, "/tmp/test_audit_seal.XXXXXX", sizeof "/tmp/test_audit_seal.XXXXXX");
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    unlink(f->file);
    seal_free(&f->seal);
    seal_free(&f->read);
    arena_free(&f->arena);
    mem_free(f);
    return 0;
}

static const char *file_of(Fixture *f, const char *text) {
    unlink(f->file);
    memcpy(f->file, "/tmp/test_audit_seal.XXXXXX", sizeof "/tmp/test_audit_seal.XXXXXX");
    int file = mkstemp(f->file);
    ssize_t written = write(file, text, strlen(text));
    close(file);
    return written > 0 ? f->file : "";
}

static void the_signed_text_is_as_documented(void **state) {
    Fixture *f = *state;
    Buf text = {0};
    seal_add_signed_text(&f->seal, &text);
    Str copy = arena_copy(&f->arena, buf_str(&text));
    buf_free(&text);
    assert_string_equal(copy.ptr, "declared seal 1\n"
                                  "sealed_at " MOMENT "\n"
                                  "lane 0 12 " HASH_A " " MOMENT "\n"
                                  "lane 5 900 " HASH_B " " MOMENT "\n"
                                  "rules 1 " HASH_A "\n"
                                  "writer_schema 0123456789abcdef " HASH_B "\n");
}

static void sign(Fixture *f) {
    Str error = STR_NONE;
    assert_true(seal_sign(&f->seal, file_of(f, private_key), &f->arena, &error));
}

static void read_again(Fixture *f) {
    Buf json = {0};
    Str error = STR_NONE;
    seal_add_json(&f->seal, &json);
    bool good = seal_from_json(buf_str(&json), &f->arena, &f->read, &error);
    buf_free(&json);
    assert_true(good);
}

static void what_was_written_is_read(void **state) {
    Fixture *f = *state;
    sign(f);
    read_again(f);
    assert_int_equal(f->read.lanes.count, 2);
    assert_int_equal(seal_find_lane(&f->read, 5)->lane_seq, 900);
    assert_null(seal_find_lane(&f->read, 1));
    assert_true(str_equal_text(f->read.public_key, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
}

static void a_signature_is_its_keys(void **state) {
    Fixture *f = *state;
    Str error = STR_NONE;
    sign(f);
    read_again(f);
    assert_true(seal_check_signature(&f->read, NULL, &f->arena, &error));
    assert_true(seal_check_signature(&f->read, file_of(f, public_key), &f->arena, &error));
    assert_false(seal_check_signature(&f->read, file_of(f, other_public_key), &f->arena, &error));
}

static void a_seal_that_was_changed_is_found(void **state) {
    Fixture *f = *state;
    Str error = STR_NONE;
    sign(f);
    read_again(f);
    f->read.lanes.items[1].lane_seq--;
    assert_false(seal_check_signature(&f->read, NULL, &f->arena, &error));
    f->read.lanes.items[1].lane_seq++;
    f->read.rules.items[0].sha256 = STR_LIT(HASH_B);
    assert_false(seal_check_signature(&f->read, NULL, &f->arena, &error));
}

static void a_private_key_is_wanted_to_sign(void **state) {
    Fixture *f = *state;
    Str error = STR_NONE;
    assert_false(seal_sign(&f->seal, file_of(f, public_key), &f->arena, &error));
    assert_false(seal_sign(&f->seal, "/nonexistent", &f->arena, &error));
}

static void assert_refused(Fixture *f, const char *from, const char *to) {
    Buf json = {0};
    Str error = STR_NONE;
    seal_add_json(&f->seal, &json);
    buf_add_byte(&json, 0);
    const char *at = strstr(json.ptr, from);
    Str text = arena_printf(&f->arena, "%.*s%s%s", (int)(at - json.ptr), json.ptr, to, at + strlen(from));
    buf_free(&json);
    assert_false(seal_from_json(text, &f->arena, &f->read, &error));
}

static void what_could_forge_a_line_is_no_seal(void **state) {
    Fixture *f = *state;
    sign(f);
    assert_refused(f, HASH_A, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_refused(f, HASH_A, HASH_A "\\nlane 7 1");
    assert_refused(f, "\"" MOMENT "\"", "\"2023-05-05T05:00:00.000000Z lane\"");
    assert_refused(f, "\"lane\": 5", "\"lane\": -5");
    assert_refused(f, "\"lane\": 5", "\"lane\": \"5\"");
    assert_refused(f, "\"version\": 1", "\"version\": \"1\"");
    assert_refused(f, "0123456789abcdef", "01234567");
    assert_refused(f, "declared seal 1", "declared seal 2");
    assert_refused(f, "{", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_signed_text_is_as_documented, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signature_is_its_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_seal_that_was_changed_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_private_key_is_wanted_to_sign, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_could_forge_a_line_is_no_seal, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
