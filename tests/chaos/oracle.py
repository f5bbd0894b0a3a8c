#!/usr/bin/env python3
"""Reads the topics and the ledger, and says what is wrong between them.

    tests/chaos/oracle.py [--bin DIR] [--wait SECONDS] [--no-replay] [--snapshots] [--model]

The servers are those of DECLARED_KAFKA_BOOTSTRAP_SERVERS and DECLARED_POSTGRES_URI (a login that may make
databases). Daemons may run, but nobody may publish. It shares no code with the daemon. What it checks:

  applied     everything in the input topics has been applied, at the latest after --wait seconds
  positions   for each partition of both inputs one ledger row for each offset from 0, in the topic's order,
              with the topic's key, value and time
  lanes       lane_seq from 1 without gaps; the lane's row stands where its last ledger row does
  chain       every entry_hash, computed anew from the columns
  snapshots   seq from 1 without gaps; each made by a row of the ledger, and at that row's time
  rejected    the topic of rejections holds every rejected record, with its value and headers, in the ledger's
              order but for repeats
  topic       (with --snapshots, or once there is a record in it) the topic of snapshots holds every snapshot as the
              database does; in each partition an election's last record is its newest
  replay      a fresh `declared` with an empty database makes the same fates, snapshots and results of the topics.
              Left out: elections about which the desk decided after the fact, since a replay knows that before
  model       (with --model: slow) the independent model of tests/property makes the same of the ledger, row by row
"""

import argparse
import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

from avro import Records
from servers import DEFAULT_BIN, REJECTED, ROOT, TOPICS, CommandFailed, rows, run, scalar

PARTITIONS = 6
TOLD = 8  # differences of a kind that are told one by one
SNAPSHOT_TOPICS = {"council-control-snapshots": "api", "council-control-snapshots.test": "api_test"}
LEDGER_COLUMNS = ("lane", "lane_seq", "record", "topic", "partition", "kafka_offset", "kafka_timestamp", "key", "payload",
                  "event_id", "election_id", "ballot_paper_id", "source", "kind", "basis", "revision", "is_test", "fate",
                  "reasons", "detail", "rules_version", "writer_schema", "received_at")


def moment(column):
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS {column}"""


def unbase64(text):
    return None if text is None else base64.b64decode(text)


def unhex(text):
    return None if text is None else bytes.fromhex(text[2:])


def entry_hash(row):
    """The ledger's documented form (services/aggregator/rows.h)."""
    digest = hashlib.sha256(unhex(row["prev_hash"]))
    for name in LEDGER_COLUMNS:
        value = row[name]
        if value is None:
            digest.update(b"\1\0\0\0\0")
            continue
        if name in ("key", "payload"):
            data = unhex(value)
        elif name == "reasons":
            data = ("{" + ",".join(value) + "}").encode()
        elif isinstance(value, bool):
            data = b"true" if value else b"false"
        else:
            data = str(value).encode()
        digest.update(b"\0" + len(data).to_bytes(4, "big") + data)
    return digest.digest()


class Rejections:
    """What the topic of rejections must hold of one lane."""

    def __init__(self):
        self.order = {}    # (topic, offset) -> lane_seq of the first rejection
        self.last = {}     # the same of the last one
        self.texts = {}    # -> {(reasons, detail)}, as headers say them
        self.record = {}   # -> (key, payload)

    def add(self, at, topic, offset, reasons, detail, key, payload):
        place = (topic, offset)
        self.order.setdefault(place, at)
        self.order[place] = min(at, self.order[place])
        self.last[place] = max(at, self.last.get(place, 0))
        detail = None if detail is None else detail.encode()[:1024]
        self.texts.setdefault(place, set()).add((",".join(reasons), detail))
        self.record[place] = (key, payload)


class Oracle:
    def __init__(self, bootstrap, uri, binaries=DEFAULT_BIN, *, wait_s=120, snapshots=False, replay=True, model=False,
                 say=print):
        self.bootstrap, self.uri, self.bin = bootstrap, uri, Path(binaries)
        self.wait_s, self.with_snapshots, self.with_replay, self.with_model = wait_s, snapshots, replay, model
        self.say = say
        self.problems = []
        self.told = Counter()
        self.records = 0
        self.rejections = {}
        self.touched = set()  # elections about which the desk decided after the fact
        self.avro = Records(ROOT / "schemas" / "avro")

    def wrong(self, check, text):
        self.told[check] += 1
        if self.told[check] <= TOLD:
            self.problems.append(f"{check}: {text}")
            self.say(f"WRONG: {check}: {text}")

    def run(self):
        checks = [self.check_applied, self.check_ledger, self.check_snapshots, self.check_rejected,
                  self.check_snapshot_topics]
        if self.with_replay:
            checks.append(self.check_replay)
        if self.with_model:
            checks.append(self.check_model)
        for check in checks:
            began = time.monotonic()
            before = sum(self.told.values())
            check()
            wrong = sum(self.told.values()) - before
            name = check.__name__.removeprefix("check_").replace("_", " ")
            self.say(f"oracle: {name}: {'well' if wrong == 0 else f'{wrong} WRONG'} ({time.monotonic() - began:.1f} s)")
        for check, count in self.told.items():
            if count > TOLD:
                self.problems.append(f"{check}: and {count - TOLD} more")
        return self.problems

    # ---- the topics ----

    def dump_process(self, *arguments):
        return subprocess.Popen([str(self.bin / "topic-dump"), *arguments], stdout=subprocess.PIPE, text=True)

    def dump(self, topic, *partition):
        process = self.dump_process(self.bootstrap, topic, *map(str, partition))
        for line in process.stdout:
            yield json.loads(line)
        if process.wait() != 0:
            raise CommandFailed(f"topic-dump {topic}: exit {process.returncode}")

    def ends(self, topic):
        text = run([str(self.bin / "topic-dump"), "--ends", self.bootstrap, topic])
        return {e["partition"]: e["next"] for e in map(json.loads, text.splitlines())}

    # ---- applied ----

    def positions_wanted(self):
        declarations, desk = (self.ends(topic) for topic in TOPICS)
        return {p: (declarations[p], desk[p]) for p in declarations}

    def wait_applied(self, uri, wanted):
        """What is still missing after the wait: {lane: (has, wants)}."""
        until = time.monotonic() + self.wait_s
        while True:
            try:
                has = {r["lane"]: (max(0, r["declarations_next"]), max(0, r["desk_next"]))
                       for r in rows(uri, "SELECT lane, declarations_next, desk_next FROM declared.lane")}
            except CommandFailed:
                has = {}
            missing = {p: (has.get(p), want) for p, want in wanted.items() if has.get(p, (0, 0)) != want}
            if not missing or time.monotonic() > until:
                return missing
            time.sleep(0.2)

    def check_applied(self):
        for lane, (has, wants) in self.wait_applied(self.uri, self.positions_wanted()).items():
            self.wrong("applied", f"lane {lane} stands at {has} of declarations and desk events, the topics at {wants}")

    # ---- the ledger ----

    def ledger(self, lane):
        encoded = ", ".join(moment(c) if c in ("kafka_timestamp", "received_at") else c for c in LEDGER_COLUMNS)
        return rows(self.uri, f"SELECT {encoded}, prev_hash, entry_hash FROM declared.ledger "
                              f"WHERE lane = {lane} ORDER BY lane_seq")

    def check_ledger(self):
        lanes = {r["lane"]: r for r in rows(self.uri, f"SELECT *, {moment('received_at')} FROM declared.lane")}
        partitions = self.positions_wanted()
        for lane in sorted(set(lanes) | set(partitions)):
            if lane not in partitions:
                self.wrong("lanes", f"lane {lane} is no partition")
                continue
            self.check_lane(lane, lanes.get(lane))

    def check_lane(self, lane, lane_row):
        topics = {topic: list(self.dump(topic, lane)) for topic in TOPICS}
        for topic, records in topics.items():
            if [r["offset"] for r in records] != list(range(len(records))):
                self.wrong("positions", f"{topic}:{lane} does not hold offsets 0 to {len(records) - 1}")
        expected = dict.fromkeys(TOPICS, 0)
        rejections = self.rejections[lane] = Rejections()
        head, seq, received_at = bytes(32), 0, ""
        actions = []
        for row in self.ledger(lane):
            self.records += 1
            seq += 1
            place = f"lane {lane}, lane_seq {row['lane_seq']}"
            if row["lane_seq"] != seq:
                self.wrong("lanes", f"{place} comes where {seq} should")
                seq = row["lane_seq"]
            self.check_position(row, place, topics, expected)
            if unhex(row["prev_hash"]) != head or entry_hash(row) != unhex(row["entry_hash"]):
                self.wrong("chain", f"{place}: the hash is not that of the row and the one before")
            head = unhex(row["entry_hash"])
            if row["received_at"] < received_at:
                self.wrong("lanes", f"{place}: received_at goes back")
            received_at = row["received_at"]
            if row["fate"] == "rejected":
                rejections.add(seq, row["topic"], row["kafka_offset"], row["reasons"], row["detail"], unhex(row["key"]),
                               unhex(row["payload"]))
            if row["record"] == "declared.OperatorAction" and "NOT_YET_APPLIED" not in row["reasons"]:
                actions.append(row)
        for topic, count in expected.items():
            if count != len(topics[topic]):
                self.wrong("positions", f"{topic}:{lane} holds {len(topics[topic])} records, the ledger {count}")
        self.check_lane_row(lane, lane_row, seq, head, expected)
        self.add_changes(lane, rejections)
        self.note_touched(lane, actions)

    def check_position(self, row, place, topics, expected):
        topic, offset = row["topic"], row["kafka_offset"]
        if row["lane"] != row["partition"] or topic not in expected:
            self.wrong("positions", f"{place} is of {topic}:{row['partition']}")
            return
        if offset != expected[topic]:
            self.wrong("positions", f"{place} has offset {offset} of {topic}, should have {expected[topic]}")
        expected[topic] = offset + 1
        if offset >= len(topics[topic]):
            self.wrong("positions", f"{place} has offset {offset} of {topic}, which ends before")
            return
        record = topics[topic][offset]
        if unbase64(record["key"]) != unhex(row["key"]) or unbase64(record["value"]) != unhex(row["payload"]):
            self.wrong("positions", f"{place}: not the bytes of {topic}:{row['partition']}:{offset}")
        written = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=record["timestamp_ms"])
        if row["kafka_timestamp"] != written.strftime("%Y-%m-%dT%H:%M:%S.%fZ"):
            self.wrong("positions", f"{place}: kafka_timestamp {row['kafka_timestamp']}, the topic has {written}")

    def check_lane_row(self, lane, row, seq, head, expected):
        if row is None:
            if seq > 0:
                self.wrong("lanes", f"lane {lane} has no row")
            return
        has = (row["lane_seq"], unhex(row["head_hash"]), *(max(0, row[c]) for c in ("declarations_next", "desk_next")))
        if has != (seq, head, *(expected[topic] for topic in TOPICS)):
            self.wrong("lanes", f"the row of lane {lane} stands at {has}, its ledger at {seq}, {expected}")

    def add_changes(self, lane, rejections):
        """Rejections of later: by the desk, by reference data, of an action that came before its record."""
        for r in rows(self.uri, f"""
                SELECT c.trigger_lane_seq, c.reasons, coalesce(c.detail, c.note) AS detail, l.topic, l.kafka_offset,
                       l.key, l.payload
                  FROM declared.fate_change c LEFT JOIN declared.ledger l USING (lane, lane_seq)
                 WHERE c.lane = {lane} AND c.fate = 'rejected' ORDER BY c.trigger_lane_seq, c.n"""):
            if r["topic"] is None:
                self.wrong("lanes", f"lane {lane}: a change of fate by {r['trigger_lane_seq']} concerns no row")
                continue
            rejections.add(r["trigger_lane_seq"], r["topic"], r["kafka_offset"], r["reasons"], r["detail"],
                           unhex(r["key"]), unhex(r["payload"]))

    def note_touched(self, lane, actions):
        targets = set()
        for row in actions:
            _, action = self.avro.read(unhex(row["payload"]))
            targets.add((action["topic"], action["kafka_offset"]))
        if targets:
            places = ", ".join(f"('{topic}', {offset})" for topic, offset in targets)
            self.touched |= {r["election_id"] for r in rows(self.uri, f"""
                SELECT DISTINCT election_id FROM declared.ledger WHERE lane = {lane} AND election_id IS NOT NULL
                   AND (topic, kafka_offset) IN (VALUES {places})""")}
        self.touched |= {r["election_id"] for r in rows(self.uri, f"""
            SELECT election_id FROM declared.ledger WHERE lane = {lane} AND record = 'declared.CouncilReference'
               AND election_id IS NOT NULL GROUP BY election_id HAVING count(*) > 1""")}

    # ---- snapshots ----

    def check_snapshots(self):
        for r in rows(self.uri, """
                SELECT election_id, is_test, count(*) AS count, min(seq) AS least, max(seq) AS most FROM declared.snapshot
                 GROUP BY election_id, is_test HAVING count(*) <> max(seq) OR min(seq) <> 1"""):
            self.wrong("snapshots", f"{r['election_id']} (test: {r['is_test']}): {r['count']} of seq {r['least']} to {r['most']}")
        for r in rows(self.uri, """
                SELECT s.election_id, s.is_test, s.seq FROM declared.snapshot_told s LEFT JOIN declared.ledger l USING (lane, lane_seq)
                 WHERE l.received_at IS DISTINCT FROM s.recorded_at OR l.topic <> s.cause ->> 'topic'
                    OR l.kafka_offset <> (s.cause ->> 'kafka_offset')::bigint"""):
            self.wrong("snapshots", f"{r['election_id']} {r['seq']} (test: {r['is_test']}) is not of its row's making")
        for r in rows(self.uri, """
                SELECT election_id, is_test, seq FROM (
                    SELECT *, lag(lane_seq, 1, 0::bigint) OVER (PARTITION BY election_id, is_test ORDER BY seq) AS before
                      FROM declared.snapshot) s WHERE lane_seq < before"""):
            self.wrong("snapshots", f"{r['election_id']} {r['seq']} (test: {r['is_test']}) was made before the one before it")

    # ---- rejections ----

    def check_rejected(self):
        """The outbox may still be at work, and a killed producer's open transaction ends by its time-out."""
        until = time.monotonic() + self.wait_s
        while True:
            found = self.read_rejected()
            missing = [(lane, place) for lane, r in self.rejections.items() for place in r.order
                       if (lane, *place) not in found]
            if not missing or time.monotonic() > until:
                break
            time.sleep(1)
        for lane, place in missing:
            self.wrong("rejected", f"{place[0]}:{lane}:{place[1]} was rejected and is not in the topic")

    def read_rejected(self):
        found, first, last, problems = set(), {}, {}, []
        for record in self.dump(REJECTED):
            headers = {name: unbase64(value) for name, value in record["headers"].items()}
            try:
                lane = int(headers["declared.partition"])
                place = (headers["declared.topic"].decode(), int(headers["declared.offset"]))
            except (KeyError, ValueError, AttributeError):
                problems.append(f"{record['partition']}:{record['offset']} has headers {headers}")
                continue
            rejections = self.rejections.get(lane)
            if rejections is None or place not in rejections.order:
                problems.append(f"{place[0]}:{lane}:{place[1]} is in the topic and was not rejected")
                continue
            if (lane, *place) not in found:
                before = first.get((record["partition"], lane), 0)
                if rejections.order[place] < before:
                    problems.append(f"{place[0]}:{lane}:{place[1]} comes for the first time behind later ones")
                first[record["partition"], lane] = max(before, rejections.order[place])
            found.add((lane, *place))
            seen = last.setdefault((record["partition"], lane), [0, 0])
            seen[:] = [rejections.last[place], max(seen[1], rejections.order[place])]
            problems += self.compare_rejected(record, headers, rejections, lane, place)
        problems += [f"lane {lane} ends in partition {partition} with a rejection of {end}, after one of {most}"
                     for (partition, lane), (end, most) in last.items() if end < most]
        for text in problems if not self.told["rejected"] else ():
            self.wrong("rejected", text)
        return found

    def compare_rejected(self, record, headers, rejections, lane, place):
        where = f"{place[0]}:{lane}:{place[1]}"
        key, payload = rejections.record[place]
        if unbase64(record["key"]) != key or unbase64(record["value"]) not in (payload, None) or \
                (record["value"] is None and payload is not None and len(payload) < 1024 * 1024):
            yield f"{where} is not there as it came"
        said = (headers.get("declared.reason", b"").decode(), headers.get("declared.detail"))
        if said not in rejections.texts[place]:
            yield f"{where} says {said}, the ledger {rejections.texts[place]}"

    # ---- the topic of snapshots ----

    def check_snapshot_topics(self):
        for topic, schema in SNAPSHOT_TOPICS.items():
            if self.with_snapshots or any(self.ends(topic).values()):
                self.check_snapshot_topic(topic, schema)

    def check_snapshot_topic(self, topic, schema):
        wanted = {(r["election_id"], r["seq"]): r
                  for r in rows(self.uri, f"SELECT * FROM {schema}.council_control_history")}
        newest = {}
        for election, seq in wanted:
            newest[election] = max(seq, newest.get(election, 0))
        until = time.monotonic() + self.wait_s
        while True:
            found, last = {}, {}
            for record in self.dump(topic):
                name, snapshot = self.avro.read(unbase64(record["value"])) or (None, {})
                if name != "declared.CouncilControlSnapshot" or unbase64(record["key"]).decode() != snapshot["election_id"]:
                    self.wrong("topic", f"{topic}:{record['partition']}:{record['offset']} is {name} of another key")
                    continue
                found[snapshot["election_id"], snapshot["seq"]] = snapshot
                last[snapshot["election_id"]] = snapshot["seq"]
            missing = sorted(set(wanted) - set(found))
            if (not missing and last == newest) or time.monotonic() > until:
                break
            time.sleep(1)
        for election, seq in missing:
            self.wrong("topic", f"{topic} lacks {election} {seq}")
        for election in newest:
            if last.get(election) != newest[election]:
                self.wrong("topic", f"{topic} ends with {election} {last.get(election)}, the newest is {newest[election]}")
        for place, snapshot in found.items():
            if place not in wanted:
                self.wrong("topic", f"{topic} holds {place}, the database does not")
            else:
                self.compare_snapshot(topic, place, snapshot, wanted[place])

    def compare_snapshot(self, topic, place, snapshot, row):
        for name, value in snapshot.items():
            ours = row.get(name)
            if name in ("recorded_at", "called_at") and value is not None:
                value = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=value)
                ours = None if ours is None else datetime.fromisoformat(ours)
            elif name == "poll_date":
                value = str(date(1970, 1, 1) + timedelta(days=value))
            if value != ours:
                self.wrong("topic", f"{topic} {place} {name}: {value}, the database has {ours}")

    # ---- replay ----

    def check_replay(self):
        name = f"replay_{secrets.token_hex(4)}"
        uri = urlsplit(self.uri)._replace(path=f"/{name}").geturl()
        scalar(self.uri, f"CREATE DATABASE {name}")
        try:
            env = {"DECLARED_POSTGRES_URI": uri, "DECLARED_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
                   "DECLARED_KAFKA_GROUP_ID": name, "DECLARED_DAEMON_WORKERS": "2",
                   # It must not publish: no broker grants transactions that long.
                   "DECLARED_KAFKA_TRANSACTION_TIMEOUT_MS": str(2**31 - 1)}
            run([str(self.bin / "declarectl"), "migrate"], env=env)
            wanted = self.positions_wanted()
            daemon = subprocess.Popen([str(self.bin / "declared"), "--set", "log.level=error"],
                                      env={**os.environ, **env})
            try:
                missing = self.wait_applied(uri, wanted)
            finally:
                daemon.terminate()
                daemon.wait(10)
            if missing:
                self.wrong("replay", f"did not end: {missing}")
            else:
                self.compare_replay(uri)
        finally:
            self.drop_database(name)

    def drop_database(self, name):
        """The server may still be tidying it up by itself."""
        for attempt in range(20):
            try:
                return scalar(self.uri, f"DROP DATABASE {name}")
            except CommandFailed:
                if attempt == 19:
                    raise
                time.sleep(0.5)

    def compare_replay(self, uri):
        if self.touched:
            self.say(f"oracle: replay: left out for the desk's decisions: {len(self.touched)} elections")
        places = "topic, partition, kafka_offset"
        self.compare("fate", uri, f"SELECT {places}, election_id, fate, reasons FROM declared.ledger "
                                  "WHERE topic = 'ward-declarations'", places)
        for schema in ("api", "api_test"):
            self.compare("present fate", uri, f"SELECT {places}, election_id, fate, reasons FROM {schema}.declaration", places)
            for view in ("council_control", "council_control_history"):
                self.compare(view, uri, f"SELECT * FROM {schema}.{view}", "election_id, seq")
            self.compare("ballot", uri, f"SELECT * FROM {schema}.ballot_result", "ballot_paper_id")
            self.compare("candidate", uri, f"SELECT * FROM {schema}.candidate_result", "ballot_paper_id, candidate_id")

    def compare(self, what, uri, sql, key):
        """Row by row, but for when and why a snapshot was made."""
        columns = key.split(", ")
        sides = []
        for database in (self.uri, uri):
            sides.append({tuple(r[c] for c in columns): {n: v for n, v in r.items()
                                                         if n not in ("recorded_at", "called_at", "cause")}
                          for r in rows(database, sql) if not self.is_touched(r)})
        for place in sides[0].keys() | sides[1].keys():
            ours, theirs = (side.get(place) for side in sides)
            if ours != theirs:
                names = [n for n in ours or () if theirs and ours[n] != theirs[n]]
                self.wrong("replay", f"{what} {place}: " + (
                    f"{[(n, ours[n], theirs[n]) for n in names]}" if names else f"{ours} against {theirs}"))

    def is_touched(self, row):
        if "election_id" in row:
            return row["election_id"] in self.touched
        organisation, day = row["ballot_paper_id"].split(".")[1], row["ballot_paper_id"].rsplit(".", 1)[1]
        return f"local.{organisation}.{day}" in self.touched


    # ---- the model ----

    def check_model(self):
        import model_check  # stands in tests/property, which not every user of this file has
        lanes = sorted(self.rejections)
        for lane in lanes:
            for where, said, has in model_check.differences(self.uri, lane, self.avro, len(lanes)):
                self.wrong("model", f"lane {lane}, {where}: {said}, the database has {has}")


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, usage=__doc__)
    parser.add_argument("--bin", type=Path, default=DEFAULT_BIN)
    parser.add_argument("--wait", type=float, default=120)
    parser.add_argument("--no-replay", action="store_true")
    parser.add_argument("--snapshots", action="store_true")
    parser.add_argument("--model", action="store_true")
    options = parser.parse_args()
    oracle = Oracle(os.environ["DECLARED_KAFKA_BOOTSTRAP_SERVERS"], os.environ["DECLARED_POSTGRES_URI"], options.bin,
                    wait_s=options.wait, snapshots=options.snapshots, replay=not options.no_replay, model=options.model)
    problems = oracle.run()
    print(f"{oracle.records} records, {len(problems)} wrong")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
