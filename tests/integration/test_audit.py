#!/usr/bin/env python3
"""The audit: what was written is what follows from the ledger, and whoever changes a row is found.

One night is made and kept; the tests alter copies of its database, as its owner could.
"""

import atexit
import copy
import functools
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import check_export  # noqa: E402
import support  # noqa: E402
from support import MEDWAY, MEDWAY_PARTITION, Pipeline, Session, after, content, equal, test, without_topics  # noqa: E402

WARDS = support.medway_declarations()
OTHER_COUNCIL = "E06000099"  # claims Medway's election, from another lane
LANE = MEDWAY_PARTITION
KEYS = tempfile.TemporaryDirectory()


def with_votes(ward, more, **changes):
    first, *others = ward["candidates"]
    return dict(ward, candidates=[dict(first, votes=first["votes"] + more), *others], **changes)


def renamed(name):
    reference = support.medway_reference()
    reference["councils"][0]["short_name"] = name
    return reference


def claimed():
    reference = support.medway_reference()
    reference["councils"][0]["council_id"] = OTHER_COUNCIL
    return reference


# ---- the night -------------------------------------------------------------------------------------------

def first_half(pipeline):
    """Offsets 0 to 16: accepted, duplicate, corrected, in conflict, garbage, rehearsed, rejected before it came."""
    pipeline.load(support.medway_reference(), by="the politics desk")
    daemon = pipeline.daemon()
    pipeline.publish(WARDS[:8])
    pipeline.publish([WARDS[0], with_votes(WARDS[1], 5, kind="CORRECTED", revision=2, basis="TRANSCRIPTION_FIX"),
                      with_votes(WARDS[2], 1), {"key": "E06000035", "value_base64": "AAEC"}])
    pipeline.publish([dict(ward, is_test=True) for ward in WARDS[:3]])
    pipeline.wait_until_applied()
    pipeline.decide("release", f"{LANE}:10", by="the night editor", note="the count has confirmed it")
    pipeline.decide("release", f"{LANE}:0", by="the night editor", note="nothing to release")
    pipeline.decide("reject", f"{LANE}:16", by="the results desk", note="not that ward")  # has yet to come
    pipeline.wait_until_applied()
    pipeline.publish(WARDS[8:10])
    pipeline.load(claimed())
    pipeline.wait_until_applied()
    pipeline.load(renamed("MEDWAY TOWNS"), by="the morning desk")
    pipeline.publish([dict(WARDS[10], council_id=OTHER_COUNCIL)])
    pipeline.wait_until_applied()
    daemon.stop()


def second_half(pipeline):
    """By other rules: calls want an approval."""
    daemon = pipeline.daemon(calls__require_approval="yes")
    pipeline.decide("release", f"{LANE}:16", by="the night editor", note="it is that ward")
    pipeline.publish(WARDS[10:])
    pipeline.wait_until_applied()
    called = [row for row in pipeline.history(MEDWAY) if row["control"]][0]
    pipeline.decide("approve", f"{LANE}:{called['cause']['kafka_offset']}", by="the editor", note="call it")
    pipeline.wait_until_applied()
    equal(pipeline.control(MEDWAY)["headline"], "LAB GAIN MEDWAY TOWNS FROM CON", "headline")
    daemon.stop()


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def key(name):
    return os.path.join(KEYS.name, name)


@functools.cache
def night():
    """The pipeline after its night, kept until the script ends; its seal, and keys of ours and another's."""
    pipeline = Pipeline()
    pipeline.__enter__()
    atexit.register(pipeline.__exit__, None)
    first_half(pipeline)
    second_half(pipeline)
    pipeline.check()
    pipeline.session.close()
    for name in ("ours", "theirs"):
        openssl("genpkey", "-algorithm", "ed25519", "-out", key(f"{name}.key"))
        openssl("pkey", "-in", key(f"{name}.key"), "-pubout", "-out", key(f"{name}.pub"))
    pipeline.ctl("audit", "seal", "--key", key("ours.key"), "--out", key("seal.json"))
    return pipeline


TABLES = "ledger fate_change election snapshot ballot flash lane rules writer_schema".split()


class Database:
    """A database that its owner may alter and put right again, or an empty one."""

    made = 0

    def __init__(self, template=None):
        self.pipeline = night()
        Database.made += 1
        self.name = f"{self.pipeline.name}_{Database.made}"
        self.server = self.pipeline.server
        self.pipeline.session.close()
        self.pipeline.psql(f"CREATE DATABASE {self.name}" + (f" TEMPLATE {template.name}" if template else ""),
                           self.server.path[1:])
        self.uri = self.server._replace(path="/" + self.name).geturl()
        self.env = dict(self.pipeline.env, DECLARED_POSTGRES_URI=self.uri)
        self.session = Session(self.pipeline.env_of_psql(self.name))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()
        self.pipeline.psql(f"DROP DATABASE {self.name} WITH (FORCE)", self.server.path[1:])

    def ask(self, sql):
        return self.session.ask(sql)

    def do(self, sql):
        self.session.ask(f"{sql}; SELECT 1")  # no answer would be a lost connection

    def value(self, sql):
        return self.ask(sql).strip()

    def ctl(self, *arguments, expect=0):
        done = support.run([os.path.join(support.BIN, "declarectl"), *arguments], self.env, expect=expect)
        return done.stdout if expect == 0 else done.stderr

    def keep(self):
        for table in TABLES:
            self.do(f"CREATE TABLE public.{table} AS TABLE declared.{table}")
        return self

    def put_right(self):
        for table in TABLES:
            kept, now = (f"SELECT t::text FROM {schema}.{table} t" for schema in ("public", "declared"))
            if self.value(f"SELECT count(*) FROM (({kept}) EXCEPT ({now})) a")\
                    + self.value(f"SELECT count(*) FROM (({now}) EXCEPT ({kept})) a") != "00":
                self.do(f"DELETE FROM declared.{table};"
                        f"INSERT INTO declared.{table} OVERRIDING SYSTEM VALUE TABLE public.{table}")

    def columns(self, table):
        lines = self.ask("SELECT column_name || ' ' || data_type FROM information_schema.columns"
                         f" WHERE table_schema = 'declared' AND table_name = '{table}' ORDER BY ordinal_position")
        return [line.split(" ", 1) for line in lines.splitlines()]


def copy_of_night():
    return Database(night())


def expect_found(database, sql, *words):
    """Altered by the statement, the audit names it, with these words; then it is put right again."""
    changed = database.ask(f"WITH altered AS ({sql} RETURNING 1) SELECT count(*) FROM altered").strip()
    assert changed != "0", f"changes nothing: {sql}"
    said = database.ctl("audit", "verify", expect=1)
    assert said.count("\n") == 1 and said.startswith("declarectl audit verify: "), said
    for word in words:
        assert word in said, f"'{word}' is not in what was said of: {sql}\n{said}"
    database.put_right()


# ---- a whole ledger --------------------------------------------------------------------------------------

@test
@without_topics
@after(night)
def the_night_has_every_kind_of_row(_):
    pipeline = night()
    equal({row["fate"] for row in pipeline.rows("SELECT DISTINCT fate FROM api.ledger")},
          {"accepted", "held", "rejected", "duplicate"}, "fates")
    equal({row["lane"] for row in pipeline.rows("SELECT DISTINCT lane FROM api.ledger")}, {LANE, 1}, "lanes")
    equal(pipeline.value("SELECT count(DISTINCT rules_version) FROM api.ledger"), 2, "versions of the rules")
    equal({row["by"] for row in pipeline.rows("SELECT DISTINCT by FROM declared.fate_change WHERE by IS NOT NULL")},
          {"the night editor", "the results desk"}, "who decided")
    assert {"CALL_READY", "CALLED", "FINAL", "CONTROL_LOST"} <= {
        row["kind"] for row in pipeline.rows("SELECT DISTINCT kind FROM declared.flash")}
    pipeline.session.close()


@test
@without_topics
@after(night)
def nothing_differs_where_nobody_has_changed_anything(_):
    with copy_of_night() as database:
        rows = int(database.value("SELECT count(*) FROM declared.ledger"))
        caused = sum(int(database.value(f"SELECT count(*) FROM declared.{table}"))
                     for table in ("fate_change", "election", "snapshot", "ballot", "flash"))
        said = database.ctl("audit", "verify").splitlines()
        equal(said[-1], f"6 lanes, {rows} rows and {caused} that they caused: nothing differs", "the end")
        equal([line.split(":")[0] for line in said[:-1]], [f"lane {lane}" for lane in range(6)], "lanes")


@test
@without_topics
@after(night)
def a_lane_or_the_end_of_one_can_be_verified_alone(_):
    with copy_of_night() as database:
        said = database.ctl("audit", "verify", "--lane", f"{LANE}-").splitlines()
        equal([line.split(":")[0] for line in said[:-1]], [f"lane {lane}" for lane in range(LANE, 6)], "lanes")
        middle = int(database.value("SELECT lane_seq FROM declared.snapshot WHERE seq = 12 AND NOT is_test"))
        database.do(f"UPDATE declared.snapshot SET headline = 'x' WHERE lane = {LANE} AND lane_seq = {middle}")
        assert f"lane_seq {middle}," in database.ctl("audit", "verify", "--lane", str(LANE), expect=1)
        database.ctl("audit", "verify", "--lane", "1")
        database.ctl("audit", "verify", "--from-seq", str(middle + 1))
        database.ctl("audit", "verify", "--from-seq", str(middle), expect=1)
        for wrong in (("--lane", "x"), ("--lane", "-1"), ("--from-seq", "0"), ("--public-key", key("ours.pub"))):
            database.ctl("audit", "verify", *wrong, expect=2)


@test
def the_audit_runs_beside_a_daemon_that_goes_on(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    for ward in WARDS[:12]:
        pipeline.publish([ward])
        pipeline.ctl("audit", "verify")
    pipeline.wait_until_applied()
    assert "13 rows" in pipeline.ctl("audit", "verify").stdout


@test
def reference_data_refused_for_another_councils_claim_stays_refused_after_a_restart(pipeline):
    pipeline.load(support.medway_reference())
    daemon = pipeline.daemon()
    pipeline.wait_until_applied()
    pipeline.load(claimed())
    pipeline.publish([dict(WARDS[0], council_id=OTHER_COUNCIL)])
    pipeline.wait_until_applied()
    daemon.stop()
    pipeline.daemon()
    pipeline.publish([dict(WARDS[1], council_id=OTHER_COUNCIL)])
    pipeline.wait_until_applied()
    equal(pipeline.rows("SELECT DISTINCT fate, reasons FROM api.declaration"),
          [{"fate": "held", "reasons": ["UNKNOWN_COUNCIL"]}], "fates")
    pipeline.ctl("audit", "verify")


# ---- an altered one --------------------------------------------------------------------------------------

def altered(column, kind):
    """The column's value made another one, whatever it is."""
    if column.endswith("_hash"):
        return f"set_byte({column}, 5, get_byte({column}, 5) # 1)"
    return {
        "text": f"coalesce({column}, '') || 'x'",
        "integer": f"coalesce({column}, 0) + 1000",
        "bigint": f"coalesce({column}, 0) + 1000",
        "bytea": f"coalesce({column}, '') || '\\x00'",
        "boolean": f"NOT coalesce({column}, false)",
        "uuid": "gen_random_uuid()",
        "date": f"{column} + 1",
        "ARRAY": f"array_append({column}, 'HELD')",
        "timestamp with time zone": f"coalesce({column}, 'epoch') + interval '1 microsecond'",
        "json": f"CASE WHEN {column} IS NULL THEN '[]' WHEN json_typeof({column}) = 'object'"
                f" THEN ({column}::jsonb || '{{\"by\": \"x\"}}')::json ELSE ({column}::jsonb || '[{{}}]')::json END",
    }[kind]


def alter_each_column(database, table, where, *words):
    for column, kind in database.columns(table):
        expect_found(database, f"UPDATE declared.{table} SET {column} = {altered(column, kind)} WHERE {where}",
                     *(word.format(column=column) for word in words))


@test
@without_topics
@after(night)
def each_column_of_a_ledger_row_is_found(_):
    with copy_of_night().keep() as database:
        # An accepted declaration: all but the detail have a value.
        seq = database.value(f"SELECT lane_seq FROM declared.ledger WHERE lane = {LANE} AND source IS NOT NULL"
                             " AND fate = 'accepted' ORDER BY lane_seq OFFSET 3 LIMIT 1")
        alter_each_column(database, "ledger", f"lane = {LANE} AND lane_seq = {seq}",
                          f"ledger, lane {LANE}, lane_seq {seq}")
        for column, kind in database.columns("ledger"):  # and when it is taken away
            if kind not in ("bigint", "ARRAY") and column not in (
                    "lane", "topic", "partition", "kafka_offset", "fate", "detail", "rules_version", "received_at",
                    "prev_hash", "entry_hash"):
                expect_found(database, f"UPDATE declared.ledger SET {column} = NULL WHERE lane = {LANE} AND"
                             f" lane_seq = {seq}", f"ledger, lane {LANE}, lane_seq {seq}", "entry_hash")


@test
@without_topics
@after(night)
def each_column_of_a_snapshot_is_found(_):
    with copy_of_night().keep() as database:
        seq = database.value(f"SELECT max(seq) - 1 FROM declared.snapshot WHERE election_id = '{MEDWAY}' AND NOT is_test")
        alter_each_column(database, "snapshot", f"election_id = '{MEDWAY}' AND NOT is_test AND seq = {seq}", "snapshot, ")
        for column in ("headline", "majority_at_least", "control", "called_at"):
            expect_found(database, f"UPDATE declared.snapshot SET {column} = NULL WHERE election_id = '{MEDWAY}' AND"
                         f" NOT is_test AND seq = {seq}", f"seq {seq}: {column}: the database has null")
        expect_found(database, "UPDATE declared.snapshot SET seats = jsonb_set(seats::jsonb, '{1,1}', '0')::json"
                     f" WHERE election_id = '{MEDWAY}' AND NOT is_test AND seq = {seq}",
                     f"seq {seq}: seats[1][1]: the database has 0, the replay gives ")
        expect_found(database, "UPDATE declared.snapshot SET facts = jsonb_set(facts::jsonb, '{0,text}', '\"Never before.\"')::json"
                     f" WHERE election_id = '{MEDWAY}' AND facts::text <> '[]' AND NOT is_test AND seq ="
                     f" (SELECT max(seq) FROM declared.snapshot WHERE facts::text <> '[]' AND NOT is_test)",
                     'facts[0].text: the database has "Never before.", the replay gives "')


@test
@without_topics
@after(night)
def each_column_of_what_else_was_written_is_found(_):
    with copy_of_night().keep() as database:
        alter_each_column(database, "fate_change", "by = 'the night editor' AND note LIKE '%confirmed%'", "fate_change, ")
        alter_each_column(database, "election", "lane_seq = 1", "election")
        alter_each_column(database, "ballot", f"ballot_paper_id = '{WARDS[4]['ballot_paper_id']}' AND lane_seq ="
                          " (SELECT min(lane_seq) FROM declared.ballot WHERE source IS NOT NULL AND ballot_paper_id ="
                          f" '{WARDS[4]['ballot_paper_id']}')", "ballot, ")
        alter_each_column(database, "flash", "kind = 'FINAL' AND NOT is_test", "flash, ")


@test
@without_topics
@after(night)
def an_operators_name_is_found_wherever_it_is_changed(_):
    with copy_of_night().keep() as database:
        expect_found(database, "UPDATE declared.fate_change SET by = 'somebody else' WHERE by = 'the results desk'"
                     " AND n = 1", "fate_change, ", "by: the database has 'somebody else', the replay gives 'the results desk'")
        expect_found(database, "UPDATE declared.fate_change SET note = 'no reason' WHERE by = 'the night editor'"
                     " AND note LIKE '%confirmed%'", "note: the database has 'no reason'")
        expect_found(database, "UPDATE declared.ledger SET payload = decode(replace(encode(payload, 'hex'),"
                     " encode('night editor', 'hex'), encode('other editor', 'hex')), 'hex')"
                     f" WHERE topic = '{support.DESK}' AND position('night editor'::bytea IN payload) > 0"
                     " AND fate = 'accepted'", f"ledger, lane {LANE}", "entry_hash")
        expect_found(database, "UPDATE declared.snapshot SET cause = jsonb_set(cause::jsonb, '{by}', '\"nobody\"')::json"
                     " WHERE cause ->> 'by' = 'the morning desk' AND NOT is_test", 'cause.by: the database has "nobody", the'
                     ' replay gives "the morning desk"')


@test
@without_topics
@after(night)
def a_row_that_is_missing_or_one_too_many_is_found(_):
    last = f"(SELECT max(lane_seq) FROM declared.ledger WHERE lane = {LANE})"
    with copy_of_night().keep() as database:
        for table in ("fate_change", "election", "snapshot", "ballot", "flash"):
            expect_found(database, f"DELETE FROM declared.{table} WHERE ctid = (SELECT ctid FROM declared.{table}"
                         " ORDER BY recorded_at, ctid OFFSET 1 LIMIT 1)", f"{table}, ",
                         "the database does not have this row, the replay makes it")
        for where in ("lane_seq = 7", "lane_seq = 1", f"lane_seq = {last}"):
            expect_found(database, f"DELETE FROM declared.ledger WHERE lane = {LANE} AND {where}",
                         f"ledger, lane {LANE}, lane_seq", "the row is missing")
        expect_found(database, f"DELETE FROM declared.lane WHERE lane = {LANE}", "belongs to no lane")
        one = "SELECT (s).* FROM (SELECT s FROM (SELECT {} FROM declared.{} WHERE {} LIMIT 1) s) s"
        columns = {table: [name for name, _ in database.columns(table)] for table in TABLES}

        def again(table, where="true", **values):
            return f"INSERT INTO declared.{table} " + one.format(
                ", ".join(f"{values[name]} AS {name}" if name in values else name for name in columns[table]), table, where)
        expect_found(database, again("ledger", f"lane = {LANE}", lane_seq=f"{last} + 1", kafka_offset="999"), "beyond its end")
        expect_found(database, again("ledger", lane_seq="0", kafka_offset="999"), "beyond its end")
        expect_found(database, again("ledger", lane="77"), "belongs to no lane")
        expect_found(database, again("fate_change", n="99"), "fate_change, ", "the replay does not make it")
        expect_found(database, again("election", election_id="'local.x.2023-05-04'"), "the replay does not make it")
        expect_found(database, again("snapshot", "NOT is_test", seq="999"), "seq 999: ", "the replay does not make it")
        expect_found(database, again("snapshot", lane="5", seq="999"), "lane 5", "beyond its end")
        expect_found(database, again("ballot", ballot_paper_id="'x'"), "ballot, ", "the replay does not make it")
        expect_found(database, again("flash", flash_id="'x'"), "flash_id x", "the replay does not make it")
        expect_found(database, again("flash", flash_id="'x'", seq="999"), "flash_id x", "belongs to no snapshot")


@test
@without_topics
@after(night)
def rows_that_changed_places_or_were_put_in_between_are_found(_):
    with copy_of_night().keep() as database:
        database.do(f"UPDATE declared.ledger SET lane_seq = -lane_seq WHERE lane = {LANE} AND lane_seq IN (5, 6)")
        expect_found(database, f"UPDATE declared.ledger SET lane_seq = 11 + lane_seq WHERE lane = {LANE} AND lane_seq < 0",
                     f"ledger, lane {LANE}, lane_seq 5, ", "prev_hash", "does not follow the row before it")
        # All behind lane_seq 8 move up, and a copy of it goes in between.
        database.do(f"UPDATE declared.ledger SET lane_seq = -lane_seq - 1 WHERE lane = {LANE} AND lane_seq > 8;"
                    f"UPDATE declared.ledger SET lane_seq = -lane_seq WHERE lane = {LANE} AND lane_seq < 0;"
                    f"UPDATE declared.lane SET lane_seq = lane_seq + 1 WHERE lane = {LANE}")
        names = ", ".join({"lane_seq": "9", "kafka_offset": "999"}.get(name, name) for name, _ in database.columns("ledger"))
        expect_found(database, f"INSERT INTO declared.ledger SELECT {names} FROM declared.ledger WHERE lane = {LANE}"
                     " AND lane_seq = 8", f"ledger, lane {LANE}, lane_seq 9, ", "does not follow the row before it")


@test
@without_topics
@after(night)
def a_lane_that_says_another_end_is_found(_):
    with copy_of_night().keep() as database:
        for column, kind in database.columns("lane"):
            if column not in ("lane", "outbox_lane_seq"):
                expect_found(database, f"UPDATE declared.lane SET {column} = {altered(column, kind)} WHERE lane = {LANE}",
                             f"lane {LANE}")


@test
@without_topics
@after(night)
def what_rows_name_must_be_there_and_be_what_it_was(_):
    with copy_of_night().keep() as database:
        expect_found(database, "DELETE FROM declared.rules WHERE version = (SELECT max(version) FROM declared.rules)",
                     "it names rules version", "which declared.rules does not hold")
        expect_found(database, "UPDATE declared.rules SET settings = replace(settings, 'false', 'true ')", "rules, version",
                     "digest")
        milder = """replace(settings, '"CONFLICTING_REVISION":"held"', '"CONFLICTING_REVISION":"rejected"')"""
        expect_found(database, f"UPDATE declared.rules SET settings = {milder}, digest = sha256(convert_to({milder},"
                     " 'UTF8'))", f"ledger, lane {LANE}, ", "fate: the database has 'held', the replay gives 'rejected'")
        expect_found(database, "UPDATE declared.writer_schema SET schema = replace(schema, 'revision', 'revised')",
                     "writer_schema, fingerprint")
        database.do("ALTER TABLE declared.rules ALTER version SET GENERATED BY DEFAULT")
        for table in ("rules", "writer_schema"):
            rows = database.ask(f"SELECT ctid FROM declared.{table}").split()
            for row in rows:
                for column, kind in database.columns(table):
                    where = f"ctid = (SELECT ctid FROM declared.{table} ORDER BY 1 OFFSET {rows.index(row)} LIMIT 1)"
                    expect_found(database, f"UPDATE declared.{table} SET {column} = {altered(column, kind)} WHERE {where}")


@test
@without_topics
@after(night)
def the_query_of_the_readme_finds_what_was_altered_exchanged_or_left_out(_):
    with open(os.path.join(support.ROOT, "schemas", "sql", "README.md"), encoding="utf-8") as file:
        queries = [block.split("```")[0].rstrip().rstrip(";") for block in file.read().split("```sql\n")[1:]]
    with copy_of_night().keep() as database:
        for query in queries:
            database.ask(query.replace(";\n", ";"))

        def counts():
            """By lane: rows, altered, unchained, missing."""
            return {int(lane): tuple(map(int, rest))
                    for lane, *rest in (line.split("|") for line in database.ask(queries[-1]).splitlines())}
        rows = int(database.value(f"SELECT count(*) FROM declared.ledger WHERE lane = {LANE}"))
        equal({rest[1:] for rest in counts().values()}, {(0, 0, 0)}, "what differs in a whole ledger")
        seq = f"lane = {LANE} AND lane_seq = 9"
        for column, kind in database.columns("ledger"):
            if column not in ("lane", "lane_seq"):
                database.do(f"UPDATE declared.ledger SET {column} = {altered(column, kind)} WHERE {seq}")
                assert counts()[LANE][1:] != (0, 0, 0), f"a change of {column}"
                database.put_right()
        database.do(f"DELETE FROM declared.ledger WHERE {seq}")
        equal(counts()[LANE], (rows - 1, 0, 1, 1), "after a row was left out")


# ---- the seal --------------------------------------------------------------------------------------------

def verify_sealed(database, expect=0, seal="seal.json", public_key="ours.pub"):
    return database.ctl("audit", "verify", "--seal", key(seal), "--public-key", key(public_key), expect=expect)


@test
@without_topics
@after(night)
def what_was_sealed_still_stands(_):
    with copy_of_night() as database:
        assert "still stands" in verify_sealed(database)
        assert "--public-key" in database.ctl("audit", "verify", "--seal", key("seal.json")).splitlines()[-1]


@test
@without_topics
@after(night)
def a_seal_is_its_signers_and_as_it_was_signed(_):
    with open(key("seal.json"), encoding="utf-8") as file:
        seal = json.load(file)
    lines = ["declared seal 1", f"sealed_at {seal['sealed_at']}"]
    lines += ["lane {lane} {lane_seq} {head_hash} {received_at}".format(**lane) for lane in seal["lanes"]]
    lines += ["rules {version} {sha256}".format(**rules) for rules in seal["rules"]]
    lines += ["writer_schema {fingerprint} {sha256}".format(**schema) for schema in seal["writer_schemas"]]
    for name, data in (("text", "".join(line + "\n" for line in lines).encode()),
                       ("signature", bytes.fromhex(seal["signature"]))):
        with open(key(name), "wb") as file:
            file.write(data)
    # OpenSSL agrees, by the documented text alone.
    openssl("pkeyutl", "-verify", "-pubin", "-inkey", key("ours.pub"), "-rawin", "-in", key("text"), "-sigfile",
            key("signature"))
    seal["lanes"][LANE]["lane_seq"] -= 1
    with open(key("altered.json"), "w", encoding="utf-8") as file:
        json.dump(seal, file)
    with copy_of_night() as database:
        assert "not that key's" in verify_sealed(database, 1, public_key="theirs.pub")
        assert "the seal was changed" in verify_sealed(database, 1, seal="altered.json")
        assert "the seal was changed" in database.ctl("audit", "verify", "--seal", key("altered.json"), expect=1)
        assert "not a seal" in verify_sealed(database, 1, seal="ours.pub")
        assert "not an Ed25519 public key" in verify_sealed(database, 1, public_key="seal.json")
        assert "not an Ed25519 private key" in database.ctl("audit", "seal", "--key", key("ours.pub"), expect=1)
        assert "File exists" in database.ctl("audit", "seal", "--key", key("ours.key"), "--out", key("seal.json"), expect=1)


@test
@without_topics
@after(night)
def an_end_that_was_cut_off_is_found_by_the_seal_alone(_):
    with copy_of_night() as database:
        last = int(database.value(f"SELECT lane_seq FROM declared.lane WHERE lane = {LANE}"))
        database.do(f"""
            DELETE FROM declared.ledger WHERE lane = {LANE} AND lane_seq = {last};
            DELETE FROM declared.fate_change WHERE lane = {LANE} AND trigger_lane_seq = {last};
            DELETE FROM declared.flash f USING declared.snapshot s WHERE s.lane = {LANE} AND s.lane_seq = {last}
                AND (s.election_id, s.is_test, s.seq) = (f.election_id, f.is_test, f.seq);
            DELETE FROM declared.snapshot WHERE lane = {LANE} AND lane_seq = {last};
            DELETE FROM declared.ballot WHERE lane = {LANE} AND lane_seq = {last};
            UPDATE declared.lane n SET lane_seq = l.lane_seq, head_hash = l.entry_hash, received_at = l.received_at,
                desk_next = desk_next - 1
              FROM declared.ledger l WHERE n.lane = {LANE} AND l.lane = {LANE} AND l.lane_seq = {last - 1}""")
        database.ctl("audit", "verify")
        assert f"ends at lane_seq {last - 1}, and was sealed up to {last}" in verify_sealed(database, 1)


@test
@without_topics
@after(night)
def a_lane_that_is_gone_is_found_by_the_seal_alone(_):
    with copy_of_night() as database:
        gone = 1  # that of the claim to another council's election, which has caused nothing
        for table in ("ledger", "fate_change", "election", "snapshot", "ballot", "lane"):
            database.do(f"DELETE FROM declared.{table} WHERE lane = {gone}")
        database.ctl("audit", "verify")
        assert f"lane {gone}" in verify_sealed(database, 1)


@test
@without_topics
@after(night)
def a_history_that_was_written_anew_as_a_whole_is_found_by_the_seal_alone(_):
    with copy_of_night() as database, Database() as forged:
        forged.ctl("migrate")
        database.do("UPDATE declared.ledger SET payload = decode(replace(encode(payload, 'hex'),"
                     " encode('night editor', 'hex'), encode('other editor', 'hex')), 'hex')")
        said = database.ctl("replay", "--into", forged.uri, expect=1)
        assert "the ledger and its replay differ" in said, said
        forged.ctl("audit", "verify")
        assert "it is not what was sealed" in verify_sealed(forged, 1)


@test
@without_topics
@after(night)
def rules_that_were_changed_without_a_trace_in_any_row_are_found_by_the_seal_alone(_):
    with copy_of_night() as database:
        database.do("UPDATE declared.rules SET settings = replace(settings, '\"sources\":[]', '\"sources\":[\"PA\"]')")
        database.do("UPDATE declared.rules SET digest = sha256(convert_to(settings, 'UTF8'))")
        database.ctl("audit", "verify")
        assert "rules, version" in verify_sealed(database, 1)


# ---- the export ------------------------------------------------------------------------------------------

def check(lines, seal=None):
    """The independent checker on lines; what it complains of, or None."""
    try:
        check_export.check(copy.deepcopy(lines), seal)
    except (AssertionError, KeyError) as problem:
        return str(problem)
    return None


def exported(database, election=MEDWAY):
    return [json.loads(line) for line in database.ctl("audit", "export", election).splitlines()]


@test
@without_topics
@after(night)
def an_export_is_checked_by_a_script_that_knows_the_format_alone(_):
    with copy_of_night() as database, open(key("seal.json"), encoding="utf-8") as file:
        lines, seal = exported(database), json.load(file)
        equal(check(lines, seal), None, "what is wrong with it")
        rows = [line for line in lines if line["type"] == "row"]
        equal(len(rows), int(database.value("SELECT count(*) FROM declared.ledger")) - 1, "rows")  # but the garbage
        equal(len([line for line in lines if line["type"] == "snapshot"]),
              int(database.value("SELECT count(*) FROM declared.snapshot")), "snapshots")
        actions = [(line["action"], line["by"], line["kafka_offset"]) for line in lines if line["type"] == "action"]
        equal(actions[:4], [("RELEASE", "the night editor", 10), ("RELEASE", "the night editor", 0),
                            ("REJECT", "the results desk", 16), ("RELEASE", "the night editor", 16)], "actions")
        equal(actions[4][:2], ("APPROVE_CALL", "the editor"), "the approval")
        assert "no election" in database.ctl("audit", "export", "local.nowhere.2023-05-04", expect=1)


@test
def an_export_beside_a_daemon_that_goes_on_is_whole(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.wait_until_applied()
    lengths = set()
    for ward in WARDS:
        pipeline.publish([ward, with_votes(ward, 1), dict(ward, is_test=True)])
        lines = [json.loads(line) for line in pipeline.ctl("audit", "export", MEDWAY).stdout.splitlines()]
        equal(check(lines), None, "what is wrong with it")
        lengths.add(len(lines))
    pipeline.wait_until_applied()
    assert len(lengths) > 3, f"exports of {lengths} lines"


@test
@without_topics
@after(night)
def a_change_in_an_export_is_found_by_that_script(_):
    with copy_of_night() as database:
        lines = exported(database)

    def expect_wrong(change):
        altered_lines = copy.deepcopy(lines)
        change(altered_lines)
        assert check(altered_lines) is not None, change
    at = {kind: next(i for i, line in enumerate(lines) if line["type"] == kind and line.get("lane_seq") not in (1, "1"))
          for kind in ("row", "link", "action", "fate_change", "snapshot")}
    for column in [name for name in lines[at["row"]] if name != "type"]:
        value = lines[at["row"]][column]
        other = "eHg=" if column in ("key", "payload") else value[:-1] + ("1" if value[-1:] != "1" else "2") if value else "x"
        expect_wrong(lambda l, c=column, o=other: l[at["row"]].update({c: o}))
    for kind in ("row", "link", "snapshot"):
        expect_wrong(lambda l, k=kind: l.pop(at[k]))
    expect_wrong(lambda l: l[at["link"]].update(entry_hash="00" * 32))
    expect_wrong(lambda l: l[at["action"]].update(by="somebody else"))
    expect_wrong(lambda l: l[next(i for i, line in enumerate(l) if line.get("note") and line["type"] == "fate_change")]
                 .update(by="somebody else"))
    expect_wrong(lambda l: l[at["snapshot"]].update(recorded_at="2023-05-05T00:00:00.000000Z"))
    expect_wrong(lambda l: l.pop())


# ---- the replay ------------------------------------------------------------------------------------------

@test
@without_topics
@after(night)
def a_replay_of_the_ledger_gives_the_same_database(_):
    with copy_of_night() as database, Database() as again:
        again.ctl("migrate")
        said = database.ctl("replay", "--into", again.uri)
        assert "differ" not in said and "only" not in said, said
        again.ctl("audit", "verify")
        verify_sealed(again)
        for table in TABLES:
            equal(again.value(f"SELECT json_agg(t ORDER BY t::text) FROM declared.{table} t"),
                  database.value(f"SELECT json_agg(t ORDER BY t::text) FROM declared.{table} t"), table)
        equal(exported(again)[1:], exported(database)[1:], "exports")


@test
@without_topics
@after(night)
def a_replay_wants_an_empty_database_that_was_migrated(_):
    with copy_of_night() as database, Database() as other:
        assert "migrate" in database.ctl("replay", "--into", other.uri, expect=1)
        other.ctl("migrate")
        other.do("INSERT INTO declared.lane (lane) VALUES (0)")
        assert "is not empty" in database.ctl("replay", "--into", other.uri, expect=1)
        assert "is not empty" in database.ctl("replay", "--into", database.uri, expect=1)
        assert "Connection refused" in database.ctl("replay", "--into", "postgresql://127.0.0.1:1/x", expect=1)
        database.ctl("replay", expect=2)
        database.ctl("replay", "--into", other.uri, "--from", "memory", expect=2)


@test
@without_topics
@after(night)
def a_replay_says_what_of_the_ledger_was_altered(_):
    with copy_of_night() as database, Database() as again:
        again.ctl("migrate")
        database.do("UPDATE declared.snapshot SET headline = 'CON HOLD MEDWAY' WHERE headline LIKE 'LAB GAIN%'")
        done = support.run([os.path.join(support.BIN, "declarectl"), "replay", "--into", again.uri], database.env, expect=1)
        assert "  headline differs in " in done.stdout and "'CON HOLD MEDWAY' in the ledger's, 'LAB GAIN" in done.stdout, done


@test
def records_that_were_never_on_kafka_are_found_by_a_replay_of_the_topics(pipeline):
    pipeline.load(support.medway_reference())
    daemon = pipeline.daemon()
    pipeline.publish(WARDS[:5])
    pipeline.wait_until_applied()
    pipeline.publish([with_votes(WARDS[1], 5, kind="CORRECTED", revision=2)])  # as from a Kafka of somebody else's
    pipeline.wait_until_applied()
    daemon.stop()
    pipeline.renew_topics()
    pipeline.load(support.medway_reference())
    pipeline.publish(WARDS[:5])
    pipeline.sent = 7
    with Database() as again:
        again.ctl("migrate")
        pipeline.ctl("audit", "verify")
        done = pipeline.ctl("replay", "--from", "topics", "--into", again.uri, expect=1)
        only = f"1 rows are only in the ledger's database, 0 only in the replay; the first: ledger, lane {LANE}, lane_seq 7"
        assert only in done.stdout and "differ" in done.stderr, done


@test
def a_replay_of_the_topics_differs_in_moments_alone_and_a_daemon_goes_on_with_it(pipeline):
    first_half(pipeline)
    before = content(pipeline.control(MEDWAY))
    with Database() as again:
        again.ctl("migrate")
        said = pipeline.ctl("replay", "--from", "topics", "--into", again.uri).stdout
        columns = {line.split()[0] for line in said.splitlines() if " differs in " in line}
        equal(columns - {"lane_seq", "fate", "reasons", "detail", "election_id", "ballot_paper_id", "is_test", "rules_version"},
              {"received_at", "prev_hash", "entry_hash"}, f"columns that differ in\n{said}")
        again.ctl("audit", "verify")
        # The daemon goes on where the replay ended.
        pipeline.session.close()
        pipeline.session, pipeline.env = again.session, again.env
        equal(content(pipeline.control(MEDWAY)), before, "the newest snapshot")
        daemon = pipeline.daemon()
        pipeline.publish(WARDS[10:])
        pipeline.wait_until_applied()
        equal(pipeline.control(MEDWAY)["status"], "called", "status")  # one ward was rejected
        daemon.stop()
        again.ctl("audit", "verify")
        pipeline.check()
        pipeline.env = dict(again.env, DECLARED_POSTGRES_URI=pipeline.uri)
        pipeline.session = Session(pipeline.env_of_psql(pipeline.name))


if __name__ == "__main__":
    support.main()
