"""What goes wrong. Each disturbance is chosen, begun, left alone for a while and healed.

A function takes the run (`rng`, `servers`, `fleet`) and returns what it did, how long that lasts in
seconds, and how it ends. It raises Unfit when there is nothing to do it to at this moment.
"""

import signal
import subprocess
import time

from servers import CommandFailed, scalar

SESSION_S = 6.0
HEARTBEAT_S = 1.0
PROCESSES_MAX = 4
FIRE_WITHIN_S = 15.0
IMPOSTOR_ENDS_S = 30.0
ENDED_TOO_S = 5.0  # a goodbye takes 4.5 s at most
SAFE_TO_END = 5.0  # seconds within which a daemon that is told to end has ended


class Unfit(Exception):
    pass


def nothing():
    pass


def pick(run):
    running = [d for d in run.fleet.daemons if d.alive() and not d.stopped]
    if not running:
        raise Unfit
    return run.rng.choice(running)


# ---- daemons ----------------------------------------------------------------------------------------------

def kill_daemon(run):
    daemon = pick(run)
    away = run.rng.choice((0.0, run.rng.uniform(0, 3), SESSION_S + run.rng.uniform(0, 4)))
    daemon.kill()
    return f"kill -9 of {daemon.name}, back in {away:.1f} s", away, daemon.start


def kill_all_daemons(run):
    away = run.rng.uniform(0, SESSION_S + 3)
    daemons = [d for d in run.fleet.daemons if d.alive() and not d.stopped]
    for daemon in daemons:
        daemon.kill()
    return f"kill -9 of all {len(daemons)} daemons, back in {away:.1f} s", away, lambda: [d.start() for d in daemons]


def zombie(run):
    daemon = pick(run)
    asleep = SESSION_S + run.rng.uniform(1, 6)
    daemon.signal(signal.SIGSTOP)
    return f"SIGSTOP of {daemon.name} for {asleep:.1f} s", asleep, lambda: daemon.signal(signal.SIGCONT)


def doze(run):
    daemon = pick(run)
    asleep = run.rng.uniform(0.2, SESSION_S - 2)
    daemon.signal(signal.SIGSTOP)
    return f"SIGSTOP of {daemon.name} for {asleep:.1f} s", asleep, lambda: daemon.signal(signal.SIGCONT)


def zombie_in_transaction(run):
    """Stopped while its transaction is open, and the lane's row locked by it."""
    daemon = pick(run)
    wait_until_fired(run, daemon, "hold-in-copy")
    asleep = SESSION_S + run.rng.uniform(1, 8)
    daemon.signal(signal.SIGSTOP)

    def wake():
        daemon.signal(signal.SIGCONT)
        daemon.set_link("postgres", "pass")
    return f"SIGSTOP of {daemon.name} in its transaction for {asleep:.1f} s", asleep, wake


def ended_too(process):
    try:
        return process.wait(ENDED_TOO_S) == 1
    except subprocess.TimeoutExpired:
        return False


def impostor(run):
    """Stopped, and another process started under its name: of the two one must end, by itself and with 1.

    It is the one that slept, unless it slept past its session: then it joins anew, as it must where nobody has
    taken its place, and to the group the one that joined last has the name. That is decided for each worker, so both
    can end; a service manager starts them again, and so does this.
    """
    daemon = pick(run)
    if not run.fleet.static:
        raise Unfit
    asleep = run.rng.uniform(1, SESSION_S + 3)
    daemon.signal(signal.SIGSTOP)
    first = daemon.process
    daemon.start()
    second = daemon.process
    outslept = asleep > SESSION_S - HEARTBEAT_S - 1

    def wake():
        first.send_signal(signal.SIGCONT)
        until = time.monotonic() + IMPOSTOR_ENDS_S
        while first.poll() is None and second.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        ended, left = (second, first) if first.poll() is None else (first, second)
        if ended.poll() is None:
            run.problem(f"{daemon.name}, replaced by another, is still there {IMPOSTOR_ENDS_S:.0f} s after it woke")
            first.kill()
        elif ended.returncode != 1:
            run.problem(f"{daemon.name}: of two of one name one ended with {ended.returncode}")
        elif ended is second and not outslept:
            run.problem(f"{daemon.name}, replaced by another, put out the one that came later")
        daemon.process = left
        if outslept and ended_too(left):
            daemon.start()
    return f"SIGSTOP of {daemon.name} for {asleep:.1f} s, another started in its place", asleep, wake


def add_daemon(run):
    if len(run.fleet.daemons) >= PROCESSES_MAX:
        raise Unfit
    daemon = run.fleet.add(run.rng.choice((1, 1, 2, 3)))
    return f"{daemon.name} joins with {daemon.workers} workers", run.rng.uniform(0, 2), nothing


def remove_daemon(run):
    if len(run.fleet.daemons) < 2:
        raise Unfit
    daemon = pick(run)
    took = run.fleet.remove(daemon)
    check_end(run, daemon, took)
    return f"SIGTERM to {daemon.name}, gone for good", run.rng.uniform(0, 2), nothing


def change_workers(run):
    daemon = pick(run)
    check_end(run, daemon, daemon.end())
    daemon.workers = run.rng.choice([n for n in (1, 2, 3) if n != daemon.workers])
    away = run.rng.uniform(0, 2)
    return f"SIGTERM to {daemon.name}, back in {away:.1f} s with {daemon.workers} workers", away, daemon.start


def check_end(run, daemon, took):
    if took is None or took > SAFE_TO_END:
        run.problem(f"{daemon.name} did not end within {SAFE_TO_END:.0f} s of SIGTERM")
    elif daemon.process.returncode != 0:
        run.problem(f"{daemon.name} ended with {daemon.process.returncode} on SIGTERM")


# ---- servers ----------------------------------------------------------------------------------------------

def kill_kafka(run):
    away = run.rng.uniform(0, 5)
    run.servers.local("stop", "kafka", "--kill")
    return f"kill -9 of Kafka, back in {away:.1f} s", away, lambda: run.servers.local("start", "kafka")


def stop_kafka(run):
    away = run.rng.uniform(0, 5)
    run.servers.local("stop", "kafka")
    return f"SIGTERM to Kafka, back in {away:.1f} s", away, lambda: run.servers.local("start", "kafka")


def kill_postgres(run):
    away = run.rng.uniform(0, 6)
    run.servers.local("stop", "postgres", "--kill")
    return f"kill -9 of PostgreSQL, back in {away:.1f} s", away, lambda: run.servers.local("start", "postgres")


def stop_postgres(run):
    away = run.rng.uniform(0, 4)
    run.servers.local("stop", "postgres")
    return f"fast stop of PostgreSQL, back in {away:.1f} s", away, lambda: run.servers.local("start", "postgres")


BACKENDS = "FROM pg_stat_activity WHERE application_name = 'declared' AND pid <> pg_backend_pid()"


def terminate_backends(run):
    everybody = run.rng.random() < 0.3
    limit = "" if everybody else "ORDER BY random() LIMIT 1"
    try:
        ended = scalar(run.servers.superuser_uri(),
                       f"SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid {BACKENDS} {limit}) b")
    except CommandFailed as error:
        raise Unfit from error
    return f"pg_terminate_backend of {ended} backends", 0.0, nothing


def kill_backend(run):
    try:
        pid = scalar(run.servers.superuser_uri(), f"SELECT pid {BACKENDS} ORDER BY random() LIMIT 1")
    except CommandFailed as error:
        raise Unfit from error
    if not pid:
        raise Unfit
    run.servers.kill_backend(int(pid))
    return "kill -9 of a PostgreSQL backend: all others end and it recovers", 0.0, nothing


# ---- connections ------------------------------------------------------------------------------------------

def wait_until_fired(run, daemon, mode):
    """Which kind of transaction it was done to."""
    before = daemon.set_link("postgres", mode)
    until = time.monotonic() + FIRE_WITHIN_S
    while (now := run.servers.proxy.ask("status", daemon.link("postgres")))["fired"] == before["fired"]:
        if time.monotonic() > until or not daemon.alive():
            daemon.set_link("postgres", "pass")
            raise Unfit  # it has no lane, or nothing to do
        time.sleep(0.02)
    return "small" if now["small"] > before["small"] else "large"


def disturb_commit(run, daemon, mode):
    size = wait_until_fired(run, daemon, mode)
    run.commits[size] += 1
    return f"{size} transaction"


def drop_commit(run):
    daemon = pick(run)
    what = disturb_commit(run, daemon, "drop-commit")
    return f"the answer to a COMMIT of {daemon.name} lost, of a {what}", 0.0, nothing


def drop_before_commit(run):
    daemon = pick(run)
    what = disturb_commit(run, daemon, "drop-before-commit")
    return f"the connection of {daemon.name} lost while it committed a {what}", 0.0, nothing


def some_links(run):
    """Links of one daemon, or of all."""
    daemons = run.fleet.daemons if run.rng.random() < 0.3 else [pick(run)]
    kinds = run.rng.choice((("kafka",), ("postgres",), ("kafka", "postgres")))
    who = "all daemons" if len(daemons) > 1 else daemons[0].name
    return [(d, kind) for d in daemons for kind in kinds], f"{who} to {' and '.join(kinds)}"


def cut(run):
    links, text = some_links(run)
    for daemon, kind in links:
        run.servers.proxy.ask("cut", daemon.link(kind))
    return f"connections of {text} cut", 0.0, nothing


def change_links(run, mode, lasts, delay_ms=0):
    links, text = some_links(run)
    for daemon, kind in links:
        daemon.set_link(kind, mode, delay_ms)

    def heal():
        for daemon, kind in links:
            if daemon in run.fleet.daemons:  # it may have gone for good meanwhile
                daemon.set_link(kind, "pass")
    return text, lasts, heal


def refuse(run):
    text, lasts, heal = change_links(run, "refuse", run.rng.uniform(1, 10))
    return f"connections of {text} refused for {lasts:.1f} s", lasts, heal


def delay(run):
    delay_ms = run.rng.choice((5, 50, 300))
    text, lasts, heal = change_links(run, "delay", run.rng.uniform(2, 10), delay_ms)
    return f"connections of {text} delayed by {delay_ms} ms for {lasts:.1f} s", lasts, heal


def hole(run):
    text, lasts, heal = change_links(run, "hole", run.rng.choice((run.rng.uniform(1, 5), run.rng.uniform(8, 25))))
    return f"connections of {text} silent for {lasts:.1f} s", lasts, heal


# How often each is drawn, and what it needs for itself: two that need the same are never under way together.
TABLE = (
    (5, "daemon", kill_daemon),
    (1, "daemon", kill_all_daemons),
    (3, "daemon", zombie),
    (2, "daemon", zombie_in_transaction),
    (1, "daemon", doze),
    (3, "daemon", impostor), # where daemons have names in the group
    (2, "daemon", add_daemon),
    (2, "daemon", remove_daemon),
    (1, "daemon", change_workers),
    (3, "kafka", kill_kafka),
    (1, "kafka", stop_kafka),
    (3, "postgres", kill_postgres),
    (1, "postgres", stop_postgres),
    (2, "postgres", terminate_backends),
    (2, "postgres", kill_backend),
    (4, "link", drop_commit),
    (3, "link", drop_before_commit),
    (2, "link", cut),
    (1, "link", refuse),
    (2, "link", delay),
    (3, "link", hole),
)
