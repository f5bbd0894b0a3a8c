"""Avro as a feed would write it: schemas as dictionaries, values to bytes. Written apart from the daemon's own code."""

import datetime
import json
import os
import struct
import uuid

import support


def own_schema(name):
    """A file of schemas/avro, new each time, to be changed at will."""
    with open(os.path.join(support.ROOT, "schemas", "avro", name), encoding="utf-8") as file:
        return json.load(file)


def long(number):
    raw, out = (number << 1) ^ (number >> 63), bytearray()
    raw &= (1 << 64) - 1
    while raw >= 0x80:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    return bytes(out + bytes([raw]))


def blob(data):
    return long(len(data)) + data


def text(value):
    return blob(value.encode())


def fits(kind, value):
    """Is the value of this branch of a union?"""
    kind = kind["type"] if isinstance(kind, dict) else kind
    python = {"null": type(None), "boolean": bool, "int": int, "long": int, "string": str, "double": float,
              "array": list, "record": dict, "map": dict, "enum": str}
    return isinstance(value, python[kind]) and not (kind in ("int", "long") and isinstance(value, bool))


def datum(schema, value):
    """Fields that are not given take the schema's default, and so does a declaration's line of JSON."""
    if isinstance(schema, list):
        index = next(i for i, branch in enumerate(schema) if fits(branch, value))
        return long(index) + datum(schema[index], value)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, (dict, list)):
        return datum(kind, value)
    if kind == "record":
        return b"".join(datum(field["type"], value.get(field["name"], field.get("default")))
                        for field in schema["fields"])
    if kind == "array":
        items = b"".join(datum(schema["items"], item) for item in value)
        return (long(len(value)) + items if value else b"") + b"\0"
    if kind == "enum":
        return long(schema["symbols"].index(value))
    simple = {"null": lambda _: b"", "boolean": lambda v: bytes([v]), "int": long, "long": long, "string": text,
              "bytes": blob, "double": lambda v: struct.pack("<d", v), "float": lambda v: struct.pack("<f", v)}
    return simple[kind](value)


def confluent(number, body):
    return struct.pack(">BI", 0, number) + body


def milliseconds(moment):
    return int(datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() * 1000)


def declaration(line, **changes):
    """A line of `declarectl publish` as the fields of a WardDeclaration."""
    fields = dict(line, **changes)
    for name in ("declared_at", "reported_at"):
        if isinstance(fields[name], str):
            fields[name] = milliseconds(fields[name])
    fields.setdefault("event_id", str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(fields, sort_keys=True))))
    return fields
