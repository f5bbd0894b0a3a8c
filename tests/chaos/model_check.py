"""A lane's ledger through the independent model of tests/property: the same fates, changes and snapshots?"""

import sys
from pathlib import Path

from servers import rows

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "property"))

import compare  # noqa: E402
import model  # noqa: E402

MICROSECONDS = "(extract(epoch FROM received_at) * 1000000)::bigint AS received_at_us"


def inputs(uri, lane, avro):
    for row in rows(uri, f"SELECT topic, partition, kafka_offset, key, payload, {MICROSECONDS} FROM declared.ledger "
                         f"WHERE lane = {lane} ORDER BY lane_seq"):
        payload = None if row["payload"] is None else bytes.fromhex(row["payload"][2:])
        name, value = (None if payload is None else avro.read(payload)) or ("", None)
        key = None if row["key"] is None else bytes.fromhex(row["key"][2:]).decode(errors="replace")
        yield model.Input(row["topic"], row["partition"], row["kafka_offset"], key, name.removeprefix("declared.") or None,
                          value, row["received_at_us"])


def snapshots(uri, lane):
    flashes = {}
    for row in rows(uri, "SELECT election_id, is_test, seq, kind, retracts FROM declared.flash ORDER BY ctid"):
        flashes.setdefault((row["election_id"], row["is_test"], row["seq"]), []).append(row)
    for row in rows(uri, f"SELECT * FROM declared.snapshot_told WHERE lane = {lane} ORDER BY lane_seq, election_id, is_test, seq"):
        yield {**row, "flashes": flashes.get((row["election_id"], row["is_test"], row["seq"]), [])}


def theirs(uri, lane):
    return {
        "rows": list(rows(uri, f"SELECT lane_seq, fate, reasons FROM declared.ledger WHERE lane = {lane} ORDER BY lane_seq")),
        "changes": list(rows(uri, "SELECT lane_seq, fate, reasons, trigger_lane_seq FROM declared.fate_change "
                                  f"WHERE lane = {lane} ORDER BY trigger_lane_seq, n")),
        "snapshots": list(snapshots(uri, lane)),
    }


def differences(uri, lane, avro, partitions):
    """(where, what the model says, what the database says); the codes of unreadable bytes are not the model's."""
    ours = model.run(list(inputs(uri, lane, avro)), model.RuleBook(partitions=partitions))
    others = theirs(uri, lane)
    for one, other in zip(ours["rows"], others["rows"]):
        if one["reasons"] == ["BAD_AVRO"] and other["fate"] == "rejected":
            one["reasons"] = other["reasons"]
    for where, said, has in compare.all_differences(ours, others):
        if said != has:
            yield where, said, has
