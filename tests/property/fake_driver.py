#!/usr/bin/env python3
"""NOT the C core: the model behind core-lines' protocol, to test compare.py itself.

    fake_driver.py [--bug tie|majority|seq|crash]    with a planted fault, or none
"""

import argparse
import json
import sys

import generate
import model


def plant(bug, result):
    if bug == "seq" and result["snapshots"]:
        result["snapshots"][-1]["seq"] += 1
    if bug == "majority":
        for snapshot in result["snapshots"]:
            if snapshot["majority"] is not None:
                snapshot["majority"] += 1
    if bug == "tie":
        for row in result["rows"]:
            row["reasons"] = [r for r in row["reasons"] if r != "TIE_WITHOUT_LOT"]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bug", default="")
    bug = options.parse_args().bug
    rules, inputs = {}, []
    for line in sys.stdin:
        message = json.loads(line)
        if "end" not in message:
            rules = message.get("rules", rules)
            inputs.append(message)
            continue
        result = generate.run_case({"rules": rules, "inputs": inputs})
        if bug == "crash" and any("TIE_WITHOUT_LOT" in row["reasons"] for row in result["rows"]):
            sys.exit(3)
        plant(bug, result)
        print(json.dumps({"case": message["end"], **result}), flush=True)
        rules, inputs = {}, []


if __name__ == "__main__":
    main()
