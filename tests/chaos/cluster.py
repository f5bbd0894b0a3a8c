"""More than one of each server under the chaos: Kafka brokers, and a PostgreSQL with a synchronous standby.

Each server has a folder of its own, which is one of deploy/local's; deploy/lib starts and ends it there.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

from servers import DEFAULT_BIN, ROOT, CommandFailed, Servers, run, scalar

BROKERS = 3
START_S = 300
CATCH_UP_S = 180.0
PAUSE_S = 0.3

# Runs one function of deploy/lib in a server's folder: ROOT FOLDER FUNCTION [ARGUMENT...]
LIBRARY = """
set -euo pipefail
root=$1 dir=$2
run=$dir/run log=$dir/log bin=$root/build/bin
mkdir -p "$run" "$log"
chmod 711 "$dir"
chmod 700 "$run"
for part in common postgres broker; do
    source "$root/deploy/lib/$part.sh"
done

# The folder becomes that of a standby: PORT-OF-ITS-PRIMARY ITS-OWN-NAME FOLDER-OF-ITS-PRIMARY
postgres_clone() {
    postgres_remove_folder
    postgres_make_folder
    cp "$3/run/postgres.password" "$3/run/declared.password" "$run"
    PGPASSWORD=$(<"$run/postgres.password") as_postgres "$(postgres_bin pg_basebackup)" --pgdata "$(postgres_data)" \\
        --dbname "host=127.0.0.1 port=$1 user=postgres application_name=$2" --write-recovery-conf \\
        --wal-method stream --checkpoint fast
    touch "$run/postgres.ready"
}

shift 2
"$@"
"""
SETTINGS = {"DECLARED_KAFKA_HEAP": "256m", "DECLARED_KAFKA_START_S": str(START_S)}


def wait_for(condition, what, timeout=CATCH_UP_S):
    """What condition() returned once it was true; a server that does not answer yet is no answer."""
    until = time.monotonic() + timeout
    while True:
        try:
            value = condition()
        except (CommandFailed, OSError, subprocess.TimeoutExpired):
            value = None
        if value:
            return value
        if time.monotonic() > until:
            raise CommandFailed(f"after {timeout:.0f} s still not: {what}")
        time.sleep(PAUSE_S)


def parent_of(process):
    try:
        return int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return None  # it has ended meanwhile


class Server:
    """`kind` is deploy/lib's word for it."""

    def __init__(self, cluster, kind, number):
        self.kind, self.number, self.name = kind, number, f"{kind}_{number}"
        self.folder = cluster.folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.frozen = []

    def command(self, *words):
        return ["bash", "-c", LIBRARY, "bash", str(ROOT), str(self.folder), *map(str, words)]

    def library(self, *words):
        return run(self.command(*words), env=SETTINGS, timeout=START_S + 30)

    def choose_port(self, name=None):
        return int(self.library("port_of", name or self.kind))

    @property
    def port(self):
        return int((self.folder / "run" / f"{self.kind}.port").read_text())

    def start(self):
        self.library(f"{self.kind}_start")

    def kill(self):
        for pid in self.frozen:
            os.kill(pid, signal.SIGKILL)
        self.frozen = []
        self.library(f"{self.kind}_stop", "--kill")

    def processes(self):
        """The server and its children."""
        first = int((self.folder / "run" / f"{self.kind}.pid").read_text().split()[0])
        return [first, *(int(path.name) for path in Path("/proc").glob("[0-9]*") if parent_of(path) == first)]

    def freeze(self):
        """It hangs: what was open stays open, and is not answered. kill() ends it all the same."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGSTOP)
                self.frozen.append(pid)
            except ProcessLookupError:
                pass


class Broker(Server):
    """One of several that are broker and controller both."""

    def __init__(self, cluster, number):
        super().__init__(cluster, "kafka", number)
        self.choose_port()
        self.controller = self.choose_port("kafka-controller")

    def configure(self, cluster_id, voters):
        (self.folder / "kafka").mkdir(exist_ok=True)
        (self.folder / "kafka" / "format").write_text(f"--cluster-id\n{cluster_id}\n")
        (self.folder / "kafka" / "more.properties").write_text(f"""
node.id={self.number}
controller.quorum.voters={voters}
default.replication.factor={BROKERS}
min.insync.replicas={BROKERS - 1}
offsets.topic.replication.factor={BROKERS}
transaction.state.log.replication.factor={BROKERS}
transaction.state.log.min.isr={BROKERS - 1}
share.coordinator.state.topic.replication.factor={BROKERS}
share.coordinator.state.topic.min.isr={BROKERS - 1}
""")


class Postgres(Server):
    def __init__(self, cluster, number):
        super().__init__(cluster, "postgres", number)
        self.choose_port()

    def password(self, login):
        return (self.folder / "run" / f"{login}.password").read_text().strip()

    def sql(self, statement):
        return scalar(f"postgresql://postgres:{self.password('postgres')}@127.0.0.1:{self.port}/postgres"
                      "?connect_timeout=10", statement)

    def wait_for_commits_on(self, names):
        """Whose word a commit waits for; nobody's: an empty text."""
        self.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.sql("SELECT pg_reload_conf()")

    def become_standby_of(self, primary):
        """Anew, whatever it was; commits wait for it from now on."""
        self.library("postgres_clone", primary.port, self.name, primary.folder)
        self.start()
        primary.wait_for_commits_on(self.name)
        wait_for(lambda: primary.sql(f"SELECT 1 FROM pg_stat_replication WHERE application_name = '{self.name}'"
                                     " AND sync_state = 'sync'"), f"{self.name} is a synchronous standby")

    def promote(self):
        """Commits wait for nobody until there is a standby again."""
        self.wait_for_commits_on("")
        if self.sql("SELECT pg_promote(true, 60)") != "t":
            raise CommandFailed(f"{self.name} was not promoted within 60 s")


class Cluster(Servers):
    """As Servers, for the feed and the oracle; there is no proxy."""

    def __init__(self, binaries=DEFAULT_BIN, folder=None):
        super().__init__(binaries, folder)
        self.brokers = [Broker(self, number) for number in range(1, BROKERS + 1)]
        self.databases = [Postgres(self, number) for number in (1, 2)]
        self.primary, self.standby = self.databases

    def start(self):
        for group in ("build", "run", "kafka"):
            run([str(ROOT / "deploy" / "packages"), group], timeout=900)
        self.start_brokers()
        self.primary.start()
        self.primary.library("postgres_make_database")
        self.standby.become_standby_of(self.primary)
        self.env = {"DECLARED_KAFKA_BOOTSTRAP_SERVERS": ",".join(f"127.0.0.1:{b.port}" for b in self.brokers),
                    "DECLARED_POSTGRES_URI": self.database_uri("read-write"), "DECLARED_CONFIG": "/dev/null"}
        run([str(self.bin / "declared-broker"), "create-topics", "--bootstrap", self.bootstrap, "--timeout-s", "120",
             "--replication", str(BROKERS)])
        self.declarectl("migrate")

    def start_brokers(self):
        """Together: none is ready before most of them are."""
        voters = ",".join(f"{b.number}@127.0.0.1:{b.controller}" for b in self.brokers)
        cluster_id = secrets.token_urlsafe(16).replace("-", "_")  # one that begins with - is taken for an option
        starting = []
        for broker in self.brokers:
            broker.configure(cluster_id, voters)
            starting.append(subprocess.Popen(broker.command("kafka_start"), env={**os.environ, **SETTINGS},
                                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        for process in starting:
            _, said = process.communicate(timeout=START_S + 30)
            if process.returncode != 0:
                raise CommandFailed(said.strip())

    def database_uri(self, session):
        """What a client is given: both hosts, always in this order."""
        hosts = ",".join(f"127.0.0.1:{d.port}" for d in self.databases)
        return (f"postgresql://declared:{self.databases[0].password('declared')}@{hosts}/declared"
                f"?target_session_attrs={session}&connect_timeout=2")

    def primary_uri(self):
        """For who makes databases and uses them at once: a standby that comes first may not have them yet."""
        return (f"postgresql://declared:{self.primary.password('declared')}@127.0.0.1:{self.primary.port}/declared"
                "?connect_timeout=10")

    def in_step(self):
        """Every partition, Kafka's own included, is on all brokers."""
        lines = run([str(self.bin / "topic-replicas"), self.bootstrap], timeout=60).splitlines()
        return all(p["leader"] >= 0 and p["in_sync"] == BROKERS for p in map(json.loads, lines))

    def change_primary(self):
        """The standby is promoted; who was primary before is gone, or must be made to be."""
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary

    def stop(self, keep=False):
        for server in (*self.brokers, *self.databases):
            try:
                server.kill()
            except CommandFailed as problem:
                print(problem)
        if not keep:
            for database in self.databases:
                database.library("postgres_remove_folder")
            shutil.rmtree(self.folder, ignore_errors=True)
