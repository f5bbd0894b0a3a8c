// An election comes back from its bytes with every field as it was: each is set to something of its own first.
#include "services/aggregator/shelved.h"
#include "tests/unit/aggregator/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define T(text) STR_LIT(text)
#define SAME(a, b, field) assert_int_equal((a)->field, (b)->field)
#define SAME_TEXT(a, b, field) assert_same_text((a)->field, (b)->field)

static void assert_same_text(Str a, Str b) {
    assert_int_equal(str_is_none(a), str_is_none(b));
    assert_true(str_is_none(a) || str_equal(a, b));
}

static void assert_same_buf(const Buf *a, const Buf *b) {
    assert_same_text(buf_str(a), buf_str(b));
}

static void assert_same_seats(PartySeatsMap a, PartySeatsMap b) {
    assert_int_equal(a.entries == NULL, b.entries == NULL);
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        assert_same_text(a.entries[i].party_id, b.entries[i].party_id);
        assert_int_equal(a.entries[i].seats, b.entries[i].seats);
    }
}

static Election *comes_back(const Election *election) {
    Buf bytes = {0};
    election_shelve(election, &bytes);
    Election *back = election_unshelve(buf_str(&bytes));
    memset(bytes.ptr, 0xFF, bytes.len); // nothing of it lies there
    buf_free(&bytes);
    assert_same_text(back->election_id, election->election_id);
    assert_in_range(election_bytes(back), sizeof *back, election_bytes(election));
    return back;
}

// ---- reference data ----

static CouncilReference *full_reference(Arena *arena) {
    const SmallCouncil small = {.previous = "CON", .continuing = "LAB 2, CON 1", .vacant = 1, .baseline = "CON 33, XYZ 1",
                                .more_blocs = "RES", .colour = "#E4003B",
                                .ballots = {{1, "LAB 1, COOP 2, OMRLP 1", "CON 1", NULL, false}, TO_COME(2)}};
    CouncilReference *r = small_reference(&small, arena);
    r->kind = T("unitary");
    r->nation = T("England");
    r->region = T("South East");
    r->area_word = T("borough");
    r->executive = T("leader");
    r->created = T("1998-04-01");
    r->by = T("desk");
    r->short_name = T("MEDWAY");
    r->boundary_changes = TRILEAN_TRUE;
    r->expected_at_ms = 1683252000000;
    r->loaded_at_ms = 1683000000000;
    r->parties[0].group = T("left");
    r->parties[0].text_colour = T("#FFFFFF");
    r->previous_control->seats = 33;
    r->previous_control->seats_total = 55;
    r->previous_control->seats_basis = T("2019");
    r->control_history = arena_alloc(arena, 2, sizeof *r->control_history);
    r->control_history[0] = (ControlPeriod){T("1998-04-01"), STR_NONE, T("election")};
    r->control_history[1] = (ControlPeriod){T("2003-05-01"), T("CON"), STR_NONE};
    r->control_history_count = 2;
    r->ballots[0].ward_gss = T("E05014001");
    r->ballots[0].electorate = 8123;
    return r;
}

static void assert_same_reference(const CouncilReference *a, const CouncilReference *b) {
    SAME_TEXT(a, b, council_id);
    SAME_TEXT(a, b, name);
    SAME_TEXT(a, b, short_name);
    SAME_TEXT(a, b, kind);
    SAME_TEXT(a, b, nation);
    SAME_TEXT(a, b, region);
    SAME_TEXT(a, b, area_word);
    SAME_TEXT(a, b, executive);
    SAME_TEXT(a, b, created);
    SAME_TEXT(a, b, election_id);
    SAME_TEXT(a, b, voting_system);
    SAME_TEXT(a, b, by);
    SAME(a, b, seats_total);
    SAME(a, b, boundary_changes);
    SAME(a, b, new_council);
    SAME(a, b, vacant);
    SAME(a, b, expected_at_ms);
    SAME(a, b, loaded_at_ms);
    SAME_TEXT(a, b, previous_control->party_id);
    SAME(a, b, previous_control->seats);
    SAME(a, b, previous_control->seats_total);
    SAME_TEXT(a, b, previous_control->seats_basis);
    SAME(a, b, control_history_count);
    for (size_t i = 0; i < a->control_history_count; i++) {
        SAME_TEXT(a, b, control_history[i].from);
        SAME_TEXT(a, b, control_history[i].party_id);
        SAME_TEXT(a, b, control_history[i].reason);
    }
    SAME_TEXT(a, b, seat_baseline->basis);
    assert_same_seats(a->seat_baseline->seats, b->seat_baseline->seats);
    SAME(a, b, blocs_count);
    for (size_t i = 0; i < a->blocs_count; i++) {
        SAME_TEXT(a, b, blocs[i].party_id);
        SAME(a, b, blocs[i].bloc);
    }
    assert_same_seats(a->continuing, b->continuing);
    SAME(a, b, parties_count);
    for (size_t i = 0; i < a->parties_count; i++) {
        SAME_TEXT(a, b, parties[i].party_id);
        SAME_TEXT(a, b, parties[i].name);
        SAME_TEXT(a, b, parties[i].short_name);
        SAME_TEXT(a, b, parties[i].group);
        SAME_TEXT(a, b, parties[i].colour);
        SAME_TEXT(a, b, parties[i].text_colour);
        SAME(a, b, parties[i].bloc);
        SAME(a, b, parties[i].folds_count);
        for (size_t f = 0; f < a->parties[i].folds_count; f++) {
            SAME_TEXT(a, b, parties[i].folds[f]);
        }
    }
}

static void assert_same_counts(const PartyCount *a, const PartyCount *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(a[i].party, b[i].party);
        assert_int_equal(a[i].count, b[i].count);
    }
}

static void assert_same_council(const Council *a, const Council *b) {
    assert_same_reference(a->reference, b->reference);
    SAME(a, b, parties_count);
    for (size_t i = 0; i < a->parties_count; i++) {
        SAME_TEXT(a, b, parties[i].party_id);
        SAME(a, b, parties[i].bloc);
        SAME(a, b, parties[i].listed);
        SAME(a, b, parties[i].continuing);
        SAME(a, b, parties[i].baseline);
    }
    SAME(a, b, ballots_count);
    for (size_t i = 0; i < a->ballots_count; i++) {
        SAME_TEXT(a, b, ballots[i].ballot_paper_id);
        SAME_TEXT(a, b, ballots[i].ward_name);
        SAME_TEXT(a, b, ballots[i].ward_gss);
        SAME(a, b, ballots[i].seats);
        SAME(a, b, ballots[i].electorate);
        SAME(a, b, ballots[i].nominations_known);
        SAME(a, b, ballots[i].nominations_total);
        SAME(a, b, ballots[i].nominations_count);
        assert_same_counts(a->ballots[i].nominations, b->ballots[i].nominations, a->ballots[i].nominations_count);
        SAME(a, b, ballots[i].defending_known);
        SAME(a, b, ballots[i].defending_count);
        assert_same_counts(a->ballots[i].defending, b->ballots[i].defending, a->ballots[i].defending_count);
    }
}

static void reference_data_come_back(void **state) {
    (void)state;
    Arena arena = {0};
    Election *election = election_new(T(SMALL_ELECTION));
    election->council = council_new(full_reference(&arena));
    assert_int_equal(election->council->ballots[0].nominations_count, 2); // COOP is folded into LAB
    Election *back = comes_back(election);
    assert_same_council(back->council, election->council);
    election_free(back);
    election_free(election);
    arena_free(&arena);
}

static void what_is_not_known_stays_so(void **state) {
    (void)state;
    Arena arena = {0};
    CouncilReference *r = full_reference(&arena);
    r->previous_control = NULL;
    r->new_council = true;
    r->seat_baseline = NULL;
    r->short_name = STR_NONE;
    r->ballots[0].nominations = (PartySeatsMap){NULL, 0};
    r->ballots[1].nominations = (PartySeatsMap){arena_alloc(&arena, 1, sizeof(PartySeats)), 0}; // known: nobody
    Election *election = election_new(T(SMALL_ELECTION));
    election->council = council_new(r);
    Election *back = comes_back(election);
    assert_null(back->council->reference->previous_control);
    assert_null(back->council->reference->seat_baseline);
    assert_true(back->council->reference->new_council);
    assert_true(str_is_none(back->council->reference->short_name));
    assert_true(str_equal(back->council->short_name, T("MEDWAY")));
    assert_false(back->council->ballots[0].nominations_known);
    assert_true(back->council->ballots[1].nominations_known);
    election_free(back);
    election_free(election);
    arena_free(&arena);
}

static void one_without_reference_data_comes_back(void **state) {
    (void)state;
    Election *election = election_new(T(SMALL_ELECTION));
    election->foreign = election->trimmed = true;
    election->used_at_us = 77;
    Election *back = comes_back(election);
    assert_null(back->council);
    assert_true(back->foreign && back->trimmed);
    assert_int_equal(back->used_at_us, 77);
    election_free(back);
    election_free(election);
}

// ---- what stands ----

// Numbers that differ in every field and every entry.
static void fill_entry(Entry *entry, int n) {
    entry->lane_seq = 1000 + n;
    entry->kafka_offset = 2000 + n;
    memset(entry->event_id, 100 + n, sizeof entry->event_id);
    entry->kind = n % 4;
    entry->revision = 3000 + n;
    entry->declared_at_ms = 4000 + n;
    entry->reported_at_ms = 5000 + n;
    entry->fate = (Fate)(n % FATE_COUNT);
    entry->reasons = (RuleSet)(6000 + n);
    entry->holds = (RuleSet)(7000 + n);
    entry->identity = (RuleSet)(8000 + n);
    entry->uncontested = n % 2;
    entry->by_lot = n % 3 == 0;
    entry->released = n % 5 == 0;
    entry->rejected_by_operator = n % 4 == 0;
    entry->release = 9000 + n;
    entry->waived_conflicts = (RuleSet)(10000 + n);
    for (size_t i = 0; i < entry->candidates_count; i++) {
        entry->candidates[i].votes = 11000 + n + (int)i;
        entry->candidates[i].by_lot = (n + (int)i) % 2;
    }
}

static void assert_same_entry(const Election *election_a, const Ballot *ballot_a, const Entry *a,
                              const Election *election_b, const Ballot *ballot_b, const Entry *b) {
    SAME(a, b, lane_seq);
    SAME(a, b, kafka_offset);
    assert_memory_equal(a->event_id, b->event_id, sizeof a->event_id);
    SAME(a, b, kind);
    SAME(a, b, revision);
    SAME(a, b, declared_at_ms);
    SAME(a, b, reported_at_ms);
    SAME(a, b, fate);
    SAME(a, b, reasons);
    SAME(a, b, holds);
    SAME(a, b, identity);
    SAME(a, b, uncontested);
    SAME(a, b, by_lot);
    SAME(a, b, released);
    SAME(a, b, rejected_by_operator);
    SAME(a, b, release);
    SAME(a, b, waived_conflicts);
    assert_same_text(*a->source, *b->source);
    SAME(a, b, candidates_count);
    for (size_t i = 0; i < a->candidates_count; i++) {
        SAME(a, b, candidates[i].votes);
        SAME(a, b, candidates[i].party);
        SAME(a, b, candidates[i].elected);
        SAME(a, b, candidates[i].by_lot);
    }
    SAME(a, b, packed_bytes);
    assert_memory_equal(&a->candidates[a->candidates_count], &b->candidates[b->candidates_count], a->packed_bytes);
    Arena arena = {0};
    const Declaration *d = entry_declaration(election_a, ballot_a, a, &arena);
    const Declaration *e = entry_declaration(election_b, ballot_b, b, &arena);
    SAME_TEXT(d, e, ballot_paper_id);
    SAME_TEXT(d, e, candidates[0].name);
    arena_free(&arena);
}

static size_t place_in(const Ballot *ballot, const Entry *entry) {
    size_t place = 0;
    while (place < ballot->entries.count && ballot->entries.items[place] != entry) {
        place++;
    }
    return place;
}

static void assert_same_ballot(const Election *election_a, const Ballot *a, const Election *election_b,
                               const Ballot *b) {
    SAME_TEXT(a, b, ballot_paper_id);
    assert_int_equal(a->council_ballot == NULL, b->council_ballot == NULL);
    assert_true(a->council_ballot == NULL || a->council_ballot - election_a->council->ballots ==
                                                 b->council_ballot - election_b->council->ballots);
    SAME(a, b, held);
    SAME(a, b, releases);
    SAME(a, b, entries.count);
    for (size_t i = 0; i < a->entries.count; i++) {
        assert_same_entry(election_a, a, a->entries.items[i], election_b, b, b->entries.items[i]);
    }
    assert_int_equal(place_in(a, a->in_force), place_in(b, b->in_force));
    assert_int_equal(place_in(a, a->override), place_in(b, b->override));
    SAME(a, b, prints.count);
    for (size_t i = 0; i < a->prints.count; i++) {
        SAME(a, b, prints.items[i]);
    }
}

static void assert_same_space(const Election *election_a, const Space *a, const Election *election_b, const Space *b) {
    SAME(a, b, is_test);
    SAME(a, b, ballots.count);
    for (size_t i = 0; i < a->ballots.count; i++) {
        const Ballot *ballot = b->ballots.items[i];
        assert_same_ballot(election_a, a->ballots.items[i], election_b, ballot);
        assert_ptr_equal(election_find_ballot(election_b, b, ballot->ballot_paper_id), ballot);
    }
    SAME(a, b, ballots_held);
    SAME(a, b, seq);
    assert_same_buf(&a->content_key, &b->content_key);
    assert_same_buf(&a->content, &b->content);
    assert_same_buf(&a->facts, &b->facts);
    assert_same_buf(&a->facts_key, &b->facts_key);
    SAME(a, b, control.kind);
    SAME(a, b, control.party);
    SAME(a, b, previous_control_lost);
    SAME(a, b, final);
    SAME(a, b, loss_flash_seq);
    SAME(a, b, call_flash_seq);
    SAME(a, b, called_at_us);
    SAME(a, b, call_topic);
    SAME(a, b, call_offset);
    SAME(a, b, approval_wanted);
    SAME(a, b, count.lot_turns);
}

static void fill_space(Space *space, int n) {
    space->ballots_held = n + 1;
    space->seq = n + 2;
    buf_set(&space->content_key, T("content key"));
    buf_set(&space->content, T("content"));
    buf_set(&space->facts, T("facts"));
    buf_set(&space->facts_key, T("facts key"));
    space->control = (Control){CONTROL_PARTY, 1};
    space->previous_control_lost = space->approval_wanted = true;
    space->final = n % 2;
    space->loss_flash_seq = n + 3;
    space->call_flash_seq = n + 4;
    space->called_at_us = n + 5;
    space->call_topic = n % 2 ? INPUT_DESK : INPUT_DECLARATIONS;
    space->call_offset = n + 6;
    space->count.lot_turns = (uint32_t)n + 7;
}

static void all_that_stands_comes_back(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say_as(desk, "pa", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "bbc", 1, 0, "LAB=5*, CON=4");
    desk_say_as(desk, "pa", 2, 0, "LAB=6*, CON=4");
    desk_say(desk, 1, "CON=5*lot, LAB=5");
    Declaration *rehearsal = desk_draft(desk, 2, "LD=9*, CON=4");
    rehearsal->is_test = true;
    desk_declare(desk, rehearsal);
    Declaration *stranger = desk_draft(desk, 2, "LD=9*, CON=4");
    stranger->ballot_paper_id = T("local.medway.nowhere.2023-05-04");
    desk_declare(desk, stranger);
    Election *election = lane_find_election(desk->lane, T(SMALL_ELECTION));
    lane_trim(desk->lane);
    int n = 0;
    for (size_t s = 0; s < 2; s++) {
        Space *space = &election->spaces[s];
        fill_space(space, 10 * (int)s + 1);
        for (size_t b = 0; b < space->ballots.count; b++) {
            Ballot *ballot = space->ballots.items[b];
            for (size_t e = 0; e < ballot->entries.count; e++) {
                fill_entry(ballot->entries.items[e], ++n);
            }
            ballot->held = 20 + n;
            ballot->releases = 30 + n;
            ballot->override = ballot->entries.items[ballot->entries.count - 1];
        }
    }
    assert_int_equal(n, 5); // one of the six was overtaken, and has left its prints
    assert_int_equal(((Ballot *)election->spaces[0].ballots.items[0])->prints.count, 2);
    assert_non_null(((Ballot *)election->spaces[0].ballots.items[0])->in_force);
    Election *back = comes_back(election);
    assert_true(back->trimmed);
    for (size_t s = 0; s < 2; s++) {
        assert_same_space(election, &election->spaces[s], back, &back->spaces[s]);
    }
    assert_in_range(back->entries_bytes, 1, election->entries_bytes);
    const Ballot *first = back->spaces[0].ballots.items[0];
    assert_ptr_equal(election_source(back, T("pa")), first->entries.items[first->entries.count - 1]->source);
    election_free(back);
}

static void sums_are_counted_anew(void **state) {
    Desk *desk = *state;
    desk_load(desk);
    desk_say(desk, 0, "LAB=5*, CON=4");
    desk_say(desk, 1, "CON=5*lot, LAB=5");
    const Election *election = lane_find_election(desk->lane, T(SMALL_ELECTION));
    Election *back = comes_back(election);
    const Count *a = &election->spaces[0].count, *b = &back->spaces[0].count;
    assert_memory_equal(a->parties, b->parties, election->council->parties_count * sizeof *a->parties);
    SAME(a, b, ballots_declared);
    SAME(a, b, ballots_to_come);
    SAME(a, b, seats_declared);
    SAME(a, b, seats_to_come);
    SAME(a, b, open_to_all);
    SAME(a, b, lots);
    SAME(a, b, lot_turns);
    SAME(a, b, defending_known);
    election_free(back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_data_come_back),
        cmocka_unit_test(what_is_not_known_stays_so),
        cmocka_unit_test(one_without_reference_data_comes_back),
        cmocka_unit_test_setup_teardown(all_that_stands_comes_back, desk_set_up, desk_tear_down),
        cmocka_unit_test_setup_teardown(sums_are_counted_anew, desk_set_up, desk_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
