#include "tests/unit/aggregator/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { PARTITIONS = 6 };

int desk_set_up(void **state) {
    Desk *desk = mem_alloc(1, sizeof *desk);
    desk->rules = rule_book_default(PARTITIONS);
    desk->lane = lane_new(partition_of_key(STR_LIT(SMALL_COUNCIL_ID), PARTITIONS));
    desk->now_us = INT64_C(1683241200000000);
    desk->council = (SmallCouncil){.previous = "CON", .ballots = {TO_COME(1), TO_COME(1), TO_COME(1)}};
    *state = desk;
    return 0;
}

int desk_tear_down(void **state) {
    Desk *desk = *state;
    lane_free(desk->lane);
    effects_free(&desk->effects);
    arena_free(&desk->arena);
    mem_free(desk);
    return 0;
}

void desk_send(Desk *desk, InputTopic topic, Str key, const Decoded *decoded) {
    Envelope envelope = {.topic = topic,
                         .partition = desk->lane->lane,
                         .kafka_offset = desk->next[topic]++,
                         .kafka_timestamp_ms = -1,
                         .key = key};
    desk->now_us += 1000000;
    lane_apply(desk->lane, &envelope, decoded, &desk->rules, desk->now_us, &desk->arena, &desk->effects);
}

void desk_load(Desk *desk) {
    Decoded decoded = {.record.type = RECORD_REFERENCE};
    decoded.record.reference = *small_reference(&desk->council, &desk->arena);
    desk_send(desk, INPUT_DESK, STR_LIT(SMALL_COUNCIL_ID), &decoded);
}

Declaration *desk_draft(Desk *desk, int ballot, const char *people) {
    Declaration *d = small_declaration(&desk->council, ballot, people, &desk->arena);
    d->event_id = arena_printf(&desk->arena, "00000000-0000-4000-8000-%012d", ++desk->messages);
    return d;
}

int64_t desk_declare(Desk *desk, const Declaration *d) {
    Decoded decoded = {.record.type = RECORD_DECLARATION};
    decoded.record.declaration = *d;
    desk_send(desk, INPUT_DECLARATIONS, d->council_id, &decoded);
    return desk->next[INPUT_DECLARATIONS] - 1;
}

int64_t desk_say(Desk *desk, int ballot, const char *people) {
    return desk_declare(desk, desk_draft(desk, ballot, people));
}

int64_t desk_say_as(Desk *desk, const char *source, int32_t revision, int ballot, const char *people) {
    Declaration *d = desk_draft(desk, ballot, people);
    d->source = str_from(source);
    d->revision = revision;
    return desk_declare(desk, d);
}

void desk_act_on(Desk *desk, OperatorActionKind kind, const char *topic, int64_t offset) {
    Decoded decoded = {.record.type = RECORD_ACTION};
    decoded.record.action = (OperatorAction){.action = (int32_t)kind,
                                             .topic = str_from(topic),
                                             .partition = desk->lane->lane,
                                             .kafka_offset = offset,
                                             .by = STR_LIT("editor"),
                                             .note = STR_LIT("telephoned")};
    desk_send(desk, INPUT_DESK, STR_LIT(SMALL_COUNCIL_ID), &decoded);
}

void desk_act(Desk *desk, OperatorActionKind kind, int64_t offset) {
    desk_act_on(desk, kind, TOPIC_DECLARATIONS, offset);
}

static void add_reasons(Buf *text, RuleSet reasons) {
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        if ((reasons & RULE_BIT(rule)) != 0) {
            buf_printf(text, " " STR_FMT, STR_ARG(rule_code((Rule)rule)));
        }
    }
}

void desk_assert_text(Str actual, const char *expected) {
    if (!str_equal_text(actual, expected)) {
        fail_msg("'" STR_FMT "' should be '%s'", STR_ARG(actual), expected == NULL ? "(null)" : expected);
    }
}

// Into the arena, for a failing assertion does not come back.
static Str take_text(Desk *desk, Buf *text) {
    Str taken = arena_copy(&desk->arena, buf_str(text));
    buf_free(text);
    return taken;
}

Str desk_row(Desk *desk) {
    const LedgerRow *row = &desk->effects.ledger.items[desk->effects.ledger.count - 1];
    Buf text = {0};
    buf_add_str(&text, row->fate);
    add_reasons(&text, row->reasons);
    return take_text(desk, &text);
}

void desk_assert_row(Desk *desk, const char *expected) {
    desk_assert_text(desk_row(desk), expected);
}

void desk_assert_changes(Desk *desk, const char *expected) {
    Buf text = {0};
    for (size_t i = 0; i < desk->effects.fate_changes.count; i++) {
        const FateChangeRow *row = &desk->effects.fate_changes.items[i];
        buf_printf(&text, "%s%d " STR_FMT, i == 0 ? "" : ", ", (int)row->lane_seq, STR_ARG(row->fate));
        add_reasons(&text, row->reasons);
        buf_printf(&text, " by %d", (int)row->trigger_lane_seq);
    }
    vec_clear(&desk->effects.fate_changes);
    desk_assert_text(take_text(desk, &text), expected);
}

const SnapshotRow *desk_newest(const Desk *desk) {
    size_t i = desk->effects.snapshots.count;
    while (i > 0 && desk->effects.snapshots.items[i - 1].is_test) {
        i--;
    }
    assert_true(i > 0);
    return &desk->effects.snapshots.items[i - 1];
}

int desk_count_snapshots(const Desk *desk) {
    int count = 0;
    for (size_t i = 0; i < desk->effects.snapshots.count; i++) {
        count += !desk->effects.snapshots.items[i].is_test;
    }
    return count;
}

void desk_assert_flashes(Desk *desk, const char *expected) {
    const SnapshotRow *snapshot = desk_newest(desk);
    Buf text = {0};
    for (size_t i = 0; i < desk->effects.flashes.count; i++) {
        const FlashRow *flash = &desk->effects.flashes.items[i];
        if (flash->seq != snapshot->seq || flash->is_test) {
            continue;
        }
        buf_printf(&text, "%s" STR_FMT, text.len == 0 ? "" : " ", STR_ARG(flash->kind));
        if (!str_is_none(flash->retracts)) {
            Str place = str_slice(flash->retracts, sizeof SMALL_ELECTION, flash->retracts.len); // without the election
            buf_printf(&text, "(" STR_FMT ")", STR_ARG(place));
        }
    }
    desk_assert_text(take_text(desk, &text), expected);
}

Str desk_source_in_force(const Desk *desk, int ballot) {
    for (size_t i = desk->effects.ballots.count; i-- > 0;) {
        const BallotRow *row = &desk->effects.ballots.items[i];
        if (!row->is_test && row->ballot_paper_id.ptr[sizeof "local.medway." - 1] == 'a' + ballot) {
            return row->source;
        }
    }
    return STR_NONE;
}
