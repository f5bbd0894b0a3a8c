#!/usr/bin/env python3
"""The database roles: what is written stays, for all but the owner; readers see api and api_test alone."""

import contextlib
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True

import support  # noqa: E402
from support import MEDWAY, MEDWAY_PARTITION, content, equal, test, without_topics  # noqa: E402

ROLES = ("declared_ingest", "declared_operator", "declared_reader")
DENIED = "42501"
WARDS = support.medway_declarations()
NOW = "'infinity'::timestamptz"


class Login:
    """A login that has been granted a role, or none, and nothing else."""

    def __init__(self, pipeline, role):
        self.pipeline, self.name = pipeline, f"{pipeline.name}_{role or 'nobody'}"
        pipeline.psql(f"CREATE ROLE {self.name} LOGIN PASSWORD 'secret'" + (f" IN ROLE {role}" if role else ""))
        address = f"{self.name}:secret@{pipeline.server.hostname}:{pipeline.server.port}"
        self.uri = pipeline.server._replace(netloc=address, path="/" + pipeline.name).geturl()
        self.env = dict(pipeline.env, DECLARED_POSTGRES_URI=self.uri)

    def ctl(self, *arguments, expect=0):
        return support.run([os.path.join(support.BIN, "declarectl"), *arguments], self.env, expect=expect)

    def verdicts(self, statements):
        """Of each statement its SQLSTATE, None where it was done; nothing of it stays."""
        script = "\n".join(f"\\echo <statement>\nBEGIN;\n{statement};\nROLLBACK;" for statement in statements)
        done = subprocess.run(["psql", "--no-psqlrc", "-qAt", "-v", "VERBOSITY=sqlstate", self.uri], env=self.env,
                              text=True, input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
                              timeout=60)
        answers = done.stdout.split("<statement>\n")[1:]
        states = [[line.rpartition(" ")[2] for line in answer.splitlines() if "ERROR:" in line] for answer in answers]
        equal(len(states), len(statements), "answers")
        return {statement: (found or [None])[0] for statement, found in zip(statements, states)}

    def expect(self, verdict, statements):
        found = self.verdicts(statements)
        equal(found, dict.fromkeys(found, verdict), f"SQLSTATE for {self.name}")


@contextlib.contextmanager
def logins(pipeline, *roles):
    made = []
    try:
        for role in roles:
            made.append(Login(pipeline, role))
        yield made
    finally:
        for daemon in pipeline.daemons:
            daemon.kill()
        for login in made:
            pipeline.psql(f"DROP ROLE {login.name}")


@contextlib.contextmanager
def each_role(pipeline):
    with logins(pipeline, *ROLES) as made:
        yield dict(zip(ROLES, made))


def tables(pipeline):
    names = [row["name"] for row in pipeline.rows(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'declared'")]
    for name in ("ledger", "fate_change", "snapshot", "ballot", "flash", "election", "rules", "writer_schema"):
        assert name in names, names
    return [f"declared.{name}" for name in names]


def views(pipeline):
    return [row["name"] for row in pipeline.rows(
        "SELECT schemaname || '.' || viewname AS name FROM pg_views WHERE schemaname IN ('api', 'api_test')")]


def changes(relation):
    return [f"UPDATE {relation} SET {{column}} = {{column}}", f"DELETE FROM {relation}", f"TRUNCATE {relation}"]


def with_columns(pipeline, statements_of):
    """Statements on each relation, with the name of its last column (the first may be an identity)."""
    columns = {row["name"]: row["column"] for row in pipeline.rows(
        "SELECT DISTINCT ON (c.oid) c.relnamespace::regnamespace || '.' || c.relname AS name,"
        " quote_ident(a.attname) AS column FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY c.oid, a.attnum DESC")}
    for relation, statements in statements_of.items():
        yield from (statement.format(column=columns[relation]) for statement in statements)


def play(pipeline, **settings):
    pipeline.load(support.medway_reference())
    pipeline.daemon(**settings)
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()


# ---- what is written stays -------------------------------------------------------------------------------

@test
@without_topics
def nobody_but_the_owner_changes_or_deletes_what_is_written(pipeline):
    kept = [table for table in tables(pipeline) if table != "declared.lane"]
    statements = list(with_columns(pipeline, {table: changes(table) for table in kept}))
    assert "TRUNCATE declared.ledger" in statements
    with each_role(pipeline) as roles:
        for login in roles.values():
            login.expect(DENIED, statements)


@test
@without_topics
def the_owner_can(pipeline):
    owner = Login.__new__(Login)
    owner.uri, owner.env, owner.name = pipeline.uri, pipeline.env, "the owner"
    owner.expect(None, list(with_columns(pipeline, {table: changes(table) for table in tables(pipeline)})))


@test
@without_topics
def nobody_but_the_owner_changes_what_tables_are(pipeline):
    statements = ["DROP TABLE declared.ledger", "DROP SCHEMA api CASCADE",
                  "ALTER TABLE declared.ledger DISABLE TRIGGER ALL",
                  "ALTER TABLE declared.ledger DROP COLUMN payload",
                  "ALTER TABLE declared.ledger OWNER TO CURRENT_USER",
                  "CREATE RULE r AS ON INSERT TO declared.ledger DO INSTEAD NOTHING", "CREATE TABLE api.ours ()",
                  "CREATE OR REPLACE FUNCTION api.council_control_at(ts timestamptz) RETURNS SETOF api.council_control"
                  " LANGUAGE sql AS 'SELECT * FROM api.council_control'"]
    with each_role(pipeline) as roles:
        for login in roles.values():
            login.expect(DENIED, statements)


@test
@without_topics
def the_views_are_no_way_round(pipeline):
    simple = {name: changes(name)[:2] + [f"INSERT INTO {name} DEFAULT VALUES"]
              for name in views(pipeline) if name.split(".")[1] in ("ledger", "flash", "lane", "fate_change")}
    equal(len(simple), 8, "views that PostgreSQL could write through")
    statements = list(with_columns(pipeline, simple))
    with each_role(pipeline) as roles:
        for login in roles.values():
            login.expect(DENIED, statements)


@test
@without_topics
def the_daemon_adds_to_the_ledger_and_moves_its_lanes_and_no_more(pipeline):
    with each_role(pipeline) as roles:
        ingest = roles.pop("declared_ingest")
        ingest.expect(None, ["SELECT FROM declared.ledger", "SELECT FROM declared.schema_migration",
                             "UPDATE declared.lane SET lane_seq = lane_seq",
                             "INSERT INTO declared.lane (lane) VALUES (77)",
                             "INSERT INTO declared.rules (settings, digest) VALUES ('{}', 'x')"])
        ingest.expect(DENIED, ["DELETE FROM declared.lane", "TRUNCATE declared.lane",
                               "DELETE FROM declared.schema_migration", "CREATE TABLE declared.ours ()"])
        for login in roles.values():
            login.expect(DENIED, ["INSERT INTO declared.lane (lane) VALUES (77)",
                                  "UPDATE declared.lane SET lane_seq = 1",
                                  "SELECT declared.advance_lane(1, 0, 9, '', now(), 0, 0)"])


# ---- what is seen ----------------------------------------------------------------------------------------

@test
@without_topics
def readers_see_every_view_and_function_of_api_and_api_test_and_nothing_else(pipeline):
    found = pipeline.rows("SELECT p.oid::regproc::text AS name, p.pronargs AS n FROM pg_proc p WHERE p.pronamespace"
                          " IN ('api'::regnamespace, 'api_test'::regnamespace)")
    equal({row["n"] for row in found}, {1}, "parameters")
    called = [f"SELECT * FROM {row['name']}({NOW})" for row in found]
    for name in ("council_control_at", "story_fact_at"):
        for schema in ("api", "api_test"):
            assert f"SELECT * FROM {schema}.{name}({NOW})" in called, called
    seen = [f"SELECT * FROM {name}" for name in views(pipeline)]
    for name in ("council_control", "story_fact", "party_totals", "ledger", "declaration"):
        assert f"SELECT * FROM api.{name}" in seen, seen
    with each_role(pipeline) as roles:
        for role, login in roles.items():
            login.expect(None, seen + called)
            if role != "declared_ingest":
                login.expect(DENIED, [f"SELECT FROM {table}" for table in tables(pipeline)])


def functions(pipeline, *schemas):
    """name(NULL::type, ...) of each, whether it runs with its owner's rights, and its settings."""
    return pipeline.rows(
        "SELECT p.pronamespace::regnamespace::text AS schema, p.prosecdef AS definer, p.proconfig AS settings,"
        " format('%s.%I(%s)', p.pronamespace::regnamespace, p.proname, (SELECT string_agg('NULL::' || t::regtype, ', ' ORDER BY n)"
        " FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n))) AS call FROM pg_proc p"
        f" WHERE p.pronamespace::regnamespace::text IN ({', '.join(map(repr, schemas))})")


@test
@without_topics
def functions_with_the_owners_rights_find_no_name_that_another_has_planted(pipeline):
    found = functions(pipeline, "api", "api_test", "declared")
    assert {row["schema"] for row in found} == {"api", "api_test", "declared"}, found
    for row in found:
        expected = (False, None) if row["schema"] == "declared" else (True, ["search_path=pg_catalog, pg_temp"])
        equal((row["definer"], row["settings"]), expected, row["call"])


@test
@without_topics
def readers_and_operators_can_call_no_function_of_declared(pipeline):
    calls = [f"SELECT {row['call']}" for row in functions(pipeline, "declared")]
    assert any("advance_lane" in call for call in calls), calls
    with logins(pipeline, "declared_reader", "declared_operator", None) as made:
        for login in made:
            login.expect(DENIED, calls)


@test
@without_topics
def any_login_can_ring_the_bell_which_says_nothing_that_readers_rely_on(pipeline):
    with logins(pipeline, "declared_reader", None) as made:
        for login in made:
            login.expect(None, ["""NOTIFY council_control, '{"election_id": "local.nowhere.2023-05-04", "seq": 1}'"""])
    equal(pipeline.rows("SELECT * FROM api.council_control"), [], "what readers then read")


# What the daemon's login may add, and a table's rows to make it of.
FORGERIES = {
    "ledger": ("lane_seq = 4", {"lane_seq": 999, "kafka_offset": 999}),
    "snapshot": ("seq = 25", {"seq": 26, "headline": "CON HOLD MEDWAY"}),
    "flash": ("kind = 'FINAL'", {"flash_id": "forged", "text": "CON HOLD MEDWAY"}),
    "ballot": ("lane_seq = 9", {"lane_seq": 10, "status": "postponed"}),
    "election": ("lane_seq = 1", {"lane_seq": 2, "counted": False}),
    "writer_schema": ("true", {"fingerprint": "0123456789abcdef"}),
}


@test
def what_the_daemons_login_adds_without_a_record_is_found_by_the_audit(pipeline):
    play(pipeline)
    pipeline.daemons[0].stop()
    pipeline.ctl("audit", "verify")
    with logins(pipeline, "declared_ingest") as (ingest,):
        def add(sql):
            support.run(["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", ingest.uri, "-c", sql], ingest.env)

        def expect_found(word):
            said = pipeline.ctl("audit", "verify", expect=1).stderr
            assert word in said and said.count("\n") == 1, said
        for table, (where, changes) in FORGERIES.items():
            pipeline.psql(f"CREATE TABLE public.before AS TABLE declared.{table}")
            add(f"INSERT INTO declared.{table} SELECT (jsonb_populate_record(t, '{json.dumps(changes)}')).*"
                f" FROM declared.{table} t WHERE {where} LIMIT 1")
            expect_found(table)
            pipeline.psql(f"DELETE FROM declared.{table} t WHERE NOT EXISTS (SELECT FROM public.before b"
                          " WHERE b::text = t::text); DROP TABLE public.before")
        add("INSERT INTO declared.fate_change (lane, lane_seq, trigger_lane_seq, n, fate, reasons, recorded_at)"
            f" VALUES ({MEDWAY_PARTITION}, 5, 6, 1, 'rejected', '{{}}', now())")
        expect_found("fate_change")
        pipeline.psql("DELETE FROM declared.fate_change")
        add("UPDATE declared.lane SET declarations_next = declarations_next + 1 WHERE lane = 0")
        expect_found("lane 0")
        pipeline.psql("UPDATE declared.lane SET declarations_next = declarations_next - 1 WHERE lane = 0")
    pipeline.ctl("audit", "verify")


@test
def what_readers_see_is_what_the_owner_sees(pipeline):
    play(pipeline)
    with logins(pipeline, "declared_reader") as (reader,):
        for source in ("api.council_control", "api.story_fact", "api.party_totals", "api.candidate_result",
                       f"api.council_control_at({NOW})", f"api.story_fact_at({NOW})"):
            query = f"SELECT json_agg(t ORDER BY t::text) FROM {source} t"
            found = support.run(["psql", "--no-psqlrc", "-qAt", reader.uri, "-c", query], reader.env)
            seen = json.loads(found.stdout)
            assert seen, source
            equal(seen, json.loads(pipeline.psql(query)), source)


@test
@without_topics
def a_login_without_a_role_sees_nothing(pipeline):
    with logins(pipeline, None) as (nobody,):
        nobody.expect(DENIED, [f"SELECT FROM {name}" for name in views(pipeline) + tables(pipeline)])
        nobody.expect(DENIED, [f"SELECT FROM api.council_control_at({NOW})"])


# ---- the programs ----------------------------------------------------------------------------------------

def play_with_a_hold(pipeline, **settings):
    """The night with a conflict that is released and one that is rejected."""
    first, *others = WARDS[0]["candidates"]
    pipeline.load(support.medway_reference())
    daemon = pipeline.daemon(**settings)
    conflicts = [dict(WARDS[0], candidates=[dict(first, votes=first["votes"] + more), *others]) for more in (1, 2)]
    pipeline.publish([*WARDS, *conflicts, '{"key": null, "value_base64": null}'])
    pipeline.wait_until_applied()
    pipeline.decide("release", f"{MEDWAY_PARTITION}:24")
    pipeline.decide("reject", f"{MEDWAY_PARTITION}:25")
    pipeline.wait_until_applied()
    support.wait_for(lambda: pipeline.value("SELECT bool_and(outbox_lane_seq = lane_seq) FROM declared.lane"),
                     "everything is told")
    equal(daemon.lines(" warning "), [], "warnings")
    daemon.stop()
    equal(pipeline.fates(), {"accepted": 25, "rejected": 2}, "fates")
    return pipeline.control(MEDWAY)


@test
def the_daemon_runs_as_a_login_of_declared_ingest(pipeline):
    with logins(pipeline, "declared_ingest") as (ingest,):
        final = play_with_a_hold(pipeline, postgres__uri=ingest.uri)
        equal(final["headline"], "LAB GAIN MEDWAY FROM CON", "the headline")


@test
def the_owner_s_daemon_runs_with_the_role_set(pipeline):
    pipeline.psql("GRANT declared_ingest TO CURRENT_USER")
    final = play_with_a_hold(pipeline, postgres__role="declared_ingest")
    equal(final["headline"], "LAB GAIN MEDWAY FROM CON", "the headline")


@test
def a_role_that_lacks_the_rights_is_one_line_and_writes_nothing(pipeline):
    pipeline.psql("GRANT declared_reader TO CURRENT_USER")
    pipeline.load(support.medway_reference())
    daemon = pipeline.daemon(postgres__role="declared_reader")
    daemon.wait_for_line("warning PostgreSQL is away, waiting: ERROR:  permission denied for schema declared")
    equal(pipeline.ledger_count(), 0, "rows")
    pipeline.psql("REVOKE declared_reader FROM CURRENT_USER")
    daemon.stop()
    pipeline.daemon()
    pipeline.wait_until_applied()


@test
def declarectl_shows_readers_and_operators_what_it_shows_the_owner(pipeline):
    play(pipeline)
    conflict = dict(WARDS[1], note="conflict", ballot_papers=WARDS[1]["ballot_papers"] + 1)
    pipeline.publish([conflict])
    pipeline.wait_until_applied()
    moment = pipeline.history(MEDWAY)[10]["recorded_at"]
    with logins(pipeline, "declared_reader", "declared_operator") as made:
        for login in made:
            for command in (["status"], ["status", MEDWAY], ["status", "--test"], ["history", MEDWAY], ["held"],
                            ["as-of", moment, MEDWAY]):
                for words in (command, [*command, "--json"]):
                    shown = pipeline.ctl(*words).stdout
                    assert shown, words
                    equal(login.ctl(*words).stdout, shown, f"declarectl {words}")
            refused = login.ctl("migrate", expect=1)
            equal((refused.stdout, len(refused.stderr.splitlines())), ("", 1), f"migrate: {refused.stderr}")


@test
def an_auditor_needs_to_read_and_no_more(pipeline):
    play(pipeline)
    pipeline.daemons[0].stop()
    with logins(pipeline, "pg_read_all_data") as (auditor,):
        assert "nothing differs" in auditor.ctl("audit", "verify").stdout
        equal(auditor.ctl("audit", "export", MEDWAY).stdout.splitlines()[1:],
              pipeline.ctl("audit", "export", MEDWAY).stdout.splitlines()[1:], "what is exported")
        statements = list(with_columns(pipeline, {table: changes(table) for table in tables(pipeline)}))
        auditor.expect(DENIED, statements)


@test
def an_operator_s_decision_acts_through_kafka_and_the_daemon(pipeline):
    play(pipeline)
    pipeline.publish([dict(WARDS[1], ballot_papers=WARDS[1]["ballot_papers"] + 1)])
    pipeline.wait_until_applied()
    before = pipeline.control(MEDWAY)
    equal(before["ballots_held"], 1, "held")
    with logins(pipeline, "declared_operator") as (operator,):
        (held,) = json.loads(operator.ctl("held", "--json").stdout)
        position = f"{held['partition']}:{held['kafka_offset']}"
        operator.ctl("reject", position, "--by", "night desk", "--note", "the first was right")
        pipeline.sent += 1
        pipeline.wait_until_applied()
        equal(operator.ctl("held").stdout, pipeline.ctl("held").stdout, "held after it")
        equal(dict(content(before), ballots_held=0), content(pipeline.control(MEDWAY)), "the snapshot after it")


if __name__ == "__main__":
    support.main()
