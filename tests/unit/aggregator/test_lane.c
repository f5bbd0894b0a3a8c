// A lane: its chain of rows, and what the desk's actions do to the records they name.
#include "tests/unit/aggregator/desk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

// ---- rows ------------------------------------------------------------------------------------------------

static void rows_are_numbered_and_chained(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    const LedgerRow *rows = desk->effects.ledger.items;
    const uint8_t zero[SHA256_BYTES] = {0};
    assert_int_equal(rows[0].lane_seq, 1);
    assert_int_equal(rows[1].lane_seq, 2);
    assert_memory_equal(rows[0].prev_hash, zero, sizeof zero);
    assert_memory_equal(rows[1].prev_hash, rows[0].entry_hash, sizeof zero);
    assert_memory_equal(desk->lane->head_hash, rows[1].entry_hash, sizeof zero);
    assert_int_equal(desk->lane->next[INPUT_DECLARATIONS], 1);
    assert_int_equal(desk->lane->next[INPUT_DESK], 1);
}

static void the_moment_does_not_go_back(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    int64_t loaded_us = desk->now_us;
    desk->now_us -= INT64_C(3600000000);
    desk_say(desk, 0, "LAB=5*, CON=4");
    assert_true(desk->effects.ledger.items[1].received_at_us == loaded_us);
    assert_true(desk_newest(desk)->recorded_at_us == loaded_us);
}

static void every_record_gets_its_row(void **state) {
    Desk *desk = *state;
    Decoded undecoded = {.rule = RULE_BAD_AVRO, .detail = STR_LIT("at byte 7")};
    desk_send(desk, INPUT_DECLARATIONS, STR_NONE, &undecoded);
    desk_assert_row(desk, "rejected BAD_AVRO");
    assert_true(str_is_none(desk->effects.ledger.items[0].record));
    desk_assert_text(desk->effects.ledger.items[0].detail, "at byte 7");
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_act(desk, ACTION_REJECT, 1);
    static const char *const records[] = {NULL, "declared.CouncilReference", "declared.WardDeclaration",
                                          "declared.OperatorAction"};
    assert_int_equal(desk->effects.ledger.count, 4);
    for (size_t i = 0; i < 4; i++) {
        desk_assert_text(desk->effects.ledger.items[i].record, records[i]);
    }
}

static void a_row_tells_what_it_is_about(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say(desk, 1, "LAB=5*, CON=4");
    desk_act(desk, ACTION_REJECT, 0);
    const LedgerRow *declaration = &desk->effects.ledger.items[1], *action = &desk->effects.ledger.items[2];
    desk_assert_text(declaration->election_id, SMALL_ELECTION);
    desk_assert_text(declaration->ballot_paper_id, "local.medway.b.2023-05-04");
    desk_assert_text(declaration->source, "pa");
    desk_assert_text(declaration->kind, "DECLARED");
    desk_assert_text(declaration->basis, "DECLARATION");
    assert_true(declaration->event_id.known && declaration->revision.value == 1);
    assert_int_equal(declaration->is_test, TRILEAN_FALSE);
    desk_assert_text(action->election_id, SMALL_ELECTION);
    desk_assert_text(action->ballot_paper_id, "local.medway.b.2023-05-04");
    desk_assert_text(action->kind, "REJECT");
}

static void a_record_out_of_place_is_rejected(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Decoded decoded = {.record.type = RECORD_DECLARATION};
    decoded.record.declaration = *desk_draft(desk, 0, "LAB=5*, CON=4");
    desk_send(desk, INPUT_DESK, STR_LIT(SMALL_COUNCIL_ID), &decoded);
    desk_assert_row(desk, "rejected WRONG_TOPIC");
    desk_send(desk, INPUT_DECLARATIONS, STR_NONE, &decoded);
    desk_assert_row(desk, "rejected KEY_MISMATCH");
    decoded.record.declaration.ballot_paper_id = STR_LIT("local.swale.a.2023-05-04");
    desk_send(desk, INPUT_DECLARATIONS, STR_LIT(SMALL_COUNCIL_ID), &decoded);
    desk_assert_row(desk, "rejected ID_MISMATCH");
    assert_int_equal(desk_count_snapshots(desk), 1);
}

static void only_a_declaration_is_held_for_its_place(void **state) {
    Desk *desk = *state;
    desk->rules.verdicts[RULE_ID_MISMATCH] = desk->rules.verdicts[RULE_KEY_MISMATCH] = VERDICT_HELD;
    desk_load(desk);
    Declaration *d = desk_draft(desk, 0, "LAB=5*, CON=4");
    d->ballot_paper_id = STR_LIT("local.swale.a.2023-05-04");
    desk_declare(desk, d);
    desk_assert_row(desk, "held ID_MISMATCH UNKNOWN_BALLOT");
    Decoded reference = {.record.type = RECORD_REFERENCE};
    reference.record.reference = *small_reference(&desk->council, &desk->arena);
    desk_send(desk, INPUT_DESK, STR_NONE, &reference);
    desk_assert_row(desk, "rejected KEY_MISMATCH");
}

// ---- release and rejection -------------------------------------------------------------------------------

static void a_release_waives_what_holds_a_record(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    int64_t offset = desk_say(desk, 0, "LAB=5, CON=5");
    desk_assert_row(desk, "held TOO_FEW_ELECTED");
    desk_act(desk, ACTION_RELEASE, offset);
    desk_assert_row(desk, "accepted");
    assert_int_equal(desk_newest(desk)->ballots_declared, 1);
    assert_int_equal(desk_newest(desk)->ballots_held, 0);
    desk_assert_text(desk->effects.fate_changes.items[0].by, "editor");
    desk_assert_text(desk->effects.fate_changes.items[0].note, "telephoned");
    desk_assert_changes(desk, "2 accepted by 3");
}

static void a_release_does_not_waive_the_unknown(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    int64_t offset = desk_say(desk, 0, "XYZ=5, CON=5");
    desk_assert_row(desk, "held UNKNOWN_PARTY TOO_FEW_ELECTED");
    desk_act(desk, ACTION_RELEASE, offset);
    desk_assert_row(desk, "accepted");
    desk_assert_changes(desk, "2 held UNKNOWN_PARTY by 3");
    desk_act(desk, ACTION_RELEASE, offset);
    desk_assert_row(desk, "accepted");
    desk_assert_changes(desk, ""); // nothing is different now
}

static void a_released_conflict_is_in_force_over_rank(void **state) {
    Desk *desk = *state;
    desk->rules.sources[0] = STR_LIT("pa");
    desk->rules.sources_count = 1;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB*, CON");
    desk_act(desk, ACTION_RELEASE, desk_say_as(desk, "bbc", 1, 0, "LAB=4, CON=5*"));
    desk_assert_changes(desk, "3 accepted by 4");
    desk_assert_text(desk_newest(desk)->largest_party, "CON");
    desk_say_as(desk, "sky", 1, 0, "LAB=4, CON=5*");
    desk_assert_row(desk, "corroborated"); // which confirms it
    desk_assert_text(desk_source_in_force(desk, 0), "bbc");
    desk_say_as(desk, "pa", 2, 0, "LAB=3, CON=5*");
    desk_assert_row(desk, "corroborated SOURCES_DIFFER_VOTES");
    desk_assert_text(desk_source_in_force(desk, 0), "bbc");
}

static void until_a_later_record_is_accepted(void **state) {
    Desk *desk = *state;
    desk->rules.sources[0] = STR_LIT("pa");
    desk->rules.sources_count = 1;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_act(desk, ACTION_RELEASE, desk_say_as(desk, "bbc", 1, 0, "LAB=4, CON=5*"));
    desk_say_as(desk, "bbc", 2, 0, "LAB=4, CON=6*");
    desk_assert_row(desk, "accepted");
    desk_assert_text(desk_source_in_force(desk, 0), "pa"); // rank again
}

static void or_released(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4, LD=4");
    desk_act(desk, ACTION_RELEASE, desk_say_as(desk, "sky", 1, 0, "LAB=4, CON=5*, LD=4"));
    desk_assert_text(desk_source_in_force(desk, 0), "sky");
    desk_act(desk, ACTION_RELEASE, desk_say_as(desk, "tv", 1, 0, "LAB=4, CON=4, LD=5*"));
    desk_assert_text(desk_source_in_force(desk, 0), "tv");
    desk_assert_text(desk_newest(desk)->largest_party, "LD");
}

static void or_it_is_rejected(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB*, CON");
    int64_t offset = desk_say_as(desk, "sky", 1, 0, "LAB=4, CON=5*");
    desk_act(desk, ACTION_RELEASE, offset);
    desk_assert_text(desk_source_in_force(desk, 0), "sky");
    desk_act(desk, ACTION_REJECT, offset);
    desk_assert_changes(desk, "3 accepted by 4, 3 rejected by 5");
    desk_assert_text(desk_source_in_force(desk, 0), "pa");
}

static void a_release_without_a_conflict_leaves_rank_alone(void **state) {
    Desk *desk = *state;
    desk->rules.sources[0] = STR_LIT("pa");
    desk->rules.sources_count = 1;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    Declaration *d = desk_draft(desk, 0, "LAB=5*, CON=4");
    d->source = STR_LIT("bbc");
    d->seats = 2; // and so too few elected
    desk_act(desk, ACTION_RELEASE, desk_declare(desk, d));
    desk_assert_changes(desk, "3 corroborated by 4");
    desk_assert_text(desk_source_in_force(desk, 0), "pa");
}

static void of_one_revision_the_released_record_counts(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 2, 0, "LAB=5*, CON=4");
    desk_act(desk, ACTION_RELEASE, desk_say_as(desk, "pa", 2, 0, "LAB=4, CON=5*"));
    desk_assert_text(desk_newest(desk)->largest_party, "CON");
}

static void a_rejection_brings_the_next_revision_back(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    int64_t offset = desk_say_as(desk, "pa", 2, 0, "LAB=4, CON=5*");
    desk_act(desk, ACTION_REJECT, offset);
    desk_assert_text(desk_newest(desk)->largest_party, "LAB");
    desk_act(desk, ACTION_RELEASE, offset); // undoes it
    desk_assert_text(desk_newest(desk)->largest_party, "CON");
    desk_assert_changes(desk, "3 rejected by 4, 3 accepted by 5");
}

static void an_action_wants_something_to_act_on(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    int64_t offset = desk_say(desk, 0, "LAB=5*, CON=4");
    desk_act(desk, ACTION_RELEASE, offset); // accepted already
    desk_assert_row(desk, "rejected NOT_HELD");
    desk_act(desk, ACTION_APPROVE_CALL, offset); // no approval is asked for
    desk_assert_row(desk, "rejected NOT_HELD");
    desk_act_on(desk, ACTION_REJECT, TOPIC_DESK, 0); // reference data
    desk_assert_row(desk, "rejected NOT_HELD");
    desk_act_on(desk, ACTION_REJECT, "elsewhere", 100);
    desk_assert_row(desk, "rejected NOT_HELD");
    desk_act(desk, ACTION_REJECT, offset);
    desk_assert_row(desk, "accepted");
    desk_act(desk, ACTION_REJECT, offset);
    desk_assert_row(desk, "rejected NOT_HELD");
    desk_declare(desk, desk_draft(desk, 0, "LAB=5*, CON=4")); // a duplicate
    desk_act(desk, ACTION_RELEASE, offset + 1);
    desk_assert_row(desk, "rejected NOT_HELD");
}

// ---- actions before their records ------------------------------------------------------------------------

static void an_action_may_come_before_its_record(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_act(desk, ACTION_RELEASE, 0);
    desk_assert_row(desk, "held NOT_YET_APPLIED");
    desk_say(desk, 0, "LAB=5, CON=5");
    desk_assert_row(desk, "held TOO_FEW_ELECTED");
    desk_assert_changes(desk, "3 accepted by 3, 2 accepted by 3");
    assert_int_equal(desk_newest(desk)->ballots_declared, 1);
    assert_int_equal(desk_count_snapshots(desk), 2); // one for both
}

static void several_act_in_the_order_they_came(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_act(desk, ACTION_REJECT, 0);
    desk_act(desk, ACTION_RELEASE, 0);
    desk_act(desk, ACTION_RELEASE, 0);
    desk_say(desk, 0, "LAB=5, CON=5");
    desk_assert_changes(desk, "5 rejected TOO_FEW_ELECTED by 5, 2 accepted by 5, 5 accepted by 5, 3 accepted by 5, "
                              "4 rejected NOT_HELD by 5");
}

static void what_waited_for_nothing_is_rejected(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_act(desk, ACTION_RELEASE, 0);
    desk_say(desk, 0, "LAB=5*, CON=4"); // accepted: nothing to release
    desk_assert_changes(desk, "2 rejected NOT_HELD by 3");
    desk_act(desk, ACTION_REJECT, 1);
    Declaration *d = desk_draft(desk, 1, "LAB=5*, CON=4");
    d->revision = 0;
    desk_declare(desk, d);
    desk_assert_changes(desk, "4 rejected NOT_HELD by 5");
    desk_act(desk, ACTION_REJECT, 2);
    Decoded undecoded = {.rule = RULE_BAD_AVRO};
    desk_send(desk, INPUT_DECLARATIONS, STR_NONE, &undecoded);
    desk_assert_changes(desk, "6 rejected NOT_HELD by 7");
    desk_act_on(desk, ACTION_REJECT, TOPIC_DESK, 5);
    desk_assert_row(desk, "held NOT_YET_APPLIED");
    desk_load(desk);
    desk_assert_changes(desk, "8 rejected NOT_HELD by 9");
    assert_int_equal(desk->lane->pending.count, 0);
}

// ---- reapplied -------------------------------------------------------------------------------------------

static void rows_reapplied_bring_the_same_state(void **state) {
    Desk *desk = *state;
    CouncilReference *reference = small_reference(&desk->council, &desk->arena);
    Declaration *d = desk_draft(desk, 0, "LAB=5*, CON=4");
    const Decoded records[] = {{.record = {.type = RECORD_REFERENCE, .reference = *reference}},
                               {.record = {.type = RECORD_DECLARATION, .declaration = *d}}};
    Lane *again = lane_new(desk->lane->lane);
    Effects effects = {0};
    for (int i = 0; i < 2; i++) {
        Envelope envelope = {.topic = i == 0 ? INPUT_DESK : INPUT_DECLARATIONS,
                             .partition = desk->lane->lane,
                             .kafka_timestamp_ms = -1,
                             .key = STR_LIT(SMALL_COUNCIL_ID)};
        desk_send(desk, envelope.topic, envelope.key, &records[i]);
        lane_reapply(again, &envelope, &records[i], &desk->rules, desk->effects.ledger.items[i], &desk->arena,
                     &effects);
    }
    _cleanup_buf_ Buf first = {0}, second = {0};
    row_add_tuple(&table_snapshot, desk_newest(desk), &first);
    row_add_tuple(&table_snapshot, &effects.snapshots.items[effects.snapshots.count - 1], &second);
    bool same = str_equal(buf_str(&first), buf_str(&second)) && again->lane_seq == 0;
    effects_free(&effects);
    lane_free(again);
    assert_true(same);
}

static bool wants_whole_at(const Desk *desk, int64_t offset, const Declaration *d) {
    Envelope envelope = {.topic = INPUT_DECLARATIONS, .kafka_offset = offset};
    Record record = {.type = RECORD_DECLARATION, .declaration = *d};
    return lane_find_wanting(desk->lane, &envelope, &record) != NULL;
}

static bool wants_whole(const Desk *desk, const Declaration *d) {
    return wants_whole_at(desk, desk->lane->next[INPUT_DECLARATIONS], d);
}

static void what_was_trimmed_is_wanted_by_what_may_repeat_it(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    Declaration *first = desk_draft(desk, 0, "LAB=5*, CON=4");
    desk_declare(desk, first);
    desk_say_as(desk, "pa", 2, 0, "LAB=6*, CON=4");
    assert_false(wants_whole(desk, first));
    lane_trim(desk->lane);
    assert_true(lane_find_election(desk->lane, STR_LIT(SMALL_ELECTION))->trimmed);
    assert_true(wants_whole(desk, first));
    Declaration same_message = *first, same_revision = *first;
    same_message.revision = 9;
    same_revision.event_id = desk_draft(desk, 0, "LAB=5*, CON=4")->event_id;
    assert_true(wants_whole(desk, &same_message));
    assert_true(wants_whole(desk, &same_revision));
    Declaration elsewhere = *desk_draft(desk, 1, "LAB=5*, CON=4"), rehearsed = *first;
    rehearsed.is_test = true;
    assert_false(wants_whole(desk, &elsewhere));
    assert_false(wants_whole(desk, &rehearsed));
    int taken_for_repeats = 0; // prints are short
    for (int revision = 3; revision < 103; revision++) {
        Declaration *next = desk_draft(desk, 0, "LAB=6, CON=7*");
        next->revision = revision;
        taken_for_repeats += wants_whole(desk, next);
    }
    assert_true(taken_for_repeats < 5);
    desk_say_as(desk, "pa", 3, 0, "LAB=6, CON=7*");
    desk_assert_row(desk, "accepted");
    lane_forget_election(desk->lane, STR_LIT(SMALL_ELECTION));
    assert_false(lane_find_election(desk->lane, STR_LIT(SMALL_ELECTION))->trimmed);
    assert_null(lane_find_election(desk->lane, STR_LIT(SMALL_ELECTION))->council);
}

// Else a rebuild that finds the night's decisions in its topic would read every election again for each batch.
static void only_the_record_that_an_action_waits_for_wants_all(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 2, 0, "LAB=6*, CON=4");
    lane_trim(desk->lane);
    int64_t next = desk->lane->next[INPUT_DECLARATIONS];
    desk_act(desk, ACTION_REJECT, next + 1);
    desk_assert_row(desk, "held NOT_YET_APPLIED");
    const Declaration *d = desk_draft(desk, 1, "LAB=5*, CON=4");
    assert_false(wants_whole_at(desk, next, d));
    assert_true(wants_whole_at(desk, next + 1, d));
    desk_act_on(desk, ACTION_REJECT, TOPIC_DESK, next + 7); // of the other topic, if it ever comes
    assert_false(wants_whole_at(desk, next + 7, d));
}

// A batch loads one election whole after the other before it applies anything: the second must not trim the first.
static void forgetting_one_election_leaves_the_others_whole(void **state) {
    Desk *desk = *state;
    Str other = STR_LIT("local.swale.2023-05-04");
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 2, 0, "LAB=6*, CON=4");
    lane_take_election(desk->lane, other);
    lane_forget_election(desk->lane, other);
    assert_false(lane_find_election(desk->lane, STR_LIT(SMALL_ELECTION))->trimmed);
    lane_trim(desk->lane);
    assert_true(lane_find_election(desk->lane, STR_LIT(SMALL_ELECTION))->trimmed);
}

static void what_was_touched_may_be_forgotten(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    lane_forget_election(desk->lane, STR_LIT(SMALL_ELECTION));
    lane_trim(desk->lane);
    assert_false(lane_find_election(desk->lane, STR_LIT(SMALL_ELECTION))->trimmed);
}

static void elections_out_of_use_are_forgotten_and_the_others_found(void **state) {
    Desk *desk = *state;
    Str other = STR_LIT("local.swale.2023-05-04");
    lane_take_election(desk->lane, other);
    size_t empty = desk->lane->bytes;
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    Election *used = lane_find_election(desk->lane, STR_LIT(SMALL_ELECTION));
    assert_in_range(desk->lane->bytes, empty + 1, empty + election_bytes(used) - 1); // as it was when it was made
    lane_count_bytes(desk->lane, used);
    assert_int_equal(desk->lane->bytes, empty + election_bytes(used));
    desk_say(desk, 1, "LAB=4*, CON=5*");
    lane_forget_unused(desk->lane, used->used_at_us);
    assert_null(lane_find_election(desk->lane, other));
    assert_ptr_equal(lane_find_election(desk->lane, STR_LIT(SMALL_ELECTION)), used);
    lane_forget_unused(desk->lane, used->used_at_us + 1);
    assert_null(lane_find_election(desk->lane, STR_LIT(SMALL_ELECTION)));
    assert_int_equal(desk->lane->bytes, 0);
    lane_trim(desk->lane); // a ballot was touched
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_numbered_and_chained),
        TEST(the_moment_does_not_go_back),
        TEST(every_record_gets_its_row),
        TEST(a_row_tells_what_it_is_about),
        TEST(a_record_out_of_place_is_rejected),
        TEST(only_a_declaration_is_held_for_its_place),
        TEST(a_release_waives_what_holds_a_record),
        TEST(a_release_does_not_waive_the_unknown),
        TEST(a_released_conflict_is_in_force_over_rank),
        TEST(until_a_later_record_is_accepted),
        TEST(or_released),
        TEST(or_it_is_rejected),
        TEST(a_release_without_a_conflict_leaves_rank_alone),
        TEST(of_one_revision_the_released_record_counts),
        TEST(a_rejection_brings_the_next_revision_back),
        TEST(an_action_wants_something_to_act_on),
        TEST(an_action_may_come_before_its_record),
        TEST(several_act_in_the_order_they_came),
        TEST(what_waited_for_nothing_is_rejected),
        TEST(rows_reapplied_bring_the_same_state),
        TEST(what_was_trimmed_is_wanted_by_what_may_repeat_it),
        TEST(only_the_record_that_an_action_waits_for_wants_all),
        TEST(forgetting_one_election_leaves_the_others_whole),
        TEST(what_was_touched_may_be_forgotten),
        TEST(elections_out_of_use_are_forgotten_and_the_others_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
