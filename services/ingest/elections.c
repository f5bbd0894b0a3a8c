#include "services/ingest/elections.h"

enum { LOAD_ELECTIONS = 16 }; // of one query: bounds what it holds in memory

static Str election_of(const Record *record) {
    if (record->type == RECORD_DECLARATION) {
        return record->declaration.election_id;
    }
    return record->type == RECORD_REFERENCE ? record->reference.election_id : STR_NONE;
}

static StoreStatus load(const ElectionSource *source, Lane *lane, const Str *ids, size_t count) {
    return count == 0 ? STORE_OK
                      : store_load_elections(committer_claim(source->committer), lane, source->schemas, ids, count);
}

static StoreStatus load_unknown(const ElectionSource *source, Lane *lane, const BatchRecord *records, size_t count) {
    Str wanted[LOAD_ELECTIONS];
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
            status = load(source, lane, wanted, wanted_count);
            wanted_count = 0;
        }
    }
    return status == STORE_OK ? load(source, lane, wanted, wanted_count) : status;
}

static StoreStatus load_whole(const ElectionSource *source, Lane *lane, Str election_id) {
    const Election *election = str_is_none(election_id) ? NULL : lane_find_election(lane, election_id);
    if (election == NULL || !election->trimmed) {
        return STORE_OK;
    }
    Str id = election->election_id;
    lane_forget_election(lane, id);
    return load(source, lane, &id, 1);
}

// Reference data and actions can bring any record back into force, so they find their elections
// whole. This comes before the first record of the batch is applied.
static StoreStatus load_whole_ones(const ElectionSource *source, Lane *lane, const BatchRecord *records, size_t count) {
    bool desk = lane->pending.count > 0 || records[0].envelope.topic == INPUT_DESK; // desk events come first
    StoreStatus status = STORE_OK;
    for (size_t i = 0; desk && i < count && status == STORE_OK; i++) {
        const Record *record = &records[i].decoded.record;
        const Election *target = record->type == RECORD_ACTION ? lane_find_target(lane, &record->action) : NULL;
        status = load_whole(source, lane, target != NULL ? target->election_id : election_of(record));
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
    if (status == STORE_OK && !str_is_none(id) && lane_find_election(lane, id) == NULL) {
        status = load(source, lane, &id, 1);
    }
    arena_free(&arena);
    return status;
}
