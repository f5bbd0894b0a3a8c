#include "services/ingest/elections.h"

#include <stdlib.h>

enum {
    LOAD_ELECTIONS = 16, // of one query: bounds what it holds in memory
    KEPT_PERCENT = 75,   // of the bound, when it was passed: a look at all of them is not wanted after each batch
};

static Str election_of(const Record *record) {
    if (record->type == RECORD_DECLARATION) {
        return record->declaration.election_id;
    }
    return record->type == RECORD_REFERENCE ? record->reference.election_id : STR_NONE;
}

static StoreStatus load(const ElectionSource *source, Lane *lane, const Str *ids, size_t count, bool whole) {
    Store *store = count == 0 ? NULL : committer_claim(source->committer);
    return store == NULL ? STORE_OK : store_load_elections(store, lane, source->schemas, ids, count, whole);
}

static StoreStatus load_unknown(const ElectionSource *source, Lane *lane, const BatchRecord *records, size_t count) {
    Str wanted[LOAD_ELECTIONS] = {0};
    size_t wanted_count = 0;
    StoreStatus status = STORE_OK;
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        Str id = election_of(&records[i].decoded.record);
        bool listed = str_is_none(id) || lane_find_election(lane, id) != NULL;
        for (size_t w = 0; w < wanted_count && !listed; w++) {
            listed = str_equal(wanted[w], id);
        }
        if (!listed) {
            wanted[wanted_count++] = id;
        }
        if (wanted_count == LOAD_ELECTIONS) {
            status = load(source, lane, wanted, wanted_count, false);
            wanted_count = 0;
        }
    }
    return status == STORE_OK ? load(source, lane, wanted, wanted_count, false) : status;
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

StoreStatus elections_load(const ElectionSource *source, Lane *lane, const BatchRecord *records, size_t count) {
    StoreStatus status = load_unknown(source, lane, records, count);
    return status == STORE_OK ? load_whole_ones(source, lane, records, count) : status;
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

typedef struct Use {
    int64_t at_us;
    size_t bytes;
} Use;

static int newest_first(const void *left, const void *right) {
    const Use *a = left, *b = right;
    return (a->at_us < b->at_us) - (a->at_us > b->at_us);
}

void elections_keep_within(Lane *const *lanes, size_t lanes_count, size_t bytes) {
    size_t all = 0;
    for (size_t i = 0; i < lanes_count; i++) {
        all += lane_bytes(lanes[i]);
    }
    if (all <= bytes) {
        return;
    }
    VEC(Use) uses = {0};
    for (size_t i = 0; i < lanes_count; i++) {
        for (size_t e = 0; e < lanes[i]->elections.count; e++) {
            const Election *election = lanes[i]->elections.items[e];
            *vec_push(&uses) = (Use){election->used_at_us, election_bytes(election)};
        }
    }
    qsort(uses.items, uses.count, sizeof *uses.items, newest_first);
    size_t kept = 0, taken = 0;
    while (kept < uses.count && taken + uses.items[kept].bytes <= bytes / 100 * KEPT_PERCENT) {
        taken += uses.items[kept++].bytes;
    }
    int64_t since_us = kept == 0 ? INT64_MAX : uses.items[kept - 1].at_us;
    for (size_t i = 0; i < lanes_count; i++) {
        lane_forget_unused(lanes[i], since_us);
    }
    vec_free(&uses);
}
