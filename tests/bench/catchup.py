"""Catch-up: a night waits in the topic until every declaration is committed with all that follows from it.

The clock runs from the first declaration's received_at, when its batch has been fetched, to the moment at which the
last row is seen committed (asked every 20 ms). Starting the process, joining the group and applying the reference
data come before; `since_start_s` has them in it.
"""

import json
import os
import statistics
import time

import bed
import rows

FIRST = ("SELECT extract(epoch FROM min(received_at)) AS at FROM declared.ledger"
         " WHERE topic = 'ward-declarations'")
TRANSACTIONS = "SELECT count(DISTINCT xmin::text) AS n FROM declared.ledger WHERE topic = 'ward-declarations'"
COUNTS = ("SELECT (SELECT count(*) FROM declared.snapshot) AS snapshots, (SELECT count(*) FROM declared.ballot) AS"
          " ballots, (SELECT count(*) FROM declared.flash) AS flashes")
FATES = ("SELECT fate, count(*) AS n FROM declared.ledger WHERE topic = 'ward-declarations' GROUP BY fate"
         " ORDER BY 2 DESC")


def wal_bytes():
    return int(bed.superuser("SELECT pg_current_wal_lsn() - '0/0'").split(".")[0])


def run_daemon(pipeline, night, workers):
    """One catch-up into an empty database."""
    bed.settle()
    wal = wal_bytes()
    servers = bed.Meter(postgres=bed.server_pid("postgres"), kafka=bed.server_pid("kafka"))
    started = time.time()
    daemon = pipeline.daemon(workers=workers)
    ended = bed.await_rows(pipeline, night.councils + night.declarations, daemon)
    used = servers.read()
    used["declared"] = bed.usage(daemon.process.pid)
    daemon.stop()
    seconds = ended - float(pipeline.value(FIRST))
    return {
        "workers": workers,
        "seconds": seconds,
        "since_start_s": ended - started,
        "rate": night.declarations / seconds,
        "cpu_s": {name: round(u.cpu_s, 2) for name, u in used.items()},
        "cpu_us_per_declaration": {name: u.cpu_s * 1e6 / night.declarations for name, u in used.items()},
        "written_bytes": {name: u.written for name, u in used.items()},
        "peak_bytes": {name: u.peak for name, u in used.items()},
        "wal_bytes": wal_bytes() - wal,
        "transactions": pipeline.value(TRANSACTIONS),
    }


def describe(pipeline):
    """What came of the night: the same in every run."""
    (counts,) = pipeline.rows(COUNTS)
    counts["fates"] = {row["fate"]: row["n"] for row in pipeline.rows(FATES)}
    sizes = pipeline.rows("SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class "
                          "WHERE relnamespace = 'declared'::regnamespace AND relkind = 'r' ORDER BY 2 DESC LIMIT 4")
    counts["table_bytes"] = {row["name"]: row["bytes"] for row in sizes}
    return counts


# ---- floors ----------------------------------------------------------------------------------------------

def run_copy_floor(folder, connections):
    with bed.database() as twin:
        bed.settle()
        wal = wal_bytes()
        servers = bed.Meter(postgres=bed.server_pid("postgres"))
        result = json.loads(bed.program("floor_copy", "--folder", folder, "--connections", connections, env=twin.env))
        result["postgres_cpu_s"] = round(servers.read()["postgres"].cpu_s, 2)
        result["wal_bytes"] = wal_bytes() - wal
        return result


def run_consume_floor(declarations):
    return json.loads(bed.program("floor_consume", "--bootstrap", os.environ["DECLARED_KAFKA_BOOTSTRAP_SERVERS"],
                                  "--records", declarations, "--partitions", bed.PARTITIONS))


# ---- all -------------------------------------------------------------------------------------------------

def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "n": len(values)}


def cpu_of_floor(floor):
    return floor["postgres_cpu_s"] + floor["cpu_seconds"]


def measure_workers(night, workers, repeats, what):
    """A warm-up, whose rows the floor takes; then floor and daemon in turn."""
    folder = bed.FOLDER / "rows"
    with bed.database() as pipeline:
        run_daemon(pipeline, night, workers)
        what.update(describe(pipeline))
        rows.dump(pipeline, folder)
    runs, floors, ratios, by_cpu = [], [], [], []
    for _ in range(repeats):
        floor = run_copy_floor(folder, workers)
        with bed.database() as pipeline:
            run = run_daemon(pipeline, night, workers)
        floor["rate"] = night.declarations / floor["seconds"]
        runs.append(run)
        floors.append(floor)
        ratios.append(run["rate"] / floor["rate"])
        by_cpu.append(cpu_of_floor(floor) / (run["cpu_s"]["declared"] + run["cpu_s"]["postgres"]))
        bed.say(f"  {workers} worker(s): {run['rate']:8,.0f} declarations/s, COPY floor {floor['rate']:8,.0f}/s, "
                f"ratio {ratios[-1]:.2f}, of CPU {by_cpu[-1]:.2f}")
    return {
        "workers": workers,
        "rate": spread([run["rate"] for run in runs]),
        "copy_floor_rate": spread([floor["rate"] for floor in floors]),
        "ratio_to_copy_floor": spread(ratios),
        "ratio_of_cpu": spread(by_cpu),
        "runs": runs,
        "copy_floors": floors,
    }


def measure(night, workers_list, repeats):
    """The night is in the topics already."""
    what = {"councils": night.councils, "declarations": night.declarations}
    consumed = []
    for _ in range(repeats):
        floor = run_consume_floor(night.declarations)
        consumed.append(floor["records"] / floor["seconds"])
    by_workers = [measure_workers(night, workers, repeats, what) for workers in workers_list]
    return {"night": what, "consume_floor_rate": spread(consumed), "by_workers": by_workers}
