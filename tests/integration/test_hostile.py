#!/usr/bin/env python3
"""Hostile bytes cost nothing: every payload that is known to be dangerous gets its ledger row and its reason, the next
good record passes, and the daemon's memory stays where it was over many of them.

    tests/integration/test_hostile.py [--records N] [--seed N] [WORD...]

--records: how many the memory test sends, 50,000 if not said. With a million, in November 2026 on two busy cores:
27,912 KB resident after the first 10,000, 29,144 KB after a million more.
"""

import sys

sys.dont_write_bytecode = True

import avro_write  # noqa: E402
import support  # noqa: E402
from avro_write import blob, confluent, long, text  # noqa: E402
from registry_servers import OWN_IDS, StandInRegistry, schema_answer  # noqa: E402
from support import DECLARATIONS, DESK, MEDWAY_COUNCIL, Record, equal, test, wait_for  # noqa: E402

RECORDS = 50000
CHUNK = 10000
RSS_GROWTH_KB = 8192  # between two looks at a daemon at work: its batches differ in size, its heap has holes
WARDS = support.medway_declarations()
KEY = MEDWAY_COUNCIL.encode()
OURS = avro_write.own_schema("ward-declaration.avsc")
LIST = {"type": "record", "name": "List", "fields": [{"name": "next", "type": ["null", "List"]}]}
NOTHING = {"type": "record", "name": "Nothing", "fields": []}


# ---- payloads --------------------------------------------------------------------------------------------

def with_field(name, raw, number=1):
    """A good declaration with other bytes for one field; the name "candidates.votes" is a field of the first one."""
    fields, out = avro_write.declaration(WARDS[0]), b""
    for field in OURS["fields"]:
        if field["name"] == name:
            out += raw
        elif field["name"] == "candidates" and name.startswith("candidates."):
            first = fields["candidates"][0]
            out += long(len(fields["candidates"])) + b"".join(
                raw if "candidates." + part["name"] == name
                else avro_write.datum(part["type"], first.get(part["name"], part.get("default")))
                for part in field["type"]["items"]["fields"])
            out += b"".join(avro_write.datum(field["type"]["items"], c) for c in fields["candidates"][1:]) + b"\0"
        else:
            out += avro_write.datum(field["type"], fields.get(field["name"], field.get("default")))
    return confluent(number, out)


GOOD = confluent(1, avro_write.datum(OURS, avro_write.declaration(WARDS[0])))
CANDIDATES = avro_write.datum(OURS["fields"][18]["type"], WARDS[0]["candidates"])[:-1]  # count, items
ITEMS = CANDIDATES[len(long(len(WARDS[0]["candidates"]))):]
COUNT = len(WARDS[0]["candidates"])

# Name, value, reason, a part of the detail.
CASES = [
    ("null value", None, "BAD_FRAMING", "null"),
    ("empty value", b"", "BAD_FRAMING", "empty"),
    ("one byte", b"\0", "BAD_FRAMING", "cut short"),
    ("01 and a GUID", b"\x01" + bytes(range(16)) + GOOD[5:], "BAD_FRAMING", "GUID"),
    ("C3 02", b"\xc3\x02" + GOOD, "BAD_FRAMING", "c3"),
    ("JSON", b'{"event_id": 1}', "BAD_FRAMING", "7b"),
    ("single-object framing cut short", b"\xc3\x01\x00\x00", "BAD_FRAMING", "cut short"),
    ("an unknown fingerprint", b"\xc3\x01" + b"\xff" * 8, "UNKNOWN_SCHEMA", "fingerprint"),
    ("an unknown id", confluent(0xFFFFFFFF, GOOD[5:]), "UNKNOWN_SCHEMA", "4294967295"),
    ("no datum", confluent(1, b""), "BAD_AVRO", "cut short"),
    ("half a datum", GOOD[:len(GOOD) // 2], "BAD_AVRO", "candidates"),
    ("enum index 57", with_field("kind", long(57)), "BAD_AVRO", "enum index 57 of 4"),
    ("enum index -3", with_field("kind", long(-3)), "BAD_AVRO", "enum index -3 of 4"),
    ("enum index 2^32", with_field("kind", long(2**32)), "BAD_AVRO", "outside int's range"),
    ("a string of 1 MiB without a body", with_field("ward_name", long(2**20)), "BAD_AVRO", "length 1048576"),
    ("length -5", with_field("ward_name", long(-5)), "BAD_AVRO", "length -5"),
    ("length 2^62", with_field("ward_name", long(2**62)), "BAD_AVRO", "length 4611686018427387904"),
    ("NUL in a string", with_field("ward_name", text("All\0Saints")), "BAD_UTF8", "NUL"),
    ("half of a surrogate pair", with_field("ward_name", blob(b"All \xed\xa0\xbd")), "BAD_UTF8", "not UTF-8"),
    ("the other half", with_field("ward_name", blob(b"\xed\xb2\x96 Saints")), "BAD_UTF8", "not UTF-8"),
    ("overlong UTF-8", with_field("ward_name", blob(b"\xc0\x80")), "BAD_UTF8", "not UTF-8"),
    ("trailing bytes", GOOD + b"BYTES", "TRAILING_BYTES", "5 bytes left"),
    ("twice the same datum", GOOD + GOOD[5:], "TRAILING_BYTES", "left behind"),
    ("boolean 7", with_field("is_test", b"\x07"), "BAD_AVRO", "boolean 7"),
    ("union branch 9", with_field("source_url", long(9)), "BAD_AVRO", "union branch 9 of 2"),
    ("union branch -1", with_field("note", long(-1)), "BAD_AVRO", "union branch -1 of 2"),
    ("a varint of 11 bytes", with_field("declared_at", b"\xff" * 10 + b"\x01"), "BAD_AVRO", "longer than 10 bytes"),
    ("a varint padded with zero bits", with_field("revision", b"\x82\x00"), "BAD_AVRO", "padded"),
    ("20 million candidates in five bytes", with_field("candidates", long(20_000_000) + b"\0"), "BAD_AVRO",
     "20000000 items claimed"),
    ("-2^63 candidates", with_field("candidates", long(-2**63) + long(2) + b"\0"), "BAD_AVRO", "items claimed"),
    ("a block of -1 bytes", with_field("candidates", long(-1) + long(-1)), "BAD_AVRO", "block of -1 bytes"),
    ("a block of 2^40 bytes", with_field("candidates", long(-1) + long(2**40)), "BAD_AVRO", "block of 1099511627776"),
    ("a block size one short", with_field("candidates", long(-COUNT) + long(len(ITEMS) - 1) + ITEMS + b"\0"),
     "BAD_AVRO", "a block whose size is not that of its items"),
    ("a block size one too long", with_field("candidates", long(-COUNT) + long(len(ITEMS) + 1) + ITEMS + b"\0"),
     "BAD_AVRO", "a block whose size is not that of its items"),
    ("votes of six bytes", with_field("candidates.votes", long(1) + b"\x80\x80\x80\x80\x80\x01"), "BAD_AVRO",
     "candidates[0].votes: varint longer than 5 bytes"),
    ("no UUID", with_field("event_id", text("not a UUID")), "BAD_VALUE", "event_id"),
    ("an empty id", with_field("election_id", text("")), "BAD_VALUE", "election_id"),
    ("revision 0", with_field("revision", long(0)), "BAD_VALUE", "revision"),
    ("-1 votes", with_field("candidates.votes", long(1) + long(-1)), "BAD_VALUE", "votes"),
    ("a time before 1970", with_field("declared_at", long(-1)), "BAD_VALUE", "declared_at"),
    ("a time after 9999", with_field("declared_at", long(2**62)), "BAD_VALUE", "declared_at"),
    ("1 MiB and a byte", with_field("note", long(1) + blob(b"x" * 2**20)), "TOO_LARGE", "more than 1048576"),
]

# The same in fields that we skip, each under a writer's schema of its own with the field `extra` in front.
EXTRA_CASES = [
    ("20 million nulls in five bytes", {"type": "array", "items": "null"}, long(20_000_000) + b"\0", "BAD_AVRO",
     "20000000 items claimed"),
    ("a million empty records", {"type": "array", "items": NOTHING}, long(1_000_000) + b"\0", "BAD_AVRO",
     "1000000 items claimed"),
    ("a map of a million nulls", {"type": "map", "values": "null"}, long(1_000_000) + b"\0", "BAD_AVRO",
     "1000000 items claimed"),
    ("recursion to 50 KB", LIST, long(1) * 50 * 1024 + long(0), "BAD_AVRO", "nested deeper than 32"),
    ("a fixed of 1 MiB", {"type": "fixed", "name": "Big", "size": 2**20}, b"", "BAD_AVRO", "1048576 bytes wanted"),
    ("bytes of length 2^62", "bytes", long(2**62), "BAD_AVRO", "length 4611686018427387904"),
    ("a skipped string with NUL", "string", text("a\0b"), "BAD_UTF8", "NUL"),
    ("a skipped enum's index 57", {"type": "enum", "name": "E", "symbols": ["A"]}, long(57), "BAD_AVRO",
     "enum index 57 of 1"),
    ("a skipped union's branch 9", ["null", "string"], long(9), "BAD_AVRO", "union branch 9 of 2"),
    ("a skipped boolean 7", "boolean", b"\x07", "BAD_AVRO", "boolean 7"),
]

# Schemas that the registry gives, and that no record can be read with.
SCHEMA_CASES = [
    ("a fixed of negative size", {"type": "fixed", "name": "F", "size": -1}, "size"),
    ("a field twice", {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}] * 2}, "twice"),
    ("a symbol twice", {"type": "enum", "name": "E", "symbols": ["A", "A"]}, "twice"),
    ("a name twice", {"type": "record", "name": "R", "fields": [
        {"name": "a", "type": {"type": "enum", "name": "R", "symbols": ["A"]}}]}, "taken"),
    ("a type that nobody defined", {"type": "array", "items": "Nowhere"}, "no type Nowhere"),
    ("a thousand levels", None, "levels"),
    ("300 KB", {"type": "string", "doc": "x" * 300_000}, "bytes"),
]


def thousand_levels():
    schema = "null"
    for _ in range(300):
        schema = {"type": "array", "items": schema}
    return schema


class Writers:
    """A stand-in registry that knows the schemas given to it."""

    def __init__(self, registry):
        self.schemas = {}
        registry.answer = self.answer

    def answer(self, path):
        schema = self.schemas.get(int(path.rsplit("/", 1)[1]))
        return (404, b'{"error_code": 40403}') if schema is None else (200, schema_answer(schema))

    def add(self, schema):
        number = OWN_IDS + 1 + len(self.schemas)
        self.schemas[number] = schema
        return number

    def add_extra(self, kind):
        schema = avro_write.own_schema("ward-declaration.avsc")
        schema["fields"].insert(0, {"name": "extra", "type": kind})
        return self.add(schema)


def hostile(value, key=KEY, topic=DECLARATIONS):
    return Record(topic, key, value, support.MEDWAY_PARTITION)


def rejected_rows(pipeline, after):
    return pipeline.rows("SELECT kafka_offset, fate, reasons, detail, payload FROM api.ledger"
                         f" WHERE topic = '{DECLARATIONS}' AND fate = 'rejected' AND kafka_offset >= {after}"
                         " ORDER BY kafka_offset")


def check_row(row, name, value, reason, detail):
    equal((row["fate"], row["reasons"]), ("rejected", [reason]), f"{name}: {row['detail']}")
    assert detail in row["detail"], f"{name}: '{detail}' is not in: {row['detail']}"
    assert len(row["detail"].encode()) <= 1024, f"{name}: a detail of {len(row['detail'])} bytes"
    kept = None if row["payload"] is None else bytes.fromhex(row["payload"][2:])
    assert kept == value, f"{name}: the payload is not kept as it came"


def check_good_record(pipeline, ward):
    pipeline.send([hostile(confluent(1, avro_write.datum(OURS, avro_write.declaration(ward))))])
    pipeline.wait_until_applied()
    row = pipeline.rows("SELECT fate, reasons, detail FROM api.ledger ORDER BY kafka_offset DESC LIMIT 1"
                        .replace("ORDER", f"WHERE topic = '{DECLARATIONS}' ORDER"))[0]
    equal(row["fate"], "accepted", f"the good record behind them: {row}")


def check_cases(pipeline, cases):
    """Each with its row; then a good record."""
    pipeline.send([hostile(value) for _, value, _, _ in cases])
    pipeline.wait_until_applied(120)
    rows = rejected_rows(pipeline, 0)
    equal(len(rows), len(cases), "rejected records")
    for row, case in zip(rows, cases):
        check_row(row, *case)
    check_good_record(pipeline, WARDS[1])


# ---- tests -----------------------------------------------------------------------------------------------

@test
def every_dangerous_payload_gets_its_row_and_its_reason(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    check_cases(pipeline, CASES)
    wait_for(lambda: len(pipeline.dump(support.REJECTED)) >= len(CASES), "rejections are sent")
    equal([record.headers["declared.reason"].decode() for record in pipeline.dump(support.REJECTED)],
          [reason for _, _, reason, _ in CASES], "what the feeds are told")
    pipeline.ctl("audit", "verify")


@test
def on_the_desks_topic_too(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    cases = [case for case in CASES if case[2] not in ("BAD_VALUE",)]
    pipeline.send([hostile(value, topic=DESK) for _, value, _, _ in cases])
    pipeline.wait_until_applied(120)
    rows = pipeline.rows("SELECT fate, reasons, detail, payload FROM api.ledger"
                         f" WHERE topic = '{DESK}' AND fate = 'rejected' ORDER BY kafka_offset")
    equal(len(rows), len(cases), "rejected records")
    for row, case in zip(rows, cases):
        check_row(row, *case)
    check_good_record(pipeline, WARDS[1])


@test
def keys_of_any_kind(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    keys = [None, b"", b"\0", b"\xff\xfe", b"E06000036", KEY + b"\0", b"x" * 500_000]
    pipeline.send([hostile(GOOD, key) for key in keys])
    pipeline.wait_until_applied()
    rows = pipeline.rows("SELECT key, fate, reasons FROM api.ledger"
                         f" WHERE topic = '{DECLARATIONS}' ORDER BY kafka_offset")
    for row, key in zip(rows, keys):
        equal((row["fate"], row["reasons"][0]), ("rejected", "KEY_MISMATCH"), f"the key {key and key[:20]}")
        equal(row["key"], None if key is None else "\\x" + key.hex(), "the key is kept")
    pipeline.send([hostile(b"", None), hostile(None, None)])
    pipeline.wait_until_applied()
    equal([row["reasons"] for row in rejected_rows(pipeline, len(keys))], [["BAD_FRAMING"]] * 2, "no key, no value")
    check_good_record(pipeline, WARDS[1])


@test
def in_fields_that_are_skipped_and_in_schemas(pipeline):
    pipeline.load(support.medway_reference())
    with StandInRegistry() as registry:
        writers = Writers(registry)
        cases = [(name, confluent(writers.add_extra(kind), raw + GOOD[5:]), reason, detail)
                 for name, kind, raw, reason, detail in EXTRA_CASES]
        cases += [(name, confluent(writers.add(schema or thousand_levels()), GOOD[5:]), "BAD_AVRO", detail)
                  for name, schema, detail in SCHEMA_CASES]
        pipeline.daemon(registry__url=registry.url)
        check_cases(pipeline, cases)
    pipeline.ctl("audit", "verify")


# ---- memory ----------------------------------------------------------------------------------------------

def resident_kb(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def send_many(pipeline, values, count):
    """All of them in turn, and waits until they are applied: by the lanes' rows, for the ledger is long."""
    for begin in range(0, count, CHUNK):
        pipeline.send([hostile(values[i % len(values)]) for i in range(begin, min(count, begin + CHUNK))])
        wait_for(lambda: int(pipeline.value("SELECT coalesce(sum(lane_seq), 0) FROM declared.lane")) == pipeline.sent,
                 "all are applied", 300)


@test
def memory_stays_flat_over_many_of_them(pipeline):
    pipeline.check = lambda: None  # all rows in Python's memory would take too long; audit verify looks at them below
    pipeline.load(support.medway_reference())
    with StandInRegistry() as registry:
        writers = Writers(registry)
        values = [value for name, value, _, _ in CASES if name != "1 MiB and a byte"]
        values += [confluent(writers.add_extra(kind), raw + GOOD[5:]) for name, kind, raw, _, _ in EXTRA_CASES
                   if len(raw) < 1000]
        values += [confluent(writers.add(schema), GOOD[5:]) for _, schema, _ in SCHEMA_CASES if schema]
        daemon = pipeline.daemon(registry__url=registry.url)
        send_many(pipeline, values, CHUNK)
        before = resident_kb(daemon)
        send_many(pipeline, values, RECORDS)
        after = resident_kb(daemon)
        print(f"       {before} KB resident after {CHUNK} records, {after} KB after {RECORDS} more")
        assert after - before <= RSS_GROWTH_KB, f"resident memory grew from {before} to {after} KB"
        pipeline.send([hostile(GOOD)])
        wait_for(lambda: pipeline.value(f"SELECT declarations_next FROM declared.lane WHERE lane ="
                                        f" {support.MEDWAY_PARTITION}") == CHUNK + RECORDS + 1, "the good record")
    equal(pipeline.fates(), {"rejected": CHUNK + RECORDS, "accepted": 1}, "fates")
    pipeline.ctl("audit", "verify")


if __name__ == "__main__":
    if "--records" in sys.argv:
        place = sys.argv.index("--records")
        RECORDS = int(sys.argv[place + 1])
        del sys.argv[place:place + 2]
    support.main()
