#include "services/cli/slug.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef void AddText(Buf *out, Str text);

static void assert_made(AddText *add, const char *from, const char *to) {
    Buf out = {0};
    add(&out, str_from(from));
    bool equal = str_equal_text(buf_str(&out), to);
    if (!equal) {
        print_error("%s became " STR_FMT "\n", from, STR_ARG(buf_str(&out)));
    }
    buf_free(&out);
    assert_true(equal);
}

static void apostrophes_and_commas_are_dropped(void **state) {
    (void)state;
    assert_made(slug_add, "St Mary's Island", "st-marys-island");
    assert_made(slug_add, "Cuxton, Halling and Riverside", "cuxton-halling-and-riverside");
    assert_made(slug_add, "St. Paul’s", "st-pauls");
}

static void an_ampersand_is_not_and(void **state) {
    (void)state;
    assert_made(slug_add, "Stocksbridge & Upper Don", "stocksbridge-upper-don");
    assert_made(slug_add, "Stocksbridge and Upper Don", "stocksbridge-and-upper-don");
}

static void letters_lose_their_accents(void **state) {
    (void)state;
    assert_made(slug_add, "Llanbadarn Fawr – Sulien", "llanbadarn-fawr-sulien");
    assert_made(slug_add, "Ynys Môn", "ynys-mon");
    assert_made(slug_add, "Ærø ﬁ", "r-fi"); // no ASCII in Æ and ø, two letters in the ligature
}

static void runs_of_spaces_and_hyphens_are_one_hyphen(void **state) {
    (void)state;
    assert_made(slug_add, "  North -- East\tCray \n", "north-east-cray");
    assert_made(slug_add, "Over\xC2\xA0Wyre", "over-wyre");
    assert_made(slug_add, "a_b 2", "a_b-2");
}

// As the rule does it: space around is stripped, a hyphen is not.
static void hyphens_at_the_ends_stay(void **state) {
    (void)state;
    assert_made(slug_add, " - a - ", "-a-");
    assert_made(slug_add, "'", "");
    assert_made(slug_add, "", "");
}

static void a_title_is_made_of_a_slug(void **state) {
    (void)state;
    assert_made(slug_add_title, "kingston-upon-thames", "Kingston upon Thames");
    assert_made(slug_add_title, "the-vale-of-glamorgan", "The Vale of Glamorgan");
    assert_made(slug_add_title, "stoke-on-trent", "Stoke-on-Trent");
    assert_made(slug_add_title, "barnet", "Barnet");
    assert_made(slug_add_title, "", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apostrophes_and_commas_are_dropped),
        cmocka_unit_test(an_ampersand_is_not_and),
        cmocka_unit_test(letters_lose_their_accents),
        cmocka_unit_test(runs_of_spaces_and_hyphens_are_one_hyphen),
        cmocka_unit_test(hyphens_at_the_ends_stay),
        cmocka_unit_test(a_title_is_made_of_a_slug),
    };
    return cmocka_run_group_tests_name("slug", tests, NULL, NULL);
}
