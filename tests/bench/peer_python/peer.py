#!/usr/bin/env python3
"""The consumer that a data desk would write: confluent-kafka, fastavro, psycopg 3; batches, offsets in the transaction.

    peer.py --lanes 0,1,2 [--batch N]      DECLARED_KAFKA_BOOTSTRAP_SERVERS and DECLARED_POSTGRES_URI name the servers

It writes declared's own tables: ledger with the hash chain, snapshots, ballots, the lane row, and sends the NOTIFY. It
leaves out: what the desk decides (releases, rejections, approvals), judging anew what was held, facts, flashes and
headlines, the way of snapshots back to Kafka, and a second process that takes over.
"""

import argparse
import hashlib
import io
import json
import os
import uuid
from datetime import datetime, timezone
from pathlib import Path

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition, KafkaError
from fastavro import parse_schema, schemaless_reader

import results

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas" / "avro"
DECLARATIONS, DESK = "ward-declarations", "desk-events"
LEDGER = ("lane, lane_seq, record, topic, partition, kafka_offset, kafka_timestamp, key, payload, event_id, "
          "election_id, ballot_paper_id, source, kind, basis, revision, is_test, fate, reasons, detail, rules_version, "
          "writer_schema, received_at, prev_hash, entry_hash")
ELECTION = "election_id, lane, lane_seq, council_id, poll_date, counted, parties, recorded_at"
SNAPSHOT = ("election_id, is_test, seq, lane, lane_seq, recorded_at, called_at, cause, council_id, council_name, "
            "short_name, kind, nation, region, poll_date, status, control, outcome, gained_from, previous_control, "
            "previous_control_lost, majority, majority_at_least, largest_party, seats_total, threshold, "
            "seats_declared, seats_to_come, seats_postponed, ballots_total, ballots_declared, ballots_postponed, "
            "ballots_held, votes_complete, seats")
BALLOT = ("election_id, is_test, ballot_paper_id, lane, lane_seq, ward_name, status, source, revision, kind, basis, "
          "seats, electorate, ballot_papers, rejected_papers, declared_at, topic, partition, kafka_offset, "
          "candidates, recorded_at")
ADVANCE = ("UPDATE declared.lane SET lane_seq = %s, head_hash = %s, received_at = %s, declarations_next = %s,"
           " desk_next = %s WHERE lane = %s AND lane_seq = %s")


# ---- Avro ------------------------------------------------------------------------------------------------

def without_logical_types(schema):
    """UUIDs and times as they are on the wire: making objects of them costs more than all the rest of a decode."""
    if isinstance(schema, dict):
        return {k: without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
    return [without_logical_types(x) for x in schema] if isinstance(schema, list) else schema


def load_schema(name):
    return parse_schema(without_logical_types(json.loads((SCHEMAS / f"{name}.avsc").read_text())))


# A topic has one kind of record that this program reads; its writers are declarectl and the feeds, by our own schemas.
READERS = {DECLARATIONS: load_schema("ward-declaration"), DESK: load_schema("council-reference")}


def decode(topic, payload):
    """The record, and its writer schema's fingerprint in hex (Avro single-object encoding)."""
    if payload is None or payload[:2] != b"\xc3\x01":
        raise ValueError("BAD_FRAMING")
    stream = io.BytesIO(payload)
    stream.seek(10)
    record = schemaless_reader(stream, READERS[topic])
    if stream.read(1):
        raise ValueError("TRAILING_BYTES")
    return record, payload[9:1:-1].hex()


def partition_of(key, partitions):
    """Java's default: murmur2, positive, modulo."""
    mixer, mask, value = 0x5BD1E995, 0xFFFFFFFF, 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for i in range(0, whole, 4):
        word = int.from_bytes(key[i:i + 4], "little") * mixer & mask
        value = (value * mixer & mask) ^ ((word ^ word >> 24) * mixer & mask)
    if len(key) > whole:
        value = (value ^ int.from_bytes(key[whole:], "little")) * mixer & mask
    value = (value ^ value >> 13) * mixer & mask
    return ((value ^ value >> 15) & 0x7FFFFFFF) % partitions


# ---- a lane ----------------------------------------------------------------------------------------------

def moment(value):
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()


def hashed(value):
    if value is None:
        return b"\1\0\0\0\0"
    if isinstance(value, bytes):
        form = value
    elif isinstance(value, datetime):
        form = moment(value)
    elif isinstance(value, bool):
        form = b"true" if value else b"false"
    elif isinstance(value, list):
        form = ("{" + ",".join(value) + "}").encode()
    else:
        form = str(value).encode()
    return b"\0" + len(form).to_bytes(4, "big") + form


class Lane:
    """Partition n of both topics: its chain of rows, its elections, and the rows that wait for the commit."""

    def __init__(self, number, rules_version, partitions):
        self.number, self.rules_version, self.partitions = number, rules_version, partitions
        self.seq = self.committed = 0
        self.head, self.received_at = bytes(32), datetime(1970, 1, 1, tzinfo=timezone.utc)
        self.next = {DECLARATIONS: 0, DESK: 0}
        self.councils, self.spaces, self.keys = {}, {}, {}
        self.ledger, self.elections, self.snapshots, self.ballots, self.told = [], [], [], [], {}

    def apply(self, message, now):
        self.received_at = max(self.received_at, now)
        self.seq += 1
        topic, key, payload = message.topic(), message.key(), message.value()
        fate, reasons, detail, record, writer = "rejected", [], None, None, None
        try:
            record, writer = decode(topic, payload)
        except ValueError as problem:
            reasons, detail = [str(problem)], "cannot be read"
        except Exception as problem:  # fastavro raises what the bytes make it
            reasons, detail = ["BAD_AVRO"], str(problem)
        d = record if topic == DECLARATIONS else None
        if d is not None:
            fate, reasons, detail = self.take_declaration(d, key, message)
        elif record is not None:
            fate = self.take_reference(record, message.offset())
        name = record and ("declared.WardDeclaration" if d else "declared.CouncilReference")
        stored_at = datetime.fromtimestamp(message.timestamp()[1] / 1000, timezone.utc)
        about = [None] * 6
        if d:
            about = [d[field] for field in ("ballot_paper_id", "source", "kind", "basis", "revision", "is_test")]
        row = [self.number, self.seq, name, topic, self.number, message.offset(), stored_at, key, payload,
               d and uuid.UUID(d["event_id"]), record and record["election_id"], *about, fate, reasons, detail,
               self.rules_version, writer, self.received_at]
        entry_hash = hashlib.sha256(self.head + b"".join(map(hashed, row))).digest()
        self.ledger.append((*row, self.head, entry_hash))
        self.head = entry_hash
        self.next[topic] = message.offset() + 1

    def take_reference(self, reference, offset):
        council = results.Council(reference)
        election_id = reference["election_id"]
        if election_id in self.councils:
            return "rejected"  # a reload is the desk's work, which is left out
        self.councils[election_id] = council
        space = self.space(election_id, False)
        space.set_council(council)
        for ballot_id, ballot in space.ballots.items():
            self.add_ballot(election_id, False, ballot_id, ballot)
        self.elections.append((election_id, self.number, self.seq, reference["council_id"], council.poll_date,
                               council.counted, results.dumps(reference["parties"]), self.received_at))
        self.add_snapshot(election_id, False, space, False, (reference["by"], offset))
        return "accepted"

    def space(self, election_id, is_test):
        if (election_id, is_test) not in self.spaces:
            self.spaces[election_id, is_test] = results.Space(self.councils.get(election_id))
        return self.spaces[election_id, is_test]

    def take_declaration(self, d, key, message):
        problem = results.check_values(d)
        if problem:
            return "rejected", ["BAD_VALUE"], problem
        if key not in self.keys and key is not None:
            self.keys[key] = partition_of(key, self.partitions)
        found = list(results.check_identity(d, key, self.keys.get(key), self.number))
        if found:
            return "rejected", [code for code, _ in found], "; ".join(text for _, text in found)
        space = self.space(d["election_id"], d["is_test"])
        ballot = space.ballot(d["ballot_paper_id"])
        entry = results.Entry(d, space.council, message.offset())
        entry.fate, reasons, detail = results.judge(space.council, ballot, entry)
        if entry.fate == "duplicate":
            return entry.fate, reasons, detail
        ballot.entries.append(entry)
        if entry.fate == "held":
            space.held[d["ballot_paper_id"]] += 1
        changed, other = space.settle(ballot)
        if other:
            self.add_ballot(d["election_id"], d["is_test"], d["ballot_paper_id"], ballot)
        self.add_snapshot(d["election_id"], d["is_test"], space, changed)
        return entry.fate, reasons, detail

    def add_ballot(self, election_id, is_test, ballot_id, ballot):
        known, entry = ballot.known, ballot.in_force
        head = (election_id, is_test, ballot_id, self.number, self.seq)
        if entry is None:
            self.ballots.append((*head, known["ward_name"], "awaiting", None, None, None, None, known["seats"],
                                 known["electorate"], None, None, None, None, None, None, None, self.received_at))
            return
        d = entry.d
        candidates = None if d["kind"] == "POSTPONED" else results.dumps(
            [[c["candidate_id"], c["name"], c["party_id"], None if party in (None, c["party_id"]) else party,
              c["description"], c["votes"], c["elected"], c["elected_by_lot"]]
             for party, c in zip(entry.parties, d["candidates"])])
        electorate = d["electorate"] if d["electorate"] is not None else known["electorate"]
        self.ballots.append((*head, known["ward_name"] or d["ward_name"],
                             "postponed" if d["kind"] == "POSTPONED" else "declared", d["source"], d["revision"],
                             d["kind"], d["basis"], known["seats"], electorate, d["ballot_papers"],
                             d["rejected_papers"], datetime.fromtimestamp(d["declared_at"] / 1000, timezone.utc),
                             DECLARATIONS, self.number, entry.offset, candidates, self.received_at))

    def add_snapshot(self, election_id, is_test, space, changed, by=None):
        if space.council is None:
            return
        said = results.standing(space)
        if space.said == said and not changed:
            return
        control = said[8]
        if control != space.control:
            space.called_at = None if control is None else self.received_at
        space.seq, space.said, space.control = space.seq + 1, said, control
        # Of a declaration the ledger has the cause.
        cause = None if by is None else results.dumps({
            "record": "declared.CouncilReference", "topic": DESK, "partition": self.number, "kafka_offset": by[1],
            "lane": self.number, "lane_seq": self.seq, "event_id": None, "ballot_paper_id": None, "revision": None,
            "by": by[0]})
        self.snapshots.append((election_id, is_test, space.seq, self.number, self.seq, self.received_at,
                               space.called_at, cause, *said))
        self.told[election_id, is_test] = space.seq

    def commit(self, cursor):
        """Into a transaction that the caller has begun."""
        for table, columns, rows in (("ledger", LEDGER, self.ledger), ("election", ELECTION, self.elections),
                                     ("snapshot", SNAPSHOT, self.snapshots), ("ballot", BALLOT, self.ballots)):
            if rows:
                with cursor.copy(f"COPY declared.{table} ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
        cursor.execute(ADVANCE, (self.seq, self.head, self.received_at, self.next[DECLARATIONS], self.next[DESK],
                                 self.number, self.committed))
        if cursor.rowcount != 1:
            raise RuntimeError(f"lane {self.number} is another's")

    def committed_all(self):
        told, self.told, self.committed = self.told, {}, self.seq
        self.ledger, self.elections, self.snapshots, self.ballots = [], [], [], []
        return told


# ---- Kafka and PostgreSQL --------------------------------------------------------------------------------

def read(consumer, batch, on_end):
    """A batch of records, as many as there are."""
    messages = []
    for message in consumer.consume(batch, timeout=0.1):
        if message.error() is None:
            messages.append(message)
        elif message.error().code() == KafkaError._PARTITION_EOF:
            on_end(message.topic(), message.partition())
        else:
            raise RuntimeError(str(message.error()))
    return messages


def take_batch(database, lanes, messages):
    now = datetime.now(timezone.utc)
    for message in messages:
        lanes[message.partition()].apply(message, now)
    touched = [lane for lane in lanes.values() if lane.seq > lane.committed]
    with database.transaction(), database.cursor() as cursor:
        for lane in touched:
            lane.commit(cursor)
    told = [item for lane in touched for item in lane.committed_all().items()]
    with database.transaction(), database.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        for (election_id, is_test), seq in told:
            cursor.execute("SELECT pg_notify(%s, %s)", ("council_control_test" if is_test else "council_control",
                                                        json.dumps({"election_id": election_id, "seq": seq})))


def prepare(database, numbers):
    with database.transaction():
        (version,) = database.execute(
            "INSERT INTO declared.rules (settings, digest) VALUES ('{}', %s) ON CONFLICT (digest) DO UPDATE"
            " SET settings = '{}' RETURNING version", (hashlib.sha256(b"{}").digest(),)).fetchone()
        for number in numbers:
            database.execute("INSERT INTO declared.lane (lane) VALUES (%s) ON CONFLICT DO NOTHING", (number,))
    return version


def run(numbers, batch):
    consumer = Consumer({
        "bootstrap.servers": os.environ["DECLARED_KAFKA_BOOTSTRAP_SERVERS"], "group.id": "declared-peer-python",
        "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 65536})
    partitions = len(consumer.list_topics(DECLARATIONS, timeout=10).topics[DECLARATIONS].partitions)
    database = psycopg.connect(os.environ["DECLARED_POSTGRES_URI"], autocommit=True)
    version = prepare(database, numbers)
    lanes = {number: Lane(number, version, partitions) for number in numbers}
    # Reference data first, to its end; it is read here by the peer that owns the lane, as in declared.
    waiting = set(numbers)
    consumer.assign([TopicPartition(DESK, number, OFFSET_BEGINNING) for number in numbers])
    while waiting:
        messages = read(consumer, batch, lambda topic, partition: waiting.discard(partition))
        if messages:
            take_batch(database, lanes, messages)
    consumer.assign([TopicPartition(DECLARATIONS, number, OFFSET_BEGINNING) for number in numbers])
    while True:
        messages = read(consumer, batch, lambda topic, partition: None)
        if messages:
            take_batch(database, lanes, messages)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--lanes", required=True, help="0,1,2")
    parser.add_argument("--batch", type=int, default=2000)
    options = parser.parse_args()
    run([int(word) for word in options.lanes.split(",")], options.batch)
