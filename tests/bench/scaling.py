"""How cost and memory grow: with workers, with the ledger, with councils.

Nights of different poll days are different elections, so that a probe of 400 councils finds the same work whether
the ledger before it is short or long.
"""

import os
import time
from typing import NamedTuple

import bed
import catchup


class Sizes(NamedTuple):
    councils: tuple  # of the nights that show how memory grows with them
    first: int  # declarations before the first probe
    probe: int  # declarations of a probe, and its councils
    probe_councils: int
    fill_councils: int


FULL = Sizes((4, 40, 400, 4000), 10_000, 50_000, 400, 4000)
TINY = Sizes((4, 8), 500, 500, 10, 10)
BALLOTS_EACH = 24  # of a council, as in a real night
BEGAN = ("SELECT extract(epoch FROM min(received_at)) AS at FROM declared.ledger"
         " WHERE topic = 'ward-declarations' AND election_id LIKE '%.{}'")


def by_workers(night, counts, repeats):
    """The night is in the topics already."""
    found = []
    for workers in counts:
        rates = []
        for _ in range(repeats):
            with bed.database() as pipeline:
                rates.append(catchup.run_daemon(pipeline, night, workers)["rate"])
        found.append({"workers": workers, "rate": catchup.spread(rates)})
        bed.say(f"  {workers} workers: {found[-1]['rate']['median']:,.0f} declarations/s")
    return found


def by_councils(sizes):
    """One worker, and every council's ballots once."""
    found = []
    for councils in sizes.councils:
        night = bed.simulate(councils, councils * BALLOTS_EACH, corrections=0)
        bed.fill_topics(night)
        with bed.database() as pipeline:
            run = catchup.run_daemon(pipeline, night, 1)
        found.append({"councils": councils, "declarations": night.declarations, "rate": run["rate"],
                      "peak_bytes": run["peak_bytes"]["declared"],
                      "cpu_us": run["cpu_us_per_declaration"]["declared"] + run["cpu_us_per_declaration"]["postgres"]})
        bed.say(f"  {councils} councils: {run['rate']:,.0f} declarations/s, a worker's memory "
                f"{run['peak_bytes']['declared'] / 2**20:,.0f} MiB at its peak")
    return found


def await_published(pipeline):
    """What a night left for Kafka must not be the next one's cost."""
    while int(pipeline.session.ask("SELECT sum(lane_seq - outbox_lane_seq) FROM declared.lane").strip()) > 0:
        time.sleep(0.2)


class Growing:
    """One database whose ledger grows night by night."""

    def __init__(self, pipeline):
        self.pipeline, self.rows = pipeline, 0

    def add(self, poll_date, councils, declarations, seen=None, corrections=0.03):
        """A night that waits, then one worker that takes it; what it cost."""
        night = bed.simulate(councils, declarations, poll_date=poll_date, corrections=corrections)
        bed.send_night(night)
        for file in (night.reference, night.lines):
            file.unlink()
        bed.superuser("VACUUM ANALYZE", self.pipeline.name)
        bed.settle()
        self.rows += councils + declarations
        meter = bed.Meter(postgres=bed.server_pid("postgres"))
        daemon = self.pipeline.daemon(workers=1)
        ended = bed.await_rows(self.pipeline, self.rows, daemon, timeout=7200,
                               seen=None if seen is None else lambda rows: seen(rows, daemon.process.pid))
        used, ours = meter.read()["postgres"], bed.usage(daemon.process.pid)
        await_published(self.pipeline)
        daemon.stop()
        began = float(self.pipeline.value(BEGAN.format(poll_date)))
        return {"ledger_rows_before": self.rows - councils - declarations, "declarations": declarations,
                "rate": declarations / (ended - began), "peak_bytes": ours.peak,
                "cpu_us": (used.cpu_s + ours.cpu_s) * 1e6 / declarations,
                "declared_cpu_us": ours.cpu_s * 1e6 / declarations}


class MemorySamples:
    """A worker's memory, every second."""

    def __init__(self, rows_before, rows):
        self.before, self.rows, self.next, self.samples = rows_before, rows, 0.0, []

    def __call__(self, rows, pid):
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + 1
            self.samples.append((rows - self.before, bed.memory(pid)))

    def at(self, share):
        """The first sample after that share of the rows."""
        return next((size for rows, size in self.samples if rows >= share * self.rows), self.samples[-1][1])


def probe(growing, poll_dates, sizes):
    """The night of median cost of some that are alike: a checkpoint or an autovacuum falls into some."""
    nights = [growing.add(date, sizes.probe_councils, sizes.probe) for date in poll_dates]
    middle = sorted(nights, key=lambda night: night["cpu_us"])[len(nights) // 2]
    bed.say(f"  after {nights[0]['ledger_rows_before']:,} rows: {middle['cpu_us']:.1f} us of CPU a declaration")
    return dict(middle, ledger_rows_before=nights[0]["ledger_rows_before"],
                cpu_us_of_nights=[night["cpu_us"] for night in nights])


def by_ledger(sizes, large):
    """The same work before a short ledger and a long one, and a worker's memory while the ledger grows."""
    bed.fill_topics(bed.Night(os.devnull, os.devnull, 0, 0))
    with bed.database() as pipeline:
        growing = Growing(pipeline)
        growing.add("2026-05-07", sizes.probe_councils, sizes.first)
        first = probe(growing, ("2026-05-08", "2026-05-14", "2026-05-15"), sizes)
        fill = large - growing.rows
        memory = MemorySamples(growing.rows, fill)
        first_ones = sizes.fill_councils * BALLOTS_EACH  # the rest are corrections, and the duplicates of every night
        filled = growing.add("2026-05-21", sizes.fill_councils, fill, memory, max(0.03, 0.98 - first_ones / fill))
        filled["memory"] = {f"{share:.0%}": memory.at(share) for share in (0.1, 0.25, 0.5, 0.75, 1)}
        last = probe(growing, ("2026-05-28", "2026-05-29", "2026-06-04"), sizes)
    return {"short": first, "fill": filled, "long": last, "cpu_ratio": last["cpu_us"] / first["cpu_us"],
            "rate_ratio": first["rate"] / last["rate"]}


def measure(night, repeats, rows, tiny):
    sizes = TINY if tiny else FULL
    bed.fill_topics(night)
    return {"workers": by_workers(night, (1, 2, 4), repeats), "councils": by_councils(sizes),
            "ledger": by_ledger(sizes, rows)}
