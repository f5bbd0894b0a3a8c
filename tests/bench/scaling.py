"""How cost and memory grow: with workers, with the ledger, with councils.

Nights of different poll days are different elections, so that a probe of 400 councils finds the same work whether
the ledger before it is short or long.
"""

import os
import time

import bed
import catchup

PROBE_COUNCILS, FILL_COUNCILS = 400, 4000
PROBE_ROWS = "FROM declared.ledger WHERE topic = 'ward-declarations' AND election_id LIKE '%.{}'"


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


def by_councils(counts, ballots_each):
    """One worker; `ballots_each` declarations a council, as in a real night."""
    found = []
    for councils in counts:
        night = bed.simulate(councils, councils * ballots_each, corrections=0)
        bed.fill_topics(night)
        with bed.database() as pipeline:
            run = catchup.run_daemon(pipeline, night, 1)
        found.append({"councils": councils, "declarations": night.declarations, "rate": run["rate"],
                      "peak_bytes": run["peak_bytes"]["declared"],
                      "cpu_us": run["cpu_us_per_declaration"]["declared"] + run["cpu_us_per_declaration"]["postgres"]})
        bed.say(f"  {councils} councils: {run['rate']:,.0f} declarations/s, a worker's memory "
                f"{run['peak_bytes']['declared'] / 2**20:,.0f} MiB at its peak")
    return found


class Growing:
    """One database whose ledger grows night by night."""

    def __init__(self, pipeline):
        self.pipeline, self.rows = pipeline, 0

    def add(self, poll_date, councils, declarations, seen=None):
        """A night that waits, then one worker that takes it; what it cost."""
        night = bed.simulate(councils, declarations, poll_date=poll_date)
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
        daemon.stop()
        began = float(self.pipeline.value("SELECT extract(epoch FROM min(received_at)) AS at " + PROBE_ROWS.format(poll_date)))
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


def by_ledger(small, large, probe):
    bed.fill_topics(bed.Night(os.devnull, os.devnull, 0, 0))
    with bed.database() as pipeline:
        growing = Growing(pipeline)
        growing.add("2026-05-07", PROBE_COUNCILS, small)
        first = growing.add("2026-05-14", PROBE_COUNCILS, probe)
        bed.say(f"  after {first['ledger_rows_before']:,} rows: {first['cpu_us']:.1f} us of CPU a declaration")
        fill = large - growing.rows
        memory = MemorySamples(growing.rows, fill)
        filled = growing.add("2026-05-21", FILL_COUNCILS, fill, memory)
        filled["memory"] = {f"{share:.0%}": memory.at(share) for share in (0.1, 0.25, 0.5, 0.75, 1)}
        last = growing.add("2026-05-28", PROBE_COUNCILS, probe)
        bed.say(f"  after {last['ledger_rows_before']:,} rows: {last['cpu_us']:.1f} us of CPU a declaration")
    return {"short": first, "fill": filled, "long": last, "cpu_ratio": last["cpu_us"] / first["cpu_us"],
            "rate_ratio": first["rate"] / last["rate"]}


def measure(night, options):
    bed.fill_topics(night)
    return {"workers": by_workers(night, (1, 2, 4), options.repeats),
            "councils": by_councils((4, 40, 400, FILL_COUNCILS), 24),
            "ledger": by_ledger(10_000, options.rows, 50_000)}
