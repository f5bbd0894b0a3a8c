"""A steady stream of declarations, and of the desk's decisions about some of them, while the chaos goes on."""

import base64
import json
import random
import threading
import time

from servers import CommandFailed, scalar

SHARES = {"corrections": 0.15, "duplicates": 0.05, "withdrawals": 0.03, "postponements": 0.005, "conflicts": 0.02,
          "garbage": 0.03}
CHUNKS = (1, 10, 30, 60, 200)
PAUSE_S = (0.05, 0.7)
LINES_A_SECOND = 250  # more than it ever sends
PUBLISH_WITHIN_S = 120.0
SETTINGS = {"DECLARED_KAFKA_RECONNECT_BACKOFF_MAX_MS": "500"}
DESK_EVERY_S = 1.5
DESK_SHARE = 5  # every fifth council has a desk that interferes


class Feeder(threading.Thread):
    """Publishes from start() until finish(); what fails because the broker is away is sent again."""

    def __init__(self, servers, seed, minutes, councils=120):
        super().__init__(daemon=True)
        self.servers, self.councils = servers, councils
        self.rng = random.Random(f"{seed}/feed")
        self.seed, self.count = seed, int(minutes * 60 * LINES_A_SECOND) + 2000
        self.published = 0
        self.decisions = 0
        self.finished = threading.Event()
        self.turn = threading.Lock()  # who holds it has the topics to himself
        self.failure = None
        self.reference = servers.folder / "reference.json"
        self.lines = []
        self.desk_elections = []

    def prepare(self):
        """Makes the night and publishes its reference data, before any declaration."""
        options = [option for name, share in SHARES.items() for option in (f"--{name}", str(share))]
        text = self.servers.declarectl("simulate", "--seed", str(self.seed), "--councils", str(self.councils),
                                       "--declarations", str(self.count), "--reference", str(self.reference), *options)
        self.lines = text.splitlines()
        council_list = json.loads(self.reference.read_text())["councils"]
        self.desk_elections = [c["election_id"] for c in council_list[::DESK_SHARE]]
        self.servers.declarectl("reference", "load", str(self.reference))

    def run(self):
        try:
            self.stream()
        except Exception as error:  # a failure of the test itself: told in the end
            self.failure = error

    def finish(self):
        self.finished.set()
        self.join()
        if self.failure is not None:
            raise self.failure

    def stream(self):
        stream = self.spiced()
        desk_at = time.monotonic() + DESK_EVERY_S
        while not self.finished.is_set():
            with self.turn:
                self.publish([next(stream) for _ in range(self.rng.choice(CHUNKS))])
                if time.monotonic() > desk_at:
                    self.decide()
                    desk_at = time.monotonic() + DESK_EVERY_S
            self.finished.wait(self.rng.uniform(*PAUSE_S))

    def publish(self, lines):
        """Until it has been acknowledged: part of it may then be in the topic twice, as of any feed."""
        until = time.monotonic() + PUBLISH_WITHIN_S
        while True:
            try:
                self.servers.declarectl("publish", "-", text="".join(line + "\n" for line in lines), env=SETTINGS)
                self.published += len(lines)
                return
            except CommandFailed:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def spiced(self):
        """The night's lines, then the same again, with what other feeds make of them in between."""
        while True:
            for line in self.lines:
                yield line
                spice = self.rng.random()
                if spice < 0.0002:
                    yield self.raw(1100 * 1024)  # over the limit of a record
                elif spice < 0.01:
                    yield self.raw(self.rng.randrange(200))
                elif "election_id" in line:
                    yield from self.echo(json.loads(line), spice)

    def raw(self, size):
        value = base64.b64encode(self.rng.randbytes(size)).decode()
        return json.dumps({"key": f"key-{self.rng.randrange(50)}", "value_base64": value})

    def echo(self, record, spice):
        if spice < 0.08:  # another source agrees
            record["source"] = self.rng.choice(("agency", "stringer"))
        elif spice < 0.10:  # another source sees another winner
            record["source"] = "agency"
            swap_winner(record)
        elif spice < 0.16:
            record["is_test"] = True
        elif spice < 0.17:  # another content under a revision that is past
            record["revision"] = max(1, record["revision"] - 1)
            swap_winner(record)
        elif spice < 0.175:
            record["council_id"] = "dc:sim-nowhere"
        else:
            return
        yield json.dumps(record)

    # The desk.

    def decide(self):
        try:
            self.act(self.rng.random())
        except (CommandFailed, OSError):
            pass  # a server is away: the desk tries something else later

    def act(self, choice):
        said = ("--by", "chaos", "--note", "a decision")
        if choice < 0.15:  # about a record that has not come yet
            partition = self.rng.randrange(6)
            end = scalar(self.servers.uri, f"SELECT declarations_next FROM declared.lane WHERE lane = {partition}")
            position = f"{partition}:{max(0, int(end or 0)) + self.rng.randrange(2000, 6000)}"
            self.servers.declarectl(self.rng.choice(("reject", "release")), position, *said)
        elif choice < 0.25:
            self.reload()
        else:
            held = self.rng.random() < 0.6
            fates = "('held')" if held else "('accepted', 'corroborated', 'held')"
            found = scalar(self.servers.uri, f"""
                SELECT partition || ':' || kafka_offset FROM declared.ledger
                 WHERE topic = 'ward-declarations' AND fate IN {fates} AND election_id = ANY (ARRAY{self.desk_elections})
                 ORDER BY md5(lane || ' ' || lane_seq || ' {self.rng.random()}') LIMIT 1""")
            if not found:
                return
            self.servers.declarectl("release" if held and self.rng.random() < 0.7 else "reject", found, *said)
        self.decisions += 1

    def reload(self):
        """The reference of one council with a desk, changed a little."""
        reference = json.loads(self.reference.read_text())
        chosen = self.rng.choice(self.desk_elections)
        reference["councils"] = [c for c in reference["councils"] if c["election_id"] == chosen]
        reference["councils"][0]["region"] = f"Region {self.rng.randrange(1000)}"
        path = self.servers.folder / "reload.json"
        path.write_text(json.dumps(reference))
        self.servers.declarectl("reference", "load", str(path))


def swap_winner(record):
    """The last candidate's result for the first's."""
    candidates = record["candidates"]
    if len(candidates) > 1:
        for name in ("votes", "elected", "elected_by_lot"):
            first, last = candidates[0].get(name), candidates[-1].get(name)
            for candidate, value in ((candidates[0], last), (candidates[-1], first)):
                candidate.pop(name, None)
                if value is not None:
                    candidate[name] = value
