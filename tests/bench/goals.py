"""The goals, and how the figures of a run stand to them."""

from typing import NamedTuple

MIB = 2**20


class Goal(NamedTuple):
    what: str
    wanted: str
    measured: str
    met: object  # True, False; None: not measured


def best(catchup):
    """The number of workers with which the daemon was fastest."""
    return max(catchup["by_workers"], key=lambda part: part["rate"]["median"])


def copy_floor(results):
    if "catchup" not in results:
        return None
    part = best(results["catchup"])
    ratio = part["ratio_to_copy_floor"]["median"]
    return f"{ratio:.2f} ({part['workers']} workers)", ratio >= 0.5


def peer(name, times):
    def judge(results):
        if "catchup" not in results or "rate" not in results.get("peers", {}).get(name, {}):
            return None
        ours, theirs = best(results["catchup"]), results["peers"][name]["rate"]["median"]
        ratio, most = ours["rate"]["median"] / theirs, ours["copy_floor_rate"]["median"] / theirs
        return f"{ratio:.1f}x (the COPY floor itself: {most:.1f}x)", ratio >= times
    return judge


def latency(results):
    at = next((at for at in results.get("latency", ()) if at["rate"] == 100), None)
    if at is None:
        return None
    ours, floor, contract = (at[name]["from_append_ms"]["p99"] for name in ("declared", "floor", "contract_floor"))
    return (f"{ours / floor:.2f}x (the contract's floor itself: {contract / floor:.2f}x; {ours:.1f} ms, "
            f"floor {floor:.1f} ms)", ours <= 1.5 * floor)


def instructions(results):
    if "stages" not in results.get("core", {}):
        return None
    count = results["core"]["validate_and_aggregate"]
    return f"{count:,.0f} (rows, hash and digest: {results['core']['sum'] - count:,.0f} more)", count < 20_000


def memory(results):
    if "scaling" not in results:
        return None
    at = results["scaling"]["councils"][-1]
    size = at["peak_bytes"] / MIB
    return f"{size:.0f} MiB at {at['councils']} councils, {at['declarations']:,} ballots", size < 64


def flat(results):
    if "scaling" not in results:
        return None
    sizes = results["scaling"]["ledger"]["fill"]["memory"]
    shown = ", ".join(f"{share} {size / MIB:.0f}" for share, size in sizes.items())
    return f"MiB at {shown} of the way", sizes["100%"] <= 1.1 * sizes["25%"]


def real_night(results):
    if "seconds" not in results.get("2018", {}):
        return None
    seconds = results["2018"]["seconds"]["median"]
    return f"{seconds:.2f} s for {results['2018']['ballots']:,} ballots", seconds < 1


def long_ledger(results):
    if "scaling" not in results:
        return None
    ledger = results["scaling"]["ledger"]
    return (f"{ledger['cpu_ratio']:.2f}x the CPU after {ledger['long']['ledger_rows_before']:,} rows",
            ledger["cpu_ratio"] <= 1.2)


GOALS = (
    ("catch-up against the COPY floor of the same rows", "at least 0.5", copy_floor),
    ("catch-up against the Python peer", "at least 15x", peer("python", 15)),
    ("catch-up against the Java peer", "at least 3x", peer("java", 3)),
    ("p99 latency at 100 a second against the floor's", "at most 1.5x", latency),
    ("validate + aggregate, instructions per declaration", "under 20,000", instructions),
    ("memory of a worker at 4,000 councils", "under 64 MB", memory),
    ("the same over 2 million declarations", "flat", flat),
    ("the 2,752 real ballots of 2018", "under 1 s", real_night),
    ("cost per declaration, 10 thousand to 2 million rows", "within 20 %", long_ledger),
)


def judge(results):
    found = []
    for what, wanted, judgement in GOALS:
        measured, met = judgement(results) or ("not measured", None)
        found.append(Goal(what, wanted, measured, met))
    return found
