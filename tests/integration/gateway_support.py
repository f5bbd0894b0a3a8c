"""What tests of `declared-gateway` share: the running server, requests, and clients of its stream."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading

from support import BIN, STOP_WITHIN_S, equal, run, wait_for


class Reader:
    """A login with the role declared_reader and nothing else."""

    def __init__(self, pipeline):
        self.pipeline, self.name = pipeline, f"{pipeline.name}_reader"
        pipeline.psql(f"CREATE ROLE {self.name} LOGIN PASSWORD 'secret' IN ROLE declared_reader")
        address = f"{self.name}:secret@{pipeline.server.hostname}:{pipeline.server.port}"
        self.uri = pipeline.server._replace(netloc=address, path="/" + pipeline.name).geturl()

    def drop(self):
        self.pipeline.psql(f"DROP ROLE {self.name}")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:300]!r}"


class Gateway:
    """A running `declared-gateway` on a free port, its log in a file."""

    def __init__(self, env, **settings):
        self.env = env
        self.log_file = tempfile.NamedTemporaryFile(prefix="declared-gateway-", suffix=".log")
        named = {"gateway.listen": "127.0.0.1:0"}
        named.update({name.replace("__", "."): value for name, value in settings.items()})
        options = [word for name, value in named.items() for word in ("--set", f"{name}={value}")]
        self.process = subprocess.Popen([os.path.join(BIN, "declared-gateway"), *options], env=env,
                                        stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=subprocess.STDOUT)
        wait_for(self.listens, "the gateway listens")
        self.port = int(re.search(r"listens on http://127\.0\.0\.1:(\d+)", self.log())[1])
        self.address = f"http://127.0.0.1:{self.port}"

    def listens(self):
        self.check_alive()
        return "listens on" in self.log()

    def check_alive(self):
        assert self.process.poll() is None, f"the gateway ended with {self.process.returncode}:\n{self.log()}"

    def log(self):
        with open(self.log_file.name, encoding="utf-8") as file:
            return file.read()

    def request(self, target, method="GET", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, target, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def get(self, target, status=200, **headers):
        answer = self.request(target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert answer.status == status, f"GET {target}: {answer}"
        return answer

    def json(self, target):
        return self.get(target).json()

    def curl(self, target):
        """As a graphics machine asks: no header of its own, nothing but the address."""
        return run(["curl", "--silent", "--show-error", "--fail", self.address + target], self.env).stdout

    def metric(self, name):
        text = self.get("/metrics").body.decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])

    def wait_until_ready(self):
        wait_for(lambda: self.request("/readyz").status == 200 and self.metric("declared_gateway_database_up") == 1,
                 "the gateway is ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; it must end within 5 s and with 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"SIGTERM, and {STOP_WITHIN_S} s later the gateway runs:\n{self.log()}") from None
        assert code == 0, f"SIGTERM ended the gateway with {code}:\n{self.log()}"


@contextlib.contextmanager
def gateway(pipeline, **settings):
    """A gateway as declared_reader, ready."""
    reader = Reader(pipeline)
    server = None
    try:
        server = Gateway(dict(pipeline.env, DECLARED_POSTGRES_URI=reader.uri), **settings)
        server.wait_until_ready()
        yield server
        server.check_alive()
        server.stop()
    except BaseException:
        if server is not None:
            print(f"--- log of the gateway, its end\n{''.join(server.log().splitlines(True)[-15:])}")
        raise
    finally:
        if server is not None:
            server.kill()
        reader.drop()


# ---- the stream ------------------------------------------------------------------------------------------

class Event:
    def __init__(self, id_, kind, data):
        self.id, self.kind, self.data = id_, kind, data

    def place(self):
        """What it is, wherever and whenever it is told."""
        return (self.data["election_id"], self.data["seq"], self.kind, json.dumps(self.data, sort_keys=True))


class Follower:
    """A client of a stream in a thread of its own. What it has had, and the id to go on from, outlive its
    connections."""

    def __init__(self, server, target="/v1/stream", last_event_id=None):
        self.server, self.target = server, target
        self.last_event_id = last_event_id
        self.events = []
        self.problem = None
        self.connection = None
        self.thread = None

    def connect(self):
        self.connect_without_id()
        assert self.opened.wait(30), "the stream does not open"
        assert self.problem is None, self.problem
        return self

    def connect_without_id(self):
        """Does not wait until the stream has said where it is."""
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.opened = threading.Event()
        self.thread.start()
        return self

    def follow(self):
        try:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
            headers = {"Last-Event-ID": self.last_event_id} if self.last_event_id else {}
            self.connection.request("GET", self.target, headers=headers)
            answer = self.connection.getresponse()
            assert answer.status == 200, Answer(answer.status, answer.headers, answer.read())
            equal(answer.headers["Content-Type"], "text/event-stream; charset=utf-8", "the stream's type")
            self.read_events(answer)
        except (OSError, http.client.HTTPException):
            pass  # cut off; the next connection goes on
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem
        self.opened.set()

    def read_events(self, file):
        id_, kind, data = self.last_event_id, None, None
        for line in file:
            if not line.endswith(b"\n"):
                return  # cut off within a line, which then does not count
            name, _, value = line.rstrip(b"\n").decode().partition(": ")
            if name == "id":
                id_ = value
            elif name == "event":
                kind = value
            elif name == "data":
                data = value
            elif line == b"\n":
                # The id moves with the empty line, whether there was an event or not.
                if data is not None:
                    self.events.append(Event(id_, kind, json.loads(data)))
                self.last_event_id = id_
                if id_ is not None:
                    self.opened.set()
                kind = data = None

    def cut(self):
        """As if the machine were unplugged: what has not been read is lost."""
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.connection.close()
        assert self.problem is None, self.problem

    def count(self):
        return len(self.events)


def expected_events(pipeline, schema="api", where="true"):
    """What a complete stream has told, election by election, from the views that SQL readers have."""
    rows = pipeline.rows(f"SELECT kind, data FROM {schema}.event WHERE {where} ORDER BY lane, lane_seq, n")
    return by_election([Event(None, row["kind"], row["data"]) for row in rows])


def by_election(events):
    told = {}
    for event in events:
        told.setdefault(event.data["election_id"], []).append(event.place())
    return told
