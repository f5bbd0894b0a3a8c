#!/usr/bin/env python3
"""`declared-gateway`'s resources: every format, conditions, rehearsals, the page's files, a database that is away."""

import contextlib
import csv
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.dont_write_bytecode = True

import support  # noqa: E402
from gateway_support import Gateway, gateway  # noqa: E402
from support import BIN, MEDWAY, MEDWAY_COUNCIL, equal, run, test, wait_for, without_topics  # noqa: E402

WARDS = support.medway_declarations()
WATLING = "local.medway.watling.2023-05-04"
CONTROL, BALLOT = "api.council_control", "api.ballot_result"


def play(pipeline, wards=WARDS, **settings):
    pipeline.load(support.medway_reference())
    pipeline.daemon(**settings)
    pipeline.publish(wards)
    pipeline.wait_until_applied()


def is_problem(answer, status):
    equal((answer.status, answer.headers["Content-Type"]), (status, "application/problem+json"), repr(answer))
    problem = answer.json()
    equal((problem["status"], problem["type"]), (status, "about:blank"), "the problem")
    assert problem["title"] and problem["detail"], problem
    return problem["detail"]


# ---- the contract: openapi.json --------------------------------------------------------------------------

# A value for each parameter, such that the answers are not empty.
VALUES = {
    "election_id": MEDWAY, "council_id": MEDWAY_COUNCIL, "ballot_paper_id": WATLING, "date": "2023-05-04",
    "region": "South%20East", "party": "PP53", "status": "final", "at": "2099-01-01T00:00:00Z", "by": "party",
    "payload": "1", "format": "json", "flat": "1", "parties": "3",
}


class Contract:
    """The document that the server serves, and what it says of a resource."""

    def __init__(self, server):
        self.document = server.json("/v1/openapi.json")
        self.paths = {path: item["get"] for path, item in self.document["paths"].items()}

    def resolve(self, node):
        for name in node.get("$ref", "#").split("/")[1:]:
            node = self.document[name] if node is self.document or "$ref" in node else node[name]
        return node

    def parameters(self, path):
        for parameter in self.paths[path].get("parameters", []):
            if "$ref" in parameter:
                parameter = self.document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
            yield parameter

    def resources(self):
        return [path for path in self.paths if path not in ("/stream", "/openapi")]

    def target(self, path):
        for name, value in VALUES.items():
            path = path.replace("{" + name + "}", value)
        return path

    def validator(self, path):
        try:
            import jsonschema  # pylint: disable=import-outside-toplevel
        except ImportError:
            raise AssertionError("jsonschema is missing; run deploy/packages test") from None
        schema = self.paths[path]["responses"]["200"]["content"]["application/json"]["schema"]
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema,
                 "components": self.document["components"]}
        jsonschema.Draft202012Validator.check_schema(whole)
        return jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())


@test
def every_path_and_parameter_of_openapi_json_answers_as_its_schema_says(pipeline):
    play(pipeline)
    with gateway(pipeline) as server:
        contract = Contract(server)
        assert len(contract.resources()) == 17, contract.resources()
        for path in contract.resources():
            target, validator = contract.target(path), contract.validator(path)
            answer = server.json("/v1" + target)
            validator.validate(answer)
            assert answer, f"{path} is empty"
            for parameter in contract.parameters(path):
                if parameter["in"] == "path":
                    continue
                found = server.json(f"/v1{target}?{parameter['name']}={VALUES[parameter['name']]}")
                assert found, f"{path} with {parameter['name']} is empty"
                if parameter["name"] != "flat":
                    validator.validate(found)
            is_problem(server.get(f"/v1{target}?nonsense=1", 400), 400)


@test
def every_resource_says_the_same_in_json_csv_and_xml(pipeline):
    play(pipeline)
    with gateway(pipeline) as server:
        contract = Contract(server)
        for path in contract.resources():
            target = "/v1" + contract.target(path)
            flat = json.loads(server.curl(target + ".json?flat=1"))
            rows = flat if isinstance(flat, list) else [flat]
            assert rows and all(not isinstance(value, (list, dict)) for row in rows for value in row.values()), path
            expected = [{name: as_text(value) for name, value in row.items()} for row in rows]
            equal(list(csv.DictReader(io.StringIO(server.curl(target + ".csv"), newline=""))), expected, path + ".csv")
            equal(read_xml(server.curl(target + ".xml"), isinstance(flat, list)), expected, path + ".xml")
            for name in ("csv", "xml"):
                equal(server.curl(f"{target}?format={name}"), server.curl(f"{target}.{name}"), f"{path} as {name}")
            for name, kind in (("json", "application/json; charset=utf-8"), ("xml", "application/xml; charset=utf-8"),
                               ("csv", "text/csv; charset=utf-8; header=present")):
                equal(server.get(f"{target}.{name}").headers["Content-Type"], kind, f"type of {path}.{name}")


def as_text(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def read_xml(text, is_list):
    root = xml.etree.ElementTree.fromstring(text)
    return [{field.tag: field.text or "" for field in row} for row in (root if is_list else [root])]


@test
def a_council_is_one_flat_row_in_each_format(pipeline):
    play(pipeline)
    with gateway(pipeline) as server:
        (row,) = csv.DictReader(io.StringIO(server.curl(f"/v1/elections/{MEDWAY}.csv"), newline=""))
        wanted = {"council_name": "Medway", "control": "PP53", "headline_short": "LAB GAIN MEDWAY FROM CON",
                  "seats_1_party": "PP53", "seats_1_short": "LAB", "seats_1_held": "33", "seats_1_change": "13",
                  "seats_2_short": "CON", "seats_2_held": "22", "seats_3_held": "4", "seats_12_party": "",
                  "cause_lane_seq": "25", "previous_control_lost": "true"}
        equal({name: row[name] for name in wanted}, wanted, "the row as CSV")
        root = xml.etree.ElementTree.fromstring(server.curl(f"/v1/councils/{MEDWAY_COUNCIL}.xml"))
        equal((root.tag, {field.tag: field.text or "" for field in root}), ("election", row), "the row as XML")
        flat = json.loads(server.curl(f"/v1/elections/{MEDWAY}?flat=1&parties=2"))
        equal((flat["seats_1_held"], flat["seats_2_change"], "seats_3_held" in flat, flat["previous_control_lost"]),
              (33, -11, False, True), "the row as flat JSON, its types kept")


@test
def the_fields_of_a_flat_row_are_there_before_the_first_result(pipeline):
    play(pipeline, wards=[])
    with gateway(pipeline) as server:
        before = server.curl("/v1/elections.csv").splitlines()[0]
        pipeline.publish(WARDS)
        pipeline.wait_until_applied()
        wait_for(lambda: "final" in server.curl("/v1/elections.csv"), "the night")
        equal(server.curl("/v1/elections.csv").splitlines()[0], before, "the header")
        equal(server.curl("/v1/elections.csv?region=Nowhere").splitlines(), [before], "a list without rows")


@test
def http_readers_see_what_sql_readers_see(pipeline):
    play(pipeline)
    with gateway(pipeline) as server:
        for target, query in (
                ("/v1/elections", f"SELECT * FROM {CONTROL}"),
                (f"/v1/elections/{MEDWAY}/history", "SELECT * FROM api.council_control_history ORDER BY seq"),
                (f"/v1/elections/{MEDWAY}/ballots", f"SELECT * FROM {BALLOT} ORDER BY ward_name, ballot_paper_id"),
                (f"/v1/ballots/{WATLING}/candidates",
                 f"SELECT * FROM api.candidate_result WHERE ballot_paper_id = '{WATLING}' ORDER BY rank"),
                ("/v1/progress", "SELECT * FROM api.night_progress"),
                (f"/v1/elections/{MEDWAY}/flashes", "SELECT * FROM api.flash ORDER BY seq DESC"),
                (f"/v1/elections/{MEDWAY}/facts", "SELECT * FROM api.story_fact_at('infinity')")):
            equal(server.json(target), pipeline.rows(query), target)
        equal(len(server.json(f"/v1/elections/{MEDWAY}/candidates")),
              pipeline.value("SELECT count(*) FROM api.candidate_result"), "candidates")
        totals = {row["party_id"]: row for row in server.json("/v1/totals?by=party")}
        equal((totals["PP53"]["councils_gained"], totals["PP53"]["seats_held"], totals["PP53"]["short"],
               totals["PP52"]["councils_lost"]), (1, 33, "LAB", 1), "totals")


# ---- filters, moments, spaces ----------------------------------------------------------------------------

@test
def filters_choose_and_a_misspelt_one_is_refused(pipeline):
    play(pipeline)
    with gateway(pipeline) as server:
        for query, count in (("", 1), ("?region=South%20East", 1), ("?region=South+East", 1), ("?region=London", 0),
                             ("?party=PP53", 1), ("?party=PP52", 0), ("?status=final", 1), ("?status=called", 0),
                             ("?date=2023-05-04", 1), ("?date=2022-05-05", 0), ("?_=1683248400", 1)):
            equal(len(server.json("/v1/elections" + query)), count, query)
        for query in ("regoin=London", "status=done", "date=2023-02-30", "date=today", "at=yesterday", "date=",
                      "date=2023-05-04&date=2023-05-04", "format=yaml", "flat=2", "parties=0", "parties=41"):
            is_problem(server.get(f"/v1/elections?{query}", 400), 400)
        is_problem(server.get("/v1/elections.csv?format=csv", 400), 400)


@test
def what_is_not_known_is_not_found(pipeline):
    play(pipeline, wards=WARDS[:1])
    with gateway(pipeline) as server:
        for path in ("/v1/elections/x", "/v1/elections/x/history", "/v1/elections/x/ballots", "/v1/elections/x/facts",
                     "/v1/elections/x/candidates", "/v1/elections/x/flashes", "/v1/councils/x", "/v1/ballots/x",
                     "/v1/ballots/x/candidates", "/v1/ballots/x/audit", "/v1", "/v1/", "/v2/elections", "/test",
                     "/v1/elections/", f"/v1/elections/{MEDWAY}/history/1", "/v1/stream.json", "/v1/openapi.xml"):
            is_problem(server.get(path, 404), 404)
        equal(server.json(f"/v1/elections/{MEDWAY}/flashes"), [], "flashes that there are none of yet")


@test
def a_past_moment_is_shown_as_it_was(pipeline):
    play(pipeline)
    with gateway(pipeline) as server:
        history = server.json(f"/v1/elections/{MEDWAY}/history")
        called = next(row for row in history if row["control"])
        for moment in (called["recorded_at"], called["recorded_at"].replace("+00:00", "Z"),
                       called["recorded_at"].replace("+", "%2B")):
            found = server.json(f"/v1/elections/{MEDWAY}?at={moment}")
            equal(found, called, f"Medway at {moment}")
            equal(server.json(f"/v1/elections?at={moment}"), [called], f"the list at {moment}")
            equal(server.json(f"/v1/councils/{MEDWAY_COUNCIL}?at={moment}"), called, f"the council at {moment}")
        equal((called["seats"][0]["held"], called["seats_total"]), (31, 59), "the call")
        equal(server.json("/v1/elections?at=2023-05-04T22:00:00%2B01:00"), [], "before anything was recorded")
        is_problem(server.get(f"/v1/elections/{MEDWAY}?at=2023-05-04T22:00:00Z", 404), 404)
        facts = server.json(f"/v1/elections/{MEDWAY}/facts?at={called['recorded_at'].replace('+', '%2B')}")
        assert {fact["seq"] for fact in facts} == {called["seq"]}, facts


@test
def rehearsals_are_below_test_alone(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.publish([dict(ward, is_test=True) for ward in WARDS] + WARDS[:3])
    pipeline.wait_until_applied()
    with gateway(pipeline) as server:
        equal(server.json(f"/v1/elections/{MEDWAY}")["ballots_declared"], 3, "live")
        equal(server.json(f"/test/v1/elections/{MEDWAY}")["ballots_declared"], 24, "the rehearsal")
        equal(server.json("/v1/flashes"), [], "live flashes")
        equal(len(server.json("/test/v1/flashes")), 3, "flashes of the rehearsal")
        rehearsed = server.json(f"/test/v1/ballots/{WATLING}/audit")
        equal((len(rehearsed), server.json(f"/v1/ballots/{WATLING}/audit")), (1, []), "audit")


@test
def a_ballots_audit_tells_every_record_and_what_became_of_it(pipeline):
    ward = next(ward for ward in WARDS if ward["ballot_paper_id"] == WATLING)
    other = json.loads(json.dumps(ward))
    other["event_id"], other["candidates"][0]["votes"] = "00000000-0000-4000-8000-000000000001", 9
    play(pipeline, wards=[ward, ward, other])
    held = pipeline.rows("SELECT topic, partition, kafka_offset FROM api.declaration WHERE fate = 'held'")[0]
    pipeline.decide("reject", "{topic}:{partition}:{kafka_offset}".format(**held), note="a slip, =1+1")
    pipeline.wait_until_applied()
    with gateway(pipeline) as server:
        rows = server.json(f"/v1/ballots/{WATLING}/audit?payload=1")
        equal([(row["fate"], row["fate_now"]) for row in rows],
              [("accepted", "accepted"), ("duplicate", "duplicate"), ("held", "rejected"), ("accepted", "accepted")],
              "fates of three declarations and the desk's action")
        equal((rows[2]["changes"][0]["by"], rows[2]["changes"][0]["note"]), ("desk", "a slip, =1+1"), "the rejection")
        ledger = pipeline.rows("SELECT * FROM api.ledger WHERE ballot_paper_id = '%s' ORDER BY lane_seq" % WATLING)
        for row, entry in zip(rows, ledger, strict=True):
            equal(("\\x" + row["entry_hash"], "\\x" + support.decoded(row["payload_base64"]).hex(), row["reasons"]),
                  (entry["entry_hash"], entry["payload"], entry["reasons"]), "hash, payload, reasons")
        equal(server.json(f"/v1/ballots/{WATLING}/audit")[0]["payload_base64"], None, "the payload, unless asked for")


# ---- conditions and encodings ----------------------------------------------------------------------------

@test
def a_poller_with_an_etag_gets_304_until_something_changes(pipeline):
    play(pipeline, wards=WARDS[:12])
    with gateway(pipeline) as server:
        for path in (f"/v1/elections/{MEDWAY}", "/v1/elections.csv", "/v1/totals.xml", "/v1/openapi.json"):
            first = server.get(path)
            tag = first.headers["ETag"]
            for known in (tag, "W/" + tag, f'"x", {tag}', "*"):
                again = server.get(path, 304, If_None_Match=known)
                equal((again.body, again.headers["ETag"]), (b"", tag), path)
            server.get(path, 200, If_None_Match='"x"')
            zipped = server.get(path, Accept_Encoding="gzip").headers["ETag"]
            server.get(path, 304, If_None_Match=zipped)
        known = server.get("/v1/elections").headers["ETag"]
        pipeline.publish(WARDS[12:13])
        pipeline.wait_until_applied()
        wait_for(lambda: server.request("/v1/elections", headers={"If-None-Match": known}).status == 200, "the change")
        pipeline.publish(WARDS[12:13])  # a duplicate changes nothing that is shown
        pipeline.wait_until_applied()
        newest = server.get("/v1/elections").headers["ETag"]
        server.get("/v1/elections", 304, If_None_Match=newest)


@test
def what_is_answered_from_memory_is_never_older_than_what_the_stream_has_told(pipeline):
    play(pipeline, wards=[])
    with gateway(pipeline) as server:
        for number, ward in enumerate(WARDS, start=1):
            pipeline.publish([ward])
            wait_for(lambda n=number: server.json(f"/v1/elections/{MEDWAY}")["ballots_declared"] == n, "the ward")
            equal(len(server.json(f"/v1/elections/{MEDWAY}/history")), number + 1, "snapshots")
            equal(server.json("/v1/elections?status=awaiting"), [], "councils still awaiting")
        asked = server.metric("declared_gateway_cache_hits_total")
        for _ in range(20):
            server.json("/v1/elections")
        assert server.metric("declared_gateway_cache_hits_total") >= asked + 19


@test
def headers_are_those_of_a_good_citizen(pipeline):
    play(pipeline)
    with gateway(pipeline) as server:
        plain = server.get("/v1/elections")
        for name, value in (("Cache-Control", "no-cache"), ("Vary", "Accept-Encoding"),
                            ("Access-Control-Allow-Origin", "*"), ("X-Content-Type-Options", "nosniff")):
            equal(plain.headers[name], value, name)
        assert plain.headers["Date"].endswith("GMT"), plain
        zipped = server.get("/v1/elections", Accept_Encoding="br, gzip;q=0.5")
        equal((zipped.headers["Content-Encoding"], gzip.decompress(zipped.body)), ("gzip", plain.body), "gzip")
        assert len(zipped.body) < len(plain.body) / 2
        equal(server.get("/v1/elections", Accept_Encoding="gzip;q=0").body, plain.body, "gzip refused")
        head = server.request("/v1/elections", "HEAD")
        equal((head.status, head.body, head.headers["Content-Length"], head.headers["ETag"]),
              (200, b"", str(len(plain.body)), plain.headers["ETag"]), "HEAD")
        preflight = server.request("/v1/elections", "OPTIONS")
        equal((preflight.status, preflight.headers["Access-Control-Allow-Methods"]), (204, "GET, HEAD, OPTIONS"),
              "OPTIONS")
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
            refused = server.request("/v1/elections", method)
            is_problem(refused, 405)
            equal(refused.headers["Allow"], "GET, HEAD, OPTIONS", "Allow")


# ---- the page's files ------------------------------------------------------------------------------------

@contextlib.contextmanager
def page_folder():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "secret.txt"), "w", encoding="utf-8") as file:
            file.write("not for you")
        page = os.path.join(folder, "page")
        os.makedirs(os.path.join(page, "assets"))
        for name, text in (("index.html", "<!doctype html><title>night</title>"),
                           ("board.html", "<!doctype html>board"), ("assets/index-B3kfz9aQ.js", "let a = 1"),
                           ("assets/some-component.css", "a {}"),
                           (".hidden", "hidden"), ("assets/picture-A1b2C3d4.svg", "<svg/>")):
            with open(os.path.join(page, name), "w", encoding="utf-8") as file:
                file.write(text)
        os.symlink(os.path.join(folder, "secret.txt"), os.path.join(page, "link.txt"))
        yield page


@test
@without_topics
def the_pages_files_are_served_and_nothing_beside_them(pipeline):
    with page_folder() as page, gateway(pipeline, gateway__assets=page) as server:
        for path, kind, cache in (
                ("/", "text/html; charset=utf-8", "no-cache"), ("/index.html", "text/html; charset=utf-8", "no-cache"),
                ("/board/" + MEDWAY, "text/html; charset=utf-8", "no-cache"),
                ("/assets/index-B3kfz9aQ.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
                ("/assets/some-component.css", "text/css; charset=utf-8", "no-cache"),
                ("/assets/picture-A1b2C3d4.svg", "image/svg+xml; charset=utf-8",
                 "public, max-age=31536000, immutable")):
            answer = server.get(path)
            equal((answer.headers["Content-Type"], answer.headers["Cache-Control"]), (kind, cache), path)
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path
            server.get(path, 304, If_None_Match=answer.headers["ETag"])
        assert b"night" in server.get("/?date=2023-05-04").body and b"board" in server.get("/board/x").body
        up = "." + "./"
        for path in (f"/{up}secret.txt", f"/assets/{up}{up}secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt",
                     f"/assets/{up}index.html", "//etc/passwd", "/.hidden", "/link.txt", "/assets", "/assets/", "/page",
                     f"/board/{up}{up}secret.txt"):
            answer = server.request(path)
            assert answer.status == 404 or b"board" in answer.body, f"{path}: {answer}"
            assert b"not for you" not in answer.body, path


@test
@without_topics
def without_the_pages_files_the_first_page_lists_the_interface(pipeline):
    with gateway(pipeline, gateway__assets="/nonexistent") as server:
        page = server.get("/").body.decode()
        assert "/v1/openapi.json" in page and "has not been built" in page, page
        is_problem(server.get("/board/x", 404), 404)


# ---- operation -------------------------------------------------------------------------------------------

@test
def a_database_that_is_away_is_a_503_and_is_found_again(pipeline):
    play(pipeline)
    with gateway(pipeline) as server:
        expected = server.get("/v1/elections").body
        with support.down("postgres"):
            wait_for(lambda: server.request("/v1/elections").status == 503, "503")
            answer = server.get("/v1/elections", 503)
            is_problem(answer, 503)
            equal(answer.headers["Retry-After"], "1", "Retry-After")
            is_problem(server.get("/readyz", 503), 503)
            server.get("/healthz")
            wait_for(lambda: server.metric("declared_gateway_database_up") == 0, "the gauge")
        wait_for(lambda: server.request("/readyz").status == 200, "ready again")
        equal(server.get("/v1/elections").body, expected, "the list")
        wait_for(lambda: server.metric("declared_gateway_listen_connects_total") >= 2, "it listens again")


@test
@without_topics
def it_ends_within_5_seconds_also_when_the_database_hangs(pipeline):
    with gateway(pipeline) as server, support.frozen("postgres"):
        waiting = subprocess.Popen(["curl", "--silent", server.address + "/v1/elections"], stdout=subprocess.DEVNULL)
        wait_for(lambda: server.request("/healthz").status == 200, "it answers what needs no database")
        server.stop()
        waiting.wait()
        server.process.returncode = None
        server.stop = lambda: None
        server.check_alive = lambda: None


@test
@without_topics
def without_migration_it_says_what_is_missing(pipeline):
    pipeline.psql("DROP VIEW api.event; DROP VIEW api.lane CASCADE")
    server = Gateway(pipeline.env)
    try:
        equal(server.request("/readyz").status, 503, "/readyz")
        wait_for(lambda: "has declarectl migrate been run" in server.log(), "the log says so")
    finally:
        server.kill()


@test
@without_topics
def metrics_have_names_with_units_and_help(pipeline):
    with gateway(pipeline) as server:
        server.get("/v1/elections")
        server.get("/v1/elections/x", 404)
        answer = server.get("/metrics")
        equal(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8", "type")
        text = answer.body.decode()
        for line in ('declared_gateway_requests_total{route="/elections",status="200"} 1',
                     'declared_gateway_requests_total{route="/elections/{election_id}",status="404"} 1',
                     "declared_gateway_stream_clients 0", "declared_gateway_stream_dropped_total 0",
                     "declared_gateway_listen_connects_total 1", "declared_gateway_database_up 1"):
            assert line in text.splitlines(), f"{line} is not in:\n{text}"
        samples = [line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")]
        for name in samples:
            base = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
            assert f"# TYPE {base} " in text and f"# HELP {base} " in text, name


@test
@without_topics
def options_are_those_of_the_other_daemon(pipeline):
    program = os.path.join(BIN, "declared-gateway")
    assert run([program, "--version"], pipeline.env).stdout.startswith("declared-gateway ")
    assert "[gateway]" in run([program, "--help"], pipeline.env).stdout
    run([program, "--check"], pipeline.env)
    refused = run([program, "--set", "gateway.workers=0", "--check"], pipeline.env, expect=2).stderr
    assert "gateway.workers is a number from 1 to 32" in refused and refused.count("\n") == 1, refused
    for arguments, said in ((["--set", "gateway.listen=nowhere"], "gateway.listen is host:port"),
                            (["--set", "gateway.listen=127.0.0.1:99999"], "a port up to 65535, not '127.0.0.1:99999'"),
                            (["--set", "gateway.listen=192.0.2.1:80"], "cannot listen on 192.0.2.1:80"),
                            (["--set", "gateway.assets=/dev/null"], "cannot read the page in /dev/null")):
        done = run([program, *arguments], pipeline.env, expect=1)
        assert said in done.stderr and done.stderr.count("\n") == 1, done.stderr
    run([program, "--nonsense"], pipeline.env, expect=2)
    run([program, "nonsense"], pipeline.env, expect=2)


if __name__ == "__main__":
    support.main()
