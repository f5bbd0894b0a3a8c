#!/usr/bin/env python3
"""Numbers for machines that watch: what daemon and gateway tell, held against dashboard and alert rules."""

import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

sys.dont_write_bytecode = True

import support  # noqa: E402
from support import DECLARATIONS, DESK, MEDWAY, MEDWAY_PARTITION, Record, equal, test, wait_for  # noqa: E402

DASHBOARDS = os.path.join(support.ROOT, "deploy", "dashboards")
WARDS = support.medway_declarations()
LANE = str(MEDWAY_PARTITION)

# Names that Prometheus itself gives.
OF_PROMETHEUS = {"up"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


# ---- the text format -------------------------------------------------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
HELP = re.compile(rf"# HELP ({NAME}) (\S.*)")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram)")
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?[0-9.]+(?:e[-+]?[0-9]+)?)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"')


def labels_of(text):
    """Strictly: name="value", separated by single commas, none twice."""
    labels, rest = {}, text or ""
    while rest:
        found = LABEL.match(rest)
        assert found and found[1] not in labels, f"labels: {text}"
        labels[found[1]], rest = found[2], rest[found.end():]
        assert not rest or rest[0] == "," and len(rest) > 1, f"labels: {text}"
        rest = rest[1:]
    return labels


class Exposition:
    """An answer of /metrics in the text format 0.0.4, parsed as strictly as its specification allows."""

    def __init__(self, text):
        self.types, self.samples = {}, {}
        assert text.endswith("\n"), "the last line ends"
        helped = family = None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                helped = HELP.fullmatch(line)[1]
                assert helped not in self.types, f"{helped} is told twice"
            elif line.startswith("#"):
                family, kind = TYPE.fullmatch(line).groups()
                equal(family, helped, "TYPE follows the HELP of the same family")
                self.types[family] = kind
            else:
                self.add(line, family)
        for name, kind in self.types.items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name), f"{name}: lower case, underscores"
            equal(name.endswith("_total"), kind == "counter", f"{name}, a {kind}: ends in _total if it counts")
            assert not re.search(r"_(ms|us|milliseconds|microseconds|minutes)(_|$)", name), f"{name}: base units"
            if kind == "histogram":
                self.check_histogram(name)

    def add(self, line, family):
        found = SAMPLE.fullmatch(line)
        assert found, f"not a sample: {line!r}"
        assert family and any(found[1] == family + suffix for suffix in SUFFIXES[self.types[family]]), (
            f"{line!r} stands in the family {family}")
        key = found[1], frozenset(labels_of(found[2]).items())
        assert key not in self.samples, f"{line!r} is told twice"
        self.samples[key] = float(found[3])

    def check_histogram(self, name):
        buckets = [(float(dict(labels)["le"]), value) for (n, labels), value in self.samples.items()
                   if n == name + "_bucket"]
        equal(buckets, sorted(buckets), f"{name}: buckets ascend and accumulate")
        equal((buckets[-1][0], buckets[-1][1]), (float("inf"), self.value(name + "_count")), f"{name}: the last bucket")

    def names(self):
        """All that a query may name."""
        return {name + suffix for name, kind in self.types.items() for suffix in SUFFIXES[kind]}

    def value(self, name, **labels):
        """The one sample of these labels exactly."""
        return self.samples[name, frozenset(labels.items())]

    def sum(self, name, **labels):
        return sum(value for (n, found), value in self.samples.items() if n == name and labels.items() <= dict(found).items())


# ---- asking ----------------------------------------------------------------------------------------------

def ask(address, path, method="GET"):
    """Status, headers and body."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def address_in(log):
    return re.search(r"http://([0-9.:]+)", log)[1]


def watched_daemon(pipeline, **settings):
    daemon = pipeline.daemon(listen="127.0.0.1:0", **settings)
    daemon.wait_for_line("metrics are at ")
    daemon.address = address_in(daemon.lines("metrics are at ")[0])
    return daemon


def metrics(daemon):
    status, headers, body = ask(daemon.address, "/metrics")
    equal((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"), "/metrics")
    return Exposition(body)


def wait_for_metric(daemon, expected, name, **labels):
    def reached():
        return (name, frozenset(labels.items())) in metrics(daemon).samples and metrics(daemon).value(name, **labels) == expected
    wait_for(reached, f"{name}{labels} is {expected}")


def is_ready(daemon):
    return ask(daemon.address, "/readyz")[0] == 200


# ---- the daemon ------------------------------------------------------------------------------------------

@test
def the_numbers_move_as_the_medway_night_plays_with_a_held_and_a_rejected_record(pipeline):
    daemon = watched_daemon(pipeline)
    wait_for(lambda: is_ready(daemon), "ready")
    before = metrics(daemon)
    equal((before.sum("declared_records_total"), before.sum("declared_reasons_total")), (0, 0), "records before")
    wait_for_metric(daemon, 0, "declared_records_held", is_test="false")
    assert not any(name == "declared_newest_snapshot_timestamp_seconds" for name, _ in metrics(daemon).samples)

    pipeline.load(support.medway_reference())
    wrong = json.loads(json.dumps(WARDS[0]))
    by_votes = sorted(wrong["candidates"], key=lambda candidate: -candidate["votes"])
    by_votes[0]["elected"], by_votes[1]["elected"] = False, True
    pipeline.publish([wrong, *WARDS[1:], dict(WARDS[5], is_test=True)])
    pipeline.send([Record(DECLARATIONS, support.MEDWAY_COUNCIL.encode(), b"\7garbage")])
    pipeline.wait_until_applied()

    wait_for_metric(daemon, 1, "declared_records_held", is_test="false")
    now = metrics(daemon)
    records = {fate: now.value("declared_records_total", topic=DECLARATIONS, is_test="false", fate=fate)
               for fate in ("accepted", "held", "rejected", "duplicate")}
    equal(records, {"accepted": 23, "held": 1, "rejected": 1, "duplicate": 0}, "live records by fate")
    equal(now.value("declared_records_total", topic=DECLARATIONS, is_test="true", fate="accepted"), 1, "of rehearsals")
    equal(now.value("declared_records_total", topic=DESK, is_test="false", fate="accepted"), 1, "of the desk")
    equal((now.value("declared_reasons_total", reason="ELECTED_NOT_TOP", is_test="false"),
           now.value("declared_reasons_total", reason="BAD_FRAMING", is_test="false"),
           now.sum("declared_reasons_total", is_test="false")), (1, 1, 2), "reasons")
    equal((now.value("declared_ballots_held", is_test="false"), now.value("declared_ballots_held", is_test="true"),
           now.value("declared_records_held", is_test="true")), (1, 0, 0), "held")
    equal(now.value("declared_batch_records_sum"), 27, "records of all transactions")
    equal(now.value("declared_batch_records_count"), now.value("declared_commit_duration_seconds_count"), "commits")
    snapshots = pipeline.value("SELECT (SELECT count(*) FROM api.council_control_history)"
                               " + (SELECT count(*) FROM api_test.council_control_history) AS n")
    flashes = pipeline.value("SELECT count(*) FROM api.flash")
    equal((now.value("declared_snapshots_total"), now.value("declared_flashes_total")), (snapshots, flashes), "written")
    newest = pipeline.value("SELECT extract(epoch FROM recorded_at) FROM api.council_control")
    told = now.value("declared_newest_snapshot_timestamp_seconds", is_test="false")
    assert abs(told - newest) < 1e-5, f"the newest snapshot: {told}, not {newest}"
    for topic in (DECLARATIONS, DESK):
        wait_for_metric(daemon, 0, "declared_lane_lag_records", lane=LANE, topic=topic)
    wait_for_metric(daemon, 0, "declared_outbox_backlog_records", lane=LANE)

    pipeline.decide("release", f"{MEDWAY_PARTITION}:0")
    pipeline.wait_until_applied()
    wait_for_metric(daemon, 0, "declared_records_held", is_test="false")
    after = metrics(daemon)
    equal((after.value("declared_ballots_held", is_test="false"),
           after.value("declared_fate_changes_total", fate="accepted")), (0, 1), "after the release")
    equal(pipeline.control(MEDWAY)["headline"], "LAB GAIN MEDWAY FROM CON", "the end")


@test
def a_daemon_that_has_just_started_tells_what_was_held_before(pipeline):
    pipeline.load(support.medway_reference())
    first = pipeline.daemon()
    pipeline.publish([dict(WARDS[0], seats=WARDS[0]["seats"] + 1)])
    pipeline.wait_until_applied()
    first.stop()
    second = watched_daemon(pipeline)
    wait_for_metric(second, 1, "declared_records_held", is_test="false")
    equal(metrics(second).value("declared_ballots_held", is_test="false"), 1, "ballots")
    equal(metrics(second).sum("declared_records_total"), 0, "what it has counted itself")


@test
def a_daemon_that_has_just_started_reads_its_elections_before_a_record_wants_them(pipeline):
    reference = support.medway_reference()
    (medway,) = reference["councils"]
    swale = json.loads(json.dumps(medway).replace(".medway.", ".swale.").replace(medway["council_id"], "E07000113"))
    before = json.loads(json.dumps(swale).replace("2023-05-04", "2019-05-02"))
    reference["councils"] += [swale, before]
    pipeline.load(reference)
    first = pipeline.daemon()
    pipeline.publish(WARDS[:12])
    pipeline.wait_until_applied()
    first.stop()

    def taken(daemon):
        return {way: metrics(daemon).value("declared_elections_taken_total", **{"from": way})
                for way in ("ahead", "ledger", "shelf")}
    second = watched_daemon(pipeline)
    wait_for(lambda: taken(second)["ahead"] == 2, "both elections of the week are read, with a night begun and without")
    pipeline.publish(WARDS[12:])
    pipeline.wait_until_applied()
    equal(taken(second), {"ahead": 2, "ledger": 0, "shelf": 0}, "elections taken to hand")
    equal(pipeline.control(MEDWAY)["headline"], "LAB GAIN MEDWAY FROM CON", "the end")


@test
def lag_is_told_while_a_lane_is_behind_and_lanes_are_told_by_their_owner_alone(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.publish(WARDS)
    one = watched_daemon(pipeline, workers=2)
    pipeline.wait_until_applied()
    every = {str(lane) for lane in range(support.PARTITIONS)}

    def lanes(daemon):
        return {dict(labels)["lane"] for name, labels in metrics(daemon).samples if name == "declared_lane_lag_records"}
    wait_for(lambda: lanes(one) == every, "all lanes told")
    two = watched_daemon(pipeline)
    wait_for(lambda: lanes(two) and not lanes(one) & lanes(two) and lanes(one) | lanes(two) == every,
             "each lane told by one of the two")
    assert metrics(one).value("declared_assignments_total") >= 3, "the group gave, took and gave"
    two.stop()
    wait_for(lambda: lanes(one) == every, "all lanes told by the first again")

    def behind():
        """Or None while the lane is loaded again, as after a commit that waited in vain."""
        labels = frozenset({("lane", LANE), ("topic", DECLARATIONS)})
        return metrics(one).samples.get(("declared_lane_lag_records", labels))
    wait_for(lambda: is_ready(one), "ready")
    with lane_locked(pipeline):
        pipeline.publish([dict(ward, revision=2) for ward in WARDS])
        wait_for(lambda: (behind() or 0) > 0, "a lag while the lane's row is locked")
    pipeline.wait_until_applied()
    wait_for(lambda: behind() == 0, "no lag")


class lane_locked:  # pylint: disable=invalid-name
    """Another session keeps the lane's row, so that the daemon's commits have to wait."""

    def __init__(self, pipeline):
        self.session = support.Session(pipeline.env_of_psql(pipeline.name))

    def __enter__(self):
        self.session.ask(f"BEGIN; SELECT lane FROM declared.lane WHERE lane = {LANE} FOR UPDATE")

    def __exit__(self, *_):
        self.session.ask("ROLLBACK")
        self.session.close()


@test
def readiness_falls_while_a_server_is_away_and_health_does_not(pipeline):
    daemon = watched_daemon(pipeline)
    wait_for(lambda: is_ready(daemon), "ready")
    for server, name in (("postgres", "postgres"), ("kafka", "kafka")):
        with support.down(server):
            wait_for(lambda: not is_ready(daemon), f"not ready without {name}")
            wait_for_metric(daemon, 0, "declared_server_up", server=name)
            equal(ask(daemon.address, "/healthz")[0], 200, "/healthz without it")
        wait_for(lambda: is_ready(daemon), f"ready again with {name}", timeout=60)
    now = metrics(daemon)
    equal((now.value("declared_worker_state", worker="1", state="running"),
           now.sum("declared_worker_state", worker="1")), (1, 1), "the worker's state")


@test
def it_answers_while_both_servers_hang_and_ends_in_time(pipeline):
    daemon = watched_daemon(pipeline)
    wait_for(lambda: is_ready(daemon), "ready")
    with support.frozen("postgres"), support.frozen("kafka"):
        wait_for(lambda: not is_ready(daemon), "not ready")
        wait_for_metric(daemon, 0, "declared_server_up", server="kafka")
        equal(ask(daemon.address, "/healthz")[0], 200, "/healthz")
        daemon.stop()


@test
def a_transaction_whose_end_nobody_saw_is_counted_once(pipeline):
    pipeline.load(support.medway_reference())
    daemon = watched_daemon(pipeline)
    pipeline.wait_until_applied()
    wait_for(lambda: is_ready(daemon), "ready")
    for n, ward in enumerate(WARDS[:4], start=1):
        pipeline.publish([ward])
        if n % 2 == 0:
            support.local("stop", "postgres", "--kill")
            support.local("start", "postgres")
        pipeline.wait_until_applied()
    wait_for_metric(daemon, 4, "declared_records_total", topic=DECLARATIONS, is_test="false", fate="accepted")


@test
def it_listens_nowhere_unless_it_is_told_and_answers_nothing_else(pipeline):
    quiet = pipeline.daemon()
    quiet.wait_until_reading()
    equal(quiet.lines("metrics are at"), [], "what a daemon without daemon.listen says")
    quiet.stop()
    daemon = watched_daemon(pipeline)
    answers = [(path, method, ask(daemon.address, path, method)[0]) for path, method in (
        ("/metrics", "HEAD"), ("/", "GET"), ("/metrics/", "GET"), ("/v1/elections", "GET"), ("/metrics", "POST"),
        ("/readyz", "DELETE"), ("/" + "a" * 40000, "GET"))]
    equal([status for _, _, status in answers], [200, 404, 404, 404, 405, 405, 414], f"{answers}"[:400])
    equal(ask(daemon.address, "/metrics", "HEAD")[2], "", "the body of a HEAD")
    taken = subprocess.run([os.path.join(support.BIN, "declared"), "--set", f"daemon.listen={daemon.address}"],
                           env=pipeline.env, capture_output=True, text=True, timeout=30, check=False)
    equal((taken.returncode, taken.stderr.splitlines()[-1]),
          (1, f"declared: cannot listen on {daemon.address}: Address already in use"), "a port that is taken")
    daemon.stop()


# ---- dashboard and alerts --------------------------------------------------------------------------------

@contextlib.contextmanager
def gateway(pipeline):
    """A gateway on the same database that has answered and has seen a snapshot; its address."""
    with tempfile.NamedTemporaryFile(prefix="gateway-", suffix=".log") as log:
        process = subprocess.Popen([os.path.join(support.BIN, "declared-gateway"), "--set", "gateway.listen=127.0.0.1:0"],
                                   env=pipeline.env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            def said():
                with open(log.name, encoding="utf-8") as file:
                    return [line for line in file if "listens on" in line]
            address = address_in(wait_for(said, "the gateway listens")[0])
            equal(ask(address, "/v1/elections")[0], 200, "the gateway's answer")
            wait_for(lambda: "declared_gateway_newest_snapshot_age_seconds" in ask(address, "/metrics")[2],
                     "the gateway has seen a snapshot")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=10)


def gateway_metrics(pipeline):
    with gateway(pipeline) as address:
        return Exposition(ask(address, "/metrics")[2])


def expressions_of_dashboard():
    with open(os.path.join(DASHBOARDS, "declared.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    ids = [panel["id"] for panel in dashboard["panels"]]
    equal(len(ids), len(set(ids)), "panels with an id of their own")
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])]


def alert_rules():
    import yaml  # pylint: disable=import-outside-toplevel
    with open(os.path.join(DASHBOARDS, "alerts.yml"), encoding="utf-8") as file:
        groups = yaml.safe_load(file)["groups"]
    return [rule for group in groups for rule in group["rules"]]


MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')
WORDS = {"by", "on", "or", "and", "group_left", "without", "unless", "ignoring"}


def selectors_of(query):
    """Each metric that a query names, with its label matchers. Functions are followed by a bracket, words are known."""
    query = re.sub(r"\b(by|on|without|ignoring|group_left)\s*\([^)]*\)", " ", query)
    found = []
    for match in re.finditer(rf"(?<![\w$.\"])({NAME})\s*(\{{[^}}]*\}})?", query):
        name, rest = match[1], query[match.end():].lstrip()
        quoted = query[:match.start()].count('"') % 2
        if quoted or name in WORDS or (match[2] is None and rest.startswith("(")) or re.search(r"\[[^\]]*$", query[:match.start()]):
            continue
        found.append((name, MATCHER.findall(match[2] or "")))
    return found


def check_query(where, query, exposed):
    selectors = selectors_of(query)
    assert selectors, f"{where}: names no metric: {query}"
    for name, matchers in selectors:
        if name in OF_PROMETHEUS:
            continue
        samples = [dict(labels) for (n, labels) in exposed if n == name]
        assert samples, f"{where}: {name} is exported by neither daemon nor gateway"
        for label, _, value in matchers:
            if label == "job":
                continue
            known = {labels.get(label) for labels in samples}
            assert known - {None}, f"{where}: {name} has no label {label}"
            wrong = set(value.split("|")) - known
            # The gateway tells a status once it has answered with it.
            assert not wrong or label == "status", f"{where}: {name} has no {label} {wrong}, only {known}"


@test
def dashboard_and_alerts_name_what_daemon_and_gateway_export_and_leave_nothing_out(pipeline):
    daemon = watched_daemon(pipeline)
    pipeline.load(support.medway_reference())
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()
    wait_for(lambda: metrics(daemon).sum("declared_newest_snapshot_timestamp_seconds") > 0, "a snapshot is told")
    wait_for_metric(daemon, 0, "declared_outbox_backlog_records", lane=LANE)
    of_daemon, of_gateway = metrics(daemon), gateway_metrics(pipeline)
    assert not set(of_daemon.types) & set(of_gateway.types), "a family of both programs"
    exposed = {**of_daemon.samples, **of_gateway.samples}
    queries = expressions_of_dashboard() + [(rule["alert"], rule["expr"]) for rule in alert_rules()]
    for where, query in queries:
        check_query(where, query, exposed)
    named = {name for _, query in queries for name, _ in selectors_of(query)}
    for family in [*of_daemon.types, *of_gateway.types]:
        assert any(name in named for name in (family, *(family + s for s in SUFFIXES["histogram"]))), (
            f"{family} is on no dashboard and in no alert")
    with open(os.path.join(DASHBOARDS, "README.md"), encoding="utf-8") as file:
        told = set(re.findall(r"`((?:declared|process)_[a-z_]+)", file.read()))
    equal(told, {*of_daemon.types, *of_gateway.types}, "families that the page explains")


@test
@support.without_topics
def the_alert_rules_are_sound(_):
    rules = alert_rules()
    names = [rule["alert"] for rule in rules]
    equal(len(names), len(set(names)), "alerts with a name of their own")
    for rule in rules:
        equal(set(rule) - {"for"}, {"alert", "expr", "labels", "annotations"}, rule["alert"])
        assert rule["labels"]["severity"] in ("page", "desk", "warn") and rule["annotations"]["summary"], rule["alert"]
    with open(os.path.join(support.ROOT, "deploy", "RUNBOOK.md"), encoding="utf-8") as file:
        told = set(re.findall(r"`(Declared\w+)`", file.read()))
    equal(told, {name for name in names if not name.startswith("DeclaredGateway")}, "alerts that the runbook tells of")
    wanted = {"DeclaredLiveRecordHeld", "DeclaredLiveRecordRejected", "DeclaredLag", "DeclaredQuiet", "DeclaredDown",
              "DeclaredRecoveries"}
    assert wanted <= set(names), f"missing: {wanted - set(names)}"
    if promtool := prometheus_program("promtool"):
        support.run([promtool, "check", "rules", os.path.join(DASHBOARDS, "alerts.yml")], dict(os.environ))
    else:
        print("       Prometheus cannot be had: the rules are read as YAML alone")


# ---- Prometheus itself -----------------------------------------------------------------------------------

def prometheus_program(name):
    """On the path, or from Debian's package, unpacked and not installed: that would start one. None: cannot be had."""
    folder = os.path.join(support.ROOT, "build", "prometheus")
    path = shutil.which(name) or os.path.join(folder, "usr", "bin", name)
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        subprocess.run("apt-get -qq download prometheus && dpkg -x prometheus_*.deb . && rm prometheus_*.deb", cwd=folder,
                       shell=True, capture_output=True, timeout=120, check=False)
    return path if os.path.exists(path) else None


class Prometheus:
    """With our alert rules, and every wait in them shortened to nothing, scraping these addresses."""

    def __init__(self, program, targets):
        self.folder = tempfile.TemporaryDirectory(prefix="prometheus-")
        with open(os.path.join(DASHBOARDS, "alerts.yml"), encoding="utf-8") as file:
            rules = re.sub(r"^( +for:) .*", r"\1 0s", file.read(), flags=re.MULTILINE)
        scrape = [{"job_name": job, "static_configs": [{"targets": [address]}]} for job, address in targets.items()]
        self.write("rules.yml", rules)
        self.write("prometheus.yml", json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["rules.yml"],
            "scrape_configs": scrape}))
        self.log = os.path.join(self.folder.name, "log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [program, f"--config.file={self.folder.name}/prometheus.yml", f"--storage.tsdb.path={self.folder.name}/data",
                 "--web.listen-address=127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.address = wait_for(self.said, "Prometheus listens")
        wait_for(lambda: ask(self.address, "/-/ready")[0] == 200, "Prometheus is ready")

    def write(self, name, text):
        with open(os.path.join(self.folder.name, name), "w", encoding="utf-8") as file:
            file.write(text)

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            found = re.search(r'msg="Listening on" address=(127[0-9.:]+)', file.read())
        return found and found[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.folder.cleanup()

    def query(self, expression):
        status, _, body = ask(self.address, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        equal(status, 200, f"{expression}: {body}")
        return json.loads(body)["data"]["result"]

    def alerts(self):
        return {alert["labels"]["alertname"] for alert in json.loads(ask(self.address, "/api/v1/alerts")[2])["data"]["alerts"]
                if alert["state"] == "firing"}


@test
def real_prometheus_reads_both_answers_every_query_and_raises_the_alerts(pipeline):
    program = prometheus_program("prometheus")
    if program is None:
        assert os.environ.get("CI") != "true", "Prometheus cannot be had from Debian"
        print("       left out: Prometheus cannot be had from Debian")
        return
    daemon = watched_daemon(pipeline, calls__require_approval="yes")
    pipeline.load(support.medway_reference())
    pipeline.publish(WARDS[:-1])
    pipeline.wait_until_applied()
    with gateway(pipeline) as address, Prometheus(program, {"declared": daemon.address, "declared-gateway": address}) as server:
        wait_for(lambda: len(server.query("up == 1")) == 2, "both are scraped")
        wait_for(lambda: server.alerts() == {"DeclaredCallWaitsForApproval"}, "what a sound night raises: a call to approve")
        # Of a revision that is known, with other content; and garbage.
        pipeline.publish([dict(WARDS[0], ballot_papers=964)])
        pipeline.send([Record(DECLARATIONS, support.MEDWAY_COUNCIL.encode(), b"\7garbage")])
        wait_for(lambda: {"DeclaredLiveRecordHeld", "DeclaredLiveRecordRejected"} <= server.alerts(), "held, rejected: alerts")
        for where, query in expressions_of_dashboard():
            assert server.query(query), f"{where}: no answer to {query}"
        daemon.stop()
        wait_for(lambda: "DeclaredDown" in server.alerts(), "an alert that the daemon is down")
    pipeline.wait_until_applied()


if __name__ == "__main__":
    support.main()
