// From state to rows: ballots, snapshots, flashes.
#include "services/aggregator/facts.h"
#include "services/aggregator/phrases.h"
#include "services/aggregator/step.h"

#include <stdlib.h>

// JSON is written into the lane's scratch, one text at a time, and kept in the batch's arena.
static Buf *begin_text(const Step *step) {
    buf_clear(&step->lane->scratch);
    return &step->lane->scratch;
}

static Str end_text(const Step *step) {
    return arena_copy(step->arena, buf_str(&step->lane->scratch));
}

static void add_name(Buf *json, const char *name) {
    buf_add_str(json, STR_LIT(",\""));
    buf_add_str(json, str_from(name));
    buf_add_str(json, STR_LIT("\":"));
}

static void add_member(Buf *json, const char *name, Str value) {
    add_name(json, name);
    buf_add_json_string(json, value);
}

static void add_number(Buf *json, const char *name, bool known, int64_t value) {
    add_name(json, name);
    if (known) {
        buf_add_decimal(json, value);
    } else {
        buf_add_str(json, STR_LIT("null"));
    }
}

static void add_bool(Buf *json, const char *name, bool value) {
    add_name(json, name);
    buf_add_str(json, value ? STR_LIT("true") : STR_LIT("false"));
}

// What the database keeps as text: a line an array, in the order that the views know (schemas/sql/0002_api.sql).

enum { COUNT_BYTES_MAX = 1 + DECIMAL_BYTES_MAX, SEATS_BYTES_MAX = sizeof ",[]" + 6 * COUNT_BYTES_MAX };

// Writes a comma and the number; returns the place behind it.
static char *put_count(char *at, bool known, int64_t value) {
    *at++ = ',';
    return known ? put_decimal(at, value) : (char *)memcpy(at, "null", 4) + 4;
}

// The same with a text.
static char *put_text(char *at, Str text) {
    *at = ',';
    return put_json_string(at + 1, text);
}

static Str seats_json(const Step *step, const Standing *standing) {
    Buf *json = begin_text(step);
    buf_add_byte(json, '[');
    for (size_t i = 0; i < standing->seats_count; i++) {
        const SeatLine *line = &standing->seats[i];
        char *start = buf_reserve(json, SEATS_BYTES_MAX);
        char *at = start;
        if (i > 0) {
            *at++ = ',';
        }
        *at++ = '[';
        at = put_decimal(at, line->party);
        at = put_count(at, true, line->held);
        at = put_count(at, true, line->won);
        at = put_count(at, true, line->continuing);
        at = put_count(at, line->change.known, line->change.value);
        at = put_count(at, line->votes != COUNT_UNKNOWN, line->votes);
        *at++ = ']';
        json->len += (size_t)(at - start);
    }
    buf_add_byte(json, ']');
    return end_text(step);
}

// Absent when it is the declaration of the causing row: the ledger has it.
static Str cause_json(const Step *step) {
    const Cause *cause = &step->cause;
    if (cause->about_itself) {
        return STR_NONE;
    }
    Buf *json = begin_text(step);
    buf_add_str(json, STR_LIT("{\"record\":"));
    buf_add_json_string(json, cause->record);
    add_member(json, "topic", input_topic_name(cause->topic));
    add_number(json, "partition", true, cause->partition);
    add_number(json, "kafka_offset", true, cause->kafka_offset);
    add_number(json, "lane", true, step->lane->lane);
    add_number(json, "lane_seq", true, step->lane_seq);
    add_member(json, "event_id", cause->about == NULL ? STR_NONE : cause->about->event_id);
    add_member(json, "ballot_paper_id", cause->about == NULL ? STR_NONE : cause->about->ballot_paper_id);
    add_number(json, "revision", cause->about != NULL, cause->about == NULL ? 0 : cause->about->revision);
    add_member(json, "by", cause->by);
    buf_add_byte(json, '}');
    return end_text(step);
}

static size_t candidate_bytes_max(const Candidate *c, Str folded) {
    return sizeof ",[,,,,]" + json_string_bytes_max(c->candidate_id) + json_string_bytes_max(c->name) +
           json_string_bytes_max(c->party_id) + json_string_bytes_max(folded) + json_string_bytes_max(c->description) +
           (size_t)(3 * COUNT_BYTES_MAX);
}

static Str candidates_json(const Step *step, const Council *council, const Entry *entry, const Declaration *d) {
    Buf *json = begin_text(step);
    buf_add_byte(json, '[');
    for (size_t i = 0; i < d->candidates_count; i++) {
        const Candidate *c = &d->candidates[i];
        PartyIndex party = entry->candidates[i].party;
        Str folded = party == PARTY_NONE ? c->party_id : council->parties[party].party_id;
        char *start = buf_reserve(json, candidate_bytes_max(c, folded));
        char *at = start;
        if (i > 0) {
            *at++ = ',';
        }
        *at++ = '[';
        at = put_json_string(at, c->candidate_id);
        at = put_text(at, c->name);
        at = put_text(at, c->party_id);
        at = put_text(at, str_equal(folded, c->party_id) ? STR_NONE : folded);
        at = put_text(at, c->description);
        at = put_count(at, c->votes != COUNT_UNKNOWN, c->votes);
        at = put_count(put_count(at, true, c->elected), true, c->elected_by_lot);
        *at++ = ']';
        json->len += (size_t)(at - start);
    }
    buf_add_byte(json, ']');
    return end_text(step);
}

static BallotRow ballot_row(const Step *step, const Election *election, const Space *space, const Ballot *ballot,
                            Str status) {
    const CouncilBallot *known = ballot->council_ballot;
    return (BallotRow){
        .election_id = election->election_id,
        .is_test = space->is_test,
        .ballot_paper_id = ballot->ballot_paper_id,
        .lane = step->lane->lane,
        .lane_seq = step->lane_seq,
        .ward_name = known == NULL ? STR_NONE : known->ward_name,
        .status = status,
        .seats = known == NULL ? 0 : known->seats,
        .electorate = known == NULL ? COUNT_UNKNOWN : known->electorate,
        .ballot_papers = COUNT_UNKNOWN,
        .rejected_papers = COUNT_UNKNOWN,
        .declared_at_us = TIME_NONE,
        .kafka_offset = COUNT_UNKNOWN,
        .recorded_at_us = step->recorded_at_us,
    };
}

// A row of this step's for the ballot is written once: the last state counts.
static void put_ballot_row(Step *step, const BallotRow *row) {
    for (size_t i = step->effects->ballots.count; i-- > 0;) {
        BallotRow *earlier = &step->effects->ballots.items[i];
        if (earlier->lane_seq != row->lane_seq || earlier->lane != row->lane) {
            break;
        }
        if (earlier->is_test == row->is_test && str_equal(earlier->ballot_paper_id, row->ballot_paper_id)) {
            *earlier = *row;
            return;
        }
    }
    *vec_push(&step->effects->ballots) = *row;
}

void emit_ballot(Step *step, const Election *election, const Space *space, const Ballot *ballot) {
    const Entry *entry = ballot->in_force;
    BallotRow row = ballot_row(step, election, space, ballot, STR_LIT("awaiting"));
    if (entry != NULL) {
        bool own = entry->lane_seq == step->lane_seq; // the row's own declaration
        const Declaration *d = own ? step->cause.about : entry_declaration(election, ballot, entry, step->arena);
        bool postponed = d->kind == KIND_POSTPONED;
        row.status = postponed ? STR_LIT("postponed") : STR_LIT("declared");
        row.ward_name = str_is_none(row.ward_name) ? d->ward_name : row.ward_name;
        row.source = d->source;
        row.revision = (MaybeInt){true, d->revision};
        row.kind = declaration_kind_name((DeclarationKind)d->kind);
        row.basis = revision_basis_name((RevisionBasis)d->basis);
        row.electorate = d->electorate == COUNT_UNKNOWN ? row.electorate : d->electorate;
        row.ballot_papers = d->ballot_papers;
        row.rejected_papers = d->rejected_papers;
        row.declared_at_us = d->declared_at_ms * 1000;
        row.topic = input_topic_name(INPUT_DECLARATIONS);
        row.partition = (MaybeInt){true, step->lane->lane};
        row.kafka_offset = entry->kafka_offset;
        row.candidates = postponed ? STR_NONE : candidates_json(step, election->council, entry, d);
    }
    put_ballot_row(step, &row);
}

void emit_ballot_removed(Step *step, const Election *election, const Space *space, const Ballot *ballot) {
    BallotRow row = ballot_row(step, election, space, ballot, STR_LIT("removed"));
    put_ballot_row(step, &row);
}

void emit_fate_change(Step *step, int64_t lane_seq, Str election_id, Fate fate, RuleSet reasons, Str detail, Str by,
                      Str note) {
    *vec_push(&step->effects->fate_changes) = (FateChangeRow){
        .lane = step->lane->lane,
        .lane_seq = lane_seq,
        .trigger_lane_seq = step->lane_seq,
        .n = ++step->changes,
        .election_id = election_id,
        .fate = fate_name(fate),
        .reasons = reasons,
        .detail = detail,
        .by = by,
        .note = note,
        .recorded_at_us = step->recorded_at_us,
    };
}

void emit_election(Step *step, const Election *election) {
    const Council *council = election->council;
    Buf *json = begin_text(step);
    buf_add_byte(json, '[');
    for (size_t i = 0; i < council->parties_count; i++) {
        const CouncilParty *party = &council->parties[i];
        buf_add_str(json, i == 0 ? STR_LIT("{\"party_id\":") : STR_LIT(",{\"party_id\":"));
        buf_add_json_string(json, party->party_id);
        add_member(json, "name", party->name);
        add_member(json, "short", party->short_name);
        add_member(json, "group", party->group);
        add_member(json, "colour", party->colour);
        add_member(json, "text_colour", party->text_colour);
        add_bool(json, "bloc", party->bloc);
        buf_add_byte(json, '}');
    }
    buf_add_byte(json, ']');
    *vec_push(&step->effects->elections) = (ElectionRow){
        .election_id = election->election_id,
        .lane = step->lane->lane,
        .lane_seq = step->lane_seq,
        .council_id = council->reference->council_id,
        .poll_date = council->poll_date,
        .counted = council->counted,
        .parties = end_text(step),
        .recorded_at_us = step->recorded_at_us,
    };
}

static SnapshotRow snapshot_row(const Step *step, const Election *election, const Space *space,
                                const Standing *standing) {
    const Council *council = election->council;
    const CouncilReference *r = council->reference;
    Headline headline = phrase_headline(council, standing, space->approval_wanted, step->arena);
    return (SnapshotRow){
        .election_id = election->election_id,
        .is_test = space->is_test,
        .seq = space->seq + 1,
        .lane = step->lane->lane,
        .lane_seq = step->lane_seq,
        .council_id = r->council_id,
        .council_name = r->name,
        .short_name = council->short_name,
        .kind = r->kind,
        .nation = r->nation,
        .region = r->region,
        .poll_date = council->poll_date,
        .recorded_at_us = step->recorded_at_us,
        .status = status_name(standing->status),
        .control = control_text(council, standing->control),
        .outcome = outcome_name(standing->outcome),
        .gained_from = control_text(council, standing->gained_from),
        .previous_control = control_text(council, standing->previous),
        .previous_control_lost = standing->previous_control_lost,
        .majority = standing->majority,
        .majority_at_least = standing->majority_at_least,
        .largest_party = standing->largest_party == PARTY_NONE ? STR_NONE
                                                               : council->parties[standing->largest_party].party_id,
        .seats_total = council->seats_total,
        .threshold = council->threshold,
        .seats_declared = standing->seats_declared,
        .seats_to_come = standing->seats_to_come,
        .seats_postponed = standing->seats_postponed,
        .ballots_total = (int32_t)council->ballots_count,
        .ballots_declared = standing->ballots_declared,
        .ballots_postponed = standing->ballots_postponed,
        .ballots_held = space->ballots_held,
        .votes_complete = standing->votes_complete,
        .headline = headline.full,
        .headline_short = headline.brief,
        .called_at_us = space->called_at_us,
    };
}

typedef struct FlashStep {
    Step *step;
    const Election *election;
    Space *space;
    const Standing *standing;
} FlashStep;

static Str flash_id(const Election *election, int32_t seq, FlashKind kind, Arena *arena) {
    return arena_printf(arena, STR_FMT "/%d/" STR_FMT, STR_ARG(election->election_id), seq,
                        STR_ARG(flash_kind_name(kind)));
}

static void put_flash(const FlashStep *f, FlashKind kind, Str retracts) {
    Arena *arena = f->step->arena;
    *vec_push(&f->step->effects->flashes) = (FlashRow){
        .flash_id = flash_id(f->election, f->space->seq, kind, arena),
        .is_test = f->space->is_test,
        .election_id = f->election->election_id,
        .seq = f->space->seq,
        .kind = flash_kind_name(kind),
        .text = phrase_flash(kind, f->election->council, f->standing, STR_NONE, arena),
        .retracts = retracts,
        .recorded_at_us = f->step->recorded_at_us,
    };
}

// What has changed since the newest snapshot, before it is forgotten.
typedef struct Turn {
    bool call_ended, call_began, loss_began, loss_ended, final_began;
    bool called_flashed; // the call that ended had its CALLED flash, and was not only ready
} Turn;

static Turn find_turn(const Space *space, const Standing *standing) {
    bool same = control_equal(space->control, standing->control);
    return (Turn){
        .call_ended = !same && space->control.kind != CONTROL_UNKNOWN,
        .call_began = !same && standing->control.kind != CONTROL_UNKNOWN,
        .called_flashed = !space->approval_wanted,
        .loss_began = standing->previous_control_lost && !space->previous_control_lost,
        .loss_ended = !standing->previous_control_lost && space->previous_control_lost,
        .final_began = standing->status == STATUS_FINAL && !space->final,
    };
}

static void turn_call(Step *step, const Election *election, Space *space, const Turn *turn) {
    if (turn->call_ended) {
        space->called_at_us = TIME_NONE;
        space->approval_wanted = false;
    }
    if (turn->call_began) {
        space->called_at_us = step->recorded_at_us;
        space->call_topic = step->cause.topic;
        space->call_offset = step->cause.kafka_offset;
        space->approval_wanted = step->rules->require_approval;
        if (space->approval_wanted && step->cause.topic == INPUT_DECLARATIONS) {
            space->approval_wanted = !take_pending_approval(step, election);
        }
    }
}

static void put_flashes(const FlashStep *f, const Turn *turn, bool approved) {
    Space *space = f->space;
    Arena *arena = f->step->arena;
    if (turn->call_ended) {
        FlashKind told = turn->called_flashed ? FLASH_CALLED : FLASH_CALL_READY;
        put_flash(f, FLASH_CALL_RETRACTED, flash_id(f->election, space->call_flash_seq, told, arena));
    }
    if (turn->loss_ended) {
        put_flash(f, FLASH_LOSS_RETRACTED, flash_id(f->election, space->loss_flash_seq, FLASH_CONTROL_LOST, arena));
    }
    if (turn->loss_began) {
        space->loss_flash_seq = space->seq;
        put_flash(f, FLASH_CONTROL_LOST, STR_NONE);
    }
    if (turn->call_began || approved) {
        space->call_flash_seq = space->seq;
        put_flash(f, space->approval_wanted ? FLASH_CALL_READY : FLASH_CALLED, STR_NONE);
    }
    if (turn->final_began) {
        put_flash(f, FLASH_FINAL, STR_NONE);
    }
}

static int by_place(const void *left, const void *right) {
    const LotBallot *a = left, *b = right;
    return (a->ballot > b->ballot) - (a->ballot < b->ballot);
}

static Lots list_lots(const Step *step, const Election *election, const Space *space) {
    size_t most = space->count.lots > 0 ? space->ballots.count : 0;
    Lots lots = {.items = arena_alloc_raw(step->arena, most, sizeof *lots.items)};
    for (size_t i = 0; i < most; i++) {
        const Ballot *ballot = space->ballots.items[i];
        const Entry *entry = ballot->in_force;
        if (entry != NULL && entry->by_lot && entry->kind != KIND_POSTPONED && ballot->council_ballot != NULL) {
            const Declaration *d = entry_declaration(election, ballot, entry, step->arena);
            lots.items[lots.count++] = (LotBallot){ballot->council_ballot, d, entry->candidates};
        }
    }
    if (lots.count > 1) {
        qsort(lots.items, lots.count, sizeof *lots.items, by_place);
    }
    return lots;
}

// Absent when they are those of the newest snapshot.
static Str new_facts(const Step *step, const Election *election, Space *space, const Standing *standing) {
    const Council *council = election->council;
    Buf *key = begin_text(step);
    facts_add_key(council, standing, key);
    buf_add_u32(key, space->count.lot_turns);
    if (str_equal(buf_str(key), buf_str(&space->facts_key))) {
        return STR_NONE;
    }
    buf_set(&space->facts_key, buf_str(key));
    Lots lots = list_lots(step, election, space);
    Buf *facts = begin_text(step);
    facts_tell(council, standing, &lots, facts, step->arena);
    if (space->seq > 0 && str_equal(buf_str(facts), buf_str(&space->facts))) {
        return STR_NONE;
    }
    buf_set(&space->facts, buf_str(facts));
    return end_text(step);
}

// What the seats say, whatever place the reference data give each party.
static Str seats_content(const Step *step, const Council *council, const Standing *standing) {
    Buf *content = begin_text(step);
    for (size_t i = 0; i < standing->seats_count; i++) {
        const SeatLine *line = &standing->seats[i];
        const CouncilParty *party = &council->parties[line->party];
        const Str told[] = {party->party_id, party->short_name, party->group, party->colour, party->text_colour};
        for (size_t t = 0; t < sizeof told / sizeof *told; t++) {
            buf_add_str(content, told[t]);
            buf_add_byte(content, str_is_none(told[t]) ? 'n' : 0);
        }
        const int64_t numbers[] = {line->held, line->won, line->continuing, line->change.known, line->change.value,
                                   line->votes};
        buf_add(content, numbers, sizeof numbers);
    }
    return end_text(step);
}

// What a snapshot says, in full.
static Str content_of(const Step *step, const Election *election, const Space *space, const Standing *standing) {
    SnapshotRow row = snapshot_row(step, election, space, standing);
    row.seats = seats_content(step, election->council, standing);
    row_add_content(&table_snapshot, &row, begin_text(step));
    return end_text(step);
}

// Bytes that are equal exactly when two snapshots of the same reference data say the same.
static void add_content_key(const Space *space, const Standing *s, Buf *key) {
    const int32_t head[] = {
        (int32_t)s->status,         (int32_t)s->control.kind,     (int32_t)s->control.party,
        (int32_t)s->outcome,        (int32_t)s->gained_from.kind, (int32_t)s->gained_from.party,
        s->previous_control_lost,   s->majority.known,            s->majority.value,
        s->majority_at_least.known, s->majority_at_least.value,   (int32_t)s->largest_party,
        s->seats_declared,          s->seats_to_come,             s->seats_postponed,
        s->ballots_declared,        s->ballots_postponed,         s->votes_complete,
        space->ballots_held,        space->approval_wanted,
    };
    buf_add(key, head, sizeof head);
    for (size_t i = 0; i < s->seats_count; i++) {
        const SeatLine *line = &s->seats[i];
        const int64_t seats[] = {line->party,        line->held,         line->won,
                                 line->change.known, line->change.value, line->votes};
        buf_add(key, seats, sizeof seats);
    }
}

void emit_keep_content(const Step *step, const Election *election, Space *space) {
    if (space->seq > 0) {
        Standing standing = control_decide(election->council, &space->count, step->arena);
        buf_set(&space->content, content_of(step, election, space, &standing));
    }
}

// False: what there is to say now is what the newest snapshot says.
static bool take_content(const Step *step, const Election *election, Space *space, const Standing *standing) {
    bool reloaded = space->content.len > 0;
    bool same = reloaded && str_equal(content_of(step, election, space, standing), buf_str(&space->content));
    buf_free(&space->content);
    Buf *key = begin_text(step);
    add_content_key(space, standing, key);
    same |= !reloaded && space->seq > 0 && str_equal(buf_str(key), buf_str(&space->content_key));
    buf_set(&space->content_key, buf_str(key));
    return !same;
}

void emit_snapshot(Step *step, Election *election, Space *space, bool changed, bool approved) {
    const Council *council = election->council;
    if (council == NULL || election->foreign) {
        return;
    }
    Standing standing = control_decide(council, &space->count, step->arena);
    Turn turn = find_turn(space, &standing);
    turn_call(step, election, space, &turn);
    if (approved) {
        space->approval_wanted = false;
    }
    if (!take_content(step, election, space, &standing) && !changed && !approved) {
        return;
    }
    SnapshotRow row = snapshot_row(step, election, space, &standing);
    row.seats = seats_json(step, &standing);
    row.cause = cause_json(step);
    row.facts = new_facts(step, election, space, &standing);
    *vec_push(&step->effects->snapshots) = row;
    space->seq = row.seq;
    space->control = standing.control;
    space->previous_control_lost = standing.previous_control_lost;
    if (council->counted) {
        FlashStep f = {step, election, space, &standing};
        put_flashes(&f, &turn, approved);
    }
    space->final = standing.status == STATUS_FINAL;
}
