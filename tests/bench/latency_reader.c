#include "tests/bench/latency_reader.h"

#include "common/base/map.h"
#include "common/base/vec.h"
#include "tests/bench/records.h"

#include <jansson.h>
#include <libpq-fe.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// What was told of an election, and what has been read of it.
typedef struct Known {
    Str election_id;
    int64_t read, told; // seq of snapshots
} Known;

struct Reader {
    PGconn *pg;
    bool floor;
    Map elections;        // id -> Known
    VEC(Known *) waiting; // told of since the last answer
    int64_t read, told;   // batches of the floor
    VEC(Sighting) sightings;
    Arena memory;
};

static const char snapshots_sql[] =
    "SELECT cause FROM api.council_control_history WHERE election_id = $1 AND seq > $2 AND seq <= $3";
// PostgreSQL would plan it anew for each reading, which takes six times what the reading does.
static const char plan_once_sql[] = "SET plan_cache_mode = force_generic_plan";
// What was there before the reader came is no news to it.
static const char snapshots_before_sql[] = "SELECT seq, election_id FROM api.council_control";
static const char floor_before_sql[] = "SELECT coalesce(max(batch), 0) FROM floor_batch";
static const char floor_sql[] =
    "SELECT partition, first_offset, last_offset FROM floor_batch WHERE batch > $1 AND batch <= $2";

int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void expect(const Reader *reader, PGresult *result, ExecStatusType wanted) {
    if (PQresultStatus(result) != wanted) {
        bench_give_up("%s", PQerrorMessage(reader->pg));
    }
    PQclear(result);
}

void reader_free(Reader *reader) {
    PQfinish(reader->pg);
    map_free(&reader->elections);
    vec_free(&reader->waiting);
    vec_free(&reader->sightings);
    arena_free(&reader->memory);
    mem_free(reader);
}

static Known *find_known(Reader *reader, Str id) {
    Known *known = map_get(&reader->elections, id);
    if (known == NULL) {
        known = arena_alloc(&reader->memory, 1, sizeof *known);
        known->election_id = arena_copy(&reader->memory, id);
        map_put(&reader->elections, known->election_id, known);
    }
    return known;
}

static void pass_over_past(Reader *reader) {
    PGresult *result = PQexec(reader->pg, reader->floor ? floor_before_sql : snapshots_before_sql);
    for (int i = 0; i < PQntuples(result); i++) {
        int64_t number = strtoll(PQgetvalue(result, i, 0), NULL, 10);
        if (reader->floor) {
            reader->read = reader->told = number;
        } else {
            Known *known = find_known(reader, str_from(PQgetvalue(result, i, 1)));
            known->read = known->told = number;
        }
    }
    expect(reader, result, PGRES_TUPLES_OK);
}

Reader *reader_new(const char *uri, bool floor) {
    Reader *reader = mem_alloc(1, sizeof *reader);
    reader->floor = floor;
    reader->pg = PQconnectdb(uri);
    if (PQstatus(reader->pg) != CONNECTION_OK) {
        bench_give_up("%s", PQerrorMessage(reader->pg));
    }
    expect(reader, PQexec(reader->pg, plan_once_sql), PGRES_COMMAND_OK);
    expect(reader, PQprepare(reader->pg, "read", floor ? floor_sql : snapshots_sql, 0, NULL), PGRES_COMMAND_OK);
    expect(reader, PQexec(reader->pg, floor ? "LISTEN floor_batch" : "LISTEN council_control"), PGRES_COMMAND_OK);
    pass_over_past(reader);
    return reader;
}

static void note_snapshot(Reader *reader, const char *payload) {
    json_t *json = json_loads(payload, 0, NULL);
    Str id = str_from(json_string_value(json_object_get(json, "election_id")));
    int64_t seq = json_integer_value(json_object_get(json, "seq"));
    if (str_is_none(id)) {
        bench_give_up("a notification names no election: %s", payload);
    }
    Known *known = find_known(reader, id);
    if (known->told == known->read) {
        *vec_push(&reader->waiting) = known;
    }
    known->told = seq > known->told ? seq : known->told;
    json_decref(json);
}

static bool take_notifications(Reader *reader) {
    bool any = false;
    if (PQconsumeInput(reader->pg) != 1) {
        bench_give_up("%s", PQerrorMessage(reader->pg));
    }
    for (PGnotify *notify; (notify = PQnotifies(reader->pg)) != NULL; PQfreemem(notify)) {
        any = true;
        if (reader->floor) {
            reader->told = strtoll(notify->extra, NULL, 10);
        } else {
            note_snapshot(reader, notify->extra);
        }
    }
    return any;
}

typedef struct Number {
    char text[32];
} Number;

static Number number_of(int64_t value) {
    Number number;
    snprintf(number.text, sizeof number.text, "%lld", (long long)value);
    return number;
}

static PGresult *query(Reader *reader, int count, const char *const *parameters) {
    PGresult *result = PQexecPrepared(reader->pg, "read", count, parameters, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        bench_give_up("%s", PQerrorMessage(reader->pg));
    }
    return result;
}

static bool read_cause(const char *text, Sighting *sighting) {
    json_t *cause = json_loads(text, 0, NULL);
    const char *topic = json_string_value(json_object_get(cause, "topic"));
    bool declared = str_equal_text(str_from(topic), TOPIC_DECLARATIONS);
    sighting->partition = (int32_t)json_integer_value(json_object_get(cause, "partition"));
    sighting->first_offset = sighting->last_offset = json_integer_value(json_object_get(cause, "kafka_offset"));
    json_decref(cause);
    return declared;
}

static bool read_span(const PGresult *result, int row, Sighting *sighting) {
    sighting->partition = atoi(PQgetvalue(result, row, 0));
    sighting->first_offset = strtoll(PQgetvalue(result, row, 1), NULL, 10);
    sighting->last_offset = strtoll(PQgetvalue(result, row, 2), NULL, 10);
    return true;
}

// What the reader has in hand at that moment.
static void note_sightings(Reader *reader, PGresult *result) {
    int64_t now = clock_ns();
    for (int i = 0; i < PQntuples(result); i++) {
        Sighting sighting = {.at_ns = now};
        if (reader->floor ? read_span(result, i, &sighting) : read_cause(PQgetvalue(result, i, 0), &sighting)) {
            *vec_push(&reader->sightings) = sighting;
        }
    }
    PQclear(result);
}

static void read_snapshots(Reader *reader) {
    for (size_t i = 0; i < reader->waiting.count; i++) {
        Known *known = reader->waiting.items[i];
        const Number first = number_of(known->read), last = number_of(known->told);
        known->read = known->told;
        note_sightings(reader, query(reader, 3, (const char *const[]){known->election_id.ptr, first.text, last.text}));
    }
    vec_clear(&reader->waiting);
}

static void read_floor(Reader *reader) {
    const Number first = number_of(reader->read), last = number_of(reader->told);
    reader->read = reader->told;
    note_sightings(reader, query(reader, 2, (const char *const[]){first.text, last.text}));
}

bool reader_wait(Reader *reader, int timeout_ms) {
    if (!take_notifications(reader)) {
        struct pollfd socket = {.fd = PQsocket(reader->pg), .events = POLLIN};
        poll(&socket, 1, timeout_ms);
        if (!take_notifications(reader)) {
            return false;
        }
    }
    if (reader->floor) {
        read_floor(reader);
    } else {
        read_snapshots(reader);
    }
    return true;
}

const Sighting *reader_sightings(const Reader *reader, size_t *count) {
    *count = reader->sightings.count;
    return reader->sightings.items;
}
