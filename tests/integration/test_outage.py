#!/usr/bin/env python3
"""A PostgreSQL that answers and refuses, or does not answer: one clear line, patience, recovery by itself.

The full disk is a database of which the tables lie on a small tmpfs. Where that cannot be mounted, or the
server is not deploy/local's, there is only the test with a trigger in its place, as its name says.
"""

import contextlib
import os
import pwd
import socket
import subprocess
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True

import support  # noqa: E402
from support import DECLARATIONS, MEDWAY, Record, equal, seeded, test, wait_for  # noqa: E402

WARDS = support.medway_declarations()
DISK_BYTES = 48 * 1024 * 1024  # an empty database has 8 MB
MEMORY_BYTES = 64 * 1024 * 1024
ATTEMPTS = 5
ATTEMPTS_TAKE_S = 0.6  # at least: four of them with pauses of 0.1, 0.2 and 0.4 s between them, and one of the publisher


# ---- a full disk -----------------------------------------------------------------------------------------

def as_superuser(pipeline, sql):
    with open(os.path.join(support.LOCAL, "run", "postgres.password"), encoding="ascii") as file:
        env = dict(pipeline.env_of_psql("postgres"), PGUSER="postgres", PGPASSWORD=file.read().strip())
    support.run(["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", sql], env)


class SmallDisk:
    """A tmpfs that the pipeline's database moves to, so that its tables cannot grow past it."""

    def __init__(self, pipeline):
        self.pipeline = pipeline
        self.folder = os.path.join(os.path.realpath(os.path.join(support.LOCAL, "postgres")), "small-disk")
        self.filler = os.path.join(self.folder, "filler")

    def mount(self):
        """False: not here."""
        if os.geteuid() != 0 or not os.path.isdir(os.path.dirname(self.folder)):
            return False
        self.unmount()
        os.makedirs(self.folder)
        owner = pwd.getpwnam("postgres")
        options = f"size={DISK_BYTES},uid={owner.pw_uid},gid={owner.pw_gid},mode=700"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder]
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def unmount(self):
        subprocess.run(["umount", self.folder], capture_output=True, check=False)
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)

    def __enter__(self):
        data = os.path.join(self.folder, "tables")
        os.makedirs(data)
        os.chown(data, pwd.getpwnam("postgres").pw_uid, -1)
        as_superuser(self.pipeline, f"CREATE TABLESPACE {self.pipeline.name} LOCATION '{data}'")
        self.move_to(self.pipeline.name)
        return self

    def __exit__(self, *_):
        for daemon in self.pipeline.daemons:
            daemon.kill()
        self.move_to("pg_default")
        as_superuser(self.pipeline, f"DROP TABLESPACE {self.pipeline.name}")
        self.unmount()

    def move_to(self, tablespace):
        self.pipeline.session.close()
        as_superuser(self.pipeline, f"ALTER DATABASE {self.pipeline.name} SET TABLESPACE {tablespace}")

    @contextlib.contextmanager
    def full(self):
        with open(self.filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        try:
            yield
        finally:
            os.remove(self.filler)


@contextlib.contextmanager
def trigger_in_place_of_a_full_disk(pipeline):
    pipeline.psql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
                  " $$BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END$$;"
                  "CREATE TRIGGER refuse BEFORE INSERT ON declared.ledger EXECUTE FUNCTION public.refuse()")
    yield
    pipeline.psql("DROP TRIGGER refuse ON declared.ledger")


# ---- what is expected of the daemon ----------------------------------------------------------------------

def refusals(pipeline):
    """Transactions of this database that were rolled back. PostgreSQL tells with a delay."""
    return pipeline.value(f"SELECT xact_rollback FROM pg_stat_database WHERE datname = '{pipeline.name}'")


def expect_patience(pipeline, daemon, why):
    """One line, then attempts with pauses between them, and not a line more."""
    daemon.wait_for_line(f"warning PostgreSQL is away, waiting: ERROR:  {why}")
    first, began = refusals(pipeline), time.monotonic()
    wait_for(lambda: refusals(pipeline) >= first + ATTEMPTS, f"{ATTEMPTS} more attempts")
    took = time.monotonic() - began
    print(f"       {refusals(pipeline) - first} attempts in {took:.1f} s")
    assert took > ATTEMPTS_TAKE_S, f"{ATTEMPTS} attempts in {took:.2f} s: no back-off"
    log = daemon.log()
    equal(len(daemon.lines(" warning PostgreSQL is away")), 1, f"lines of the worker in\n{log}")
    assert len(daemon.lines(" warning what is to be published waits for PostgreSQL")) <= 1, log
    equal(daemon.lines(" error "), [], "errors")
    equal(daemon.lines("answer again"), [], "recoveries before there was one")


def expect_recovery(pipeline, daemon):
    pipeline.wait_until_applied()
    daemon.wait_for_line("info PostgreSQL and Kafka answer again")  # said once the commit is
    equal(len(daemon.lines("info PostgreSQL and Kafka answer again")), 1, f"recoveries in\n{daemon.log()}")
    final = pipeline.control(MEDWAY)
    equal((final["status"], final["headline"], final["seq"]), ("final", "LAB GAIN MEDWAY FROM CON", 25), "the end")
    daemon.stop()


@contextlib.contextmanager
def read_only(pipeline):
    """As after a switch to a standby: sessions end, and new ones can only read."""
    server = pipeline.server.path[1:]
    pipeline.psql(f"ALTER DATABASE {pipeline.name} SET default_transaction_read_only = on", server)
    end_sessions(pipeline)
    try:
        yield
    finally:
        pipeline.psql(f"ALTER DATABASE {pipeline.name} RESET default_transaction_read_only", server)


def end_sessions(pipeline):
    pipeline.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{pipeline.name}'"
                  " AND usename = current_user AND pid <> pg_backend_pid()", pipeline.server.path[1:])


def half_of_the_night(pipeline):
    pipeline.load(support.medway_reference())
    daemon = pipeline.daemon()
    pipeline.publish(WARDS[:12])
    pipeline.wait_until_applied()
    return daemon


# ---- the tests -------------------------------------------------------------------------------------------

@test
def a_full_disk_is_waited_for(pipeline):
    disk = SmallDisk(pipeline)
    if not disk.mount():
        print("       left out: no tmpfs can be mounted here, or the server is not deploy/local's")
        return
    with disk:
        daemon = half_of_the_night(pipeline)
        with disk.full():
            pipeline.publish(WARDS[12:])
            expect_patience(pipeline, daemon, "could not extend file")
            assert pipeline.ledger_count() < pipeline.sent
        expect_recovery(pipeline, daemon)


@test
def a_trigger_that_raises_disk_full_is_waited_for(pipeline):
    daemon = half_of_the_night(pipeline)
    with trigger_in_place_of_a_full_disk(pipeline):
        pipeline.publish(WARDS[12:])
        expect_patience(pipeline, daemon, "could not extend file")
        equal(pipeline.ledger_count(), 13, "rows")
    expect_recovery(pipeline, daemon)


@test
def a_policy_in_place_of_a_damaged_page_of_an_election_that_nobody_wants_holds_nothing_up(pipeline):
    pipeline.load(support.medway_reference())
    first = pipeline.daemon()
    pipeline.wait_until_applied()
    first.stop()
    pipeline.psql("ALTER TABLE declared.ledger ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; "
                  "CREATE POLICY damaged ON declared.ledger FOR SELECT USING (1 / (lane - lane) = 1)")
    second = pipeline.daemon()
    second.wait_for_line("PostgreSQL is away, waiting: ERROR:  division by zero")
    second.wait_for_line("PostgreSQL and Kafka answer again")  # it no longer reads ahead
    pipeline.psql("ALTER TABLE declared.ledger DISABLE ROW LEVEL SECURITY")  # no COPY goes into a table with it
    pipeline.publish(WARDS[:3])
    pipeline.wait_until_applied()
    equal(pipeline.control(MEDWAY)["ballots_declared"], 3, "Medway's wards")


@test
def a_read_only_standby_is_waited_for_at_the_start(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.publish(WARDS)
    with read_only(pipeline):
        daemon = pipeline.daemon()
        expect_patience(pipeline, daemon, "cannot execute SELECT in a read-only transaction")
        equal(pipeline.ledger_count(), 0, "rows")
    end_sessions(pipeline)
    expect_recovery(pipeline, daemon)


@test
def a_read_only_standby_is_waited_for_in_the_middle_of_a_night(pipeline):
    daemon = half_of_the_night(pipeline)
    with read_only(pipeline):
        pipeline.publish(WARDS[12:])
        daemon.wait_for_line(" warning PostgreSQL is away, waiting: FATAL:  terminating connection")
        wait_for(lambda: refusals(pipeline) >= ATTEMPTS, "attempts")
        equal(pipeline.ledger_count(), 13, "rows")
        equal(len(daemon.lines(" warning PostgreSQL is away")), 1, f"lines in\n{daemon.log()}")
    end_sessions(pipeline)
    expect_recovery(pipeline, daemon)


# ---- more than one host ----------------------------------------------------------------------------------

@contextlib.contextmanager
def silent_host():
    """As a machine that hangs: the system takes connections, nobody answers. Gives its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


def behind(pipeline, port, *parameters):
    """The pipeline's database as the second of two hosts."""
    server = pipeline.server
    login, _, host = server.netloc.rpartition("@")
    return urllib.parse.urlunsplit(("postgresql", f"{login}@127.0.0.1:{port},{host}", "/" + pipeline.name,
                                    "&".join(("target_session_attrs=read-write", *parameters)), ""))


@test
def a_host_that_hangs_does_not_keep_it_from_the_next(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.publish(WARDS)
    with silent_host() as port:
        daemon = pipeline.daemon(postgres__uri=behind(pipeline, port, "connect_timeout=2"))
        pipeline.wait_until_applied()
        equal(daemon.lines(" warning PostgreSQL is away"), [], "outages")
    daemon.stop()


@test
def no_host_for_writing_is_told_with_all_their_answers(pipeline):
    pipeline.load(support.medway_reference())
    with silent_host() as port, read_only(pipeline):
        daemon = pipeline.daemon(postgres__uri=behind(pipeline, port, "connect_timeout=2"))
        daemon.wait_for_line("warning PostgreSQL is away, waiting: ")
        (line,) = daemon.lines(" warning PostgreSQL is away")
        assert f"no answer to the connection attempt from 127.0.0.1 port {port}; " in line, line
        assert "session is read-only" in line, line
    pipeline.wait_until_applied()
    daemon.stop()


# ---- memory ----------------------------------------------------------------------------------------------

def memory(daemon):
    """(now, at most so far), in bytes."""
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return tuple(int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))


def fill_topic(pipeline, rng, count, record_bytes):
    """Records that are all rejected, on every partition: as many bytes as a whole night has and more."""
    value = b"\x17" + rng.randbytes(record_bytes - 1)
    pipeline.send([Record(DECLARATIONS, None, value, i % support.PARTITIONS) for i in range(count)])


def expect_small(daemon, what):
    now, most = memory(daemon)
    print(f"       {what}: {now >> 20} MiB, at most {most >> 20} MiB so far")
    assert most < MEMORY_BYTES, f"{what}: {most} bytes at most"


def watch_memory(daemon, samples=40):
    for _ in range(samples):
        memory_now = memory(daemon)[0]
        assert memory_now < MEMORY_BYTES, memory_now
        time.sleep(0.05)


@test
def memory_stays_under_64_mib_with_a_full_topic_while_postgresql_is_away(pipeline):
    rng = seeded("a full topic")
    fill_topic(pipeline, rng, 2400, 40_000)  # 96 MB
    with support.down("postgres"):
        daemon = pipeline.daemon()
        daemon.wait_for_line("warning PostgreSQL is away")
        watch_memory(daemon)
        expect_small(daemon, "away from the start")
    wait_for(lambda: pipeline.ledger_count() > 0, "the first rows")
    with support.down("postgres"):
        daemon.wait_for_line("warning PostgreSQL is away", times=2)
        watch_memory(daemon)
        expect_small(daemon, "away in the middle")
    pipeline.wait_until_applied()
    wait_for(lambda: pipeline.value("SELECT bool_and(outbox_lane_seq = lane_seq) FROM declared.lane"), "all is told")
    expect_small(daemon, "at the end")
    daemon.stop()


if __name__ == "__main__":
    support.main()
