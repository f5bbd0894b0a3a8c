"""Latency: declarations sent on a schedule, until a listening reader has the snapshot that each caused.

The daemon, the floor (floor_commit: consume, one small row, NOTIFY) and the publishing floor (floor_commit --publish:
and beside that a Kafka transaction) take turns on the same topic; each turn goes through all rates. bench_latency is
producer and reader in one process, and so on one clock.
"""

import contextlib
import json
import os
import statistics
import subprocess

import bed

NAMES = ("declared", "floor", "publishing_floor")
WARMUP_S = 2


def rates(quick, tiny=False):
    """(declarations a second, how many): at 1 a second there is time for few."""
    if tiny:
        return [(100, 100)]
    return [(1, 5), (100, 1000), (1000, 3000)] if quick else [(1, 60), (100, 6000), (1000, 20000)]


def warmup(rate):
    return max(1, rate * WARMUP_S)


def wanted_lines(plan, repeats):
    return len(NAMES) * repeats * sum(warmup(rate) + count for rate, count in plan)


class Lines:
    """The night's lines, each sent once."""

    def __init__(self, night):
        self.night, self.used = night, 0

    def send(self, pipeline, rate, count, *options):
        skip, self.used = self.used, self.used + warmup(rate) + count
        return json.loads(bed.program("bench_latency", "--bootstrap", pipeline.bootstrap, "--declarations",
                                      self.night.lines, "--rate", rate, "--count", count, "--warmup", warmup(rate),
                                      "--skip", skip, *options, env=pipeline.env))


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


def turn_of_daemon(pipeline, night, lines, plan):
    daemon = pipeline.daemon(workers=1)
    bed.await_rows(pipeline, night.councils + lines.used, daemon)
    bed.settle()
    results = [lines.send(pipeline, *step) for step in plan]
    daemon.stop()
    return results


def turn_of_floor(pipeline, lines, plan):
    bed.settle()
    with floor_running(pipeline):
        return [lines.send(pipeline, *step, "--floor") for step in plan]


def turn_of_publishing_floor(pipeline, lines, plan):
    bed.settle()
    with floor_running(pipeline, "--publish"):
        results = [lines.send(pipeline, *step, "--floor") for step in plan]
    committed, published = pipeline.session.ask(
        "SELECT (SELECT sum(last_offset - first_offset + 1) FROM floor_batch) || ' ' || "
        "(SELECT sum(records) FROM floor_outbox)").split()
    if committed != published:
        raise RuntimeError(f"the publishing floor has sent {published} of {committed} records")
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
    night = bed.simulate(councils, wanted_lines(plan, repeats), corrections=0, duplicates=0)
    bed.fill_topics(night._replace(lines=os.devnull))
    lines, turns = Lines(night), {name: [] for name in NAMES}
    with bed.database() as pipeline:
        for turn in range(repeats):
            turns["declared"].append(turn_of_daemon(pipeline, night, lines, plan))
            turns["floor"].append(turn_of_floor(pipeline, lines, plan))
            turns["publishing_floor"].append(turn_of_publishing_floor(pipeline, lines, plan))
            bed.say(f"  latency, turn {turn + 1} of {repeats} done")
    return [{"rate": rate, **{name: together([results[i] for results in turns[name]]) for name in NAMES}}
            for i, (rate, _) in enumerate(plan)]
