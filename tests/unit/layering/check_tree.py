#!/usr/bin/env python3
"""Keeps the layers apart, by reading what each file includes.

    check_tree.py ROOT          exit 0 if the tree keeps the rules, 1 with a line for each place that breaks one
    check_tree.py --self-test   plants a violation of every rule in a small tree, and wants each to be found

The rules:

  layer     a file of a layer includes only what its row in LAYERS names
  clock     the pure layers ask no clock, no environment and no chance: these are passed in
  global    the rules of control and the domain keep no state of their own
  include   a header is named by its path from the root; no .c file, and so no program's main, is included
  unknown   a folder with C files has a row in LAYERS
  length    no C file and no shell script is longer than 600 lines
  place     no file names a path that exists on somebody's machine alone, or an address of a network
"""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

LINES_MAX = 600

# What computes and nothing more.
PURE = set("""assert.h ctype.h endian.h errno.h inttypes.h limits.h math.h stdarg.h stdbool.h stddef.h stdint.h stdio.h
    stdlib.h string.h strings.h""".split())
UNISTRING = {"unicase.h", "uniname.h", "uninorm.h", "unistr.h", "unitypes.h", "uniwidth.h"}
LOG = "common/base/log.h"


class Layer(NamedTuple):
    files: str  # a pattern of paths; the first row that fits counts
    project: tuple  # folders, or headers, that it may include
    system: object  # headers, or ANY
    clock: bool = False  # may it ask a clock and the environment?
    state: bool = False  # may it keep state at file scope?
    never: tuple = ()  # headers of `project` that it may not include all the same


ANY = None
BASE, DOMAIN, POSTGRES, HTTP = "common/base/", "common/domain/", "common/postgres/", "common/http/"
VALIDATOR, AGGREGATOR = "services/validator/", "services/aggregator/"
INGEST, CLI, GATEWAY = "services/ingest/", "services/cli/", "services/gateway/"
CONSUMER = ("services/ingest/consumer.h", "services/ingest/kafka_settings.h")
STORE = r"services/aggregator/(store\w*|rules_json)\.[ch]"
STORE_HEADERS = ("services/aggregator/store.h", "services/aggregator/store_internal.h",
                 "services/aggregator/rules_json.h")

LAYERS = [
    Layer(r"common/base/.*", (BASE,),
          PURE | {"getopt.h", "openssl/evp.h", "pthread.h", "signal.h", "stdatomic.h", "sys/socket.h", "sys/un.h", "time.h", "unistd.h", "unistr.h"},
          clock=True, state=True),
    Layer(r"common/domain/.*", (BASE, DOMAIN), PURE | UNISTRING, never=(LOG,)),
    Layer(r"common/postgres/.*", (BASE, POSTGRES),
          PURE | {"libpq-fe.h", "poll.h", "stdatomic.h", "time.h"}, clock=True),
    Layer(r"common/http/.*", (BASE, HTTP),
          PURE | {"netdb.h", "netinet/in.h", "netinet/tcp.h", "sys/socket.h", "unistd.h"}),
    Layer(r"services/validator/.*", (BASE, DOMAIN, VALIDATOR),
          PURE | UNISTRING | {"avro.h", "jansson.h", "pthread.h"}, state=True, never=(LOG,)),
    Layer(STORE, (BASE, DOMAIN, POSTGRES, VALIDATOR, AGGREGATOR),
          PURE | {"arpa/inet.h", "jansson.h", "libpq-fe.h", "pthread.h", "stdatomic.h", "time.h"},
          clock=True, state=True),
    Layer(r"services/aggregator/.*", (BASE, DOMAIN, VALIDATOR, AGGREGATOR), PURE, never=(LOG, *STORE_HEADERS)),
    Layer(r"services/ingest/.*", (BASE, DOMAIN, HTTP, VALIDATOR, AGGREGATOR, INGEST), ANY, clock=True, state=True),
    # `declarectl replay` reads topics as the daemon does.
    Layer(r"services/cli/replay_topics\.c", (BASE, DOMAIN, VALIDATOR, AGGREGATOR, CLI, *CONSUMER), ANY, clock=True, state=True),
    Layer(r"services/cli/.*", (BASE, DOMAIN, POSTGRES, VALIDATOR, AGGREGATOR, CLI), ANY, clock=True, state=True),
    Layer(r"services/gateway/.*", (BASE, DOMAIN, POSTGRES, HTTP, GATEWAY), ANY, clock=True, state=True),
    Layer(r"deploy/.*", (BASE, "deploy/"), ANY, clock=True, state=True),
    Layer(r"tests/.*", ("common/", "services/", "tests/"), ANY, clock=True, state=True),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
IMPURE_CALL = re.compile(r"\b(clock_gettime|gettimeofday|time|localtime(?:_r)?|getenv|secure_getenv|s?rand|s?random|"
                         r"getrandom|arc4random|u?sleep|nanosleep|getpid)\s*\(")
STATE = re.compile(r"^(?:static\s+|_Thread_local\s+)(?!const\b|inline\b|_Static_assert)[^()\n;={]*(?:=|;|\[)", re.MULTILINE)
POINTER_TO_CONST = re.compile(r"\*\s*const\b")

# A path under somebody's home, a path out of the checkout, an address that is not this machine or for documentation.
SOMEBODYS_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|mnt|media|workspaces?)/\w[\w./-]*")
WAY_OUT = re.compile(r"(?<![\w./)}$*-])(?:\.\./)+[\w][\w./-]*")
ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")
HARMLESS_ADDRESS = re.compile(r"127\.|0\.0\.0\.0$|255\.255\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.")

SKIPPED_FOLDERS = {".git", ".local", ".cache", "build", "node_modules", "corpus", "data", "demo-data", "__pycache__"}


def blank_out(text):
    """The text without comments and literals, its lines where they were."""
    return COMMENT_OR_STRING.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Check:
    def __init__(self, root):
        self.root = Path(root).resolve()
        self.found = []  # (path, line, rule, text)
        self.sources = 0

    def report(self, path, line, rule, text):
        self.found.append((path, line, rule, text))

    def files(self):
        for folder, subfolders, names in os.walk(self.root):
            subfolders[:] = sorted(name for name in subfolders if name not in SKIPPED_FOLDERS)
            for name in sorted(names):
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path.relative_to(self.root).as_posix(), path

    def run(self):
        for name, path in self.files():
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            is_c = name.endswith((".c", ".h"))
            if is_c:
                self.sources += 1
                self.check_layer(name, text)
            if is_c or name.endswith(".sh") or re.match(r"#!.*\b(ba)?sh\b", text):
                self.check_length(name, text)
            self.check_places(name, text)
        if self.sources == 0:
            self.report(".", 0, "unknown", "there is no C file here")
        return self.found

    def check_layer(self, name, text):
        layer = next((layer for layer in LAYERS if re.fullmatch(layer.files, name)), None)
        if layer is None:
            self.report(name, 1, "unknown", "no layer has this folder")
            return
        for found in INCLUDE.finditer(text):
            self.check_include(name, line_of(text, found.start()), layer, found[1] == '"', found[2])
        code = blank_out(text)
        if not layer.clock:
            for found in IMPURE_CALL.finditer(code):
                self.report(name, line_of(code, found.start()), "clock", f"calls {found[1]}()")
        if not layer.state:
            for found in STATE.finditer(code):
                if not POINTER_TO_CONST.search(found[0]):
                    self.report(name, line_of(code, found.start()), "global", f"keeps state: {found[0].strip()}")

    def check_include(self, name, line, layer, quoted, header):
        if header.endswith(".c"):
            self.report(name, line, "include", f"includes the source {header}")
        elif not quoted:
            if layer.system is not ANY and header not in layer.system:
                self.report(name, line, "layer", f"includes <{header}>")
        elif not header.startswith(("common/", "services/", "deploy/", "tests/")):
            self.report(name, line, "include", f'"{header}" is no path from the root')
        elif not header.startswith(layer.project) or header in layer.never:
            self.report(name, line, "layer", f'includes "{header}"')

    def check_length(self, name, text):
        lines = text.count("\n")
        if lines > LINES_MAX:
            self.report(name, lines, "length", f"has {lines} lines, more than {LINES_MAX}")

    def check_places(self, name, text):
        for found in SOMEBODYS_PATH.finditer(text):
            self.report(name, line_of(text, found.start()), "place", f"names {found[0]}")
        for found in WAY_OUT.finditer(text):
            target = Path(self.root, name).parent.joinpath(found[0].rstrip("."))
            if not os.path.realpath(target).startswith(f"{self.root}/") or not target.exists():
                self.report(name, line_of(text, found.start()), "place", f"names {found[0]}, which is not in the tree")
        for found in ADDRESS.finditer(text):
            if not HARMLESS_ADDRESS.match(found[0]):
                self.report(name, line_of(text, found.start()), "place", f"names the address {found[0]}")
        if len(self.root.parts) > 2:
            at = re.search(re.escape(str(self.root)) + r"(?!\w)", text)
            if at is not None:
                self.report(name, line_of(text, at.start()), "place", "names this checkout's own path")


# ---- the test of the test --------------------------------------------------------------------------------

CLEAN = {
    "common/base/str.h": "#include <stddef.h>\n",
    "common/base/clock.c": "#include <time.h>\nlong now(void) { return time(NULL); }\n",
    "common/domain/council.c": '#include "common/base/str.h"\n// time(NULL) is passed in\n'
                               "static const char *const words[] = {\"time(NULL)\"};\n",
    "services/validator/decode.c": '#include <avro.h>\n#include "common/domain/council.h"\n',
    "services/aggregator/control.c": '#include "services/validator/rules.h"\nstatic const int table[] = {1};\n'
                                     "static int decide(int a) {\n    int b = a;\n    return b;\n}\n",
    "common/postgres/connection.c": '#include <libpq-fe.h>\n#include "common/base/str.h"\n',
    "services/aggregator/store.c": '#include "common/postgres/connection.h"\n#include "services/aggregator/control.h"\n',
    "services/ingest/main.c": '#include <librdkafka/rdkafka.h>\n#include "services/aggregator/store.h"\n',
    "services/cli/main.c": '#include <libpq-fe.h>\n#include "services/aggregator/lane.h"\n',
    "tests/unit/test_control.c": '#include "services/aggregator/control.h"\n',
    "deploy/run": "#!/usr/bin/env bash\ncd \"$(dirname \"$0\")/..\"\nlisten=127.0.0.1:80 # not 203.0.113.7\n",
    "docs/page.md": "[the files](.." + "/deploy/run), version 1.2.3\n",
}

PLANTED = [  # rule, file, text
    ("layer", "common/base/str.c", '#include "common/domain/council.h"\n'),
    ("layer", "common/base/str.c", "#include <libpq-fe.h>\n"),
    ("layer", "common/domain/ids.c", '#include "services/validator/rules.h"\n'),
    ("layer", "common/domain/ids.c", "#include <jansson.h>\n"),
    ("layer", "common/domain/ids.c", '#include "common/base/log.h"\n'),
    ("layer", "common/postgres/connection.c", '#include "common/domain/ids.h"\n'),
    ("layer", "common/domain/ids.c", '#include "common/postgres/connection.h"\n'),
    ("layer", "common/http/listen.c", "#include <microhttpd.h>\n"),
    ("layer", "common/http/listen.c", '#include "common/postgres/connection.h"\n'),
    ("layer", "services/validator/rules.c", '#include "services/aggregator/control.h"\n'),
    ("layer", "services/validator/rules.c", '#include "services/ingest/worker.h"\n'),
    ("layer", "services/validator/rules.c", "#include <librdkafka/rdkafka.h>\n"),
    ("layer", "services/aggregator/lane.c", "#include <librdkafka/rdkafka.h>\n"),
    ("layer", "services/aggregator/lane.c", "  #  include <avro.h>\n"),
    ("layer", "services/aggregator/lane.h", "#include <libpq-fe.h>\n"),
    ("layer", "services/aggregator/lane.c", '#include "services/aggregator/store.h"\n'),
    ("layer", "services/aggregator/lane.c", "#include <sys/socket.h>\n"),
    ("layer", "services/aggregator/lane.c", "#include <time.h>\n"),
    ("layer", "services/aggregator/lane.c", '#include "common/base/log.h"\n'),
    ("layer", "services/aggregator/store_more.c", "#include <librdkafka/rdkafka.h>\n"),
    ("layer", "services/ingest/worker.c", '#include "services/cli/cli.h"\n'),
    ("layer", "services/cli/watch.c", '#include "services/ingest/worker.h"\n'),
    ("layer", "services/gateway/http.c", '#include "services/ingest/worker.h"\n'),
    ("clock", "services/aggregator/lane.c", "long now(void) { return time(NULL); }\n"),
    ("clock", "services/validator/rules.c", "int roll(void) { return rand(); }\n"),
    ("clock", "common/domain/ids.c", 'const char *home(void) { return getenv("HOME"); }\n'),
    ("global", "services/aggregator/lane.c", "static int count;\n"),
    ("global", "common/domain/ids.c", "static char *names[4] = {0};\n"),
    ("include", "tests/unit/test_main.c", '#include "services/ingest/main.c"\n'),
    ("include", "services/cli/watch.c", '#include "watch.h"\n'),
    ("unknown", "services/other/page.c", "int page;\n"),
    ("length", "services/cli/long.c", "\n" * (LINES_MAX + 1)),
    ("length", "deploy/long", "#!/bin/bash\n" + "\n" * LINES_MAX),
    ("place", "deploy/start", "cd /home" + "/ann/declared\n"),
    ("place", "README.md", "see .." + "/elsewhere/notes.md\n"),
    ("place", "tests/unit/test_file.c", 'const char *data = ".' + './elsewhere";\n'),
    ("place", "deploy/start", "ssh 10.20." + "30.40\n"),
    ("place", "deploy/start", "cd ROOT/deploy\n"),
]


def write_tree(root, files):
    for name, text in files.items():
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("ROOT", os.path.realpath(root)), encoding="utf-8")


def self_test():
    failures = 0
    for planted in [None, *PLANTED]:
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, CLEAN)
            if planted is not None:
                write_tree(root, {planted[1]: planted[2]})
            found = Check(root).run()
        wanted = [] if planted is None else [(planted[1], planted[0])]
        got = sorted({(path, rule) for path, _, rule, _ in found})
        if got != wanted:
            failures += 1
            print(f"planted {planted!r}: found {found}")
    with tempfile.TemporaryDirectory() as empty:
        failures += Check(empty).run() == []
    print(f"{len(PLANTED)} planted violations, {failures} failures")
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    check = Check(arguments[0])
    for path, line, rule, text in check.run():
        print(f"{path}:{line}: {rule}: {text}")
    print(f"{check.sources} C files, {len(check.found)} violations")
    return 1 if check.found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
