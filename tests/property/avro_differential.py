#!/usr/bin/env python3
"""Avro schema resolution: our plan against fastavro and Avro C, on random schema pairs and data.

    avro_differential.py --driver build/bin/avro_resolve [--seed N] [--pairs N] [--data N]

Four kinds of pairs, in turn:
    any     a random reader of every shape that a binding knows, and a writer mutated from it: fields
            dropped, added, renamed, reordered; numbers promoted; unions wrapped round and taken off;
            enums shuffled; now and then a change that cannot resolve
    swapped the same, with mutations that stay within what a reader can be, the other way round
    own     one of our three records as the reader; what we decode is encoded anew and read by fastavro
    same    the writer's schema is the reader's: Avro C, whose own resolution is not to be had, reads it too

The data are written here, byte by byte, with arrays and maps in random blocks. Both must read the
same value, or both must fail. Then each datum is damaged: what we still accept, fastavro must read as
the same value. Exit 77: fastavro is missing (pip install fastavro).
"""

import argparse
import copy
import glob
import io
import json
import os
import random
import struct
import subprocess
import sys

try:
    import fastavro
except ImportError:
    print("fastavro is not installed")
    sys.exit(77)

WORDS = ["", "a", "PP52", "All Saints", "Ynys Môn", "joint-party:53-119", "投票", "🗳", "x" * 70]
SYMBOLS = ["RED", "GREEN", "BLUE", "PINK", "GREY", "TEAL"]


def chance(rng, percent):
    return rng.random() * 100 < percent


# ---- schemas


class Maker:
    """Random schemas; names are numbered, so that none is defined twice."""

    def __init__(self, rng):
        self.rng = rng
        self.count = 0

    def name(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    def enum(self):
        symbols = self.rng.sample(SYMBOLS, self.rng.randint(1, 4))
        node = {"type": "enum", "name": self.name("E"), "symbols": symbols}
        if chance(self.rng, 60):
            node["default"] = self.rng.choice(symbols)
        if chance(self.rng, 30):
            node["aliases"] = [self.name("OldE")]
        return node

    def value(self, depth):
        """A type that is not null, of those that a reader can have."""
        kinds = ["string", "int", "long", "boolean", "enum"]
        if depth > 0:
            kinds += ["array", "map", "record"]
        kind = self.rng.choice(kinds)
        if kind == "enum":
            return self.enum()
        if kind == "array":
            return {"type": "array", "items": self.any(depth - 1)}
        if kind == "map":
            return {"type": "map", "values": self.any(depth - 1)}
        if kind == "record":
            return self.record(depth - 1)
        return kind

    def any(self, depth):
        value = self.value(depth)
        if not chance(self.rng, 35) or kind_of(value) in ("enum", "array"):
            return value
        return ["null", value] if chance(self.rng, 70) else [value, "null"]

    def field(self, depth):
        field = {"name": self.name("f"), "type": self.any(depth)}
        if chance(self.rng, 60):
            field["default"] = default_for(self.rng, field["type"])
        if chance(self.rng, 30):
            field["aliases"] = [self.name("old") for _ in range(self.rng.randint(1, 2))]
        return field

    def record(self, depth):
        node = {"type": "record", "name": self.name("R"), "fields": []}
        if chance(self.rng, 30):
            node["aliases"] = [self.name("OldR")]
        node["fields"] = [self.field(depth) for _ in range(self.rng.randint(0 if depth < 2 else 1, 6))]
        return node

    def foreign(self, depth):
        """A type for a field that only the writer has: all of Avro."""
        kinds = ["null", "boolean", "int", "long", "float", "double", "bytes", "string", "enum", "fixed", "list", "tree"]
        if depth > 0:
            kinds += ["array", "map", "record", "union"] * 2
        kind = self.rng.choice(kinds)
        if kind == "enum":
            return self.enum()
        if kind == "fixed":
            return {"type": "fixed", "name": self.name("F"), "size": self.rng.randint(0, 20)}
        if kind == "array":
            return {"type": "array", "items": self.foreign(depth - 1)}
        if kind == "map":
            return {"type": "map", "values": self.foreign(depth - 1)}
        if kind == "record":
            fields = [{"name": self.name("g"), "type": self.foreign(depth - 1)} for _ in range(self.rng.randint(0, 4))]
            return {"type": "record", "name": self.name("G"), "fields": fields}
        if kind == "list":
            name = self.name("L")
            return {"type": "record", "name": name, "fields": [
                {"name": "head", "type": "int"}, {"name": "tail", "type": ["null", name]}]}
        if kind == "tree":
            name = self.name("T")
            return {"type": "record", "name": name, "fields": [
                {"name": "kids", "type": {"type": "array", "items": name}},
                {"name": "named", "type": {"type": "map", "values": name}}]}
        if kind == "union":
            branches = {}
            for _ in range(self.rng.randint(1, 4)):
                branch = self.foreign(depth - 1)
                if kind_of(branch) != "union":
                    branches.setdefault(branch_key(branch), branch)
            return list(branches.values()) or "null"
        return kind


def kind_of(schema):
    if isinstance(schema, list):
        return "union"
    return schema["type"] if isinstance(schema, dict) else schema


def branch_key(schema):
    return schema["name"] if kind_of(schema) in ("record", "enum", "fixed") else kind_of(schema)


def default_for(rng, schema):
    kind = kind_of(schema)
    if kind == "union":
        return default_for(rng, schema[0])
    if kind == "null":
        return None
    if kind == "boolean":
        return chance(rng, 50)
    if kind in ("int", "long"):
        return rng.choice([0, -1, 7, 2**31 - 1])
    if kind == "string":
        return rng.choice(WORDS)
    if kind == "enum":
        return rng.choice(schema["symbols"])
    if kind == "array":
        return [default_for(rng, schema["items"]) for _ in range(rng.randint(0, 2))]
    if kind == "map":
        return {key: default_for(rng, schema["values"]) for key in rng.sample(["p", "q", "r"], rng.randint(0, 2))}
    return {field["name"]: default_for(rng, field["type"]) for field in schema["fields"]}


# ---- a writer from a reader


class Mutator:
    """`wide`: to anything that Avro knows; otherwise to what a reader can be, with defaults and aliases,
    so that the pair resolves the other way round. `bold` and `breaking` are percentages: of changes
    that fail with some data, and of those that fail with all."""

    def __init__(self, rng, maker, wide, bold, breaking):
        self.rng, self.maker, self.wide, self.bold, self.breaking = rng, maker, wide, bold, breaking

    def breaks(self):
        return chance(self.rng, self.breaking)

    def type(self, schema):
        if self.breaks():
            return self.maker.foreign(1) if self.wide else self.maker.value(1)
        if kind_of(schema) == "union":
            return self.union(schema)
        value = self.value(schema)
        if self.wide and chance(self.rng, self.bold):
            return self.wrapped(value)
        return value

    def union(self, schema):
        value = self.value(next(branch for branch in schema if branch != "null"))
        if chance(self.rng, 20 if self.wide else self.breaking) and kind_of(value) not in ("enum", "array"):
            return value  # the null taken off
        if self.wide and chance(self.rng, 10):
            return "null"
        if self.wide and chance(self.rng, self.bold):
            return self.wrapped(value)
        return ["null", value] if chance(self.rng, 50) else [value, "null"]

    def wrapped(self, value):
        """A union of the value's type and others: some that fit, some that do not."""
        branches = {branch_key(value): value}
        for other in ["null", "int", "string", "bytes", "double", "long"]:
            if chance(self.rng, 30):
                branches.setdefault(other, other)
        branches = list(branches.values())
        self.rng.shuffle(branches)
        return branches

    def value(self, schema):
        kind = kind_of(schema)
        if kind == "enum":
            return self.enum(schema)
        if kind == "array":
            return {"type": "array", "items": self.type(schema["items"])}
        if kind == "map":
            return {"type": "map", "values": self.type(schema["values"])}
        if kind == "record":
            return self.record(schema)
        if kind == "long" and chance(self.rng, 40 if self.wide else self.breaking):
            return "int"
        if kind == "int" and not self.wide and chance(self.rng, 40):
            return "long"
        if kind == "string" and self.wide and chance(self.rng, 25):
            return "bytes"
        return copy.deepcopy(schema)

    def names(self, schema):
        name = self.rng.choice([schema["name"]] + schema.get("aliases", []))
        return {"name": name} if self.wide or name == schema["name"] else {"name": name, "aliases": [schema["name"]]}

    def enum(self, schema):
        symbols = [symbol for symbol in schema["symbols"] if not chance(self.rng, 15)]
        strange = self.bold if "default" in schema else self.breaking
        symbols += [symbol for symbol in SYMBOLS if symbol not in schema["symbols"] and chance(self.rng, strange)]
        symbols = symbols or schema["symbols"][:1]
        self.rng.shuffle(symbols)
        node = {"type": "enum", **self.names(schema), "symbols": symbols}
        return node if self.wide else {**node, "default": self.rng.choice(symbols)}

    def record(self, schema):
        fields = []
        for field in schema["fields"]:
            if chance(self.rng, 25 if "default" in field else self.breaking):
                continue
            fields.append({**self.names(field), "type": self.type(field["type"])})
        for _ in range(self.rng.choice([0, 0, 1, 2])):
            fields.append({"name": self.maker.name("new"), "type": self.maker.foreign(2) if self.wide else self.maker.any(1)})
        for field in fields:
            if not self.wide and not chance(self.rng, self.breaking):
                field["default"] = default_for(self.rng, field["type"])
        if chance(self.rng, 60):
            self.rng.shuffle(fields)
        return {"type": "record", **self.names(schema), "fields": fields}


# ---- data


def varint(number):
    raw = (number << 1) ^ (number >> 63)
    raw &= 2**64 - 1
    out = bytearray()
    while raw >= 0x80:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    out.append(raw)
    return bytes(out)


class Writer:
    """Random data for a schema, as bytes."""

    def __init__(self, rng, schema):
        self.rng, self.named, self.schema = rng, {}, schema

    def datum(self):
        return self.value(self.schema, 6)

    def text(self):
        data = self.rng.choice(WORDS).encode()
        return varint(len(data)) + data

    def blocks(self, count, item):
        out, left = b"", count
        while left > 0:
            size = self.rng.randint(1, left)
            body = b"".join(item(count - left + i) for i in range(size))
            left -= size
            out += varint(size) if chance(self.rng, 60) else varint(-size) + varint(len(body))
            out += body
        return out + b"\0"

    def union(self, schema, depth):
        index = self.rng.randrange(len(schema))
        if depth <= 0 and "null" in schema:
            index = schema.index("null")
        return varint(index) + self.value(schema[index], depth)

    def value(self, schema, depth):
        if isinstance(schema, str) and schema in self.named:
            schema = self.named[schema]
        kind = kind_of(schema)
        count = 0 if depth <= 0 else self.rng.choice([0, 1, 2, 5])
        if kind in ("record", "enum", "fixed"):
            self.named[schema["name"]] = schema
        if kind == "null":
            return b""
        if kind == "boolean":
            return bytes([self.rng.randrange(2)])
        if kind == "int":
            return varint(self.rng.choice([0, 1, -1, 63, 64, 3495, -(2**31), 2**31 - 1]))
        if kind == "long":
            return varint(self.rng.choice([0, 1, -1, 2**31, 1683252000000, -(2**63) + 1, 2**63 - 1]))
        if kind == "float":
            return struct.pack("<f", self.rng.random())
        if kind == "double":
            return struct.pack("<d", self.rng.random())
        if kind in ("string", "bytes"):
            return self.text()
        if kind == "fixed":
            return self.rng.randbytes(schema["size"])
        if kind == "enum":
            return varint(self.rng.randrange(len(schema["symbols"])))
        if kind == "array":
            return self.blocks(count, lambda i: self.value(schema["items"], depth - 1))
        if kind == "map":
            keys = [key.encode() for key in self.rng.sample(WORDS, count)]
            return self.blocks(count, lambda i: varint(len(keys[i])) + keys[i] + self.value(schema["values"], depth - 1))
        if kind == "union":
            return self.union(schema, depth)
        return b"".join(self.value(field["type"], depth - 1) for field in schema["fields"])


# ---- the comparison


def read(data, writer, reader):
    """What fastavro makes of it, as (value, None) or (None, why not)."""
    try:
        stream = io.BytesIO(data)
        value = fastavro.schemaless_reader(stream, writer, reader)
        return (value, None) if stream.tell() == len(data) else (None, "trailing bytes")
    except Exception as error:  # fastavro has no one error of its own
        return None, f"{type(error).__name__}: {error}"


def parsed(schema):
    return fastavro.parse_schema(copy.deepcopy(schema))


def without_logical_types(schema):
    """They are annotations: fastavro would turn numbers into dates."""
    if isinstance(schema, dict):
        return {key: without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return [without_logical_types(item) for item in schema] if isinstance(schema, list) else schema


def load_own(folder):
    paths = sorted(glob.glob(os.path.join(folder, "*.avsc")))
    return [without_logical_types(json.load(open(path, encoding="utf-8"))) for path in paths]


def make_pair(rng, number, own):
    """(kind, reader or None, writer)"""
    maker = Maker(rng)
    kind = ("any", "swapped", "own", "same")[number % 4]
    breaking = rng.choice([0, 0, 0, 4])
    if kind == "own":
        reader = rng.choice(own)
        writer = Mutator(rng, maker, True, rng.choice([0, 3]), breaking).record(reader)
        return kind, reader, {**writer, "namespace": "declared"}
    first = maker.record(3)
    if kind == "same":
        return kind, first, first
    second = Mutator(rng, maker, kind == "any", 10, breaking).record(first)
    if kind == "swapped":
        return kind, second, first
    return kind, first, second


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, kind, reader, writer, data):
        line = {"reader": None if kind == "own" else reader, "writer": writer, "avro_c": kind == "same",
                "data": [datum.hex() for datum in data]}
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return [json.loads(self.process.stdout.readline()) for _ in data]


def our_value(answer, reader):
    if "encoded" in answer:
        return read(bytes.fromhex(answer["encoded"])[10:], reader, reader)
    if "value" in answer:
        return answer["value"], None
    return None, f"{answer['rule']}: {answer['detail']}"


def unwrapped(schema, value, named):
    """A value of Avro's JSON encoding without the names of union branches."""
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    kind = kind_of(schema)
    if kind in ("record", "enum"):
        named[schema["name"]] = schema
    if kind == "union":
        branch = next(branch for branch in schema if branch != "null")
        return None if value is None else unwrapped(branch, *value.values(), named)
    if kind == "array":
        return [unwrapped(schema["items"], item, named) for item in value]
    if kind == "map":
        return {key: unwrapped(schema["values"], item, named) for key, item in value.items()}
    if kind == "record":
        return {field["name"]: unwrapped(field["type"], value[field["name"]], named) for field in schema["fields"]}
    return value


def avro_c_agrees(answer, reader):
    if "avro_c" not in answer:
        return True
    if answer["avro_c"] is None:  # it cannot hold records without fields, though it parses their schemas
        return '"fields": []' in json.dumps(reader)
    return unwrapped(reader, answer["avro_c"], {}) == answer["value"]


def explained(ours, theirs):
    """A difference that is meant: where fastavro is laxer than the specification, or looks later."""
    if ours[1] is None:
        return None
    for text, why in (("cannot be read as", "refused for the schema, though this datum would not show it"),
                      ("the writer lacks it", "refused for the schema, though this datum would not show it"),
                      ("is no record of ours", "fastavro does not compare the names of records")):
        if text in ours[1]:
            return why
    return None


def damaged(rng, datum):
    """The datum with a byte changed, dropped or added."""
    at = rng.randrange(len(datum) + 1)
    return datum[:at] + rng.randbytes(rng.randint(0, 1)) + datum[at + rng.randint(0, 1):]


def outcome_of(answer, datum, writer, reader, is_damaged):
    """(what came of it, None), or (None, ours and theirs) where they differ."""
    ours = our_value(answer, reader)
    if is_damaged and ours[1] is not None:
        return "damaged, and rejected", None  # fastavro would believe much of it
    theirs = read(datum, writer, reader)
    if not avro_c_agrees(answer, reader):
        return None, (ours, f"Avro C: {answer['avro_c']}")
    if ours[1] is not None and theirs[1] is not None:
        return "both fail", None
    if ours == theirs:
        return "damaged, and the same value" if is_damaged else "same value", None
    why = explained(ours, theirs)
    return why, None if why else (ours, theirs)


def compare_pair(driver, rng, pair, data_count, counts):
    """None, or a text that shows the first difference."""
    kind, reader, writer = pair
    data = [Writer(rng, writer).datum() for _ in range(data_count)]
    data += [damaged(rng, datum) for datum in data]
    answers = driver.ask(kind, reader, writer, data)
    their_reader, their_writer = parsed(reader), parsed(writer)
    for i, (datum, answer) in enumerate(zip(data, answers)):
        outcome, difference = outcome_of(answer, datum, their_writer, their_reader, i >= data_count)
        if difference:
            return (f"({kind}) differs\n  reader {json.dumps(reader)}\n  writer {json.dumps(writer)}\n"
                    f"  datum {datum.hex()}\n  ours   {difference[0]}\n  theirs {difference[1]}")
        counts[outcome] = counts.get(outcome, 0) + 1
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", required=True)
    parser.add_argument("--schemas", default="schemas/avro")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--data", type=int, default=5)
    options = parser.parse_args()
    print(f"seed {options.seed}, fastavro {fastavro.__version__}", flush=True)

    own = [schema for schema in load_own(options.schemas)
           if schema["name"] in ("WardDeclaration", "OperatorAction", "CouncilReference")]
    driver = Driver(options.driver)
    counts = {}
    for number in range(options.pairs):
        rng = random.Random(f"{options.seed}/{number}")
        difference = compare_pair(driver, rng, make_pair(rng, number, own), options.data, counts)
        if difference:
            print(f"pair {number} of seed {options.seed} {difference}")
            return 1
    for outcome, count in sorted(counts.items()):
        print(f"{count:7} {outcome}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
