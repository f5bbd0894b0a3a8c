"""A PostgreSQL and a Kafka that speak TLS and nothing else, with passwords by SCRAM and, on Kafka, an authorizer.

They lie in a folder of their own, with certificates made here, on ports of their own. Logins are those of USERS.
"""

import contextlib
import ctypes
import glob
import os
import random
import re
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

import support
from support import run

HOST = "localhost"
USERS = ("daemon", "desk", "feed", "reader")  # of Kafka; the administrator has a certificate instead
KAFKA_NAME = "kafka-one"  # the broker's own


def openssl(*arguments, text=None):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, input=text, text=True)


class Authority:
    """Certificates of one authority, in a folder: ca.pem, and NAME.pem with NAME.key beside it."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=an authority of this test",
                "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, host):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", self.path(f"{name}.key"),
                "-out", self.path(f"{name}.csr"))
        with open(self.path(f"{name}.ext"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName=DNS:{host}\n")
        openssl("x509", "-req", "-days", "2", "-in", self.path(f"{name}.csr"), "-CA", self.path("ca.pem"), "-CAkey",
                self.path("ca.key"), "-CAcreateserial", "-extfile", self.path(f"{name}.ext"), "-out",
                self.path(f"{name}.pem"))
        with open(self.path(f"{name}-both.pem"), "w", encoding="ascii") as both:
            for part in (f"{name}.key", f"{name}.pem"):
                with open(self.path(part), encoding="ascii") as file:
                    both.write(file.read())


def free_port():
    """Below those that the kernel hands to clients, who could take it while its server is down."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


def kafka_tool_command(name):
    """Kafka's jars, as deploy/local has fetched them, and the one of its tools, which a broker does not need."""
    with open(os.path.join(support.ROOT, "deploy", "kafka", "pom.xml"), encoding="utf-8") as file:
        version = re.search("<kafka.version>(.*)</kafka.version>", file.read())[1]
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "declared")
    tools = os.path.join(cache, f"kafka-tools-{version}")
    if not os.path.isdir(tools):
        with tempfile.TemporaryDirectory(dir=cache) as part:
            run(["mvn", "--batch-mode", "--quiet", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                 f"-Dartifact=org.apache.kafka:kafka-tools:{version}", f"-DoutputDirectory={part}/jars"], os.environ,
                timeout=300)
            with contextlib.suppress(OSError):  # another was quicker
                os.rename(f"{part}/jars", tools)
    return ["java", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dlog4j2.disableJmx=true", "-Dlog4j2.level=off", "-cp", f"{cache}/kafka-{version}/*:{tools}/*", name]


SCRAM_WORKS_FROM = 0x020601FF  # librdkafka 2.6.1: those before fail with Kafka 4, which checks their nonce
NEWER_LIBRDKAFKA = "confluent-kafka==2.8.0"  # a wheel that brings the librdkafka of Debian 13


def env_for_scram():
    """Where this system's librdkafka is too old to log in by SCRAM to Kafka 4: the way to a newer one, from PyPI."""
    if ctypes.CDLL("librdkafka.so.1").rd_kafka_version() >= SCRAM_WORKS_FROM:
        return {}
    folder = os.path.join(support.ROOT, "build", NEWER_LIBRDKAFKA.replace("==", "-"))
    library = os.path.join(folder, "librdkafka.so.1")
    if not os.path.exists(library):
        venv = os.path.join(folder, "venv")
        run([sys.executable, "-m", "venv", "--clear", venv], os.environ, timeout=120)
        run([os.path.join(venv, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", NEWER_LIBRDKAFKA],
            os.environ, timeout=300)
        (found,) = glob.glob(f"{venv}/lib/python*/site-packages/confluent_kafka.libs/librdkafka*.so*")
        os.symlink(found, library)
    return {"LD_LIBRARY_PATH": folder}


class Gate:
    """A port on the way to a server, which notes what each client says first. """

    def __init__(self, port):
        self.to, self.heard = port, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                threading.Thread(target=self.pass_on, args=(client, self.to), daemon=True).start()

    def pass_on(self, client, port):
        heard = bytearray()
        self.heard.append(heard)
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", port)) as server:
            ends = {client: server, server: client}
            while True:
                for one in select.select(list(ends), [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    if one is client:
                        heard += data
                    ends[one].sendall(data)

    def close(self):
        self.socket.close()


class Servers:
    """Both servers; stopped and deleted at the end."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="declared-secured-")
        os.chmod(self.folder, 0o755)  # PostgreSQL's own user works below it
        self.local_dir = os.path.join(self.folder, "local")
        self.ours = Authority(os.path.join(self.folder, "ours"))
        self.theirs = Authority(os.path.join(self.folder, "theirs"))
        for authority, host in ((self.ours, HOST), (self.theirs, HOST)):
            authority.issue("server", host)
        self.ours.issue("elsewhere", "elsewhere.example")
        self.ours.issue(KAFKA_NAME, HOST)
        self.ours.issue("administrator", HOST)
        self.passwords = {name: f"secret-{name}-{secrets.token_hex(8)}" for name in (*USERS, "postgres")}

    def __enter__(self):
        self.start_postgres()
        self.start_kafka()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(AssertionError):
            self.local("down")
        shutil.rmtree(self.folder, ignore_errors=True)

    def local(self, *arguments):
        env = dict(os.environ, DECLARED_LOCAL_DIR=self.local_dir)
        return run([os.path.join(support.ROOT, "deploy", "local"), *arguments], env, timeout=120)

    def read(self, name):
        with open(os.path.join(self.local_dir, "run", name), encoding="ascii") as file:
            return file.read().strip()

    # PostgreSQL.

    def data(self, name):
        return os.path.join(os.path.realpath(os.path.join(self.local_dir, "postgres")), "data", name)

    def start_postgres(self):
        self.local("start", "postgres")
        self.passwords["postgres"] = self.read("declared.password")
        with open(self.data("postgresql.conf"), "a", encoding="ascii") as file:
            file.write("ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\n")
        self.allow_plain_text(False)
        self.give_postgres_certificate(self.ours, "server")
        self.restart("postgres")
        self.postgres_port = int(self.read("postgres.port"))

    def allow_plain_text(self, allowed):
        with open(self.data("pg_hba.conf"), "w", encoding="ascii") as file:
            file.write(f"host{'' if allowed else 'ssl'} all all 127.0.0.1/32 scram-sha-256\n")

    def give_postgres_certificate(self, authority, name):
        owner = os.stat(self.data("postgresql.conf"))
        for ending in ("pem", "key"):
            shutil.copy(authority.path(f"{name}.{ending}"), self.data(f"server.{ending}"))
            os.chmod(self.data(f"server.{ending}"), 0o600)
            os.chown(self.data(f"server.{ending}"), owner.st_uid, owner.st_gid)

    def postgres_uri(self, ca=None, host=HOST, user="declared", database="declared"):
        """Without the password, which is in a file (PGPASSFILE)."""
        ca = ca or self.ours.path("ca.pem")
        return (f"postgresql://{user}@{host}:{self.postgres_port}/{database}?hostaddr=127.0.0.1&sslmode=verify-full"
                f"&sslrootcert={ca}")

    def pass_file(self, password=None):
        path = os.path.join(self.folder, f"pass-{secrets.token_hex(4)}")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(f"*:*:*:*:{password or self.passwords['postgres']}\n")
        return path

    # Kafka.

    def start_kafka(self):
        folder = os.path.join(self.local_dir, "kafka")
        os.makedirs(folder)
        ports = {name: free_port() for name in ("kafka", "kafka-controller", "kafka-internal")}
        for name, port in ports.items():
            with open(os.path.join(self.local_dir, "run", f"{name}.port"), "w", encoding="ascii") as file:
                file.write(f"{port}\n")
        self.kafka_port, self.internal_port = ports["kafka"], ports["kafka-internal"]
        self.kafka_keys = os.path.join(self.folder, "kafka-clients.pem")
        self.give_kafka_certificate(self.ours, "server")
        with open(os.path.join(folder, "more.properties"), "w", encoding="ascii") as file:
            file.write(self.kafka_properties(ports))
        with open(os.path.join(folder, "format"), "w", encoding="ascii") as file:
            for name in USERS:
                file.write(f"--add-scram\nSCRAM-SHA-512=[name={name},password={self.passwords[name]}]\n")
        self.local("start", "kafka")

    def give_kafka_certificate(self, authority, name):
        """To its clients; it takes effect with the next start."""
        shutil.copy(authority.path(f"{name}-both.pem"), self.kafka_keys)

    def restart(self, server):
        self.local("stop", server, "--kill")
        self.local("start", server)

    def kafka_tool(self, name, *arguments):
        """One of Kafka's own, as the administrator."""
        command = [*kafka_tool_command(name), "--bootstrap-server", f"{HOST}:{self.internal_port}", "--command-config",
                   self.administrator_properties()]
        return run([*command, *arguments], os.environ) if arguments else command

    def set_kafka_password(self, user, password):
        self.kafka_tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "users", "--entity-name", user,
                        "--add-config", f"SCRAM-SHA-512=[password={password}]")

    def kafka_properties(self, ports):
        """Clients log in by a password; brokers among themselves and the administrator by a certificate."""
        keys, trust = self.ours.path(f"{KAFKA_NAME}-both.pem"), self.ours.path("ca.pem")
        listeners = (f"CLIENTS://127.0.0.1:{ports['kafka']},INTERNAL://127.0.0.1:{ports['kafka-internal']},"
                     f"CONTROLLER://127.0.0.1:{ports['kafka-controller']}")
        plain = " ".join(f'user_{name}="{self.passwords[name]}"' for name in USERS)
        return f"""
listeners={listeners}
advertised.listeners={listeners.replace('127.0.0.1', HOST)}
controller.quorum.voters=1@{HOST}:{ports['kafka-controller']}
listener.security.protocol.map=CLIENTS:SASL_SSL,INTERNAL:SSL,CONTROLLER:SSL
inter.broker.listener.name=INTERNAL
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.clients.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {plain};
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={keys}
ssl.truststore.type=PEM
ssl.truststore.location={trust}
listener.name.clients.ssl.keystore.type=PEM
listener.name.clients.ssl.keystore.location={self.kafka_keys}
listener.name.internal.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:CN={KAFKA_NAME};User:CN=administrator
"""

    def kafka_env(self, user, ca=None, port=None, password=None, host=HOST):
        """What a program needs to be that user, as settings in the environment."""
        return {
            "DECLARED_KAFKA_BOOTSTRAP_SERVERS": f"{host}:{port or self.kafka_port}",
            "DECLARED_KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
            "DECLARED_KAFKA_SSL_CA_LOCATION": ca or self.ours.path("ca.pem"),
            "DECLARED_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "DECLARED_KAFKA_SASL_USERNAME": user,
            "DECLARED_KAFKA_SASL_PASSWORD": password or self.passwords[user],
        }

    def administrator_env(self):
        return {
            "DECLARED_KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{self.internal_port}",
            "DECLARED_KAFKA_SECURITY_PROTOCOL": "ssl",
            "DECLARED_KAFKA_SSL_CA_LOCATION": self.ours.path("ca.pem"),
            "DECLARED_KAFKA_SSL_CERTIFICATE_LOCATION": self.ours.path("administrator.pem"),
            "DECLARED_KAFKA_SSL_KEY_LOCATION": self.ours.path("administrator.key"),
        }

    def administrator_properties(self):
        """The same for Kafka's own tools."""
        path = os.path.join(self.folder, "administrator.properties")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"""security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location={self.ours.path('administrator-both.pem')}
ssl.truststore.type=PEM
ssl.truststore.location={self.ours.path('ca.pem')}
""")
        return path
