#!/usr/bin/env python3
"""TLS and passwords to both servers, Kafka's ACLs, and secrets that stay secret.

The servers are a PostgreSQL and a Kafka of its own, which speak nothing but TLS; certificates and passwords are made
here. Everything runs with the ACLs of deploy/kafka-acls and no others.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True

import secured  # noqa: E402
import support  # noqa: E402
from support import (BIN, DECLARATIONS, DESK, MEDWAY, MEDWAY_PARTITION, REJECTED, SNAPSHOTS, Daemon,  # noqa: E402
                     Record, Session, equal, test, wait_for)

WARDS = support.medway_declarations()
GROUP = "declared"
GARBAGE = {"key": support.MEDWAY_COUNCIL, "value_base64": "AAEC"}
PLAIN_KAFKA = support.needed("DECLARED_KAFKA_BOOTSTRAP_SERVERS")  # one without TLS
TLS_HANDSHAKE = b"\x16\x03"
POSTGRES_SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])
ATTEMPTS = 4
ATTEMPTS_TAKE_S = 0.6  # at least, whatever answers: the pauses between them are 0.1, 0.2 and 0.4 s

SERVERS = secured.Servers()


class Secured(support.Pipeline):
    """What declarectl does is done by the desk; daemons log in as the daemon, feeds as a feed."""

    def __init__(self, migrated=True, own_topics=True):
        os.environ["DECLARED_POSTGRES_URI"] = SERVERS.postgres_uri()
        os.environ["DECLARED_KAFKA_BOOTSTRAP_SERVERS"] = f"{secured.HOST}:{SERVERS.kafka_port}"
        super().__init__(migrated, own_topics)
        self.env.update(SERVERS.kafka_env("desk"), PGPASSFILE=SERVERS.pass_file(), **secured.env_for_scram())
        self.session = Session(self.env_of_psql(self.name))

    def env_of_psql(self, database):
        env = dict(super().env_of_psql(database), PGHOSTADDR="127.0.0.1", PGSSLMODE="verify-full",
                   PGSSLROOTCERT=SERVERS.ours.path("ca.pem"))
        del env["PGPASSWORD"]
        return env

    def env_of(self, user, **changes):
        return dict(self.env, **SERVERS.kafka_env(user, **changes))

    def renew_topics(self):
        for command in ("delete-topics", "create-topics"):
            support.run([os.path.join(BIN, "declared-broker"), command], dict(self.env, **SERVERS.administrator_env()))

    def start(self, env=None, **settings):
        self.daemons.append(Daemon(len(self.daemons) + 1, env or self.env_of("daemon"), settings))
        return self.daemons[-1]

    def file(self, lines, env, expect=0):
        """Published by a feed."""
        text = "\n".join(json.dumps(line) for line in lines)
        done = support.run([os.path.join(BIN, "declarectl"), "publish", "-"], env, text, expect)
        self.sent += len(lines) if expect == 0 else 0
        return done


def send(env, topic, expect, **kafka):
    """A record by topic-send, which knows no better than to try."""
    line = json.dumps({"topic": topic, "partition": 0, "key": None, "value": "AAEC"})
    env = dict(env, **{f"DECLARED_KAFKA_{name.upper()}": value for name, value in kafka.items()})
    return support.run([os.path.join(BIN, "topic-send"), env["DECLARED_KAFKA_BOOTSTRAP_SERVERS"]], env, line, expect)


def dump(pipeline, user, topic, expect=0):
    group = GROUP if user == "daemon" else f"{user}-test"
    env = dict(pipeline.env_of(user), DECLARED_KAFKA_GROUP_ID=group)
    return support.run([os.path.join(BIN, "topic-dump"), env["DECLARED_KAFKA_BOOTSTRAP_SERVERS"], topic], env,
                       expect=expect)


def stop_all(pipeline):
    for daemon in pipeline.daemons:
        if daemon.process.poll() is None:
            daemon.stop()


# ---- a night over TLS, with the sample's ACLs ------------------------------------------------------------

@test
def a_night_runs_over_tls_with_these_acls_alone(pipeline):
    pipeline.load(support.medway_reference())
    daemon = pipeline.start()
    first, *others = WARDS[0]["candidates"]
    conflict = dict(WARDS[0], candidates=[dict(first, votes=first["votes"] + 1), *others])
    pipeline.file([*WARDS, conflict, GARBAGE], pipeline.env_of("feed"))
    pipeline.wait_until_applied()
    pipeline.decide("release", f"{MEDWAY_PARTITION}:24", by="the night editor", note="the count has confirmed it")
    pipeline.wait_until_applied()
    pipeline.wait_until_told()
    equal(pipeline.control(MEDWAY)["headline"], "LAB GAIN MEDWAY FROM CON", "the headline")
    encrypted = pipeline.rows("SELECT DISTINCT s.ssl, s.version FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)"
                              " WHERE a.application_name = 'declared'")
    equal([row["ssl"] for row in encrypted], [True], "connections of the daemon")
    # Kafka answers a commit before its readers see it.
    for user, topic, count in (("reader", SNAPSHOTS, len(pipeline.history(MEDWAY))), ("feed", REJECTED, 1)):
        wait_for(lambda u=user, t=topic, n=count: len(dump(pipeline, u, t).stdout.splitlines()) == n,
                 f"{count} records on {topic}")
    equal(daemon.lines(" warning ") + daemon.lines(" error "), [], "warnings")
    daemon.stop()
    with another_database(pipeline) as uri:
        support.run([os.path.join(BIN, "declarectl"), "replay", "--from", "topics", "--into", uri],
                    pipeline.env_of("daemon"))


@contextlib.contextmanager
def another_database(pipeline):
    name = f"{pipeline.name}_replay"
    pipeline.psql(f"CREATE DATABASE {name}", pipeline.server.path[1:])
    uri = pipeline.server._replace(path="/" + name).geturl()
    support.run([os.path.join(BIN, "declarectl"), "migrate"], dict(pipeline.env, DECLARED_POSTGRES_URI=uri))
    yield uri
    pipeline.psql(f"DROP DATABASE {name}", pipeline.server.path[1:])


@test
def settings_may_stand_in_one_file(pipeline):
    path = os.path.join(SERVERS.folder, "declared.conf")
    names = {"SECURITY_PROTOCOL": "security.protocol", "SSL_CA_LOCATION": "ssl.ca.location",
             "SASL_MECHANISM": "sasl.mechanism", "SASL_USERNAME": "sasl.username", "SASL_PASSWORD": "sasl.password",
             "BOOTSTRAP_SERVERS": "bootstrap.servers"}
    kafka = SERVERS.kafka_env("daemon")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write("[kafka]\n")
        file.writelines(f"{key} = {kafka['DECLARED_KAFKA_' + name]}\n" for name, key in names.items())
        file.write(f"[postgres]\nuri = {pipeline.uri}&passfile={pipeline.env['PGPASSFILE']}\n")
    env = {name: value for name, value in pipeline.env.items() if not name.startswith(("DECLARED_", "PGPASS"))}
    env["DECLARED_CONFIG"] = path
    support.run([os.path.join(BIN, "declared"), "--check"], env)
    pipeline.load(support.medway_reference())
    pipeline.start(env)
    pipeline.wait_until_applied()
    support.run([os.path.join(BIN, "declarectl"), "status", MEDWAY], env)
    stop_all(pipeline)


@test
def plain_over_tls_does_too_with_this_systems_own_librdkafka(pipeline):
    pipeline.env.pop("LD_LIBRARY_PATH", None)
    pipeline.env["DECLARED_KAFKA_SASL_MECHANISM"] = "PLAIN"
    pipeline.load(support.medway_reference())
    daemon = pipeline.start(dict(pipeline.env_of("daemon"), DECLARED_KAFKA_SASL_MECHANISM="PLAIN"))
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()
    pipeline.wait_until_told()
    equal(daemon.lines(" warning "), [], "warnings")
    daemon.stop()


@test
def scram_with_a_librdkafka_that_cannot_do_it_is_said_at_the_start(pipeline):
    if not secured.env_for_scram():
        print("       left out: this system's librdkafka can")
        return
    env = pipeline.env_of("daemon")
    del env["LD_LIBRARY_PATH"]
    daemon = pipeline.start(env)
    daemon.wait_for_line("cannot log in by SCRAM to Kafka 4")
    daemon.wait_for_line(" warning Kafka is away, waiting: ")
    daemon.stop()


# ---- what the ACLs keep apart ----------------------------------------------------------------------------

@test
def a_feed_can_file_and_see_what_was_rejected_and_nothing_else(pipeline):
    feed = pipeline.env_of("feed")
    pipeline.file([WARDS[0]], feed)
    for topic in (DESK, REJECTED, SNAPSHOTS):
        said = send(feed, topic, 1).stderr
        assert "authorization failed" in said, f"{topic}: {said}"
    for topic in (DESK, DECLARATIONS, SNAPSHOTS, SNAPSHOTS + ".test"):
        said = dump(pipeline, "feed", topic, 1).stderr
        assert "authorization failed" in said, f"{topic}: {said}"
    equal(dump(pipeline, "feed", REJECTED).stdout, "", "rejected records")
    equal(dump(pipeline, "daemon", DESK).stdout, "", "records on desk-events")
    for command in ("release", "reject", "approve"):
        done = support.run([os.path.join(BIN, "declarectl"), command, "0:0", "--by", "x", "--note", "x"], feed, expect=1)
        assert "authorization failed" in done.stderr and done.stderr.count("\n") == 1, done.stderr
    refused = support.run([os.path.join(BIN, "declared-broker"), "delete-topics", "--timeout-s", "5"], feed, expect=1)
    assert "authorization failed" in refused.stderr, refused.stderr


@test
def a_feed_cannot_take_the_daemons_place_in_its_group_or_its_transactions(pipeline):
    pipeline.load(support.medway_reference())
    daemon = pipeline.start()
    pipeline.wait_until_applied()
    said = send(pipeline.env_of("feed"), DECLARATIONS, 1, transactional_id=f"{GROUP}-lane-{MEDWAY_PARTITION}").stderr
    assert "authorization failed" in said, said
    intruder = pipeline.start(pipeline.env_of("feed"))
    intruder.wait_for_line("authorization failed")
    equal(intruder.lines("info reading "), [], "lanes of the intruder")
    intruder.stop()
    pipeline.file(WARDS[:3], pipeline.env_of("feed"))
    pipeline.wait_until_applied()
    pipeline.wait_until_told()
    equal(daemon.lines(" warning "), [], "warnings of the daemon")
    daemon.stop()


@test
def readers_the_desk_and_the_daemon_write_no_more_than_their_part(pipeline):
    for user, topics in (("reader", (DECLARATIONS, DESK, REJECTED, SNAPSHOTS)), ("daemon", (DECLARATIONS, DESK)),
                         ("desk", (REJECTED, SNAPSHOTS))):
        for topic in topics:
            said = send(pipeline.env_of(user), topic, 1).stderr
            assert "authorization failed" in said, f"{user}, {topic}: {said}"
    for user, topics in (("reader", (DECLARATIONS, DESK, REJECTED)), ("desk", (DECLARATIONS, DESK))):
        for topic in topics:
            said = dump(pipeline, user, topic, 1).stderr
            assert "authorization failed" in said, f"{user}, {topic}: {said}"


@test
def the_acls_are_printed_for_who_reads_them_first(pipeline):
    script = os.path.join(support.ROOT, "deploy", "kafka-acls")
    lines = support.run([script, "--feed", "pa", "--prefix", "x."], pipeline.env).stdout.splitlines()
    equal(lines, ["--add --allow-principal User:pa --operation Write --topic x.ward-declarations",
                  "--add --allow-principal User:pa --operation Read --topic x.ward-declarations.rejected",
                  "--add --allow-principal User:pa --operation Read --resource-pattern-type prefixed --group pa-"],
          "lines for a feed")
    for wrong in ([], ["--feed"], ["--feed", "--desk", "x"], ["--fed", "x"]):
        support.run([script, *wrong], pipeline.env, expect=2)


# ---- what goes wrong with PostgreSQL ---------------------------------------------------------------------

def expect_patience(pipeline, daemon, gate, who, why):
    """One line that says why, attempts with pauses between them, and nothing else."""
    daemon.wait_for_line(f" warning {who} is away, waiting: ")
    (line,) = daemon.lines(f" warning {who} is away, waiting: ")
    assert why in line, f"'{why}' is not in: {line}"
    first, began = len(gate.heard), time.monotonic()
    wait_for(lambda: len(gate.heard) >= first + ATTEMPTS, f"{ATTEMPTS} more attempts")
    took = time.monotonic() - began
    assert took > ATTEMPTS_TAKE_S, f"{ATTEMPTS} attempts in {took:.2f} s: no back-off"
    equal(len(daemon.lines(" is away, waiting: ")), 1, f"lines in\n{daemon.log()}")
    equal(daemon.lines(" error "), [], "errors")
    print(f"       {line.partition('waiting: ')[2]}")


def expect_one_line(pipeline, env, why, *command):
    said = support.run([os.path.join(BIN, "declarectl"), *command], env, json.dumps(WARDS[0]), expect=1).stderr
    assert said.count("\n") == 1 and why in said, f"'{why}' is not in what declarectl said: {said}"


@contextlib.contextmanager
def postgres_refuses(why):
    """A real server with one thing wrong with it, that is put right at the end."""
    def alter(sql):
        password = SERVERS.read("postgres.password")
        env = dict(os.environ, PGPASSWORD=password, PGSSLMODE="prefer")
        support.run(["psql", "--no-psqlrc", "-qAt", "-h", "127.0.0.1", "-p", str(SERVERS.postgres_port), "-U", "postgres",
                     "-c", sql, "postgres"], env)
    if why == "no TLS":
        alter("ALTER SYSTEM SET ssl = off")
        SERVERS.allow_plain_text(True)
    elif why == "wrong authority":
        SERVERS.give_postgres_certificate(SERVERS.theirs, "server")
    elif why == "wrong host":
        SERVERS.give_postgres_certificate(SERVERS.ours, "elsewhere")
    SERVERS.restart("postgres")
    try:
        yield
    finally:
        if why == "no TLS":
            alter("ALTER SYSTEM RESET ssl")
            SERVERS.allow_plain_text(False)
        SERVERS.give_postgres_certificate(SERVERS.ours, "server")
        SERVERS.restart("postgres")


def through(gate, uri):
    return uri.replace(f":{SERVERS.postgres_port}/", f":{gate.port}/")


def expect_no_plain_text(gate, *private):
    """PostgreSQL's clients ask for TLS, and speak it when told yes; told no they leave."""
    assert gate.heard
    for heard in map(bytes, gate.heard):
        assert heard[:8] in (b"", POSTGRES_SSL_REQUEST), f"began with {heard[:40]}"
        assert heard[8:10] in (b"", TLS_HANDSHAKE), f"went on with {heard[8:40]}"
        for text in private:
            assert text.encode() not in heard, f"said {text} for all to read"


def check_postgres(pipeline, why, words):
    pipeline.load(support.medway_reference())
    gate = secured.Gate(SERVERS.postgres_port)
    env = dict(pipeline.env_of("daemon"), DECLARED_POSTGRES_URI=through(gate, pipeline.uri))
    pipeline.session.close()
    with postgres_refuses(why):
        daemon = pipeline.start(env)
        expect_patience(pipeline, daemon, gate, "PostgreSQL", words)
        expect_one_line(pipeline, env, words, "status")
        expect_no_plain_text(gate, "declared_test", SERVERS.passwords["postgres"])
    pipeline.wait_until_applied()
    equal(len(daemon.lines("info PostgreSQL and Kafka answer again")), 1, f"recoveries in\n{daemon.log()}")
    expect_no_plain_text(gate, "declared_test", SERVERS.passwords["postgres"])
    daemon.stop()
    gate.close()


@test
def a_certificate_of_another_authority_on_postgresql_is_waited_out(pipeline):
    check_postgres(pipeline, "wrong authority", "certificate verify failed")


@test
def a_certificate_for_another_host_on_postgresql_is_waited_out(pipeline):
    check_postgres(pipeline, "wrong host", 'server certificate for "elsewhere.example" does not match host name "localhost"')


@test
def a_postgresql_without_tls_is_told_nothing_and_waited_out(pipeline):
    check_postgres(pipeline, "no TLS", "server does not support SSL, but SSL was required")


@test
def a_wrong_password_for_postgresql_is_waited_out(pipeline):
    pipeline.load(support.medway_reference())
    gate = secured.Gate(SERVERS.postgres_port)
    env = dict(pipeline.env_of("daemon"), DECLARED_POSTGRES_URI=through(gate, pipeline.uri),
               PGPASSFILE=SERVERS.pass_file("hunter2-not-it"))
    words = 'password authentication failed for user "declared"'
    daemon = pipeline.start(env)
    expect_patience(pipeline, daemon, gate, "PostgreSQL", words)
    expect_one_line(pipeline, env, words, "status")
    with open(env["PGPASSFILE"], "w", encoding="ascii") as file:
        file.write(f"*:*:*:*:{SERVERS.passwords['postgres']}\n")
    pipeline.wait_until_applied()
    equal(len(daemon.lines("info PostgreSQL and Kafka answer again")), 1, "recoveries")
    assert "hunter2" not in daemon.log()
    daemon.stop()
    gate.close()


# ---- what goes wrong with Kafka --------------------------------------------------------------------------

def expect_tls_alone(gate, *private):
    assert gate.heard
    for heard in map(bytes, gate.heard):
        assert heard[:2] in (b"", TLS_HANDSHAKE), f"began with {heard[:40]}"
        for text in private:
            assert text.encode() not in heard, f"said {text} for all to read"


def check_kafka(pipeline, gate, words, mend):
    """The way to the brokers is through the gate; what is wrong is mended while the daemon waits."""
    env = pipeline.env_of("daemon", port=gate.port)
    daemon = pipeline.start(env)
    expect_patience(pipeline, daemon, gate, "Kafka", words)
    expect_one_line(pipeline, env, words, "publish", "-")
    mend()
    pipeline.load(support.medway_reference())
    pipeline.wait_until_applied()
    expect_tls_alone(gate, "declared", SERVERS.passwords["daemon"], "SCRAM")
    equal(len(daemon.lines("info PostgreSQL and Kafka answer again")), 1, f"recoveries in\n{daemon.log()}")
    daemon.stop()
    gate.close()


def right_way(gate):
    return lambda: setattr(gate, "to", SERVERS.kafka_port)


@test
def a_certificate_of_another_authority_on_kafka_is_waited_out(pipeline):
    gate = secured.Gate(SERVERS.wrong_ports["theirs"])
    check_kafka(pipeline, gate, "certificate verify failed", right_way(gate))


@test
def a_certificate_for_another_host_on_kafka_is_waited_out(pipeline):
    gate = secured.Gate(SERVERS.wrong_ports["elsewhere"])
    check_kafka(pipeline, gate, "certificate verify failed", right_way(gate))


@test
def a_kafka_without_tls_is_told_nothing_and_waited_out(pipeline):
    gate = secured.Gate(int(PLAIN_KAFKA.rpartition(":")[2]))
    check_kafka(pipeline, gate, "PLAINTEXT broker listener", right_way(gate))


@test
def a_wrong_password_for_kafka_is_waited_out(pipeline):
    SERVERS.set_kafka_password("daemon", "another-one")
    check_kafka(pipeline, secured.Gate(SERVERS.kafka_port), "SASL authentication error",
                lambda: SERVERS.set_kafka_password("daemon", SERVERS.passwords["daemon"]))


@test
def a_client_without_tls_is_told_so(pipeline):
    env = dict(pipeline.env_of("daemon"), DECLARED_KAFKA_SECURITY_PROTOCOL="plaintext")
    daemon = pipeline.start(env)
    daemon.wait_for_line(" warning Kafka is away, waiting: ")
    (line,) = daemon.lines(" is away, waiting: ")
    assert "security.protocol" in line, line
    daemon.stop()


# ---- secrets ---------------------------------------------------------------------------------------------

def command_line(process):
    with open(f"/proc/{process.pid}/cmdline", "rb") as file:
        return file.read().decode()


@test
def no_secret_is_in_the_process_list_or_in_a_log_that_says_all(pipeline):
    pipeline.load(support.medway_reference())
    kafka, postgres = SERVERS.passwords["daemon"], SERVERS.passwords["postgres"]
    uri = urllib.parse.urlsplit(pipeline.uri)
    uri = uri._replace(netloc=f"declared:{postgres}@{uri.netloc.rpartition('@')[2]}").geturl()
    env = pipeline.env_of("daemon")
    for name in ("DECLARED_KAFKA_SASL_PASSWORD", "PGPASSFILE"):
        del env[name]
    daemon = pipeline.start(env, **{"kafka.sasl.password": kafka, "postgres.uri": uri, "kafka.debug": "all",
                                    "log.level": "debug"})
    pipeline.wait_until_applied()
    assert "librdkafka" in daemon.log()
    listed = command_line(daemon.process)
    assert "kafka.sasl.password=" in listed and "log.level=debug" in listed, listed
    watch = subprocess.Popen([os.path.join(BIN, "declarectl"), "watch", "--set", f"postgres.uri={uri}"], env=env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        watch.stdout.readline()
        listed += command_line(watch)
    finally:
        watch.kill()
        watch.communicate()
    for secret in (kafka, postgres):
        assert secret not in listed, f"in the process list: {listed}"
        assert secret not in daemon.log(), "in the log"
    daemon.stop()


def expect_hidden(command, env, secret):
    """A command that waits for a server, and says in the process list no more of what it was told."""
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: secret not in command_line(process) and process.poll() is None, "the secret is taken out")
    finally:
        process.kill()
        process.wait()


@test
def secrets_of_other_options_are_taken_out_of_the_process_list_too(pipeline):
    with socket.create_server(("127.0.0.1", 0)) as mute:  # connects and says nothing
        port = mute.getsockname()[1]
        expect_hidden([os.path.join(BIN, "declarectl"), "replay", "--into", f"postgresql://x:hunter2@127.0.0.1:{port}/x"],
                      pipeline.env, "hunter2")
        expect_hidden([os.path.join(BIN, "declared-broker"), "create-topics", "--bootstrap", f"127.0.0.1:{port}", "-X",
                       "sasl.password=hunter2"], pipeline.env, "hunter2")


@test
def no_secret_is_in_help_the_sample_or_an_error(pipeline):
    env = dict(pipeline.env_of("daemon"), DECLARED_POSTGRES_URI="postgresql://declared:hunter2@127.0.0.1:1/x",
               DECLARED_KAFKA_SASL_PASSWORD="hunter2")
    commands = (["declared", "--help"], ["declarectl", "help"], ["declarectl", "status", "--help"],
                ["declarectl", "config", "sample"], ["declared-broker", "--help"])
    wrong = ({"DECLARED_POSTGRES_URI": "postgresql://declared:hunter2@[::1/x"},
             {"DECLARED_POSTGRES_URI": "postgres//declared:hunter2@127.0.0.1:1/x"},
             {"DECLARED_POSTGRES_URI": "postgresql://declared:hunter2%@127.0.0.1:1/x"},
             {"DECLARED_KAFKA_SASL_PASSWORDS": "hunter2"}, {"DECLARED_KAFKA_SSL_KEY_PEM": "hunter2"},
             {"DECLARED_KAFKA_SASL_MECHANISM": "nonsense"}, {"DECLARED_KAFKA_SSL_CA_LOCATION": "/nowhere"})
    for command in commands:
        done = support.run([os.path.join(BIN, command[0]), *command[1:]], env)
        assert "hunter2" not in done.stdout + done.stderr, command
    for change in wrong:
        bad = dict(env, **change)
        for command in (["declarectl", "status"], ["declarectl", "publish", "-"], ["declared-broker", "create-topics",
                                                                                  "--timeout-s", "1"]):
            done = support.run([os.path.join(BIN, command[0]), *command[1:]], bad, json.dumps(WARDS[0]), expect=None)
            assert done.returncode != 0 and "hunter2" not in done.stdout + done.stderr, f"{command} {change}: {done.stderr}"
            equal(done.stderr.count("\n"), 1, f"lines of {command}: {done.stderr}")
        daemon = pipeline.start(bad)
        wait_for(lambda d=daemon: d.process.poll() is not None or d.lines(" warning "), "a word of the daemon")
        assert "hunter2" not in daemon.log(), f"{change}: {daemon.log()}"
        daemon.kill()


# ---- dead connections ------------------------------------------------------------------------------------

@test
def an_idle_connection_to_postgresql_is_probed_after_seconds(pipeline):
    pipeline.load(support.medway_reference())
    daemon = pipeline.start()
    pipeline.wait_until_applied()
    sockets = {link[8:-1] for link in links(f"/proc/{daemon.process.pid}/fd") if link.startswith("socket:[")}

    def timers():
        with open("/proc/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file][1:]
        port = f":{SERVERS.postgres_port:04X}"
        return [row[5].split(":") for row in rows if row[2].endswith(port) and row[9] in sockets]
    # A timer of kind 2 is that of keepalive; by default it would stand at two hours.
    wait_for(lambda: timers() and all(kind == "02" and int(when, 16) <= 10 * os.sysconf("SC_CLK_TCK")
                                      for kind, when in timers()), f"timers of keepalive: {timers()}")
    daemon.stop()


def links(folder):
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            yield os.readlink(os.path.join(folder, name))


def make_acls():
    users = [word for user in secured.USERS for word in (f"--{user}", user)]
    support.run([os.path.join(support.ROOT, "deploy", "kafka-acls"), *users, "--",
                 *SERVERS.kafka_tool("org.apache.kafka.tools.AclCommand")], os.environ, timeout=120)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers go
    with SERVERS:
        make_acls()
        support.main(Secured)
