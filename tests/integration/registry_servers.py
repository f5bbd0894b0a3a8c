"""Schema registries for the tests: a real one, Apicurio's with its Confluent-compatible API, and a stand-in that
answers what no real one can be made to answer."""

import base64
import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.request

import support

VERSION = "2.6.13.Final"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
OWN_IDS = 3  # those of schemas/avro/ids.json, which no registry is asked for


class Missing(Exception):
    """The real registry cannot be had here."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def apicurio_folder():
    """Its jars, from Maven Central the first time (140 MB); a folder is complete or not there."""
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "declared")
    folder = os.path.join(cache, "apicurio-" + VERSION)
    if not os.path.isdir(folder):
        if shutil.which("mvn") is None or shutil.which("java") is None:
            raise Missing("Java and Maven are not installed: run deploy/packages kafka")
        os.makedirs(cache, exist_ok=True)
        part = tempfile.mkdtemp(prefix=f"apicurio-{VERSION}.", dir=cache)
        done = subprocess.run(["mvn", "--batch-mode", "--quiet", PLUGIN, f"-DoutputDirectory={part}",
                               f"-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"],
                              cwd=part, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500,
                              check=False)
        if done.returncode != 0:
            shutil.rmtree(part)
            raise Missing("Apicurio Registry cannot be had from Maven Central: " + done.stdout.strip()[-300:])
        shutil.unpack_archive(os.path.join(part, f"apicurio-registry-app-{VERSION}-all.tar.gz"), part)
        os.rename(part, folder)
    return folder


class Apicurio:
    """It keeps its schemas in a file, so that they outlive a kill."""

    def __init__(self):
        self.folder, self.data = apicurio_folder(), tempfile.mkdtemp(prefix="declared-registry-")
        self.port, self.process = free_port(), None
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def start(self):
        env = dict(os.environ, QUARKUS_HTTP_PORT=str(self.port), QUARKUS_HTTP_HOST="127.0.0.1",
                   REGISTRY_DATASOURCE_URL=f"jdbc:h2:file:{self.data}/schemas;WRITE_DELAY=0")
        with open(os.path.join(self.data, "log"), "ab") as log:
            self.process = subprocess.Popen(
                ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", f"apicurio-registry-app-{VERSION}-runner.jar"],
                cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        support.wait_for(self.answers, "Apicurio answers", 180)
        return self

    def answers(self):
        assert self.process.poll() is None, f"Apicurio ended; see {self.data}/log"
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(self.url + "/subjects", timeout=5) as answer:
                return answer.status == 200
        return False

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def clear(self):
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    @contextlib.contextmanager
    def frozen(self):
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def register(self, subject, schema, **more):
        """The new schema's id."""
        schema = schema if isinstance(schema, str) else json.dumps(schema)
        request = urllib.request.Request(
            f"{self.url}/subjects/{subject}/versions", json.dumps({"schema": schema, **more}).encode(),
            {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["id"]


# ---- the stand-in ----------------------------------------------------------------------------------------

class StandInRegistry:
    """Answers each question by `answer`: a function of the path that gives (status, body). No real registry: for
    answers that are late, wrong, endless, or none."""

    def __init__(self, tls=None):
        outer = self
        self.answer, self.asked, self.login, self.closing = (lambda path: (404, b"")), [], None, False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # headers and body are two writes

            def do_GET(self):  # noqa: N802, the name is the library's
                outer.asked.append(self.path)
                status, body = outer.answer(self.path)
                if outer.login is not None and self.headers.get("Authorization") != outer.login:
                    status, body = 401, b"who are you?"
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    if isinstance(body, bytes):
                        self.send_header("Content-Length", str(len(body)))
                        self.end_headers()
                        self.wfile.write(body)
                    else:  # pieces, until the client has enough
                        self.close_connection = True
                        self.send_header("Connection", "close")
                        self.end_headers()
                        for piece in body:
                            self.wfile.write(piece)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):  # clients that end, or do not like what they see
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing = True
        self.server.shutdown()
        self.server.server_close()

    def want_login(self, user, password):
        self.login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def wait_until_asked(self, times=1):
        support.wait_for(lambda: len(self.asked) >= times, f"{times} questions to the registry")

    def endless(self, begin):
        def pieces():
            yield begin
            while not self.closing:
                yield b" " * 65536
        return pieces()

    def held_back(self, release, body):
        """Sends nothing before `release` (a threading.Event) is set."""
        def pieces():
            while not release.wait(0.05) and not self.closing:
                pass
            yield body
        return pieces()


def schema_answer(schema, **more):
    return json.dumps({"schema": json.dumps(schema), **more}).encode()


def self_signed_certificate(folder):
    """A file with a key and a certificate for 127.0.0.1 that no authority vouches for."""
    path = os.path.join(folder, "registry.pem")
    support.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                 "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path + ".key", "-out", path + ".crt"],
                dict(os.environ))
    with open(path, "w", encoding="ascii") as file:
        for part in (".key", ".crt"):
            with open(path + part, encoding="ascii") as source:
                file.write(source.read())
    return path, path + ".crt"
