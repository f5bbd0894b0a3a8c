#!/usr/bin/env python3
"""Three minutes of chaos under a new seed, on servers of its own; see tests/chaos/README.md.

    tests/integration/test_chaos.py [ARGUMENT...]    as tests/chaos/run takes them
"""

import re
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).resolve().parents[1] / "chaos" / "run"
MINUTES = "3"


def main():
    process = subprocess.Popen([sys.executable, "-B", str(RUN), "--minutes", MINUTES, "--snapshots", *sys.argv[1:]],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    passed = failed = 0
    for line in process.stdout:
        print(line, end="", flush=True)
        passed += bool(re.search(r"oracle: [a-z ]+: well \(", line))  # a check is a test
        failed += "WRONG: " in line
    code = process.wait()
    print(f"{passed} passed, {max(failed, int(code != 0))} failed")
    return code


if __name__ == "__main__":
    sys.exit(main())
