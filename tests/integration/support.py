"""What the integration tests share: a pipeline of one's own, the daemon, and servers that fail.

A test is a function marked @test whose name reads as a sentence. It is given a Pipeline: a new
database, new topics and a new consumer group on the servers that the environment names
(`. .local/env`); tests/run starts them. After the test the ledger is checked, whatever it was about.

    tests/integration/test_NAME.py [--seed N] [WORD...]    the tests whose names hold a word

DECLARED_BIN names another folder of programs than build/bin. DECLARED_TEST_SLOWNESS: how many times as long as usual
everything may take, for programs that a tool slows down.
"""

import argparse
import base64
import contextlib
import datetime
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("DECLARED_BIN", os.path.join(ROOT, "build", "bin"))
LOCAL = os.environ.get("DECLARED_LOCAL_DIR", os.path.join(ROOT, ".local"))

DECLARATIONS, DESK, REJECTED = "ward-declarations", "desk-events", "ward-declarations.rejected"
SNAPSHOTS = "council-control-snapshots"
PARTITIONS = 6
SLOWNESS = float(os.environ.get("DECLARED_TEST_SLOWNESS", "1"))
STOP_WITHIN_S = 5.0 * SLOWNESS

# What a replay of the topics repeats: all but the moments, and the hashes over them.
REPLAYED = (
    "SELECT lane, lane_seq, record, topic, partition, kafka_offset, kafka_timestamp, key, payload, event_id,"
    " election_id, ballot_paper_id, source, kind, basis, revision, is_test, fate, reasons, detail, writer_schema"
    " FROM api.ledger ORDER BY lane, lane_seq",
    "SELECT lane, lane_seq, fate, reasons FROM api.declaration ORDER BY lane, lane_seq",
    "SELECT election_id, seq, status, control, outcome, majority, majority_at_least, seats, headline, ballots_held,"
    " cause, called_at IS NULL AS uncalled FROM api.council_control_history ORDER BY election_id, seq",
    "SELECT * FROM api.ballot_result ORDER BY election_id, ballot_paper_id",
    "SELECT flash_id, election_id, seq, kind, text, retracts FROM api.flash ORDER BY flash_id",
)

# Of a snapshot: when and why it was made, and not what it says.
CIRCUMSTANCES = ("seq", "recorded_at", "called_at", "cause")


# ---- waiting ---------------------------------------------------------------------------------------------

def wait_for(condition, what, timeout=30.0):
    """Calls condition() until it is true and returns what it returned. Never sleeps longer than needed."""
    deadline = time.monotonic() + timeout * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:g} s still not: {what}")
        time.sleep(0.02)


def run(arguments, env, text=None, expect=0, timeout=60):
    """Runs a program to its end; `text` goes to its standard input. Any exit code but `expect` is a failure."""
    done = subprocess.run(arguments, env=env, input=text, capture_output=True, text=True, timeout=timeout * SLOWNESS,
                          check=False)
    assert expect is None or done.returncode == expect, (
        f"{' '.join(arguments[:6])} ended with {done.returncode}, not {expect}:\n{done.stdout}{done.stderr}")
    return done


def equal(found, expected, what):
    """Fails with the differences alone, which for large values is what one wants to read."""
    if found == expected:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        differing = [key for key in {**found, **expected} if found.get(key) != expected.get(key)]
        found, expected = ({key: one.get(key) for key in differing} for one in (found, expected))
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        place = next(i for i, (a, b) in enumerate(zip(found, expected)) if a != b)
        what, found, expected = f"{what}, at {place}", found[place], expected[place]
    elif isinstance(found, list) and isinstance(expected, list):
        what = f"{what}: {len(found)}, not {len(expected)}"
        found, expected = ([x for x in a if x not in b][:5] for a, b in ((found, expected), (expected, found)))
    raise AssertionError(f"{what}:\n  found    {found}\n  expected {expected}")


# ---- the wire --------------------------------------------------------------------------------------------

def partition_of(key, partitions=PARTITIONS):
    """Java's default partitioner: murmur2, positive, modulo."""
    data, mask = key.encode(), 0xFFFFFFFF
    mixer, value = 0x5BD1E995, 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        word = int.from_bytes(data[i:i + 4], "little") * mixer & mask
        word = (word ^ word >> 24) * mixer & mask
        value = (value * mixer & mask) ^ word
    if len(data) > whole:
        value = (value ^ int.from_bytes(data[whole:], "little")) * mixer & mask
    value = (value ^ value >> 13) * mixer & mask
    return ((value ^ value >> 15) & 0x7FFFFFFF) % partitions


def encoded(data):
    return None if data is None else base64.b64encode(data).decode()


def decoded(text):
    return None if text is None else base64.b64decode(text)


class Record:
    """A Kafka record as topic-dump tells it, or as topic-send is to send it (partition -1: by the key)."""

    def __init__(self, topic, key, value, partition=-1, offset=None, headers=None):
        self.topic, self.key, self.value = topic, key, value
        self.partition, self.offset, self.headers = partition, offset, headers or {}


# ---- the servers -----------------------------------------------------------------------------------------

def local(*arguments):
    """deploy/local, on the set of servers that these tests run on."""
    env = dict(os.environ, DECLARED_LOCAL_DIR=LOCAL)
    return run([os.path.join(ROOT, "deploy", "local"), *arguments], env, timeout=120)


def server_pids(server):
    """The server's processes, the one that was started first."""
    with open(os.path.join(LOCAL, "run", server + ".pid"), encoding="ascii") as file:
        first = int(file.read().split()[0])
    pids = [first]
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == first:
                    pids.append(int(name))
    return pids


@contextlib.contextmanager
def frozen(server):
    """The server hangs: connections stay, answers do not come."""
    pids = server_pids(server)
    try:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # an idle helper of PostgreSQL may just have ended
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def down(server):
    """The server is killed, and started again at the end."""
    local("stop", server, "--kill")
    try:
        yield
    finally:
        local("start", server)


# ---- the daemon ------------------------------------------------------------------------------------------

class Daemon:
    """A running `declared`, its standard error in a file."""

    def __init__(self, number, env, settings):
        self.number = number
        self.log_file = tempfile.NamedTemporaryFile(prefix="declared-", suffix=".log")
        options = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        self.process = subprocess.Popen([os.path.join(BIN, "declared"), *options], env=env, stdin=subprocess.DEVNULL,
                                        stdout=self.log_file, stderr=subprocess.STDOUT)

    def log(self):
        with open(self.log_file.name, encoding="utf-8") as file:
            return file.read()

    def lines(self, text):
        return [line for line in self.log().splitlines() if text in line]

    def wait_for_line(self, text, timeout=30.0, times=1):
        def seen():
            assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}:\n{self.log()}"
            return len(self.lines(text)) >= times
        wait_for(seen, f"'{text}' in the daemon's log", timeout)

    def wait_until_reading(self):
        self.wait_for_line("info reading ")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; it must end within 5 s and with 0. Returns how long it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"SIGTERM, and {STOP_WITHIN_S} s later it still runs") from None
        assert code == 0, f"SIGTERM ended it with {code}"
        return time.monotonic() - began


# ---- the database ----------------------------------------------------------------------------------------

class Session:
    """A psql that stays, for tests ask often. A server that was away meanwhile makes it begin anew."""

    END = "-- end of the answer"

    def __init__(self, env):
        self.env, self.client = env, None

    def ask(self, query):
        answer = self.attempt(query)
        if answer is None:
            answer = self.attempt(query)
        assert answer is not None, f"PostgreSQL does not answer: {query}"
        return answer

    def attempt(self, query):
        """The answer's lines; None: the connection is lost."""
        if self.client is None:
            self.client = subprocess.Popen(
                ["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1"], env=self.env, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = []
        with contextlib.suppress(BrokenPipeError):
            self.client.stdin.write(f"{query};\n\\echo {self.END}\n")
            self.client.stdin.flush()
        for line in self.client.stdout:
            if line.rstrip("\n") == self.END:
                return "".join(lines)
            lines.append(line)
        said = "".join(lines)
        self.close()
        assert "ERROR:" not in said, f"{said}{query}"
        return None

    def close(self):
        if self.client is not None:
            with contextlib.suppress(BrokenPipeError):
                self.client.stdin.close()
            self.client.wait()
            self.client.stdout.close()
            self.client = None


# ---- the pipeline ----------------------------------------------------------------------------------------

class Pipeline:
    """A database, topics and a consumer group that no other test has touched, and the programs that use them."""

    made = 0

    def __init__(self, migrated=True, own_topics=True, copy_of=None):
        """`copy_of`: the name of a database that nobody has open."""
        Pipeline.made += 1
        self.name = f"declared_test_{os.getpid()}_{Pipeline.made}"
        self.server = urllib.parse.urlsplit(needed("DECLARED_POSTGRES_URI"))
        self.bootstrap = needed("DECLARED_KAFKA_BOOTSTRAP_SERVERS")
        self.uri = self.server._replace(path="/" + self.name).geturl()
        env = {name: value for name, value in os.environ.items() if not name.startswith("DECLARED_")}
        self.env = dict(env, DECLARED_POSTGRES_URI=self.uri, DECLARED_KAFKA_BOOTSTRAP_SERVERS=self.bootstrap,
                        DECLARED_CONFIG="/dev/null", PGOPTIONS="-c timezone=UTC")
        self.session = Session(self.env_of_psql(self.name))
        self.daemons = []
        self.sent = 0  # records on the input topics
        self.migrated, self.own_topics, self.copy_of = migrated and copy_of is None, own_topics, copy_of

    def renew_topics(self):
        for command in ("delete-topics", "create-topics"):
            run([os.path.join(BIN, "declared-broker"), command, "--bootstrap", self.bootstrap], self.env)

    def __enter__(self):
        if self.own_topics:
            self.renew_topics()
        template = f" TEMPLATE {self.copy_of}" if self.copy_of else ""
        self.psql(f"CREATE DATABASE {self.name}{template}", self.server.path[1:])
        if self.migrated:
            self.ctl("migrate")
        return self

    def __exit__(self, problem, *_):
        for daemon in self.daemons:
            daemon.kill()
        if problem is None:
            self.psql(f"DROP DATABASE {self.name}", self.server.path[1:])

    def last_words(self):
        return f"--- database {self.name} is kept\n" + "".join(
            f"--- log of daemon {daemon.number}, its end\n" + "".join(daemon.log().splitlines(True)[-15:])
            for daemon in self.daemons)

    # Programs.

    def ctl(self, *arguments, text=None, expect=0):
        return run([os.path.join(BIN, "declarectl"), *arguments], self.env, text, expect)

    def ctl_json(self, *arguments):
        return json.loads(self.ctl(*arguments, "--json").stdout)

    def daemon(self, **settings):
        """Starts one: daemon(workers=2) sets [daemon] workers, daemon(kafka__group_id="x") [kafka] group.id."""
        named = {"kafka.group.id": self.name}
        for name, value in settings.items():
            section, _, key = name.rpartition("__")
            named[f"{section or 'daemon'}.{key.replace('_', '.') if section == 'kafka' else key}"] = value
        self.daemons.append(Daemon(len(self.daemons) + 1, self.env, named))
        return self.daemons[-1]

    # Into Kafka.

    def load(self, reference, by="desk"):
        """A reference, as a dictionary."""
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(reference, file)
            file.flush()
            self.ctl("reference", "load", file.name, "--by", by)
        self.sent += len(reference["councils"])

    def publish(self, declarations):
        """Lines, or declarations as dictionaries."""
        lines = [line if isinstance(line, str) else json.dumps(line) for line in declarations]
        self.ctl("publish", "-", text="\n".join(lines))
        self.sent += len(lines)

    def send(self, records):
        lines = [json.dumps({"topic": r.topic, "partition": r.partition, "key": encoded(r.key),
                             "value": encoded(r.value)}) for r in records]
        run([os.path.join(BIN, "topic-send"), self.bootstrap], self.env, "\n".join(lines))
        self.sent += sum(r.topic in (DECLARATIONS, DESK) for r in records)

    def decide(self, decision, position, by="desk", note="checked"):
        self.ctl(decision, position, "--by", by, "--note", note)
        self.sent += 1

    # Out of Kafka.

    def dump(self, topic):
        lines = run([os.path.join(BIN, "topic-dump"), self.bootstrap, topic], self.env).stdout.splitlines()
        return [Record(topic, decoded(r["key"]), decoded(r["value"]), r["partition"], r["offset"],
                       {name: decoded(value) for name, value in r["headers"].items()}) for r in map(json.loads, lines)]

    # Out of the database.

    def env_of_psql(self, database):
        server = self.server
        return dict(self.env, PGHOST=server.hostname, PGPORT=str(server.port), PGUSER=server.username,
                    PGPASSWORD=server.password or "", PGDATABASE=database, PGCONNECT_TIMEOUT="10")

    def psql(self, sql, database=None):
        """A statement by itself; one about databases finds this one without a session."""
        self.session.close()
        return run(["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", sql],
                   self.env_of_psql(database or self.name)).stdout

    def rows(self, query):
        return json.loads(self.session.ask(f"SELECT coalesce(json_agg(t), '[]') FROM ({query}) t"))

    def value(self, query):
        (row,) = self.rows(query)
        (value,) = row.values()
        return value

    def ledger_count(self):
        return self.value("SELECT count(*) FROM api.ledger")

    def wait_until_applied(self, timeout=60.0):
        """Until every record that was sent has its row."""
        def applied():
            for daemon in self.daemons:
                code = daemon.process.poll()
                assert code in (None, 0, -signal.SIGKILL), f"a daemon ended with {code}:\n{daemon.log()}"
            count = self.ledger_count()
            assert count <= self.sent, f"{count} rows of {self.sent} records"
            return count == self.sent
        wait_for(applied, f"{self.sent} records applied", timeout)

    def wait_until_told(self):
        """Until all that the rows caused has left for Kafka."""
        wait_for(lambda: self.value("SELECT bool_and(outbox_lane_seq = lane_seq) FROM declared.lane"),
                 "everything is told")

    def control(self, election, schema="api"):
        (row,) = self.rows(f"SELECT * FROM {schema}.council_control WHERE election_id = '{election}'")
        return row

    def history(self, election, schema="api"):
        return self.rows(f"SELECT * FROM {schema}.council_control_history"
                         f" WHERE election_id = '{election}' ORDER BY seq")

    def fates(self, schema="api"):
        """How many declarations have which fate now."""
        return {row["fate"]: row["n"]
                for row in self.rows(f"SELECT fate, count(*) AS n FROM {schema}.declaration GROUP BY fate")}

    # What is true of every ledger.

    def check_against_replay(self):
        """Everything is as a quiet daemon makes it of the same topics in a database of its own."""
        with Pipeline(own_topics=False) as quiet:
            quiet.sent = self.sent
            quiet.daemon()
            quiet.wait_until_applied()
            for query in REPLAYED:
                digest = f"SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) AS digest FROM ({query}) t"
                if self.value(digest) != quiet.value(digest):
                    equal(self.rows(query), quiet.rows(query), query)

    def check(self):
        rows = self.rows("SELECT * FROM api.ledger ORDER BY lane, lane_seq")
        check_positions(rows)
        check_chain(rows)
        heads = {row["lane"]: row for row in self.rows("SELECT * FROM declared.lane")}
        check_heads(rows, heads)
        for schema in ("api", "api_test"):
            for row in self.rows("SELECT election_id, count(*) AS n, min(seq) AS first, max(seq) AS last "
                                 f"FROM {schema}.council_control_history GROUP BY election_id"):
                assert row["first"] == 1 and row["last"] == row["n"], f"snapshots with a gap: {row}"


def content(snapshot):
    return {name: value for name, value in snapshot.items() if name not in CIRCUMSTANCES}


def needed(name):
    value = os.environ.get(name)
    if not value:
        sys.exit(f"{name} is not set; start servers with deploy/local up, then: . .local/env")
    return value


# ---- the ledger ------------------------------------------------------------------------------------------

def check_positions(rows):
    """Every record once: of each topic and partition the offsets from 0 on, and a lane is a partition."""
    offsets = {}
    for row in rows:
        offsets.setdefault((row["topic"], row["partition"]), []).append(row["kafka_offset"])
        assert row["lane"] == row["partition"], row
    for place, found in offsets.items():
        # Within a lane the order of its rows is that of each topic.
        assert found == list(range(len(found))), f"{place}: a gap, a double or disorder in {found[:50]}"


def moment(text):
    when = datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def hashed_form(name, value):
    """A column's bytes in the hash, by its documented text form (services/aggregator/rows.h)."""
    if value is None:
        return None
    if name in ("key", "payload", "prev_hash", "entry_hash"):
        return bytes.fromhex(value[2:])
    if name in ("kafka_timestamp", "received_at"):
        return moment(value).encode()
    if name == "is_test":
        return b"true" if value else b"false"
    if name == "reasons":
        return ("{" + ",".join(value) + "}").encode()
    return str(value).encode()


def entry_hash(row):
    digest = hashlib.sha256(hashed_form("prev_hash", row["prev_hash"]))
    for name, value in row.items():
        if name not in ("prev_hash", "entry_hash"):
            form = hashed_form(name, value)
            digest.update(b"\1\0\0\0\0" if form is None else b"\0" + len(form).to_bytes(4, "big") + form)
    return digest.digest()


def check_chain(rows):
    """lane_seq from 1 without gaps, and each row's hash over the one before it and its own columns."""
    newest = {}
    for row in rows:
        seq, head, received_at = newest.get(row["lane"], (0, bytes(32), ""))
        where = f"lane {row['lane']}, lane_seq {row['lane_seq']}"
        assert row["lane_seq"] == seq + 1, f"{where} follows {seq}"
        assert hashed_form("prev_hash", row["prev_hash"]) == head, f"{where}: prev_hash is not the hash before it"
        entry = entry_hash(row)
        assert hashed_form("entry_hash", row["entry_hash"]) == entry, f"{where}: entry_hash is not that of the row"
        assert moment(row["received_at"]) >= received_at, f"{where}: received_at goes back"
        newest[row["lane"]] = (row["lane_seq"], entry, moment(row["received_at"]))


def check_heads(rows, heads):
    """The lane rows say what the ledger says."""
    newest = {row["lane"]: row for row in rows}
    for lane, row in newest.items():
        head = heads[lane]
        assert (head["lane_seq"], head["head_hash"]) == (row["lane_seq"], row["entry_hash"]), f"lane {lane}: {head}"
        for column, topic in (("declarations_next", DECLARATIONS), ("desk_next", DESK)):
            count = sum(r["lane"] == lane and r["topic"] == topic for r in rows)
            assert max(head[column], 0) == count, f"lane {lane}: {column} is {head[column]} after {count} records"


# ---- the Medway night ------------------------------------------------------------------------------------

MEDWAY, MEDWAY_COUNCIL = "local.medway.2023-05-04", "E06000035"
MEDWAY_PARTITION = partition_of(MEDWAY_COUNCIL)


def medway_file(name):
    return os.path.join(ROOT, "deploy", "demo-data", "medway-2023", name)


def medway_reference():
    with open(medway_file("reference.json"), encoding="utf-8") as file:
        return json.load(file)


def medway_declarations():
    with open(medway_file("declarations.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# ---- running ---------------------------------------------------------------------------------------------

TESTS = []
SEED = 0


def test(function):
    TESTS.append(function)
    return function


def without_migration(function):
    """The test's database is empty when it begins."""
    function.migrated = False
    return function


def without_topics(function):
    """The test leaves Kafka alone."""
    function.own_topics = False
    return function


def after(preparation):
    """What the test compares with, and keeps for others: made before its pipeline, for topics are shared."""
    def mark(function):
        function.preparation = preparation
        return function
    return mark


def seeded(name):
    """Randomness that --seed repeats; printed, so that the log of a failure says what to repeat."""
    print(f"       seed {SEED} ({name})")
    return random.Random(f"{SEED} {name}")


def run_one(function, pipeline_class):
    pipeline = None
    try:
        getattr(function, "preparation", lambda: None)()
        pipeline = pipeline_class(getattr(function, "migrated", True), getattr(function, "own_topics", True))
        with pipeline:
            function(pipeline)
            pipeline.check()
        return None
    except Exception:  # pylint: disable=broad-except
        return traceback.format_exc() + (pipeline.last_words() if pipeline else "")


def main(pipeline_class=Pipeline):
    global SEED  # pylint: disable=global-statement
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("words", nargs="*", metavar="WORD")
    options = parser.parse_args()
    SEED = options.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that frozen servers wake
    failures = []
    chosen = [f for f in TESTS if not options.words or any(word in f.__name__ for word in options.words)]
    for function in chosen:
        began = time.monotonic()
        problem = run_one(function, pipeline_class)
        name = function.__name__.replace("_", " ")
        print(f"{'ok' if problem is None else 'FAILED':6} {name}  {time.monotonic() - began:.1f} s", flush=True)
        if problem is not None:
            failures.append(f"\n=== {name}\n{problem}")
    print("".join(failures))
    print(f"{len(chosen) - len(failures)} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)
