#!/usr/bin/env python3
"""What leaves for Kafka: every snapshot, and few transactions however many commits there are."""

import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import support  # noqa: E402
from support import SNAPSHOTS, equal, test, wait_for  # noqa: E402

DECLARATIONS = 100
BETWEEN_S = 0.015
TRANSACTIONS_A_SECOND = 10


def publish_slowly(pipeline, lines):
    """Each by itself, so that each has a commit of its own."""
    publisher = subprocess.Popen([os.path.join(support.BIN, "declarectl"), "publish", "-"], env=pipeline.env, text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for line in lines:
        publisher.stdin.write(line)
        publisher.stdin.flush()
        time.sleep(BETWEEN_S)
    publisher.stdin.close()
    equal(publisher.wait(), 0, "declarectl publish")
    pipeline.sent += len(lines)


@test
def a_busy_lane_sends_every_snapshot_in_ten_transactions_a_second_at_most(pipeline):
    with tempfile.NamedTemporaryFile(suffix=".json") as reference:
        lines = pipeline.ctl("simulate", "--seed", "1", "--councils", "1", "--declarations", str(DECLARATIONS),
                             "--reference", reference.name).stdout.splitlines(True)
        pipeline.ctl("reference", "load", reference.name, "--by", "desk")
    pipeline.sent += 1
    pipeline.daemon()
    pipeline.wait_until_applied()
    pipeline.wait_until_told()
    began = time.monotonic()
    publish_slowly(pipeline, lines)
    pipeline.wait_until_applied()
    pipeline.wait_until_told()
    took_s = time.monotonic() - began
    commits = pipeline.value("SELECT count(DISTINCT xmin::text) FROM declared.snapshot")
    written = pipeline.value("SELECT count(*) FROM declared.snapshot WHERE NOT is_test")
    wait_for(lambda: len(pipeline.dump(SNAPSHOTS)) == written, "Kafka's readers see every snapshot")
    sent = pipeline.dump(SNAPSHOTS)
    equal(len({record.partition for record in sent}), 1, "partitions of one council")
    # Each transaction leaves a mark, which takes an offset; the last is behind the last record.
    transactions = max(record.offset for record in sent) + 2 - len(sent)
    most = took_s * TRANSACTIONS_A_SECOND + 2  # the reference data's, and one that was under way
    assert transactions <= most, f"{written} snapshots of {commits} commits in {transactions} transactions"


if __name__ == "__main__":
    support.main()
