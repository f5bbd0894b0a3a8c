#!/usr/bin/env python3
"""Instructions per declaration, by stage of the core, counted by valgrind's callgrind: no clock, no I/O, repeatable.

    tests/bench/stages.py [--declarations N] [--councils N] [--top N] [--json FILE]

Made-up declarations (declarectl simulate: 3 % corrections asked for, 1 % duplicates) go through bench_core, which does
what the daemon's worker does between Kafka and PostgreSQL. By default 5,000 of 10 councils: 500 a council, as in the
catch-up of 200,000 by 400. callgrind shows libcrypto a processor without SHA instructions, so the digest costs several
times what it does in life: the sum is told with and without it.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("DECLARED_BIN", os.path.join(ROOT, "build", "bin"))

# A stage is what its functions cost with all that they call, less the stages within it.
# (stage, within, functions)
STAGES = [
    ("decode", "all", ("decode_payload",)),
    ("apply", "all", ("lane_apply",)),
    ("rules", "judge", ("rules_check_declaration",)),
    ("rules of the record", "apply", ("rules_check_record",)),
    ("judge", "apply", ("entry_draft", "entry_resolve", "entry_judge", "entry_keep", "entry_take_judgement",
                        "ballot_find_in_force")),
    ("control", "emit", ("control_decide",)),
    ("control's sums", "apply", ("count_turn",)),
    ("facts", "emit", ("facts_tell",)),
    ("phrases", "emit", ("phrase_headline", "phrase_flash")),
    ("emit", "apply", ("emit_snapshot", "emit_ballot")),
    ("hash: text of the row", "apply", ("ledger_row_hash",)),
    ("COPY rows", "all", ("row_add_tuple",)),
    ("trim", "all", ("lane_trim",)),
]
LINE = re.compile(r"^\s*([\d,]+)\s.*?\)?\s+(\S+?):([\w.'@]+)(?: \[(.*)\])?$")


def annotated(profile, inclusive):
    """[(instructions, file, function)] of a callgrind profile."""
    flag = "--inclusive=yes" if inclusive else "--inclusive=no"
    text = subprocess.run(["callgrind_annotate", flag, "--threshold=100", "--auto=no", profile], check=True,
                          capture_output=True, text=True).stdout
    rows = []
    for line in text.splitlines():
        found = LINE.match(line)
        if found:
            function = re.sub(r"\.(part|isra|constprop|cold).*", "", found[3])
            rows.append((int(found[1].replace(",", "")), found[2], function))
    return rows


def edge(profile, caller, callee):
    """Instructions of `callee` with all that it calls, as called by `caller`."""
    names, cost, function, target = {}, 0, None, None
    with open(profile, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            found = re.match(r"(c?fn)=\((\d+)\)(?: (.*))?", line)
            if found:
                if found[3]:
                    names[found[2]] = found[3].strip()
                name = names.get(found[2], "")
                function, target = (name, None) if found[1] == "fn" else (function, name)
            elif line.startswith("calls="):
                amount = next(lines).split()
                if function == caller and target == callee:
                    cost += int(amount[1])
                target = None
    return cost


def count(declarations, councils):
    with tempfile.TemporaryDirectory(prefix="declared-bench-") as folder:
        reference, lines, profile = (os.path.join(folder, name) for name in ("reference.json", "lines", "profile"))
        with open(lines, "w", encoding="utf-8") as file:
            subprocess.run([os.path.join(BIN, "declarectl"), "simulate", "--seed", "7", "--councils", str(councils),
                            "--declarations", str(declarations), "--corrections", "0.03", "--duplicates", "0.01",
                            "--reference", reference], check=True, stdout=file)
        program = [os.path.join(BIN, "bench_core"), "--reference", reference, "--declarations", lines]
        native = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
        subprocess.run(["valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no",
                        "--toggle-collect=measured_batch", f"--callgrind-out-file={profile}", *program],
                       check=True, capture_output=True)
        return native, annotated(profile, True), annotated(profile, False), edge(profile, "ledger_row_hash", "sha256")


def by_stage(inclusive, digest, declarations):
    whole = {}
    for instructions, _, function in inclusive:
        whole[function] = max(whole.get(function, 0), instructions)
    cost = {"all": whole["measured_batch"]}
    for stage, _, functions in STAGES:
        cost[stage] = sum(whole.get(function, 0) for function in functions)
    own = dict(cost)
    for stage, within, _ in STAGES:
        own[within] -= cost[stage]
    own["hash: text of the row"] -= digest
    own["hash: SHA-256"] = digest
    own["the rest of lane_apply"] = own.pop("apply")
    own["the rest"] = own.pop("all")
    own["rules"] += own.pop("rules of the record")
    own["control"] += own.pop("control's sums")
    return {stage: amount / declarations for stage, amount in own.items()}


def show(result, top):
    print(f"{result['declarations']} declarations, {result['bytes'] / result['declarations']:.0f} bytes each, "
          f"{result['snapshots']} snapshots; {result['cpu_us']:.2f} us of CPU each without callgrind\n")
    print("instructions per declaration")
    for stage, amount in result["stages"].items():
        print(f"  {stage:<30} {amount:>10,.0f}")
    for name, amount in (("sum", result["sum"]), ("  without SHA-256", result["sum_without_digest"]),
                         ("  validate + aggregate", result["validate_and_aggregate"])):
        print(f"  {name:<30} {amount:>10,.0f}")
    print("  (decode, rules, judge, control, facts, phrases, emit, the rest of lane_apply, trim)")
    print(f"\nof single functions, themselves alone ({top} dearest)")
    for amount, file, function in result["functions"][:top]:
        print(f"  {amount:>10,.0f}  {function}  {file}")


def measure(declarations, councils):
    native, inclusive, alone, digest = count(declarations, councils)
    counted = native["declarations"]
    stages = by_stage(inclusive, digest, counted)
    total = sum(stages.values())
    not_core = ("hash: SHA-256", "hash: text of the row", "COPY rows", "the rest")
    return dict(native, stages=stages, sum=total,
                sum_without_digest=total - stages["hash: SHA-256"],
                validate_and_aggregate=total - sum(stages[stage] for stage in not_core),
                functions=[(amount / counted, os.path.basename(file), function) for amount, file, function in alone])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--declarations", type=int, default=5000)
    parser.add_argument("--councils", type=int, default=10)
    parser.add_argument("--top", type=int, default=25, help="functions to list")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    result = measure(options.declarations, options.councils)
    show(result, options.top)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    sys.exit(main())
