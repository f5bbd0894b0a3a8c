#include "services/ingest/telemetry.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"

#include <inttypes.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

enum {
    WORKERS_MAX = 64,  // of daemon.workers
    LANES_MAX = 4096,  // told one by one; a topic of more partitions has lanes that are not
    SILENT_MS = 60000, // a worker that has not turned for so long hangs: its waits end sooner
};

typedef enum WorkerState {
    WORKER_JOINING,
    WORKER_RESTING,
    WORKER_LOADING,
    WORKER_RUNNING,
    WORKER_AWAY,
    WORKER_STATES
} WorkerState;
static const char *const state_names[WORKER_STATES] = {"joining", "resting", "loading", "running", "away"};
static const char *const topics[INPUT_COUNT] = {[INPUT_DECLARATIONS] = TOPIC_DECLARATIONS, [INPUT_DESK] = TOPIC_DESK};
static const char *const servers[TELEMETRY_SERVERS] = {[SERVER_POSTGRES] = "postgres", [SERVER_KAFKA] = "kafka"};
static const char *const rehearsal[2] = {"false", "true"}; // the label is_test

static const double batch_bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000};
static const double commit_bounds_s[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

static atomic_ullong records[INPUT_COUNT][2][FATE_COUNT], reasons[2][RULE_COUNT], changes[FATE_COUNT];
static atomic_ullong snapshots, flashes, counters[TELEMETRY_COUNTERS];
static Histogram batches = {.bounds = batch_bounds, .bounds_count = COUNT_OF(batch_bounds), .unit = 1};
static Histogram commits = {.bounds = commit_bounds_s, .bounds_count = COUNT_OF(commit_bounds_s), .unit = 1e6};

static struct {
    atomic_int state;
    atomic_bool stalled;
    atomic_llong turned_ms; // 0: it has not begun
} workers[WORKERS_MAX + 1];

static struct {
    atomic_int owner;              // a worker; 0: none of this process
    atomic_llong lag[INPUT_COUNT]; // -1: not known yet
    atomic_llong applied, sent;    // ledger rows; sent -1: not known yet
} lanes[LANES_MAX];

static struct {
    atomic_bool up[TELEMETRY_SERVERS], known;
    atomic_llong records_held[2], ballots_held[2], newest_snapshot_us[2], approvals_wanted[2];
} standing;

// ---- what workers tell

CommitTally telemetry_tally(const Effects *effects) {
    CommitTally tally = {.rows = effects->ledger.count, .flashes = effects->flashes.count};
    tally.snapshots = effects->snapshots.count;
    for (size_t i = 0; i < effects->ledger.count; i++) {
        const LedgerRow *row = &effects->ledger.items[i];
        bool test = row->is_test == TRILEAN_TRUE;
        InputTopic topic = str_equal_text(row->topic, TOPIC_DESK) ? INPUT_DESK : INPUT_DECLARATIONS;
        Fate fate;
        if (fate_from_name(row->fate, &fate)) {
            tally.records[topic][test][fate]++;
        }
        for (RuleSet left = row->reasons; left != 0; left &= left - 1) {
            tally.reasons[test][__builtin_ctzll(left)]++;
        }
        tally.lane = row->lane;
        tally.lane_seq = row->lane_seq;
        memcpy(tally.hash, row->entry_hash, sizeof tally.hash);
    }
    for (size_t i = 0; i < effects->fate_changes.count; i++) {
        Fate fate;
        if (fate_from_name(effects->fate_changes.items[i].fate, &fate)) {
            tally.changes[fate]++;
        }
    }
    return tally;
}

static void add_all(atomic_ullong *to, const uint64_t *from, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (from[i] > 0) {
            atomic_fetch_add(&to[i], from[i]);
        }
    }
}

void telemetry_commit(CommitTally *tally) {
    if (tally->rows == 0) {
        return;
    }
    add_all(&records[0][0][0], &tally->records[0][0][0], sizeof records / sizeof records[0][0][0]);
    add_all(&reasons[0][0], &tally->reasons[0][0], sizeof reasons / sizeof reasons[0][0]);
    add_all(changes, tally->changes, FATE_COUNT);
    atomic_fetch_add(&snapshots, tally->snapshots);
    atomic_fetch_add(&flashes, tally->flashes);
    histogram_observe(&batches, tally->rows);
    *tally = (CommitTally){0};
}

void telemetry_resolve(CommitTally *tally, const Lane *lane) {
    if (tally->rows > 0 && tally->lane == lane->lane) {
        if (tally->lane_seq == lane->lane_seq && memcmp(tally->hash, lane->head_hash, sizeof tally->hash) == 0) {
            telemetry_commit(tally);
        }
        *tally = (CommitTally){0};
    }
}

void telemetry_time_commit(int64_t us) {
    histogram_observe(&commits, (uint64_t)us);
}

static WorkerState state_of(WorkerTurn turn) {
    if (turn.away) {
        return WORKER_AWAY;
    }
    static const WorkerState states[] = {
        [PHASE_START] = WORKER_JOINING,
        [PHASE_REST] = WORKER_RESTING,
        [PHASE_LOAD] = WORKER_LOADING,
        [PHASE_DESK] = WORKER_LOADING,
        [PHASE_RUN] = WORKER_RUNNING,
    };
    return turn.joined ? states[turn.phase] : WORKER_JOINING;
}

void telemetry_turn(int worker, WorkerTurn turn) {
    atomic_store(&workers[worker].state, state_of(turn));
    atomic_store(&workers[worker].stalled, !str_is_none(consumer_stall(turn.consumer)));
    atomic_store(&workers[worker].turned_ms, clock_ms());
}

void telemetry_lanes(const Consumer *consumer, Lane *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const Lane *lane = list[i];
        if (lane->lane >= LANES_MAX) {
            continue;
        }
        for (int topic = 0; topic < INPUT_COUNT; topic++) {
            int64_t lag = consumer_lag(consumer, (InputTopic)topic, lane->lane, lane->next[topic]);
            if (lag >= 0) {
                atomic_store(&lanes[lane->lane].lag[topic], lag);
            }
        }
        atomic_store(&lanes[lane->lane].applied, lane->lane_seq);
    }
}

static bool is_listed(int32_t lane, const int32_t *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (list[i] == lane) {
            return true;
        }
    }
    return false;
}

void telemetry_own(int worker, const int32_t *list, size_t count) {
    for (int32_t lane = 0; lane < LANES_MAX; lane++) {
        bool own = is_listed(lane, list, count);
        if (own && atomic_load(&lanes[lane].owner) != worker) {
            atomic_store(&lanes[lane].lag[INPUT_DECLARATIONS], -1);
            atomic_store(&lanes[lane].lag[INPUT_DESK], -1);
            atomic_store(&lanes[lane].sent, -1);
            atomic_store(&lanes[lane].owner, worker);
        } else if (!own) {
            int expected = worker;
            atomic_compare_exchange_strong(&lanes[lane].owner, &expected, 0);
        }
    }
    telemetry_add(COUNTER_ASSIGNMENTS);
}

void telemetry_sent(int32_t lane, int64_t lane_seq) {
    if (lane < LANES_MAX && lane_seq >= 0) {
        atomic_store(&lanes[lane].sent, lane_seq);
    }
}

void telemetry_add(TelemetryCounter counter) {
    atomic_fetch_add(&counters[counter], 1);
}

// ---- what the monitor tells and asks

void telemetry_server(TelemetryServer server, bool up) {
    atomic_store(&standing.up[server], up);
}

void telemetry_stand(const LanesStanding *now) {
    for (int test = 0; test < 2; test++) {
        atomic_store(&standing.records_held[test], now->records_held[test]);
        atomic_store(&standing.ballots_held[test], now->ballots_held[test]);
        atomic_store(&standing.newest_snapshot_us[test], now->newest_snapshot_us[test]);
        atomic_store(&standing.approvals_wanted[test], now->approvals_wanted[test]);
    }
    atomic_store(&standing.known, true);
}

size_t telemetry_owned(int32_t *list, size_t max) {
    size_t count = 0;
    for (int32_t lane = 0; lane < LANES_MAX && count < max; lane++) {
        if (atomic_load(&lanes[lane].owner) != 0) {
            list[count++] = lane;
        }
    }
    return count;
}

bool telemetry_is_healthy(int64_t now_ms) {
    for (int i = 1; i <= WORKERS_MAX; i++) {
        int64_t turned_ms = atomic_load(&workers[i].turned_ms);
        if (turned_ms != 0 && now_ms - turned_ms > SILENT_MS) {
            return false;
        }
    }
    return true;
}

bool telemetry_is_ready(int workers_count) {
    for (int i = 1; i <= workers_count; i++) {
        int state = atomic_load(&workers[i].state);
        if (state != WORKER_RESTING && state != WORKER_RUNNING) {
            return false;
        }
    }
    return atomic_load(&standing.up[SERVER_POSTGRES]) && atomic_load(&standing.up[SERVER_KAFKA]);
}

// ---- the text

static void write_records(Buf *out) {
    static const char name[] = "declared_records_total";
    metrics_write_family(out, name, "counter",
                         "Records written to the ledger, by topic and the fate they got at once.");
    for (int topic = 0; topic < INPUT_COUNT; topic++) {
        for (int test = 0; test < 2; test++) {
            for (int fate = 0; fate < FATE_COUNT; fate++) {
                buf_printf(out, "%s{topic=\"%s\",is_test=\"%s\",fate=\"" STR_FMT "\"} %llu\n", name, topics[topic],
                           rehearsal[test], STR_ARG(fate_name((Fate)fate)), atomic_load(&records[topic][test][fate]));
            }
        }
    }
}

static void write_reasons(Buf *out) {
    static const char name[] = "declared_reasons_total";
    metrics_write_family(out, name, "counter",
                         "Rules that records broke when they came, warnings included; a record may break several.");
    for (int test = 0; test < 2; test++) {
        for (int rule = 0; rule < RULE_COUNT; rule++) {
            buf_printf(out, "%s{reason=\"" STR_FMT "\",is_test=\"%s\"} %llu\n", name, STR_ARG(rule_code((Rule)rule)),
                       rehearsal[test], atomic_load(&reasons[test][rule]));
        }
    }
}

static void write_changes(Buf *out) {
    static const char name[] = "declared_fate_changes_total";
    metrics_write_family(out, name, "counter",
                         "Later fates of records, by what they became: releases, rejections, new reference data.");
    for (int fate = 0; fate < FATE_COUNT; fate++) {
        buf_printf(out, "%s{fate=\"" STR_FMT "\"} %llu\n", name, STR_ARG(fate_name((Fate)fate)),
                   atomic_load(&changes[fate]));
    }
}

static void write_lags(Buf *out) {
    static const char name[] = "declared_lane_lag_records";
    metrics_write_family(out, name, "gauge", "Records of the lane's partition that are not applied yet.");
    for (int lane = 0; lane < LANES_MAX; lane++) {
        for (int topic = 0; topic < INPUT_COUNT && atomic_load(&lanes[lane].owner) != 0; topic++) {
            long long lag = atomic_load(&lanes[lane].lag[topic]);
            if (lag >= 0) {
                buf_printf(out, "%s{lane=\"%d\",topic=\"%s\"} %lld\n", name, lane, topics[topic], lag);
            }
        }
    }
}

static void write_backlogs(Buf *out) {
    static const char name[] = "declared_outbox_backlog_records";
    metrics_write_family(out, name, "gauge",
                         "Ledger rows of the lane whose snapshots and rejections have not left for Kafka yet.");
    for (int lane = 0; lane < LANES_MAX; lane++) {
        long long sent = atomic_load(&lanes[lane].sent);
        if (atomic_load(&lanes[lane].owner) != 0 && sent >= 0) {
            long long behind = atomic_load(&lanes[lane].applied) - sent;
            buf_printf(out, "%s{lane=\"%d\"} %lld\n", name, lane, behind > 0 ? behind : 0);
        }
    }
}

static void write_workers(int workers_count, Buf *out) {
    metrics_write_family(out, "declared_worker_state", "gauge", "1 for the state that the worker is in, else 0.");
    for (int i = 1; i <= workers_count; i++) {
        for (int state = 0; state < WORKER_STATES; state++) {
            buf_printf(out, "declared_worker_state{worker=\"%d\",state=\"%s\"} %d\n", i, state_names[state],
                       atomic_load(&workers[i].state) == state);
        }
    }
    metrics_write_family(
        out, "declared_worker_stalled", "gauge",
        "1 while a lane of the worker stands still, since Kafka does not have the record that comes next.");
    for (int i = 1; i <= workers_count; i++) {
        buf_printf(out, "declared_worker_stalled{worker=\"%d\"} %d\n", i, atomic_load(&workers[i].stalled));
    }
}

static void write_by_test(Buf *out, const char *name, const char *help, atomic_llong values[2]) {
    metrics_write_family(out, name, "gauge", help);
    for (int test = 0; test < 2; test++) {
        buf_printf(out, "%s{is_test=\"%s\"} %lld\n", name, rehearsal[test], atomic_load(&values[test]));
    }
}

static void write_standing(Buf *out) {
    metrics_write_family(out, "declared_server_up", "gauge", "1 while the server answers this process.");
    for (int server = 0; server < TELEMETRY_SERVERS; server++) {
        buf_printf(out, "declared_server_up{server=\"%s\"} %d\n", servers[server], atomic_load(&standing.up[server]));
    }
    if (!atomic_load(&standing.known)) {
        return; // a 0 would say that nothing is held
    }
    write_by_test(out, "declared_records_held", "Declarations of this process's lanes that are held now.",
                  standing.records_held);
    write_by_test(out, "declared_ballots_held",
                  "Ballots of this process's lanes with a record now held, by the newest snapshots.",
                  standing.ballots_held);
    write_by_test(out, "declared_approvals_wanted", "Calls of this process's lanes that wait for the desk's approval.",
                  standing.approvals_wanted);
    static const char name[] = "declared_newest_snapshot_timestamp_seconds";
    metrics_write_family(out, name, "gauge",
                         "When the newest snapshot of this process's lanes was recorded, in Unix time.");
    for (int test = 0; test < 2; test++) {
        long long us = atomic_load(&standing.newest_snapshot_us[test]);
        if (us != TIME_NONE) {
            buf_printf(out, "%s{is_test=\"%s\"} %.6f\n", name, rehearsal[test], (double)us / 1e6);
        }
    }
}

static void write_counters(Buf *out) {
    static const char recoveries[] = "declared_recoveries_total";
    metrics_write_family(
        out, recoveries, "counter",
        "Batches that were dropped and read again: another owner was faster (fenced), or a commit or a reading failed.");
    buf_printf(out, "%s{cause=\"fenced\"} %llu\n%s{cause=\"postgres\"} %llu\n", recoveries,
               atomic_load(&counters[COUNTER_RECOVERIES_FENCED]), recoveries,
               atomic_load(&counters[COUNTER_RECOVERIES_POSTGRES]));
    static const char elections[] = "declared_elections_taken_total";
    metrics_write_family(out, elections, "counter",
                         "Elections taken to hand: from the worker's shelf, read from the ledger for a record, or "
                         "from there ahead of any.");
    buf_printf(out, "%s{from=\"shelf\"} %llu\n%s{from=\"ledger\"} %llu\n%s{from=\"ahead\"} %llu\n", elections,
               atomic_load(&counters[COUNTER_ELECTIONS_UNSHELVED]), elections,
               atomic_load(&counters[COUNTER_ELECTIONS_READ]), elections,
               atomic_load(&counters[COUNTER_ELECTIONS_AHEAD]));
    metrics_write_value(out, "declared_reconnects_total", "counter",
                        "Times that a worker went on after a server had been away.",
                        (int64_t)atomic_load(&counters[COUNTER_RECONNECTS]));
    metrics_write_value(out, "declared_assignments_total", "counter",
                        "Times that the consumer group gave lanes to a worker, or took them.",
                        (int64_t)atomic_load(&counters[COUNTER_ASSIGNMENTS]));
    metrics_write_value(out, "declared_snapshots_total", "counter", "Council control snapshots written.",
                        (int64_t)atomic_load(&snapshots));
    metrics_write_value(out, "declared_flashes_total", "counter", "Flashes written.", (int64_t)atomic_load(&flashes));
}

void telemetry_write(int workers_count, int64_t started_s, Buf *out) {
    write_records(out);
    write_reasons(out);
    write_changes(out);
    write_counters(out);
    metrics_write_histogram(out, "declared_batch_records", "Records of a transaction.", &batches);
    metrics_write_histogram(out, "declared_commit_duration_seconds",
                            "From sending a transaction to PostgreSQL's answer, failures included.", &commits);
    write_lags(out);
    write_backlogs(out);
    write_workers(workers_count, out);
    write_standing(out);
    metrics_write_value(out, "process_start_time_seconds", "gauge", "When the process began, in Unix time.", started_s);
    metrics_write_build_info(out, "declared_build_info");
}
