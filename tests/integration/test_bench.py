#!/usr/bin/env python3
"""The benchmarks still run: all of them, at a tiny size, on the servers that are up. No time is asserted.

`scaling`, which fills a ledger, is run with a few thousand rows. The peers take part where an earlier run of
tests/bench/run has fetched and built them.
"""

import json
import os
import subprocess
import sys
import tempfile

import support

RUN = os.path.join(support.ROOT, "tests", "bench", "run")
BUILT = os.path.join(support.ROOT, "build", "bench")
PEERS = {"python": os.path.join(BUILT, "python", "requirements.done"),
         "java": os.path.join(BUILT, "java", "target", "peer.jar")}
DECLARATIONS, COUNCILS = 2000, 20


class Benchmark:
    """What one run has measured and said."""

    def __init__(self, *options):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            done = subprocess.run([RUN, "--tiny", "--servers", support.LOCAL, "--json", file.name, "--repeats", "1",
                                   "--n", str(DECLARATIONS), "--councils", str(COUNCILS), "--workers", "2", *options],
                                  capture_output=True, text=True, timeout=500, check=False)
            assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
            self.said, self.results = done.stdout, json.load(file)


def check_catchup(benchmark):
    night = benchmark.results["catchup"]["night"]
    assert sum(night["fates"].values()) == DECLARATIONS, night
    assert night["fates"]["duplicate"] == DECLARATIONS // 100, night
    (part,) = benchmark.results["catchup"]["by_workers"]
    floor, run = part["copy_floors"][0], part["runs"][0]
    assert floor["transactions"] > 0 and floor["rows"] > 2 * DECLARATIONS, floor
    assert run["transactions"] > 0 and run["wal_bytes"] > 0 and run["peak_bytes"]["declared"] > 0, run


def check_peers(benchmark, wanted):
    for name in wanted:
        for run in benchmark.results["peers"][name]["runs"]:
            assert run["declarations"] == DECLARATIONS and run["snapshots_that_differ"] == 0, run


def check_latency(benchmark):
    for at in benchmark.results["latency"]:
        for name in ("declared", "floor", "contract_floor"):
            assert at[name]["seen"] == at[name]["sent"] > 0, at
            assert at[name]["from_append_ms"]["p50"] <= at[name]["from_append_ms"]["p99"], at
            assert f"/s {name.replace('_', ' ')} " in benchmark.said, benchmark.said
    assert "the contract's floor itself: " in benchmark.said, benchmark.said


def check_core(benchmark):
    core = benchmark.results["core"]
    if "left_out" not in core:
        assert core["accepted"] > 0 and 0 < core["validate_and_aggregate"] < core["sum"], core


def check_2018(benchmark):
    night = benchmark.results["2018"]
    if "left_out" in night:
        assert night["left_out"] in benchmark.said
    else:
        assert night["ballots"] == 2752 and sum(night["fates"].values()) == 2752, night


def every_benchmark_runs():
    wanted = [name for name, made in PEERS.items() if os.path.exists(made)]
    names = ["catchup", "latency", "2018", "replay", "core", *(["peers"] if wanted else [])]
    benchmark = Benchmark("--only", ",".join(names), "--peers", ",".join(wanted))
    check_catchup(benchmark)
    check_latency(benchmark)
    check_2018(benchmark)
    check_core(benchmark)
    if wanted:
        check_peers(benchmark, wanted)
    assert benchmark.results["replay"]["rows"] == DECLARATIONS + COUNCILS
    goals = benchmark.results["goals"]
    assert len(goals) == 9 and all(goal["what"] in benchmark.said for goal in goals), goals
    assert benchmark.results["settings"]["fsync"] == benchmark.results["settings"]["synchronous_commit"] == "on"


def scaling_runs():
    benchmark = Benchmark("--only", "scaling", "--rows", "4000")
    scaling = benchmark.results["scaling"]
    assert [at["workers"] for at in scaling["workers"]] == [1, 2, 4]
    assert scaling["ledger"]["long"]["ledger_rows_before"] >= 4000, scaling["ledger"]
    assert scaling["ledger"]["fill"]["memory"]["100%"] > 0


def main():
    support.needed("DECLARED_KAFKA_BOOTSTRAP_SERVERS")
    failed = 0
    for test in (every_benchmark_runs, scaling_runs):
        try:
            test()
            print(f"ok     {test.__name__}")
        except (AssertionError, KeyError, subprocess.TimeoutExpired) as problem:
            failed += 1
            print(f"FAILED {test.__name__}: {problem!r}")
    print(f"{2 - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
