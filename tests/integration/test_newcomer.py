#!/usr/bin/env python3
"""A newcomer's hour: the commands of deploy/NEWCOMER.md, as they stand there, on the servers of the environment.

    tests/integration/test_newcomer.py [--print]    --print: shows what each block prints, to write it down

A block ```sh is run; ```text behind it is what it prints. Words after `sh` say more: `servers` holds the names that are
put in for the reader's own, `until` is run again until it prints that (a person reads meanwhile), `gateway` is left out
where declared-gateway is not built, `end` cleans up.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import support  # noqa: E402

DOCUMENT = Path(support.ROOT, "deploy", "NEWCOMER.md")
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNTIL_S = 60.0


class Block:
    def __init__(self, number, words, text):
        self.number, self.words, self.text, self.expected = number, words, text, None

    def title(self):
        return f"block {self.number}: {self.text.strip().splitlines()[0]}"


def read_blocks():
    blocks = []
    for language, words, text in FENCE.findall(DOCUMENT.read_text(encoding="utf-8")):
        if language == "sh":
            blocks.append(Block(len(blocks) + 1, words.split(), text))
        else:
            assert language == "text" and blocks, f"a block of {language}"
            blocks[-1].expected = text
    return blocks


class Shell:
    """A newcomer's bash: one from the first block to the last, in an empty folder."""

    END = "-- the end of block"

    def __init__(self, folder):
        self.folder = Path(folder)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("DECLARED_", "PG"))}
        server = superuser()
        env.update(PATH=f"{support.BIN}:{env['PATH']}", PGPASSWORD=server.password or "", LC_ALL="C.UTF-8")
        # Every command of a block counts, not the last alone.
        self.process = subprocess.Popen(["bash", "--norc", "-E", "-o", "pipefail"], cwd=folder, env=env, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, text):
        """(exit code, what was printed)"""
        (self.folder / ".block").write_text(text)
        self.process.stdin.write("failed=0; trap 'failed=$?' ERR; . ./.block </dev/null; trap - ERR\n"
                                 f"printf '\\n%s\\n' \"{self.END} $failed\"\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith(self.END):
                return int(line.split()[-1]), "".join(lines)[:-1]
            lines.append(line)
        raise AssertionError(f"the shell has ended:\n{''.join(lines)}")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def superuser():
    """The administrator's login of the servers of deploy/local."""
    server = urllib.parse.urlsplit(support.needed("DECLARED_POSTGRES_URI"))
    password = Path(support.LOCAL, "run", "postgres.password").read_text(encoding="utf-8").strip()
    return server._replace(netloc=f"postgres:{password}@{server.hostname}:{server.port}", path="/postgres")


def with_own_servers(text):
    server = superuser()
    with socket.create_server(("127.0.0.1", 0)) as free:
        gateway = f"127.0.0.1:{free.getsockname()[1]}"
    for name, value in (("KAFKA", support.needed("DECLARED_KAFKA_BOOTSTRAP_SERVERS")),
                        ("POSTGRES", f"{server.hostname}:{server.port}"), ("GATEWAY", gateway)):
        text, count = re.subn(rf"(?m)^export {name}=.*$", f"export {name}={value}", text)
        assert count == 1, f"{name} is not among the servers"
    return text


def lines_of(text):
    """Without the blanks at the ends of lines, which no reader sees."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def run_block(shell, block, say):
    """A line on what is wrong, or None."""
    text = with_own_servers(block.text) if "servers" in block.words else block.text
    until = time.monotonic() + (UNTIL_S if "until" in block.words else 0)
    while True:
        code, printed = shell.run(text)
        good = code == 0 and (block.expected is None or lines_of(printed) == lines_of(block.expected))
        if good or time.monotonic() >= until:
            break
        time.sleep(0.3)
    if say:
        print(f"--- {block.title()}\n{printed}", flush=True)
    if good:
        return None
    return f"{block.title()}\n  ended with {code} and printed\n{printed}\n  the document has\n{block.expected}"


def tidy():
    """Whatever a block that failed, or a run that was cut short, has left on the servers."""
    admin = superuser().geturl()
    env = dict(os.environ, DECLARED_CONFIG="/dev/null")
    support.run(["dropdb", "--if-exists", "--force", f"--maintenance-db={admin}", "results"], env)
    support.run(["psql", "-q", admin, "-c", "DROP ROLE IF EXISTS results_reader, results_daemon, results_owner"], env)
    for command in ("delete-topics", "create-topics"):
        support.run([os.path.join(support.BIN, "declared-broker"), command, "--bootstrap",
                     support.needed("DECLARED_KAFKA_BOOTSTRAP_SERVERS")], env)


def main():
    say = "--print" in sys.argv[1:]
    tidy()
    gateway = os.path.exists(os.path.join(support.BIN, "declared-gateway"))
    passed, failure = 0, None
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(folder)
        for block in read_blocks():
            if "gateway" in block.words and not gateway:
                continue
            failure = run_block(shell, block, say)
            if failure and not say:
                break
            passed += 1
        if failure:
            for name in ("declared.log", "gateway.log"):
                if Path(folder, name).exists():
                    print(f"--- {name}\n{Path(folder, name).read_text()}")
        shell.run("kill $(jobs -p) 2>/dev/null; wait")
        shell.close()
    tidy()
    if failure:
        print(f"FAILED {failure}")
    print(f"{passed} passed, {int(failure is not None)} failed")
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
