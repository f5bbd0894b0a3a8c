#!/usr/bin/env python3
"""How soon a lane goes on after its owner is gone, with the daemon's own settings: measured, and bounded."""

import json
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))

import support  # noqa: E402
from feed import Feeder  # noqa: E402
from fleet import Fleet  # noqa: E402
from servers import Servers, rows  # noqa: E402

LANES = 6
GIVE_UP_S = 60.0
SHORT_SESSION_S = 6  # the least that a broker grants
NAPS = 4


class Growth:
    """Watches the lanes grow; a lane's pause is the longest time in which it did not."""

    def __init__(self, servers):
        self.servers = servers

    def seqs(self):
        return {r["lane"]: r["lane_seq"] for r in rows(self.servers.uri, "SELECT lane, lane_seq FROM declared.lane")}

    def until_quiet(self):
        before, now = None, self.seqs()
        while now != before:
            time.sleep(1)
            before, now = now, self.seqs()
        return now

    def until_go_on(self, lanes, before):
        """Seconds until each of these has grown from where it stood before."""
        began = time.monotonic()
        while time.monotonic() - began < GIVE_UP_S:
            now = self.seqs()
            if all(now.get(lane, 0) > before.get(lane, 0) for lane in lanes):
                return time.monotonic() - began
            time.sleep(0.05)
        return float("inf")

    def until_all_go_on(self):
        return self.until_go_on(range(LANES), self.seqs())


class Night:
    """Servers, a feed that reaches every lane at all times, and two daemons."""

    def __init__(self):
        self.servers = Servers()
        self.growth = Growth(self.servers)
        self.feeder = Feeder(self.servers, 1, 3)
        self.fleet = None

    def start(self):
        self.servers.start()
        self.feeder.prepare()
        self.feeder.start()

    def new_fleet(self, static=False, **settings):
        if self.fleet is not None:
            self.fleet.kill_all()
        settings["DECLARED_KAFKA_GROUP_ID"] = f"group-{time.monotonic_ns()}"
        self.fleet = Fleet(self.servers, settings, static)
        daemons = [self.fleet.add(1), self.fleet.add(1)]
        self.settle()
        return daemons

    def settle(self):
        """Both have joined and the group is quiet: the same lanes have kept growing for a while."""
        for _ in range(3):
            assert self.growth.until_all_go_on() < GIVE_UP_S, "the daemons do not work"
            time.sleep(1)

    def stop(self):
        self.feeder.finish()
        if self.fleet is not None:
            self.fleet.kill_all()
        self.servers.stop()


def killed(night):
    daemon, _ = night.new_fleet()
    daemon.kill()
    return night.growth.until_all_go_on()


def killed_and_back(night):
    daemon, _ = night.new_fleet(static=True)
    daemon.kill()
    daemon.start()
    return night.growth.until_all_go_on()


def ended(night):
    daemon, _ = night.new_fleet()
    daemon.signal(signal.SIGTERM)
    return night.growth.until_all_go_on()


def silent(night):
    daemon, _ = night.new_fleet()
    for kind in ("kafka", "postgres"):
        daemon.set_link(kind, "hole")
    return night.growth.until_all_go_on()


def has_fired(night, daemon, before):
    return night.servers.proxy.ask("status", daemon.link("postgres"))["fired"] > before["fired"]


def wait_until_fired(night, daemon, before, otherwise=lambda: False):
    until = time.monotonic() + GIVE_UP_S
    while not has_fired(night, daemon, before) and not otherwise():
        assert time.monotonic() < until, "no transaction"
        time.sleep(0.01)


def asleep_in_its_transaction(night):
    daemon, _ = night.new_fleet()
    wait_until_fired(night, daemon, daemon.set_link("postgres", "hold-in-copy"))
    daemon.signal(signal.SIGSTOP)
    return night.growth.until_all_go_on()


def backends_ended(night):
    log = night.servers.folder / "log" / "postgres.log"
    return log.read_text(errors="replace").count("terminating connection due to administrator command")


def one_of_each_lane(night):
    found = {}
    for line in night.feeder.lines:
        council_id = json.loads(line).get("council_id")
        if council_id is not None:
            found.setdefault(support.partition_of(council_id), line)
    assert len(found) == LANES, "councils for every lane"
    return found


def asleep_in_a_small_transaction(night):
    """One declaration comes and no more, and the new owner has just started: its first transaction is small too."""
    daemon, other = night.new_fleet()
    with night.feeder.turn:
        before, ended = night.growth.until_quiet(), backends_ended(night)
        link = daemon.set_link("postgres", "hold-before-commit")
        for lane, line in one_of_each_lane(night).items():
            night.feeder.publish([line])
            wait_until_fired(night, daemon, link, lambda at=lane: night.growth.seqs()[at] > before[at])
            if has_fired(night, daemon, link):
                break
        daemon.signal(signal.SIGSTOP)
        other.kill()
        other.start()
        took = night.growth.until_go_on([lane], before)
        assert backends_ended(night) > ended, "what held the lane's row was not ended"
    return took


def asleep_past_its_session(night):
    """Woken, a static member finds that the group has put it out: it joins again, as it is the only one of its name."""
    daemon, _ = night.new_fleet(static=True, DECLARED_KAFKA_SESSION_TIMEOUT_MS=str(SHORT_SESSION_S * 1000))
    longest = 0.0
    for _ in range(NAPS):
        daemon.signal(signal.SIGSTOP)
        time.sleep(SHORT_SESSION_S + 1.5)
        daemon.signal(signal.SIGCONT)
        longest = max(longest, night.growth.until_all_go_on())
        time.sleep(SHORT_SESSION_S)
        if not daemon.alive():
            return float("inf")
    return longest


CASES = (
    ("its owner was killed", killed, 15.0),
    ("its owner was killed and is back, a static member", killed_and_back, 4.0),
    ("its owner was told to end", ended, 5.0),
    ("its owner's machine has fallen silent", silent, 15.0),
    ("its owner was stopped in the middle of a transaction", asleep_in_its_transaction, 20.0),
    ("its owner was stopped in a small one, and the new owner's first is small", asleep_in_a_small_transaction, 20.0),
    (f"its owner, a static member, woke from each of {NAPS} sleeps longer than its session, and stayed",
     asleep_past_its_session, 20.0),
)


def main():
    passed = failed = 0
    night = Night()
    try:
        night.start()
        for name, case, bound_s in CASES:
            took = case(night)
            good = took <= bound_s
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok    ' if good else 'FAILED'} every lane goes on {took:.1f} s after {name} "
                  f"(at most {bound_s:.0f} s)", flush=True)
    finally:
        night.stop()
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    watchdog = threading.Timer(280, lambda: print("still at work after 280 s", file=sys.stderr))
    watchdog.daemon = True
    watchdog.start()
    sys.exit(main())
