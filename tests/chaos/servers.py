"""The servers under the chaos: a Kafka and a PostgreSQL of deploy/local in a folder of their own, and the proxy."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_BIN = Path(os.environ.get("DECLARED_BIN", ROOT / "build" / "bin"))
TOPICS = ("ward-declarations", "desk-events")
REJECTED = "ward-declarations.rejected"


class CommandFailed(Exception):
    pass


def run(command, *, env=None, text=None, timeout=180):
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=timeout, check=False,
                          env={**os.environ, **(env or {})})
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-600:]
        raise CommandFailed(f"{' '.join(map(str, command[:3]))}: exit {done.returncode}: {said}")
    return done.stdout


def query(uri, sql):
    """Rows as JSON values, one at a time, of a SELECT that gives one JSON column."""
    process = subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", uri, "-c", f"COPY ({sql}) TO STDOUT"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    for line in process.stdout:
        yield json.loads(line.replace("\\\\", "\\"))  # COPY doubles backslashes; JSON has no other control
    said = process.stderr.read().strip()
    if process.wait() != 0:
        raise CommandFailed(f"psql: {said}")


def rows(uri, sql):
    """The same, of any SELECT: a dictionary a row."""
    return query(uri, f"SELECT row_to_json(r) FROM ({sql}) r")


def scalar(uri, sql):
    return run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", uri, "-c", sql], timeout=30).strip()


class Servers:
    """`folder` is deploy/local's; removed in the end unless `keep`."""

    def __init__(self, binaries=DEFAULT_BIN, folder=None):
        self.bin = Path(binaries)
        self.folder = Path(folder or tempfile.mkdtemp(prefix="declared-chaos-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)  # PostgreSQL runs as somebody else
        self.env = {}
        self.proxy = None

    def local(self, *arguments):
        run([str(ROOT / "deploy" / "local"), *arguments], env={"DECLARED_LOCAL_DIR": str(self.folder)})

    def start(self):
        for group in ("build", "run", "kafka"):
            run([str(ROOT / "deploy" / "packages"), group], timeout=900)
        self.local("start", "kafka")
        self.local("start", "postgres")
        for line in (self.folder / "env").read_text().splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.env[name] = value
        run([str(self.bin / "declared-broker"), "create-topics", "--bootstrap", self.bootstrap, "--timeout-s", "60"])
        self.declarectl("migrate")
        self.proxy = Proxy(self.folder / "proxy.sock")

    def stop(self, keep=False):
        if self.proxy is not None:
            self.proxy.stop()
        self.local("down", *(["--keep"] if keep else []))
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def bootstrap(self):
        return self.env["DECLARED_KAFKA_BOOTSTRAP_SERVERS"]

    @property
    def uri(self):
        return self.env["DECLARED_POSTGRES_URI"]

    def port(self, name):
        return int((self.folder / "run" / f"{name}.port").read_text())

    def declarectl(self, *arguments, env=None, text=None):
        return run([str(self.bin / "declarectl"), *arguments], env={**self.env, **(env or {})}, text=text)

    def superuser_uri(self):
        password = (self.folder / "run" / "postgres.password").read_text().strip()
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port('postgres')}/declared"

    def kill_backend(self, pid):
        """As if it had crashed: the postmaster ends all others and recovers."""
        os.kill(pid, signal.SIGKILL)


def through_port(uri, port):
    """The same database by another port, without a handshake that the proxy would have to understand."""
    parts = urlsplit(uri)
    netloc = f"{parts.netloc.rpartition(':')[0]}:{port}"
    return parts._replace(netloc=netloc, query="sslmode=disable&gssencmode=disable").geturl()


class Proxy:
    def __init__(self, control):
        script = Path(__file__).with_name("proxy.py")
        self.process = subprocess.Popen([sys.executable, str(script), str(control)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise CommandFailed("the proxy did not start")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(control))
        self.answers = self.socket.makefile()

    def ask(self, do, link, **arguments):
        self.socket.sendall(json.dumps({"do": do, "link": link, **arguments}).encode() + b"\n")
        answer = json.loads(self.answers.readline())
        if "error" in answer:
            raise CommandFailed(f"proxy: {answer['error']}")
        return answer

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
