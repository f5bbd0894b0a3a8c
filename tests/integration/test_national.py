#!/usr/bin/env python3
"""A whole national night from a file of results: control, totals, and what was true at any moment of it.

The night is the English election day of 3 May 2018, in Democracy Club's CSV, where that file is at hand: in the folder
that DECLARED_SHARED_DATA names. It is no part of the project; without it a small night that was made up takes its
place, and the tests say so.
"""

import collections
import csv
import functools
import io
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True

import support  # noqa: E402
from support import Pipeline, after, equal, seeded, test, without_topics  # noqa: E402

FILE = os.path.join(os.environ.get("DECLARED_SHARED_DATA", ""), "democracy-club-2018", "local.2018-05-03.csv")
LEFT_OUT = "left out: DECLARED_SHARED_DATA names no folder with democracy-club-2018/local.2018-05-03.csv"
FACTS = os.path.join(support.ROOT, "tests", "integration", "data", "london-2018.json")
FILL = os.path.join(support.ROOT, "tests", "support", "fill_london.py")
CON, LAB, LD, LAB_COOP = "PP52", "PP53", "PP90", "joint-party:53-119"
MOMENTS = 12


# ---- a night that was made up ----------------------------------------------------------------------------

MADE_UP = {  # control before, then of each of five wards the party elected; two councils go from CON to LD
    "alder": (CON, [LD, LD, LD, CON, CON], (LD, "GAIN", CON)),
    "birch": (LAB, [LAB, LAB, LAB_COOP, CON, LAB], (LAB, "HOLD", None)),
    "cedar": (None, [LAB, LAB, CON, CON, LD], ("NOC", "NO CHANGE", None)),
    "doyle": (CON, [LD, LD, LAB, LD, LD], (LD, "GAIN", CON)),
    "elder": (None, [CON, CON, CON, LAB, LAB], (CON, "GAIN", "NOC")),
}


def made_up_rows():
    names = {CON: "Conservative and Unionist Party", LAB: "Labour Party", LD: "Liberal Democrats",
             LAB_COOP: "Labour and Co-operative Party"}
    person = 1000
    for ward in range(5):
        for slug, (_, elected, _) in MADE_UP.items():
            election, winner = f"local.{slug}.2018-05-03", elected[ward]
            losers = [party for party in (CON, LAB, LD) if party not in (winner, winner.replace(LAB_COOP, LAB))]
            for party in (winner, *losers):
                person += 1
                votes = 900 + person % 7 if party == winner else 300 + person % 11
                yield [election, f"local.{slug}.ward-{ward}.2018-05-03", person, party.replace(LAB_COOP, ""),
                       names[party], f"Person {person}", votes, party == winner, 3, "", "https://example.org/"]


def write_made_up(folder):
    """(the file of results, the facts), as the real ones are."""
    results, facts = os.path.join(folder, "results.csv"), os.path.join(folder, "facts.json")
    with open(results, "w", newline="", encoding="utf-8") as file:
        file.write("election_id,ballot_paper_id,person_id,party_id,party_name,person_name,ballots_cast,is_winner,"
                   "spoilt_ballots,turnout,source\n")
        csv.writer(file).writerows(made_up_rows())
    countermanded = {"council_id": "dc:birch", "ballot_paper_id": "local.birch.ward-5.2018-05-03",
                     "ward_name": "Ward 5", "seats": 1}
    councils = {f"dc:{slug}": {"seats_total": 5 + (slug == "birch"), "previous_control": before,
                               "expected": dict(zip(("control", "outcome", "gained_from"), after_it))}
                for slug, (before, _, after_it) in MADE_UP.items()}
    with open(facts, "w", encoding="utf-8") as file:
        json.dump({"election_date": "2018-05-03", "region": "Made up", "countermanded": [countermanded],
                   "councils": councils}, file)
    return results, facts


# ---- the night -------------------------------------------------------------------------------------------

class Night:
    """What the files say and what the pipeline made of them; the database is gone by the time of the tests."""

    def __init__(self, pipeline, results, facts):
        self.pipeline = pipeline
        with open(facts, encoding="utf-8") as file:
            self.facts = json.load(file)
        with open(results, newline="", encoding="utf-8-sig") as file:
            text = file.read()
        head = text.index("election_id,")  # a stray line may stand before it
        rows = csv.DictReader(io.StringIO(text[head:]))
        self.rows = [row for row in rows if row["ballot_paper_id"].startswith("local.")]
        self.play(results, facts)
        self.read()

    def play(self, results, facts):
        pipeline = self.pipeline
        with tempfile.TemporaryDirectory() as folder:
            skeleton, reference, postponed = (os.path.join(folder, name) for name in ("empty", "filled", "postponed"))
            lines = pipeline.ctl("import", "democracy-club", results, "--reference", skeleton).stdout.splitlines()
            support.run([FILL, skeleton, facts, reference, "--all", "--postponed", postponed], pipeline.env)
            with open(reference, encoding="utf-8") as file:
                pipeline.load(json.load(file))
            pipeline.daemon(workers=2)
            with open(postponed, encoding="utf-8") as file:
                pipeline.publish(file.read().splitlines())
            pipeline.ctl("import", "democracy-club", results, "--publish")
            pipeline.sent += len(lines)
        pipeline.wait_until_applied(120)
        pipeline.check()
        self.imported = len(lines)

    def read(self):
        pipeline = self.pipeline
        self.fates = pipeline.fates()
        self.control = {row["election_id"]: row for row in pipeline.rows("SELECT * FROM api.council_control")}
        self.history = pipeline.rows("SELECT * FROM api.council_control_history ORDER BY recorded_at, election_id, seq")
        self.totals = pipeline.rows("SELECT * FROM api.party_totals")
        self.progress = pipeline.rows("SELECT * FROM api.night_progress")
        self.national = national(pipeline.rows("SELECT * FROM api.story_fact"))
        rng = seeded("moments")
        self.control_at, self.told_at = {}, {}
        for row in rng.sample(self.history, min(MOMENTS, len(self.history))):
            self.control_at[row["recorded_at"]] = self.as_of(row["recorded_at"])
        asked = row["recorded_at"], row["election_id"]
        self.asked = (*asked, pipeline.ctl_json("as-of", *asked))
        for moment in self.switches():
            for offset in ("0 s", "1 microsecond"):
                self.told_at[moment, offset] = national(
                    pipeline.rows(f"SELECT * FROM api.story_fact_at('{moment}'::timestamptz - interval '{offset}')"))

    def as_of(self, moment):
        rows = self.pipeline.rows(f"SELECT * FROM api.council_control_at('{moment}')")
        return {row["election_id"]: row for row in rows}

    def election(self, council_id):
        return f"local.{council_id.removeprefix('dc:')}.{self.facts['election_date']}"

    def councils(self):
        """(what is expected, the newest snapshot) of the councils of which the facts tell."""
        for council_id, facts in self.facts["councils"].items():
            yield facts, self.control[self.election(council_id)]

    def switches(self):
        """When the councils were called that went from CON to LD: two, the first and the second."""
        moments = sorted(now["called_at"] for _, now in self.councils()
                         if (now["gained_from"], now["control"]) == (CON, LD))
        equal(len(moments), 2, "councils from CON to LD")
        return moments

    def switch(self, n):
        (election,) = (now["election_id"] for _, now in self.councils() if now["called_at"] == self.switches()[n])
        return election


def national(facts):
    """{(election, code): params}"""
    return {(fact["election_id"], fact["code"]): fact["params"] for fact in facts
            if fact["code"] in ("ONLY_SWITCH", "NTH_SWITCH", "COUNCILS_GAINED", "COUNCILS_LOST")}


@functools.cache
def night():
    with Pipeline() as pipeline, tempfile.TemporaryDirectory() as folder:
        if os.path.exists(FILE):
            return Night(pipeline, FILE, FACTS)
        print(f"       {LEFT_OUT}: a small night, made up, instead")
        return Night(pipeline, *write_made_up(folder))


# ---- control ---------------------------------------------------------------------------------------------

@test
@without_topics
@after(night)
def every_ballot_of_the_file_is_accepted_and_every_council_final(_):
    ballots = {row["ballot_paper_id"] for row in night().rows}
    equal(night().imported, len(ballots), "ballots imported")
    equal(night().fates, {"accepted": len(ballots) + len(night().facts["countermanded"])}, "fates")
    elections = {row["election_id"] for row in night().rows}
    equal(set(night().control), elections, "elections")
    equal({row["status"] for row in night().control.values()}, {"final"}, "status")
    print(f"       {len(ballots)} ballots of {len(elections)} elections, {len(night().history)} snapshots")


@test
@without_topics
@after(night)
def every_council_of_the_facts_comes_out_as_the_public_record_has_it(_):
    for facts, now in night().councils():
        expected = facts["expected"]
        equal({name: now[name] for name in expected}, expected, now["council_name"])
        equal(now["previous_control"], facts["previous_control"] or "NOC", f"{now['council_name']} before")
        held = {party["party_id"]: party["held"] for party in now["seats"]}
        up = sum(held.values()) + now["seats_postponed"]
        equal(up, facts["seats_total"], f"{now['council_name']}: seats")
        majority = None if now["control"] == "NOC" else 2 * held[now["control"]] - now["seats_total"]
        equal(now["majority"], majority, f"{now['council_name']}: majority")


@test
@without_topics
@after(night)
def london_has_21_labour_7_conservative_3_liberal_democrat_councils_and_havering(_):
    if not os.path.exists(FILE):
        print(f"       {LEFT_OUT}")
        return
    london = [now for _, now in night().councils()]
    equal(collections.Counter(now["control"] for now in london), {LAB: 21, CON: 7, LD: 3, "NOC": 1}, "control")
    switched = {now["council_name"]: (now["outcome"], now["headline"]) for now in london if now["outcome"] != "HOLD"}
    equal(switched, {"Barnet": ("GAIN", "CON GAIN BARNET FROM NOC"),
                     "Havering": ("NO CHANGE", "NOC HAVERING: NO CHANGE"),
                     "Kingston upon Thames": ("GAIN", "LD GAIN KINGSTON UPON THAMES FROM CON"),
                     "Richmond upon Thames": ("GAIN", "LD GAIN RICHMOND UPON THAMES FROM CON"),
                     "Tower Hamlets": ("GAIN", "LAB GAIN TOWER HAMLETS FROM NOC")}, "councils that did not simply hold")
    postponed = {now["council_name"]: now["seats_postponed"] for now in london if now["seats_postponed"]}
    equal(postponed, {"Brent": 3, "Southwark": 3}, "countermanded")
    equal((len(night().control), len(night().rows) > 16000), (161, True), "elections of the file")
    equal(sum(row["councils_total"] for row in night().progress), 150, "councils, those with by-elections alone apart")


# ---- totals ----------------------------------------------------------------------------------------------

def folded(row):
    """The file's party as the totals count it."""
    if row["party_id"] == "":
        assert row["party_name"] == "Labour and Co-operative Party", row
        return LAB
    joint, _, numbers = row["party_id"].partition("joint-party:")
    return joint or "PP" + numbers.split("-")[0]


def counted_from_the_file(wanted):
    """{party: [seats won, votes]} over the elections that are wanted, by-elections alone not among them."""
    ballots = collections.defaultdict(list)
    for row in night().rows:
        if wanted(row["election_id"]):
            ballots[row["ballot_paper_id"]].append(row)
    contested = {rows[0]["election_id"] for ballot, rows in ballots.items() if ".by." not in ballot}
    totals = collections.defaultdict(lambda: [0, 0])
    for rows in ballots.values():
        if rows[0]["election_id"] in contested:
            for row in rows:
                total = totals[folded(row)]
                total[0] += row["is_winner"] == "True"
                total[1] += int(row["ballots_cast"])
    return {party: tuple(total) for party, total in totals.items() if any(total)}


def expect_totals(rows, expected):
    found = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        found[row["party_id"]][0] += row["seats_won"]
        found[row["party_id"]][1] += row["votes"]
    equal({party: tuple(total) for party, total in found.items() if any(total)}, expected, "seats won and votes")
    print(f"       {len(expected)} parties, {sum(seats for seats, _ in expected.values())} seats, "
          f"{sum(votes for _, votes in expected.values())} votes")


@test
@without_topics
@after(night)
def party_totals_are_those_of_a_direct_count_of_the_file(_):
    expect_totals(night().totals, counted_from_the_file(lambda election: True))


@test
@without_topics
@after(night)
def a_region_s_totals_are_those_of_a_direct_count_of_its_councils(_):
    elections = {night().election(council_id) for council_id in night().facts["councils"]}
    rows = [row for row in night().totals if row["region"] == night().facts["region"]]
    expect_totals(rows, counted_from_the_file(elections.__contains__))
    expected = collections.Counter(facts["expected"]["control"] for facts, _ in night().councils())
    equal({row["party_id"]: row["councils"] for row in rows if row["councils"]}, dict(expected), "councils")
    gained, lost = collections.Counter(), collections.Counter()
    for facts, _ in night().councils():
        if facts["expected"]["outcome"] in ("GAIN", "LOSS"):
            gained[facts["expected"]["control"]] += 1
            lost[facts["previous_control"] or "NOC"] += 1
    equal({row["party_id"]: row["councils_gained"] for row in rows if row["councils_gained"]}, dict(gained), "gained")
    equal({row["party_id"]: row["councils_lost"] for row in rows if row["councils_lost"]}, dict(lost), "lost")
    equal(sum(row["councils_net"] for row in night().totals), 0, "gains and losses of all parties together")


# ---- as of a moment --------------------------------------------------------------------------------------

@test
@without_topics
@after(night)
def council_control_at_a_moment_is_what_history_had_by_then(_):
    assert len(night().control_at) == MOMENTS
    for moment, seen in night().control_at.items():
        newest = {row["election_id"]: row for row in night().history if row["recorded_at"] <= moment}
        equal(seen, newest, f"as of {moment}")
    moment, election, (row,) = night().asked
    equal(row, night().control_at[moment][election], "declarectl as-of")


@test
@without_topics
@after(night)
def the_first_switch_is_the_only_one_until_there_is_another(_):
    first, second = night().switches()
    switch = {"from": CON, "to": LD}
    one, other = night().switch(0), night().switch(1)

    def told(moment, offset="0 s"):
        return {key: params for key, params in night().told_at[moment, offset].items()
                if key[0] in (one, other) and key[1].endswith("_SWITCH")}
    alone = {(one, "ONLY_SWITCH"): switch}
    both = {(one, "NTH_SWITCH"): dict(switch, nth=1, of=2), (other, "NTH_SWITCH"): dict(switch, nth=2, of=2)}
    equal(told(first, "1 microsecond"), {}, "before the first")
    equal(told(first), alone, "with the first")
    equal(told(second, "1 microsecond"), alone, "before the second")
    equal(told(second), both, "with the second")
    equal({key: night().national[key] for key in both}, both, "now")
    assert (one, "ONLY_SWITCH") not in night().national
    equal((night().told_at[first, "0 s"][one, "COUNCILS_GAINED"]["councils"],
           night().national[one, "COUNCILS_GAINED"]["councils"]), (1, 2), "councils gained by then and by now")


if __name__ == "__main__":
    support.main()
