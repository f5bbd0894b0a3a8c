"""Latency: declarations sent on a schedule, until a listening reader has the snapshot that each caused.

The daemon, the floor (floor_commit: consume, one small row, NOTIFY) and the contract's floor (floor_commit --rows
--publish: and beside that the rows that the daemon writes, and a Kafka transaction) take turns on the same topic, each
turn beginning with another: first at the lowest rate, last at the highest, which may leave PostgreSQL work for a while.
bench_latency is producer and reader in one process, and so on one clock. Each turn has a night of its own, no larger
than a country's, and the daemon is started for it.
"""

import contextlib
import datetime
import json
import os
import statistics
import subprocess
from typing import NamedTuple

import bed
import rows

NAMES = ("declared", "floor", "contract_floor")
WARMUP_S = 2
BEFORE_RATE = 100
PACE_MS = 100  # of the daemon's Kafka transactions
BALLOTS_A_COUNCIL = 24
FIRST_POLL = datetime.date(2020, 5, 7)
DAYS_BETWEEN = 8  # so that none is of the week whose elections the daemon reads after its start


class Step(NamedTuple):
    rate: int  # declarations a second
    count: int
    once: bool = False  # one turn, whatever the repeats

    @property
    def before(self):
        """Sent faster than the step: at 1 a second nothing grows warm."""
        return BEFORE_RATE * WARMUP_S if self.rate < BEFORE_RATE else 0

    @property
    def warmup(self):
        return self.rate * WARMUP_S


class Plan(NamedTuple):
    """The broker compiles its code while it runs, so first come, untold, Kafka transactions and then the daemon."""

    warm_transactions: Step  # one behind the other
    warm_daemon: Step  # leaves the rows that the contract's floor takes
    steps: list


def plan_of(quick, tiny=False):
    """At 1 a second there is time for few, and in a quick run for one turn."""
    if tiny:
        return Plan(Step(100, 100), Step(100, 100), [Step(100, 100)])
    if quick:
        return Plan(Step(1000, 10000), Step(400, 3000), [Step(1, 3, once=True), Step(100, 700), Step(1000, 1500)])
    return Plan(Step(1000, 60000), Step(200, 8000), [Step(1, 30), Step(100, 3000), Step(1000, 6000)])


class Nights:
    """A night for each step, of a poll day of its own: each ballot once."""

    def __init__(self, councils):
        self.councils, self.made = councils, 0
        self.daemon_rows = 0  # of the ledger

    @contextlib.contextmanager
    def night(self, step):
        count = step.before + step.warmup + step.count
        poll = FIRST_POLL + datetime.timedelta(days=DAYS_BETWEEN * self.made)
        self.made += 1
        night = bed.simulate(max(self.councils, count // BALLOTS_A_COUNCIL), count, poll_date=poll.isoformat(),
                             corrections=0, duplicates=0)
        yield night
        for file in (night.reference, night.lines):
            file.unlink()


def run_latency(pipeline, night, *options):
    return bed.program("bench_latency", "--bootstrap", pipeline.bootstrap, "--declarations", night.lines, *options,
                       env=pipeline.env)


def send(pipeline, night, step, *options):
    """What bench_latency says of the step."""
    bed.settle()
    if step.before > 0:
        run_latency(pipeline, night, "--rate", BEFORE_RATE, "--count", step.before, *options)
    return json.loads(run_latency(pipeline, night, "--rate", step.rate, "--count", step.count, "--warmup", step.warmup,
                                  "--skip", step.before, *options))


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


def pass_over_floors(pipeline):
    """What a floor has taken is not the daemon's."""
    pipeline.session.ask("INSERT INTO declared.lane (lane, declarations_next) "
                         "SELECT partition, max(last_offset) + 1 FROM floor_batch GROUP BY 1 "
                         "ON CONFLICT (lane) DO UPDATE SET declarations_next = "
                         "greatest(lane.declarations_next, excluded.declarations_next)")


def turn_of_daemon(pipeline, nights, step):
    """With this night alone at hand, as it is in one."""
    pass_over_floors(pipeline)
    with nights.night(step) as night:
        bed.send_night(night._replace(lines=os.devnull))
        daemon = pipeline.daemon(workers=1)
        bed.await_rows(pipeline, nights.daemon_rows + night.councils, daemon)
        answer = send(pipeline, night, step)
        nights.daemon_rows += night.councils + night.declarations
        bed.await_rows(pipeline, nights.daemon_rows, daemon)
        daemon.stop()
    return answer


def turn_of_floor(pipeline, nights, step, *options):
    with nights.night(step) as night, floor_running(pipeline, *options):
        return send(pipeline, night, step, "--floor")


def turn_of_publishing_floor(pipeline, nights, step, pace_ms, *options):
    answer = turn_of_floor(pipeline, nights, step, "--publish", str(pace_ms), *options)
    committed, published = pipeline.session.ask(
        "SELECT (SELECT sum(last_offset - first_offset + 1) FROM floor_batch) || ' ' || "
        "(SELECT sum(records) FROM floor_outbox)").split()
    if committed != published:
        raise RuntimeError(f"the publishing floor has sent {published} of {committed} records")
    return answer


def turn_of_contract_floor(pipeline, nights, step, folder):
    answer = turn_of_publishing_floor(pipeline, nights, step, PACE_MS, "--rows", str(folder))
    committed, written = pipeline.session.ask(
        "SELECT (SELECT sum(last_offset - first_offset + 1) FROM floor_batch) || ' ' || "
        "(SELECT count(*) FROM floor_rows.ledger)").split()
    if int(written) < int(committed):
        raise RuntimeError(f"the contract's floor has written {written} rows for {committed} records")
    return answer


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
    bed.fill_topics(bed.Night(os.devnull, os.devnull, 0, 0))
    nights, folder = Nights(councils), bed.FOLDER / "latency-rows"
    with bed.database() as pipeline:
        take = {"declared": lambda step: turn_of_daemon(pipeline, nights, step),
                "floor": lambda step: turn_of_floor(pipeline, nights, step),
                "contract_floor": lambda step: turn_of_contract_floor(pipeline, nights, step, folder)}
        rows.make_tables(pipeline)
        turn_of_publishing_floor(pipeline, nights, plan.warm_transactions, pace_ms=0)
        turn_of_daemon(pipeline, nights, plan.warm_daemon)
        rows.dump(pipeline, folder, declarations_only=True)
        return [measure_step(take, step, repeats) for step in plan.steps]


def measure_step(take, step, repeats):
    turns = {name: [] for name in NAMES}
    for turn in range(1 if step.once else repeats):
        first = (turn + 1) % len(NAMES)  # the warm-up's last was the daemon's
        for name in NAMES[first:] + NAMES[:first]:
            turns[name].append(take[name](step))
    bed.say(f"  latency at {step.rate} a second done")
    return {"rate": step.rate, **{name: together(turns[name]) for name in NAMES}}
