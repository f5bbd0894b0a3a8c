#!/usr/bin/env python3
"""declarectl against real servers: migration, publishing, reference data, reports, the desk's decisions."""

import copy
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import avro_write  # noqa: E402
import support  # noqa: E402
from registry_servers import StandInRegistry, schema_answer  # noqa: E402
from support import (DECLARATIONS, DESK, MEDWAY, MEDWAY_PARTITION, equal, test, without_migration,  # noqa: E402
                     without_topics)

WARDS = support.medway_declarations()
MIGRATIONS = sorted(name for name in os.listdir(os.path.join(support.ROOT, "schemas", "sql")) if name.endswith(".sql"))
ALL_SAINTS = WARDS[0]


def fails(pipeline, *arguments, code=1, text=None):
    """What it said: one line, that begins with the command's name."""
    said = pipeline.ctl(*arguments, text=text, expect=code).stderr
    assert said.count("\n") == 1 and said.startswith("declarectl "), f"not one line: {said!r}"
    return said.rstrip("\n")


def file_of(text):
    file = tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8")
    file.write(text)
    file.flush()
    return file


def loser_elected(ward, revision=1):
    """Two candidates' fates transposed: the elected are not the top."""
    wrong = copy.deepcopy(ward)
    by_votes = sorted(wrong["candidates"], key=lambda candidate: -candidate["votes"])
    winners = sum(candidate["elected"] for candidate in by_votes)
    by_votes[winners - 1]["elected"], by_votes[winners]["elected"] = False, True
    wrong.update(revision=revision, kind="DECLARED" if revision == 1 else "CORRECTED",
                 basis="DECLARATION" if revision == 1 else "OFFICER_CORRECTION")
    return wrong


# ---- migrate ---------------------------------------------------------------------------------------------

@test
@without_migration
def migrate_a_second_time_has_nothing_to_do(pipeline):
    first = pipeline.ctl("migrate").stdout.splitlines()
    equal(first, [f"applied {name}" for name in MIGRATIONS], "what the first said")
    again = pipeline.ctl("migrate").stdout
    equal(again, f"nothing to do: the database is at version {int(MIGRATIONS[-1][:4])}\n", "what the second said")


@test
@without_migration
def two_migrations_at_once_apply_each_file_once(pipeline):
    command = [os.path.join(support.BIN, "declarectl"), "migrate"]
    both = [subprocess.Popen(command, env=pipeline.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    equal([process.returncode for process in both], [0, 0], f"exit codes; they said {said}")
    applied = [line for text in said for line in text.splitlines() if line.startswith("applied ")]
    equal(sorted(applied), [f"applied {name}" for name in MIGRATIONS], "applied by either")


@test
@without_migration
def a_migration_waits_for_no_lock_for_long_and_leaves_nothing_half_done(pipeline):
    pipeline.session.ask("BEGIN; CREATE SCHEMA declared")
    said = fails(pipeline, "migrate")
    assert "0001_ledger.sql" in said and "lock timeout" in said, said
    pipeline.session.ask("ROLLBACK")
    equal(pipeline.ctl("migrate").stdout.splitlines(), [f"applied {name}" for name in MIGRATIONS], "applied in the end")


@test
def a_database_that_is_away_is_one_line_without_the_password(pipeline):
    password = pipeline.server.password
    for command in (["migrate"], ["status"], ["held"]):
        said = fails(pipeline, *command, "--set", f"postgres.uri=postgresql://declared:{password}@127.0.0.1:1/declared")
        assert password not in said and "127.0.0.1" in said, said


# ---- publish ---------------------------------------------------------------------------------------------

@test
def publish_checks_a_file_whole_before_it_sends_the_first(pipeline):
    lines = [json.dumps(ward) for ward in WARDS]
    bad = copy.deepcopy(WARDS[9])
    bad["candidates"][2]["votes"] = "many"
    lines[9] = json.dumps(bad)
    with file_of("\n".join(lines)) as file:
        said = fails(pipeline, "publish", file.name)
        assert f"{file.name}:10: " in said and "candidates[2].votes" in said, said
    equal(pipeline.dump(DECLARATIONS), [], "records sent")


@test
def publish_names_what_is_wrong_with_a_line(pipeline):
    for change, named in (({"revision": "one"}, "revision"), ({"kind": "DECLARE"}, "kind"), ({"seats": None}, "seats"),
                          ({"declared_at": "yesterday"}, "declared_at"), ({"wards": 1}, "wards"),
                          ({"election_id": None}, "election_id")):
        with file_of(json.dumps(ALL_SAINTS) + "\n\n" + json.dumps(dict(ALL_SAINTS, **change)) + "\n") as file:
            said = fails(pipeline, "publish", file.name)
            assert f"{file.name}:3: " in said and named in said, said
    with file_of(json.dumps(ALL_SAINTS)[:-1]) as file:
        assert f"{file.name}:1: " in fails(pipeline, "publish", file.name)
    equal(pipeline.dump(DECLARATIONS), [], "records sent")


@test
def publish_from_standard_input_goes_line_by_line_and_stops_at_a_bad_one(pipeline):
    lines = [json.dumps(ward) for ward in WARDS[:3]] + ["{}"] + [json.dumps(WARDS[4])]
    said = fails(pipeline, "publish", "-", text="\n".join(lines))
    assert "standard input:4: " in said and "3 before it published" in said, said
    equal(len(pipeline.dump(DECLARATIONS)), 3, "records sent")


@test
def a_resent_line_keeps_its_event_id_and_another_line_has_another(pipeline):
    pipeline.publish([ALL_SAINTS, ALL_SAINTS, dict(ALL_SAINTS, revision=2, kind="CORRECTED")])
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.wait_until_applied()
    first, again, other = pipeline.rows(f"SELECT event_id, fate FROM api.ledger WHERE topic = '{DECLARATIONS}'"
                                        " ORDER BY kafka_offset")
    equal((first["event_id"] == again["event_id"], first["event_id"] == other["event_id"]), (True, False), "event ids")
    equal((first["fate"], again["fate"]), ("accepted", "duplicate"), "fates")


@test
def raw_lines_are_sent_as_they_are(pipeline):
    pipeline.publish([{"key": "E06000035", "value_base64": "AAECAw=="}, {"key": None, "value_base64": ""},
                      {"key": "", "value_base64": None}])
    found = sorted((record.key or b"none", record.value) for record in pipeline.dump(DECLARATIONS) if record.key != b"")
    equal(found, [(b"E06000035", b"\0\1\2\3"), (b"none", b"")], "records with a value")
    equal([record.value for record in pipeline.dump(DECLARATIONS) if record.key == b""], [None], "the one without")


@test
def kafka_away_is_one_line(pipeline):
    said = fails(pipeline, "publish", "-", "--set", "kafka.bootstrap.servers=127.0.0.1:1", text=json.dumps(ALL_SAINTS))
    assert "127.0.0.1:1" in said, said


# ---- reference -------------------------------------------------------------------------------------------

@test
def reference_check_counts_what_is_sound(pipeline):
    said = pipeline.ctl("reference", "check", support.medway_file("reference.json")).stdout
    assert said.endswith("sound; councils 1, ballots 24, parties 9\n"), said


@test
def reference_data_that_contradict_themselves_are_not_sent(pipeline):
    def reference(**changes):
        whole = support.medway_reference()
        whole["councils"][0].update(changes)
        return json.dumps(whole)

    previous = support.medway_reference()["councils"][0]["previous_control"]
    for text, named in ((reference(seats_total=58), "58"), (reference(vacant=1), "59"),
                        (reference(previous_control=dict(previous, seats=27, seats_basis="eve_of_poll")), "27"),
                        (reference(previous_control={"party_id": "ynmp-party:2"}), "ynmp-party:2"),
                        (reference(previous_control=None), "previous_control"), (reference(name=None), "name"),
                        (reference(colour="red"), "colour"), ("{\n\n?", "line 3")):
        with file_of(text) as file:
            for command in ("check", "load"):
                said = fails(pipeline, "reference", command, file.name)
                assert file.name in said and named in said, said
    equal(pipeline.dump(DESK), [], "records sent")


# ---- reports ---------------------------------------------------------------------------------------------

@test
def status_history_and_as_of_say_in_json_what_the_views_hold(pipeline):
    equal(pipeline.ctl_json("status"), [], "status before")
    equal(pipeline.ctl("status").stdout, "no election has been loaded\n", "status before, for people")
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()
    history = pipeline.history(MEDWAY)
    equal(pipeline.ctl_json("status"), history[-1:], "status")
    equal(pipeline.ctl_json("status", MEDWAY), history[-1:], "status of one")
    equal(pipeline.ctl_json("history", MEDWAY), history, "history")
    newest_of_each = {row["recorded_at"]: row for row in history}
    for moment in (history[0]["recorded_at"], history[12]["recorded_at"]):
        equal(pipeline.ctl_json("as-of", moment), [newest_of_each[moment]], f"as of {moment}")
    equal(pipeline.ctl_json("as-of", "2023-05-05T02:30:00+01:00"), [], "as of before anything")
    table = pipeline.ctl("status").stdout
    assert "LAB GAIN MEDWAY FROM CON" in table and "LAB 33, CON 22, IND 4" in table, table
    equal(len(pipeline.ctl("history", MEDWAY).stdout.splitlines()), 26, "lines of the history")
    for command in ("status", "history"):
        assert "local.nowhere.2023-05-04" in fails(pipeline, command, "local.nowhere.2023-05-04")


# ---- schemas ---------------------------------------------------------------------------------------------

def change_field(of, **changes):
    def change(schema):
        next(field for field in schema["fields"] if field["name"] == of).update(changes)
    return change


def change_candidate(**changes):
    def change(schema):
        candidates = next(field for field in schema["fields"] if field["name"] == "candidates")["type"]["items"]
        next(field for field in candidates["fields"] if field["name"] == "votes").update(changes)
    return change


def add_field(**field):
    return lambda schema: schema["fields"].append(field)


def drop_field(name):
    return lambda schema: schema["fields"].remove(next(field for field in schema["fields"] if field["name"] == name))


def change_symbols(*symbols, **more):
    def change(schema):
        next(field for field in schema["fields"] if field["name"] == "kind")["type"].update(symbols=symbols, **more)
    return change


KINDS = "DECLARED", "CORRECTED", "WITHDRAWN", "POSTPONED"

# What is changed; why the present version cannot read the new one's data, and why not the other way round.
VERSIONS = [
    ("a field with a default", add_field(name="region", type=["null", "string"], default=None), None, None),
    ("a field without", add_field(name="region", type="string"), None,
     "region: the writer lacks it, and it has no default"),
    ("a default that does not fit", add_field(name="region", type="string", default=7), None,
     "region: its default does not fit its type"),
    ("an optional field less", drop_field("note"), None, None),
    ("a needed field less", drop_field("seats"), "seats: the writer lacks it, and it has no default", None),
    ("a field renamed", change_field("ward_name", name="ward"), "ward_name: the writer lacks it, and it has no default",
     "ward: the writer lacks it, and it has no default"),
    ("a field renamed, with an alias", change_field("ward_name", name="ward", aliases=["ward_name"]),
     "ward_name: the writer lacks it, and it has no default", None),
    ("votes as long", change_candidate(type=["null", "long"]),
     "candidates[].votes: long is none of the reader's branches", None),
    ("votes that are always known", change_candidate(type="int", default=0), None,
     "candidates[].votes: null cannot be read as int"),
    ("a string as bytes", change_field("source", type="bytes"), None, None),
    ("one more branch", change_field("note", type=["null", "string", "double"]),
     "note: double is none of the reader's branches", None),
    ("a new kind", change_symbols(*KINDS, "VOIDED"),
     "kind: the symbol VOIDED is unknown to the reader, and its enum has no default", None),
    ("a kind less, with a default", change_symbols(*KINDS[:3], default="DECLARED"), None, None),
    ("kinds in another order", change_symbols(*reversed(KINDS)), None, None),
    ("another namespace", lambda schema: schema.update(namespace="elsewhere"), None, None),
]


@test
@without_topics
def a_schemas_new_version_is_published_if_both_can_read_the_other(pipeline):
    path = os.path.join(support.ROOT, "schemas", "avro", "ward-declaration.avsc")
    with open(path, encoding="utf-8") as file:
        present = file.read()
    for name, change, forward, backward in VERSIONS:
        schema = json.loads(present)
        change(schema)
        with file_of(json.dumps(schema)) as file:
            good = forward is None and backward is None
            for against in ((), ("--against", path)):
                said = pipeline.ctl("schema", "check", file.name, *against, expect=0 if good else 1).stdout.splitlines()
                answers = ["yes" if reason is None else "no; " + reason for reason in (forward, backward)]
                equal([line.split(": ", 1)[1] for line in said[1:3]], answers, name)
                equal(said[3], "may be published" if good else "may not be published", name)


@test
@without_topics
def what_is_no_schema_of_ours_is_one_line(pipeline):
    for content, reason in (('{"type": "record"', "not JSON"), ('"string"', "see --against"), ("", "1 to 262144 bytes"),
                            (" " * 300000 + '"string"', "1 to 262144 bytes"),
                            ('{"type": "record", "name": "Weather", "fields": []}', "see --against"),
                            ('{"type": "fixed", "name": "WardDeclaration", "size": -1}', "size")):
        with file_of(content) as file:
            said = fails(pipeline, "schema", "check", file.name)
            assert reason in said, f"{content[:40]}: {said}"
    assert "No such file" in fails(pipeline, "schema", "check", "/nonexistent.avsc")


@test
def every_command_has_help_and_refuses_what_it_does_not_know(pipeline):
    words = [line.split("  ")[1] for line in pipeline.ctl("help").stdout.splitlines() if line.startswith("  ")]
    assert len(words) > 10, words
    for command in words:
        text = pipeline.ctl(*command.split(), "--help").stdout
        assert text.startswith(f"Usage: declarectl {command}"), text
        done = pipeline.ctl(*command.split(), "--no-such-option", expect=2)
        assert "no-such-option" in done.stderr, done.stderr
    pipeline.ctl("no-such-command", expect=2)


# ---- the desk --------------------------------------------------------------------------------------------

def play(pipeline, declarations):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.publish(declarations)
    pipeline.wait_until_applied()


def decide(pipeline, *arguments, **options):
    pipeline.decide(*arguments, **options)
    pipeline.wait_until_applied()


def result(pipeline, ward):
    (row,) = pipeline.rows("SELECT status, revision FROM api.ballot_result"
                           f" WHERE ballot_paper_id = '{ward['ballot_paper_id']}'")
    return row["status"], row["revision"]


@test
def a_held_record_is_listed_and_released(pipeline):
    play(pipeline, [loser_elected(ALL_SAINTS)] + WARDS[1:])
    (held,) = pipeline.ctl_json("held")
    equal((held["ballot_paper_id"], held["reasons"]), (ALL_SAINTS["ballot_paper_id"], ["ELECTED_NOT_TOP"]), "held")
    table = pipeline.ctl("held").stdout
    position = f"{DECLARATIONS}:{MEDWAY_PARTITION}:0"
    assert position in table and "ELECTED_NOT_TOP" in table, table
    equal((result(pipeline, ALL_SAINTS), pipeline.control(MEDWAY)["ballots_held"]), (("awaiting", None), 1), "before")
    decide(pipeline, "release", position, by="Ada", note="rang the returning officer")
    equal(pipeline.ctl("held").stdout, "nothing is held\n", "what is held after")
    newest = pipeline.control(MEDWAY)
    equal((result(pipeline, ALL_SAINTS), newest["ballots_held"], newest["status"]), (("declared", 1), 0, "final"),
          "after")
    equal((newest["cause"]["by"], newest["cause"]["record"]), ("Ada", "declared.OperatorAction"), "its cause")
    equal(pipeline.fates(), {"accepted": 24}, "fates")


def position(declared):
    return f"{DECLARATIONS}:{MEDWAY_PARTITION}:{declared}"


def cards(text):
    """What `held` shows whole: position -> its lines; the list before and the calls behind are left out."""
    found = {}
    for card in re.split(r"^(?=.*: held since )", text, flags=re.MULTILINE)[1:]:
        found[re.search(rf"^ +({DECLARATIONS}:\d+:\d+)", card, re.MULTILINE)[1]] = card.splitlines()
    return found


def as_another_source_has_it(ward, source):
    """With ids of its own, and the votes of the last winner and the first loser changed over."""
    other = loser_elected(ward)
    for candidate in other["candidates"]:
        candidate["candidate_id"] = f"{source}-{candidate['candidate_id']}"
    winner, loser = (next(c for c in ward["candidates"] if c["elected"] is elected and c["votes"] == wanted)
                     for elected, wanted in ((True, min(c["votes"] for c in ward["candidates"] if c["elected"])),
                                             (False, max(c["votes"] for c in ward["candidates"] if not c["elected"]))))
    for candidate in other["candidates"]:
        if candidate["name"] in (winner["name"], loser["name"]):
            candidate["votes"] = (loser if candidate["name"] == winner["name"] else winner)["votes"]
    return dict(other, source=source)


def follow(pipeline, card, verb, note):
    """The command that the card gives, as an editor would type it."""
    (line,) = [line for line in card if f"declarectl {verb} " in line]
    words = shlex.split(line.replace("NAME", "Ada").replace("WHY", note))
    pipeline.ctl(*words[1:])
    pipeline.sent += 1
    pipeline.wait_until_applied()


@test
def a_held_record_is_shown_beside_what_it_conflicts_with_and_the_commands_shown_decide(pipeline):
    conflicting = copy.deepcopy(ALL_SAINTS)
    conflicting.update(note="as read out", ballot_papers=None)
    conflicting["candidates"][0]["votes"] += 10
    unknown = dict(copy.deepcopy(WARDS[5]), revision=2, kind="CORRECTED")
    unknown["candidates"][0]["party_id"] = "PP9999"
    play(pipeline, WARDS + [conflicting, as_another_source_has_it(WARDS[3], "agency"), unknown])
    shown = cards(pipeline.ctl("held").stdout)
    equal(sorted(shown), [position(24), position(25), position(26)], "records shown whole")
    rows = {name: {line[:3] + " ".join(line[4:].split()) for line in card} for name, card in shown.items()}
    for name, wanted in (
            (24, {"   HELD in force", f"   {position(24)} {position(0)}", "   source medway-council medway-council",
                  "  *ballot papers not known 965", "  *note as read out",
                  "   Chris Spalding (IND) 295 ELECTED 295 ELECTED", "  *Bernard Edward Hyde (GRN) 44 34"}),
            (25, {"   HELD in force", f"   {position(25)} {position(3)}", "  *source agency medway-council",
                  "  *Trevor Anthony Clarke (CON) 344 489 ELECTED", "  *Viv Parker (LD) 489 ELECTED 344",
                  "   Joseph Simon Murray (LAB) 212 212"}),
            (26, {"  *revision 2 1", "  *Clayton Barrett (CON) 530 for PP9999 530 for CON"})):
        assert wanted <= rows[position(name)], f"{wanted - rows[position(name)]} is not in\n" + "\n".join(shown[position(name)])
    alone = cards(pipeline.ctl("held", f"{MEDWAY_PARTITION}:25").stdout)
    equal([line for line in alone[position(25)] if line], [line for line in shown[position(25)] if line], "one alone")
    assert not any("declarectl release" in line for line in shown[position(26)]), "an unknown party is not released"

    follow(pipeline, shown[position(24)], "reject", "a slip of the tongue")
    follow(pipeline, shown[position(25)], "release", "rang the returning officer")
    elected = pipeline.value("SELECT name FROM api.candidate_result WHERE elected AND ballot_paper_id ="
                             f" '{WARDS[3]['ballot_paper_id']}'")
    equal(elected, "Viv Parker", "who is elected once the agency is believed")
    reference = support.medway_reference()
    reference["parties"].append({"party_id": "PP9999", "name": "Barrett's", "short": "BAR"})
    ballot = next(b for b in reference["councils"][0]["ballots"] if b["ballot_paper_id"] == unknown["ballot_paper_id"])
    ballot["nominations"] = None
    pipeline.load(reference)
    pipeline.wait_until_applied()
    equal((pipeline.ctl("held").stdout, result(pipeline, unknown)), ("nothing is held\n", ("declared", 2)), "the end")
    said = fails(pipeline, "held", f"{MEDWAY_PARTITION}:25")
    assert f"{position(25)} is not held" in said, said


@test
def many_held_records_are_a_list_and_one_is_shown_when_asked_for(pipeline):
    play(pipeline, [dict(ward, seats=ward["seats"] + 1) for ward in WARDS[:6]])
    text = pipeline.ctl("held").stdout
    equal((cards(text), text.count("SEATS_MISMATCH")), ({}, 6), "what is shown whole, and what is listed")
    assert "declarectl held POSITION" in text, text
    (card,) = cards(pipeline.ctl("held", position(4)).stdout).values()
    assert card[0].startswith("Medway, Fort Pitt: held since "), card[0]
    pipeline.ctl("held", position(4), "--json", expect=2)


@test
def stand_in_registry_a_record_by_a_feeds_own_schema_is_shown_to_an_operator(pipeline):
    schema = avro_write.own_schema("ward-declaration.avsc")
    schema["fields"].append({"name": "filed_from", "type": "string"})
    value = avro_write.declaration(loser_elected(ALL_SAINTS), filed_from="Strood")
    with StandInRegistry() as registry:
        registry.answer = lambda path: (200, schema_answer(schema))
        pipeline.load(support.medway_reference())
        pipeline.daemon(registry__url=registry.url)
        pipeline.send([support.Record(DECLARATIONS, support.MEDWAY_COUNCIL.encode(),
                                      avro_write.confluent(99, avro_write.datum(schema, value)))])
        pipeline.wait_until_applied()
    pipeline.psql("GRANT declared_operator TO CURRENT_USER")
    shown = pipeline.ctl("held", position(0), "--set", "postgres.role=declared_operator").stdout
    assert "Chris Spalding (IND)" in shown and "  ELECTED" in shown, shown


@test
def a_past_moment_is_shown_with_its_cause_what_was_held_and_what_became_of_it(pipeline):
    play(pipeline, [loser_elected(ALL_SAINTS), *WARDS[1:3], loser_elected(WARDS[3])])
    then, position = pipeline.history(MEDWAY)[-1]["recorded_at"], f"{DECLARATIONS}:{MEDWAY_PARTITION}:0"
    decide(pipeline, "release", position, by="Ada", note="rang the returning officer")
    pipeline.load(support.medway_reference(), by="the morning desk")
    pipeline.wait_until_applied()
    moment, _, *held = pipeline.ctl("as-of", then, MEDWAY).stdout.splitlines()[1:]
    assert f"{WARDS[3]['ballot_paper_id']} revision 1" in moment and ": held, ELECTED_NOT_TOP" in moment, moment
    equal(len(held), 3, "lines about what was held, with their head")
    assert position in held[1] and " by Ada: rang the returning officer" in held[1] and "accepted" in held[1], held
    assert "still held" in held[2], held
    now = pipeline.ctl("as-of", "2100-01-01T00:00:00Z").stdout
    assert position not in now.split("held_then")[1] and "still held" in now, now
    history = pipeline.ctl("history", MEDWAY).stdout
    for words in ("reference data, by desk", f"{WARDS[1]['ballot_paper_id']} revision 1, {WARDS[1]['source']} (",
                  f"RELEASE of {ALL_SAINTS['ballot_paper_id']} ({position}), by Ada: rang the returning officer"):
        assert words in history, f"'{words}' is not in\n{history}"


@test
def a_held_record_is_rejected_and_stays_out(pipeline):
    play(pipeline, [loser_elected(ALL_SAINTS)])
    decide(pipeline, "reject", f"{MEDWAY_PARTITION}:0")
    equal((pipeline.fates(), pipeline.ctl_json("held")), ({"rejected": 1}, []), "after")
    pipeline.publish([dict(ALL_SAINTS, revision=2, kind="CORRECTED", basis="TRANSCRIPTION_FIX")])
    pipeline.wait_until_applied()
    equal(result(pipeline, ALL_SAINTS), ("declared", 2), "the ballot after its correction")


@test
def rejecting_an_accepted_record_puts_the_revision_before_it_in_force(pipeline):
    play(pipeline, [ALL_SAINTS, dict(ALL_SAINTS, revision=2, kind="CORRECTED", ballot_papers=964)])
    equal(result(pipeline, ALL_SAINTS), ("declared", 2), "before")
    decide(pipeline, "reject", f"{MEDWAY_PARTITION}:1")
    equal(result(pipeline, ALL_SAINTS), ("declared", 1), "after")
    decide(pipeline, "reject", f"{MEDWAY_PARTITION}:0")
    equal((result(pipeline, ALL_SAINTS), pipeline.control(MEDWAY)["status"]), (("awaiting", None), "awaiting"),
          "after both")
    decide(pipeline, "release", f"{MEDWAY_PARTITION}:1")
    equal(result(pipeline, ALL_SAINTS), ("declared", 2), "after the release")


@test
def a_decision_about_a_record_to_come_acts_when_it_comes(pipeline):
    play(pipeline, WARDS[1:3])
    decide(pipeline, "release", f"{MEDWAY_PARTITION}:2", note="announced by telephone")
    action = pipeline.rows(f"SELECT fate, reasons FROM api.ledger WHERE topic = '{DESK}' ORDER BY lane_seq")[-1]
    equal(action, {"fate": "held", "reasons": ["NOT_YET_APPLIED"]}, "the action's row")
    pipeline.publish([loser_elected(ALL_SAINTS)])
    pipeline.wait_until_applied()
    equal((result(pipeline, ALL_SAINTS), pipeline.fates()), (("declared", 1), {"accepted": 3}), "after")
    history = pipeline.ctl("history", MEDWAY).stdout
    assert ": held, ELECTED_NOT_TOP; accepted at once by desk: announced by telephone" in history, history


@test
def a_decision_with_nothing_to_act_on_is_rejected(pipeline):
    play(pipeline, [ALL_SAINTS])
    decide(pipeline, "release", f"{MEDWAY_PARTITION}:0")
    decide(pipeline, "release", f"{(MEDWAY_PARTITION + 1) % support.PARTITIONS}:7")
    rows = pipeline.rows(f"SELECT fate, reasons, kind FROM api.ledger WHERE topic = '{DESK}' AND record ~ 'Operator'"
                         " ORDER BY fate DESC")
    equal(rows, [{"fate": "rejected", "reasons": ["NOT_HELD"], "kind": "RELEASE"},
                 {"fate": "held", "reasons": ["NOT_YET_APPLIED"], "kind": "RELEASE"}], "rows of the actions")
    equal(result(pipeline, ALL_SAINTS), ("declared", 1), "the ballot")


@test
def a_decision_wants_a_name_a_note_and_a_position(pipeline):
    for words in ("release 0:1", "release 0:1 --by Ada", "reject 0:1 --by= --note x", "reject here --by Ada --note x",
                  "reject 0:-1 --by Ada --note x", "release other-topic:0:1 --by Ada --note x"):
        fails(pipeline, *words.split(), code=2)
    equal(pipeline.dump(DESK), [], "records sent")


def watched(pipeline):
    """A frame of `declarectl watch`, on a terminal of its own (util-linux's script)."""
    command = f"stty rows 40 cols 100; {os.path.join(support.BIN, 'declarectl')} watch --until-final"
    return support.run(["script", "--quiet", "--return", "--command", command, "/dev/null"],
                       dict(pipeline.env, TERM="xterm", NO_COLOR="1")).stdout


@test
def a_call_that_wants_approval_waits_for_it(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon(calls__require_approval="yes")
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()
    history = pipeline.history(MEDWAY)
    called = next(row for row in history if row["control"])
    equal((called["headline"], history[-1]["headline"], history[-1]["majority"]),
          ("CON LOSE CONTROL OF MEDWAY", "CON LOSE CONTROL OF MEDWAY", 7), "before the approval")
    told = pipeline.ctl("held").stdout
    assert told.startswith("nothing is held\n") and "LAB GAIN MEDWAY FROM CON: certain since " in told, told
    on_screen = watched(pipeline)
    assert "call waits for approval" in on_screen and "CON LOSE CONTROL OF MEDWAY" in on_screen, on_screen
    assert f"declarectl approve {position(called['cause']['kafka_offset'])} " in told, told
    follow(pipeline, told.splitlines(), "approve", "two of us have counted")
    equal(pipeline.ctl("held").stdout, "nothing is held\n", "what waits after the approval")
    assert "waits" not in watched(pipeline), "the screen after the approval"
    equal(pipeline.control(MEDWAY)["headline"], "LAB GAIN MEDWAY FROM CON", "after it")
    kinds = [row["kind"] for row in pipeline.rows("SELECT kind FROM api.flash ORDER BY seq, kind")]
    equal([kind for kind in kinds if kind.startswith("CALL")], ["CALL_READY", "CALLED"], "flashes")


if __name__ == "__main__":
    support.main()
