#!/usr/bin/env python3
"""What dies, hangs, comes late or comes twice: nothing is lost, nothing is applied twice, and all goes on."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

import support  # noqa: E402
from support import (DECLARATIONS as TOPIC, MEDWAY, MEDWAY_PARTITION, PARTITIONS, Record, Session, down,  # noqa: E402
                     equal, frozen, seeded, test, wait_for, without_migration)

COUNCILS, DECLARATIONS = 30, 4000
WARDS = support.medway_declarations()


# ---- a night to disturb ----------------------------------------------------------------------------------

class Night:
    """A made-up night on its way into Kafka, at a pace, from a thread of its own."""

    def __init__(self, pipeline, rng, declarations=DECLARATIONS, lines_a_second=4000):
        self.pipeline = pipeline
        with tempfile.NamedTemporaryFile(suffix=".json") as reference:
            self.lines = pipeline.ctl(
                "simulate", "--seed", str(rng.randrange(10**9)), "--councils", str(COUNCILS), "--declarations",
                str(declarations), "--corrections", "0.2", "--duplicates", "0.1", "--withdrawals", "0.02",
                "--postponements", "0.01", "--conflicts", "0.02", "--garbage", "0.02", "--reference",
                reference.name).stdout.splitlines(True)
            pipeline.ctl("reference", "load", reference.name, "--by", "desk")
        pipeline.sent += COUNCILS + len(self.lines)
        self.chunk = lines_a_second // 50
        self.publisher = subprocess.Popen(
            [os.path.join(support.BIN, "declarectl"), "publish", "-"], env=pipeline.env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.thread = threading.Thread(target=self.feed, daemon=True)
        self.thread.start()

    def feed(self):
        for at in range(0, len(self.lines), self.chunk):
            self.publisher.stdin.writelines(self.lines[at:at + self.chunk])
            self.publisher.stdin.flush()
            time.sleep(0.02)
        self.publisher.stdin.close()

    def wait_for_share(self, share):
        """Until that share of all records is in the ledger; what is killed then is killed in the middle."""
        wait_for(lambda: self.pipeline.ledger_count() >= share * self.pipeline.sent, f"{share:.0%} of the night", 60)

    def end(self):
        """All is published and applied, and it is as if nothing had happened."""
        self.thread.join()
        said = self.publisher.stdout.read()
        assert self.publisher.wait() == 0, said
        self.pipeline.wait_until_applied()
        self.pipeline.check_against_replay()


def shares(rng, count):
    return sorted(rng.uniform(0.05, 0.9) for _ in range(count))


# ---- kill -9 ---------------------------------------------------------------------------------------------

@test
def killed_again_and_again_in_the_middle_it_leaves_the_ledger_of_a_quiet_night(pipeline):
    rng = seeded("kills")
    night = Night(pipeline, rng)
    daemon = pipeline.daemon(instance="a")
    for share in shares(rng, 6):
        night.wait_for_share(share)
        daemon.kill()
        daemon = pipeline.daemon(instance="a")
    night.end()


@test
def killed_on_a_full_backlog_it_leaves_the_ledger_of_a_quiet_night(pipeline):
    rng = seeded("kills on a backlog")
    night = Night(pipeline, rng, lines_a_second=200000)
    night.thread.join()
    night.publisher.wait()
    for share in shares(rng, 3):
        daemon = pipeline.daemon(instance="a", workers=2)
        night.wait_for_share(share)
        daemon.kill()
    pipeline.daemon(instance="a", workers=2)
    night.end()


# ---- several daemons -------------------------------------------------------------------------------------

@test
def two_daemons_started_at_once_on_an_empty_database_share_the_lanes_without_a_warning(pipeline):
    night = Night(pipeline, seeded("two at once"), declarations=3000)
    both = [pipeline.daemon(workers=2) for _ in range(2)]
    night.end()
    for daemon in both:
        equal(daemon.lines(" warning "), [], "warnings")
    equal(pipeline.value("SELECT count(*) FROM declared.rules"), 1, "rules versions")


@test
def daemons_that_join_and_leave_in_the_middle_do_not_disturb(pipeline):
    rng = seeded("rebalances")
    night = Night(pipeline, rng)
    daemons = [pipeline.daemon()]
    for share in shares(rng, 4):
        night.wait_for_share(share)
        daemons.append(pipeline.daemon())
        daemons[-1].wait_until_reading()
        daemons.pop(0).stop()
    night.end()


@test
def of_two_daemons_in_different_groups_the_lane_row_lets_one_write(pipeline):
    night = Night(pipeline, seeded("two groups"))
    both = [pipeline.daemon(kafka__group_id=f"{pipeline.name}_{n}") for n in range(2)]
    night.end()
    assert any(daemon.lines("another owner was faster") for daemon in both), "they did not meet"


@test
def a_daemon_that_wakes_after_its_lanes_have_gone_does_not_write(pipeline):
    rng = seeded("zombie")
    night = Night(pipeline, rng, lines_a_second=600)
    settings = {"kafka__session_timeout_ms": 6000, "kafka__heartbeat_interval_ms": 500}
    zombie = pipeline.daemon(**settings)
    night.wait_for_share(0.1)
    os.kill(zombie.process.pid, signal.SIGSTOP)
    try:
        other = pipeline.daemon(**settings)
        other.wait_for_line("reading 6 lanes")
        night.wait_for_share(0.5)
    finally:
        os.kill(zombie.process.pid, signal.SIGCONT)
    night.end()


# ---- dead servers ----------------------------------------------------------------------------------------

def expect_one_complaint(daemon, about, recovered="PostgreSQL and Kafka answer again"):
    equal(len(daemon.lines(f"{about} is away, waiting: ")), 1, f"lines that say that {about} is away")
    equal(len(daemon.lines(recovered)), 1, "lines that say that all is well again")
    equal(len(daemon.lines(" warning ")), 1, "warnings in all")


def play_medway(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.publish(WARDS)


@test
def postgresql_away_at_start_is_waited_for_and_said_once(pipeline):
    play_medway(pipeline)
    with down("postgres"):
        daemon = pipeline.daemon()
        daemon.wait_for_line("PostgreSQL is away, waiting: ")
    pipeline.wait_until_applied()
    equal(pipeline.control(MEDWAY)["majority"], 7, "majority")
    expect_one_complaint(daemon, "PostgreSQL")


@test
def kafka_away_at_start_is_waited_for_and_said_once(pipeline):
    play_medway(pipeline)
    with down("kafka"):
        daemon = pipeline.daemon()
        daemon.wait_for_line("Kafka is away, waiting: ")
    pipeline.wait_until_applied()
    equal(pipeline.control(MEDWAY)["majority"], 7, "majority")
    expect_one_complaint(daemon, "Kafka")


@test
@without_migration
def a_database_that_is_not_migrated_yet_is_waited_for_and_said_once(pipeline):
    play_medway(pipeline)
    daemon = pipeline.daemon()
    daemon.wait_for_line("the database is not ready, waiting: it has no schema yet: run declarectl migrate")
    pipeline.ctl("migrate")
    pipeline.wait_until_applied()
    equal(pipeline.control(MEDWAY)["majority"], 7, "majority")
    equal(len(daemon.lines("waiting: ")), 1, "complaints")


@test
def postgresql_killed_in_the_middle_comes_back_to_the_ledger_of_a_quiet_night(pipeline):
    night = Night(pipeline, seeded("PostgreSQL killed"))
    daemon = pipeline.daemon()
    night.wait_for_share(0.3)
    with down("postgres"):
        daemon.wait_for_line("PostgreSQL is away, waiting: ")
    night.end()
    expect_one_complaint(daemon, "PostgreSQL")


@test
def kafka_killed_in_the_middle_comes_back_to_the_ledger_of_a_quiet_night(pipeline):
    night = Night(pipeline, seeded("Kafka killed"))
    pipeline.daemon()
    night.wait_for_share(0.3)
    with down("kafka"):
        pass
    night.end()


@test
def servers_that_hang_in_the_middle_and_wake_are_waited_for(pipeline):
    night = Night(pipeline, seeded("hanging"), lines_a_second=1000)
    daemon = pipeline.daemon()
    for share, server in ((0.2, "postgres"), (0.6, "kafka")):
        night.wait_for_share(share)
        with frozen(server):
            time.sleep(2)  # what is shown is that this much of silence does no harm
    night.end()
    equal(daemon.lines(" warning "), [], "warnings")


@test
def topics_that_were_lost_under_a_ledger_are_said_and_nothing_is_applied(pipeline):
    play_medway(pipeline)
    daemon = pipeline.daemon()
    pipeline.wait_until_applied()
    daemon.stop()
    pipeline.renew_topics()
    daemon = pipeline.daemon()
    daemon.wait_for_line(" error a lane stands still, Kafka does not have the record that comes next: ")
    equal(pipeline.ledger_count(), pipeline.sent, "rows of the ledger")
    daemon.stop()


# ---- what waits ------------------------------------------------------------------------------------------

@test
def what_comes_while_a_commit_takes_long_goes_in_few_transactions_behind_it(pipeline):
    """However often Kafka has said meanwhile that a partition has nothing more."""
    play_medway(pipeline)
    pipeline.daemon(workers=1)
    pipeline.wait_until_applied()
    other = Session(pipeline.env_of_psql(pipeline.name))
    other.ask(f"BEGIN; SELECT lane FROM declared.lane WHERE lane = {MEDWAY_PARTITION} FOR UPDATE")
    pipeline.publish(WARDS[:1])
    wait_for(lambda: pipeline.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                                    "AND wait_event_type = 'Lock'") == 1, "the commit waits")
    for _ in range(4):
        pipeline.send([Record(TOPIC, b"key", b"garbage", partition) for partition in range(PARTITIONS)])
    other.ask("COMMIT")
    other.close()
    pipeline.wait_until_applied()
    found = pipeline.value("SELECT count(DISTINCT xmin::text) FROM declared.ledger WHERE fate = 'rejected'")
    assert found <= 3, f"{4 * PARTITIONS} records in {found} transactions"


# ---- SIGTERM ---------------------------------------------------------------------------------------------

@test
def sigterm_ends_it_while_it_reads_and_while_it_rests(pipeline):
    night = Night(pipeline, seeded("SIGTERM"))
    daemon = pipeline.daemon(workers=2)
    night.wait_for_share(0.3)
    daemon.stop()
    resting = pipeline.daemon()
    night.end()
    resting.stop()


@test
def sigterm_ends_it_at_any_moment_of_its_start(pipeline):
    play_medway(pipeline)
    rng = seeded("SIGTERM at the start")
    for _ in range(8):
        daemon = pipeline.daemon(workers=2)
        time.sleep(rng.uniform(0, 0.4))  # the moment is what is tried, nothing is waited for
        daemon.wait_for_line("runs with 2 workers")
        daemon.stop()
    pipeline.daemon()
    pipeline.wait_until_applied()


@test
def sigterm_ends_it_while_postgresql_hangs(pipeline):
    play_medway(pipeline)
    idle, busy = pipeline.daemon(), None
    pipeline.wait_until_applied()
    with frozen("postgres"):
        idle.stop()
    busy = pipeline.daemon(instance="busy")
    busy.wait_until_reading()
    with frozen("postgres"):
        pipeline.publish(WARDS)
        joining = pipeline.daemon()
        joining.wait_for_line("runs with")
        busy.stop()
        joining.stop()
    pipeline.daemon(instance="busy")
    pipeline.wait_until_applied()


@test
def sigterm_ends_it_while_kafka_hangs(pipeline):
    play_medway(pipeline)
    daemon = pipeline.daemon(workers=2)
    pipeline.wait_until_applied()
    with frozen("kafka"):
        joining = pipeline.daemon()
        joining.wait_for_line("runs with")
        joining.stop()
        daemon.stop()


@test
def sigterm_ends_it_while_both_servers_are_dead(pipeline):
    play_medway(pipeline)
    working, other = pipeline.daemon(), pipeline.daemon()
    pipeline.wait_until_applied()
    with down("postgres"):
        joining = pipeline.daemon()
        joining.wait_for_line("PostgreSQL is away, waiting: ")
        joining.stop()
        working.stop()
    with down("kafka"):
        joining = pipeline.daemon()
        joining.wait_for_line("Kafka is away, waiting: ")
        joining.stop()
        other.stop()


if __name__ == "__main__":
    support.main()
