"""Latency: declarations sent on a schedule, until a listening reader has the snapshot that each caused.

The daemon, the floor (floor_commit: consume, one small row, NOTIFY) and the contract's floor (floor_commit --rows
--publish: and beside that the rows that the daemon writes, and a Kafka transaction) take turns on the same topic, each
turn beginning with another; each goes through all rates. bench_latency is producer and reader in one process, and so on
one clock.
"""

import contextlib
import json
import os
import statistics
import subprocess
from typing import NamedTuple

import bed
import rows

NAMES = ("declared", "floor", "contract_floor")  # declared begins: the last one writes its rows
WARMUP_S = 2
FIRST_WARMUP_RATE = 100  # at least: at 1 a second nothing grows warm
BROKER_WARMUP_RATE = 200  # a Kafka transaction for each
PACE_MS = 100  # of the daemon's Kafka transactions
BALLOTS_A_COUNCIL = 100  # the simulator makes up to 120; what goes beyond are corrections, not each with a snapshot


class Plan(NamedTuple):
    rates: list  # (declarations a second, how many)
    first_warmup_s: int  # more, before a program's first turn at a rate
    broker_warmup_s: int  # before all of them: the broker compiles its code while it runs


def plan_of(quick, tiny=False):
    """At 1 a second there is time for few."""
    if tiny:
        return Plan([(100, 100)], 1, 1)
    if quick:
        return Plan([(1, 5), (100, 1000), (1000, 3000)], 3, 5)
    return Plan([(1, 60), (100, 6000), (1000, 10000)], 10, 60)


class Step(NamedTuple):
    rate: int
    warmup: int  # declarations
    count: int
    told: bool


def steps_of(plan, turn):
    for rate, count in plan.rates:
        if turn == 0:
            first_rate = max(rate, FIRST_WARMUP_RATE)
            yield Step(first_rate, 0, first_rate * plan.first_warmup_s, told=False)
        yield Step(rate, rate * WARMUP_S, count, told=True)


def broker_warmup(plan):
    return Step(BROKER_WARMUP_RATE, 0, BROKER_WARMUP_RATE * plan.broker_warmup_s, told=False)


def wanted_lines(plan, repeats):
    return broker_warmup(plan).count + len(NAMES) * sum(
        step.warmup + step.count for turn in range(repeats) for step in steps_of(plan, turn))


class Lines:
    """The night's lines, each sent once."""

    def __init__(self, night):
        self.night, self.used = night, 0

    def send(self, pipeline, step, *options):
        skip, self.used = self.used, self.used + step.warmup + step.count
        return json.loads(bed.program("bench_latency", "--bootstrap", pipeline.bootstrap, "--declarations",
                                      self.night.lines, "--rate", step.rate, "--count", step.count, "--warmup",
                                      step.warmup, "--skip", skip, *options, env=pipeline.env))

    def send_all(self, pipeline, steps, *options):
        """The answers to the steps that are told."""
        answers = [(step, self.send(pipeline, step, *options)) for step in steps]
        return [answer for step, answer in answers if step.told]


@contextlib.contextmanager
def floor_running(pipeline, *options):
    process = subprocess.Popen([str(bed.BIN / "floor_commit"), "--bootstrap", pipeline.bootstrap, "--partitions",
                                str(bed.PARTITIONS), *options], env=pipeline.env, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout.readline() != "reading\n":
            raise RuntimeError("floor_commit ended")
        yield
    finally:
        process.terminate()
        if process.wait() != 0:
            raise RuntimeError(f"floor_commit: exit {process.returncode}")


def turn_of_daemon(pipeline, night, lines, steps, folder=None):
    """`folder`: the rows that it writes are left there."""
    daemon = pipeline.daemon(workers=1)
    bed.await_rows(pipeline, night.councils + lines.used, daemon)
    bed.settle()
    before = rows.newest_transaction(pipeline)
    results = lines.send_all(pipeline, steps)
    daemon.stop()
    if folder is not None:
        rows.dump(pipeline, folder, before)
    return results


def turn_of_floor(pipeline, lines, steps):
    bed.settle()
    with floor_running(pipeline):
        return lines.send_all(pipeline, steps, "--floor")


def turn_of_publishing_floor(pipeline, lines, steps, pace_ms, *options):
    bed.settle()
    with floor_running(pipeline, "--publish", str(pace_ms), *options):
        results = lines.send_all(pipeline, steps, "--floor")
    committed, published = pipeline.session.ask(
        "SELECT (SELECT sum(last_offset - first_offset + 1) FROM floor_batch) || ' ' || "
        "(SELECT sum(records) FROM floor_outbox)").split()
    if committed != published:
        raise RuntimeError(f"the publishing floor has sent {published} of {committed} records")
    return results


def turn_of_contract_floor(pipeline, lines, steps, folder):
    results = turn_of_publishing_floor(pipeline, lines, steps, PACE_MS, "--rows", str(folder))
    committed, written = pipeline.session.ask(
        "SELECT (SELECT sum(last_offset - first_offset + 1) FROM floor_batch) || ' ' || "
        "(SELECT count(*) FROM floor_rows.ledger)").split()
    if int(written) < int(committed):
        raise RuntimeError(f"the contract's floor has written {written} rows for {committed} records")
    return results


def together(turns):
    """Of one rate: the medians over the turns, and the spread of the p99."""
    joined = {"rate": turns[0]["rate"], "sent": sum(t["sent"] for t in turns), "seen": sum(t["seen"] for t in turns),
              "late_max_ms": max(t["late_max_ms"] for t in turns)}
    for name in ("from_append_ms", "from_schedule_ms"):
        joined[name] = {which: statistics.median(t[name][which] for t in turns) for which in ("p50", "p99")}
        joined[name]["max"] = max(t[name]["max"] for t in turns)
        joined[name]["p99_of_turns"] = [t[name]["p99"] for t in turns]
    return joined


def measure(councils, plan, repeats):
    wanted = wanted_lines(plan, repeats)
    night = bed.simulate(max(councils, wanted // BALLOTS_A_COUNCIL), wanted, corrections=0, duplicates=0)
    bed.fill_topics(night._replace(lines=os.devnull))
    lines, turns = Lines(night), {name: [] for name in NAMES}
    folder = bed.FOLDER / "latency-rows"
    with bed.database() as pipeline:
        rows.make_tables(pipeline)
        turn_of_publishing_floor(pipeline, lines, [broker_warmup(plan)], pace_ms=0)
        for turn in range(repeats):
            first = turn % len(NAMES)
            for name in NAMES[first:] + NAMES[:first]:
                steps = steps_of(plan, turn)
                if name == "declared":
                    result = turn_of_daemon(pipeline, night, lines, steps, folder if turn == 0 else None)
                elif name == "floor":
                    result = turn_of_floor(pipeline, lines, steps)
                else:
                    result = turn_of_contract_floor(pipeline, lines, steps, folder)
                turns[name].append(result)
            bed.say(f"  latency, turn {turn + 1} of {repeats} done")
    return [{"rate": rate, **{name: together([results[i] for results in turns[name]]) for name in NAMES}}
            for i, (rate, _) in enumerate(plan.rates)]
