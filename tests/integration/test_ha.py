#!/usr/bin/env python3
"""Three brokers, two PostgreSQLs, three daemons and two gateways, some of which are killed, under a new seed.

    tests/integration/test_ha.py [ARGUMENT...]    as tests/chaos/ha takes them

All servers are its own. What it leaves out of tests/chaos/ha for want of time: two more brokers, and the primary
that hangs.
"""

import re
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).resolve().parents[1] / "chaos" / "ha"


def main():
    process = subprocess.Popen([sys.executable, "-B", str(RUN), "--quick", *sys.argv[1:]],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    passed = failed = 0
    for line in process.stdout:
        print(line, end="", flush=True)
        passed += bool(re.search(r"oracle: [a-z ]+: well \(| back after ", line))  # a check or a recovery is a test
        failed += "WRONG: " in line
    code = process.wait()
    print(f"{passed} passed, {max(failed, int(code != 0))} failed")
    return code


if __name__ == "__main__":
    sys.exit(main())
