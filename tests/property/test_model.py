#!/usr/bin/env python3
"""Tests of the reference model: against brute force, against itself, against real elections.

    test_model.py [--seed N] [--states N] [--nights N]

cases/*.json, which the C tests read too:
    {"name", "note", "rules": {...}, "inputs": [as compare.py sends them],
     "expect": {"rows": [[fate, [reasons]] of each input],
                "headlines": [each headline of the live snapshots, once, in order],
                "headline_at": [[seq from which it stands, headline]],
                "flashes": [kinds in order],
                "final": {columns of the last live snapshot; `seats` lists some parties, in order,
                          with some of their columns}}}
"""

import argparse
import copy
import glob
import json
import os
import random
import sys
import unittest

import compare
import generate
import model
from generate import CON, COOP, GRN, IND, LAB, LD

HERE = os.path.dirname(os.path.abspath(__file__))
OPTIONS = argparse.Namespace(seed=1, states=3000, nights=250)


# --- A small council to speak in tests -------------------------------------------

class Desk:
    """One council, one lane, a record after another."""

    CLOSE = generate.CLOSE_MS

    def __init__(self, total=3, wards=(("a", 1), ("b", 1), ("c", 1)), previous=CON, rules=None, **more):
        self.council_id = "E06000035"
        self.partition = model.partition_of(self.council_id, 6)
        self.rules = rules or model.RuleBook()
        self.inputs, self.count, self.clock = [], 0, self.CLOSE + 1000
        self.reference = {
            "council_id": self.council_id, "name": "Medway", "election_id": "local.medway.2023-05-04",
            "seats_total": total, "new_council": previous == "new",
            "previous_control": None if previous == "new" else {"party_id": previous},
            "parties": copy.deepcopy(generate.PARTIES), "by": "desk", "loaded_at": self.CLOSE,
            "ballots": [{"ballot_paper_id": f"local.medway.{w}.2023-05-04", "seats": s, "nominations": None}
                        for w, s in wards], **more}

    def send(self, topic, type_, value):
        offset = sum(i.topic == topic for i in self.inputs)
        self.clock += 60000
        self.inputs.append(model.Input(topic, self.partition, offset, self.council_id, type_, value, self.clock * 1000))
        return offset

    def load(self, **changes):
        self.reference = {**copy.deepcopy(self.reference), **changes}
        self.send(model.DESK, "CouncilReference", self.reference)
        return self

    def declare(self, ward, *people, kind="DECLARED", revision=1, source="pa", seats=1, **more):
        """people: "CON*" elected, "CON=10*" with votes, "CON=10!" elected by lot."""
        self.count += 1
        ids = {"CON": CON, "LAB": LAB, "COOP": COOP, "LD": LD, "GRN": GRN, "IND": IND}
        candidates = []
        for n, person in enumerate(people):
            name, _, votes = person.rstrip("*!").partition("=")
            candidates.append({"candidate_id": f"{ward}{n}", "name": f"{name} {n}", "party_id": ids.get(name, name),
                               "votes": int(votes) if votes else None, "elected": person[-1] in "*!",
                               "elected_by_lot": person[-1] == "!"})
        value = {"event_id": f"00000000-0000-4000-8000-{self.count:012d}", "election_id": "local.medway.2023-05-04",
                 "ballot_paper_id": f"local.medway.{ward}.2023-05-04", "council_id": self.council_id,
                 "ward_name": ward, "kind": kind, "revision": revision, "basis": "DECLARATION",
                 "declared_at": self.clock, "reported_at": self.clock, "source": source, "seats": seats,
                 "candidates": candidates}
        value.update(more)
        return self.send(model.DECLARATIONS, "WardDeclaration", value)

    def act(self, action, offset, topic=model.DECLARATIONS):
        return self.send(model.DESK, "OperatorAction", {"action": action, "topic": topic, "partition": self.partition,
                                                        "kafka_offset": offset, "by": "ed", "note": "n", "acted_at": 1})

    def run(self):
        return model.run(self.inputs, self.rules)

    def fates(self):
        return [(r["fate"], r["reasons"]) for r in self.run()["rows"]]

    def last(self):
        return live(self.run())[-1]


def live(result):
    return [s for s in result["snapshots"] if not s["is_test"]]


def held(snapshot):
    return {s["party_id"]: s["held"] for s in snapshot["seats"]}


ACCEPTED = ("accepted", [])


class BruteForce(unittest.TestCase):
    def test_a_call_is_made_exactly_when_every_completion_agrees(self):
        called = uncalled = lost = 0
        for seed in range(OPTIONS.seed, OPTIONS.seed + OPTIONS.states):
            reference, pairs = generate.council(seed)
            count = model.Count(reference, pairs)
            if count.awaiting() or model.only_by_elections(reference):
                self.assertEqual((None, False), (count.control(), count.previous_control_lost()), seed)
                continue
            expected = generate.calls_by_force(reference, pairs)
            self.assertEqual(expected, (count.control(), count.previous_control_lost()), f"seed {seed}")
            called += expected[0] is not None
            uncalled += expected[0] is None
            lost += expected[1]
        print(f"\nbrute force: {called} states called, {uncalled} not, {lost} with control lost")
        self.assertTrue(called and uncalled and lost or OPTIONS.states < 100)


class Properties(unittest.TestCase):
    LEFT_OUT = ("seq", "recorded_at", "called_at", "cause", "ballots_held", "flashes")

    def finals(self, case):
        last = {}
        for s in generate.run_case(case)["snapshots"]:
            last[s["election_id"], s["is_test"]] = {k: v for k, v in s.items() if k not in self.LEFT_OUT}
        return last

    def test_any_order_duplication_and_batching_ends_in_the_same_snapshot(self):
        final = 0
        for seed in range(OPTIONS.seed, OPTIONS.seed + OPTIONS.nights):
            case = generate.night(seed, calm=True)
            expected = self.finals(case)
            final += any(s["status"] == "final" for s in expected.values())
            order = random.Random(seed)
            for _ in range(3):
                doubled = {**case, "seed": order.random(), "inputs": case["inputs"] + order.sample(
                    case["inputs"], order.randint(0, len(case["inputs"])))}
                changed = compare.permuted(self.references_once(doubled))
                self.assertEqual(expected, self.finals(changed), f"seed {seed}")
        print(f"\norder: {OPTIONS.nights} nights, {final} of them final")

    @staticmethod
    def references_once(case):
        """An older reference sent again would undo a newer one: that is no duplicate."""
        seen, inputs = set(), []
        for i in case["inputs"]:
            if i["type"] != "CouncilReference" or id(i) not in seen:
                inputs.append(i)
            seen.add(id(i))
        return {**case, "inputs": inputs}

    def test_every_night_keeps_the_promises_of_its_columns(self):
        for seed in range(OPTIONS.seed, OPTIONS.seed + OPTIONS.nights):
            result = generate.run_case(generate.night(seed))
            expected_seq = {}
            for s in result["snapshots"]:
                space = (s["election_id"], s["is_test"])
                expected_seq[space] = expected_seq.get(space, 0) + 1
                self.assertEqual(expected_seq[space], s["seq"])
                self.assertEqual(s["outcome"] is None, s["control"] is None)
                self.assertEqual(s["called_at"] is None, s["control"] is None)
                self.assertEqual(s["ballots_total"] == s["ballots_declared"] + s["ballots_postponed"],
                                 s["status"] == "final")
                self.assertTrue(s["status"] != "awaiting" or s["control"] is None)

    def test_what_is_said_is_taken_back_once(self):
        for seed in range(OPTIONS.seed, OPTIONS.seed + OPTIONS.nights):
            said = {}
            for s in generate.run_case(generate.night(seed))["snapshots"]:
                for f in s["flashes"]:
                    mine = said.setdefault((s["election_id"], s["is_test"]), set())
                    if f["retracts"] is not None:
                        key = (f["retracts"]["seq"], f["retracts"]["kind"])
                        self.assertIn(key, mine, seed)
                        mine.remove(key)
                    mine.add((s["seq"], f["kind"]))


class RealElections(unittest.TestCase):
    """One test a file of cases/."""

    def result_of(self, case):
        return generate.run_case(case)

    def check(self, path):
        with open(path, encoding="utf-8") as file:
            case = json.load(file)
        result, expect = self.result_of(case), case["expect"]
        self.assertEqual(expect["rows"], [[r["fate"], sorted(r["reasons"])] for r in result["rows"]])
        snapshots = live(result)
        headlines = [s["headline"] for s in snapshots if s["headline"] is not None]
        self.assertEqual(expect["headlines"], list(dict.fromkeys(headlines)))
        for seq, headline in expect.get("headline_at", []):
            self.assertEqual(headline, snapshots[seq - 1]["headline"])
            self.assertNotEqual(headline, snapshots[seq - 2]["headline"])
        self.assertEqual(expect["flashes"], [f["kind"] for s in snapshots for f in s["flashes"]])
        final = snapshots[-1]
        for column, value in expect["final"].items():
            if column != "seats":
                self.assertEqual(value, final[column], column)
        lines = {s["party_id"]: s for s in final["seats"]}
        listed = [s["party_id"] for s in expect["final"].get("seats", [])]
        self.assertEqual(listed, [p for p in lines if p in listed], "order of seats")
        for line in expect["final"].get("seats", []):
            self.assertEqual(line, {k: lines[line["party_id"]][k] for k in line})


for _path in sorted(glob.glob(os.path.join(HERE, "cases", "*.json"))):
    _name = os.path.basename(_path)[:-5].replace("-", "_")
    setattr(RealElections, f"test_{_name}", lambda self, path=_path: self.check(path))


class Rules(unittest.TestCase):
    """Each rule of section 6 with a record that passes and one that does not."""

    def judge(self, *people, setup=None, **more):
        desk = Desk(**(setup or {})).load()
        desk.declare("a", *people, **more)
        return desk.fates()[-1]

    def test_partition(self):
        self.assertEqual(3, model.partition_of("E06000035", 6))
        self.assertEqual(-973932308 & 0xFFFFFFFF, model.murmur2(b"21"))  # Kafka's own test value

    def test_unknown_party(self):
        self.assertEqual(ACCEPTED, self.judge("COOP*", "CON"))
        self.assertEqual(("held", ["UNKNOWN_PARTY"]), self.judge("PP9*", "CON"))

    def test_seats_mismatch_of_any_kind(self):
        self.assertEqual(ACCEPTED, self.judge(kind="POSTPONED"))
        self.assertEqual(("held", ["SEATS_MISMATCH"]), self.judge(kind="POSTPONED", seats=2))

    def test_elected(self):
        self.assertEqual(("held", ["TOO_MANY_ELECTED"]), self.judge("CON*", "LAB*"))
        self.assertEqual(("held", ["TOO_FEW_ELECTED"]), self.judge("CON", "LAB"))
        self.assertEqual(ACCEPTED, self.judge())

    def test_nominations_are_folded(self):
        setup = {"ballots": [{"ballot_paper_id": "local.medway.a.2023-05-04", "seats": 1,
                              "nominations": {LAB: 1, CON: 1}}], "total": 1}
        self.assertEqual(ACCEPTED, self.judge("COOP*", "CON", setup=setup))
        self.assertEqual(("held", ["NOT_NOMINATED"]), self.judge("COOP*", "LAB", "CON", setup=setup))
        self.assertEqual(("held", ["NOT_NOMINATED"]), self.judge("LD*", "CON", setup=setup))

    def test_top_and_tie(self):
        self.assertEqual(("held", ["ELECTED_NOT_TOP"]), self.judge("LAB=177*", "CON=242"))
        self.assertEqual(("held", ["TIE_WITHOUT_LOT"]), self.judge("LAB=5*", "CON=5"))
        self.assertEqual(ACCEPTED, self.judge("LAB=5!", "CON=5"))
        self.assertEqual(ACCEPTED, self.judge("LAB=9*", "CON=5", "LD=5"))
        self.assertEqual(ACCEPTED, self.judge("LAB=177*", "CON=242", "LD"))
        self.assertEqual(ACCEPTED, self.judge("LAB=177*", "CON=242", setup={"voting_system": "STV"}))

    def test_votes_exceed_papers(self):
        exceed = ["VOTES_EXCEED_PAPERS"]
        self.assertEqual(ACCEPTED, self.judge("LAB=60*", "CON=40", ballot_papers=103, rejected_papers=3))
        self.assertEqual(("held", exceed), self.judge("LAB=101*", "CON=0", ballot_papers=103, rejected_papers=3))
        self.assertEqual(("accepted", exceed), self.judge("LAB=60*", "CON=45", ballot_papers=100))
        self.assertEqual(("held", exceed), self.judge("LAB=60*", "CON=50", ballot_papers=100))
        self.assertEqual(("held", exceed), self.judge("LAB=60*", "CON=45", "LD", ballot_papers=100))

    def test_papers_and_times(self):
        self.assertEqual(("held", ["PAPERS_EXCEED_ELECTORATE", "TURNOUT_UNLIKELY"]),
                         self.judge("LAB*", "CON", ballot_papers=101, electorate=100))
        self.assertEqual(ACCEPTED, self.judge("LAB*", "CON", ballot_papers=90, electorate=100))
        self.assertEqual(("accepted", ["TURNOUT_UNLIKELY"]), self.judge("LAB*", "CON", ballot_papers=4, electorate=100))
        self.assertEqual(("held", ["DECLARED_BEFORE_CLOSE"]), self.judge("LAB*", "CON", declared_at=Desk.CLOSE - 1))
        self.assertEqual(ACCEPTED, self.judge("LAB*", "CON", declared_at=Desk.CLOSE))
        self.assertEqual(ACCEPTED, self.judge("LAB*", uncontested=True, declared_at=0))
        self.assertEqual(("rejected", ["BAD_VALUE"]), self.judge("LAB*", declared_at=-1))

    def test_close_of_poll_follows_summer_time(self):
        self.assertEqual(21, model.close_of_poll_ms("local.a.2023-05-04") // 3600000 % 24)
        self.assertEqual(22, model.close_of_poll_ms("local.a.2023-11-02") // 3600000 % 24)

    def test_the_verdict_can_be_set(self):
        for verdict, fate in (("rejected", "rejected"), ("held", "held"), ("warning", "accepted")):
            rules = model.RuleBook({"TIE_WITHOUT_LOT": verdict})
            self.assertEqual((fate, ["TIE_WITHOUT_LOT"]), self.judge("LAB=5*", "CON=5", setup={"rules": rules}))


class Revisions(unittest.TestCase):
    def test_duplicates(self):
        desk = Desk().load()
        desk.declare("a", "LAB*", "CON")
        desk.declare("a", "COOP*", "CON")                       # same source, revision and content
        desk.inputs[-1].value["candidates"][0]["name"] = "LAB 0"
        desk.declare("a", "CON", "LAB*", source="bbc")          # another source: no duplicate
        self.assertEqual([ACCEPTED, ACCEPTED, ("duplicate", []), ("corroborated", [])], desk.fates())

    def test_conflict_stands_until_the_desk_decides(self):
        desk = Desk().load()
        desk.declare("a", "LAB*", "CON")
        second = desk.declare("a", "LAB", "CON*")
        self.assertEqual(("held", ["CONFLICTING_REVISION"]), desk.fates()[-1])
        self.assertEqual(1, held(desk.last())[LAB])
        desk.act("RELEASE", second)
        self.assertEqual(1, held(desk.last())[CON])
        desk.declare("a", "LAB*", "LD", revision=2)
        self.assertEqual(1, held(desk.last())[LAB])
        desk.act("REJECT", 2)
        self.assertEqual({CON: 1}, {p: n for p, n in held(desk.last()).items() if n})

    def test_stale_and_superseded(self):
        desk = Desk().load()
        desk.declare("a", "LAB*", "CON", revision=3)
        stale = desk.declare("a", "CON*", "LAB", revision=2)
        desk.declare("a", "CON*", "LAB", revision=1, reported_at=desk.CLOSE)
        self.assertEqual([("held", ["STALE_REVISION"]), ("superseded", [])], desk.fates()[-2:])
        desk.act("RELEASE", stale)
        self.assertEqual(1, held(desk.last())[CON])
        desk.act("REJECT", stale)
        self.assertEqual(1, held(desk.last())[LAB])
        desk.act("REJECT", 0)
        self.assertEqual({CON: 1, LAB: 0}, held(desk.last()))

    def test_sources(self):
        rank = model.RuleBook(source_rank=("bbc", "pa"))
        desk = Desk(rules=rank).load()
        desk.declare("a", "LAB=9*", "CON=8")
        other = desk.declare("a", "LAB=9", "CON=10*", source="bbc")
        self.assertEqual(("held", ["SOURCES_DIFFER_VOTES", "SOURCES_DIFFER_WINNERS"]), desk.fates()[-1])
        desk.declare("a", "LAB=9*", "CON=7", source="bbc", revision=2)
        self.assertEqual(("corroborated", ["SOURCES_DIFFER_VOTES"]), desk.fates()[-1])
        self.assertEqual(7, desk.last()["seats"][1]["votes"])   # bbc ranks above pa
        desk.act("RELEASE", other)
        self.assertEqual(1, held(desk.last())[CON])
        desk.declare("a", kind="POSTPONED", source="stringer")
        self.assertEqual(("held", ["SOURCES_DIFFER_WINNERS"]), desk.fates()[-1])

    def test_withdrawn_leaves_the_say_to_another_source(self):
        desk = Desk().load()
        desk.declare("a", "LAB*", "CON")
        desk.declare("a", "LAB*", "CON", source="bbc")
        desk.declare("a", kind="WITHDRAWN", revision=2)
        self.assertEqual((ACCEPTED, 1), (desk.fates()[-1], desk.last()["ballots_declared"]))
        desk.declare("a", kind="WITHDRAWN", source="bbc", revision=2)
        self.assertEqual("awaiting", desk.last()["status"])


class Desks(unittest.TestCase):
    """Operators, references, approvals."""

    def test_held_until_the_reference_comes(self):
        desk = Desk()
        desk.declare("a", "LAB*", "CON")
        desk.declare("a", "LAB", "CON*")
        self.assertEqual(("held", ["UNKNOWN_COUNCIL"]), desk.fates()[1])
        desk.load()
        result = desk.run()
        self.assertEqual([(1, "accepted"), (2, "held")], [(c["lane_seq"], c["fate"]) for c in result["changes"]])
        self.assertEqual([("awaiting", 3), ("in_progress", 3)],
                         [(s["status"], s["cause"]["lane_seq"]) for s in live(result)])
        self.assertEqual(result["snapshots"][1]["is_test"], True)

    def test_a_release_waives_all_but_the_unknown(self):
        desk = Desk().load()
        offset = desk.declare("a", "PP9*", "LAB*", "CON")
        self.assertEqual(("held", ["TOO_MANY_ELECTED", "UNKNOWN_PARTY"]), desk.fates()[-1])
        desk.act("RELEASE", offset)
        self.assertEqual([("held", ["UNKNOWN_PARTY"])], [(c["fate"], c["reasons"]) for c in desk.run()["changes"]])
        desk.load(parties=desk.reference["parties"] + [{"party_id": "PP9", "name": "Nine", "short": "NIN"}])
        self.assertEqual(("accepted", 1), (desk.run()["changes"][-1]["fate"], held(desk.last())["PP9"]))

    def test_an_action_before_its_record(self):
        desk = Desk().load()
        desk.act("REJECT", 0)
        desk.act("RELEASE", 0)
        self.assertEqual(("held", ["NOT_YET_APPLIED"]), desk.fates()[-1])
        desk.declare("a", "LAB=5*", "CON=5")
        changes = [(c["lane_seq"], c["fate"], c["trigger_lane_seq"]) for c in desk.run()["changes"]]
        self.assertEqual([(4, "rejected", 4), (2, "accepted", 4), (4, "accepted", 4), (3, "accepted", 4)], changes)
        self.assertEqual([1, 4], [s["cause"]["lane_seq"] for s in live(desk.run())])

    def test_nothing_to_act_on(self):
        desk = Desk().load()
        desk.declare("a", "LAB*", "CON")
        desk.act("RELEASE", 0)
        desk.act("REJECT", 0, topic=model.DESK)
        self.assertEqual([("rejected", ["NOT_HELD"])] * 2, desk.fates()[-2:])

    def test_rejecting_the_winner_takes_the_call_back_once(self):
        desk = Desk(total=1, wards=(("a", 1),)).load()
        desk.declare("a", "LAB*", "CON")
        desk.act("REJECT", 0)
        desk.act("REJECT", 0)
        kinds = [[f["kind"] for f in s["flashes"]] for s in live(desk.run())]
        self.assertEqual([[], ["CONTROL_LOST", "CALLED", "FINAL"], ["CALL_RETRACTED", "LOSS_RETRACTED"]], kinds)
        self.assertEqual(("rejected", ["NOT_HELD"]), desk.fates()[-1])

    def test_another_winner_retracts_and_calls_in_one_snapshot(self):
        desk = Desk(total=1, wards=(("a", 1),)).load()
        desk.declare("a", "LAB*", "LD")
        desk.declare("a", "LAB", "LD*", kind="CORRECTED", revision=2)
        last = desk.last()
        self.assertEqual(["CALL_RETRACTED", "CALLED"], [f["kind"] for f in last["flashes"]])
        self.assertEqual({"seq": 2, "kind": "CALLED"}, last["flashes"][0]["retracts"])
        self.assertEqual(last["recorded_at"], last["called_at"])

    def test_approval(self):
        desk = Desk(total=1, wards=(("a", 1),), rules=model.RuleBook(require_approval=True)).load()
        desk.declare("a", "LAB*", "CON")
        desk.act("APPROVE_CALL", 0)
        desk.act("APPROVE_CALL", 0)
        said = [(s["control"], s["headline"], [f["kind"] for f in s["flashes"]]) for s in live(desk.run())[1:]]
        self.assertEqual([(LAB, "CON LOSE CONTROL OF MEDWAY", ["CONTROL_LOST", "CALL_READY", "FINAL"]),
                          (LAB, "LAB GAIN MEDWAY FROM CON", ["CALLED"])], said)
        self.assertEqual([ACCEPTED, ("rejected", ["NOT_HELD"])], desk.fates()[-2:])

    def test_approval_before_the_call(self):
        desk = Desk(total=1, wards=(("a", 1),), rules=model.RuleBook(require_approval=True)).load()
        desk.act("APPROVE_CALL", 0)
        desk.declare("a", "LAB*", "CON")
        self.assertEqual(["CONTROL_LOST", "CALLED", "FINAL"], [f["kind"] for f in desk.last()["flashes"]])

    def test_rehearsals_are_apart(self):
        desk = Desk().load()
        desk.declare("a", "LAB*", "CON", is_test=True)
        desk.declare("a", "CON*", "LAB")
        self.assertEqual([ACCEPTED] * 3, desk.fates())
        self.assertEqual([(False, 1), (True, 1), (True, 2), (False, 2)],
                         [(s["is_test"], s["seq"]) for s in desk.run()["snapshots"]])

    def test_an_unapproved_gain_has_no_headline(self):
        desk = Desk(total=1, wards=(("a", 1),), previous=None, rules=model.RuleBook(require_approval=True)).load()
        desk.declare("a", "LAB*", "CON")
        self.assertEqual((LAB, None), (desk.last()["control"], desk.last()["headline"]))

    def test_refused_references(self):
        half = {"party_id": CON, "seats": 30, "seats_total": 60, "seats_basis": "eve_of_poll"}
        no_labour = [p for p in generate.PARTIES if p["party_id"] != LAB]
        for change in ({"vacant": 1}, {"previous_control": None}, {"previous_control": {"party_id": IND}},
                       {"previous_control": half}, {"parties": no_labour},
                       {"ballots": [{"ballot_paper_id": "local.medway.b.2023-05-04", "seats": 3}]}):
            desk = Desk().load()
            desk.declare("a", "LAB*", "CON")
            desk.load(**change)
            self.assertEqual(("rejected", ["BAD_REFERENCE"]), desk.fates()[-1], change)


class Control(unittest.TestCase):
    def test_exactly_half_is_noc(self):
        desk = Desk(total=4, continuing={CON: 1, LAB: 1}, wards=(("a", 1), ("b", 1))).load()
        desk.declare("a", "CON*", "LAB")
        desk.declare("b", "LAB*", "CON")
        self.assertEqual(("NOC", "LOSS", None), tuple(desk.last()[k] for k in ("control", "outcome", "majority")))

    def test_independents_are_many_parties_of_one_unless_the_council_says_so(self):
        for blocs, control in (({}, "NOC"), ({IND: True}, IND)):
            desk = Desk(total=1, wards=(("a", 1),), blocs=blocs).load()
            desk.declare("a", "IND*", "CON")
            self.assertEqual(control, desk.last()["control"])

    def test_elected_by_law_counts_before_it_is_declared(self):
        ballots = [{"ballot_paper_id": f"local.medway.{w}.2023-05-04", "seats": 1, "nominations": n}
                   for w, n in (("a", {LAB: 1}), ("b", {LAB: 1, CON: 1}), ("c", {LAB: 1, CON: 1}))]
        desk = Desk(ballots=ballots).load()
        desk.declare("b", "LAB*", "CON")
        last = desk.last()
        self.assertEqual((LAB, "called", None, 1), tuple(last[k] for k in (
            "control", "status", "majority", "majority_at_least")))

    def test_nominations_reopen_when_a_poll_is_postponed(self):
        ballots = [{"ballot_paper_id": f"local.medway.{w}.2023-05-04", "seats": 1, "nominations": {LAB: 1, LD: 1}}
                   for w in "abc"]
        desk = Desk(ballots=ballots).load()
        desk.declare("a", "LAB*", "LD")
        self.assertTrue(desk.last()["previous_control_lost"])
        desk = Desk(ballots=ballots).load()
        desk.declare("a", kind="POSTPONED")
        desk.declare("b", kind="POSTPONED")
        self.assertFalse(desk.last()["previous_control_lost"])

    def test_new_council(self):
        desk = Desk(total=1, wards=(("a", 1),), previous="new").load()
        desk.declare("a", "LD*", "CON")
        self.assertEqual(("NEW", "LD WIN MEDWAY (NEW COUNCIL)", None),
                         tuple(desk.last()[k] for k in ("outcome", "headline", "previous_control")))

    def test_by_elections_alone_have_no_control(self):
        desk = Desk(total=1, wards=(("a.by", 1),)).load(previous_control=None)
        desk.declare("a.by", "LAB*", "CON")
        last = desk.last()
        self.assertEqual(("final", None, None, [], False), tuple(last[k] for k in (
            "status", "control", "headline", "flashes", "previous_control_lost")))

    def test_changes_during_the_night_and_at_its_end(self):
        ballots = [{"ballot_paper_id": f"local.medway.{w}.2023-05-04", "seats": 1, "nominations": None,
                    "defending": {CON: 1}} for w in "abc"]
        desk = Desk(ballots=ballots, seat_baseline={"basis": "last_election", "seats": {CON: 2, LD: 1}}).load()
        desk.declare("a", "LAB*", "CON")
        change = lambda: {s["party_id"]: s["change"] for s in desk.last()["seats"]}
        self.assertEqual({LAB: 1, CON: -1, LD: 0}, change())
        desk.declare("b", "CON*", "LAB")
        desk.declare("c", kind="POSTPONED")
        self.assertEqual({LAB: 1, CON: 0, LD: -1}, change())


class Comparing(unittest.TestCase):
    """compare.py against the model dressed up as a driver."""

    DRIVER = [sys.executable, os.path.join(HERE, "fake_driver.py")]

    def test_the_model_agrees_with_itself(self):
        cases = [compare.make_case(seed) for seed in range(20)]
        self.assertEqual([], compare.compare_chunk(self.DRIVER, cases, ()))

    def test_a_planted_fault_is_found_and_shrunk(self):
        driver = self.DRIVER + ["--bug", "majority"]
        cases = [compare.make_case(seed) for seed in range(20)]
        found = compare.compare_chunk(driver, cases, ())
        self.assertTrue(found)
        small = compare.shrink(driver, found[0][0], ())
        self.assertLess(len(small["inputs"]), len(found[0][0]["inputs"]))
        self.assertIn("majority", compare.judge_case(driver, small, ())[0])

    def test_a_driver_that_dies_is_told_with_its_case(self):
        desk = Desk(total=1, wards=(("a", 1),)).load()
        desk.declare("a", "LAB=5*", "CON=5")
        inputs = [{"topic": i.topic, "partition": i.partition, "offset": i.offset, "received_at_us": i.received_at,
                   "key": i.key, "type": i.type, "value": i.value} for i in desk.inputs]
        case = {"seed": 0, "rules": {}, "inputs": inputs}
        found = compare.compare_chunk(self.DRIVER + ["--bug", "crash"], [case, case], ())
        self.assertEqual(["the driver", "the driver"], [difference[0] for _, difference in found])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--states", type=int, default=OPTIONS.states, help="councils for brute force")
    parser.add_argument("--nights", type=int, default=OPTIONS.nights, help="nights for the properties")
    parser.parse_args(namespace=OPTIONS)
    print(f"seed {OPTIONS.seed}")
    program = unittest.main(argv=[sys.argv[0]], exit=False, verbosity=2)
    failed = len(program.result.failures) + len(program.result.errors)
    print(f"{program.result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
