#!/usr/bin/env python3
"""The Medway night of 4 May 2023, from Kafka to the views: any order, any repetition, any garbage."""

import functools
import json
import sys

sys.dont_write_bytecode = True

import support  # noqa: E402
from support import (  # noqa: E402
    DECLARATIONS, DESK, MEDWAY, MEDWAY_COUNCIL, MEDWAY_PARTITION, REJECTED, Pipeline, Record, after, content, equal,
    seeded, test)

CON, LAB, LAB_COOP, IND = "PP52", "PP53", "joint-party:53-119", "ynmp-party:2"
WARDS = support.medway_declarations()


def play(pipeline, declarations, **settings):
    """The night with these declarations; the final snapshot."""
    pipeline.load(support.medway_reference())
    pipeline.daemon(**settings)
    pipeline.publish(declarations)
    pipeline.wait_until_applied()
    return pipeline.control(MEDWAY)


@functools.cache
def night_in_order():
    """What a plain run in the file's order writes: its history, the bytes of its records."""
    with Pipeline() as pipeline:
        play(pipeline, WARDS)
        pipeline.check()
        return pipeline.history(MEDWAY), pipeline.dump(DECLARATIONS), pipeline.dump(DESK)


def expect_same_end(snapshot):
    equal(content(snapshot), content(night_in_order()[0][-1]), "the final snapshot")


# ---- the result ------------------------------------------------------------------------------------------

@test
def labour_gains_medway_from_the_conservatives_with_a_majority_of_7(pipeline):
    final = play(pipeline, WARDS)
    expected = {
        "status": "final", "control": LAB, "outcome": "GAIN", "gained_from": CON, "previous_control": CON,
        "previous_control_lost": True, "majority": 7, "threshold": 30, "seats_total": 59, "seats_declared": 59,
        "seats_to_come": 0, "ballots_total": 24, "ballots_declared": 24, "ballots_held": 0, "votes_complete": True,
        "largest_party": LAB, "headline": "LAB GAIN MEDWAY FROM CON", "council_name": "Medway", "seq": 25}
    equal({name: final[name] for name in expected}, expected, "the final snapshot")
    equal([(p["party_id"], p["held"]) for p in final["seats"] if p["held"]], [(LAB, 33), (CON, 22), (IND, 4)], "seats")
    equal([row["seq"] for row in pipeline.history(MEDWAY)], list(range(1, 26)), "seq")


@test
def every_labour_winner_stood_for_the_joint_party_and_is_counted_as_labour(pipeline):
    play(pipeline, WARDS)
    winners = pipeline.rows("SELECT party_id, folded_party_id, count(*) AS n FROM api.candidate_result"
                            " WHERE elected AND party_id NOT IN ('PP52', 'ynmp-party:2') GROUP BY 1, 2")
    equal(winners, [{"party_id": LAB_COOP, "folded_party_id": LAB, "n": 33}], "winners but for CON and IND")
    equal(pipeline.value("SELECT count(*) FROM api.candidate_result WHERE elected AND party_id = 'PP53'"), 0,
          "winners who stood for Labour alone")


@test
@after(night_in_order)
def the_loss_is_certain_after_21_wards_and_the_gain_after_23(_):
    history = night_in_order()[0]
    lost = next(row for row in history if row["previous_control_lost"])
    equal((lost["ballots_declared"], lost["cause"]["ballot_paper_id"], lost["control"], lost["headline"]),
          (21, "local.medway.strood-west.2023-05-04", None, "CON LOSE CONTROL OF MEDWAY"), "the loss")
    called = next(row for row in history if row["control"])
    equal((called["ballots_declared"], called["cause"]["ballot_paper_id"], called["control"], called["headline"]),
          (23, "local.medway.watling.2023-05-04", LAB, "LAB GAIN MEDWAY FROM CON"), "the gain")
    equal((called["status"], called["ballots_total"], called["seats"][0]["held"], called["majority"],
           called["majority_at_least"]), ("called", 24, 31, None, 3), "the call")
    equal(history[0]["status"], "awaiting", "the first snapshot")
    assert not any(row["control"] for row in history[:called["seq"] - 1])


# ---- any order, any repetition ---------------------------------------------------------------------------

@test
@after(night_in_order)
def the_night_reversed_ends_in_the_same_snapshot(pipeline):
    expect_same_end(play(pipeline, WARDS[::-1]))


@test
@after(night_in_order)
def the_night_shuffled_ends_in_the_same_snapshot(pipeline):
    wards = WARDS[:]
    seeded("order of the wards").shuffle(wards)
    expect_same_end(play(pipeline, wards))


@test
@after(night_in_order)
def every_record_twice_changes_nothing(pipeline):
    twice = [ward for ward in WARDS for _ in range(2)]
    final = play(pipeline, twice)
    expect_same_end(final)
    equal(pipeline.fates(), {"accepted": 24, "duplicate": 24}, "fates")
    pipeline.publish(WARDS)
    pipeline.load(support.medway_reference())
    pipeline.wait_until_applied()
    equal(pipeline.fates(), {"accepted": 24, "duplicate": 48}, "fates after the whole night again")
    equal(pipeline.control(MEDWAY), final, "the newest snapshot")
    equal(len(pipeline.history(MEDWAY)), 25, "snapshots")


# ---- the two framings ------------------------------------------------------------------------------------

def canonical(schema, namespace=""):
    """Avro's Parsing Canonical Form."""
    if isinstance(schema, str):
        primitive = schema in ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
        return json.dumps(schema if primitive or "." in schema else f"{namespace}.{schema}")
    if isinstance(schema, list):
        return "[" + ",".join(canonical(one, namespace) for one in schema) + "]"
    if schema["type"] not in ("record", "enum", "array"):
        return canonical(schema["type"], namespace)
    if schema["type"] == "array":
        return '{"type":"array","items":' + canonical(schema["items"], namespace) + "}"
    namespace = schema.get("namespace", namespace)
    head = f'{{"name":"{namespace}.{schema["name"]}","type":"{schema["type"]}",'
    if schema["type"] == "enum":
        return head + '"symbols":' + json.dumps(schema["symbols"], separators=(",", ":")) + "}"
    fields = (f'{{"name":"{f["name"]}","type":{canonical(f["type"], namespace)}}}' for f in schema["fields"])
    return head + '"fields":[' + ",".join(fields) + "]}"


def fingerprint(text):
    """CRC-64-AVRO, as the specification writes it."""
    empty = 0xC15D213AA4D7A795
    value = empty
    for byte in text.encode():
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (empty if value & 1 else 0)
    return value.to_bytes(8, "little")


def datum_of(record):
    """Without its framing, which is one of the two."""
    return record.value[10:] if record.value[:2] == b"\xc3\x01" else record.value[5:]


def send_framed(pipeline, header):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.send([Record(DECLARATIONS, record.key, header + datum_of(record)) for record in night_in_order()[1]])
    pipeline.wait_until_applied()
    equal(pipeline.fates(), {"accepted": 24}, "fates")
    expect_same_end(pipeline.control(MEDWAY))


@test
@after(night_in_order)
def records_in_the_confluent_framing_with_id_1_end_in_the_same_snapshot(pipeline):
    send_framed(pipeline, b"\x00\x00\x00\x00\x01")


@test
@after(night_in_order)
def records_in_the_single_object_encoding_end_in_the_same_snapshot(pipeline):
    with open(support.ROOT + "/schemas/avro/ward-declaration.avsc", encoding="utf-8") as file:
        send_framed(pipeline, b"\xc3\x01" + fingerprint(canonical(json.load(file))))


# ---- garbage ---------------------------------------------------------------------------------------------

def garbage(rng):
    """(reason, record) of every kind, made from good records. The records name their partitions."""
    _, declarations, desk = night_in_order()
    good, reference = declarations[12], desk[0]
    here, key = MEDWAY_PARTITION, MEDWAY_COUNCIL.encode()
    ward = b"Rochester West and Borstal"
    middle = next(r.value for r in declarations if ward in r.value)

    def here_is(value):
        return Record(DECLARATIONS, key, value, here)

    yield "BAD_FRAMING", here_is(None)
    yield "BAD_FRAMING", here_is(b"")
    yield "BAD_FRAMING", here_is(b"\x17" + rng.randbytes(rng.randrange(200)))
    yield "BAD_FRAMING", here_is(json.dumps(WARDS[0]).encode())
    yield "BAD_FRAMING", Record(DECLARATIONS, b"", b"\x80", here)
    yield "BAD_AVRO", here_is(good.value[:rng.randrange(12, len(good.value))])
    yield "BAD_AVRO", here_is(good.value[:10])
    yield "TRAILING_BYTES", here_is(good.value + b"\x00")
    yield "BAD_UTF8", here_is(middle.replace(ward, b"\xff" * len(ward)))
    yield "BAD_UTF8", here_is(middle.replace(ward, ward[:-1] + b"\x00"))
    yield "BAD_VALUE", here_is(good.value[:11] + b"z" + good.value[12:])
    yield "UNKNOWN_SCHEMA", here_is(b"\x00\x00\x00\x03\xe7" + datum_of(good))
    yield "UNKNOWN_SCHEMA", here_is(b"\xc3\x01" + rng.randbytes(8) + datum_of(good))
    yield "TOO_LARGE", here_is(good.value + rng.randbytes(1024 * 1024))
    yield "KEY_MISMATCH", Record(DECLARATIONS, b"E06000036", good.value, support.partition_of("E06000036"))
    yield "KEY_MISMATCH", Record(DECLARATIONS, None, good.value, here)
    yield "WRONG_PARTITION", Record(DECLARATIONS, key, good.value, (here + 1) % support.PARTITIONS)
    yield "WRONG_TOPIC", Record(DECLARATIONS, key, reference.value, here)
    yield "WRONG_TOPIC", Record(DESK, key, good.value, here)
    yield "ID_MISMATCH", here_is(good.value.replace(b".2023-05-04", b".2024-05-04", 1))


@test
@after(night_in_order)
def garbage_in_the_middle_is_rejected_with_its_reason_and_blocks_nobody(pipeline):
    kinds = list(garbage(seeded("garbage")))
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.publish(WARDS[:12])
    pipeline.send([record for _, record in kinds])
    pipeline.publish(WARDS[12:])
    pipeline.wait_until_applied()
    expect_same_end(pipeline.control(MEDWAY))
    rows = pipeline.rows("SELECT topic, partition, kafka_offset, key, payload, reasons, detail, record FROM api.ledger"
                         " WHERE fate = 'rejected' ORDER BY lane, lane_seq")
    found = {(row["topic"], row["key"], row["payload"]): row["reasons"] for row in rows}
    expected = {(r.topic, bytea(r.key), bytea(r.value)): [reason] for reason, r in kinds}
    equal(found, expected, "reasons by topic, key and payload")
    support.wait_for(lambda: len(pipeline.dump(REJECTED)) >= len(kinds), "the rejections on their topic")
    expect_rejections(pipeline.dump(REJECTED), rows)


def bytea(data):
    return None if data is None else "\\x" + data.hex()


def expect_rejections(records, rows):
    """Each rejected row has left once, as it came, with headers that say why and whence."""
    found = {(r.headers["declared.topic"].decode(), int(r.headers["declared.partition"]),
              int(r.headers["declared.offset"])): r for r in records}
    equal(len(records), len(rows), "records on the topic of rejections")
    for row in rows:
        record = found[row["topic"], row["partition"], row["kafka_offset"]]
        equal((bytea(record.key), bytea(record.value)), (row["key"], row["payload"]), f"key and value of {row}")
        equal(record.headers["declared.reason"].decode(), ",".join(row["reasons"]), "declared.reason")
        equal(record.headers["declared.detail"].decode(), row["detail"], "declared.detail")
        assert 0 < len(record.headers["declared.detail"]) <= 1024, record.headers


@test
def garbage_on_every_partition_of_both_topics_is_rejected_once_each(pipeline):
    rng = seeded("garbage on every partition")
    bytes_of = [Record(topic, rng.choice([None, b"", rng.randbytes(9)]), rng.randbytes(rng.randrange(40)), partition)
                for topic in (DECLARATIONS, DESK) for partition in range(support.PARTITIONS) for _ in range(40)]
    rng.shuffle(bytes_of)
    pipeline.send(bytes_of)
    pipeline.daemon(workers=2)
    pipeline.wait_until_applied()
    equal(pipeline.value("SELECT count(*) FROM api.ledger WHERE fate = 'rejected' AND record IS NULL"), len(bytes_of),
          "rejected rows")
    support.wait_for(lambda: len(pipeline.dump(REJECTED)) >= len(bytes_of), "the rejections on their topic")
    expect_rejections(pipeline.dump(REJECTED), pipeline.rows("SELECT * FROM api.ledger"))
    order = {}
    for record in pipeline.dump(REJECTED):
        order.setdefault((record.partition, record.headers["declared.topic"], record.headers["declared.partition"]),
                         []).append(int(record.headers["declared.offset"]))
    assert all(offsets == sorted(offsets) for offsets in order.values()), "rejections out of order"


if __name__ == "__main__":
    support.main()
