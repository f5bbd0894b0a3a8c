#!/usr/bin/env python3
"""Checks what `declarectl audit export` wrote by the documented format alone; nothing of ours is used.

    check_export.py EXPORT [SEAL]     exit 1 names the first line that is wrong
"""

import base64
import hashlib
import json
import sys


TEXTS = {"rules": ("version", "settings", "rules"), "writer_schema": ("fingerprint", "schema", "writer_schemas")}


def form(name, value):
    return base64.b64decode(value) if name in ("key", "payload") else value.encode()


def entry_hash(row):
    digest = hashlib.sha256(bytes.fromhex(row["prev_hash"]))
    for name, value in row.items():
        if name not in ("type", "prev_hash", "entry_hash"):
            value = None if value is None else form(name, value)
            digest.update(b"\1\0\0\0\0" if value is None else b"\0" + len(value).to_bytes(4, "big") + value)
    return digest.hexdigest()


def check(lines, seal=None):
    head, *lines, end = lines
    assert head["format"] == "declared export 1" and end == {"type": "end", "lines": len(lines) + 1}, "not a whole export"
    hashes = {(lane, 0): "00" * 32 for lane in head["lanes"]}
    newest, rows, actions, seqs = dict.fromkeys(head["lanes"], 0), {}, set(), {False: 0, True: 0}
    moments, shown = dict.fromkeys(head["lanes"], ""), {}
    for number, line in enumerate(lines, 2):
        where = f"line {number}, {line['type']}"
        if line["type"] in ("row", "link"):
            lane, seq = int(line["lane"]), int(line["lane_seq"])
            assert seq == newest[lane] + 1, f"{where}: lane {lane} goes from {newest[lane]} to {seq}"
            assert line["prev_hash"] == hashes[lane, seq - 1], f"{where}: not chained to the row before it"
            assert line["type"] == "link" or line["entry_hash"] == entry_hash(line), f"{where}: its hash is another"
            newest[lane], hashes[lane, seq] = seq, line["entry_hash"]
            if line["type"] == "row":
                assert moments[lane] <= line["received_at"], f"{where}: received before the row before it"
                rows[lane, seq], moments[lane] = line, line["received_at"]
        elif line["type"] == "action":
            payload = base64.b64decode(rows[line["lane"], line["lane_seq"]]["payload"])
            assert all(line[name].encode() in payload for name in ("by", "note")), f"{where}: not what its row says"
            actions.add((line["by"], line["note"]))
        elif line["type"] == "fate_change":
            trigger = rows[line["lane"], line["trigger_lane_seq"]]
            assert (line["lane"], line["lane_seq"]) in rows, f"{where}: of no record"
            assert line["recorded_at"] == trigger["received_at"], f"{where}: not of its trigger's moment"
            assert line["by"] is None or (line["by"], line["note"]) in actions, f"{where}: by nobody's action"
        elif line["type"] == "snapshot":
            cause, seqs[line["is_test"]] = line["cause"], seqs[line["is_test"]] + 1
            row = rows[cause["lane"], cause["lane_seq"]]
            assert line["seq"] == seqs[line["is_test"]], f"{where}: seq {line['seq']} is not the next"
            assert (line["recorded_at"], line["lane_seq"]) == (row["received_at"], cause["lane_seq"]), f"{where}: its cause"
            assert (cause["topic"], str(cause["kafka_offset"])) == (row["topic"], row["kafka_offset"]), f"{where}: its cause"
            assert (cause["by"] or "").encode() in base64.b64decode(row["payload"]), f"{where}: who caused it"
            shown[line["is_test"], line["seq"]] = line["recorded_at"]
        elif line["type"] in ("election", "ballot"):
            assert line["recorded_at"] == rows[line["lane"], line["lane_seq"]]["received_at"], f"{where}: its moment"
        elif line["type"] == "flash":
            assert line["recorded_at"] == shown[line["is_test"], line["seq"]], f"{where}: its moment"
        elif line["type"] in TEXTS:
            name, text, sealed = TEXTS[line["type"]]
            sums = {one[name]: one["sha256"] for one in seal[sealed]} if seal else {}
            digest = hashlib.sha256(line[text].encode()).hexdigest()
            assert sums.get(line[name], digest) == digest, f"{where}: not as sealed"
    for lane in seal["lanes"] if seal else ():
        if lane["lane"] in head["lanes"]:
            assert hashes.get((lane["lane"], lane["lane_seq"])) == lane["head_hash"], f"lane {lane['lane']}: not as sealed"
    return len(rows)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        export = [json.loads(text) for text in file]
    try:
        count = check(export, json.load(open(sys.argv[2], encoding="utf-8")) if len(sys.argv) > 2 else None)
    except (AssertionError, KeyError) as problem:
        sys.exit(f"{sys.argv[1]}: {problem}")
    print(f"{count} rows and their chain are whole")
