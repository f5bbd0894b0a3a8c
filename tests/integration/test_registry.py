#!/usr/bin/env python3
"""Writer schemas from a registry: a real one (Apicurio's, by its Confluent-compatible API) for all that it can be
brought to do, and beside it a stand-in for answers that are late, wrong or endless."""

import atexit
import contextlib
import itertools
import os
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

import avro_write  # noqa: E402
import registry_servers  # noqa: E402
import support  # noqa: E402
from registry_servers import OWN_IDS, StandInRegistry, schema_answer  # noqa: E402
from support import DECLARATIONS, MEDWAY, MEDWAY_COUNCIL, Record, equal, test, wait_for  # noqa: E402

WARDS = support.medway_declarations()
OTHER_COUNCIL = next(f"E0600{n:04}" for n in range(36, 99)
                     if support.partition_of(f"E0600{n:04}") != support.MEDWAY_PARTITION)
AWAY, BACK = "the schema registry is away", "the schema registry answers again"
MADE_UP_ID = 4242
UNKNOWN = b'{"error_code": 40403, "message": "Schema 4242 not found"}'


def feeds_schema(doc="a feed's own"):
    """Another version of WardDeclaration: fields in another order, one more, one less, bytes for a string."""
    schema = avro_write.own_schema("ward-declaration.avsc")
    schema["doc"] = doc  # a registry gives the same number for the same schema
    fields = {field["name"]: field for field in schema["fields"] if field["name"] != "note"}
    fields["ward_name"]["type"] = "bytes"
    fields["declared_at"]["type"] = "long"
    more = {"name": "feed_number", "type": ["null", "double", "string"], "default": None}
    schema["fields"] = [more, *reversed(fields.values())]
    return schema


def feeds_record(number, line, schema=None, **changes):
    fields = avro_write.declaration(line, feed_number=1.5, **changes)
    schema = schema or feeds_schema()
    if any(f["name"] == "ward_name" and f["type"] == "bytes" for f in schema["fields"]):
        fields["ward_name"] = fields["ward_name"].encode()
    return Record(DECLARATIONS, fields["council_id"].encode(),
                  avro_write.confluent(number, avro_write.datum(schema, fields)))


OTHERS = itertools.count()


def other_record(number=1):
    """Of another lane, about a council that nobody knows; under our own schema, or that of the number."""
    line = dict(WARDS[0], council_id=OTHER_COUNCIL, election_id="local.other.2023-05-04",
                ballot_paper_id=f"local.other.ward-{next(OTHERS)}.2023-05-04")
    schema = avro_write.own_schema("ward-declaration.avsc") if number <= OWN_IDS else feeds_schema()
    return feeds_record(number, line, schema)


def own_record(line):
    return feeds_record(1, line, avro_write.own_schema("ward-declaration.avsc"))


def newest(pipeline, count=1):
    return pipeline.rows("SELECT record, fate, reasons, detail, writer_schema, ballot_paper_id FROM api.ledger"
                         f" WHERE topic = '{DECLARATIONS}' ORDER BY lane, lane_seq DESC LIMIT {count}")


def check_rejected(pipeline, reason, detail):
    (row,) = newest(pipeline)
    equal((row["fate"], row["reasons"]), ("rejected", [reason]), f"the fate of {row}")
    assert detail in row["detail"], f"'{detail}' is not in: {row['detail']}"


def check_accepted(pipeline, count):
    found = {fate: n for fate, n in pipeline.fates().items() if fate != "held"}
    equal(found, {"accepted": count}, "fates")


def check_kept(pipeline):
    """Every row's writer schema is in the database, and the ledger proves itself without a registry."""
    equal(pipeline.rows("SELECT fingerprint FROM (SELECT writer_schema AS fingerprint FROM api.ledger"
                        " WHERE writer_schema IS NOT NULL EXCEPT SELECT fingerprint FROM declared.writer_schema) x"),
          [], "schemas that rows name and the database lacks")
    pipeline.ctl("audit", "verify")


def never_applied_while(pipeline, daemon, count):
    """The rows are still so many after the daemon has asked again and again."""
    equal(pipeline.ledger_count(), count, "rows while the registry is away")
    equal(len(daemon.lines(AWAY)), 1, "lines that say so")


# ---- the real one ----------------------------------------------------------------------------------------

REAL = []


def real_registry():
    """One for all tests, running; its first schemas have the numbers that ids.json gives to ours."""
    if not REAL:
        REAL.append(registry_servers.Apicurio())
        atexit.register(REAL[0].clear)
        REAL[0].start()
        for number in range(1, OWN_IDS + 1):
            equal(REAL[0].register(f"somebody-{number}", {"type": "fixed", "name": "Taken", "size": number}), number,
                  "a new registry's number")
    if REAL[0].process is None:
        REAL[0].start()
    return REAL[0]


@contextlib.contextmanager
def registry_down(registry):
    registry.kill()
    try:
        yield
    finally:
        registry.start()


@test
def real_a_schema_of_another_writer_is_asked_for_by_its_number(pipeline):
    registry = real_registry()
    number = registry.register("feed", feeds_schema("asked for"))
    pipeline.load(support.medway_reference())
    pipeline.daemon(registry__url=registry.url + "/")
    pipeline.send([feeds_record(number, line) for line in WARDS])
    pipeline.wait_until_applied()
    check_accepted(pipeline, len(WARDS))
    equal(pipeline.control(MEDWAY)["headline"], "LAB GAIN MEDWAY FROM CON", "the headline")
    equal(pipeline.value("SELECT count(*) FROM declared.registry_schema"), 1, "schemas kept")
    names = pipeline.rows(f"SELECT DISTINCT ward_name FROM api.ballot_result WHERE election_id = '{MEDWAY}'")
    equal(sorted(row["ward_name"] for row in names), sorted(line["ward_name"] for line in WARDS), "names from bytes")
    check_kept(pipeline)


@test
def real_what_nobody_can_read_is_rejected_and_says_why(pipeline):
    registry = real_registry()
    cases = [
        (registry.register("nobody-0", {"type": "record", "name": "Weather", "fields": []}), "BAD_AVRO",
         "record Weather is no record of ours"),
        (registry.register("nobody-1", dict(feeds_schema("nobody-1"), fields=feeds_schema()["fields"][:-1])),
         "BAD_AVRO", "event_id: the writer lacks it, and it has no default"),
        (registry.register("nobody-2", {"$schema": "http://json-schema.org/draft-07/schema#"}, schemaType="JSON"),
         "BAD_AVRO", "is of the type JSON"),
        (MADE_UP_ID, "UNKNOWN_SCHEMA", f"the registry has no schema of the id {MADE_UP_ID}"),
        (0xFFFFFFFF, "UNKNOWN_SCHEMA", "4294967295"),
    ]
    registry.register("part", {"type": "enum", "name": "Part", "symbols": ["A"]})
    whole = {"type": "record", "name": "Whole", "fields": [{"name": "part", "type": "Part"}]}
    cases.append((registry.register("nobody-3", whole, references=[{"name": "Part", "subject": "part", "version": 1}]),
                  "BAD_AVRO", "refers to other schemas"))
    pipeline.load(support.medway_reference())
    pipeline.daemon(registry__url=registry.url)
    for number, reason, detail in cases:
        pipeline.send([Record(DECLARATIONS, MEDWAY_COUNCIL.encode(), avro_write.confluent(number, b"\0"))] * 3)
        pipeline.wait_until_applied()
        check_rejected(pipeline, reason, detail)
    pipeline.send([own_record(WARDS[0])])
    pipeline.wait_until_applied()
    equal(pipeline.fates(), {"accepted": 1, "rejected": 3 * len(cases)}, "fates")
    check_kept(pipeline)


@test
def real_a_number_that_is_registered_later_counts_from_then_on(pipeline):
    registry = real_registry()
    pipeline.load(support.medway_reference())
    pipeline.daemon(registry__url=registry.url)
    number = registry.register("before", {"type": "fixed", "name": "Before", "size": 77}) + 1
    pipeline.send([feeds_record(number, WARDS[0])])
    pipeline.wait_until_applied()
    check_rejected(pipeline, "UNKNOWN_SCHEMA", "no schema of the id")
    equal(registry.register("late", feeds_schema("late")), number, "the next number")
    pipeline.send([feeds_record(number, WARDS[0])])
    pipeline.wait_until_applied()
    equal(pipeline.fates(), {"accepted": 1, "rejected": 1}, "fates")
    check_kept(pipeline)


@test
def real_down_at_the_start_its_lane_waits_and_others_go_on(pipeline):
    registry = real_registry()
    number = registry.register("feed", feeds_schema("down at the start"))
    pipeline.load(support.medway_reference())
    with registry_down(registry):
        pipeline.send([own_record(WARDS[0]), feeds_record(number, WARDS[1]), own_record(WARDS[2])])
        daemon = pipeline.daemon(registry__url=registry.url)
        daemon.wait_for_line(AWAY)
        wait_for(lambda: pipeline.ledger_count() == 2, "what stands before it is applied")
        pipeline.send([other_record()])
        wait_for(lambda: pipeline.ledger_count() == 3, "the other lane goes on")
        never_applied_while(pipeline, daemon, 3)
    daemon.wait_for_line(BACK)
    pipeline.wait_until_applied()
    check_accepted(pipeline, 3)
    equal([row["ballot_paper_id"] for row in reversed(newest(pipeline, 4))][-3:],
          [line["ballot_paper_id"] for line in WARDS[:3]], "the order of the lane")
    check_kept(pipeline)


@test
def real_down_in_the_middle_of_a_night_known_schemas_go_on(pipeline):
    registry = real_registry()
    known = registry.register("feed", feeds_schema("known"))
    unknown = registry.register("feed", feeds_schema("not known yet"))
    pipeline.load(support.medway_reference())
    daemon = pipeline.daemon(registry__url=registry.url)
    pipeline.send([feeds_record(known, line) for line in WARDS[:10]])
    pipeline.wait_until_applied()
    with registry_down(registry):
        pipeline.send([feeds_record(known, WARDS[10]), other_record(known)])
        pipeline.wait_until_applied()
        pipeline.send([feeds_record(unknown, WARDS[11])])
        daemon.wait_for_line(AWAY)
        pipeline.send([feeds_record(known, line) for line in WARDS[12:]])
    pipeline.wait_until_applied()
    check_accepted(pipeline, len(WARDS))
    equal(pipeline.control(MEDWAY)["headline"], "LAB GAIN MEDWAY FROM CON", "the headline")
    check_kept(pipeline)


@test
def real_a_daemon_that_starts_anew_needs_no_registry_for_known_schemas(pipeline):
    registry = real_registry()
    number = registry.register("feed", feeds_schema("restart"))
    pipeline.load(support.medway_reference())
    first = pipeline.daemon(registry__url=registry.url)
    pipeline.send([feeds_record(number, line) for line in WARDS[:12]])
    pipeline.wait_until_applied()
    first.kill()
    with registry_down(registry):
        second = pipeline.daemon(registry__url=registry.url, workers=2)
        pipeline.send([feeds_record(number, line) for line in WARDS[12:]] + [other_record(number)])
        pipeline.wait_until_applied()
        check_accepted(pipeline, len(WARDS))
        equal(second.lines(AWAY), [], "complaints")
    equal(pipeline.control(MEDWAY)["headline"], "LAB GAIN MEDWAY FROM CON", "the headline")
    check_kept(pipeline)


@test
def real_the_ledger_and_the_topics_are_replayed_without_it(pipeline):
    registry = real_registry()
    number = registry.register("feed", feeds_schema("replay"))
    weather = registry.register("weather", {"type": "record", "name": "Weather", "fields": []})
    pipeline.load(support.medway_reference())
    pipeline.daemon(registry__url=registry.url)
    pipeline.send([feeds_record(number, line) for line in WARDS]
                  + [feeds_record(weather, WARDS[0]), feeds_record(MADE_UP_ID, WARDS[0])])
    pipeline.wait_until_applied()
    equal(pipeline.fates(), {"accepted": len(WARDS), "rejected": 2}, "fates")
    with registry_down(registry):
        for source in ("ledger", "topics"):
            with support.Pipeline(own_topics=False) as again:
                pipeline.ctl("replay", "--from", source, "--into", again.uri)
                equal(again.fates(), pipeline.fates(), f"fates, from {source}")
                equal(again.control(MEDWAY)["headline"], "LAB GAIN MEDWAY FROM CON", f"the headline, from {source}")


@test
def real_one_that_hangs_keeps_no_daemon_from_ending(pipeline):
    registry = real_registry()
    number = registry.register("feed", feeds_schema("hangs"))
    pipeline.load(support.medway_reference())
    with registry.frozen():
        daemon = pipeline.daemon(registry__url=registry.url)
        pipeline.send([feeds_record(number, WARDS[0]), other_record()])
        wait_for(lambda: pipeline.ledger_count() == 2, "the other lane goes on")
        daemon.stop()
        second = pipeline.daemon(registry__url=registry.url)
        second.wait_for_line(AWAY, 60)
        pipeline.send([other_record()])
        wait_for(lambda: pipeline.ledger_count() == 3, "the other lane goes on")
    second.wait_for_line(BACK)
    pipeline.wait_until_applied()
    check_accepted(pipeline, 1)
    check_kept(pipeline)


# ---- the stand-in ----------------------------------------------------------------------------------------

@test
def stand_in_garbage_is_no_answer_and_is_waited_out(pipeline):
    good = schema_answer(feeds_schema())
    garbage = [(200, b"<html>welcome to the hotel</html>"), (200, b""), (200, good[:100]), (200, b"[1, 2]"),
               (200, b'{"error": "later"}'), (200, b'{"schema": 7}'), (500, b'{"error_code": 50001}'), (503, b""),
               (401, b""), (302, b""), (429, b""), (200, b"\xff" * 3000000), (200, b"[" * 100000)]
    pipeline.load(support.medway_reference())
    with StandInRegistry() as registry:
        daemon = pipeline.daemon(registry__url=registry.url)
        daemon.wait_until_reading()
        for i, answer in enumerate(garbage):
            registry.answer, before = (lambda path, a=answer: a), len(registry.asked)
            pipeline.send([feeds_record(MADE_UP_ID + i, WARDS[i])])
            registry.wait_until_asked(before + 3)
            equal(pipeline.ledger_count(), pipeline.sent - 1, f"rows, while the answer is {answer[0]} {answer[1][:40]}")
            registry.answer = lambda path: (200, good)
            pipeline.wait_until_applied()
        equal((len(daemon.lines(AWAY)), len(daemon.lines(BACK))), (len(garbage),) * 2, "lines, one for each trouble")
    check_accepted(pipeline, len(garbage))
    check_kept(pipeline)


@test
def stand_in_a_schema_too_large_is_rejected_and_holds_nobody_up(pipeline):
    pipeline.load(support.medway_reference())
    monster = dict(feeds_schema(), doc="x" * 300000)
    with StandInRegistry() as registry:
        answers = [(200, registry.endless(b'{"schema": "')), (200, schema_answer(monster)),
                   (200, b'{"references": [' + b"0," * 300000 + b"0]}"), (200, schema_answer({"type": "nothing"})),
                   (200, b'{"schema": "\\u0000"}'), (200, b'{"schema": ""}')]
        pipeline.daemon(registry__url=registry.url)
        for i, answer in enumerate(answers):
            registry.answer = lambda path, a=answer: a
            pipeline.send([feeds_record(MADE_UP_ID + i, WARDS[i])])
            pipeline.wait_until_applied()
            check_rejected(pipeline, "BAD_AVRO", "too large" if i in (0, 2) else "the writer's schema is refused")
    pipeline.send([own_record(WARDS[0])])
    pipeline.wait_until_applied()
    equal(pipeline.fates(), {"accepted": 1, "rejected": len(answers)}, "fates")
    check_kept(pipeline)


@test
def stand_in_a_slow_answer_is_waited_for_while_other_lanes_go_on(pipeline):
    pipeline.load(support.medway_reference())
    release = threading.Event()
    with StandInRegistry() as registry:
        registry.answer = lambda path: (200, registry.held_back(release, schema_answer(feeds_schema())))
        daemon = pipeline.daemon(registry__url=registry.url)
        pipeline.send([feeds_record(MADE_UP_ID, line) for line in WARDS[:5]])
        registry.wait_until_asked()
        pipeline.send([other_record()])
        wait_for(lambda: pipeline.ledger_count() == 2, "the other lane goes on")
        release.set()
        pipeline.wait_until_applied()
        equal((len(registry.asked), daemon.lines(AWAY)), (1, []), "questions, and complaints")
    check_accepted(pipeline, 5)
    check_kept(pipeline)


@test
def stand_in_slow_refusals_of_many_numbers_come_to_an_end(pipeline):
    """Each takes longer than a batch's patience, and the lanes wait for different ones."""
    pipeline.load(support.medway_reference())

    def slow(path):
        time.sleep(1.2)
        return 404, UNKNOWN
    with StandInRegistry() as registry:
        registry.answer = slow
        pipeline.daemon(registry__url=registry.url)
        pipeline.send([feeds_record(MADE_UP_ID + i, WARDS[i]) for i in range(3)]
                      + [other_record(MADE_UP_ID + i) for i in range(3)])
        pipeline.wait_until_applied()
    equal(pipeline.fates(), {"rejected": 6}, "fates")
    check_kept(pipeline)


@test
def stand_in_a_404_that_is_no_registrys_own_is_believed_when_it_lasts(pipeline):
    pipeline.load(support.medway_reference())
    with StandInRegistry() as registry:  # as one behind a proxy that does not know it yet
        registry.answer = lambda path: (404, b"<html>default backend - 404</html>")
        daemon = pipeline.daemon(registry__url=registry.url)
        pipeline.send([feeds_record(MADE_UP_ID, WARDS[0])])
        daemon.wait_for_line(AWAY)
        registry.wait_until_asked(3)
        equal(pipeline.ledger_count(), 1, "rows")
        registry.answer = lambda path: (200, schema_answer(feeds_schema()))
        pipeline.wait_until_applied()
        check_accepted(pipeline, 1)
        registry.answer = lambda path: (404, b"")
        pipeline.send([feeds_record(MADE_UP_ID + 1, WARDS[1])])
        pipeline.wait_until_applied()
        check_rejected(pipeline, "UNKNOWN_SCHEMA", "HTTP status 404")
    check_kept(pipeline)


@test
def stand_in_a_batch_asks_once_for_a_number_nobody_has(pipeline):
    pipeline.load(support.medway_reference())
    with StandInRegistry() as registry:
        registry.answer = lambda path: (404, UNKNOWN)
        pipeline.send([feeds_record(MADE_UP_ID, WARDS[0])] * 500)
        pipeline.daemon(registry__url=registry.url)
        pipeline.wait_until_applied()
        assert len(registry.asked) < 100, f"{len(registry.asked)} questions for 500 records of one number"
    equal(pipeline.fates(), {"rejected": 500}, "fates")


@test
def stand_in_more_schemas_than_a_worker_keeps(pipeline):
    pipeline.load(support.medway_reference())
    with StandInRegistry() as registry:
        registry.answer = lambda path: (200, schema_answer(feeds_schema(path)))
        pipeline.send([feeds_record(MADE_UP_ID + i, WARDS[i % len(WARDS)]) for i in range(300)])
        pipeline.daemon(registry__url=registry.url)
        pipeline.wait_until_applied()
        pipeline.daemons[0].kill()
        asked = len(registry.asked)
        equal(asked, 300, "questions")
        pipeline.daemon(registry__url=registry.url)
        pipeline.send([feeds_record(MADE_UP_ID + i, WARDS[i % len(WARDS)]) for i in range(300)])
        pipeline.wait_until_applied()
        equal(len(registry.asked), asked, "questions, after the new daemon has read all again")
    equal(pipeline.fates(), {"accepted": len(WARDS), "duplicate": 600 - len(WARDS)}, "fates")
    check_kept(pipeline)


@test
def stand_in_another_registry_may_give_the_number_to_another_schema(pipeline):
    pipeline.load(support.medway_reference())
    ours = dict(avro_write.own_schema("ward-declaration.avsc"), doc="without a field in front")
    ours["fields"].append({"name": "feed_number", "type": "double"})
    with StandInRegistry() as before, StandInRegistry() as after:
        before.answer = lambda path: (200, schema_answer(feeds_schema()))
        after.answer = lambda path: (200, schema_answer(ours))
        first = pipeline.daemon(registry__url=before.url)
        pipeline.send([feeds_record(MADE_UP_ID, line) for line in WARDS[:12]])
        pipeline.wait_until_applied()
        first.stop()
        pipeline.daemon(registry__url=after.url)
        pipeline.send([feeds_record(MADE_UP_ID, line, ours) for line in WARDS[12:]])
        pipeline.wait_until_applied()
    check_accepted(pipeline, len(WARDS))
    equal(pipeline.control(MEDWAY)["headline"], "LAB GAIN MEDWAY FROM CON", "the headline")
    check_kept(pipeline)


@test
def stand_in_a_login_is_given_and_never_told(pipeline):
    pipeline.load(support.medway_reference())
    with StandInRegistry() as registry:
        registry.answer = lambda path: (200, schema_answer(feeds_schema()))
        registry.want_login("desk", "hush-hush")
        wrong = pipeline.daemon(registry__url=registry.url, registry__user="desk", registry__password="psst-psst")
        pipeline.send([feeds_record(MADE_UP_ID, WARDS[0])])
        wrong.wait_for_line(AWAY)
        assert "HTTP status 401" in wrong.lines(AWAY)[0], wrong.lines(AWAY)
        wrong.stop()
        right = pipeline.daemon(registry__url=registry.url, registry__user="desk", registry__password="hush-hush")
        pipeline.wait_until_applied()
        right.stop()
        pipeline.send([feeds_record(MADE_UP_ID + 1, WARDS[1])])
        in_url = pipeline.daemon(registry__url=registry.url.replace("//", "//desk:hush-hush@"))
        pipeline.wait_until_applied()
        for daemon in (wrong, right, in_url):
            assert "hush-hush" not in daemon.log() and "psst-psst" not in daemon.log(), daemon.log()
    equal(pipeline.value("SELECT count(*) FROM declared.registry_schema WHERE registry LIKE '%hush%'"), 0, "logins")
    check_accepted(pipeline, 2)


@test
def stand_in_a_certificate_that_nobody_vouches_for_is_no_registry(pipeline):
    pipeline.load(support.medway_reference())
    with tempfile.TemporaryDirectory() as folder:
        pair, certificate = registry_servers.self_signed_certificate(folder)
        with StandInRegistry(pair) as registry:
            registry.answer = lambda path: (200, schema_answer(feeds_schema()))
            daemon = pipeline.daemon(registry__url=registry.url)
            pipeline.send([feeds_record(MADE_UP_ID, WARDS[0])])
            daemon.wait_for_line(AWAY)
            assert "certificate" in daemon.lines(AWAY)[0], daemon.lines(AWAY)
            equal(pipeline.ledger_count(), 1, "rows")
            daemon.stop()
            pipeline.daemon(registry__url=registry.url, registry__ca=certificate)
            pipeline.wait_until_applied()
    check_accepted(pipeline, 1)


def leave_out_what_cannot_be_had():
    """Without the real registry its tests are left out, which is a failure where CI=true."""
    try:
        registry_servers.apicurio_folder()
    except registry_servers.Missing as reason:
        left_out = [function for function in support.TESTS if function.__name__.startswith("real_")]
        print(f"left out, {len(left_out)} tests: {reason}")
        if os.environ.get("CI") != "true":
            support.TESTS[:] = [function for function in support.TESTS if function not in left_out]


if __name__ == "__main__":
    leave_out_what_cannot_be_had()
    support.main()
