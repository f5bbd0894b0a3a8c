"""The real results of 3 May 2018 in England, 2,752 ballots, and the ways back over a ledger: verify and replay."""

import json
import os
import time
from pathlib import Path

import bed
import catchup

RESULTS = Path(os.environ.get("DECLARED_SHARED_DATA", "")) / "democracy-club-2018" / "local.2018-05-03.csv"
LEFT_OUT = "left out: DECLARED_SHARED_DATA names no folder with democracy-club-2018/local.2018-05-03.csv"
FACTS = bed.ROOT / "tests" / "integration" / "data" / "london-2018.json"


def night_of_2018():
    """What the file does not say (who continues, who was in control) is filled with placeholders outside London."""
    folder = bed.FOLDER / "nights"
    folder.mkdir(parents=True, exist_ok=True)
    skeleton, reference, lines = (folder / name for name in ("2018-skeleton.json", "2018.json", "2018.jsonl"))
    lines.write_text(bed.program("declarectl", "import", "democracy-club", RESULTS, "--reference", skeleton))
    bed.program(bed.ROOT / "tests" / "support" / "fill_london.py", skeleton, FACTS, reference, "--all")
    councils = json.loads(reference.read_text(encoding="utf-8"))["councils"]
    return bed.Night(reference, lines, len(councils), len(lines.read_text().splitlines()))


def measure_2018(repeats, workers):
    if not RESULTS.is_file():
        return {"left_out": LEFT_OUT}
    night, runs = night_of_2018(), []
    bed.fill_topics(night)
    for turn in range(1 + repeats):
        with bed.database() as pipeline:
            run = catchup.run_daemon(pipeline, night, workers)
            if turn == 0:
                fates = catchup.describe(pipeline)["fates"]
            else:
                runs.append(run)
    return {"ballots": night.declarations, "councils": night.councils, "fates": fates, "workers": workers,
            "seconds": catchup.spread([run["seconds"] for run in runs]), "runs": runs}


def timed(rows, *command, env):
    began, cpu = time.monotonic(), bed.children_cpu()
    bed.program("declarectl", *command, env=env)
    seconds = time.monotonic() - began
    return {"seconds": seconds, "rate": rows / seconds, "declarectl_cpu_s": round(bed.children_cpu() - cpu, 2)}


def measure_replay(night, repeats):
    """The night is in the topics. Rows of the ledger a second, with all that they caused compared."""
    verified, replayed = [], []
    with bed.database() as pipeline:
        catchup.run_daemon(pipeline, night, 2)
        rows = pipeline.ledger_count()
        for turn in range(1 + repeats):
            verify = timed(rows, "audit", "verify", env=pipeline.env)
            with bed.database() as again:
                replay = timed(rows, "replay", "--from", "ledger", "--into", again.uri, env=pipeline.env)
            if turn > 0:
                verified.append(verify)
                replayed.append(replay)
    return {"rows": rows, "verify_rate": catchup.spread([one["rate"] for one in verified]),
            "replay_rate": catchup.spread([one["rate"] for one in replayed]), "verify": verified, "replay": replayed}
