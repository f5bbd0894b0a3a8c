#!/usr/bin/env python3
"""Which bytes of a PostgreSQL connection the proxy takes for a COMMIT of a transaction that writes."""

import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from proxy import Transactions  # noqa: E402

STARTUP = struct.pack(">II", 8, 196608)
STATEMENTS = {b"c0": b"BEGIN", b"c1": b"COMMIT", b"c2": b"SELECT declared.advance_lane($1)",
              b"c3": b"SELECT pg_notify($1, $2)", b"c4": b"INSERT INTO declared.ledger (lane) VALUES ($1)"}


def message(kind, body=b""):
    return kind + struct.pack(">I", 4 + len(body)) + body


def prepare():
    return b"".join(message(b"P", name + b"\0" + query + b"\0\0\0") for name, query in STATEMENTS.items())


def call(name):
    return message(b"B", b"\0" + name + b"\0\0\0\0\0\0\0") + message(b"D", b"P\0") + message(b"E", b"\0\0\0\0\0")


def calls(*names):
    return b"".join(map(call, names))


def complete(*tags):
    return b"".join(message(b"C", tag + b"\0") for tag in tags)


SYNC, READY, COPY_IN = message(b"S"), message(b"Z", b"I"), message(b"G", b"\0\0\0")
SMALL = calls(b"c0", b"c2", b"c4", b"c4", b"c1")
TELL = calls(b"c0", b"c3", b"c1")
LARGE = message(b"Q", b"BEGIN; COPY declared.ledger FROM STDIN; COPY declared.flash FROM STDIN; COMMIT\0")


class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.one = Transactions()
        self.one.sent(STARTUP)

    # What the client says.

    def test_a_pipeline_that_inserts_ends_with_its_commit(self):
        self.assertEqual("small", self.one.sent(prepare() + SMALL + SYNC))
        self.assertEqual("small", self.one.sent(SMALL + TELL + SYNC))

    def test_it_ends_with_the_execute_and_not_before(self):
        self.one.sent(prepare())
        for i in range(len(SMALL) - 1):
            self.assertIsNone(self.one.sent(SMALL[i:i + 1]))
        self.assertEqual("small", self.one.sent(SMALL[-1:]))

    def test_it_is_known_where_the_commit_begins(self):
        before, commit = prepare() + calls(b"c0", b"c4"), call(b"c1")
        execute = commit.index(b"E\0")
        self.one.sent(before + commit + TELL + SYNC)
        self.assertEqual(len(before) + execute, self.one.commit_at)
        self.one.sent(calls(b"c0", b"c4") + commit[:execute + 3])
        self.assertEqual("small", self.one.sent(commit[execute + 3:] + SYNC))
        self.assertEqual(0, self.one.commit_at)

    def test_what_only_tells_writes_nothing(self):
        self.assertIsNone(self.one.sent(prepare() + TELL + SYNC))

    def test_a_pipeline_that_ends_without_a_commit_leaves_nothing_to_the_next(self):
        self.assertIsNone(self.one.sent(prepare() + calls(b"c0", b"c4") + SYNC))
        self.assertIsNone(self.one.sent(TELL + SYNC))

    def test_a_statement_may_be_prepared_anew(self):
        self.one.sent(prepare() + message(b"P", b"c4\0select 1\0\0\0"))
        self.assertIsNone(self.one.sent(SMALL + SYNC))

    def test_copies_end_with_the_last(self):
        self.assertIsNone(self.one.sent(LARGE + message(b"d", b"row") + message(b"c")))
        self.assertEqual("large", self.one.sent(message(b"d", b"row") + message(b"c")))

    # What the server answers.

    def test_a_commit_behind_inserts_is_answered(self):
        answer = complete(b"BEGIN", b"SELECT 1", b"INSERT 0 1", b"INSERT 0 1", b"COMMIT")
        self.assertEqual("small", self.one.answered(answer + complete(b"BEGIN", b"SELECT 1", b"COMMIT") + READY))

    def test_a_commit_behind_a_telling_is_none(self):
        self.assertIsNone(self.one.answered(complete(b"BEGIN", b"SET", b"SELECT 1", b"COMMIT") + READY))

    def test_an_insert_that_failed_leaves_nothing_to_the_next(self):
        self.assertIsNone(self.one.answered(complete(b"BEGIN", b"INSERT 0 1") + message(b"E", b"\0") + READY))
        self.assertIsNone(self.one.answered(complete(b"BEGIN", b"COMMIT") + READY))

    def test_a_commit_behind_copies_is_that_of_a_large_one(self):
        self.assertEqual("copy", self.one.answered(complete(b"BEGIN", b"INSERT 0 1") + COPY_IN))
        self.assertEqual("large", self.one.answered(complete(b"COPY 30", b"COMMIT") + READY))


if __name__ == "__main__":
    unittest.main()
