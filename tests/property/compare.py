#!/usr/bin/env python3
"""Random nights through the C core and through the model: do they agree?

    compare.py [--driver PROGRAM] [--seed N] [--cases N] [--only SEED] [--files CASE.json ...]

The driver reads one JSON object a line, an input each:
    {"case": n, "rules": {...first line of a case only...}, "topic", "partition", "offset",
     "received_at_us", "key", "type", "value"}
(`type` and `value` null: bytes that could not be read) and answers {"end": n} with one line
    {"case": n, "rows": [{"lane_seq", "fate", "reasons"}],
     "changes": [{"lane_seq", "fate", "reasons", "trigger_lane_seq"}],
     "snapshots": [{columns of api.council_control, "is_test", "flashes": [{"kind", "retracts"}]}]}

The first case that differs is shrunk by dropping inputs, and shown. Every fourth case is a calm
night (no conflicts) in a random order; test_model.py shows that order does not matter to it.
"""

import argparse
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import generate

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_DRIVER = os.path.join(HERE, "..", "..", "build", "bin", "core-lines")
CHUNK = 100

COLUMNS = ["status", "control", "outcome", "gained_from", "previous_control", "previous_control_lost", "majority",
           "majority_at_least", "largest_party", "seats_total", "threshold", "seats_declared", "seats_to_come",
           "seats_postponed", "ballots_total", "ballots_declared", "ballots_postponed", "ballots_held",
           "votes_complete", "headline"]
STATIC_COLUMNS = ["council_id", "council_name", "short_name", "kind", "nation", "region", "poll_date"]
SEAT_COLUMNS = ["party_id", "held", "won", "continuing", "change", "votes"]
SEAT_STATIC_COLUMNS = ["short", "group", "colour", "text_colour"]
CAUSE_COLUMNS = ["record", "topic", "partition", "kafka_offset", "lane_seq", "event_id", "ballot_paper_id",
                 "revision", "by"]


# --- The driver ------------------------------------------------------------------

class DriverFailed(Exception):
    pass


def lines_of(number, case):
    for n, record in enumerate(case["inputs"]):
        line = {"case": number, **record}
        if n == 0:
            line["rules"] = case.get("rules") or {}
        yield json.dumps(line)
    yield json.dumps({"end": number})


def drive(command, cases):
    """The driver's answers; its death is told with what it said last."""
    text = "".join(line + "\n" for n, case in enumerate(cases) for line in lines_of(n, case))
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    answers = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        answers[answer["case"]] = answer
    if done.returncode != 0 or len(answers) != len(cases):
        first = next((n for n in range(len(cases)) if n not in answers), None)
        failure = DriverFailed(f"driver ended with {done.returncode}, {len(answers)} of {len(cases)} answers; "
                               f"it said: {done.stderr.strip()[-2000:]}")
        failure.case = first
        raise failure
    return [answers[n] for n in range(len(cases))]


# --- Comparing -------------------------------------------------------------------

def instant(value):
    """Microseconds, of microseconds or of an RFC 3339 text."""
    if not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


def flash_shape(flash, other):
    """A flash for comparison: what it retracts in full only if both sides say it the same way."""
    retracts = flash.get("retracts")
    if retracts is not None and not (isinstance(retracts, dict) and isinstance(other.get("retracts"), dict)):
        retracts = "something"
    return {"kind": flash["kind"], "retracts": retracts}


def row_differences(ours, theirs):
    for a, b in zip(ours, theirs):
        for name in ("lane_seq", "fate"):
            yield f"row {a['lane_seq']} {name}", a[name], b.get(name)
        yield f"row {a['lane_seq']} reasons", sorted(a["reasons"]), sorted(b.get("reasons", []))
    yield "number of rows", len(ours), len(theirs)


def change_differences(ours, theirs):
    def by_row(changes):
        grouped = {}
        for c in changes:
            grouped.setdefault(c["lane_seq"], []).append((c["fate"], sorted(c["reasons"]), c["trigger_lane_seq"]))
        return grouped
    a, b = by_row(ours), by_row(theirs)
    for lane_seq in sorted({*a, *b}):
        yield f"changes of row {lane_seq}, (fate, reasons, trigger)", a.get(lane_seq, []), b.get(lane_seq, [])


def snapshot_differences(where, a, b):
    yield f"{where} seq", a["seq"], b.get("seq")
    for name in COLUMNS:
        yield f"{where} {name}", a[name], b.get(name, "(no such column)")
    for name in STATIC_COLUMNS:
        if name in b:
            yield f"{where} {name}", a[name], b[name]
    short = b.get("headline_short")
    yield f"{where} headline_short is null", a["headline_short"] is None, short is None
    yield f"{where} headline_short fits", True, short is None or len(short) <= 28
    yield f"{where} parties in order", [s["party_id"] for s in a["seats"]], [s["party_id"] for s in b["seats"]]
    for ours, theirs in zip(a["seats"], b["seats"]):
        for name in SEAT_COLUMNS + [n for n in SEAT_STATIC_COLUMNS if n in theirs]:
            yield f"{where} seats[{ours['party_id']}].{name}", ours[name], theirs.get(name, "(no such column)")
    for name in ("recorded_at", "called_at"):
        yield f"{where} {name}", a[name], instant(b.get(name))
    cause = b.get("cause") or {}
    for name in CAUSE_COLUMNS:
        theirs = cause.get(name)
        if name == "record" and theirs is not None:
            theirs = theirs.removeprefix("declared.")
        if name in cause or name in ("topic", "partition", "kafka_offset"):
            yield f"{where} cause.{name}", a["cause"][name], theirs
    ours, theirs = a["flashes"], b.get("flashes", [])
    yield f"{where} flashes", [f["kind"] for f in ours], [f["kind"] for f in theirs]
    for x, y in zip(ours, theirs):
        yield f"{where} flash", flash_shape(x, y), flash_shape(y, x)


def all_differences(ours, theirs):
    yield from row_differences(ours["rows"], theirs["rows"])
    yield from change_differences(ours["changes"], theirs["changes"])

    def spaces(result):
        grouped = {}
        for s in result["snapshots"]:
            grouped.setdefault((s["election_id"], s["is_test"]), []).append(s)
        return grouped
    a, b = spaces(ours), spaces(theirs)
    for space in sorted({*a, *b}):
        name = space[0] + (" (test)" if space[1] else "")
        x, y = a.get(space, []), b.get(space, [])
        for n, (one, other) in enumerate(zip(x, y), 1):
            yield from snapshot_differences(f"{name} snapshot {n}", one, other)
        yield f"{name} number of snapshots", [s["cause"]["lane_seq"] for s in x], \
            [(s.get("cause") or {}).get("lane_seq") for s in y]


def first_difference(ours, theirs, ignored=()):
    """(where, the model's, the driver's) of the first difference, or None."""
    for where, a, b in all_differences(ours, theirs):
        if a != b and not any(word in where for word in ignored):
            return where, a, b
    return None


# --- Shrinking and showing -----------------------------------------------------------

def judge_case(command, case, ignored):
    """None if both agree, else the difference."""
    try:
        theirs = drive(command, [case])[0]
    except DriverFailed as failure:
        return "the driver", "an answer", str(failure)
    return first_difference(generate.run_case(case), theirs, ignored)


def shrink(command, case, ignored):
    """Drop inputs, several at once and then one by one, while the two still differ."""
    inputs = case["inputs"]
    size = max(1, len(inputs) // 2)
    while size >= 1:
        at = 0
        while at < len(inputs):
            fewer = inputs[:at] + inputs[at + size:]
            if fewer and judge_case(command, {**case, "inputs": fewer}, ignored):
                inputs = fewer
            else:
                at += size
        size //= 2
    return {**case, "inputs": inputs}


def in_words(record):
    v = record["value"]
    place = f"{record['topic']}/{record['offset']}"
    if v is None:
        return f"{place} (unreadable bytes)"
    if record["type"] == "CouncilReference":
        ballots = ", ".join(f"{b['ballot_paper_id'].split('.')[2]}:{b['seats']}"
                            f"{'' if b['nominations'] is None else b['nominations']}" for b in v["ballots"])
        return (f"{place} CouncilReference {v['election_id']} of {v['seats_total']}, new {v['new_council']}, "
                f"before {v['previous_control']}, continuing {v['continuing']}, vacant {v['vacant']}; {ballots}")
    if record["type"] == "OperatorAction":
        return f"{place} {v['action']} {v['topic']}/{v['kafka_offset']}"
    people = " ".join(f"{c['party_id']}={c['votes']}{'*' if c['elected'] else ''}"
                      f"{'(lot)' if c['elected_by_lot'] else ''}" for c in v["candidates"])
    return (f"{place} {v['kind']} {v['ballot_paper_id'].split('.')[2:-1]} {v['source']} revision {v['revision']} "
            f"seats {v['seats']} event {v['event_id'][:8]} declared {v['declared_at']} reported {v['reported_at']} "
            f"papers {v['ballot_papers']}-{v['rejected_papers']} electorate {v['electorate']}"
            f"{' TEST' if v['is_test'] else ''}{' uncontested' if v['uncontested'] else ''}: {people}")


def show(case, difference):
    where, ours, theirs = difference
    print(f"\nseed {case.get('seed')} differs. Shrunk to {len(case['inputs'])} inputs; "
          f"rules {json.dumps(case['rules'])}")
    result = generate.run_case(case)
    for record, row in zip(case["inputs"], result["rows"]):
        print(f"  {row['lane_seq']:3} {in_words(record)}\n      model: {row['fate']} {row['reasons']}")
    for change in result["changes"]:
        print(f"      model: row {change['lane_seq']} becomes {change['fate']} {change['reasons']} "
              f"by row {change['trigger_lane_seq']}")
    print(f"  where:  {where}\n  model:  {ours}\n  driver: {theirs}\n")


def permuted(case):
    """A calm case in another order, each reference still before the next of its council."""
    order = random.Random(case["seed"])
    inputs = case["inputs"]
    references = [i for i in inputs if i["type"] == "CouncilReference"]
    shuffled = inputs[:]
    order.shuffle(shuffled)
    waiting = iter(references)
    shuffled = [next(waiting) if i["type"] == "CouncilReference" else i for i in shuffled]
    if references and order.random() < 0.5:  # a batch: desk events first
        shuffled.sort(key=lambda i: i["topic"] != "desk-events")
    return {**case, "inputs": replaced(shuffled)}


def replaced(inputs):
    """New offsets and times for an order of inputs without actions."""
    offsets, placed = {}, []
    times = sorted(i["received_at_us"] for i in inputs)
    for record, received in zip(inputs, times):
        offset = offsets.get(record["topic"], 0)
        offsets[record["topic"]] = offset + 1
        placed.append({**record, "offset": offset, "received_at_us": received})
    return placed


def make_case(seed):
    if seed % 4 == 3:
        return permuted(generate.night(seed, calm=True))
    return generate.night(seed)


def load_case(path):
    with open(path, encoding="utf-8") as file:
        case = json.load(file)
    return {"seed": path, "rules": case.get("rules", {}), "inputs": case["inputs"]}


def chosen_cases(options):
    if options.files:
        yield from map(load_case, options.files)
    elif options.only is not None:
        yield make_case(options.only)
    else:
        for seed in range(options.seed, options.seed + options.cases):
            yield make_case(seed)


def compare_chunk(command, chunk, ignored):
    """The failing cases of a chunk, each with its difference."""
    try:
        answers = drive(command, chunk)
    except DriverFailed as failure:
        if len(chunk) == 1 or failure.case is None:
            return [(chunk[-1], ("the driver", "an answer", str(failure)))]
        return [found for case in chunk for found in compare_chunk(command, [case], ignored)]
    pairs = ((case, first_difference(generate.run_case(case), theirs, ignored)) for case, theirs in zip(chunk, answers))
    return [(case, difference) for case, difference in pairs if difference is not None]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", default=DEFAULT_DRIVER, help="program and its arguments")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--only", type=int, metavar="SEED", help="this seed alone")
    parser.add_argument("--files", nargs="*", metavar="CASE.json", help="these cases alone")
    parser.add_argument("--ignore", action="append", default=[], metavar="WORDS",
                        help="leave out differences whose place contains these words")
    parser.add_argument("--stop", action="store_true", help="stop at the first failure")
    parser.add_argument("--save", metavar="FILE", help="write the shrunk case there")
    return parser.parse_args()


def main():
    options = parse_options()
    command = shlex.split(options.driver)
    if shutil.which(command[0]) is None:
        sys.exit(f"compare.py: no program {command[0]} (build it, or give --driver)")
    print(f"seed {options.seed}, driver {options.driver}")
    passed, failures, chunk = 0, [], []
    cases = chosen_cases(options)
    while chunk := [case for _, case in zip(range(CHUNK), cases)]:
        found = compare_chunk(command, chunk, options.ignore)
        failures += found
        passed += len(chunk) - len(found)
        if failures and options.stop:
            break
    if failures:
        case = shrink(command, failures[0][0], options.ignore)
        show(case, judge_case(command, case, options.ignore) or failures[0][1])
        print("failing seeds: " + " ".join(str(c["seed"]) for c, _ in failures[:20]))
        if options.save:
            with open(options.save, "w", encoding="utf-8") as file:
                json.dump(case, file, indent=1)
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
