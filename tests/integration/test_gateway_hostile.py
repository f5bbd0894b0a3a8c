#!/usr/bin/env python3
"""Hostile HTTP: `declared-gateway` neither crashes nor stops answering others, and nothing of it reaches the ledger."""

import contextlib
import http.client
import socket
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True

import support  # noqa: E402
from gateway_support import gateway  # noqa: E402
from support import MEDWAY, equal, seeded, test, wait_for  # noqa: E402

WARDS = support.medway_declarations()
LEDGER = "SELECT md5(string_agg(l::text, ';' ORDER BY lane, lane_seq)) FROM declared.ledger l"


def play(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.publish(WARDS[:20])
    pipeline.wait_until_applied()


@contextlib.contextmanager
def unharmed(pipeline):
    """A gateway that answers as before afterwards, on a ledger that nobody has touched, beside a daemon at work."""
    play(pipeline)
    with gateway(pipeline) as server:
        ledger, expected = pipeline.value(LEDGER), server.get("/v1/elections").body
        yield server
        server.check_alive()
        equal(server.get("/v1/elections").body, expected, "the list")
        equal(pipeline.value(LEDGER), ledger, "the ledger")
        equal(server.request("/readyz").status, 200, "/readyz")
        pipeline.publish(WARDS[20:])
        pipeline.wait_until_applied()
        wait_for(lambda: server.json(f"/v1/elections/{MEDWAY}")["status"] == "final", "the rest of the night")


def raw(server, data, timeout=30):
    """All that comes back for these bytes until the server closes, or says nothing more for that time."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as client:
        with contextlib.suppress(OSError):  # it may have answered and closed already
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        found = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            while part := client.recv(65536):
                found += part
        return found


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None


# ---- targets ---------------------------------------------------------------------------------------------

SQL = ("'; DROP TABLE declared.ledger; --", "' OR '1'='1", "$1", "$$; SELECT pg_sleep(10); $$", "\\'; SELECT 1; --",
       "1); DELETE FROM declared.lane; --", "%'", "\u2019 OR 1=1", "a" * 256, "NULL", "{}", "{a,b}", "\u202e", "@.lane",
       "api.lane")


@test
def sql_in_every_parameter_is_a_value_and_nothing_more(pipeline):
    with unharmed(pipeline) as server:
        for text in SQL:
            value = urllib.parse.quote(text, safe="")
            for name in ("region", "party"):
                equal(server.json(f"/v1/elections?{name}={value}"), [], f"{name} {text}")
            for path in (f"/v1/elections/{value}", f"/v1/councils/{value}", f"/v1/ballots/{value}",
                         f"/v1/elections/{value}/history", f"/v1/ballots/{value}/audit"):
                equal(server.request(path).status, 404, path)
            for name in ("date", "status", "at", "format", "flat", "parties", "by", value):
                equal(server.request(f"/v1/totals?{name}={value}").status, 400, f"{name} {text}")
            for name in ("council", "election", "kind", "last_event_id"):
                assert server.request(f"/v1/stream?{name}={value}", "HEAD").status in (200, 400), f"{name} {text}"
        errors = [line for line in server.log().splitlines() if " error " in line]
        equal(errors, [], "errors in the log")


@test
def bad_targets_are_refused(pipeline):
    with unharmed(pipeline) as server:
        for target, status in (
                (b"/v1/elections/%00", 400), (b"/v1/elections/%zz", 400), (b"/v1/elections/%", 400), (b"/%ff%fe", 400),
                (b"/v1/elections?region=%c3%28", 400), (b"/v1/elections?region=%ed%a0%80", 400), (b"/\xff\xfe", 400),
                (b"/v1/elections?region=%0d%0aSet-Cookie:x", 400), (b"/v1/elections?" + b"a" * 4090, 414),
                (b"/" + b"a/" * 100, 400), (b"/v1/elections?" + b"&".join(b"a%d=1" % i for i in range(40)), 400),
                (b"/v1/elections/" + b"a" * 257, 400), (b"http://elsewhere/v1/elections", 400), (b"*", 400),
                (b"/v1/elections?at=0000-01-01T00:00:00Z", 400), (b"/v1/elections?at=9999-12-31T23:59:59Z", 200),
                (b"/v1/elections?at=0001-01-01T00:00:00Z", 200), (b"/v1/elections?date=9999-12-31", 200),
                (b"//v1//elections", 404), (b"/v1/elections;x", 404), (b"/V1/elections", 404)):
            answer = raw(server, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            found = status_of(answer)
            assert found == status, f"{target[:60]}: {answer[:300]}"
            assert b"Set-Cookie" not in answer.split(b"\r\n\r\n")[0], answer


@test
def bad_requests_are_refused_or_cut_off(pipeline):
    with unharmed(pipeline) as server:
        head = b"GET /v1/elections HTTP/1.1\r\nHost: x\r\n"
        for data in (b"\r\n\r\n", b"GET\r\n\r\n", b"\0" * 5000, b"\xff" * 5000, b"GET / HTTP/9.9\r\n\r\n",
                     b"GET / \r\n\r\n",
                     head + b"X: " + b"a" * 100_000 + b"\r\n\r\n", head + b"a: b\r\n" * 20_000 + b"\r\n",
                     head + b"no colon\r\n\r\n", head + b"Content-Length: -1\r\n\r\n",
                     head + b"Content-Length: 9e9\r\n\r\n",
                     head + b"Content-Length: 99999999999999999999\r\n\r\n", b"A" * 200_000,
                     b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            answer = raw(server, data, timeout=3)  # what is no whole request is given 30 s
            refused = status_of(answer) in (400, 404, 405, 413, 414, 431, 500, 501, 505)
            assert answer == b"" or refused, f"{data[:60]}: {answer[:200]}"
        for extra in (b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                      b"Content-Length: 1000000000000\r\n\r\nx"):
            equal(status_of(raw(server, head + extra)), 400, f"a body: {extra[:40]}")
        posted = raw(server, b"POST /v1/elections HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nnine byte")
        equal(status_of(posted), 405, "POST")


@test
def fuzzed_requests_never_end_it(pipeline):
    rng = seeded("fuzzed requests")
    good = [b"GET /v1/elections?date=2023-05-04&region=South%20East&at=2023-05-05T01:00:00%2B01:00 HTTP/1.1\r\n"
            b"Host: x\r\nIf-None-Match: \"abc\", W/\"def\"\r\nAccept-Encoding: gzip;q=0.5, br\r\n"
            b"Connection: close\r\n\r\n",
            b"GET /v1/elections/local.medway.2023-05-04/ballots.csv?parties=3 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"HEAD /v1/stream?council=E06000035&kind=flash,fact&last_event_id=3:25.1,4:7 HTTP/1.1\r\nHost: x\r\n"
            b"Last-Event-ID: 0:1,3:2.1\r\n\r\n",
            b"OPTIONS /v1/totals.xml?by=party HTTP/1.0\r\nOrigin: http://x\r\n\r\n",
            b"GET /board/local.medway.2023-05-04 HTTP/1.1\r\nHost: x\r\n\r\n"]
    pieces = [b"%", b"%00", b"\0", b"\xff", b"..", b"/", b"?", b"&", b"=", b"\r\n", b"'", b";", b"a" * 500,
              b"99999999999", b"-1", b":", b",", b".", b" ", b"HTTP/1.1"]
    with unharmed(pipeline) as server:
        for _ in range(1500):
            data = bytearray(rng.choice(good))
            for _ in range(rng.randint(1, 6)):
                at = rng.randrange(len(data))
                match rng.randrange(4):
                    case 0:
                        data[at] = rng.randrange(256)
                    case 1:
                        del data[at:at + rng.randint(1, 20)]
                    case 2:
                        data[at:at] = rng.choice(pieces)
                    case 3:
                        data[at:at] = data[rng.randrange(len(data)):][:rng.randint(1, 40)]
                if not data:
                    break
            with socket.create_connection(("127.0.0.1", server.port), timeout=0.1) as client:
                with contextlib.suppress(ConnectionError, TimeoutError):
                    client.sendall(data)
                    client.recv(4096)
        server.check_alive()


# ---- connections -----------------------------------------------------------------------------------------

@test
def two_thousand_connections_leave_room_for_one_more(pipeline):
    with unharmed(pipeline) as server:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
                       for _ in range(2000)]
            for number, client in enumerate(clients):  # some silent, some halfway, some with a request, some streams
                client.sendall((b"", b"GET /v1/elect", b"GET /v1/elections HTTP/1.1\r\nHost: x\r\n\r\n",
                                b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")[number % 4])
            equal(server.get("/v1/elections").status, 200, "one more")
            for client in clients[2::4]:
                equal(status_of(client.recv(65536)), 200, "a request among them")
            for client in clients[3::4]:
                equal(status_of(client.recv(65536)), 200, "a stream among them")
        wait_for(lambda: server.metric("declared_gateway_stream_clients") == 0, "the streams are gone", 60)


@test
def more_connections_than_allowed_wait_and_are_served_when_others_go(pipeline):
    play(pipeline)
    with gateway(pipeline, gateway__connections=16) as server:
        streams = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(20)]
        for client in streams:
            client.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        statuses = [status_of(client.recv(65536)) for client in streams[:16]]
        equal((statuses.count(200), statuses.count(503)), (14, 2), "streams, and those there is no room for")
        for client in streams:
            client.close()
        wait_for(lambda: server.request("/v1/elections").status == 200, "an answer for others", 60)


@test
def who_sends_its_head_a_byte_at_a_time_is_cut_off(pipeline):
    with unharmed(pipeline) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
            head = b"GET /v1/elections HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 10_000
            sent = 0
            began = time.monotonic()
            with contextlib.suppress(ConnectionError):
                while sent < len(head):
                    client.sendall(head[sent:sent + 1])
                    sent += 1
                    assert time.monotonic() - began < 120, "it is still listened to"
                    time.sleep(0.2)
            assert sent < len(head), "the whole head was taken"


@test
def connections_cut_off_in_the_middle_of_answers_leave_nothing_behind(pipeline):
    with unharmed(pipeline) as server:
        for number in range(300):
            client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            client.request("GET", ("/v1/elections", f"/v1/elections/{MEDWAY}/history", "/v1/stream?last_event_id=start",
                                   f"/v1/elections/{MEDWAY}/candidates.xml")[number % 4])
            if number % 3:
                client.getresponse().read(10)
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # RST
            client.close()
        wait_for(lambda: server.metric("declared_gateway_stream_clients") == 0, "the streams are gone", 60)


if __name__ == "__main__":
    support.main()
