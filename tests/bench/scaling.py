"""How cost and memory grow: with workers, with the ledger, with councils.

Nights of different poll days are different elections, so that a night of 400 councils is the same work whether the
ledger before it is short or long. Each is taken by both, one right after the other: machines drift within minutes.
"""

import os
import statistics
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
    probed: tuple  # poll dates


FULL = Sizes((4, 40, 400, 4000), 10_000, 50_000, 400, 4000,
             ("2026-05-28", "2026-05-29", "2026-06-04", "2026-06-05", "2026-06-11"))
TINY = Sizes((4, 8), 500, 500, 10, 10, ("2026-05-28",))
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
    """A database whose ledger grows night by night."""

    def __init__(self, pipeline, rows=0):
        self.pipeline, self.rows = pipeline, rows

    def skip_to(self, other):
        """What only the other one is to have is passed over."""
        for at in other.pipeline.rows("SELECT lane, declarations_next, desk_next FROM declared.lane"):
            self.pipeline.session.ask(f"UPDATE declared.lane SET declarations_next = {at['declarations_next']}, "
                                      f"desk_next = {at['desk_next']} WHERE lane = {at['lane']}")

    def take(self, night, poll_date, seen=None):
        """What it costs one worker to take the night that waits."""
        bed.superuser("VACUUM ANALYZE", self.pipeline.name)
        bed.settle()
        self.rows += night.councils + night.declarations
        meter, wal = bed.Meter(postgres=bed.server_pid("postgres")), catchup.wal_bytes()
        daemon = self.pipeline.daemon(workers=1)
        ended = bed.await_rows(self.pipeline, self.rows, daemon, timeout=7200,
                               seen=None if seen is None else lambda rows: seen(rows, daemon.process.pid))
        used, ours, wal = meter.read()["postgres"], bed.usage(daemon.process.pid), catchup.wal_bytes() - wal
        await_published(self.pipeline)
        daemon.stop()
        began = float(self.pipeline.value(BEGAN.format(poll_date)))
        return {"ledger_rows_before": self.rows - night.councils - night.declarations,
                "declarations": night.declarations, "rate": night.declarations / (ended - began),
                "peak_bytes": ours.peak, "wal_bytes": wal / night.declarations,
                "cpu_us": (used.cpu_s + ours.cpu_s) * 1e6 / night.declarations,
                "declared_cpu_us": ours.cpu_s * 1e6 / night.declarations}


def send(poll_date, councils, declarations, corrections=0.03):
    night = bed.simulate(councils, declarations, poll_date=poll_date, corrections=corrections)
    bed.send_night(night)
    for file in (night.reference, night.lines):
        file.unlink()
    return night


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


def probe(short, long, poll_date, sizes, short_first):
    """A night taken by a copy of the short ledger and by the long one, right after each other: (short, long)."""
    with bed.database(copy_of=short.pipeline.name) as copy:
        ledgers = (Growing(copy, short.rows), long)
        ledgers[0].skip_to(long)
        night = send(poll_date, sizes.probe_councils, sizes.probe)
        order = ledgers if short_first else ledgers[::-1]
        found = [ledger.take(night, poll_date) for ledger in order]
    return found if short_first else found[::-1]


def middle_of(nights):
    """Medians, and of each night the CPU: a checkpoint or an autovacuum falls into some."""
    return {"ledger_rows_before": nights[0]["ledger_rows_before"], "cpu_us_of_nights": [n["cpu_us"] for n in nights],
            **{name: statistics.median(n[name] for n in nights)
               for name in ("rate", "cpu_us", "declared_cpu_us", "wal_bytes")}}


def by_ledger(sizes, large):
    """The same nights taken by a short ledger and a long one, and a worker's memory while the long one grows."""
    bed.fill_topics(bed.Night(os.devnull, os.devnull, 0, 0))
    with bed.database() as first_one, bed.database() as other:
        short, long = Growing(first_one), Growing(other)
        night = send("2026-05-07", sizes.probe_councils, sizes.first)
        for ledger in (short, long):
            ledger.take(night, "2026-05-07")
        first_one.session.close()
        fill = large - long.rows
        memory = MemorySamples(long.rows, fill)
        first_ones = sizes.fill_councils * BALLOTS_EACH  # the rest are corrections, and the duplicates of every night
        night = send("2026-05-21", sizes.fill_councils, fill, max(0.03, 0.98 - first_ones / fill))
        filled = long.take(night, "2026-05-21", memory)
        filled["memory"] = {f"{share:.0%}": memory.at(share) for share in (0.1, 0.25, 0.5, 0.75, 1)}
        pairs = [probe(short, long, date, sizes, i % 2 == 0) for i, date in enumerate(sizes.probed)]
    before, after = ([pair[i] for pair in pairs] for i in (0, 1))
    ratios = [b["cpu_us"] / a["cpu_us"] for a, b in pairs]
    found = {"short": middle_of(before), "fill": filled, "long": middle_of(after),
             "cpu_ratio": statistics.median(ratios), "cpu_ratios": ratios}
    bed.say(f"  a long ledger's CPU a declaration against a short one's: {', '.join(f'{r:.2f}' for r in ratios)}")
    return found


def measure(night, repeats, rows, tiny):
    sizes = TINY if tiny else FULL
    bed.fill_topics(night)
    return {"workers": by_workers(night, (1, 2, 4), repeats), "councils": by_councils(sizes),
            "ledger": by_ledger(sizes, rows)}
