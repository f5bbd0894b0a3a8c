#!/usr/bin/env python3
"""Runs deploy/RUNBOOK.md: its console blocks, from the first to the last, on a night in Medway that goes wrong.

In a console block a line that begins with `$ ` is a command, and what stands below it is what it prints; of that,
moments, hashes, ports and the schema's version are not compared. What happens between the commands (a feed sends, a
server goes away) is in comments that a reader of the document does not see, <!-- scene: NAME -->: each is a function
here. `journalctl` is a script in the real one's place, which prints what the daemon of this test said.

With DECLARED_RUNBOOK_WRITE=1 what the commands print is written into the document instead of compared.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import support  # noqa: E402
from avro_write import confluent  # noqa: E402
from support import DECLARATIONS, DESK, MEDWAY_COUNCIL, MEDWAY_PARTITION, Record, test, wait_for  # noqa: E402
from test_ctl import loser_elected  # noqa: E402
from test_outage import trigger_in_place_of_a_full_disk  # noqa: E402

support.TESTS.clear()  # those of the scripts whose helpers these are

DOCUMENT = os.path.join(support.ROOT, "deploy", "RUNBOOK.md")
WRITE = os.environ.get("DECLARED_RUNBOOK_WRITE") == "1"
WARDS = support.medway_declarations()
COMMAND_WITHIN_S = 60
SCENE = re.compile(r"<!-- scene: (.*) -->")
PORTS = re.compile(r"\bport \d+|(?<=127\.0\.0\.1):\d+")
NOT_COMPARED = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00)?"), "MOMENT"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"(?<=at version )\d+"), "N"),
    (PORTS, "port 5432"),
)


# ---- the document ----------------------------------------------------------------------------------------

class Step:
    """A scene or a command. `first` and `last` are the lines between which its output stands."""

    def __init__(self, kind, text, first):
        self.kind, self.text, self.first, self.last = kind, text, first, first


def read_steps(lines):
    steps, console, command = [], False, None
    for number, line in enumerate(lines):
        scene = SCENE.fullmatch(line)
        if scene:
            assert not console, f"line {number + 1}: a scene within a block"
            steps.append(Step("scene", scene[1], number + 1))
        elif line == "```console" or (console and line == "```"):
            console, command = not console, None
        elif console and line.startswith("$ "):
            command = Step("command", line[2:], number + 1)
            steps.append(command)
        elif console and command.text.endswith("\\") and command.first == number:
            command.text += "\n" + line
            command.first = command.last = number + 1
        elif console:
            command.last = number + 1
    return steps


def compared(text):
    lines = []
    for line in text.splitlines():
        for pattern, word in NOT_COMPARED:
            line = pattern.sub(word, line)
        lines.append(line.rstrip())
    return lines


def shown(text):
    """As it goes into the document: nothing of the machine it was run on."""
    return [PORTS.sub(lambda m: "port 5432" if m[0].startswith("port") else ":5432", line).rstrip()
            for line in text.splitlines()]


# ---- the night -------------------------------------------------------------------------------------------

class Night:
    def __init__(self, pipeline, folder):
        self.pipeline, self.folder = pipeline, folder
        self.daemon = None
        self.quiet = True  # the daemon can apply what is sent
        self.trigger = None
        self.away = set()
        self.make_files()

    def make_files(self):
        shutil.copy(support.medway_file("reference.json"), os.path.join(self.folder, "night.json"))
        shutil.copy(support.medway_file("declarations.jsonl"), os.path.join(self.folder, "declarations.jsonl"))
        draft = support.medway_reference()
        draft["councils"][0]["seats_total"] = 55  # as it was before the new wards
        with open(os.path.join(self.folder, "draft.json"), "w", encoding="utf-8") as file:
            json.dump(draft, file)
        programs = os.path.join(self.folder, "bin")
        os.mkdir(programs)
        script = os.path.join(programs, "journalctl")
        with open(script, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\ncat "$DAEMON_LOGS"/*\n')
        os.chmod(script, 0o755)
        os.mkdir(os.path.join(self.folder, "logs"))
        self.env = dict(self.pipeline.env, DB=self.pipeline.uri, DAEMON_LOGS=os.path.join(self.folder, "logs"),
                        PATH=os.pathsep.join((programs, support.BIN, os.environ["PATH"])))

    def take_away(self, server):
        self.quiet = False
        self.away.add(server)
        support.local("stop", server, "--kill")

    def bring_back(self):
        for server in sorted(self.away):
            support.local("start", server)
        self.away.clear()
        self.quiet = True

    # What happens between the commands.

    def start_daemon(self, **settings):
        if self.daemon is not None:
            self.daemon.stop()
        self.daemon = self.pipeline.daemon(**settings)
        log = os.path.join(self.folder, "logs", f"{self.daemon.number}.log")
        os.symlink(self.daemon.log_file.name, log)

    def until_said(self, text, times=1):
        self.daemon.wait_for_line(text, timeout=60, times=times)

    def the_daemon_runs(self):
        self.start_daemon()
        self.daemon.wait_until_reading()

    def twelve_wards_are_declared(self):
        self.pipeline.publish(WARDS[:12])

    def an_agency_transposes_two_candidates(self):
        self.pipeline.publish([dict(loser_elected(WARDS[12]), source="agency")])

    def the_agency_corrects_itself(self):
        self.pipeline.publish([dict(WARDS[12], source="agency", revision=2, kind="CORRECTED",
                                    basis="TRANSCRIPTION_FIX")])

    def the_rest_but_one_are_declared(self):
        self.pipeline.publish(WARDS[12:23])

    def the_last_ward_is_declared(self):
        self.pipeline.publish(WARDS[23:])

    def a_feed_sends_what_is_no_declaration(self):
        self.pipeline.send([Record(DECLARATIONS, MEDWAY_COUNCIL.encode(), value, MEDWAY_PARTITION)
                            for value in (b"<results/>", b'{"ward": "Watling"}', b"<results/>")])

    def a_feed_uses_a_schema_that_the_registry_alone_has(self):
        self.start_daemon(registry__url="http://127.0.0.1:1")
        self.daemon.wait_until_reading()
        self.pipeline.send([Record(DECLARATIONS, MEDWAY_COUNCIL.encode(), confluent(77, b"as a feed has it"),
                                   MEDWAY_PARTITION)])
        self.until_said("the schema registry is away")
        self.quiet = False

    def the_daemon_runs_without_a_registry(self):
        self.the_daemon_runs()
        self.quiet = True

    def postgresql_goes_away(self):
        self.take_away("postgres")
        self.pipeline.publish(WARDS[:1])
        self.until_said("warning PostgreSQL is away")

    def postgresql_comes_back(self):
        self.bring_back()
        self.until_said("PostgreSQL and Kafka answer again")

    def a_trigger_in_place_of_a_full_disk(self):
        self.quiet = False
        self.trigger = trigger_in_place_of_a_full_disk(self.pipeline)
        self.trigger.__enter__()
        self.pipeline.publish([dict(WARDS[0], source="agency")])
        self.until_said("could not extend file")

    def the_disk_has_room_again(self):
        self.trigger.__exit__(None, None, None)
        self.until_said("PostgreSQL and Kafka answer again", times=2)
        self.quiet = True

    def kafka_goes_away(self):
        self.take_away("kafka")

    def kafka_comes_back(self):
        self.bring_back()

    # The commands.

    def all_is_applied(self):
        has = {r["lane"]: (max(0, r["declarations_next"]), max(0, r["desk_next"]))
               for r in self.pipeline.rows("SELECT lane, declarations_next, desk_next FROM declared.lane")}
        wants = {}
        for topic in (DECLARATIONS, DESK):
            said = support.run([os.path.join(support.BIN, "topic-dump"), "--ends", self.pipeline.bootstrap, topic],
                               self.pipeline.env, expect=None)
            for end in map(json.loads, said.stdout.splitlines()):
                wants[end["partition"]] = (*wants.get(end["partition"], ()), end["next"])
        return len(wants) == support.PARTITIONS and all(has.get(lane, (0, 0)) == want for lane, want in wants.items())

    def run(self, command):
        if self.quiet and self.daemon is not None:
            wait_for(self.all_is_applied, "everything is applied", 90)
        return subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=COMMAND_WITHIN_S, check=False).stdout

    def play(self, scene):
        function = getattr(self, scene.replace(" ", "_"), None)
        assert function is not None, f"there is no scene '{scene}'"
        function()


def run_step(night, step, lines):
    """What it printed."""
    if step.kind == "scene":
        night.play(step.text)
        return None
    said = night.run(step.text)
    expected = "\n".join(lines[step.first:step.last])
    assert WRITE or compared(said) == compared(expected), (
        f"RUNBOOK.md, line {step.first}: $ {step.text}\n--- shows\n{expected}\n--- it printed\n{said}")
    return said


def write_document(lines, steps, written):
    text, upto = [], 0
    for step, said in zip(steps, written):
        if said is not None:
            text += [*lines[upto:step.first], *shown(said)]
            upto = step.last
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write("\n".join([*text, *lines[upto:]]) + "\n")


@test
def every_command_of_the_runbook_prints_what_it_shows(pipeline):
    with open(DOCUMENT, encoding="utf-8") as file:
        lines = file.read().splitlines()
    steps = read_steps(lines)
    with tempfile.TemporaryDirectory(prefix="declared-runbook-") as folder:
        night = Night(pipeline, folder)
        try:
            written = [run_step(night, step, lines) for step in steps]
        finally:
            night.bring_back()
        night.daemon.stop()
    commands = sum(step.kind == "command" for step in steps)
    assert commands > 20, f"only {commands} commands"
    print(f"       {commands} commands")
    if WRITE:
        write_document(lines, steps, written)


if __name__ == "__main__":
    support.main()
