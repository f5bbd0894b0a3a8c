#include "services/ingest/elections.h"

#include "services/ingest/telemetry.h"

#include <stdlib.h>

enum { LOAD_ELECTIONS = 16 }; // of one query: bounds what it holds in memory

static Str election_of(const Record *record) {
    if (record->type == RECORD_DECLARATION) {
        return record->declaration.election_id;
    }
    return record->type == RECORD_REFERENCE ? record->reference.election_id : STR_NONE;
}

// From the ledger. What the shelf has of them is behind it from then on.
static StoreStatus load_as(TelemetryCounter why, const ElectionSource *source, Lane *lane, const Str *ids, size_t count,
                           bool whole) {
    for (size_t i = 0; i < count; i++) {
        shelf_drop(source->shelf, lane->lane, ids[i]);
        telemetry_add(why);
    }
    Store *store = count == 0 ? NULL : committer_claim(source->committer);
    StoreStatus status =
        store == NULL ? STORE_OK : store_load_elections(store, lane, source->schemas, ids, count, whole);
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        lane_count_bytes(lane, lane_find_election(lane, ids[i])); // of which not all may have been trimmed
    }
    return status;
}

static StoreStatus load(const ElectionSource *source, Lane *lane, const Str *ids, size_t count, bool whole) {
    return load_as(COUNTER_ELECTIONS_READ, source, lane, ids, count, whole);
}

// Elections to be loaded by one query.
typedef struct Wanted {
    Str ids[LOAD_ELECTIONS];
    size_t count;
} Wanted;

static bool is_wanted(const Wanted *wanted, Str id) {
    bool found = false;
    for (size_t i = 0; i < wanted->count && !found; i++) {
        found = str_equal(wanted->ids[i], id);
    }
    return found;
}

static size_t less(size_t room, size_t bytes) {
    return room > bytes ? room - bytes : 0;
}

static StoreStatus load_wanted(const ElectionSource *source, Lane *lane, Wanted *wanted, size_t *room) {
    StoreStatus status = load(source, lane, wanted->ids, wanted->count, false);
    for (size_t i = 0; i < wanted->count && status == STORE_OK; i++) {
        *room = less(*room, lane_find_election(lane, wanted->ids[i])->counted_bytes);
    }
    wanted->count = 0;
    return status;
}

static StoreStatus load_unknown(const ElectionSource *source, Lane *lane, const BatchRecord *records, size_t count,
                                size_t *room, size_t *ready) {
    Wanted wanted = {0};
    StoreStatus status = STORE_OK;
    size_t i = 0;
    for (; i < count && *room > 0 && status == STORE_OK; i++) {
        Str id = election_of(&records[i].decoded.record);
        if (str_is_none(id) || lane_find_election(lane, id) != NULL || is_wanted(&wanted, id)) {
            continue;
        }
        Election *shelved = shelf_take(source->shelf, lane->lane, id);
        if (shelved != NULL) {
            telemetry_add(COUNTER_ELECTIONS_UNSHELVED);
            lane_put_election(lane, shelved);
            *room = less(*room, shelved->counted_bytes);
            continue;
        }
        wanted.ids[wanted.count++] = id;
        if (wanted.count == LOAD_ELECTIONS) {
            status = load_wanted(source, lane, &wanted, room);
        }
    }
    *ready = i;
    return status == STORE_OK ? load_wanted(source, lane, &wanted, room) : status;
}

static StoreStatus load_whole(const ElectionSource *source, Lane *lane, const Election *election) {
    if (election == NULL || !election->trimmed) {
        return STORE_OK;
    }
    Str id = election->election_id;
    lane_forget_election(lane, id);
    return load(source, lane, &id, 1, true);
}

// An action of this batch is for that record of it. Desk events come first.
static bool is_acted_on(const BatchRecord *records, const BatchRecord *record) {
    for (; records->envelope.topic == INPUT_DESK && records != record; records++) {
        const Record *desk = &records->decoded.record;
        if (desk->type == RECORD_ACTION && desk->action.kafka_offset == record->envelope.kafka_offset &&
            str_equal(desk->action.topic, input_topic_name(record->envelope.topic))) {
            return true;
        }
    }
    return false;
}

// Before the first record of the batch is applied: the ledger does not have them yet.
static StoreStatus load_whole_ones(const ElectionSource *source, Lane *lane, const BatchRecord *records, size_t count) {
    StoreStatus status = STORE_OK;
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        const Record *record = &records[i].decoded.record;
        const Election *election = lane_find_wanting(lane, &records[i].envelope, record);
        if (election == NULL && record->type == RECORD_DECLARATION && is_acted_on(records, &records[i])) {
            election = lane_find_election(lane, record->declaration.election_id);
        }
        status = load_whole(source, lane, election);
    }
    return status;
}

StoreStatus elections_load(const ElectionSource *source, Lane *lane, const BatchRecord *records, size_t count,
                           size_t *room, size_t *ready) {
    StoreStatus status = load_unknown(source, lane, records, count, room, ready);
    return status == STORE_OK ? load_whole_ones(source, lane, records, *ready) : status;
}

StoreStatus elections_load_target(const ElectionSource *source, Lane *lane, const OperatorAction *action) {
    if (lane_find_target(lane, action) != NULL) {
        return STORE_OK;
    }
    Arena arena = {0};
    Str id = STR_NONE;
    StoreStatus status = store_find_election(committer_claim(source->committer), lane->lane, action->topic,
                                             action->kafka_offset, &arena, &id);
    if (status == STORE_OK && !str_is_none(id)) {
        const Election *election = lane_find_election(lane, id);
        status = election == NULL ? load(source, lane, &id, 1, true) : load_whole(source, lane, election);
    }
    arena_free(&arena);
    return status;
}

StoreStatus elections_load_ahead(const ElectionSource *source, Lane *lane, Str election_id, bool *read) {
    *read = lane_find_election(lane, election_id) == NULL && !shelf_has(source->shelf, lane->lane, election_id);
    return *read ? load_as(COUNTER_ELECTIONS_AHEAD, source, lane, &election_id, 1, false) : STORE_OK;
}

typedef struct Use {
    int64_t at_us;
    size_t bytes;
} Use;

static int newest_first(const void *left, const void *right) {
    const Use *a = left, *b = right;
    return (a->at_us < b->at_us) - (a->at_us > b->at_us);
}

static void put_unused(Shelf *shelf, Lane *lane, int64_t since_us) {
    lane_trim(lane);
    for (size_t e = 0; e < lane->elections.count; e++) {
        if (lane->elections.items[e]->used_at_us < since_us) {
            shelf_put(shelf, lane->lane, lane->elections.items[e]);
        }
    }
}

void elections_keep_within(Shelf *shelf, Lane *const *lanes, size_t lanes_count, size_t bytes, size_t room) {
    size_t all = 0;
    for (size_t i = 0; i < lanes_count; i++) {
        all += lanes[i]->bytes;
    }
    if (all <= bytes) {
        return;
    }
    VEC(Use) uses = {0};
    for (size_t i = 0; i < lanes_count; i++) {
        for (size_t e = 0; e < lanes[i]->elections.count; e++) {
            const Election *election = lanes[i]->elections.items[e];
            *vec_push(&uses) = (Use){election->used_at_us, election->counted_bytes};
        }
    }
    qsort(uses.items, uses.count, sizeof *uses.items, newest_first);
    size_t kept = 0, taken = 0;
    while (kept < uses.count && taken + uses.items[kept].bytes <= less(bytes, room)) {
        taken += uses.items[kept++].bytes;
    }
    int64_t since_us = kept == 0 ? INT64_MAX : uses.items[kept - 1].at_us;
    for (size_t i = 0; i < lanes_count; i++) {
        put_unused(shelf, lanes[i], since_us);
        lane_forget_unused(lanes[i], since_us);
    }
    vec_free(&uses);
}
