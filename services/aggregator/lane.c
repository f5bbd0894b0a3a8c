#include "services/aggregator/step.h"

#include "common/base/limits.h"

Lane *lane_new(int32_t number) {
    Lane *lane = mem_alloc(1, sizeof *lane);
    lane->lane = number;
    lane->memory.block_bytes = 1024;
    lane->next[INPUT_DECLARATIONS] = lane->next[INPUT_DESK] = -1;
    return lane;
}

void lane_free(Lane *lane) {
    if (lane == NULL) {
        return;
    }
    for (size_t i = 0; i < lane->elections.count; i++) {
        election_free(lane->elections.items[i]);
    }
    vec_free(&lane->elections);
    vec_free(&lane->pending);
    vec_free(&lane->touched);
    map_free(&lane->election_of);
    arena_free(&lane->memory);
    buf_free(&lane->scratch);
    mem_free(lane);
}

Election *lane_find_election(const Lane *lane, Str election_id) {
    return map_get(&lane->election_of, election_id);
}

void lane_count_bytes(Lane *lane, Election *election) {
    lane->bytes -= election->counted_bytes;
    election->counted_bytes = election_bytes(election);
    lane->bytes += election->counted_bytes;
}

void lane_put_election(Lane *lane, Election *election) {
    map_put(&lane->election_of, election->election_id, election);
    *vec_push(&lane->elections) = election;
    lane_count_bytes(lane, election);
}

Election *lane_take_election(Lane *lane, Str election_id) {
    Election *election = lane_find_election(lane, election_id);
    if (election == NULL) {
        election = election_new(election_id);
        lane_put_election(lane, election);
    }
    return election;
}

void lane_forget_election(Lane *lane, Str election_id) {
    Election *election = lane_find_election(lane, election_id);
    size_t kept = 0; // of what was touched: the others'
    for (size_t i = 0; i < lane->touched.count; i++) {
        if (lane->touched.items[i].election != election) {
            lane->touched.items[kept++] = lane->touched.items[i];
        }
    }
    lane->touched.count = kept;
    lane->bytes -= election->counted_bytes;
    Election *empty = election_new(election->election_id);
    Election filled = *election;
    *election = *empty; // the lane goes on pointing to it, and to its name
    *empty = filled;
    Str id = election->election_id;
    election->election_id = empty->election_id;
    empty->election_id = id;
    election_free(empty);
    lane_count_bytes(lane, election);
}

void lane_forget_unused(Lane *lane, int64_t since_us) {
    size_t kept = 0;
    lane_trim(lane);
    for (size_t i = 0; i < lane->elections.count; i++) {
        Election *election = lane->elections.items[i];
        if (election->used_at_us < since_us) {
            lane->bytes -= election->counted_bytes;
            election_free(election);
        } else {
            lane->elections.items[kept++] = election;
        }
    }
    if (kept == lane->elections.count) {
        return;
    }
    lane->elections.count = kept;
    map_free(&lane->election_of);
    for (size_t i = 0; i < kept; i++) {
        map_put(&lane->election_of, lane->elections.items[i]->election_id, lane->elections.items[i]);
    }
}

void lane_trim_since(Lane *lane, size_t from) {
    for (size_t i = from; i < lane->touched.count; i++) {
        const Touched *touched = &lane->touched.items[i];
        if (touched->ballot != NULL) {
            ballot_trim(touched->election, touched->ballot);
        }
        if (i + 1 == lane->touched.count || touched[1].election != touched->election) {
            lane_count_bytes(lane, touched->election);
        }
    }
    lane->touched.count = from;
}

void lane_trim(Lane *lane) {
    lane_trim_since(lane, 0);
}

void lane_add_pending(Lane *lane, const OperatorAction *action, int64_t lane_seq) {
    OperatorAction copy = *action;
    copy.topic = arena_copy(&lane->memory, action->topic);
    copy.by = arena_copy(&lane->memory, action->by);
    copy.note = arena_copy(&lane->memory, action->note);
    *vec_push(&lane->pending) = (PendingAction){lane_seq, copy};
}

// A declaration's place, found by its offset.
typedef struct Place {
    Election *election;
    Space *space;
    Ballot *ballot; // NULL: the place of a call
    Entry *entry;
} Place;

static Place find_entry(const Lane *lane, int64_t kafka_offset) {
    for (size_t i = 0; i < lane->elections.count; i++) {
        Election *election = lane->elections.items[i];
        for (size_t s = 0; s < 2; s++) {
            Space *space = &election->spaces[s];
            for (size_t b = 0; b < space->ballots.count; b++) {
                Ballot *ballot = space->ballots.items[b];
                for (size_t e = 0; e < ballot->entries.count; e++) {
                    if (ballot->entries.items[e]->kafka_offset == kafka_offset) {
                        return (Place){election, space, ballot, ballot->entries.items[e]};
                    }
                }
            }
        }
    }
    return (Place){0};
}

// The space whose present call was caused by that record, if it waits for its approval.
static Place find_call(const Lane *lane, InputTopic topic, int64_t kafka_offset) {
    for (size_t i = 0; i < lane->elections.count; i++) {
        Election *election = lane->elections.items[i];
        for (size_t s = 0; s < 2; s++) {
            Space *space = &election->spaces[s];
            if (space->approval_wanted && space->call_topic == topic && space->call_offset == kafka_offset) {
                return (Place){.election = election, .space = space};
            }
        }
    }
    return (Place){0};
}

static bool find_topic(Str name, InputTopic *topic) {
    for (int i = 0; i < INPUT_COUNT; i++) {
        if (str_equal(name, input_topic_name((InputTopic)i))) {
            *topic = (InputTopic)i;
            return true;
        }
    }
    return false;
}

static Place find_place(const Lane *lane, const OperatorAction *action) {
    InputTopic topic;
    if (!find_topic(action->topic, &topic)) {
        return (Place){0};
    }
    if (action->action == ACTION_APPROVE_CALL) {
        return find_call(lane, topic, action->kafka_offset);
    }
    return topic == INPUT_DECLARATIONS ? find_entry(lane, action->kafka_offset) : (Place){0};
}

// The declaration that an action names, an approval the one that made the call.
static const Declaration *find_declaration(const Step *step, const OperatorAction *action) {
    bool declared = str_equal_text(action->topic, TOPIC_DECLARATIONS);
    Place place = declared ? find_entry(step->lane, action->kafka_offset) : (Place){0};
    return place.entry == NULL ? NULL : entry_declaration(place.election, place.ballot, place.entry, step->arena);
}

Election *lane_find_target(const Lane *lane, const OperatorAction *action) {
    return find_place(lane, action).election;
}

// An action that has waited for the declaration does with its ballot what it likes.
static bool is_waited_for(const Lane *lane, const Envelope *envelope) {
    for (size_t i = 0; i < lane->pending.count; i++) {
        const OperatorAction *action = &lane->pending.items[i].action;
        if (action->kafka_offset == envelope->kafka_offset &&
            str_equal(action->topic, input_topic_name(envelope->topic))) {
            return true;
        }
    }
    return false;
}

static bool wants_whole(const Lane *lane, const Election *election, const Envelope *envelope, const Declaration *d) {
    const Ballot *ballot = election_find_ballot(election, &election->spaces[d->is_test], d->ballot_paper_id);
    return (ballot != NULL && ballot_may_repeat(ballot, d)) || is_waited_for(lane, envelope);
}

Election *lane_find_wanting(const Lane *lane, const Envelope *envelope, const Record *record) {
    Election *election = NULL;
    switch (record->type) {
    case RECORD_REFERENCE:
        election = lane_find_election(lane, record->reference.election_id);
        break;
    case RECORD_ACTION:
        election = lane_find_target(lane, &record->action);
        break;
    case RECORD_DECLARATION:
        election = lane_find_election(lane, record->declaration.election_id);
        if (election != NULL && election->trimmed && !wants_whole(lane, election, envelope, &record->declaration)) {
            election = NULL;
        }
        break;
    case RECORD_NONE:
        break;
    }
    return election != NULL && election->trimmed ? election : NULL;
}

void ballot_settle(Step *step, Election *election, Space *space, Ballot *ballot) {
    const Entry *before = ballot->in_force;
    Entry *now = ballot_find_in_force(ballot, step->rules);
    ballot->in_force = now;
    bool changed = false;
    if (now != before && ballot->council_ballot != NULL) {
        BallotResult was = entry_result(before), is = entry_result(now);
        count_turn(&space->count, ballot->council_ballot, &was, &is);
        changed = now == NULL || before == NULL || !entries_same_content(election, ballot, now, before, step->arena);
        emit_ballot(step, election, space, ballot);
    }
    emit_snapshot(step, election, space, changed, false);
}

static void release(Step *step, const Place *place) {
    Entry *entry = place->entry;
    entry->released = true;
    entry->rejected_by_operator = false;
    Judgement judgement = entry_judge(place->election, place->ballot, entry, step->rules, step->arena);
    entry_take_judgement(place->space, place->ballot, entry, &judgement);
}

static void reject(const Place *place) {
    Entry *entry = place->entry;
    entry->released = false;
    entry->rejected_by_operator = true;
    entry_set_fate(place->space, place->ballot, entry, FATE_REJECTED);
    if (place->ballot->override == entry) {
        place->ballot->override = NULL;
    }
}

// Does what the action says to its place, but for the rows that follow. False: nothing to act on.
static bool act(Step *step, const OperatorAction *action, const Place *place) {
    if (place->election == NULL) {
        return false;
    }
    if (action->action == ACTION_APPROVE_CALL) {
        for (Place call = *place; call.election != NULL; call = find_place(step->lane, action)) {
            emit_snapshot(step, call.election, call.space, false, true); // a reference can call in both spaces
        }
        return true;
    }
    Entry *entry = place->entry;
    Fate fate = entry->fate;
    RuleSet reasons = entry->reasons;
    if (action->action == ACTION_RELEASE) {
        if (entry->fate != FATE_HELD && !entry->rejected_by_operator) {
            return false;
        }
        release(step, place);
    } else {
        if (entry->fate != FATE_HELD && !entry_stands(entry)) {
            return false;
        }
        reject(place);
    }
    if (entry->fate != fate || entry->reasons != reasons) {
        emit_fate_change(step, entry->lane_seq, place->election->election_id, entry->fate, entry->reasons, STR_NONE,
                         action->by, action->note);
    }
    return true;
}

// Actions that came before the record at this offset, in the order they came. Approvals wait until
// its snapshots are out.
static void act_pending(Step *step, InputTopic topic, int64_t kafka_offset, bool with_approvals) {
    Lane *lane = step->lane;
    size_t kept = 0;
    for (size_t i = 0; i < lane->pending.count; i++) {
        PendingAction pending = lane->pending.items[i];
        if (pending.action.kafka_offset != kafka_offset ||
            !str_equal(pending.action.topic, input_topic_name(topic)) ||
            (pending.action.action == ACTION_APPROVE_CALL && !with_approvals)) {
            lane->pending.items[kept++] = pending;
            continue;
        }
        Place place = find_place(lane, &pending.action);
        bool acted = act(step, &pending.action, &place);
        emit_fate_change(step, pending.lane_seq, acted ? place.election->election_id : STR_NONE,
                         acted ? FATE_ACCEPTED : FATE_REJECTED, acted ? 0 : RULE_BIT(RULE_NOT_HELD), STR_NONE,
                         pending.action.by, pending.action.note);
    }
    lane->pending.count = kept;
}

bool take_pending_approval(Step *step, const Election *election) {
    Lane *lane = step->lane;
    size_t kept = 0;
    bool approved = false;
    for (size_t i = 0; i < lane->pending.count; i++) {
        PendingAction pending = lane->pending.items[i];
        if (pending.action.action != ACTION_APPROVE_CALL || pending.action.kafka_offset != step->cause.kafka_offset ||
            !str_equal(pending.action.topic, input_topic_name(step->cause.topic))) {
            lane->pending.items[kept++] = pending;
            continue;
        }
        approved = true;
        emit_fate_change(step, pending.lane_seq, election->election_id, FATE_ACCEPTED, 0, STR_NONE, pending.action.by,
                         pending.action.note);
    }
    lane->pending.count = kept;
    return approved;
}

static void touch(Step *step, Election *election, Ballot *ballot) {
    election->used_at_us = step->recorded_at_us;
    *vec_push(&step->lane->touched) = (Touched){election, ballot};
}

static void apply_declaration(Step *step, const Declaration *declaration, RuleSet identity, LedgerRow *row) {
    Election *election = lane_take_election(step->lane, declaration->election_id);
    Space *space = &election->spaces[declaration->is_test];
    Ballot *ballot = election_ballot(election, space, declaration->ballot_paper_id);
    touch(step, election, ballot);
    Entry *draft = entry_draft(election, declaration, step->arena);
    draft->lane_seq = step->lane_seq;
    draft->kafka_offset = row->kafka_offset;
    draft->identity = identity;
    memcpy(draft->event_id, row->event_id.bytes, sizeof draft->event_id);
    Judgement judgement = entry_judge(election, ballot, draft, step->rules, step->arena);
    row->fate = fate_name(judgement.fate);
    row->reasons = judgement.reasons;
    row->detail = judgement.detail;
    if (judgement.fate == FATE_DUPLICATE || judgement.fate == FATE_REJECTED) {
        return;
    }
    Entry *entry = entry_keep(election, ballot, draft, step->arena);
    entry_take_judgement(space, ballot, entry, &judgement);
    step->cause.about = declaration;
    step->cause.about_itself = true;
    act_pending(step, INPUT_DECLARATIONS, row->kafka_offset, false);
    ballot_settle(step, election, space, ballot);
}

static void apply_reference(Step *step, const CouncilReference *reference, LedgerRow *row) {
    Election *election = lane_take_election(step->lane, reference->election_id);
    touch(step, election, NULL);
    Str problem = STR_NONE;
    row->election_id = election->election_id;
    step->cause.by = reference->by;
    if (reference_apply(step, election, reference, &problem)) {
        row->fate = fate_name(FATE_ACCEPTED);
    } else {
        row->fate = fate_name(FATE_REJECTED);
        row->reasons = RULE_BIT(RULE_BAD_REFERENCE);
        row->detail = problem;
    }
}

static void apply_action(Step *step, const OperatorAction *action, bool target_to_come, LedgerRow *row) {
    row->kind = operator_action_name((OperatorActionKind)action->action);
    if (target_to_come) {
        lane_add_pending(step->lane, action, step->lane_seq);
        row->fate = fate_name(FATE_HELD);
        row->reasons = RULE_BIT(RULE_NOT_YET_APPLIED);
        return;
    }
    Place place = find_place(step->lane, action);
    step->cause.by = action->by;
    step->cause.about = find_declaration(step, action);
    if (!act(step, action, &place)) {
        row->fate = fate_name(FATE_REJECTED);
        row->reasons = RULE_BIT(RULE_NOT_HELD);
        row->detail = arena_printf(step->arena, STR_FMT " at offset %lld of " STR_FMT " has nothing to act on",
                                   STR_ARG(row->kind), (long long)action->kafka_offset, STR_ARG(action->topic));
        return;
    }
    touch(step, place.election, NULL);
    row->fate = fate_name(FATE_ACCEPTED);
    row->election_id = place.election->election_id;
    row->is_test = place.space->is_test ? TRILEAN_TRUE : TRILEAN_FALSE;
    if (place.entry != NULL) {
        row->ballot_paper_id = place.ballot->ballot_paper_id;
        ballot_settle(step, place.election, place.space, place.ballot);
    }
}

static Str id_or_none(Str id) {
    return id.len == 0 || id.len > LIMIT_ID_BYTES ? STR_NONE : id;
}

static void describe_declaration(const Declaration *d, LedgerRow *row) {
    row->event_id.known = uuid_parse(d->event_id, row->event_id.bytes);
    row->election_id = id_or_none(d->election_id);
    row->ballot_paper_id = id_or_none(d->ballot_paper_id);
    row->source = id_or_none(d->source);
    row->kind = declaration_kind_name((DeclarationKind)d->kind);
    row->basis = revision_basis_name((RevisionBasis)d->basis);
    row->revision = (MaybeInt){true, d->revision};
    row->is_test = d->is_test ? TRILEAN_TRUE : TRILEAN_FALSE;
}

static void judge_record(Step *step, const Envelope *envelope, const Decoded *decoded, bool target_to_come,
                         LedgerRow *row) {
    const Record *record = &decoded->record;
    if (record->type == RECORD_NONE) {
        row->fate = fate_name(FATE_REJECTED);
        row->reasons = RULE_BIT(decoded->rule);
        row->detail = decoded->detail;
        return;
    }
    if (record->type == RECORD_DECLARATION) {
        describe_declaration(&record->declaration, row);
    }
    Findings findings = {.rules = step->rules, .arena = step->arena};
    rules_check_record(envelope, record, &findings);
    // Only a declaration can be held for what it is released from later.
    bool can_be_held = record->type == RECORD_DECLARATION && findings_worst(&findings) != VERDICT_REJECTED;
    if (findings.broken != 0 && !can_be_held) {
        row->fate = fate_name(FATE_REJECTED);
        row->reasons = findings.broken;
        row->detail = findings.detail;
        return;
    }
    switch (record->type) {
    case RECORD_DECLARATION:
        apply_declaration(step, &record->declaration, findings.broken, row);
        break;
    case RECORD_REFERENCE:
        apply_reference(step, &record->reference, row);
        break;
    case RECORD_ACTION:
        apply_action(step, &record->action, target_to_come, row);
        break;
    case RECORD_NONE:
        break;
    }
}

// Whatever the record's fate, what waited for it has its say now.
static void apply_record(Step *step, const Envelope *envelope, const Decoded *decoded, bool target_to_come,
                         LedgerRow *row) {
    judge_record(step, envelope, decoded, target_to_come, row);
    act_pending(step, envelope->topic, envelope->kafka_offset, true);
}

static Step new_step(Lane *lane, const Envelope *envelope, const Decoded *decoded, const RuleBook *rules,
                     const LedgerRow *row, Arena *arena, Effects *effects) {
    return (Step){
        .lane = lane,
        .rules = rules,
        .arena = arena,
        .effects = effects,
        .lane_seq = row->lane_seq,
        .recorded_at_us = row->received_at_us,
        .cause = {.record = record_type_name(decoded->record.type),
                  .topic = envelope->topic,
                  .partition = envelope->partition,
                  .kafka_offset = envelope->kafka_offset},
    };
}

static bool target_is_to_come(const Lane *lane, const Record *record) {
    InputTopic topic;
    return record->type == RECORD_ACTION && find_topic(record->action.topic, &topic) &&
           record->action.kafka_offset >= lane->next[topic] && record->action.kafka_offset >= 0;
}

// 16 hex digits.
static Str fingerprint_text(uint64_t fingerprint, Arena *arena) {
    enum { DIGITS = 16 };
    if (fingerprint == 0) {
        return STR_NONE;
    }
    char *text = arena_alloc(arena, DIGITS + 1, 1);
    for (int i = 0; i < DIGITS; i++) {
        text[i] = "0123456789abcdef"[fingerprint >> (60 - 4 * i) & 15];
    }
    return (Str){text, DIGITS};
}

void lane_apply(Lane *lane, const Envelope *envelope, const Decoded *decoded, const RuleBook *rules, int64_t now_us,
                Arena *arena, Effects *effects) {
    lane->received_at_us = now_us > lane->received_at_us ? now_us : lane->received_at_us;
    lane->next[envelope->topic] = envelope->kafka_offset + 1;
    LedgerRow row = {
        .lane = lane->lane,
        .lane_seq = ++lane->lane_seq,
        .record = record_type_name(decoded->record.type),
        .topic = input_topic_name(envelope->topic),
        .partition = envelope->partition,
        .kafka_offset = envelope->kafka_offset,
        .kafka_timestamp_us = envelope->kafka_timestamp_ms < 0 ? TIME_NONE : envelope->kafka_timestamp_ms * 1000,
        .key = envelope->key,
        .payload = envelope->payload,
        .rules_version = rules->version,
        .writer_schema = fingerprint_text(decoded->writer_schema, arena),
        .received_at_us = lane->received_at_us,
    };
    Step step = new_step(lane, envelope, decoded, rules, &row, arena, effects);
    apply_record(&step, envelope, decoded, target_is_to_come(lane, &decoded->record), &row);
    memcpy(row.prev_hash, lane->head_hash, sizeof row.prev_hash);
    ledger_row_hash(&row, &lane->scratch);
    memcpy(lane->head_hash, row.entry_hash, sizeof lane->head_hash);
    *vec_push(&effects->ledger) = row;
}

void lane_reapply(Lane *lane, const Envelope *envelope, const Decoded *decoded, const RuleBook *rules, LedgerRow row,
                  Arena *arena, Effects *effects) {
    bool waited = str_equal(row.fate, fate_name(FATE_HELD));
    Step step = new_step(lane, envelope, decoded, rules, &row, arena, effects);
    apply_record(&step, envelope, decoded, waited, &row);
    *vec_push(&effects->ledger) = row;
}
