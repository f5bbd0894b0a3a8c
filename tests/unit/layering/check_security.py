#!/usr/bin/env python3
"""Every test that deploy/SECURITY.md names is there. `..._end` and `begin_...` stand for a whole name.

    check_security.py ROOT
"""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
tests = set()
for path in (root / "tests" / "integration").glob("test_*.py"):
    tests |= set(re.findall(r"^@test\n(?:@.*\n)*def (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
named = set(re.findall(r"`((?:\.\.\.)?[a-z_]+(?:_[a-z]+){2}_?(?:\.\.\.)?)`", (root / "deploy/SECURITY.md").read_text(encoding="utf-8")))
named -= {"pg_read_all_data"}
missing = []
for name in sorted(named):
    begin, _, end = name.rpartition("...") if name.startswith("...") else name.partition("...")
    whole = "..." not in name
    if not any(test == name if whole else test.startswith(begin) and test.endswith(end) for test in tests):
        missing.append(name)
print(f"{len(named)} tests named, {len(missing)} missing", *missing, sep="\n  ")
sys.exit(1 if missing or len(named) < 20 else 0)
