#!/usr/bin/env python3
"""Fills the skeleton of reference data that an import of 3 May 2018 leaves, so that it loads.

    fill_london.py SKELETON.json FACTS.json OUT.json [--all] [--postponed OUT.jsonl]

FACTS.json (tests/integration/data/london-2018.json) has the councillors and the control before the
poll of London's 32 boroughs, and two ballots that were countermanded and so are in no file of
results. The other councils of the skeleton are dropped; --all keeps them for a run of the whole
file. Nobody has told us who continues there, so one placeholder, which is no party that can
control, holds one seat more than were up: nothing can be called for anybody that was not so.
--postponed writes the declarations that postpone the countermanded ballots.
"""

import argparse
import json

PLACEHOLDER = {
    "party_id": "name:placeholder-continuing-not-known",
    "name": "Placeholder: continuing seats not known",
    "short": "UNKNOWN",
    "bloc": False,
}


def fill_borough(council, facts, region):
    council["seats_total"] = facts["seats_total"]
    council["previous_control"] = {"party_id": facts["previous_control"]}
    council.update(kind="london-borough", region=region, area_word="ward")


def fill_placeholder(council):
    up = sum(ballot["seats"] for ballot in council["ballots"])
    council["continuing"] = {PLACEHOLDER["party_id"]: up + 1}
    council["seats_total"] = 2 * up + 1
    council["previous_control"] = {"party_id": None}


def add_countermanded(councils, ballots):
    for ballot in ballots:
        councils[ballot["council_id"]]["ballots"].append(
            {key: ballot[key] for key in ("ballot_paper_id", "ward_name", "seats")})


def postponement(ballot):
    _, slug, _, date = ballot["ballot_paper_id"].split(".")
    return {
        "election_id": f"local.{slug}.{date}", "ballot_paper_id": ballot["ballot_paper_id"],
        "council_id": ballot["council_id"], "ward_name": ballot["ward_name"], "kind": "POSTPONED",
        "revision": 1, "basis": "DECLARATION", "declared_at": f"{date}T07:00:00Z",
        "reported_at": f"{date}T07:00:00Z", "source": "democracy-club", "seats": ballot["seats"],
        "candidates": [], "note": "Countermanded",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("skeleton")
    parser.add_argument("facts")
    parser.add_argument("out")
    parser.add_argument("--all", action="store_true", help="keep the other councils, with placeholders")
    parser.add_argument("--postponed", metavar="OUT.jsonl")
    options = parser.parse_args()

    with open(options.skeleton, encoding="utf-8") as file:
        reference = json.load(file)
    with open(options.facts, encoding="utf-8") as file:
        facts = json.load(file)
    boroughs = facts["councils"]
    councils = {council["council_id"]: council for council in reference["councils"]}
    missing = [council_id for council_id in boroughs if council_id not in councils]
    if missing:
        parser.error(f"the skeleton has no {', '.join(missing)}")

    add_countermanded(councils, facts["countermanded"])
    for council_id, council in councils.items():
        if council_id in boroughs:
            fill_borough(council, boroughs[council_id], facts["region"])
        else:
            fill_placeholder(council)
    if options.all:
        reference["parties"].append(PLACEHOLDER)
    else:
        reference["councils"] = [councils[council_id] for council_id in boroughs]
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(reference, file, ensure_ascii=False, indent=1)
    if options.postponed:
        with open(options.postponed, "w", encoding="utf-8") as file:
            for ballot in facts["countermanded"]:
                file.write(json.dumps(postponement(ballot), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
