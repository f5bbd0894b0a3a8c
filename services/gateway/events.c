#include "services/gateway/events.h"

#include "services/gateway/routes.h"

#include <stdio.h>
#include <stdlib.h>

const char *const event_kind_names[EVENT_KINDS] = {"snapshot", "flash", "fact"};

static const char lanes_sql[] = "SELECT lane, lane_seq FROM api.lane ORDER BY lane";

static const char events_sql[] =
    "SELECT e.lane, e.lane_seq, e.n, e.kind, (extract(epoch FROM e.recorded_at) * 1000000)::bigint, e.election_id,"
    " e.council_id, e.region, e.control, e.previous_control, e.data"
    " FROM unnest($1::integer[], $2::bigint[], $3::integer[]) AS c (lane, lane_seq, n)"
    " CROSS JOIN LATERAL (SELECT * FROM api.event x WHERE x.lane = c.lane AND x.lane_seq >= c.lane_seq"
    " AND (x.lane_seq > c.lane_seq OR x.n > c.n) ORDER BY x.lane_seq, x.n LIMIT $4::integer) e"
    " ORDER BY e.recorded_at, e.lane, e.lane_seq, e.n";

static int64_t number_at(const PGresult *result, int row, int column) {
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static Str text_at(const PGresult *result, int row, int column) {
    return PQgetisnull(result, row, column)
               ? STR_NONE
               : (Str){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

static EventKind kind_at(const PGresult *result, int row, int column) {
    EventKind kind = EVENT_SNAPSHOT;
    while (kind + 1 < EVENT_KINDS && strcmp(PQgetvalue(result, row, column), event_kind_names[kind]) != 0) {
        kind++;
    }
    return kind;
}

static QueryStatus query(Session *session, const char *sql, const char *schema, const char *const *values,
                         PGresult **result) {
    Arena arena = {.block_bytes = 2048};
    QueryStatus status =
        session_query(session, routes_sql(str_from(sql), schema, &arena).ptr, values, values == NULL ? 0 : 4, result);
    arena_free(&arena);
    return status;
}

QueryStatus events_read_lanes(Session *session, const char *schema, Cursor *lanes) {
    PGresult *result;
    QueryStatus status = query(session, lanes_sql, schema, NULL, &result);
    lanes->count = 0;
    for (int row = 0; status == QUERY_OK && row < PQntuples(result); row++) {
        if (!cursor_advance(lanes, (int32_t)number_at(result, row, 0), number_at(result, row, 1) + 1, 0)) {
            status = QUERY_BROKEN;
        }
    }
    PQclear(result);
    return status;
}

// The cursor as three arrays, a lane that only `behind` names at its beginning.
static void write_arrays(const EventReading *reading, Buf arrays[3]) {
    Cursor from = *reading->cursor;
    for (size_t i = 0; i < reading->behind->count; i++) {
        cursor_advance(&from, reading->behind->places[i].lane, 0, 0);
    }
    for (size_t i = 0; i < from.count; i++) {
        const int64_t values[3] = {from.places[i].lane, from.places[i].lane_seq, from.places[i].n};
        for (size_t j = 0; j < 3; j++) {
            buf_add_byte(&arrays[j], i == 0 ? '{' : ',');
            buf_add_decimal(&arrays[j], values[j]);
        }
    }
    for (size_t j = 0; j < 3; j++) {
        buf_add(&arrays[j], from.count == 0 ? "{}" : "}", from.count == 0 ? 3 : 2); // with the NUL
    }
}

static Event event_at(const PGresult *result, int row) {
    return (Event){
        .lane = (int32_t)number_at(result, row, 0),
        .lane_seq = number_at(result, row, 1),
        .n = (int32_t)number_at(result, row, 2),
        .kind = kind_at(result, row, 3),
        .recorded_at_us = number_at(result, row, 4),
        .election_id = text_at(result, row, 5),
        .council_id = text_at(result, row, 6),
        .region = text_at(result, row, 7),
        .control = text_at(result, row, 8),
        .previous_control = text_at(result, row, 9),
        .data = text_at(result, row, 10),
    };
}

// A lane of which as many came as may come.
static bool has_full_lane(const PGresult *result, int most) {
    Cursor counts = {0};
    bool full = false;
    for (int row = 0; row < PQntuples(result) && !full; row++) {
        int32_t lane = (int32_t)number_at(result, row, 0);
        int64_t count = 1;
        for (size_t i = 0; i < counts.count; i++) {
            count = counts.places[i].lane == lane ? counts.places[i].lane_seq + 1 : count;
        }
        cursor_advance(&counts, lane, count, 0);
        full = count == most;
    }
    return full;
}

QueryStatus events_read(Session *session, const EventReading *reading, bool *more) {
    Buf arrays[3] = {0};
    write_arrays(reading, arrays);
    char most[16];
    snprintf(most, sizeof most, "%d", reading->most);
    const char *values[4] = {arrays[0].ptr, arrays[1].ptr, arrays[2].ptr, most};
    PGresult *result;
    QueryStatus status = query(session, events_sql, reading->schema, values, &result);
    if (status == QUERY_OK) {
        for (int row = 0; row < PQntuples(result); row++) {
            Event event = event_at(result, row);
            cursor_advance(reading->cursor, event.lane, event.lane_seq, event.n);
            reading->sink(reading->context, &event);
        }
        *more = has_full_lane(result, reading->most);
        for (size_t i = 0; !*more && i < reading->behind->count; i++) {
            const LanePlace *place = &reading->behind->places[i];
            cursor_advance(reading->cursor, place->lane, place->lane_seq, 0);
        }
    }
    PQclear(result);
    for (size_t j = 0; j < 3; j++) {
        buf_free(&arrays[j]);
    }
    return status;
}

void events_write(const Event *event, const Cursor *cursor, Buf *out) {
    buf_add_str(out, STR_LIT("id: "));
    cursor_write(cursor, out);
    buf_printf(out, "\nevent: %s\ndata: " STR_FMT "\n\n", event_kind_names[event->kind], STR_ARG(event->data));
}
