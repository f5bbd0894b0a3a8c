#!/usr/bin/env python3
"""Makes the seed night's files from the council's published results.

    make_medway.py WARDS.csv CANDIDATES.csv OUT_DIR

WARDS.csv has ward, seats, electorate, ballot_papers_total; CANDIDATES.csv has ward, surname,
other_names, description_on_ballot, votes. Writes OUT_DIR/reference.json and OUT_DIR/declarations.jsonl,
the wards in the order of WARDS.csv. The published notices give names and times of no single
declaration, so the times here run from 00:20 UTC in steps of a few minutes, made from the figures.
"""

import csv
import json
import re
import sys
import unicodedata
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

ELECTION = "local.medway.2023-05-04"
COUNCIL = "E06000035"

# party_id, name, short, colour, text colour, ids that fold into it, whether it can control
PARTIES = [
    ("PP52", "Conservative", "CON", "#0087DC", "#FFFFFF", [], True),
    ("PP53", "Labour", "LAB", "#E4003B", "#FFFFFF", ["joint-party:53-119"], True),
    ("ynmp-party:2", "Independent", "IND", "#DCDCDC", "#000000", [], False),
    ("PP90", "Liberal Democrat", "LD", "#FAA61A", "#000000", [], True),
    ("PP63", "Green", "GRN", "#02A95B", "#FFFFFF", [], True),
    ("PP7931", "Reform UK", "REF", "#12B6CF", "#000000", [], True),
    ("PP79", "Christian Peoples Alliance", "CPA", "#813887", "#FFFFFF", [], True),
    ("PP243", "Social Democratic Party", "SDP", "#D25469", "#FFFFFF", [], True),
    ("PP12550", "Heritage Party", "HER", "#0B1D51", "#FFFFFF", [], True),
]
PARTY_OF_DESCRIPTION = {
    "Conservative Party candidate": "PP52",
    "Local Conservatives": "PP52",
    "Labour Party": "PP53",
    "Labour and Co-operative Party": "joint-party:53-119",
    "Independent": "ynmp-party:2",
    "Liberal Democrats": "PP90",
    "Green Party": "PP63",
    "Reform UK": "PP7931",
    "Christian Peoples Alliance": "PP79",
    "Social Democratic Party": "PP243",
    "Heritage Party": "PP12550",
}
FOLDS = {folded: party[0] for party in PARTIES for folded in party[5]}


def slug(text):
    """Democracy Club's rule."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^\w\s-]", "", ascii_text).strip().lower()
    return re.sub(r"[-\s]+", "-", kept)


def name_on_ballot(surname, other_names):
    """The commonly used name where the notice has one; a closing bracket may be missing."""
    known_as = re.search(r"\(commonly known as ([^)]*)", other_names, re.IGNORECASE)
    surname = re.sub(r"\s*\(.*", "", surname).strip()
    if known_as is None:
        return f"{other_names.strip()} {surname}"
    known = known_as.group(1).strip()
    return known if " " in known else f"{known} {surname}"


def read_wards(wards_path, candidates_path):
    with open(wards_path, newline="", encoding="utf-8-sig") as file:
        wards = [dict(row, candidates=[]) for row in csv.DictReader(file)]
    by_name = {ward["ward"]: ward for ward in wards}
    with open(candidates_path, newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            by_name[row["ward"]]["candidates"].append(row)
    return wards


def ballot_id(ward):
    return f"local.medway.{slug(ward['ward'])}.2023-05-04"


def reference_ballot(ward):
    ids = (PARTY_OF_DESCRIPTION[c["description_on_ballot"]] for c in ward["candidates"])
    nominations = Counter(FOLDS.get(party, party) for party in ids)
    return {
        "ballot_paper_id": ballot_id(ward),
        "ward_name": ward["ward"],
        "ward_gss": None,
        "seats": int(ward["seats"]),
        "electorate": int(ward["electorate"]),
        "nominations": {party[0]: nominations[party[0]] for party in PARTIES if nominations[party[0]]},
        "defending": None,
    }


def reference(wards):
    parties = [
        {"party_id": party_id, "name": name, "short": short, "group": short, "colour": colour,
         "text_colour": text_colour, "folds": folds, "bloc": bloc}
        for party_id, name, short, colour, text_colour, folds, bloc in PARTIES
    ]
    council = {
        "council_id": COUNCIL, "name": "Medway", "short_name": "MEDWAY", "kind": "unitary",
        "nation": "england", "region": "South East", "area_word": "ward", "executive": "leader",
        "created": "1998-04-01", "election_id": ELECTION, "seats_total": 59, "boundary_changes": True,
        "voting_system": "FPTP",
        "previous_control": {"party_id": "PP52", "seats": 33, "seats_total": 55, "seats_basis": "last_election"},
        "control_history": [
            {"from": "1998-04-01", "party_id": None},
            {"from": "2003-05-01", "party_id": "PP52", "reason": "election"},
        ],
        "seat_baseline": {"basis": "last_election", "seats": {"PP52": 33, "PP53": 20, "ynmp-party:2": 2}},
        "blocs": {"ynmp-party:2": False}, "continuing": {}, "vacant": 0, "expected_at": None,
        "ballots": [reference_ballot(ward) for ward in wards],
    }
    return {"parties": parties, "councils": [council]}


def declaration(ward, declared_at):
    seats = int(ward["seats"])
    ranked = sorted(ward["candidates"], key=lambda c: -int(c["votes"]))
    assert int(ranked[seats - 1]["votes"]) > int(ranked[seats]["votes"]), f"a tie at the cut in {ward['ward']}"
    elected = {id(c) for c in ranked[:seats]}
    candidates = [
        {"candidate_id": f"{slug(ward['ward'])}.{slug(name_on_ballot(c['surname'], c['other_names']))}",
         "name": name_on_ballot(c["surname"], c["other_names"]),
         "party_id": PARTY_OF_DESCRIPTION[c["description_on_ballot"]],
         "description": c["description_on_ballot"],
         "votes": int(c["votes"]),
         "elected": id(c) in elected}
        for c in ward["candidates"]
    ]
    reported_at = declared_at + timedelta(seconds=30 + int(ward["ballot_papers_total"]) % 60)
    return {
        "election_id": ELECTION, "ballot_paper_id": ballot_id(ward), "council_id": COUNCIL,
        "ward_name": ward["ward"], "kind": "DECLARED", "revision": 1, "basis": "DECLARATION",
        "declared_at": declared_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reported_at": reported_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source": "medway-council", "seats": seats, "electorate": int(ward["electorate"]),
        "ballot_papers": int(ward["ballot_papers_total"]), "candidates": candidates,
    }


def declarations(wards):
    at = datetime(2023, 5, 5, 0, 20, tzinfo=timezone.utc)
    for ward in wards:
        yield declaration(ward, at)
        at += timedelta(minutes=4 + int(ward["ballot_papers_total"]) % 7)


def write_reference(path, data):
    """A line a party and a ballot, so that a reader and a diff can follow it."""
    def one_line(value):
        return json.dumps(value, ensure_ascii=False)

    council = data["councils"][0]
    head = ",\n".join(f'    "{k}": {one_line(v)}' for k, v in council.items() if k != "ballots")
    parties = ",\n".join("    " + one_line(p) for p in data["parties"])
    ballots = ",\n".join("      " + one_line(b) for b in council["ballots"])
    path.write_text(
        f'{{\n  "parties": [\n{parties}\n  ],\n  "councils": [{{\n{head},\n    "ballots": [\n{ballots}\n    ]\n  }}]\n}}\n',
        encoding="utf-8")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    out = Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    wards = read_wards(sys.argv[1], sys.argv[2])
    write_reference(out / "reference.json", reference(wards))
    with open(out / "declarations.jsonl", "w", encoding="utf-8") as file:
        for line in declarations(wards):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
