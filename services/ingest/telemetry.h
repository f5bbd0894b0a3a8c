// What a process counts about its workers, and its text for Prometheus (deploy/dashboards/README.md tells what each
// number means). Any thread; nobody waits for anybody. Counters begin at 0 with the process.
#pragma once

#include "services/aggregator/store.h"
#include "services/ingest/consumer.h"

// What a worker does next about its lanes.
typedef enum Phase {
    PHASE_START, // it has yet to see that the database is fit for this program, and then joins the group
    PHASE_REST,  // the group has given it nothing
    PHASE_LOAD,  // lanes are to be learned from the database
    PHASE_DESK,  // desk events to their end come before the first declaration
    PHASE_RUN,
} Phase;

// What a transaction adds to the counters, once it is known to be durable. Zero value: nothing.
typedef struct CommitTally {
    uint64_t records[INPUT_COUNT][2][FATE_COUNT]; // live, rehearsal; a record that tells neither is live
    uint64_t reasons[2][RULE_COUNT];
    uint64_t changes[FATE_COUNT]; // later fates of records
    uint64_t rows, snapshots, flashes;
    int32_t lane; // of its last ledger row, by whose hash it can be known again
    int64_t lane_seq;
    uint8_t hash[SHA256_BYTES];
} CommitTally;

CommitTally telemetry_tally(const Effects *effects);

// Adds it and empties it: the transaction is durable.
void telemetry_commit(CommitTally *tally);

// The lane as the database has it, after a transaction of which nobody knows what came: adds the tally if the lane's
// newest row is the tally's last.
void telemetry_resolve(CommitTally *tally, const Lane *lane);

// How long a commit took, whatever came of it.
void telemetry_time_commit(int64_t us);

// Workers are numbered from 1. Each tells every turn of its loop, and with it where it and its lanes stand.
typedef struct WorkerTurn {
    Phase phase;
    bool joined; // the group has given it a first word, if only that there is nothing for it
    bool away;   // it waits for a server
    const Consumer *consumer;
} WorkerTurn;
void telemetry_turn(int worker, WorkerTurn turn);

// What is cheap to ask: lag by what the broker has told last.
void telemetry_lanes(const Consumer *consumer, Lane *const *lanes, size_t count);

// The lanes that are this worker's from now on; all others that were its own are told no more.
void telemetry_own(int worker, const int32_t *lanes, size_t count);

// Everything of the lane up to this ledger row has left for Kafka.
void telemetry_sent(int32_t lane, int64_t lane_seq);

typedef enum TelemetryCounter {
    COUNTER_RECOVERIES_FENCED,   // a transaction was void, since another owner was faster
    COUNTER_RECOVERIES_POSTGRES, // a transaction failed, or nobody knows what came of it
    COUNTER_RECONNECTS,          // a server that was away answers again
    COUNTER_ASSIGNMENTS,         // the group gave or took lanes
    COUNTER_ELECTIONS_UNSHELVED, // an election came back to hand from the shelf
    COUNTER_ELECTIONS_READ,      // from the ledger, for a record
    COUNTER_ELECTIONS_AHEAD,     // from the ledger, before one came
    TELEMETRY_COUNTERS
} TelemetryCounter;
void telemetry_add(TelemetryCounter counter);

// What the monitor knows: whether a server answers, and how the desk's work stands in the database.
typedef enum TelemetryServer { SERVER_POSTGRES, SERVER_KAFKA, TELEMETRY_SERVERS } TelemetryServer;
void telemetry_server(TelemetryServer server, bool up);
void telemetry_stand(const LanesStanding *lanes);

// The process takes the lanes of this list, at most `max` of them; how many.
size_t telemetry_owned(int32_t *lanes, size_t max);

// Every worker has turned within the last minute, or has not begun.
bool telemetry_is_healthy(int64_t now_ms);

// Every one of `workers` reads its lanes, or has none, and both servers answer.
bool telemetry_is_ready(int workers);

// `started_s`: when the process began, in Unix time.
void telemetry_write(int workers, int64_t started_s, Buf *out);
