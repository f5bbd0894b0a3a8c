"""As much of Avro as it takes to read our own records: written anew, so that it shares no mistake with the daemon."""

import json
import struct


def canonical(schema):
    """Avro's parsing canonical form."""
    if isinstance(schema, str):
        return json.dumps(schema)
    if isinstance(schema, list):
        return "[" + ",".join(canonical(branch) for branch in schema) + "]"
    parts = []
    for name in ("name", "type", "fields", "symbols", "items", "values", "size"):
        if name in schema:
            value = schema[name]
            if name == "fields":
                text = "[" + ",".join(f'{{"name":"{f["name"]}","type":{canonical(f["type"])}}}' for f in value) + "]"
            elif name in ("type", "items", "values"):
                text = canonical(value)
            else:
                text = json.dumps(value, separators=(",", ":"))
            parts.append(f'"{name}":{text}')
    if "fields" not in schema and "symbols" not in schema and len(parts) == 1:
        return canonical(schema["type"])  # a primitive with its attributes
    return "{" + ",".join(parts) + "}"


def full_names(schema, space=""):
    """The schema with every named type, and every mention of one, in full."""
    primitive = {"null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "enum", "array",
                 "map", "fixed"}
    if isinstance(schema, str):
        return schema if schema in primitive or "." in schema else f"{space}.{schema}"
    if isinstance(schema, list):
        return [full_names(branch, space) for branch in schema]
    copy = dict(schema)
    space = copy.pop("namespace", space)
    if "name" in copy and "." not in copy["name"]:
        copy["name"] = f"{space}.{copy['name']}"
    for name in ("type", "items", "values"):
        if name in copy:
            copy[name] = full_names(copy[name], space)
    if "fields" in copy:
        copy["fields"] = [{**f, "type": full_names(f["type"], space)} for f in copy["fields"]]
    return copy


def fingerprint(text):
    """CRC-64-AVRO, as the eight bytes of single-object encoding."""
    empty = 0xC15D213AA4D7A795
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (empty if value & 1 else 0)
        table.append(value)
    crc = empty
    for byte in text.encode():
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return struct.pack("<Q", crc)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        if count < 0 or self.at > len(self.data):
            raise ValueError("too short")
        return self.data[self.at - count:self.at]

    def long(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def blocks(self):
        while count := self.long():
            if count < 0:
                self.long()  # the block's size in bytes
            yield from range(abs(count))

    def value(self, schema, names):
        if isinstance(schema, list):
            return self.value(schema[self.long()], names)
        kind = schema if isinstance(schema, str) else schema["type"]
        if isinstance(kind, (dict, list)):
            return self.value(kind, names)
        if kind in names:
            return self.value(names[kind], names)
        if kind in ("record", "enum") and schema["name"] not in names:
            names[schema["name"]] = schema
        simple = {"null": lambda: None, "boolean": lambda: self.take(1) == b"\1", "int": self.long, "long": self.long,
                  "double": lambda: struct.unpack("<d", self.take(8))[0], "bytes": lambda: self.take(self.long()),
                  "string": lambda: self.take(self.long()).decode()}
        if kind in simple:
            return simple[kind]()
        if kind == "enum":
            return schema["symbols"][self.long()]
        if kind == "array":
            return [self.value(schema["items"], names) for _ in self.blocks()]
        if kind == "map":
            return {self.take(self.long()).decode(): self.value(schema["values"], names) for _ in self.blocks()}
        return {field["name"]: self.value(field["type"], names) for field in schema["fields"]}


class Records:
    """Our records by either framing. `folder`: schemas/avro."""

    def __init__(self, folder):
        self.by_id, self.by_fingerprint = {}, {}
        for path in sorted(folder.glob("*.avsc")):
            schema = full_names(json.loads(path.read_text()))
            self.by_fingerprint[fingerprint(canonical(schema))] = schema
            self.by_id[path.name] = schema
        for number, name in json.loads((folder / "ids.json").read_text()).items():
            self.by_id[int(number)] = self.by_id[name]

    def read(self, data):
        """(full name, fields), or None for what is no record of ours."""
        if data[:2] == b"\xc3\x01":
            schema, body = self.by_fingerprint.get(data[2:10]), data[10:]
        elif data[:1] == b"\0" and len(data) >= 5:
            schema, body = self.by_id.get(struct.unpack(">I", data[1:5])[0]), data[5:]
        else:
            return None
        try:
            return None if schema is None else (schema["name"], Reader(body).value(schema, {}))
        except (ValueError, IndexError):
            return None
