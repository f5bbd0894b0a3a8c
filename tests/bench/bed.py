"""Where the benchmarks run: a Kafka and a PostgreSQL of their own, made-up nights in the topic, and what /proc says.

The servers are those of deploy/local, in build/bench; databases, topics and the daemon those of the integration tests.
"""

import contextlib
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench"
SERVERS = FOLDER / "servers"
BIN = Path(os.environ.get("DECLARED_BIN", ROOT / "build" / "bin"))

os.environ["DECLARED_LOCAL_DIR"] = str(SERVERS)  # read by support when it is imported
sys.path.insert(0, str(ROOT / "tests" / "integration"))
import support  # noqa: E402

PARTITIONS = support.PARTITIONS
TICKS = os.sysconf("SC_CLK_TCK")
SHOWN_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "wal_level", "data_checksums",
                  "shared_buffers", "max_wal_size", "checkpoint_timeout", "wal_buffers", "wal_compression",
                  "autovacuum", "commit_delay", "max_connections")


def say(text):
    print(text, flush=True)


def program(name, *arguments, env=None, timeout=900):
    """What a program of build/bin, or any other, says on standard output; it must succeed."""
    path = BIN / name if (BIN / name).exists() else name
    done = subprocess.run([str(path), *map(str, arguments)], env=env, capture_output=True, text=True, timeout=timeout,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


# ---- servers ---------------------------------------------------------------------------------------------

@contextlib.contextmanager
def servers(running=None):
    """Both servers, started here and ended here; or those of a set of deploy/local's that runs, in that folder."""
    global SERVERS
    local = str(ROOT / "deploy" / "local")
    if running is not None:
        SERVERS = Path(running).resolve()
    else:
        subprocess.run([local, "down"], capture_output=True, check=False)  # of a run that was cut short
    try:
        if running is None:
            program(local, "up", "--broker", "kafka", "--no-build", timeout=300)
        for line in (SERVERS / "env").read_text().splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            os.environ[name] = value
        yield
    finally:
        if running is None:
            subprocess.run([local, "down"], capture_output=True, check=False)


def note_of(name):
    """What deploy/local has written down of its servers."""
    return (SERVERS / "run" / name).read_text().strip()


def superuser(sql, database="postgres"):
    env = dict(os.environ, PGPASSWORD=note_of("postgres.password"))
    return program("psql", "--no-psqlrc", "-qAt", "-h", "127.0.0.1", "-p", note_of("postgres.port"), "-U", "postgres",
                   "-c", sql, database, env=env).strip()


def settle():
    """Dirty pages of what ran before are not for the next to write."""
    superuser("CHECKPOINT")


def server_pid(name):
    return int(note_of(f"{name}.pid").split()[0])


# ---- what /proc says -------------------------------------------------------------------------------------

class Usage(NamedTuple):
    cpu_s: float
    written: int  # bytes to files
    peak: int  # bytes of memory, of the largest process


def stat_of(pid):
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()


def children_of(pid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(stat_of(name)[1]) == pid:
                found.append(int(name))
    return found


def field_of(pid, file, name):
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def usage(pid):
    """Of a process and its children; those that have ended are in the parent's own account."""
    while True:
        stat = stat_of(pid)
        ticks, written = sum(map(int, stat[11:15])), field_of(pid, "io", "write_bytes")
        peak = field_of(pid, "status", "VmHWM")
        for child in children_of(pid):
            with contextlib.suppress(OSError):
                ticks += sum(map(int, stat_of(child)[11:13]))
                peak = max(peak, field_of(child, "status", "VmHWM"))
                written += field_of(child, "io", "write_bytes")
        if stat_of(pid)[13:15] == stat[13:15]:  # else a child has gone over to the parent's account meanwhile
            return Usage(ticks / TICKS, written, peak * 1024)


def memory(pid):
    """Bytes that a process has in memory now."""
    return field_of(pid, "status", "VmRSS") * 1024


class Meter:
    """What processes use from now on: Meter(daemon=pid, PostgreSQL=pid)."""

    def __init__(self, **pids):
        self.pids = pids
        self.before = {name: usage(pid) for name, pid in pids.items()}

    def read(self):
        used = {}
        for name, pid in self.pids.items():
            now, before = usage(pid), self.before[name]
            used[name] = Usage(now.cpu_s - before.cpu_s, now.written - before.written, now.peak)
        return used


# ---- the machine -----------------------------------------------------------------------------------------

def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().splitlines()[0]
    except (OSError, IndexError):
        return "not there"


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    kafka = re.search("<kafka.version>(.*)</kafka.version>", (ROOT / "deploy" / "kafka" / "pom.xml").read_text())
    memory_kb = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cores": os.cpu_count(),
        "processor": cpu,
        "memory_gib": round(memory_kb / 2**20, 1),
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "postgresql": superuser("SHOW server_version"),
        "kafka": kafka[1],
        "java": first_line("java", "--version"),
        "librdkafka": first_line("pkg-config", "--modversion", "rdkafka"),
        "compiler": first_line("gcc", "--version"),
        "python": platform.python_version(),
        "commit": first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
    }


def postgres_settings():
    return {name: superuser(f"SHOW {name}") for name in SHOWN_SETTINGS}


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# ---- nights ----------------------------------------------------------------------------------------------

class Night(NamedTuple):
    """A made-up night in files."""
    reference: Path
    lines: Path
    councils: int
    declarations: int


def simulate(councils, declarations, seed=7, poll_date="2026-05-07", corrections=0.03, duplicates=0.01):
    folder = FOLDER / "nights"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{councils}-{declarations}-{seed}-{poll_date}-{corrections}-{duplicates}"
    night = Night(folder / f"{name}.json", folder / f"{name}.jsonl", councils, declarations)
    with open(night.lines, "w", encoding="utf-8") as lines:
        subprocess.run([str(BIN / "declarectl"), "simulate", "--seed", str(seed), "--councils", str(councils),
                        "--declarations", str(declarations), "--corrections", str(corrections), "--duplicates",
                        str(duplicates), "--poll-date", poll_date, "--reference", str(night.reference)],
                       stdout=lines, check=True)
    return night


def fill_topics(night):
    """New topics that hold the night, to be read by everybody."""
    bootstrap = os.environ["DECLARED_KAFKA_BOOTSTRAP_SERVERS"]
    for command in ("delete-topics", "create-topics"):
        program("declared-broker", command, "--bootstrap", bootstrap)
    send_night(night)


def send_night(night):
    """What a file of os.devnull holds is not sent."""
    if night.reference != os.devnull:
        program("declarectl", "reference", "load", night.reference)
    if night.lines != os.devnull:
        program("declarectl", "publish", night.lines, timeout=3600)


def remove_files():
    for folder in ("nights", "rows"):
        shutil.rmtree(FOLDER / folder, ignore_errors=True)


# ---- a database with a daemon ------------------------------------------------------------------------------

@contextlib.contextmanager
def database(copy_of=None):
    """An empty, migrated database, or a copy of another, and a consumer group of its own; dropped in the end."""
    with support.Pipeline(own_topics=False, copy_of=copy_of) as pipeline:
        yield pipeline


def lane_rows(pipeline):
    return int(pipeline.session.ask("SELECT coalesce(sum(lane_seq), 0) FROM declared.lane").strip())


def await_rows(pipeline, wanted, daemon=None, timeout=900.0, every=0.02, seen=None):
    """Until so many ledger rows are committed; returns when that was, by the wall clock. `seen`(rows) at each look."""
    deadline = time.monotonic() + timeout
    while True:
        rows = lane_rows(pipeline)
        now = time.time()
        if seen is not None:
            seen(rows)
        if rows >= wanted:
            return now
        if daemon is not None and daemon.process.poll() is not None:
            raise RuntimeError(f"the daemon ended with {daemon.process.returncode}:\n{daemon.log()}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{rows} of {wanted} rows after {timeout:g} s")
        time.sleep(every)


def write_json(path, value):
    Path(path).write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
