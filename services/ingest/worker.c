#include "services/ingest/worker.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/domain/rule_settings.h"
#include "services/aggregator/store.h"
#include "services/ingest/ahead.h"
#include "services/ingest/batch.h"
#include "services/ingest/publisher.h"
#include "services/ingest/telemetry.h"
#include "services/ingest/writers.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    POLL_MS = 100, // how long a quiet worker sleeps, and so how late it sees a stop
    QUIET_MS = 2,  // without a record: there is time to read ahead
    KAFKA_TIMEOUT_MS = 1500,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MOST_MS = 5000,
    PROOF_MS = 2000,         // for a first batch after a reload
    CLOSE_MS = 2000,         // for leaving the group
    OFFSETS_EVERY_MS = 5000, // for lag tools; Kafka's own consumers tell them as often
    ROOM_PART = 4,           // of the memory for elections at hand: what one transaction brings in beyond it
    OVERLAP_RECORDS = 100,   // a batch of so many filled up because records wait: the next is made while it commits
};

struct Worker {
    const Config *config;
    int number;
    const atomic_bool *stop;
    Consumer *consumer;
    Store *store; // by way of store_of, but for what does not talk to the server
    Publisher *publisher;
    Committer *committer;
    SchemaStore *schemas;
    Writers *writers;
    Shelf *shelf;
    ElectionSource source;
    Ahead ahead;
    Arena settings; // of the rule book's errors
    RuleBook rules;
    Phase phase;
    uint64_t generation; // of the assignment that the lanes follow
    VEC(Lane *) lanes;
    Batch batch;
    Effects effects;
    Transaction transaction;            // that is being made
    VEC(ReadFrom) submitted, committed; // where the lanes stand with what was last handed over, committed
    size_t elections_bytes;             // at hand, at most
    int64_t backoff_ms, retry_at_ms, offsets_told_ms;
    bool offsets_untold;   // lag tools do not know the newest
    bool away, stall_said; // the trouble has been said
    bool unproven;         // the last commit failed: see see_proof
    bool under_way;        // a transaction is the committer's
    CommitTally tally;     // of the transaction that was handed over last; empty once it is counted
    int64_t proof_by_ms;
    bool replaced; // in the group, by another process of the same name
};

Worker *worker_new(const Config *config, int number, const atomic_bool *stop, char *error, size_t error_size) {
    Worker *worker = mem_alloc(1, sizeof *worker);
    worker->config = config;
    worker->number = number;
    worker->stop = stop;
    worker->backoff_ms = BACKOFF_FIRST_MS;
    worker->elections_bytes = (size_t)config_int(config, "daemon.elections_mb") * 1024 * 1024;
    worker->shelf = shelf_new(config_get(config, "daemon.shelf"));
    worker->schemas = schema_store_new();
    worker->store = store_new(config_get(config, "postgres.uri"), config_get(config, "postgres.role"), stop);
    worker->consumer = consumer_new(config, number, error, error_size);
    if (worker->consumer == NULL) {
        worker_free(worker);
        return NULL;
    }
    worker->publisher = publisher_new(config, stop);
    worker->committer = committer_new(worker->store, worker->publisher);
    worker->source = (ElectionSource){worker->committer, worker->schemas, worker->shelf};
    worker->writers = writers_new(config, number, worker->committer, worker->schemas);
    return worker;
}

static Store *store_of(const Worker *worker) {
    return committer_claim(worker->committer);
}

static void drop_lanes(Worker *worker) {
    for (size_t i = 0; i < worker->lanes.count; i++) {
        lane_free(worker->lanes.items[i]);
    }
    vec_clear(&worker->lanes);
    ahead_clear(&worker->ahead);
    shelf_clear(worker->shelf);
}

void worker_free(Worker *worker) {
    if (worker == NULL) {
        return;
    }
    committer_free(worker->committer);
    publisher_free(worker->publisher);
    drop_lanes(worker);
    shelf_free(worker->shelf);
    vec_free(&worker->lanes);
    vec_free(&worker->submitted);
    vec_free(&worker->committed);
    batch_free(&worker->batch);
    effects_free(&worker->effects);
    transaction_free(&worker->transaction);
    consumer_free(worker->consumer);
    writers_free(worker->writers);
    store_free(worker->store);
    schema_store_free(worker->schemas);
    arena_free(&worker->settings);
    mem_free(worker);
}

static bool stopping(const Worker *worker) {
    return atomic_load(worker->stop);
}

static void be_patient(Worker *worker, const char *what, Str why) {
    if (!worker->away && !stopping(worker)) {
        log_warning("%s, waiting: " STR_FMT " worker=%d", what, STR_ARG(why), worker->number);
        worker->away = true;
        publisher_rest(worker->publisher, true);
    }
    worker->retry_at_ms = clock_ms() + worker->backoff_ms;
    worker->backoff_ms = worker->backoff_ms * 2 < BACKOFF_MOST_MS ? worker->backoff_ms * 2 : BACKOFF_MOST_MS;
}

static void be_well(Worker *worker) {
    if (worker->away) {
        log_info("PostgreSQL and Kafka answer again worker=%d", worker->number);
        telemetry_add(COUNTER_RECONNECTS);
        publisher_rest(worker->publisher, false);
    }
    worker->away = false;
    worker->backoff_ms = BACKOFF_FIRST_MS;
}

// Whatever comes of what is under way, the lane rows will tell.
static void forget_result(Worker *worker) {
    StoreStatus ignored;
    committer_settle(worker->committer, &ignored);
    worker->under_way = false;
}

// Forgets what is known of the lanes; the database is asked anew before anything else is read.
static void start_over(Worker *worker) {
    forget_result(worker);
    consumer_read(worker->consumer, NULL, 0);
    batch_clear(&worker->batch);
    writers_forget_waits(worker->writers);
    drop_lanes(worker);
    worker->phase = PHASE_LOAD;
}

static void follow_assignment(Worker *worker) {
    const Assignment *assignment = consumer_assignment(worker->consumer);
    if (assignment->generation == worker->generation) {
        return;
    }
    forget_result(worker);
    worker->ahead.failures = 0;
    worker->generation = assignment->generation;
    batch_clear(&worker->batch);
    writers_forget_waits(worker->writers);
    drop_lanes(worker);
    publisher_own(worker->publisher, assignment->lanes.items, assignment->lanes.count);
    telemetry_own(worker->number, assignment->lanes.items, assignment->lanes.count);
    worker->phase = assignment->lanes.count == 0 ? PHASE_REST : PHASE_LOAD;
    worker->retry_at_ms = 0;
}

// Loading: rules, lanes, and how far the desk's events go.

static bool load_rules(Worker *worker) {
    int32_t partitions = consumer_partitions(worker->consumer, KAFKA_TIMEOUT_MS);
    if (partitions == 0) {
        be_patient(worker, "Kafka is away", consumer_trouble(worker->consumer));
        return false;
    }
    Str error = STR_NONE;
    arena_reset(&worker->settings);
    if (!rule_settings_read(worker->config, partitions, &worker->settings, &worker->rules, &error)) {
        be_patient(worker, "the settings are refused", error); // main has checked it: cannot happen
        return false;
    }
    return true;
}

static bool load_lane(Worker *worker, int32_t number) {
    Lane *lane = lane_new(number);
    if (store_load_lane(store_of(worker), lane, worker->schemas) != STORE_OK) {
        lane_free(lane);
        be_patient(worker, "PostgreSQL is away", store_error(worker->store));
        return false;
    }
    *vec_push(&worker->lanes) = lane;
    telemetry_resolve(&worker->tally, lane);
    return true;
}

static void read_lanes(Worker *worker, bool declarations) {
    VEC(ReadFrom) from = {0};
    for (size_t i = 0; i < worker->lanes.count; i++) {
        const Lane *lane = worker->lanes.items[i];
        if (writers_lane_waits(worker->writers, lane->lane)) {
            continue;
        }
        *vec_push(&from) = (ReadFrom){INPUT_DESK, lane->lane, lane->next[INPUT_DESK]};
        if (declarations) {
            *vec_push(&from) = (ReadFrom){INPUT_DECLARATIONS, lane->lane, lane->next[INPUT_DECLARATIONS]};
        }
    }
    consumer_read(worker->consumer, from.items, from.count);
    vec_free(&from);
}

static bool connect_store(Worker *worker) {
    StoreStatus status = store_is_connected(store_of(worker)) ? STORE_OK : store_connect(store_of(worker));
    if (status != STORE_OK) {
        be_patient(worker, status == STORE_UNFIT ? "the database is not ready" : "PostgreSQL is away",
                   store_error(worker->store));
    }
    return status == STORE_OK;
}

// One that cannot work takes no lanes from those that can.
static void start(Worker *worker) {
    if (clock_ms() >= worker->retry_at_ms && connect_store(worker)) {
        be_well(worker);
        consumer_join(worker->consumer);
        worker->phase = PHASE_REST;
        return;
    }
    clock_sleep_ms(POLL_MS);
}

static void load(Worker *worker) {
    if (clock_ms() < worker->retry_at_ms) {
        return;
    }
    drop_lanes(worker);
    if (!connect_store(worker) || !load_rules(worker)) {
        return;
    }
    if (store_resolve_rules(store_of(worker), &worker->rules) != STORE_OK) {
        be_patient(worker, "PostgreSQL is away", store_error(worker->store));
        return;
    }
    const Assignment *assignment = consumer_assignment(worker->consumer);
    for (size_t i = 0; i < assignment->lanes.count && !stopping(worker); i++) {
        if (!load_lane(worker, assignment->lanes.items[i])) {
            return;
        }
    }
    worker->proof_by_ms = clock_ms() + PROOF_MS;
    if (!worker->unproven) {
        be_well(worker);
        log_info("reading %zu lanes worker=%d", worker->lanes.count, worker->number);
    }
    worker->stall_said = false;
    read_lanes(worker, false);
    worker->phase = PHASE_DESK;
}

static bool desk_is_applied(const Worker *worker) {
    for (size_t i = 0; i < worker->lanes.count; i++) {
        int32_t lane = worker->lanes.items[i]->lane;
        if (!writers_lane_waits(worker->writers, lane) && !consumer_saw_desk_end(worker->consumer, lane)) {
            return false;
        }
    }
    return true;
}

// A batch: decode, load the elections it concerns, apply, commit.

static Lane *find_lane(const Worker *worker, int32_t number) {
    for (size_t i = 0; i < worker->lanes.count; i++) {
        if (worker->lanes.items[i]->lane == number) {
            return worker->lanes.items[i];
        }
    }
    return NULL;
}

// Records of one lane, in order, as many as there is room for their elections. A record that was applied before is
// passed over.
static StoreStatus apply_lane(Worker *worker, Lane *lane, const BatchRecord *records, size_t count, size_t *room,
                              size_t *ready) {
    StoreStatus status = elections_load(&worker->source, lane, records, count, room, ready);
    for (size_t i = 0; i < *ready && status == STORE_OK; i++) {
        const Envelope *envelope = &records[i].envelope;
        const Record *record = &records[i].decoded.record;
        if (envelope->kafka_offset < lane->next[envelope->topic]) {
            continue;
        }
        if (record->type == RECORD_ACTION) {
            status = elections_load_target(&worker->source, lane, &record->action);
        }
        if (status == STORE_OK) {
            lane_apply(lane, envelope, &records[i].decoded, &worker->rules, clock_wall_us(), &worker->batch.arena,
                       &worker->effects);
        }
    }
    return status;
}

// A server that answers queries may still refuse to write (a full disk, a standby): after a failed
// commit only another one proves it well, or that nothing is left to commit.
static void see_proof(Worker *worker, bool committed) {
    if (worker->unproven && !committed && clock_ms() < worker->proof_by_ms) {
        return;
    }
    if (committed || worker->unproven) {
        worker->unproven = false;
        be_well(worker);
    }
}

static void list_positions(Worker *worker) {
    vec_clear(&worker->submitted);
    for (size_t i = 0; i < worker->lanes.count; i++) {
        const Lane *lane = worker->lanes.items[i];
        for (int topic = 0; topic < INPUT_COUNT; topic++) {
            if (lane->next[topic] >= 0) {
                *vec_push(&worker->submitted) = (ReadFrom){(InputTopic)topic, lane->lane, lane->next[topic]};
            }
        }
    }
}

// What was handed over last is durable.
static void note_commit(Worker *worker) {
    vec_clear(&worker->committed);
    for (size_t i = 0; i < worker->submitted.count; i++) {
        *vec_push(&worker->committed) = worker->submitted.items[i];
    }
    worker->offsets_untold = true;
    telemetry_commit(&worker->tally);
    see_proof(worker, true);
}

// What came of the batch before, if it is known by now or `wait` says so.
static StoreStatus take_result(Worker *worker, bool wait) {
    StoreStatus status = STORE_OK;
    bool known = wait ? committer_settle(worker->committer, &status) : committer_poll(worker->committer, &status);
    worker->under_way &= !known;
    if (known && status == STORE_OK) {
        note_commit(worker);
    }
    return status;
}

// STORE_OK: committed, or under way.
static StoreStatus commit(Worker *worker, const LaneAdvance *advances, size_t count) {
    store_prepare(worker->store, advances, count, &worker->effects, worker->schemas, &worker->transaction);
    for (size_t i = 0; i < count; i++) {
        lane_trim(find_lane(worker, advances[i].lane->lane));
    }
    StoreStatus status = take_result(worker, true);
    if (status != STORE_OK) {
        return status;
    }
    list_positions(worker);
    worker->tally = telemetry_tally(&worker->effects);
    if (worker->batch.records.count >= OVERLAP_RECORDS) {
        committer_submit(worker->committer, &worker->transaction);
        worker->under_way = true;
        return STORE_OK;
    }
    status = committer_run(worker->committer, &worker->transaction);
    if (status == STORE_OK) {
        note_commit(worker);
    }
    return status;
}

// From the batch's records, `from` on, to a transaction. It ends where the elections wanted have no more room.
static StoreStatus run_part(Worker *worker, size_t *from, size_t *room) {
    const Batch *batch = &worker->batch;
    VEC(LaneAdvance) advances = {0};
    effects_clear(&worker->effects);
    StoreStatus status = STORE_OK;
    bool ends = false;
    while (*from < batch->records.count && status == STORE_OK && !ends) {
        const BatchRecord *records = &batch->records.items[*from];
        size_t count = 0, decoded = 0, ready = 0;
        for (; *from + count < batch->records.count && records[count].envelope.partition == records->envelope.partition;
             count++) {
            decoded += decoded == count && !records[count].waits;
        }
        Lane *lane = find_lane(worker, records->envelope.partition);
        if (lane != NULL && decoded > 0) { // else of an assignment that has passed
            LaneAdvance advance = {lane, lane->lane_seq};
            status = apply_lane(worker, lane, records, decoded, room, &ready);
            ends = ready < decoded;
            if (ready > 0) {
                *vec_push(&advances) = advance;
            }
        }
        *from += ends ? ready : count;
    }
    if (status == STORE_OK && worker->effects.ledger.count > 0) {
        status = commit(worker, advances.items, advances.count);
    }
    vec_free(&advances);
    return status;
}

static void keep_within(Worker *worker, size_t room) {
    elections_keep_within(worker->shelf, worker->lanes.items, worker->lanes.count, worker->elections_bytes, room);
}

static StoreStatus run_batch(Worker *worker) {
    StoreStatus status = writers_decode(worker->writers, &worker->batch);
    const size_t most = worker->elections_bytes / ROOM_PART;
    for (size_t from = 0; from < worker->batch.records.count && status == STORE_OK;) {
        size_t room = most;
        status = run_part(worker, &from, &room);
        if (status == STORE_OK) {
            keep_within(worker, most - room);
        }
    }
    return status;
}

static bool has_time_to_read_ahead(const Worker *worker) {
    return worker->phase == PHASE_RUN && !worker->under_way && !ahead_is_done(&worker->ahead, worker->lanes.count);
}

static StoreStatus use_quiet(Worker *worker) {
    StoreStatus status = take_result(worker, false);
    if (status == STORE_OK && has_time_to_read_ahead(worker)) {
        status = ahead_step(&worker->ahead, &worker->source, worker->lanes.items, worker->lanes.count);
        keep_within(worker, 0);
    }
    return status;
}

static void tell_offsets(Worker *worker) {
    int64_t now = clock_ms();
    if (!worker->offsets_untold || now - worker->offsets_told_ms < OFFSETS_EVERY_MS) {
        return;
    }
    worker->offsets_untold = false;
    worker->offsets_told_ms = now;
    consumer_tell_offsets(worker->consumer, worker->committed.items, worker->committed.count);
}

static void recover(Worker *worker, StoreStatus status) {
    telemetry_add(status == STORE_FENCED ? COUNTER_RECOVERIES_FENCED : COUNTER_RECOVERIES_POSTGRES);
    if (status == STORE_FENCED) {
        log_warning("another owner was faster, starting over: " STR_FMT " worker=%d",
                    STR_ARG(store_error(worker->store)), worker->number);
        worker->retry_at_ms = 0;
    } else {
        be_patient(worker, "PostgreSQL is away", store_error(worker->store));
        worker->unproven = true;
    }
    start_over(worker);
}

// A topic that was lost, or made anew under a ledger: nothing can be done here, and silence would hide it.
static void say_stall(Worker *worker) {
    Str stall = consumer_stall(worker->consumer);
    if (!str_is_none(stall) && !worker->stall_said) {
        log_error("a lane stands still, Kafka does not have the record that comes next: " STR_FMT " worker=%d",
                  STR_ARG(stall), worker->number);
        worker->stall_said = true;
    }
}

static void read_and_run(Worker *worker) {
    if (writers_wait_is_over(worker->writers)) {
        read_lanes(worker, false);
        worker->phase = PHASE_DESK;
    }
    if (worker->phase == PHASE_DESK && desk_is_applied(worker)) {
        read_lanes(worker, true);
        worker->phase = PHASE_RUN;
    }
    batch_fill(&worker->batch, worker->consumer, has_time_to_read_ahead(worker) ? QUIET_MS : POLL_MS);
    if (batch_is_full(&worker->batch)) {
        publisher_yield(worker->publisher);
        consumer_ask_ahead(worker->consumer);
    }
    follow_assignment(worker); // polling may have brought another one, which drops the batch
    bool records = worker->batch.records.count > 0;
    StoreStatus status = records ? run_batch(worker) : use_quiet(worker);
    batch_clear(&worker->batch);
    if (status != STORE_OK) {
        recover(worker, status);
        return;
    }
    if (records && writers_wait_began(worker->writers)) {
        read_lanes(worker, worker->phase == PHASE_RUN);
    }
    if (!records && !worker->under_way) {
        see_proof(worker, false);
    }
    tell_offsets(worker);
    say_stall(worker);
}

static void leave_group(Worker *worker) {
    int64_t until = clock_ms() + CLOSE_MS;
    while (!consumer_close(worker->consumer) && clock_ms() < until) {
    }
}

static void wait_for_group(Worker *worker) {
    rd_kafka_message_t *message = consumer_poll(worker->consumer, POLL_MS);
    if (message != NULL) {
        rd_kafka_message_destroy(message); // of an assignment that has passed
    }
    Str trouble = consumer_trouble(worker->consumer);
    if (!str_is_none(trouble) && worker->phase == PHASE_REST) {
        be_patient(worker, "Kafka is away", trouble);
    }
}

// Nobody else has our name: see consumer_was_replaced.
static void join_anew(Worker *worker) {
    forget_result(worker);
    batch_clear(&worker->batch); // its messages are of the membership that was lost
    if (!consumer_renew(worker->consumer)) {
        be_patient(worker, "the group cannot be joined anew", consumer_trouble(worker->consumer));
        clock_sleep_ms(POLL_MS);
        return;
    }
    log_info("the membership in the group was lost, joining anew worker=%d", worker->number);
    follow_assignment(worker);
    worker->phase = PHASE_START;
}

// The lanes belong to the one that came later; two under one name would only put each other out.
static void give_up(Worker *worker) {
    if (!worker->replaced) {
        log_error("another process has joined the group as daemon.instance %s: this one ends worker=%d",
                  config_get(worker->config, "daemon.instance"), worker->number);
        worker->replaced = true;
        drop_lanes(worker);
        publisher_own(worker->publisher, NULL, 0);
        kill(getpid(), SIGTERM);
    }
    clock_sleep_ms(POLL_MS);
}

static void tell_telemetry(const Worker *worker) {
    telemetry_turn(worker->number,
                   (WorkerTurn){worker->phase, worker->generation > 0, worker->away, worker->consumer});
    telemetry_lanes(worker->consumer, worker->lanes.items, worker->lanes.count);
}

bool worker_run(Worker *worker, atomic_uint *turns) {
    while (!stopping(worker)) {
        atomic_fetch_add_explicit(turns, 1, memory_order_relaxed);
        tell_telemetry(worker);
        if (consumer_is_dead(worker->consumer)) {
            if (worker->replaced || consumer_was_replaced(worker->consumer)) {
                give_up(worker);
            } else {
                join_anew(worker);
            }
            continue;
        }
        follow_assignment(worker);
        switch (worker->phase) {
        case PHASE_START:
            start(worker);
            break;
        case PHASE_REST:
            wait_for_group(worker);
            break;
        case PHASE_LOAD:
            load(worker);
            if (worker->phase == PHASE_LOAD) {
                wait_for_group(worker);
            }
            break;
        case PHASE_DESK:
        case PHASE_RUN:
            read_and_run(worker);
            break;
        }
    }
    take_result(worker, true);
    worker->offsets_told_ms = 0;
    tell_offsets(worker);
    drop_lanes(worker);
    leave_group(worker);
    return !worker->replaced;
}
