#include "services/cli/held_card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const CardParty parties[] = {{{"PP52", 4}, {"CON", 3}}, {{"PP53", 4}, {"LAB", 3}}, {{"joint", 5}, {"LAB", 3}}};

static Candidate candidates_held[] = {
    {.candidate_id = {"a1", 2}, .name = {"Ann Ash", 7}, .party_id = {"PP53", 4}, .votes = 510, .elected = true},
    {.candidate_id = {"a2", 2}, .name = {"Bo Birch", 8}, .party_id = {"PP52", 4}, .votes = 512},
    {.candidate_id = {"a3", 2}, .name = {"Cy Cedar", 8}, .party_id = {"PP99", 4}, .votes = COUNT_UNKNOWN},
};
static Candidate candidates_other[] = {
    {.candidate_id = {"x9", 2}, .name = {"ANN ASH", 7}, .party_id = {"joint", 5}, .votes = 510},
    {.candidate_id = {"a2", 2}, .name = {"Bo Birch", 8}, .party_id = {"PP52", 4}, .votes = 512, .elected = true},
    {.candidate_id = {"x7", 2}, .name = {"Di Dogwood", 10}, .party_id = {"PP52", 4}, .votes = 7},
};

static const Declaration held = {
    .kind = KIND_CORRECTED,
    .revision = 2,
    .basis = BASIS_OFFICER_CORRECTION,
    .declared_at_ms = 1683248400000,
    .reported_at_ms = 1683248435000,
    .source = {"agency", 6},
    .seats = 1,
    .electorate = 3495,
    .ballot_papers = 1030,
    .rejected_papers = COUNT_UNKNOWN,
    .candidates = candidates_held,
    .candidates_count = 3,
};

static HeldCard card_of(RuleSet reasons, const Declaration *other) {
    HeldCard card = {
        .place = STR_LIT("Medway, Watling"),
        .received_at = STR_LIT("2023-05-05 01:02:03Z"),
        .reasons = reasons,
        .held = {STR_LIT("ward-declarations:3:24"), STR_LIT("HELD"), &held},
        .parties = parties,
        .parties_count = 3,
    };
    if (other != NULL) {
        card.other = (CardVersion){STR_LIT("ward-declarations:3:2"), STR_LIT("in force"), other};
    }
    return card;
}

static Buf out;

static int tear_down(void **state) {
    (void)state;
    buf_free(&out);
    return 0;
}

static bool is_written(const char *text) {
    buf_add_byte(&out, '\0');
    out.len--;
    return strstr(out.ptr, text) != NULL;
}

static void assert_written(const char *text) {
    if (!is_written(text)) {
        fail_msg("'%s' is not in\n%s", text, out.ptr);
    }
}

static void a_conflict_is_told_side_by_side_with_its_differences_marked(void **state) {
    (void)state;
    Declaration other = held;
    other.revision = 1;
    other.ballot_papers = COUNT_UNKNOWN;
    other.reported_at_ms += 1000;
    other.candidates = candidates_other;
    HeldCard card = card_of(RULE_BIT(RULE_SOURCES_DIFFER_WINNERS), &other);
    held_card_write(&card, &out);
    assert_written("Medway, Watling: held since 2023-05-05 01:02:03Z\n"
                   "    SOURCES_DIFFER_WINNERS: another source is in force with other winners\n");
    assert_written("                       HELD                    in force\n"
                   "                       ward-declarations:3:24  ward-declarations:3:2\n");
    assert_written("    source             agency                  agency\n");
    assert_written("  * revision           2                       1\n");
    assert_written("  * ballot papers      1030                    not known\n");
    assert_written("    reported           2023-05-05 01:00:35Z    2023-05-05 01:00:36Z\n");
    // Whoever counts comes first; then by votes; then whom the held version has besides.
    assert_written("  * Bo Birch (CON)        512                     512  ELECTED\n"
                   "  * ANN ASH (LAB)         510  ELECTED            510\n"
                   "  * Di Dogwood (CON)   not a candidate              7\n"
                   "  * Cy Cedar (PP99)         -                  not a candidate\n");
    assert_written("declarectl release ward-declarations:3:24 --by NAME --note 'WHY'\n"
                   "      the held version comes into force, over rank and revision\n");
    assert_written("declarectl reject ward-declarations:3:24 --by NAME --note 'WHY'\n");
}

static void the_same_candidate_for_another_party_is_a_difference(void **state) {
    (void)state;
    Candidate renamed[3];
    memcpy(renamed, candidates_held, sizeof renamed);
    renamed[2].party_id = STR_LIT("PP52");
    Declaration other = held;
    other.candidates = renamed;
    HeldCard card = card_of(RULE_BIT(RULE_UNKNOWN_PARTY), &other);
    held_card_write(&card, &out);
    assert_written("  * Cy Cedar (CON)          -  for PP99             -  for CON\n");
    assert_written("    Ann Ash (LAB)         510  ELECTED            510  ELECTED\n");
}

static void what_no_release_can_waive_wants_reference_data(void **state) {
    (void)state;
    HeldCard card = card_of(RULE_BIT(RULE_UNKNOWN_BALLOT) | RULE_BIT(RULE_ELECTED_NOT_TOP), NULL);
    card.is_test = true;
    held_card_write(&card, &out);
    assert_written("(a rehearsal)\n    UNKNOWN_BALLOT: ");
    assert_written("\n    ELECTED_NOT_TOP: ");
    assert_written("  declarectl reference load FILE\n");
    assert_false(is_written("declarectl release"));
}

static void alone_it_is_told_without_marks(void **state) {
    (void)state;
    HeldCard card = card_of(RULE_BIT(RULE_ELECTED_NOT_TOP), NULL);
    card.detail = STR_LIT("someone is elected with 510 votes, someone with 512 is not");
    held_card_write(&card, &out);
    assert_written("    (someone is elected with 510 votes, someone with 512 is not)\n\n");
    assert_written("    Ann Ash (LAB)         510  ELECTED\n    Bo Birch (CON)        512\n"
                   "    Cy Cedar (PP99)         -\n");
    assert_false(is_written("  * "));
}

static void bytes_that_cannot_be_read_are_said_so(void **state) {
    (void)state;
    HeldCard card = card_of(RULE_BIT(RULE_KEY_MISMATCH), NULL);
    card.held.declaration = NULL;
    held_card_write(&card, &out);
    assert_written("what it says cannot be read here\n");
    assert_written("declarectl release ward-declarations:3:24");
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_conflict_is_told_side_by_side_with_its_differences_marked),
        TEST(the_same_candidate_for_another_party_is_a_difference),
        TEST(what_no_release_can_waive_wants_reference_data),
        TEST(alone_it_is_told_without_marks),
        TEST(bytes_that_cannot_be_read_are_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
