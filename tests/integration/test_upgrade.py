#!/usr/bin/env python3
"""From the previous release to this one while a night runs, and back: a fleet that is never whole away, and an oracle.

The previous release is built from its commit, which a checkout of the whole history has. Where it is missing the test
is left out, which is a failure where CI=true.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "chaos"))

import oracle  # noqa: E402
from feed import Feeder  # noqa: E402
from fleet import Fleet  # noqa: E402
from servers import DEFAULT_BIN, CommandFailed, Servers, rows, run, scalar  # noqa: E402

PREVIOUS_VERSION, PREVIOUS_COMMIT = "0.1.0", "7e82967ddaa24869644009ac6e86554deb813082"
LANES = 6
GROWTH_WITHIN_S = 90.0
MINUTES = 4  # of declarations; more than it takes


# ---- the previous release --------------------------------------------------------------------------------

def has_previous():
    return subprocess.run(["git", "cat-file", "-e", f"{PREVIOUS_COMMIT}^{{commit}}"], cwd=ROOT, capture_output=True,
                          check=False).returncode == 0


def build_previous():
    """Its programs' folder, under build/."""
    folder = ROOT / "build" / f"previous-{PREVIOUS_VERSION}"
    programs = folder / "build" / "bin"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        source = subprocess.run(["git", "archive", PREVIOUS_COMMIT], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x"], cwd=folder, input=source, check=True)
        run(["cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
             "-DDECLARED_TESTS=OFF"])
        run(["cmake", "--build", folder / "build", "--parallel", "2", "--target", "declared", "declarectl", "declared-broker"],
            timeout=500)
        (folder / "done").touch()
    said = run([programs / "declared", "--version"]).strip()
    assert said == f"declared {PREVIOUS_VERSION}", f"the commit of the previous release is {said}"
    return programs


# ---- a night ---------------------------------------------------------------------------------------------

class Night:
    """Two daemons of the previous release, a feed that reaches every lane at all times."""

    def __init__(self, programs):
        self.servers = Servers(programs)  # all that stands here before the upgrade is of the previous release
        self.feeder = Feeder(self.servers, 1, MINUTES)
        self.fleet = Fleet(self.servers, {})

    def __enter__(self):
        self.servers.start()
        self.feeder.prepare()
        self.feeder.start()
        self.daemons = [self.fleet.add(1), self.fleet.add(1)]
        self.every_lane_goes_on()
        return self

    def __exit__(self, *_):
        self.feeder.finished.set()
        self.fleet.kill_all()
        self.servers.stop()

    def seqs(self):
        return {r["lane"]: r["lane_seq"] for r in rows(self.servers.uri, "SELECT lane, lane_seq FROM declared.lane")}

    def every_lane_goes_on(self):
        """Each of them grows, whoever has it; and no daemon has ended."""
        before, until = self.seqs(), time.monotonic() + GROWTH_WITHIN_S
        while True:
            now = self.seqs()
            dead = [f"{d.name} ended with {d.process.returncode}: {log_of(d)}" for d in self.fleet.dead()]
            assert not dead, dead
            if len(now) == LANES and all(seq > before.get(lane, 0) for lane, seq in now.items()):
                return
            assert time.monotonic() < until, f"lanes that stand still: {before}, {now}"
            time.sleep(0.1)

    def replace(self, daemon, programs, version):
        """As an operator does: one is told to end, and another begins where the group gives it lanes."""
        assert daemon.end() is not None, f"{daemon.name} did not end on SIGTERM"
        told = log_of(daemon).count("info reading ")
        daemon.program = programs / "declared"
        daemon.start()
        wait_for_log(daemon, "info reading ", told + 1)
        assert f"info declared {version} runs with" in log_of(daemon), log_of(daemon)
        self.every_lane_goes_on()


def log_of(daemon):
    return daemon.log.read_text(errors="replace")


def wait_for_log(daemon, text, times=1):
    until = time.monotonic() + GROWTH_WITHIN_S
    while log_of(daemon).count(text) < times:
        assert daemon.alive(), f"{daemon.name} ended with {daemon.process.returncode}: {log_of(daemon)}"
        assert time.monotonic() < until, f"{daemon.name} does not say '{text}': {log_of(daemon)}"
        time.sleep(0.05)


def declarectl(night, *arguments):
    return run([DEFAULT_BIN / "declarectl", *arguments], env=night.servers.env, timeout=300)


# ---- the steps -------------------------------------------------------------------------------------------

def a_new_daemon_on_the_old_schema_waits_says_why_and_takes_no_lane(night):
    early = night.fleet.add(1)
    early.kill()  # what fleet.add starts is of the previous release
    early.program = DEFAULT_BIN / "declared"
    early.log.write_text("")
    early.start()
    wait_for_log(early, "the database is not ready, waiting: its schema is older than this program")
    night.every_lane_goes_on()
    assert "info reading " not in log_of(early), log_of(early)
    night.early = early


def the_old_daemons_go_on_through_the_migration(night):
    said = declarectl(night, "migrate")
    assert "applied 0020_versions.sql" in said, said
    for daemon in night.daemons:
        assert " warning " not in log_of(daemon).split("info reading ")[-1], log_of(daemon)
    night.every_lane_goes_on()


def the_daemon_that_waited_works_as_soon_as_the_schema_is_there(night):
    wait_for_log(night.early, "info reading ")
    night.every_lane_goes_on()


def the_old_daemons_are_replaced_one_by_one(night):
    for daemon in night.daemons:
        night.replace(daemon, DEFAULT_BIN, version_of(DEFAULT_BIN))


def the_way_back_is_the_old_program_on_the_new_schema(night):
    night.replace(night.daemons[0], night.servers.bin, PREVIOUS_VERSION)
    night.replace(night.daemons[0], DEFAULT_BIN, version_of(DEFAULT_BIN))


def nothing_was_lost_doubled_or_altered(night):
    night.feeder.finish()
    judge = oracle.Oracle(night.servers.bootstrap, night.servers.uri, DEFAULT_BIN, snapshots=True)
    problems = judge.run()
    print(f"       {judge.records} records, {night.feeder.published} lines published", flush=True)
    assert not problems, problems
    declarectl(night, "audit", "verify")


def a_schema_that_works_no_longer_with_a_program_is_waited_for(night):
    declaration = scalar(night.servers.uri, "SELECT pg_get_functiondef('declared.schema_version()'::regprocedure)")
    daemon = night.daemons[0]
    assert daemon.end() is not None
    scalar(night.servers.uri, declaration.replace("max(m.version), 4 ", "max(m.version), 1000 "))
    daemon.start()
    wait_for_log(daemon, "the database is not ready, waiting: its schema works with programs made for version 1000")
    told = log_of(daemon).count("info reading ")
    scalar(night.servers.uri, declaration)
    wait_for_log(daemon, "info reading ", told + 1)


STEPS = (
    a_new_daemon_on_the_old_schema_waits_says_why_and_takes_no_lane,
    the_old_daemons_go_on_through_the_migration,
    the_daemon_that_waited_works_as_soon_as_the_schema_is_there,
    the_old_daemons_are_replaced_one_by_one,
    the_way_back_is_the_old_program_on_the_new_schema,
    nothing_was_lost_doubled_or_altered,
    a_schema_that_works_no_longer_with_a_program_is_waited_for,
)


def version_of(programs):
    return run([programs / "declared", "--version"]).split()[1]


def main():
    if not has_previous():
        print(f"left out: this checkout lacks the commit of {PREVIOUS_VERSION}, {PREVIOUS_COMMIT} (git fetch --unshallow)")
        missing = os.environ.get("CI") == "true"
        print(f"0 passed, {int(missing)} failed")
        return int(missing)
    passed = 0
    with Night(build_previous()) as night:
        for step in STEPS:  # each stands on the one before
            name, began = step.__name__.replace("_", " "), time.monotonic()
            try:
                step(night)
            except (AssertionError, CommandFailed) as problem:
                print(f"FAILED {name}\n{problem}\n{passed} passed, 1 failed")
                return 1
            print(f"ok     {name}  {time.monotonic() - began:.1f} s", flush=True)
            passed += 1
    print(f"{passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    watchdog = threading.Timer(500, lambda: print("still at work after 500 s", file=sys.stderr))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
