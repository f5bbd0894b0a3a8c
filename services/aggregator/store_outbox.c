// The outbox's side of the store: what the rows of a lane have to tell the world.
#include "services/aggregator/store_internal.h"

#include <jansson.h>

#define POSTGRES_EPOCH_DAYS 10957

// Payloads of one Outgoing: a record may have 1 MiB, and they are in memory twice while they leave.
#define OUTGOING_BYTES_MAX (INT64_C(4) * 1024 * 1024)

StoreStatus store_read_outbox(Store *store, int32_t lane, int64_t *sent) {
    Int4 number;
    PGresult *result =
        QUERY(store, "SELECT outbox_lane_seq FROM declared.lane WHERE lane = $1", store_int4(&number, lane));
    StoreStatus status = store_settle(store, result);
    if (status == STORE_OK && PQntuples(result) == 1) {
        *sent = store_int8_field(result, 0, 0);
    }
    PQclear(result);
    return status;
}

// The newest row of the lane, or the last of rows_max, or the one whose rejections reach the bound.
static StoreStatus read_until(Store *store, int32_t lane, int64_t after, int32_t rows_max, int64_t *until) {
    Int4 number;
    Int8 from, to, bytes_max;
    PGresult *result = QUERY(store,
                             "SELECT least(lane_seq, $3, (SELECT min(at) FROM "
                             "(SELECT at, sum(bytes) OVER (ORDER BY at) AS total FROM "
                             "(SELECT lane_seq AS at, octet_length(payload) AS bytes FROM declared.ledger "
                             "WHERE lane = $1 AND lane_seq > $2 AND lane_seq <= $3 AND fate = 'rejected' "
                             "UNION ALL "
                             "SELECT c.trigger_lane_seq, octet_length(l.payload) "
                             "FROM declared.fate_change c JOIN declared.ledger l USING (lane, lane_seq) "
                             "WHERE c.lane = $1 AND c.trigger_lane_seq > $2 AND c.trigger_lane_seq <= $3 "
                             "AND c.fate = 'rejected') r) t WHERE total >= $4)) "
                             "FROM declared.lane WHERE lane = $1",
                             store_int4(&number, lane), store_int8(&from, after), store_int8(&to, after + rows_max),
                             store_int8(&bytes_max, OUTGOING_BYTES_MAX));
    StoreStatus status = store_settle(store, result);
    *until = after;
    if (status == STORE_OK && PQntuples(result) == 1) {
        *until = store_int8_field(result, 0, 0);
    }
    PQclear(result);
    return status;
}

static StoreStatus read_rejections(Store *store, int32_t lane, int64_t after, int64_t until) {
    Int4 number;
    Int8 from, to;
    PQclear(store->rejections_result);
    vec_clear(&store->rejections);
    PGresult *r = QUERY(store,
                        "SELECT lane_seq AS at, topic, partition, kafka_offset, key, payload, "
                        "array_to_string(reasons, ',') AS reasons, detail FROM declared.ledger "
                        "WHERE lane = $1 AND lane_seq > $2 AND lane_seq <= $3 AND fate = 'rejected' "
                        "UNION ALL "
                        "SELECT c.trigger_lane_seq, l.topic, l.partition, l.kafka_offset, l.key, l.payload, "
                        "array_to_string(c.reasons, ','), coalesce(c.detail, c.note) "
                        "FROM declared.fate_change c JOIN declared.ledger l USING (lane, lane_seq) "
                        "WHERE c.lane = $1 AND c.trigger_lane_seq > $2 AND c.trigger_lane_seq <= $3 "
                        "AND c.fate = 'rejected' ORDER BY at",
                        store_int4(&number, lane), store_int8(&from, after), store_int8(&to, until));
    store->rejections_result = r;
    StoreStatus status = store_settle(store, r);
    for (int row = 0; status == STORE_OK && row < PQntuples(r); row++) {
        *vec_push(&store->rejections) = (Rejection){
            .lane_seq = store_int8_field(r, row, 0),
            .topic = store_field(r, row, 1),
            .partition = store_int4_field(r, row, 2),
            .kafka_offset = store_int8_field(r, row, 3),
            .key = store_field(r, row, 4),
            .payload = store_field(r, row, 5),
            .reasons = store_field(r, row, 6),
            .detail = store_field(r, row, 7),
        };
    }
    return status;
}

// The columns that are read, in the order of snapshot_fields below.
static const char snapshot_query[] =
    "SELECT lane_seq, is_test, election_id, council_id, council_name, short_name, kind, nation, region, poll_date, "
    "seq, recorded_at, status, control, outcome, gained_from, previous_control, previous_control_lost, majority, "
    "majority_at_least, largest_party, seats_total, threshold, seats_declared, seats_to_come, seats_postponed, "
    "ballots_total, ballots_declared, ballots_postponed, ballots_held, votes_complete, headline, headline_short, "
    "called_at, seats::text, cause::text FROM declared.snapshot_told "
    "WHERE lane = $1 AND lane_seq > $2 AND lane_seq <= $3 ORDER BY lane_seq, election_id, is_test, seq";

typedef enum FieldKind { FIELD_STR, FIELD_INT, FIELD_MAYBE_INT, FIELD_BOOL, FIELD_TIME, FIELD_DATE } FieldKind;

#define FIELD(kind, member) {FIELD_##kind, offsetof(CouncilControlSnapshot, member)}
static const struct {
    FieldKind kind;
    size_t offset;
} snapshot_fields[] = {
    FIELD(STR, election_id),      FIELD(STR, council_id),        FIELD(STR, council_name),
    FIELD(STR, short_name),       FIELD(STR, kind),              FIELD(STR, nation),
    FIELD(STR, region),           FIELD(DATE, poll_date),        FIELD(INT, seq),
    FIELD(TIME, recorded_at_us),  FIELD(STR, status),            FIELD(STR, control),
    FIELD(STR, outcome),          FIELD(STR, gained_from),       FIELD(STR, previous_control),
    FIELD(BOOL, previous_control_lost), FIELD(MAYBE_INT, majority), FIELD(MAYBE_INT, majority_at_least),
    FIELD(STR, largest_party),    FIELD(INT, seats_total),       FIELD(INT, threshold),
    FIELD(INT, seats_declared),   FIELD(INT, seats_to_come),     FIELD(INT, seats_postponed),
    FIELD(INT, ballots_total),    FIELD(INT, ballots_declared),  FIELD(INT, ballots_postponed),
    FIELD(INT, ballots_held),     FIELD(BOOL, votes_complete),   FIELD(STR, headline),
    FIELD(STR, headline_short),   FIELD(TIME, called_at_us),
};
enum {
    FIRST_FIELD = 2, // after lane_seq and is_test
    FIELDS_COUNT = sizeof snapshot_fields / sizeof snapshot_fields[0],
    COLUMN_SEATS = FIRST_FIELD + FIELDS_COUNT,
    COLUMN_CAUSE
};

static void read_field(const PGresult *r, int row, int column, FieldKind kind, void *place) {
    switch (kind) {
    case FIELD_STR:
        *(Str *)place = store_field(r, row, column);
        break;
    case FIELD_INT:
        *(int32_t *)place = store_int4_field(r, row, column);
        break;
    case FIELD_MAYBE_INT:
        *(int64_t *)place = PQgetisnull(r, row, column) ? COUNT_UNKNOWN : store_int4_field(r, row, column);
        break;
    case FIELD_BOOL:
        *(bool *)place = store_bool_field(r, row, column);
        break;
    case FIELD_TIME:
        *(int64_t *)place = store_time_field(r, row, column);
        break;
    case FIELD_DATE:
        *(int32_t *)place = store_int4_field(r, row, column) + POSTGRES_EPOCH_DAYS;
        break;
    }
}

static Str json_str(Arena *arena, const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return arena_copy(arena, (Str){json_string_value(value), json_string_length(value)});
}

static int64_t json_count(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : COUNT_UNKNOWN;
}

static int32_t json_int(const json_t *object, const char *name) {
    return (int32_t)json_integer_value(json_object_get(object, name));
}

static void read_seats(Arena *arena, Str text, CouncilControlSnapshot *snapshot) {
    json_t *seats = json_loadb(text.ptr, text.len, 0, NULL);
    snapshot->seats_count = json_array_size(seats);
    snapshot->seats = arena_alloc(arena, snapshot->seats_count, sizeof *snapshot->seats);
    for (size_t i = 0; i < snapshot->seats_count; i++) {
        const json_t *line = json_array_get(seats, i);
        snapshot->seats[i] = (SnapshotSeats){
            .party_id = json_str(arena, line, "party_id"),
            .short_name = json_str(arena, line, "short"),
            .group = json_str(arena, line, "group"),
            .colour = json_str(arena, line, "colour"),
            .text_colour = json_str(arena, line, "text_colour"),
            .held = json_int(line, "held"),
            .won = json_int(line, "won"),
            .continuing = json_int(line, "continuing"),
            .change = json_count(line, "change"),
            .votes = json_count(line, "votes"),
        };
    }
    json_decref(seats);
}

static void read_cause(Arena *arena, Str text, SnapshotCause *cause) {
    json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
    *cause = (SnapshotCause){
        .record = json_str(arena, json, "record"),
        .topic = json_str(arena, json, "topic"),
        .partition = json_int(json, "partition"),
        .kafka_offset = json_integer_value(json_object_get(json, "kafka_offset")),
        .lane = json_int(json, "lane"),
        .lane_seq = json_integer_value(json_object_get(json, "lane_seq")),
        .event_id = json_str(arena, json, "event_id"),
        .ballot_paper_id = json_str(arena, json, "ballot_paper_id"),
        .revision = json_count(json, "revision"),
        .by = json_str(arena, json, "by"),
    };
    json_decref(json);
}

static StoreStatus read_snapshots(Store *store, int32_t lane, int64_t after, int64_t until) {
    Int4 number;
    Int8 from, to;
    PQclear(store->snapshots_result);
    vec_clear(&store->snapshots);
    arena_reset(&store->snapshots_memory);
    PGresult *r =
        QUERY(store, snapshot_query, store_int4(&number, lane), store_int8(&from, after), store_int8(&to, until));
    store->snapshots_result = r;
    StoreStatus status = store_settle(store, r);
    for (int row = 0; status == STORE_OK && row < PQntuples(r); row++) {
        OutgoingSnapshot *out = vec_push(&store->snapshots);
        *out = (OutgoingSnapshot){.lane_seq = store_int8_field(r, row, 0), .is_test = store_bool_field(r, row, 1)};
        for (int i = 0; i < FIELDS_COUNT; i++) {
            read_field(r, row, FIRST_FIELD + i, snapshot_fields[i].kind,
                       (char *)&out->snapshot + snapshot_fields[i].offset);
        }
        read_seats(&store->snapshots_memory, store_field(r, row, COLUMN_SEATS), &out->snapshot);
        read_cause(&store->snapshots_memory, store_field(r, row, COLUMN_CAUSE), &out->snapshot.cause);
    }
    return status;
}

StoreStatus store_read_outgoing(Store *store, int32_t lane, int64_t after, int32_t rows_max, Outgoing *out) {
    int64_t until = after;
    StoreStatus status = read_until(store, lane, after, rows_max, &until);
    if (status == STORE_OK && until > after) {
        status = read_rejections(store, lane, after, until);
    }
    if (status == STORE_OK && until > after) {
        status = read_snapshots(store, lane, after, until);
    }
    *out = (Outgoing){.until = until};
    if (status == STORE_OK && until > after) {
        out->rejections = store->rejections.items;
        out->rejections_count = store->rejections.count;
        out->snapshots = store->snapshots.items;
        out->snapshots_count = store->snapshots.count;
    }
    return status;
}

StoreStatus store_advance_outbox(Store *store, int32_t lane, int64_t lane_seq) {
    Int4 number;
    Int8 to;
    PGresult *result = QUERY(store,
                             "UPDATE declared.lane SET outbox_lane_seq = $2 WHERE lane = $1 AND outbox_lane_seq < $2",
                             store_int4(&number, lane), store_int8(&to, lane_seq));
    StoreStatus status = store_settle(store, result);
    PQclear(result);
    return status;
}
