#!/usr/bin/env python3
"""One fault inside the daemon, at every place: the Nth allocation, the Nth call of libpq.

The work is a small night on one lane, in transactions of 5 records; the program (one-lane) is the
daemon's worker with a file in Kafka's place, as declared_ingest. After each fault, and a second run
where the first one ended, the database must hold what an undisturbed run leaves.

By default a seeded sample of all N; --all steps through every one.
"""

import collections
import concurrent.futures
import functools
import json
import os
import queue
import re
import sys
import tempfile

sys.dont_write_bytecode = True

import support  # noqa: E402
from support import (  # noqa: E402
    DECLARATIONS, DESK, MEDWAY_COUNCIL, MEDWAY_PARTITION, Pipeline, Record, after, encoded, equal, seeded, test,
    without_topics)

ALL = "--all" in sys.argv
SAMPLE = {"allocations": 80, "refuse": 60, "cut": 50, "lose": 50}
DATABASES = 4
EXIT_NO_MEMORY = 70
BATCH = 5
LAB_COOP = "joint-party:53-119"
NIGHT_MS = 1683244800000
WARDS = support.medway_declarations()


# ---- the night -------------------------------------------------------------------------------------------

def revised(ward, revision, **changes):
    return dict(ward, revision=revision, reported_at="2023-05-05T06:00:00Z", **changes)


def with_votes(ward, more):
    """The winner's votes, more or fewer of them."""
    first, *others = sorted(ward["candidates"], key=lambda c: -c["votes"])
    return dict(ward, candidates=[dict(first, votes=first["votes"] + more), *others])


def story():
    """What happens, in order: a declaration, bytes, or a step of the desk."""
    labour = [w for w in WARDS if all(c["party_id"] == LAB_COOP for c in w["candidates"] if c["elected"])][:3]
    conflict = with_votes(WARDS[3], 1)
    yield "reference", None
    yield from (("declare", ward) for ward in WARDS[:7])
    yield "declare", revised(with_votes(WARDS[1], 5), 2, kind="CORRECTED", basis="TRANSCRIPTION_FIX")
    yield "declare", conflict  # held: the same source and revision, other content
    yield "bytes", b"no framing"
    yield from (("declare", ward) for ward in WARDS[7:13])
    yield "release", conflict
    yield "reject", WARDS[20]  # which has not come yet
    yield from (("declare", ward) for ward in WARDS[13:22])
    yield "declare", WARDS[5]  # a duplicate
    yield "release", WARDS[20]
    yield "reload", None
    yield from (("declare", ward) for ward in WARDS[22:])
    # Labour's call is taken back, and made again.
    yield from (("declare", revised(w, 2, kind="WITHDRAWN", basis="OFFICER_CORRECTION", candidates=[])) for w in labour)
    yield from (("declare", revised(w, 3, kind="CORRECTED", basis="OFFICER_CORRECTION")) for w in labour)


@functools.cache
def records():
    """The story as Kafka keeps it, in the order of the story: lines for one-lane."""
    order = list(story())
    sent = [(kind, what) for kind, what in order if kind in ("declare", "bytes")]
    place = {id(what): offset for offset, (_, what) in enumerate(sent)}
    reference = support.medway_reference()
    with Pipeline(migrated=False) as pipeline:
        for kind, what in order:
            if kind == "reference":
                pipeline.load(reference)
            elif kind == "reload":
                reference["councils"][0]["region"] = "Kent"
                pipeline.load(reference)
            elif kind in ("release", "reject"):
                pipeline.decide(kind, f"{MEDWAY_PARTITION}:{place[id(what)]}")
        for kind, run in grouped(sent):
            if kind == "bytes":
                pipeline.send([Record(DECLARATIONS, MEDWAY_COUNCIL.encode(), data, MEDWAY_PARTITION) for data in run])
            else:
                pipeline.publish(run)
        declarations, desk = iter(pipeline.dump(DECLARATIONS)), iter(pipeline.dump(DESK))
        lines = [next(declarations if kind in ("declare", "bytes") else desk) for kind, _ in order]
    assert all(record.partition == MEDWAY_PARTITION for record in lines)
    return "".join(json.dumps({"topic": r.topic, "partition": r.partition, "offset": r.offset, "timestamp_ms": NIGHT_MS,
                               "key": encoded(r.key), "value": encoded(r.value)}) + "\n" for r in lines)


def grouped(steps):
    """Runs of the same kind."""
    run = []
    for i, (kind, what) in enumerate(steps):
        run.append(what)
        if i + 1 == len(steps) or steps[i + 1][0] != kind:
            yield kind, run
            run = []


# ---- a database, again and again -------------------------------------------------------------------------

TABLES = "ledger fate_change election snapshot ballot flash lane rules writer_schema".split()
EMPTY = "".join(f"DELETE FROM declared.{table};" for table in TABLES) + "SELECT 1"

# Everything but moments, and the version that the rules happened to get.
STATE = """SELECT json_build_object(
  'ledger', (SELECT json_agg(l ORDER BY lane, lane_seq) FROM api.ledger l),
  'lanes', (SELECT json_agg(l ORDER BY lane) FROM declared.lane l),
  'rules', (SELECT json_agg(r) FROM declared.rules r),
  'schemas', (SELECT json_agg(fingerprint ORDER BY fingerprint) FROM declared.writer_schema),
  'fate changes', (SELECT json_agg(to_jsonb(c) - 'recorded_at' ORDER BY c.lane_seq, c.trigger_lane_seq, c.n)
                     FROM declared.fate_change c),
  'reference data', (SELECT json_agg(to_jsonb(e) - 'recorded_at' ORDER BY lane_seq) FROM declared.election e),
  'snapshots', (SELECT json_agg(to_jsonb(s) - 'recorded_at' || jsonb_build_object('called_at', s.called_at IS NOT NULL)
                                ORDER BY election_id, seq) FROM api.council_control_history s),
  'ballots', (SELECT json_agg(b ORDER BY ballot_paper_id) FROM api.ballot_result b),
  'candidates', (SELECT json_agg(c ORDER BY ballot_paper_id, candidate_id) FROM api.candidate_result c),
  'story facts', (SELECT json_agg(f ORDER BY election_id, seq, code, text) FROM api.story_fact f),
  'flashes', (SELECT json_agg(to_jsonb(f) - 'recorded_at' ORDER BY seq, flash_id) FROM api.flash f))"""


class Database:
    """One to be emptied and filled again, and a psql that stays."""

    def __init__(self, pipeline, number):
        self.name = f"{pipeline.name}_{number}"
        pipeline.psql(f"CREATE DATABASE {self.name} TEMPLATE {pipeline.name}", pipeline.server.path[1:])
        # What fails here is the client; the disk may take its time.
        pipeline.psql(f"ALTER DATABASE {self.name} SET synchronous_commit = off", pipeline.server.path[1:])
        self.env = dict(pipeline.env, DECLARED_POSTGRES_URI=pipeline.server._replace(path="/" + self.name).geturl())
        self.session = support.Session(pipeline.env_of_psql(self.name))

    def close(self, pipeline):
        self.session.close()
        pipeline.psql(f"DROP DATABASE {self.name}", pipeline.server.path[1:])

    def empty(self):
        self.session.ask(EMPTY)

    def run(self, expect, **faults):
        """One-lane with these variables; its summary (None where it did not end well), and its log."""
        done = support.run([os.path.join(support.BIN, "one-lane"), "--batch", str(BATCH), "--set",
                            "postgres.role=declared_ingest"], dict(self.env, **faults), records(), expect)
        return json.loads(done.stdout or "null"), done.stderr

    def state(self):
        """What is compared, after what must be true of it by itself."""
        state = json.loads(self.session.ask(STATE))
        ledger, (lane,), (rules,) = state["ledger"], state.pop("lanes"), state.pop("rules")
        support.check_positions(ledger)
        support.check_chain(ledger)
        support.check_heads(ledger, {lane["lane"]: lane})
        equal(lane["outbox_lane_seq"], lane["lane_seq"], "what has been told")
        for row in ledger:
            equal(row["rules_version"], rules["version"], "rules of a row")
            assert row["writer_schema"] in (None, *state["schemas"]), f"the writer's schema is not kept: {row}"
            for name in ("rules_version", "received_at", "prev_hash", "entry_hash"):
                del row[name]
        return state


class Databases:
    """Several, of which each thread takes one at a time."""

    def __init__(self, pipeline):
        self.pipeline, self.free, self.all = pipeline, queue.SimpleQueue(), []

    def __enter__(self):
        self.pipeline.psql("GRANT declared_ingest TO CURRENT_USER")
        for number in range(DATABASES):
            self.all.append(Database(self.pipeline, number))
            self.free.put(self.all[-1])
        return self

    def __exit__(self, *_):
        for database in self.all:
            database.close(self.pipeline)

    def each(self, numbers, check):
        """check(database, n) of every n, each on an empty database; what it returned, in the same order."""
        def one(n):
            database = self.free.get()
            try:
                database.empty()
                return check(database, n)
            except Exception as problem:
                raise AssertionError(f"with N = {n}: {problem}") from problem
            finally:
                self.free.put(database)
        with concurrent.futures.ThreadPoolExecutor(DATABASES) as threads:
            return list(threads.map(one, numbers))


@functools.cache
def undisturbed():
    """The state that every other run must reach."""
    with Pipeline(own_topics=False) as pipeline, Databases(pipeline) as databases:
        (state,) = databases.each([0], lambda database, _: database.run(0) and database.state())
        return state


def expect_same(database):
    state, expected = database.state(), undisturbed()
    for name, value in expected.items():
        equal(state[name], value, name)


def chosen(total, name, wanted=()):
    """Which N: all, or those that are wanted, the last few, and a sample of the others."""
    every = range(1, total + 1)
    if ALL or SAMPLE[name] >= total:
        print(f"       {name}: every N of {total}")
        return list(every)
    sure = {*wanted, *every[-3:]}
    numbers = sure | set(seeded(name).sample(sorted(set(every) - sure), SAMPLE[name] - len(sure)))
    print(f"       {name}: {len(numbers)} of {total}, --all for every N")
    return sorted(numbers)


# ---- the tests -------------------------------------------------------------------------------------------

@test
@without_topics
@after(undisturbed)
def the_night_has_every_kind_of_row(_):
    state = undisturbed()
    fates = collections.Counter(row["fate"] for row in state["ledger"])
    equal(set(fates), {"accepted", "held", "rejected", "duplicate"}, "fates")
    changed = collections.Counter(row["fate"] for row in state["fate changes"])
    equal(set(changed), {"accepted", "rejected"}, "later fates")
    final = state["snapshots"][-1]
    equal((final["status"], final["headline"], final["majority"], final["region"]),
          ("final", "LAB GAIN MEDWAY FROM CON", 7, "Kent"), "the final snapshot")
    kinds = [flash["kind"] for flash in state["flashes"]]
    for kind in ("CONTROL_LOST", "CALLED", "FINAL", "CALL_RETRACTED"):
        assert kind in kinds, kinds
    assert len(state["ledger"]) == len(records().splitlines())


def count_allocations(database):
    """The smallest N that no longer fails is one past the number of allocations."""
    def fails(n):
        database.empty()
        return database.run(None, DECLARED_FAIL_ALLOCATION=str(n))[0] is None
    low, high = 1, 2
    while fails(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fails(middle) else (low, middle)
    return low


@test
@without_topics
@after(undisturbed)
def the_next_run_finishes_the_work_whichever_allocation_fails(pipeline):
    def check(database, n):
        _, log = database.run(EXIT_NO_MEMORY, DECLARED_FAIL_ALLOCATION=str(n))
        equal(log.count("out of memory"), 1, f"lines about it in {log}")
        done = database.session.ask("SELECT count(*) FROM declared.ledger").strip()
        database.run(0)
        expect_same(database)
        return int(done)
    with Databases(pipeline) as databases:
        numbers = chosen(count_allocations(databases.all[0]), "allocations")
        done = collections.Counter(databases.each(numbers, check))
    print(f"       rows that were committed before: {dict(sorted(done.items()))}")
    assert len(done) > 5, done


def list_calls(database):
    """The names of all calls, the first of which is N = 1."""
    database.empty()
    with tempfile.NamedTemporaryFile("r") as names:
        database.run(0, **preloaded(), DECLARED_FAIL_LIBPQ_NAMES=names.name)
        return names.read().split()


def last_waits(calls):
    """In every transaction the last wait for an answer: that to COMMIT. And the first call of each name."""
    waits, copied = {name: n for n, name in reversed(list(enumerate(calls, 1)))}, False
    for n, name in enumerate(calls, 1):
        if name == "PQputCopyEnd":
            copied = True
        elif name.startswith("PQsendQuery"):
            copied = False
        elif name == "PQconsumeInput" and copied:
            waits[calls[:n].count("PQsendQuery")] = n
    return waits.values()


def preloaded():
    return {"LD_PRELOAD": os.path.join(support.BIN, "fail-libpq.so")}


AWAY = re.compile(r"warning PostgreSQL is away, waiting: \S.* worker=1$", re.MULTILINE)


def disturb_libpq(pipeline, how):
    """The Nth call fails; the same process goes on by itself. Returns its summaries."""
    def check(database, n):
        summary, log = database.run(0, **preloaded(), DECLARED_FAIL_LIBPQ=str(n), DECLARED_FAIL_LIBPQ_HOW=how)
        expect_same(database)
        assert summary["reloads"] + summary["outbox_retries"] <= 3, f"{summary}\n{log}"
        equal(summary["counted"], summary["records"], "records that the metrics have counted, whoever heard of the commit")
        assert len(AWAY.findall(log)) == log.count(" warning ") <= 1, f"not one clear line: {log}"
        return summary
    with Databases(pipeline) as databases:
        # Calls differ a little from run to run: answers come in more or fewer pieces.
        calls = list_calls(databases.all[0])
        numbers = chosen(len(calls), how, last_waits(calls))
        summaries = databases.each(numbers, check)
    for name in ("reloads", "answers_lost", "outbox_retries"):
        print(f"       {name}: in {sum(s[name] > 0 for s in summaries)} of {len(summaries)} runs")
    return summaries


@test
@without_topics
@after(undisturbed)
def the_same_run_goes_on_whichever_call_of_libpq_fails(pipeline):
    disturb_libpq(pipeline, "refuse")


@test
@without_topics
@after(undisturbed)
def the_same_run_goes_on_at_whichever_call_of_libpq_the_connection_is_cut(pipeline):
    disturb_libpq(pipeline, "cut")


@test
@without_topics
@after(undisturbed)
def the_same_run_goes_on_at_whichever_call_of_libpq_the_answer_is_lost(pipeline):
    summaries = disturb_libpq(pipeline, "lose")
    assert any(s["answers_lost"] for s in summaries), "no transaction was committed without its answer"


if __name__ == "__main__":
    sys.argv = [word for word in sys.argv if word != "--all"]
    support.main()
