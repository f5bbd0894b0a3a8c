// What one declaration costs the core, without Kafka and PostgreSQL: decode, rules, control, rows, hash.
//
//     bench_core --reference FILE --declarations FILE [--batch N]
//
// The files are those of `declarectl simulate`. The records are encoded first, and the reference data applied; then
// the declarations go through in batches as in the daemon's worker, by measured_batch(), which tests/bench/stages.py
// has callgrind count. Out: {"declarations", "bytes", "snapshots", "accepted", "cpu_us"}, the last of a declaration.
#include "services/aggregator/lane.h"
#include "tests/bench/records.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// Lanes differ in nothing that costs: all councils are in one.
enum { PARTITIONS = 1, BATCH_DEFAULT = 500, ROWS_BYTES = 256 * 1024 };

static const int64_t received_at_us = INT64_C(1778191200000000); // 2026-05-07, an hour after the close of poll

typedef struct Core {
    SchemaStore *schemas;
    RuleBook rules;
    Lane *lane;
    Arena arena; // of a batch
    VEC(Decoded) decoded;
    Effects effects;
    Buf rows; // as they would go to PostgreSQL
    uint64_t snapshots, accepted;
} Core;

// ---- the way of a batch ----------------------------------------------------------------------------------

static void add_rows(Core *core, const Table *table, const void *rows, size_t count, size_t size) {
    for (size_t i = 0; i < count; i++) {
        row_add_tuple(table, (const char *)rows + i * size, &core->rows);
        if (core->rows.len >= ROWS_BYTES) {
            buf_clear(&core->rows); // here it would leave for the server
        }
    }
}

static void add_all_rows(Core *core) {
    const Effects *e = &core->effects;
    add_rows(core, &table_ledger, e->ledger.items, e->ledger.count, sizeof *e->ledger.items);
    add_rows(core, &table_fate_change, e->fate_changes.items, e->fate_changes.count, sizeof *e->fate_changes.items);
    add_rows(core, &table_election, e->elections.items, e->elections.count, sizeof *e->elections.items);
    add_rows(core, &table_snapshot, e->snapshots.items, e->snapshots.count, sizeof *e->snapshots.items);
    add_rows(core, &table_ballot, e->ballots.items, e->ballots.count, sizeof *e->ballots.items);
    add_rows(core, &table_flash, e->flashes.items, e->flashes.count, sizeof *e->flashes.items);
}

static void run_batch(Core *core, const Envelope *envelopes, size_t count) {
    effects_clear(&core->effects);
    vec_clear(&core->decoded);
    for (size_t i = 0; i < count; i++) {
        int32_t wanted;
        if (decode_payload(core->schemas, envelopes[i].payload, &core->arena, vec_push(&core->decoded), &wanted) !=
            DECODE_OK) {
            bench_give_up("a record does not decode");
        }
    }
    for (size_t i = 0; i < count; i++) {
        lane_apply(core->lane, &envelopes[i], &core->decoded.items[i], &core->rules, received_at_us, &core->arena,
                   &core->effects);
    }
    add_all_rows(core);
    lane_trim(core->lane);
    arena_reset(&core->arena);
}

// What callgrind counts. Nothing but declarations goes through here.
__attribute__((noinline)) static void measured_batch(Core *core, const Envelope *envelopes, size_t count) {
    run_batch(core, envelopes, count);
    __asm__ volatile("" ::: "memory"); // keeps the call from being the caller's last jump
}

static bool is_accepted(const LedgerRow *row) {
    return str_equal(row->fate, fate_name(FATE_ACCEPTED));
}

// Of this process alone, so that a busy machine does not blur the figure.
static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// CPU seconds of the declarations.
static double run(Core *core, const Envelopes *references, const Envelopes *declarations, size_t batch) {
    run_batch(core, references->items, references->count);
    double took = 0;
    for (size_t i = 0; i < declarations->count; i += batch) {
        size_t count = declarations->count - i < batch ? declarations->count - i : batch;
        double start = cpu_seconds();
        measured_batch(core, &declarations->items[i], count);
        took += cpu_seconds() - start;
        core->snapshots += core->effects.snapshots.count;
        for (size_t r = 0; r < core->effects.ledger.count; r++) {
            core->accepted += is_accepted(&core->effects.ledger.items[r]);
        }
    }
    return took;
}

static void core_done(Core *core) {
    lane_free(core->lane);
    schema_store_free(core->schemas);
    effects_free(&core->effects);
    vec_free(&core->decoded);
    buf_free(&core->rows);
    arena_free(&core->arena);
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"reference", required_argument, NULL, 'r'},
                                            {"declarations", required_argument, NULL, 'd'},
                                            {"batch", required_argument, NULL, 'b'},
                                            {0}};
    const char *reference = NULL, *path = NULL;
    size_t batch = BATCH_DEFAULT;
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (found == 'r') {
            reference = optarg;
        } else if (found == 'd') {
            path = optarg;
        } else if (found == 'b') {
            batch = strtoul(optarg, NULL, 10);
        }
    }
    if (reference == NULL || path == NULL || batch == 0 || optind != argc) {
        fprintf(stderr, "Usage: bench_core --reference FILE --declarations FILE [--batch N]\n");
        return 2;
    }
    Arena memory = {0};
    Envelopes references = {0}, declarations = {0};
    records_read_reference(reference, received_at_us / 1000, &references, &memory);
    records_read_declarations(path, received_at_us / 1000, &declarations, &memory);

    Core core = {.schemas = schema_store_new(), .rules = rule_book_default(PARTITIONS), .lane = lane_new(0)};
    double seconds = run(&core, &references, &declarations, batch);
    size_t bytes = 0;
    for (size_t i = 0; i < declarations.count; i++) {
        bytes += declarations.items[i].payload.len;
    }
    printf("{\"declarations\": %zu, \"bytes\": %zu, \"snapshots\": %" PRIu64 ", \"accepted\": %" PRIu64
           ", \"cpu_us\": %.3f}\n",
           declarations.count, bytes, core.snapshots, core.accepted, seconds * 1e6 / (double)declarations.count);
    core_done(&core);
    vec_free(&references);
    vec_free(&declarations);
    arena_free(&memory);
    return EXIT_SUCCESS;
}
