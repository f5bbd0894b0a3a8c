#include "services/aggregator/store.h"

#include "common/base/limits.h"
#include "services/aggregator/rules_json.h"
#include "services/aggregator/store_internal.h"

#include <stdio.h>
#include <stdlib.h>

Store *store_new(const char *uri, const char *role, const atomic_bool *stop) {
    Store *store = mem_alloc(1, sizeof *store);
    store->uri = uri;
    store->role = role;
    store->connection.stop = stop;
    store->memory.block_bytes = 4096;
    return store;
}

void store_free(Store *store) {
    if (store == NULL) {
        return;
    }
    connection_close(&store->connection);
    PQclear(store->rejections_result);
    vec_free(&store->rejections);
    PQclear(store->snapshots_result);
    vec_free(&store->snapshots);
    arena_free(&store->snapshots_memory);
    map_free(&store->parties_of);
    arena_free(&store->parties_memory);
    vec_free(&store->old_rules);
    vec_free(&store->stored_schemas);
    buf_free(&store->sql);
    arena_free(&store->memory);
    mem_free(store);
}

Str store_error(const Store *store) {
    return str_from(store->connection.error);
}

bool store_is_connected(const Store *store) {
    return store->connection.pg != NULL;
}

StoreStatus store_connect(Store *store) {
    vec_clear(&store->stored_schemas); // what was prepared may not have come to pass
    store->is_prepared = false;
    return connection_open(&store->connection, store->uri, store->role) ? store_check_fit(store) : STORE_AWAY;
}

void store_disconnect(Store *store) {
    connection_close(&store->connection);
}

StoreStatus store_resolve_rules(Store *store, RuleBook *rules) {
    Buf json = {0};
    rules_to_json(rules, &json);
    uint8_t digest[SHA256_BYTES];
    sha256(json.ptr, json.len, digest);
    Parameter settings = store_text(buf_str(&json));
    Parameter hash = {OID_BYTEA, {(const char *)digest, sizeof digest}};
    PGresult *result = QUERY(store,
                             "WITH added AS (INSERT INTO declared.rules (settings, digest) VALUES ($1, $2) "
                             "ON CONFLICT (digest) DO NOTHING RETURNING version) "
                             "SELECT version FROM added UNION ALL "
                             "SELECT version FROM declared.rules WHERE digest = $2 LIMIT 1",
                             settings, hash);
    buf_free(&json);
    StoreStatus status = store_settle(store, result);
    bool found = status == STORE_OK && PQntuples(result) > 0;
    if (found) {
        rules->version = store_int4_field(result, 0, 0);
    }
    PQclear(result);
    if (status != STORE_OK || found) {
        return status;
    }
    // Another process has stored the same settings at this moment: a new statement sees them.
    return store_resolve_rules(store, rules);
}

// The rule book of that version, from the database the first time.
static StoreStatus find_rules(Store *store, int32_t version, const RuleBook **rules) {
    for (size_t i = 0; i < store->old_rules.count; i++) {
        if (store->old_rules.items[i].version == version) {
            *rules = store->old_rules.items[i].book;
            return STORE_OK;
        }
    }
    Int4 place;
    PGresult *result = QUERY(store, "SELECT settings FROM declared.rules WHERE version = $1",
                             store_int4(&place, version));
    StoreStatus status = store_settle(store, result);
    RuleBook *book = arena_alloc(&store->memory, 1, sizeof *book);
    if (status == STORE_OK &&
        (PQntuples(result) == 0 || !rules_from_json(store_field(result, 0, 0), &store->memory, book))) {
        snprintf(store->connection.error, sizeof store->connection.error,
                 "the ledger names rules version %d, which declared.rules does not hold", version);
        connection_close(&store->connection);
        status = STORE_AWAY;
    }
    if (status == STORE_OK) {
        book->version = version;
        *vec_push(&store->old_rules) = (OldRules){version, book};
        *rules = book;
    }
    PQclear(result);
    return status;
}

// A payload of the ledger, read with the writer schema that the row names.
static StoreStatus decode_row(Store *store, SchemaStore *schemas, Str payload, Str fingerprint, Arena *arena,
                              Decoded *decoded) {
    int32_t wanted = 0;
    if (str_is_none(fingerprint)) {
        (void)decode_payload(schemas, payload, arena, decoded, &wanted);
        return STORE_OK;
    }
    uint64_t number = strtoull(fingerprint.ptr, NULL, 16);
    if (decode_payload_as(schemas, number, payload, arena, decoded) != DECODE_SCHEMA_WANTED) {
        return STORE_OK;
    }
    PGresult *result = QUERY(store, "SELECT schema FROM declared.writer_schema WHERE fingerprint = $1",
                             store_text(fingerprint));
    StoreStatus status = store_settle(store, result);
    if (status == STORE_OK && PQntuples(result) == 1) {
        schema_store_add_named(schemas, number, store_field(result, 0, 0));
        (void)decode_payload_as(schemas, number, payload, arena, decoded);
    }
    PQclear(result);
    return status;
}

static StoreStatus load_pending(Store *store, Lane *lane, SchemaStore *schemas) {
    Int4 number;
    PGresult *result = QUERY(store,
                             "SELECT lane_seq, payload, writer_schema FROM declared.ledger l "
                             "WHERE lane = $1 AND fate = 'held' AND topic = '" TOPIC_DESK "' AND NOT EXISTS "
                             "(SELECT FROM declared.fate_change c WHERE c.lane = l.lane AND c.lane_seq = l.lane_seq) "
                             "ORDER BY lane_seq",
                             store_int4(&number, lane->lane));
    StoreStatus status = store_settle(store, result);
    Arena arena = {0};
    for (int i = 0; status == STORE_OK && i < PQntuples(result); i++) {
        Decoded decoded;
        status = decode_row(store, schemas, store_field(result, i, 1), store_field(result, i, 2), &arena, &decoded);
        if (status == STORE_OK && decoded.record.type == RECORD_ACTION) {
            lane_add_pending(lane, &decoded.record.action, store_int8_field(result, i, 0));
        }
    }
    arena_free(&arena);
    PQclear(result);
    return status;
}

static StoreStatus add_lane(Store *store, int32_t lane) {
    Int4 number;
    PGresult *result =
        QUERY(store, "INSERT INTO declared.lane (lane) VALUES ($1) ON CONFLICT DO NOTHING", store_int4(&number, lane));
    StoreStatus status = store_settle(store, result);
    PQclear(result);
    return status;
}

// The row is added only when it is not there: an INSERT would wait for whoever has it locked.
StoreStatus store_load_lane(Store *store, Lane *lane, SchemaStore *schemas) {
    Int4 number;
    PGresult *result = QUERY(store,
                             "SELECT lane_seq, head_hash, received_at, declarations_next, desk_next "
                             "FROM declared.lane WHERE lane = $1",
                             store_int4(&number, lane->lane));
    StoreStatus status = store_settle(store, result);
    bool found = status == STORE_OK && PQntuples(result) == 1;
    if (found) {
        lane->lane_seq = store_int8_field(result, 0, 0);
        memcpy(lane->head_hash, PQgetvalue(result, 0, 1), sizeof lane->head_hash);
        lane->received_at_us = store_time_field(result, 0, 2);
        lane->next[INPUT_DECLARATIONS] = store_int8_field(result, 0, 3);
        lane->next[INPUT_DESK] = store_int8_field(result, 0, 4);
    }
    PQclear(result);
    if (status == STORE_OK && !found) {
        status = add_lane(store, lane->lane);
        return status == STORE_OK ? store_load_lane(store, lane, schemas) : status;
    }
    return status == STORE_OK ? load_pending(store, lane, schemas) : status;
}

static bool is_desk_row(const PGresult *result, int row) {
    return str_equal_text(store_field(result, row, 1), TOPIC_DESK);
}

// A ledger row, applied as it was then.
typedef struct Reapplication {
    Store *store;
    Lane *lane;
    SchemaStore *schemas;
    Arena *arena;
    Effects *effects; // of no interest
    bool whole;       // nothing is let go
    bool trims;       // what is overtaken is let go at once
    bool gave_up;     // a row wanted what was let go
} Reapplication;

static StoreStatus reapply_row(Reapplication *r, const PGresult *result, int row) {
    const RuleBook *rules;
    Decoded decoded;
    StoreStatus status = find_rules(r->store, store_int4_field(result, row, 5), &rules);
    if (status == STORE_OK) {
        status = decode_row(r->store, r->schemas, store_field(result, row, 3), store_field(result, row, 7), r->arena, &decoded);
    }
    if (status != STORE_OK) {
        return status;
    }
    bool desk = is_desk_row(result, row);
    Envelope envelope = {
        .topic = desk ? INPUT_DESK : INPUT_DECLARATIONS,
        .partition = r->lane->lane,
        .kafka_offset = store_int8_field(result, row, 2),
        .key = store_field(result, row, 8),
        .payload = store_field(result, row, 3),
    };
    if (!r->whole && lane_find_wanting(r->lane, &envelope, &decoded.record) != NULL) {
        r->gave_up = true;
        return STORE_OK;
    }
    LedgerRow ledger_row = {
        .lane = r->lane->lane,
        .lane_seq = store_int8_field(result, row, 0),
        .kafka_offset = envelope.kafka_offset,
        .fate = store_field(result, row, 4),
        .received_at_us = store_time_field(result, row, 6),
    };
    size_t touched = r->lane->touched.count;
    lane_reapply(r->lane, &envelope, &decoded, rules, ledger_row, r->arena, r->effects);
    if (r->trims) {
        lane_trim_since(r->lane, touched);
    }
    effects_clear(r->effects);
    arena_reset(r->arena);
    return STORE_OK;
}

// Desk events may want anything that came before them, so there is no trimming until the last is behind.
static StoreStatus reapply_rows(Reapplication *r, const PGresult *result, bool whole) {
    int count = PQntuples(result), last_desk = count - 1;
    while (last_desk >= 0 && !is_desk_row(result, last_desk)) {
        last_desk--;
    }
    StoreStatus status = STORE_OK;
    r->whole = whole;
    r->gave_up = false;
    for (int i = 0; status == STORE_OK && !r->gave_up && i < count; i++) {
        r->trims = !whole && i > last_desk;
        status = reapply_row(r, result, i);
    }
    return status;
}

// Where the elections' snapshots stand in the database.
static PGresult *read_newest_snapshots(Store *store, Parameter ids) {
    return QUERY(store,
                 "SELECT e.id, t.is_test, s.seq, s.lane FROM unnest($1::text[]) AS e (id) "
                 "CROSS JOIN (VALUES (false), (true)) AS t (is_test) "
                 "CROSS JOIN LATERAL (SELECT seq, lane FROM declared.snapshot x "
                 "WHERE x.election_id = e.id AND x.is_test = t.is_test ORDER BY seq DESC LIMIT 1) s",
                 ids);
}

// Another lane's are not ours to go on with. Known before the rows are applied: reference data that was
// refused then for that reason must be refused again.
static void mark_foreign(Lane *lane, const PGresult *newest) {
    for (int i = 0; i < PQntuples(newest); i++) {
        if (store_int4_field(newest, i, 3) != lane->lane) {
            lane_find_election(lane, store_field(newest, i, 0))->foreign = true;
        }
    }
}

// Numbers go on from those that readers have seen, whatever the rules make of the past today.
static void take_numbers(Lane *lane, const PGresult *newest) {
    for (int i = 0; i < PQntuples(newest); i++) {
        Election *election = lane_find_election(lane, store_field(newest, i, 0));
        if (!election->foreign) {
            election->spaces[store_bool_field(newest, i, 1)].seq = store_int4_field(newest, i, 2);
        }
    }
}

StoreStatus store_load_elections(Store *store, Lane *lane, SchemaStore *schemas, const Str *election_ids, size_t count,
                                 bool whole) {
    Buf place = {0};
    Int4 number;
    Parameter ids = store_texts(&place, election_ids, count);
    for (size_t i = 0; i < count; i++) {
        lane_take_election(lane, election_ids[i]);
    }
    PGresult *newest = read_newest_snapshots(store, ids);
    StoreStatus status = store_settle(store, newest);
    if (status != STORE_OK) {
        PQclear(newest);
        buf_free(&place);
        return status;
    }
    mark_foreign(lane, newest);
    PGresult *result = QUERY(store,
                             "SELECT lane_seq, topic, kafka_offset, payload, fate, rules_version, received_at, "
                             "writer_schema, key FROM declared.ledger WHERE lane = $1 AND election_id = ANY ($2) "
                             "UNION ALL "
                             "SELECT l.lane_seq, l.topic, l.kafka_offset, l.payload, l.fate, l.rules_version, "
                             "l.received_at, l.writer_schema, l.key "
                             "FROM declared.fate_change c JOIN declared.ledger l USING (lane, lane_seq) "
                             "WHERE c.lane = $1 AND c.election_id = ANY ($2) AND l.election_id IS NULL "
                             "ORDER BY lane_seq",
                             store_int4(&number, lane->lane), ids);
    status = store_settle(store, result);
    Arena arena = {0};
    Effects effects = {0};
    Reapplication reapplication = {.store = store, .lane = lane, .schemas = schemas, .arena = &arena, .effects = &effects};
    if (status == STORE_OK) {
        status = reapply_rows(&reapplication, result, whole);
    }
    if (reapplication.gave_up) {
        for (size_t i = 0; i < count; i++) {
            lane_forget_election(lane, election_ids[i]);
        }
        mark_foreign(lane, newest);
        status = reapply_rows(&reapplication, result, true);
    }
    PQclear(result);
    effects_free(&effects);
    arena_free(&arena);
    if (status == STORE_OK) {
        take_numbers(lane, newest);
    }
    PQclear(newest);
    buf_free(&place);
    return status;
}

StoreStatus store_list_elections(Store *store, int32_t lane, int32_t most, Arena *arena, const Str **ids,
                                 size_t *count) {
    Int4 number, limit;
    PGresult *result = QUERY(store,
                             "SELECT election_id FROM declared.election WHERE lane = $1 AND poll_date > "
                             "(SELECT max(poll_date) - 7 FROM declared.election WHERE lane = $1) "
                             "GROUP BY 1 ORDER BY max(poll_date) DESC, max(lane_seq) DESC LIMIT $2",
                             store_int4(&number, lane), store_int4(&limit, most));
    StoreStatus status = store_settle(store, result);
    *count = status == STORE_OK ? (size_t)PQntuples(result) : 0;
    Str *list = arena_alloc(arena, *count, sizeof *list);
    for (size_t i = 0; i < *count; i++) {
        list[i] = arena_copy(arena, store_field(result, (int)i, 0));
    }
    *ids = list;
    PQclear(result);
    return status;
}

StoreStatus store_find_election(Store *store, int32_t lane, Str topic, int64_t kafka_offset, Arena *arena,
                                Str *election_id) {
    Int4 number;
    Int8 offset;
    PGresult *result = QUERY(store,
                             "SELECT election_id FROM declared.ledger "
                             "WHERE lane = $1 AND topic = $2 AND kafka_offset = $3",
                             store_int4(&number, lane), store_text(topic),
                             store_int8(&offset, kafka_offset));
    StoreStatus status = store_settle(store, result);
    *election_id = STR_NONE;
    if (status == STORE_OK && PQntuples(result) == 1) {
        *election_id = arena_copy(arena, store_field(result, 0, 0));
    }
    PQclear(result);
    return status;
}
