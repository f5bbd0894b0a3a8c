#!/usr/bin/env python3
"""What a declaration costs on a night and in a catch-up, and what national views cost: figures of deploy/SCALE.md.

    tests/bench/cost.py [--rate N] [--seconds N] [--n N]

First a night: --rate declarations a second (100) for --seconds (30). Then --n declarations (50,000) as fast as they can
be published, with 400 councils and with 4,000, after which the views that read all councils are timed. Two workers. CPU
is the kernel's account of processes and their children until the last snapshot is published, WAL the distance of
pg_current_wal_lsn(), disk the tables with their indexes.
"""

import argparse
import os
import re
import subprocess
import time

import bed
from bed import support

WORKERS = 2
COUNCILS = (400, 4000)
TABLES = ("ledger", "snapshot", "ballot", "fate_change", "flash", "election")
VIEWS = {
    "council_control": "SELECT * FROM api.council_control",
    "party_totals": "SELECT * FROM api.party_totals",
    "national_fact_at": "SELECT * FROM api.national_fact_at(now())",
}


def wal_bytes():
    return int(bed.superuser("SELECT pg_current_wal_lsn() - '0/0'").split(".")[0])


def table_bytes(pipeline):
    return {name: pipeline.value(f"SELECT pg_total_relation_size('declared.{name}') AS n") for name in TABLES}


def feed(night, rate, most):
    """Sends up to `most` lines, `rate` a second; how many there were."""
    sent, began = 0, time.monotonic()
    with subprocess.Popen([str(bed.BIN / "declarectl"), "publish", "-"], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.DEVNULL) as feeder, night.lines.open(encoding="utf-8") as lines:
        for line in lines:
            if sent == most:
                break
            time.sleep(max(0.0, began + sent / rate - time.monotonic()))
            feeder.stdin.write(line)
            feeder.stdin.flush()
            sent += 1
    return sent


def publish(night):
    bed.program("declarectl", "publish", night.lines)
    return night.declarations


def measure(pipeline, daemon, send):
    """What it cost to apply what send() sends; it returns how many that were."""
    before = table_bytes(pipeline)
    bed.settle()
    wal = wal_bytes()
    rows = bed.lane_rows(pipeline)
    meter = bed.Meter(declared=daemon.process.pid, postgres=bed.server_pid("postgres"), kafka=bed.server_pid("kafka"))
    count = send()
    bed.await_rows(pipeline, rows + count, daemon)
    support.wait_for(lambda: pipeline.value("SELECT bool_and(outbox_lane_seq = lane_seq) AS told FROM declared.lane"),
                     "all of it is published", 300)
    used = meter.read()
    for name, usage in used.items():
        print(f"  CPU of {name:10} {usage.cpu_s * 1e6 / count:8.0f} us each")
    print(f"  WAL               {(wal_bytes() - wal) / count:8.0f} bytes each")
    for name, size in table_bytes(pipeline).items():
        print(f"  {name:17} {(size - before[name]) / count:8.0f} bytes each")
    print(f"  memory of declared {daemon_mib(daemon):7.0f} MiB at most")


def daemon_mib(daemon):
    return bed.usage(daemon.process.pid).peak / 2**20


def time_views(pipeline):
    for name, sql in VIEWS.items():
        times = []
        for _ in range(3):
            said = pipeline.session.ask(f"EXPLAIN (ANALYZE, TIMING off, SUMMARY on) {sql}")
            times.append(float(re.search(r"Execution Time: ([\d.]+) ms", said)[1]))
        print(f"  {name:17} {min(times):8.1f} ms, the least of 3")


def with_councils(councils, options, live):
    night = bed.simulate(councils, options.n)
    bed.fill_topics(bed.Night(night.reference, os.devnull, councils, 0))
    with bed.database() as pipeline:
        daemon = pipeline.daemon(workers=WORKERS)
        bed.await_rows(pipeline, councils, daemon)
        if live:
            print(f"{councils} councils, {options.rate} declarations a second for {options.seconds} s")
            measure(pipeline, daemon, lambda: feed(night, options.rate, options.rate * options.seconds))
        else:
            print(f"{councils} councils, a catch-up of {options.n} declarations")
            measure(pipeline, daemon, lambda: publish(night))
            time_views(pipeline)
        daemon.stop()


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, usage=__doc__)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--n", type=int, default=50_000)
    options = parser.parse_args()
    with bed.servers():
        with_councils(COUNCILS[0], options, live=True)
        for councils in COUNCILS:
            with_councils(councils, options, live=False)
    bed.remove_files()


if __name__ == "__main__":
    main()
