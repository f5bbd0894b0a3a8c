// The outbox's side of the store: what the rows of a lane have to tell the world.
#include "services/aggregator/store_internal.h"

#include <jansson.h>

#define POSTGRES_EPOCH_DAYS 10957

// Reference data whose parties are kept: a national day has 400 elections. Then all are forgotten.
enum { PARTIES_KEPT = 1000 };

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
    PGresult *result = QUERY_OFTEN(store,
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
    PGresult *r = QUERY_OFTEN(store,
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

// The columns that are read, in the order of snapshot_fields below. The ledger row of each is looked up by itself: of a
// join, PostgreSQL makes one loop within another over all of the range where the tables' statistics are young.
static const char snapshot_query[] =
    "SELECT s.lane_seq, is_test, s.election_id, council_id, council_name, short_name, kind, nation, region, poll_date, "
    "seq, recorded_at, status, control, outcome, gained_from, previous_control, previous_control_lost, majority, "
    "majority_at_least, largest_party, seats_total, threshold, seats_declared, seats_to_come, seats_postponed, "
    "ballots_total, ballots_declared, ballots_postponed, ballots_held, votes_complete, headline, headline_short, "
    "called_at, seats, cause, "
    "(SELECT max(e.lane_seq) FROM declared.election e "
    "WHERE e.election_id = s.election_id AND e.lane_seq <= s.lane_seq) AS reference_seq, "
    "l.record, l.topic, l.partition, l.kafka_offset, l.lane, l.event_id::text, l.ballot_paper_id, l.revision "
    "FROM declared.snapshot s CROSS JOIN LATERAL (SELECT record, topic, partition, kafka_offset, lane, event_id, "
    "ballot_paper_id, revision FROM declared.ledger r WHERE r.lane = s.lane AND r.lane_seq = s.lane_seq LIMIT 1) l "
    "WHERE s.lane = $1 AND s.lane_seq > $2 AND s.lane_seq <= $3 ORDER BY s.lane_seq, election_id, is_test, seq";

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
    COLUMN_CAUSE, // null: the ledger row itself, by the columns behind
    COLUMN_REFERENCE,
    COLUMN_RECORD,
    COLUMN_TOPIC,
    COLUMN_PARTITION,
    COLUMN_OFFSET,
    COLUMN_LANE,
    COLUMN_EVENT,
    COLUMN_BALLOT,
    COLUMN_REVISION,
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

// The parties of an election as reference data of that row had them: figures are for each snapshot to fill in.

static void read_parties(Arena *arena, Str text, Parties *parties) {
    json_t *list = json_loadb(text.ptr, text.len, 0, NULL);
    parties->count = json_array_size(list);
    parties->items = arena_alloc(arena, parties->count, sizeof *parties->items);
    for (size_t i = 0; i < parties->count; i++) {
        const json_t *party = json_array_get(list, i);
        parties->items[i] = (SnapshotSeats){
            .party_id = json_str(arena, party, "party_id"),
            .short_name = json_str(arena, party, "short"),
            .group = json_str(arena, party, "group"),
            .colour = json_str(arena, party, "colour"),
            .text_colour = json_str(arena, party, "text_colour"),
        };
    }
    json_decref(list);
}

static void forget_parties(Store *store) {
    map_free(&store->parties_of);
    arena_free(&store->parties_memory);
}

static StoreStatus find_parties(Store *store, Str election_id, int64_t reference_seq, const Parties **found) {
    Str key = arena_printf(&store->snapshots_memory, STR_FMT " %lld", STR_ARG(election_id), (long long)reference_seq);
    *found = map_get(&store->parties_of, key);
    if (*found != NULL) {
        return STORE_OK;
    }
    if (store->parties_of.count >= PARTIES_KEPT) {
        forget_parties(store);
    }
    Int8 place;
    PGresult *result = QUERY(store, "SELECT parties FROM declared.election WHERE election_id = $1 AND lane_seq = $2",
                             store_text(election_id), store_int8(&place, reference_seq));
    StoreStatus status = store_settle(store, result);
    if (status == STORE_OK) {
        Parties *parties = arena_alloc(&store->parties_memory, 1, sizeof *parties);
        read_parties(&store->parties_memory, PQntuples(result) == 1 ? store_field(result, 0, 0) : STR_LIT("[]"), parties);
        map_put(&store->parties_of, arena_copy(&store->parties_memory, key), parties);
        *found = parties;
    }
    PQclear(result);
    return status;
}

static int64_t number_at(const json_t *line, size_t place) {
    const json_t *value = json_array_get(line, place);
    return json_is_integer(value) ? json_integer_value(value) : COUNT_UNKNOWN;
}

// A line is as schemas/sql/0002_api.sql tells: the party's place, held, won, continuing, change, votes.
static void read_seats(Arena *arena, Str text, const Parties *parties, CouncilControlSnapshot *snapshot) {
    json_t *lines = json_loadb(text.ptr, text.len, 0, NULL);
    snapshot->seats = arena_alloc(arena, json_array_size(lines), sizeof *snapshot->seats);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        size_t place = (size_t)number_at(line, 0);
        if (place >= parties->count) {
            continue; // no row of ours
        }
        SnapshotSeats *seats = &snapshot->seats[snapshot->seats_count++];
        *seats = parties->items[place];
        seats->held = (int32_t)number_at(line, 1);
        seats->won = (int32_t)number_at(line, 2);
        seats->continuing = (int32_t)number_at(line, 3);
        seats->change = number_at(line, 4);
        seats->votes = number_at(line, 5);
    }
    json_decref(lines);
}

static void parse_cause(Arena *arena, Str text, SnapshotCause *cause) {
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

static void read_cause(Arena *arena, const PGresult *r, int row, SnapshotCause *cause) {
    if (!PQgetisnull(r, row, COLUMN_CAUSE)) {
        parse_cause(arena, store_field(r, row, COLUMN_CAUSE), cause);
        return;
    }
    *cause = (SnapshotCause){
        .record = store_field(r, row, COLUMN_RECORD),
        .topic = store_field(r, row, COLUMN_TOPIC),
        .partition = store_int4_field(r, row, COLUMN_PARTITION),
        .kafka_offset = store_int8_field(r, row, COLUMN_OFFSET),
        .lane = store_int4_field(r, row, COLUMN_LANE),
        .lane_seq = store_int8_field(r, row, 0),
        .event_id = store_field(r, row, COLUMN_EVENT),
        .ballot_paper_id = store_field(r, row, COLUMN_BALLOT),
        .revision = PQgetisnull(r, row, COLUMN_REVISION) ? COUNT_UNKNOWN : store_int4_field(r, row, COLUMN_REVISION),
        .by = STR_NONE,
    };
}

static StoreStatus read_snapshot(Store *store, const PGresult *r, int row, OutgoingSnapshot *out) {
    *out = (OutgoingSnapshot){.lane_seq = store_int8_field(r, row, 0), .is_test = store_bool_field(r, row, 1)};
    for (int i = 0; i < FIELDS_COUNT; i++) {
        read_field(r, row, FIRST_FIELD + i, snapshot_fields[i].kind,
                   (char *)&out->snapshot + snapshot_fields[i].offset);
    }
    const Parties *parties = NULL;
    StoreStatus status =
        find_parties(store, out->snapshot.election_id,
                     PQgetisnull(r, row, COLUMN_REFERENCE) ? 0 : store_int8_field(r, row, COLUMN_REFERENCE), &parties);
    if (status == STORE_OK) {
        read_seats(&store->snapshots_memory, store_field(r, row, COLUMN_SEATS), parties, &out->snapshot);
        read_cause(&store->snapshots_memory, r, row, &out->snapshot.cause);
    }
    return status;
}

static StoreStatus read_snapshots(Store *store, int32_t lane, int64_t after, int64_t until) {
    Int4 number;
    Int8 from, to;
    PQclear(store->snapshots_result);
    vec_clear(&store->snapshots);
    arena_reset(&store->snapshots_memory);
    PGresult *r =
        QUERY_OFTEN(store, snapshot_query, store_int4(&number, lane), store_int8(&from, after), store_int8(&to, until));
    store->snapshots_result = r;
    StoreStatus status = store_settle(store, r);
    for (int row = 0; status == STORE_OK && row < PQntuples(r); row++) {
        OutgoingSnapshot out;
        status = read_snapshot(store, r, row, &out);
        *vec_push(&store->snapshots) = out;
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
    PGresult *result = QUERY_OFTEN(store,
                             "UPDATE declared.lane SET outbox_lane_seq = $2 WHERE lane = $1 AND outbox_lane_seq < $2",
                             store_int4(&number, lane), store_int8(&to, lane_seq));
    StoreStatus status = store_settle(store, result);
    PQclear(result);
    return status;
}
