#!/usr/bin/env python3
"""`declared-gateway`'s stream: nothing missed, nothing twice, whatever is cut off, killed or slow."""

import contextlib
import json
import os
import selectors
import socket
import sys

sys.dont_write_bytecode = True

import support  # noqa: E402
from gateway_support import Follower, Gateway, Reader, by_election, expected_events, gateway  # noqa: E402
from support import BIN, MEDWAY, equal, run, seeded, test, wait_for  # noqa: E402

WARDS = support.medway_declarations()


def corrected(ward, revision):
    """The ward again, one vote more for the last candidate."""
    again = json.loads(json.dumps(ward))
    again.update(event_id=None, kind="CORRECTED", revision=revision, basis="TRANSCRIPTION_FIX")
    del again["event_id"]
    again["candidates"][-1]["votes"] += 1
    return again


def simulated(pipeline, rng, councils, declarations):
    """A made-up night over all lanes: its reference data are loaded, its lines returned."""
    reference = os.path.join(support.LOCAL, "run", pipeline.name + ".json")
    lines = run([os.path.join(BIN, "declarectl"), "simulate", "--seed", str(rng.randrange(10**9)), "--councils",
                 str(councils), "--declarations", str(declarations), "--corrections", "0.2", "--duplicates", "0.1",
                 "--reference", reference], pipeline.env).stdout.splitlines()
    with open(reference, encoding="utf-8") as file:
        loaded = json.load(file)
    for number, council in enumerate(loaded["councils"]):
        council["region"] = ("South East", "North West", "London")[number % 3]
    pipeline.load(loaded)
    os.unlink(reference)
    return lines


def chunks(rng, lines, most):
    """The lines in their order, a few at a time."""
    at = 0
    while at < len(lines):
        size = rng.randint(1, most)
        yield lines[at:at + size]
        at += size


def expect_complete(follower, expected, who):
    assert follower.problem is None, follower.problem
    equal(by_election(follower.events), expected, f"what {who} was told")
    ids = [event.id for event in follower.events]
    equal(len(set(ids)), len(ids), f"ids of {who}")


def wait_for_all(followers, expected):
    count = sum(map(len, expected.values()))
    wait_for(lambda: all(follower.count() >= count for follower in followers), f"{count} events at each")


# ---- cut off at random -----------------------------------------------------------------------------------

@test
def ten_clients_cut_off_and_resumed_at_random_through_the_medway_night_are_told_the_same_and_all(pipeline):
    rng = seeded("cuts")
    night = WARDS + [corrected(ward, 2) for ward in rng.sample(WARDS, 6)]
    with gateway(pipeline) as server:
        followers = [Follower(server).connect() for _ in range(10)]  # before there is anything
        pipeline.load(support.medway_reference())
        pipeline.daemon()
        for chunk in chunks(rng, night, 3):
            for follower in rng.sample(followers, rng.randint(0, 5)):
                follower.cut()
                follower.connect()
            pipeline.publish(chunk)
        pipeline.wait_until_applied()
        for follower in followers:
            follower.cut()
            follower.connect()
        expected = expected_events(pipeline)
        assert len(expected[MEDWAY]) > 49, expected
        wait_for_all(followers, expected)
        for number, follower in enumerate(followers):
            expect_complete(follower, expected, f"client {number}")
            equal([event.place() for event in follower.events], [event.place() for event in followers[0].events],
                  f"the order that client {number} saw")


@test
def a_night_of_many_councils_on_all_lanes_is_told_whole_to_clients_cut_off_at_random(pipeline):
    rng = seeded("cuts on all lanes")
    with gateway(pipeline) as server:
        followers = [Follower(server).connect() for _ in range(10)]
        pipeline.daemon(workers=3)
        lines = simulated(pipeline, rng, councils=24, declarations=600)
        for chunk in chunks(rng, lines, 60):
            pipeline.publish(chunk)
            for follower in rng.sample(followers, rng.randint(0, 5)):
                follower.cut()
                follower.connect()
        pipeline.wait_until_applied()
        expected = expected_events(pipeline)
        lanes = pipeline.value("SELECT count(DISTINCT lane) FROM api.event")
        assert lanes > 3, f"a night on {lanes} lanes"
        wait_for_all(followers, expected)
        for number, follower in enumerate(followers):
            expect_complete(follower, expected, f"client {number}")


@test
def every_id_is_resumed_with_what_follows_it_and_nothing_else(pipeline):
    rng = seeded("ids")
    with gateway(pipeline) as server:
        pipeline.daemon(workers=2)
        pipeline.publish(simulated(pipeline, rng, councils=12, declarations=200))
        pipeline.wait_until_applied()
        whole = Follower(server, "/v1/stream?last_event_id=start").connect()
        expected = expected_events(pipeline)
        wait_for_all([whole], expected)
        expect_complete(whole, expected, "the client from the start")
        for at in rng.sample(range(len(whole.events)), 40):
            rest = by_election(whole.events[at + 1:])
            follower = Follower(server, last_event_id=whole.events[at].id).connect()
            wait_for_all([follower], rest)
            follower.cut()
            equal(by_election(follower.events), rest, f"what follows {whole.events[at].id}")


# ---- what fails in between -------------------------------------------------------------------------------

@test
def nothing_is_missed_when_the_listener_is_cut_off_or_notifications_are_lost(pipeline):
    rng = seeded("lost notifications")
    with gateway(pipeline) as server:
        pipeline.load(support.medway_reference())
        pipeline.daemon()
        pipeline.wait_until_applied()
        follower = Follower(server, "/v1/stream?last_event_id=start").connect()
        for chunk in chunks(rng, WARDS, 3):
            run(["psql", "--no-psqlrc", "-qAtc", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE application_name = 'declared-gateway'", server.env["DECLARED_POSTGRES_URI"]], pipeline.env)
            pipeline.publish(chunk)
        pipeline.wait_until_applied()
        expected = expected_events(pipeline)
        wait_for_all([follower], expected)
        expect_complete(follower, expected, "the client")
        assert server.metric("declared_gateway_listen_connects_total") > 2


@test
def a_stream_outlives_a_postgresql_that_is_killed_and_started_again(pipeline):
    with gateway(pipeline) as server:
        pipeline.load(support.medway_reference())
        pipeline.daemon()
        follower = Follower(server, "/v1/stream?last_event_id=start").connect()
        pipeline.publish(WARDS[:12])
        pipeline.wait_until_applied()
        with support.down("postgres"):
            newcomer = Follower(server, "/v1/stream?last_event_id=start").connect_without_id()
            wait_for(lambda: server.request("/readyz").status == 503, "PostgreSQL is away")
        pipeline.publish(WARDS[12:])
        pipeline.wait_until_applied()
        expected = expected_events(pipeline)
        wait_for_all([follower, newcomer], expected)
        expect_complete(follower, expected, "the client from before")
        expect_complete(newcomer, expected, "the client that came meanwhile")


@test
def another_gateway_resumes_what_the_first_began(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    reader = Reader(pipeline)
    try:
        env = dict(pipeline.env, DECLARED_POSTGRES_URI=reader.uri)
        first = Gateway(env)
        follower = Follower(first, "/v1/stream?last_event_id=start").connect()
        pipeline.publish(WARDS[:15])
        wait_for(lambda: follower.count() > 15, "some events")
        first.kill()
        follower.cut()
        second = Gateway(env)
        try:
            follower.server = second
            pipeline.publish(WARDS[15:])
            follower.connect()
            pipeline.wait_until_applied()
            expected = expected_events(pipeline)
            wait_for_all([follower], expected)
            expect_complete(follower, expected, "the client of both")
        finally:
            second.kill()
    finally:
        reader.drop()


@test
def an_id_of_another_database_is_told_and_followed_by_what_happens_now(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.wait_until_applied()
    with gateway(pipeline) as server:
        follower = Follower(server, last_event_id="3:999").connect_without_id()
        wait_for(lambda: follower.count() == 1, "the event")
        equal(follower.events[0].kind, "reset", "its kind")
        pipeline.publish(WARDS[:1])
        wait_for(lambda: follower.count() > 1, "what happens now")
        equal(follower.events[1].data["seq"], 2, "its seq")
        for id_ in ("nonsense", "3:", "3:1,3:2", "5:1,3:1", "3:1.", "-1:1", "99999999999:1", "3:1" * 2000):
            answer = server.request("/v1/stream", headers={"Last-Event-ID": id_[:4000]})
            equal(answer.status, 400, id_[:40])


# ---- filters ---------------------------------------------------------------------------------------------

@test
def filters_let_through_what_they_name(pipeline):
    rng = seeded("filters")
    with gateway(pipeline) as server:
        pipeline.daemon(workers=2)
        lines = simulated(pipeline, rng, councils=12, declarations=300)
        pipeline.wait_until_applied()
        councils = pipeline.rows("SELECT DISTINCT council_id, election_id, region FROM api.council_control ORDER BY 1")
        one, two = councils[0], councils[1]
        parties = "(control = 'PP53' OR previous_control = 'PP53')"
        cases = [("kind=flash", "kind = 'flash'"), ("kind=snapshot,fact", "kind <> 'flash'"),
                 (f"council={one['council_id']}", f"council_id = '{one['council_id']}'"),
                 (f"election={one['election_id']},{two['election_id']}&kind=snapshot",
                  f"election_id IN ('{one['election_id']}', '{two['election_id']}') AND kind = 'snapshot'"),
                 (f"region={one['region'].replace(' ', '%20')}", f"region = '{one['region']}'"),
                 ("party=PP53", parties), ("region=Nowhere", "false")]
        followers = [Follower(server, f"/v1/stream?last_event_id=start&{query}").connect_without_id()
                     for query, _ in cases]
        pipeline.publish(lines)
        pipeline.wait_until_applied()
        for (query, where), follower in zip(cases, followers):
            expected = expected_events(pipeline, where=where)
            assert expected or where == "false", f"{query} names nothing"
            wait_for_all([follower], expected)
            expect_complete(follower, expected, query)
        equal(server.get("/v1/stream?kind=gossip", 400).json()["status"], 400, "a kind that there is not")


@test
def a_rehearsal_is_heard_below_test_alone(pipeline):
    with gateway(pipeline) as server:
        live, rehearsal = (Follower(server, path).connect() for path in ("/v1/stream", "/test/v1/stream"))
        pipeline.load(support.medway_reference())
        pipeline.daemon()
        pipeline.publish([dict(ward, is_test=True) for ward in WARDS])
        pipeline.wait_until_applied()
        wait_for_all([rehearsal], expected_events(pipeline, "api_test"))
        pipeline.publish(WARDS[:1])
        wait_for(lambda: live.count() >= sum(map(len, expected_events(pipeline).values())) > 1, "the live ward")
        expect_complete(live, expected_events(pipeline), "the live client")
        expect_complete(rehearsal, expected_events(pipeline, "api_test"), "the rehearsal's client")


# ---- many, idle, slow ------------------------------------------------------------------------------------

class Crowd:
    """Many clients in one thread."""

    def __init__(self, server, count):
        self.selector = selectors.DefaultSelector()
        self.heard = {}
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: test\r\n\r\n")
            client.setblocking(False)
            self.selector.register(client, selectors.EVENT_READ)
            self.heard[client] = bytearray()

    def listen(self):
        for key, _ in self.selector.select(0.05):
            data = key.fileobj.recv(1 << 20)
            assert data, f"a client was cut off after {bytes(self.heard[key.fileobj][-200:])}"
            self.heard[key.fileobj] += data

    def all_heard(self, text, times=1):
        self.listen()
        return all(heard.count(text) >= times for heard in self.heard.values())

    def close(self):
        for client in self.heard:
            client.close()


@test
def a_thousand_clients_are_served_by_one_read_of_the_database_for_all(pipeline):
    with gateway(pipeline) as server:
        pipeline.load(support.medway_reference())
        pipeline.daemon()
        wait_for(lambda: server.metric("declared_gateway_stream_events_total") == 2, "the reference, in both schemas")
        with contextlib.closing(Crowd(server, 1000)) as crowd:
            wait_for(lambda: crowd.all_heard(b"id: "), "all are there")
            equal(server.metric("declared_gateway_stream_clients"), 1000, "clients")
            before = server.metric("declared_gateway_stream_events_total")
            pipeline.publish(WARDS)
            pipeline.wait_until_applied()
            events = pipeline.value("SELECT count(*) FROM api.event WHERE lane_seq > 1")
            wait_for(lambda: crowd.all_heard(b"\nevent: ", events), "the night at all", 60)
            equal({bytes(heard).count(b"\nevent: ") for heard in crowd.heard.values()}, {events}, "events told")
            equal(server.metric("declared_gateway_stream_events_total") - before, events, "events read")
            equal(server.metric("declared_gateway_stream_dropped_total"), 0, "dropped")
        wait_for(lambda: server.metric("declared_gateway_stream_clients") == 0, "all are gone", 60)


@test
def a_client_that_does_not_read_is_dropped_and_nobody_waits_for_it(pipeline):
    rng = seeded("a slow client")
    with gateway(pipeline) as server:
        pipeline.daemon(workers=2)
        lines = simulated(pipeline, rng, councils=24, declarations=1500)
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", server.port))
            slow.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: test\r\n\r\n")
            follower = Follower(server, "/v1/stream?last_event_id=start").connect()
            pipeline.publish(lines)
            pipeline.wait_until_applied()
            expected = expected_events(pipeline)
            wait_for_all([follower], expected)
            expect_complete(follower, expected, "the client that reads")
            wait_for(lambda: server.metric("declared_gateway_stream_dropped_total") == 1, "the slow one is dropped", 60)
            equal(server.metric("declared_gateway_stream_clients"), 1, "clients")


@test
def a_silent_night_is_kept_open_by_comments_that_carry_the_id(pipeline):
    with gateway(pipeline) as server:
        pipeline.load(support.medway_reference())
        pipeline.daemon()
        pipeline.wait_until_applied()
        follower = Follower(server, "/v1/stream?kind=flash").connect()
        before = follower.last_event_id
        pipeline.publish(WARDS[:5])
        pipeline.wait_until_applied()
        wait_for(lambda: follower.last_event_id != before, "an id without an event", 60)
        equal(follower.count(), 0, "events")
        follower.cut()
        follower.connect()
        pipeline.publish(WARDS[5:])
        pipeline.wait_until_applied()
        wait_for_all([follower], expected_events(pipeline, where="kind = 'flash'"))


@test
def it_ends_within_5_seconds_with_clients_on_every_stream(pipeline):
    with gateway(pipeline) as server:
        with contextlib.closing(Crowd(server, 200)) as crowd:
            wait_for(lambda: crowd.all_heard(b"id: "), "all are there")
            server.stop()
        server.stop = server.check_alive = lambda: None


if __name__ == "__main__":
    support.main()
