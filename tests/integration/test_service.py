#!/usr/bin/env python3
"""What the daemon tells a service manager (sd_notify): a real `declared`, and this test in systemd's place."""

import contextlib
import ctypes
import os
import signal
import socket
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import support  # noqa: E402
from support import equal, frozen, test, wait_for  # noqa: E402

WATCHDOG_US = 2_000_000
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207


class Manager:
    """The socket that a daemon tells its state to, and all that it has told."""

    def __init__(self, pipeline, watchdog=True):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.told = []  # (assignment, value)
        pipeline.env["NOTIFY_SOCKET"] = self.path
        if watchdog:
            pipeline.env["WATCHDOG_USEC"] = str(WATCHDOG_US)

    def hear(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.told += [tuple(line.split("=", 1)) for line in self.socket.recv(4096).decode().splitlines()]
        return self.told

    def count(self, name):
        return sum(told[0] == name for told in self.hear())

    def wait_for(self, name, value="1"):
        wait_for(lambda: (name, value) in self.hear(), f"{name}={value}; told was {self.told}")

    def wait_for_pings(self, more):
        before = self.count("WATCHDOG")
        wait_for(lambda: self.count("WATCHDOG") >= before + more, f"{more} pings; told was {self.told}")


@contextlib.contextmanager
def hanging(process, name):
    """The threads of that name stop, and no other: as a deadlock would have it."""
    libc = ctypes.CDLL(None, use_errno=True)
    threads = []
    for tid in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{tid}/comm", encoding="utf-8") as file:
            if file.read().strip() == name:
                threads.append(int(tid))
    assert threads, f"no thread {name}"
    for tid in threads:
        for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
            assert libc.ptrace(request, tid, None, None) == 0, os.strerror(ctypes.get_errno())
        os.waitpid(tid, 0x40000000)  # __WALL: until it has stopped
    try:
        yield
    finally:
        for tid in threads:
            libc.ptrace(PTRACE_DETACH, tid, None, None)


@test
def ready_is_said_when_the_workers_run_and_stopping_on_sigterm(pipeline):
    manager = Manager(pipeline, watchdog=False)
    daemon = pipeline.daemon(workers=2)
    manager.wait_for("READY")
    daemon.wait_until_reading()
    equal(manager.count("STOPPING"), 0, "STOPPING before the signal")
    daemon.stop()
    manager.wait_for("STOPPING")
    equal(manager.count("WATCHDOG"), 0, "pings that nobody asked for")


@test
def settings_that_are_refused_are_never_ready(pipeline):
    manager = Manager(pipeline)
    daemon = pipeline.daemon(workers=0)
    equal(daemon.process.wait(timeout=10), 2, "exit code, which tells the manager not to try again")
    equal(manager.hear(), [], "told")
    pipeline.daemons.remove(daemon)


@test
def a_check_refuses_what_a_start_would(pipeline):
    """Settings of librdkafka too, which is asked for no server."""
    for setting, named in (("kafka.bootstrap=x", "kafka.bootstrap"), ("kafka.session.timeout.ms=soon", "session.timeout.ms"),
                           ("daemon.workers=none", "daemon.workers"), ("rules.BAD_AVRO=off", "BAD_AVRO")):
        for check in (["--check"], []):
            done = support.run([os.path.join(support.BIN, "declared"), *check, "--set", setting], pipeline.env, expect=2)
            equal(done.stderr.count("\n"), 1, f"lines on {setting}: {done.stderr}")
            assert named in done.stderr, done.stderr


@test
def the_watchdog_is_fed_while_a_server_hangs_for_that_is_no_fault_of_the_daemon(pipeline):
    manager = Manager(pipeline)
    daemon = pipeline.daemon(workers=2)
    daemon.wait_until_reading()
    manager.wait_for_pings(3)
    with frozen("kafka"):
        manager.wait_for_pings(3)
    daemon.stop()


@test
def a_daemon_that_waits_for_its_database_is_ready_and_feeds_the_watchdog(pipeline):
    manager = Manager(pipeline)
    pipeline.env["DECLARED_POSTGRES_URI"] = "postgresql://127.0.0.1:1/nothing"
    daemon = pipeline.daemon()
    manager.wait_for("READY")
    daemon.wait_for_line("PostgreSQL is away, waiting: ")
    manager.wait_for_pings(3)
    daemon.stop()


@test
def a_worker_that_hangs_stops_the_pings_though_the_other_goes_on(pipeline):
    manager = Manager(pipeline)
    daemon = pipeline.daemon(workers=2)
    daemon.wait_until_reading()
    manager.wait_for_pings(3)
    with hanging(daemon.process, "worker-2"):
        manager.wait_for("STATUS", "a thread stands still")
        still = len(manager.hear())
        # systemd would end it after WatchdogSec without a ping; twice as long here, by the process's own clock.
        with contextlib.suppress(TimeoutError):
            manager.socket.settimeout(2 * WATCHDOG_US / 1e6)
            manager.told += [("late", manager.socket.recv(4096).decode())]
        manager.socket.setblocking(False)
        equal(manager.told[still:], [], "told while a worker hung")
    manager.wait_for("STATUS", "all threads go round")
    manager.wait_for_pings(2)
    daemon.process.send_signal(signal.SIGTERM)
    equal(daemon.process.wait(timeout=10), 0, "exit code")


if __name__ == "__main__":
    support.main()
