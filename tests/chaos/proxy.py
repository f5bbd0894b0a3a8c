#!/usr/bin/env python3
"""A TCP proxy that misbehaves on command, between a daemon and its servers.

    proxy.py CONTROL            listens on the Unix socket CONTROL until its input ends

A link is a port of 127.0.0.1 that leads to one server. Commands and answers are lines of JSON:

    {"do": "open", "link": NAME, "kind": "postgres"|"kafka", "target": PORT}     {"port": PORT}
    {"do": "close", "link": NAME}
    {"do": "set", "link": NAME, "mode": MODE, "delay_ms": N}
    {"do": "cut", "link": NAME}               resets every connection of the link
    {"do": "status", "link": NAME}            {"mode", "connections", "fired", "small"}

Modes, of all connections of a link, those to come included:

    pass               bytes go through; the last command's delay is over
    delay              each piece waits delay_ms
    hole               nothing goes through and nothing is said; on `pass` it all flows again
    refuse             connections are reset, now and as they come
    drop-commit        postgres: once the server has answered a COMMIT that followed a COPY or an INSERT, the
                       connection is reset before a byte of the answer is handed on
    drop-before-commit postgres: the last CopyDone of such a transaction, or the Execute of its COMMIT, is handed on
                       and the connection reset at once: whether it was committed, nobody knows
    hold-in-copy       postgres: a connection on which a COPY begins is a hole from then on, its transaction open
    hold-before-commit postgres: the same, once all of a transaction that inserts has been handed on but its COMMIT

`fired` counts what the last four have done, `small` what of it was done to transactions that wrote by prepared
statements, in one pipeline, and copied nothing. The drops happen once; then the link is back at `pass`.

Kafka's clients connect to the addresses that the broker names in its answers: on a kafka link the
target's port in them is replaced by the link's own.
"""

import asyncio
import json
import os
import re
import socket
import struct
import sys

PIECE = 64 * 1024
HOST = "127.0.0.1"
HOLDS = ("hold-in-copy", "hold-before-commit")


class Messages:
    """Cuts one direction of a PostgreSQL connection into its messages."""

    def __init__(self, from_client):
        self.rest = b""
        self.startup = from_client  # the first message has no type

    def feed(self, data):
        self.rest += data
        while True:
            head = 0 if self.startup else 1
            if len(self.rest) < head + 4:
                return
            size = head + struct.unpack_from(">I", self.rest, head)[0]
            if len(self.rest) < size:
                return
            message, self.rest = self.rest[:size], self.rest[size:]
            if not self.startup:
                yield message[:1], message[5:]
            self.startup = False


class Pipeline:
    """Follows a client's prepared statements, to the COMMIT of a transaction that inserts."""

    def __init__(self):
        self.kinds = {}  # name of a statement -> its first word
        self.bound = None
        self.wrote = False

    def commits(self, kind, body):
        """True: this message executes such a COMMIT."""
        if kind == b"P":
            name, query = body.split(b"\0", 2)[:2]
            self.kinds[name] = query.split(maxsplit=1)[0].upper() if query.split() else b""
        elif kind == b"B":
            self.bound = self.kinds.get(body.split(b"\0", 2)[1])
        elif kind == b"E" and self.bound == b"INSERT":
            self.wrote = True
        elif (kind == b"E" and self.bound == b"COMMIT") or kind == b"S":
            committed, self.wrote = self.wrote and kind == b"E", False
            return committed
        return False


class Transactions:
    """Watches a PostgreSQL connection for transactions that write: large ones by COPY, small ones in a pipeline."""

    def __init__(self):
        self.client = Messages(True)
        self.server = Messages(False)
        self.pipeline = Pipeline()
        self.copies_left = 0
        self.wrote = None  # "large", "small"
        self.commit_at = 0  # where in the bytes that were sent last the message with the COMMIT begins

    def sent(self, data):
        """'large' when these bytes of the client end its last COPY before COMMIT, 'small' when a COMMIT is in them."""
        ended = None
        for kind, body in self.client.feed(data):
            if kind == b"Q":
                self.copies_left = len(re.findall(rb"\bCOPY \w", body)) if b"COMMIT" in body else 0
            elif kind == b"c" and self.copies_left > 0:
                self.copies_left -= 1
                ended = "large" if self.copies_left == 0 else ended
            elif self.pipeline.commits(kind, body):
                ended = "small"
                self.commit_at = max(0, len(data) - len(self.client.rest) - 5 - len(body))
        return ended

    def answered(self, data):
        """'copy' when a COPY has begun, 'large' or 'small' when the COMMIT of such a transaction was answered."""
        event = None
        for kind, body in self.server.feed(data):
            if kind == b"G":
                self.wrote = "large"
                event = "copy"
            elif kind == b"C" and body.startswith(b"INSERT "):
                self.wrote = self.wrote or "small"
            elif kind == b"C" and body == b"COMMIT\0":
                event = self.wrote or event
                self.wrote = None
            elif kind == b"Z":
                self.wrote = None
        return event


class Addresses:
    """Puts the link's port for the broker's into what the broker answers."""

    def __init__(self, target, port):
        self.old = HOST.encode() + struct.pack(">I", target)
        self.new = HOST.encode() + struct.pack(">I", port)
        self.rest = b""
        self.passing = 0  # bytes left of an answer too large to name addresses

    def feed(self, data):
        out = []
        while data or self.rest:
            if self.passing:
                out.append(data[:self.passing])
                data, self.passing = data[self.passing:], self.passing - len(out[-1])
                if not data:
                    break
                continue
            self.rest, data = self.rest + data, b""
            if len(self.rest) < 4:
                break
            size = 4 + struct.unpack_from(">I", self.rest)[0]
            if size > PIECE:
                self.passing, data, self.rest = size, self.rest, b""
            elif len(self.rest) < size:
                break
            else:
                out.append(self.rest[:size].replace(self.old, self.new))
                self.rest, data = b"", self.rest[size:]
        return b"".join(out)


class Cut(Exception):
    pass


class Connection:
    def __init__(self, link, client, server):
        self.link = link
        self.writers = [client[1], server[1]]
        self.pumps = [asyncio.ensure_future(self.pump(client[0], server[1], True)),
                      asyncio.ensure_future(self.pump(server[0], client[1], False))]
        self.transactions = Transactions() if link.kind == "postgres" else None
        self.addresses = Addresses(link.target, link.port) if link.kind == "kafka" else None
        self.held = False

    def reset(self):
        for writer in self.writers:
            sock = writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def pump(self, reader, writer, from_client):
        try:
            while data := await reader.read(PIECE):
                await self.link.gate(self)
                await self.carry(data, writer, from_client)
        except (Cut, OSError):
            self.reset()
        finally:
            writer.close()  # a half-closed connection is of no use to either protocol

    async def hold(self, size):
        self.held = True
        self.link.fire(self.link.mode, size)
        await self.link.gate(self)

    async def carry(self, data, writer, from_client):
        link = self.link
        if self.addresses is not None and not from_client:
            data = self.addresses.feed(data)
        ended = event = None
        if self.transactions is not None:
            if from_client:
                ended = self.transactions.sent(data)
            else:
                event = self.transactions.answered(data)
        if event in ("large", "small") and link.mode == "drop-commit":
            link.fire("pass", event)
            raise Cut
        if event == "copy" and link.mode == "hold-in-copy" and not self.held:
            await self.hold("large")
        if ended == "small" and link.mode == "hold-before-commit" and not self.held:
            at = self.transactions.commit_at
            writer.write(data[:at])
            data = data[at:]
            await self.hold("small")
        writer.write(data)
        await writer.drain()
        if ended and link.mode == "drop-before-commit":
            link.fire("pass", ended)
            raise Cut


class Link:
    def __init__(self, name, kind, target):
        self.name, self.kind, self.target = name, kind, target
        self.mode, self.delay_ms = "pass", 0
        self.fired = self.small = 0
        self.port = 0
        self.server = None
        self.connections = set()
        self.changed = asyncio.Condition()

    async def open(self):
        self.server = await asyncio.start_server(self.accept, HOST, 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def accept(self, *client):
        connection = None
        try:
            if self.mode == "refuse":
                raise Cut
            server = await asyncio.open_connection(HOST, self.target)
            connection = Connection(self, client, server)
            self.connections.add(connection)
            await asyncio.gather(*connection.pumps, return_exceptions=True)
        except (Cut, OSError):
            client[1].transport.abort()
        finally:
            self.connections.discard(connection)

    def is_hole(self, connection):
        return self.mode == "hole" or (connection.held and self.mode in HOLDS)

    async def gate(self, connection):
        if self.is_hole(connection):
            async with self.changed:
                await self.changed.wait_for(lambda: not self.is_hole(connection))
        elif self.mode == "delay":
            await asyncio.sleep(self.delay_ms / 1000)

    def fire(self, mode, size):
        self.mode = mode
        self.fired += 1
        self.small += size == "small"

    async def set(self, mode, delay_ms):
        async with self.changed:
            self.mode, self.delay_ms = mode, delay_ms
            for connection in self.connections:
                connection.held = False
            self.changed.notify_all()
        if mode == "refuse":
            self.cut()

    def cut(self):
        for connection in list(self.connections):
            connection.reset()

    def close(self):
        self.server.close()
        self.cut()


class Control:
    def __init__(self):
        self.links = {}

    async def obey(self, command):
        name = command["link"]
        if command["do"] == "open":
            link = self.links[name] = Link(name, command["kind"], command["target"])
            await link.open()
            return {"port": link.port}
        link = self.links[name]
        if command["do"] == "set":
            await link.set(command["mode"], command.get("delay_ms", 0))
        elif command["do"] == "cut":
            link.cut()
        elif command["do"] == "close":
            self.links.pop(name).close()
        elif command["do"] != "status":
            raise ValueError(command["do"])
        return {"mode": link.mode, "connections": len(link.connections), "fired": link.fired, "small": link.small}

    async def serve(self, reader, writer):
        while line := await reader.readline():
            try:
                answer = await self.obey(json.loads(line))
            except (KeyError, ValueError, OSError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()


async def main(path):
    control = Control()
    await asyncio.start_unix_server(control.serve, path)
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.add_reader(sys.stdin, lambda: os.read(0, 4096) or done.done() or done.set_result(None))
    await done
    os._exit(0)  # connections that are still open end with it


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1]))
