"""The peers: what a user would otherwise write, on the same topic, into the same tables, with as many workers.

Each is fetched and built when it is wanted, at pinned versions; where that cannot be, a line says so and it is left
out. A slow peer need not read the whole night: it is ended after `limit` declarations, and its rate is that of those.
What it wrote is then held against what the daemon wrote of the same records.
"""

import contextlib
import hashlib
import subprocess
import sys

import bed
import catchup

HERE = bed.ROOT / "tests" / "bench"
PYTHON = bed.FOLDER / "python"
JAVA_JAR = bed.FOLDER / "java" / "target" / "peer.jar"
LEAVES_OUT = ("leave out the desk's decisions, judging anew what was held, facts, flashes, headlines, the way back to"
              " Kafka, takeover")
COMPARED = ("SELECT election_id, seq, concat_ws('|', status, control, outcome, gained_from, previous_control_lost,"
            " majority, majority_at_least, largest_party, seats_declared, seats_to_come, seats_postponed,"
            " ballots_declared, ballots_held, votes_complete, seats::text) AS says"
            " FROM declared.snapshot WHERE NOT is_test ORDER BY election_id, seq")


class Missing(Exception):
    pass


def attempt(what, *command, cwd=None):
    try:
        done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=600,
                              check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Missing(f"{what}: {problem}") from None
    if done.returncode != 0:
        raise Missing(f"{what}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")


def make_python():
    """The command of the Python peer, a process for each share of the lanes."""
    wanted = (HERE / "peer_python" / "requirements.txt").read_text()
    stamp = PYTHON / "requirements.done"
    if not stamp.exists() or stamp.read_text() != wanted:
        attempt("a virtual environment", sys.executable, "-m", "venv", "--clear", PYTHON)
        attempt("packages from PyPI", PYTHON / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r",
                HERE / "peer_python" / "requirements.txt")
        stamp.write_text(wanted)
    program = [PYTHON / "bin" / "python", HERE / "peer_python" / "peer.py"]
    return lambda shares: [[*program, "--lanes", share] for share in shares]


def make_java():
    """The command of the Java peer, a thread for each share of the lanes."""
    attempt("javac", "javac", "--version")
    attempt("Maven, or jars from Maven Central", "mvn", "--batch-mode", "--quiet", f"-DbuildFolder={JAVA_JAR.parent}",
            "package", cwd=HERE / "peer_java")
    program = ["java", "-Xmx512m", "-jar", JAVA_JAR, "--schemas", bed.ROOT / "schemas" / "avro"]
    return lambda shares: [[*program, *(word for share in shares for word in ("--lanes", share))]]


MAKERS = {"python": make_python, "java": make_java}


def shares(workers):
    """The lanes of each worker, as a range assignment deals them."""
    lanes, each = list(range(bed.PARTITIONS)), -(-bed.PARTITIONS // workers)
    return [",".join(map(str, lanes[i:i + each])) for i in range(0, len(lanes), each)]


@contextlib.contextmanager
def running(commands, env):
    """Processes that are ended in the end. What they say is kept in a file."""
    log = bed.FOLDER / "peer.log"
    with open(log, "w", encoding="utf-8") as out:
        processes = [subprocess.Popen([*map(str, command)], env=env, stdout=out, stderr=out) for command in commands]
        try:
            yield processes
        finally:
            for process in processes:
                process.kill()
                process.wait()


def snapshots_of(pipeline):
    """(election, seq) -> what it says, shortened."""
    text = pipeline.session.ask(f"COPY ({COMPARED}) TO STDOUT")
    found = {}
    for line in text.splitlines():
        election, seq, says = line.split("\t", 2)
        found[election, int(seq)] = hashlib.md5(says.encode()).digest()
    return found


def run_peer(commands, night, workers, limit, ours):
    with bed.database() as pipeline:
        bed.settle()
        meters = bed.Meter(postgres=bed.server_pid("postgres"))
        with running(commands(shares(workers)), pipeline.env) as processes:
            def alive(_):
                if any(process.poll() is not None for process in processes):
                    raise RuntimeError("a peer ended: " + (bed.FOLDER / "peer.log").read_text()[-1500:])
            ended = bed.await_rows(pipeline, night.councils + limit, seen=alive)
            rows = bed.lane_rows(pipeline) - night.councils
            used = [bed.usage(process.pid) for process in processes]
            postgres = meters.read()["postgres"]
        seconds = ended - float(pipeline.value(catchup.FIRST))
        theirs = snapshots_of(pipeline)
    differing = sum(ours.get(place) != says for place, says in theirs.items())
    return {
        "workers": workers, "declarations": rows, "seconds": seconds, "rate": rows / seconds,
        "cpu_us_per_declaration": {"peer": sum(u.cpu_s for u in used) * 1e6 / rows,
                                   "postgres": postgres.cpu_s * 1e6 / rows},
        "peak_bytes": sum(u.peak for u in used), "snapshots": len(theirs), "snapshots_that_differ": differing,
    }


def measure(night, workers, limits, repeats):
    """The night is in the topics. Of each peer its best number of workers counts."""
    with bed.database() as pipeline:
        catchup.run_daemon(pipeline, night, 2)
        ours = snapshots_of(pipeline)
    results = {"leaves_out": LEAVES_OUT}
    for name, limit in limits.items():
        try:
            commands = MAKERS[name]()
        except Missing as problem:
            results[name] = {"left_out": str(problem)}
            bed.say(f"  left out: the {name} peer, for want of {problem}")
            continue
        by_workers = {count: [run_peer(commands, night, count, min(limit, night.declarations), ours)
                              for _ in range(repeats)]
                      for count in workers}
        best = max(by_workers, key=lambda count: max(run["rate"] for run in by_workers[count]))
        results[name] = {"workers": best, "rate": catchup.spread([run["rate"] for run in by_workers[best]]),
                         "runs": [run for runs in by_workers.values() for run in runs]}
    return results
