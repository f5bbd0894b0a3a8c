"""The daemons under the chaos, each with links of its own to both servers."""

import os
import signal
import subprocess
import time

from servers import through_port

STOP_WITHIN_S = 5.0


class Daemon:
    """One `declared`. Its number is its name; a restart keeps links, settings and log."""

    def __init__(self, servers, number, workers, settings):
        self.servers, self.number, self.workers = servers, number, workers
        self.settings = settings
        self.program = servers.bin / "declared"  # of the next start
        self.log = servers.folder / f"declared-{number}.log"
        self.process = None
        self.stopped = False
        self.peak_kb = 0
        self.ports = {}

    @property
    def name(self):
        return f"declared {self.number}"

    def link(self, kind):
        return f"{kind}-{self.number}"

    def open_links(self):
        for kind in ("kafka", "postgres"):
            answer = self.servers.proxy.ask("open", self.link(kind), kind=kind, target=self.servers.port(kind))
            self.ports[kind] = answer["port"]

    def start(self):
        if not self.ports:
            self.open_links()
        env = {**os.environ, **self.servers.env, **self.settings,
               "DECLARED_DAEMON_WORKERS": str(self.workers),
               "DECLARED_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.ports['kafka']}",
               "DECLARED_POSTGRES_URI": through_port(self.servers.uri, self.ports["postgres"])}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(self.program)], env=env, stdout=log, stderr=log)
        self.stopped = False

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def note_memory(self):
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
                peak = next((line for line in status if line.startswith("VmHWM:")), "VmHWM: 0 kB")
        except OSError:
            return
        self.peak_kb = max(self.peak_kb, int(peak.split()[1]))

    def signal(self, number):
        self.note_memory()
        self.process.send_signal(number)
        self.stopped = number == signal.SIGSTOP

    def kill(self):
        if self.alive():
            self.signal(signal.SIGKILL)
            self.process.wait()

    def end(self):
        """SIGTERM; how long it took to go, in seconds. None: it had to be killed."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_WITHIN_S + 1)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        return time.monotonic() - began

    def set_link(self, kind, mode, delay_ms=0):
        return self.servers.proxy.ask("set", self.link(kind), mode=mode, delay_ms=delay_ms)


class Fleet:
    """`settings`: of every daemon, as environment variables; `seconds`: more, of every second one. `static`: they are
    known to the group by name."""

    def __init__(self, servers, settings, static=False, seconds=()):
        self.servers, self.settings, self.static, self.seconds = servers, settings, static, dict(seconds)
        self.daemons = []
        self.number = 0
        self.gone_peak_kb = 0

    def add(self, workers):
        self.number += 1
        settings = {**self.settings, **(self.seconds if self.number % 2 == 0 else {})}
        if self.static:
            settings["DECLARED_DAEMON_INSTANCE"] = f"chaos-{self.number}"
        daemon = Daemon(self.servers, self.number, workers, settings)
        self.daemons.append(daemon)
        daemon.start()
        return daemon

    def remove(self, daemon):
        self.daemons.remove(daemon)
        took = daemon.end()
        self.gone_peak_kb = max(self.gone_peak_kb, daemon.peak_kb)
        for kind in ("kafka", "postgres"):
            self.servers.proxy.ask("close", daemon.link(kind))
        return took

    def dead(self):
        """Daemons that ended by themselves: none ever may."""
        return [d for d in self.daemons if not d.alive()]

    def peak_kb(self):
        for daemon in self.daemons:
            daemon.note_memory()
        return max([self.gone_peak_kb, *(d.peak_kb // d.workers for d in self.daemons)])

    def kill_all(self):
        for daemon in self.daemons:
            daemon.kill()
