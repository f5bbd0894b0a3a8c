"""Seeded random elections and nights for them, and all completions of a small one.

    night(seed)            a case: rules and inputs of one lane, mostly valid
    night(seed, calm=True) without anything whose outcome depends on order
    council(seed)          a reference and some ballots decided, for brute force
    completions(...)       every way in which that council's night can end

A case is JSON-like: {"seed", "rules": {...}, "inputs": [{"topic", "partition",
"offset", "received_at_us", "key", "type", "value"}, ...]}.
"""

import copy
import itertools
import random
import uuid

import model

PARTITIONS = 6
CON, LAB, COOP, LD, GRN, IND, RES = "PP52", "PP53", "joint-party:53-119", "PP90", "PP63", "ynmp-party:2", "PP777"
DAY = "2023-05-04"
CLOSE_MS = model.close_of_poll_ms(f"local.any.{DAY}")

PARTIES = [
    {"party_id": CON, "name": "Conservative", "short": "CON", "group": "CON", "colour": "#0087DC",
     "text_colour": "#FFFFFF", "folds": [], "bloc": True},
    {"party_id": LAB, "name": "Labour", "short": "LAB", "group": "LAB", "colour": "#E4003B",
     "text_colour": "#FFFFFF", "folds": [COOP], "bloc": True},
    {"party_id": LD, "name": "Liberal Democrat", "short": "LD", "group": "LD", "colour": None,
     "text_colour": None, "folds": [], "bloc": None},
    {"party_id": GRN, "name": "Green", "short": "GRN", "group": None, "colour": None,
     "text_colour": None, "folds": [], "bloc": None},
    {"party_id": IND, "name": "Independent", "short": "IND", "group": "IND", "colour": None,
     "text_colour": None, "folds": [], "bloc": None},
    {"party_id": RES, "name": "Residents", "short": "RES", "group": None, "colour": None,
     "text_colour": None, "folds": [], "bloc": False},
]
ALL = [p["party_id"] for p in PARTIES]
SETTABLE = ["DUPLICATE_CANDIDATE", "TOO_MANY_ELECTED", "TOO_FEW_ELECTED", "NOT_NOMINATED", "ELECTED_NOT_TOP",
            "TIE_WITHOUT_LOT", "VOTES_EXCEED_PAPERS", "PAPERS_EXCEED_ELECTORATE", "DECLARED_BEFORE_CLOSE",
            "SOURCES_DIFFER_VOTES", "TURNOUT_UNLIKELY", "SEATS_MISMATCH", "STALE_REVISION"]
SETTABLE_TO_HELD = ["UNKNOWN_COUNCIL", "UNKNOWN_PARTY", "UNKNOWN_BALLOT", "SOURCES_DIFFER_WINNERS",
                    "CONFLICTING_REVISION", "KEY_MISMATCH", "WRONG_PARTITION", "ID_MISMATCH"]


def chance(rng, p):
    return rng.random() < p


def split(rng, total, parties):
    """`total` seats at random over `parties`, as a map without zeros."""
    counts = {}
    for _ in range(total):
        party = rng.choice(parties)
        counts[party] = counts.get(party, 0) + 1
    return counts


# --- A council and what truly happens in its wards ------------------------------

class Ward:
    """A ballot and its true result."""

    def __init__(self, rng, election, name, favourite):
        self.id = f"local.{election}.{name}.{DAY}"
        self.name = name.split(".")[0].replace("-", " ").title()
        self.seats = rng.choice([1, 1, 1, 2, 2, 3])
        self.slates = self.draw_slates(rng, favourite)
        self.nominations_known = chance(rng, 0.7)
        self.defending = split(rng, self.seats, [favourite, LAB, CON, IND]) if chance(rng, 0.6) else None
        self.electorate_known = chance(rng, 0.6)
        self.electorate = None

    def draw_slates(self, rng, favourite):
        roll = rng.random()
        if roll < 0.02:
            return {}
        if roll < 0.10:  # elected by law, perhaps not all seats
            return split(rng, rng.randint(1, self.seats), [favourite, LAB, IND])
        slates = {}
        for party in dict.fromkeys([favourite, *rng.sample(ALL, rng.randint(1, 4))]):
            slates[party] = self.seats if chance(rng, 0.6) else rng.randint(1, self.seats)
        if sum(slates.values()) <= self.seats:
            slates[CON] = slates.get(CON, 0) + self.seats
        return {p: slates[p] for p in ALL if p in slates}

    def contested(self):
        return sum(self.slates.values()) > self.seats

    def reference(self):
        return {"ballot_paper_id": self.id, "ward_name": self.name, "ward_gss": None, "seats": self.seats,
                "electorate": self.electorate if self.electorate_known else None,
                "nominations": dict(self.slates) if self.nominations_known else None, "defending": self.defending}

    def result(self, rng, favourite, stv):
        """A true result: seats, candidates, papers. Called again for another result."""
        candidates = []
        for party in sorted(self.slates):
            for n in range(self.slates[party]):
                shown = COOP if party == LAB and chance(rng, 0.5) else party
                candidates.append({"candidate_id": f"{self.id[6:12]}-{party}-{n}", "name": f"{party} candidate {n}",
                                   "party_id": shown, "description": None, "votes": None, "elected": False,
                                   "elected_by_lot": False})
        if not self.contested():
            for c in candidates:
                c["elected"] = True
            return {"uncontested": True, "candidates": candidates, "electorate": self.electorate,
                    "ballot_papers": None, "rejected_papers": None}
        strength = {p: rng.randint(50, 400) + (250 if p == favourite else 0) for p in sorted(self.slates)}
        for c in candidates:
            c["votes"] = strength[model.fold({"parties": PARTIES}, c["party_id"])] + rng.randint(0, 60)
        order = sorted(candidates, key=lambda c: -c["votes"])
        for c in order[:self.seats]:
            c["elected"] = True
        if stv and chance(rng, 0.5):  # preferences may lift another
            order[self.seats - 1]["elected"], order[self.seats]["elected"] = False, True
        elif order[self.seats - 1]["votes"] == order[self.seats]["votes"] or (not stv and chance(rng, 0.05)):
            order[self.seats - 1]["votes"] = order[self.seats]["votes"]
            order[self.seats - 1]["elected_by_lot"] = True
        if not all(c["votes"] >= order[self.seats]["votes"] for c in order[:self.seats]) and not stv:
            for c in order[:self.seats]:
                c["votes"] = max(c["votes"], order[self.seats]["votes"])
        votes = [c["votes"] for c in candidates]
        valid = max(max(votes), -(-sum(votes) // (1 if stv else self.seats))) + rng.randint(0, 40)
        rejected = rng.choice([None, 0, rng.randint(0, 12)])
        papers = valid + (rejected or 0)
        if self.electorate is None:
            self.electorate = papers * 100 // rng.randint(25, 70)
        if not 5 * self.electorate <= 100 * papers <= 90 * self.electorate or chance(rng, 0.3):
            papers, rejected = None, None
        return {"uncontested": False, "candidates": candidates,
                "electorate": self.electorate if chance(rng, 0.7) else None,
                "ballot_papers": papers, "rejected_papers": rejected}


class Election:
    def __init__(self, rng, partition, number, wards_max=8):
        self.rng = rng
        self.slug = f"council-{number}-{rng.randint(0, 999)}"
        self.election_id = f"local.{self.slug}.{DAY}"
        self.council_id = next(c for c in (f"E06{rng.randint(0, 999999):06d}" for _ in itertools.count())
                               if model.partition_of(c, PARTITIONS) == partition)
        self.stv = chance(rng, 0.1)
        self.favourite = rng.choice([CON, LAB, LAB, LD, GRN, IND])
        self.only_by = chance(rng, 0.07)
        names = [f"ward-{n}" for n in range(rng.randint(2, wards_max))]
        if self.only_by:
            names = [f"{n}.by" for n in names[:2]]
        elif chance(rng, 0.1):
            names[-1] += ".by"
        self.wards = [Ward(rng, self.slug, n, self.favourite) for n in names]
        self.truth = {w.id: w.result(rng, self.favourite, self.stv) for w in self.wards}
        self.value = self.reference()

    def reference(self):
        rng = self.rng
        up = sum(w.seats for w in self.wards)
        thirds = self.only_by or chance(rng, 0.4)
        continuing = split(rng, rng.randint(1, 2 * up), [self.favourite, CON, LAB, IND]) if thirds else {}
        vacant = rng.choice([0, 0, 0, 0, 1, 2]) if thirds else 0
        total = sum(continuing.values()) + vacant + up
        blocs = {}
        if chance(rng, 0.1):
            blocs[rng.choice([IND, RES])] = True
        if chance(rng, 0.1):
            blocs[rng.choice([GRN, LD])] = False
        value = {"council_id": self.council_id, "name": self.slug.replace("-", " ").title(),
                 "short_name": rng.choice([None, self.slug.upper()[:10]]), "kind": "unitary", "nation": "england",
                 "region": None, "area_word": None, "executive": None, "created": None,
                 "election_id": self.election_id, "seats_total": total, "boundary_changes": None,
                 "voting_system": "STV" if self.stv else rng.choice([None, "FPTP"]), "new_council": False,
                 "previous_control": None, "control_history": [], "seat_baseline": None, "blocs": blocs,
                 "continuing": continuing, "vacant": vacant, "expected_at": None,
                 "ballots": [w.reference() for w in self.wards], "parties": copy.deepcopy(PARTIES),
                 "by": "the desk", "loaded_at": CLOSE_MS - 86400000}
        if chance(rng, 0.7):
            value["seat_baseline"] = {"basis": rng.choice(["last_election", "eve_of_poll", "notional"]),
                                      "seats": split(rng, total, ALL)}
        self.choose_previous(value)
        return value

    def choose_previous(self, value):
        rng = self.rng
        value["previous_control"], value["new_council"] = None, False
        roll = rng.random()
        if roll < 0.08:
            value["new_council"] = True
        elif self.only_by and roll < 0.5:
            pass
        elif roll < 0.3:
            value["previous_control"] = {"party_id": None, "seats": None, "seats_total": None, "seats_basis": None}
        else:
            party = rng.choice([p for p in (self.favourite, CON, LAB, LD, COOP)
                                if model.is_bloc(value, model.fold(value, p))])
            value["previous_control"] = {"party_id": party, "seats": value["seats_total"],
                                         "seats_total": value["seats_total"] + rng.randint(0, 1),
                                         "seats_basis": rng.choice(["last_election", "eve_of_poll", None])}


# --- Items: inputs before they have a place ---------------------------------------

class Item:
    """A record to send. An action names its target item until all have offsets."""

    def __init__(self, type_, key, value, target=None, topic=None):
        self.type, self.key, self.value, self.target = type_, key, value, target
        self.topic = topic or (model.DECLARATIONS if type_ == "WardDeclaration" else model.DESK)
        self.odd = {}  # of an action: fields that differ from what they should be


class Night:
    def __init__(self, seed, calm=False):
        self.rng = random.Random(seed)
        self.seed, self.calm = seed, calm
        self.partition = self.rng.randrange(PARTITIONS)
        self.rules = self.draw_rules()
        self.elections = [Election(self.rng, self.partition, n)
                          for n in range(2 if chance(self.rng, 0.12) else 1)]
        self.clock = CLOSE_MS + 3600000

    def draw_rules(self):
        rng = self.rng
        rank = rng.choice([[], ["pa"], ["bbc", "pa"], ["pa", "bbc", "stringer"], ["stringer"]])
        rules = {"verdicts": {}, "source_rank": rank, "require_approval": chance(rng, 0.2), "partitions": PARTITIONS}
        if not self.calm and chance(rng, 0.15):
            for code in rng.sample(SETTABLE + SETTABLE_TO_HELD, rng.randint(1, 4)):
                rules["verdicts"][code] = rng.choice(
                    ["rejected", "held"] + (["warning", "off"] if code in SETTABLE else []))
        return rules

    def new_id(self):
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def later(self):
        self.clock += self.rng.randint(1000, 600000)
        return self.clock

    def declaration(self, election, ward, source="pa", revision=1, kind="DECLARED", truth=None, is_test=False):
        truth = copy.deepcopy(truth or election.truth[ward.id])
        if kind in ("WITHDRAWN", "POSTPONED"):
            truth.update(candidates=[], uncontested=False, ballot_papers=None, rejected_papers=None)
        spoke = self.later()
        value = {"event_id": self.new_id(), "election_id": election.election_id, "ballot_paper_id": ward.id,
                 "council_id": election.council_id, "ward_name": ward.name, "kind": kind, "revision": revision,
                 "basis": "DECLARATION" if revision == 1 else self.rng.choice(
                     ["VOTES_ADDED", "TRANSCRIPTION_FIX", "OFFICER_CORRECTION", "COURT_ORDER"]),
                 "declared_at": spoke, "reported_at": spoke + 60000, "source": source, "source_url": None,
                 "is_test": is_test, "seats": ward.seats, **truth, "note": None}
        return Item("WardDeclaration", election.council_id, value)

    def action(self, kind, target):
        key = target.key if target is not None else self.elections[0].council_id
        return Item("OperatorAction", key, {"action": kind, "by": "editor", "note": "checked by telephone",
                                            "acted_at": self.later()}, target)

    # -- what happens to one ward

    def story_of(self, election, ward, is_test=False):
        """The ordinary ways of one ward: a list of items, in their order."""
        rng = self.rng
        other = ward.result(rng, rng.choice(ALL), election.stv)
        ways = {"plain": 10, "votes_later": 2, "two_sources": 2, "corrected": 1.5, "withdrawn": 1,
                "postponed": 0.6, "never": 0.5, "sources_and_votes": 1}
        way = rng.choices(list(ways), list(ways.values()))[0]
        say = lambda **more: self.declaration(election, ward, is_test=is_test, **more)
        if not election.truth[ward.id]["candidates"]:
            return [say(kind="POSTPONED")]
        if way == "never":
            return []
        if way == "postponed":
            items = [say(kind="POSTPONED")]
            if chance(rng, 0.3):
                items.append(say(revision=2))
            return items
        if way == "votes_later":
            first = say()
            self.forget_votes(first.value)
            return [first, say(revision=2, kind=rng.choice(["DECLARED", "CORRECTED"]))]
        if way == "two_sources":
            return [say(source="pa"), say(source="bbc"), *([say(source="stringer")] if chance(rng, 0.3) else [])]
        if way == "sources_and_votes":
            first = say(source="bbc")
            self.forget_votes(first.value)
            return [first, say(source="pa"), say(source="bbc", revision=2)]
        if way == "corrected":
            return [say(truth=other), say(revision=2, kind="CORRECTED")]
        if way == "withdrawn":
            items = [say(truth=other), say(revision=2, kind="WITHDRAWN")]
            if chance(rng, 0.7):
                items.append(say(revision=3))
            return items
        return [say()]

    @staticmethod
    def forget_votes(value):
        for c in value["candidates"]:
            c["votes"] = None
        value["ballot_papers"] = value["rejected_papers"] = None

    # -- things that break one rule (or try to)

    def broken(self, election, ward, rule, revision=1):
        rng = self.rng
        item = self.declaration(election, ward, revision=revision)
        v = item.value
        cs = v["candidates"]
        elected = [c for c in cs if c["elected"]]
        others = [c for c in cs if not c["elected"]]
        if rule == "BAD_VALUE":
            bad = rng.choice([("event_id", "not-a-uuid"), ("revision", 0), ("seats", 0), ("declared_at", -1),
                              ("reported_at", model.TIME_MAX_MS + 1), ("ballot_paper_id", ""), ("electorate", -5),
                              ("votes", -1), ("party_id", ""), ("candidate_id", "")])
            (v if bad[0] in v else cs[-1])[bad[0]] = bad[1]
        elif rule == "KEY_MISMATCH":
            item.key = rng.choice([None, "E09999999", v["council_id"] + "x"])
        elif rule == "WRONG_PARTITION":
            item.key = v["council_id"] = next(
                c for c in (f"E07{n:06d}" for n in itertools.count())
                if model.partition_of(c, PARTITIONS) != self.partition)
        elif rule == "ID_MISMATCH":
            v["ballot_paper_id"] = v["ballot_paper_id"].replace(
                *rng.choice([(DAY, "2023-05-05"), (election.slug, "elsewhere")]))
        elif rule == "WRONG_TOPIC":
            item.topic = model.DESK
        elif rule == "UNKNOWN_COUNCIL":
            v["election_id"] = v["election_id"].replace(DAY, "2023-05-11")
            v["ballot_paper_id"] = v["ballot_paper_id"].replace(DAY, "2023-05-11")
        elif rule == "UNKNOWN_BALLOT":
            v["ballot_paper_id"] = f"local.{election.slug}.no-such-ward.{DAY}"
        elif rule == "UNKNOWN_PARTY":
            rng.choice(cs)["party_id"] = "name:somebody"
        elif rule == "SEATS_MISMATCH":
            v["seats"] += 1
        elif rule == "DUPLICATE_CANDIDATE":
            twin = {**rng.choice(cs), "elected": False, "votes": 0 if cs[0]["votes"] is not None else None}
            if chance(rng, 0.5):
                twin["candidate_id"] += "-bis"
            else:
                twin["name"] += " junior"
            cs.append(twin)
        elif rule == "TOO_MANY_ELECTED":
            for c in others[:1]:
                c["elected"] = True
        elif rule == "TOO_FEW_ELECTED":
            rng.choice(elected)["elected"] = False
        elif rule == "NOT_NOMINATED":
            cs.append({**rng.choice(cs), "candidate_id": "new", "name": "New", "elected": False,
                       "votes": 0 if cs[0]["votes"] is not None else None})
        elif rule in ("ELECTED_NOT_TOP", "TIE_WITHOUT_LOT") and others:
            last = min(elected, key=lambda c: c["votes"])
            top = max(others, key=lambda c: c["votes"])
            last["elected_by_lot"] = False
            if rule == "TIE_WITHOUT_LOT":
                last["votes"] = top["votes"]
                top["elected_by_lot"] = chance(rng, 0.3)
            else:
                last["votes"], top["votes"] = top["votes"], last["votes"]
        elif rule == "VOTES_EXCEED_PAPERS" and others:
            v["rejected_papers"] = rng.choice([None, 0, 3])
            times = 1 if election.stv else v["seats"]
            fair = sum(c["votes"] for c in cs) // times
            most = max(c["votes"] for c in cs)
            v["ballot_papers"] = max(0, rng.choice([fair - 1 + (v["rejected_papers"] or 0), most - 1, fair // 2]))
            if chance(rng, 0.2):
                rng.choice(cs)["votes"] = None
        elif rule == "PAPERS_EXCEED_ELECTORATE" and others:
            v["electorate"] = rng.choice([None, 10])
            v["ballot_papers"] = 100000
        elif rule == "TURNOUT_UNLIKELY" and others:
            v["ballot_papers"] = max(c["votes"] for c in cs) + sum(c["votes"] for c in cs)
            v["electorate"] = rng.choice([v["ballot_papers"], v["ballot_papers"] * 100 // 90,
                                          v["ballot_papers"] * 20 + rng.choice([0, 1]), v["ballot_papers"] * 30])
        elif rule == "DECLARED_BEFORE_CLOSE":
            v["declared_at"] = CLOSE_MS - rng.choice([0, 1, 3600000])
        return item

    BROKEN = ["BAD_VALUE", "KEY_MISMATCH", "WRONG_PARTITION", "ID_MISMATCH", "WRONG_TOPIC", "UNKNOWN_COUNCIL",
              "UNKNOWN_BALLOT", "UNKNOWN_PARTY", "SEATS_MISMATCH", "DUPLICATE_CANDIDATE", "TOO_MANY_ELECTED",
              "TOO_FEW_ELECTED", "NOT_NOMINATED", "ELECTED_NOT_TOP", "TIE_WITHOUT_LOT", "VOTES_EXCEED_PAPERS",
              "PAPERS_EXCEED_ELECTORATE", "TURNOUT_UNLIKELY", "DECLARED_BEFORE_CLOSE"]

    # -- references

    def reference_item(self, election, value=None):
        value = copy.deepcopy(value or election.value)
        value["loaded_at"] = CLOSE_MS - 3600000
        return Item("CouncilReference", value["council_id"], value)

    def changed_reference(self, election):
        """A reload that changes something; no fate depends on it when calm."""
        rng = self.rng
        value = copy.deepcopy(election.value)
        what = rng.choice(["previous", "party", "baseline", "nothing"] if self.calm else
                          ["previous", "party", "baseline", "nothing", "nominations", "blocs", "name", "seats", "drop",
                           "defending", "folds", "order", "unlisted", "council"])
        if what == "previous":
            election.choose_previous(value)
        elif what == "party":
            value["parties"].append({"party_id": "name:somebody", "name": "Somebody", "short": "SOM", "group": None,
                                     "colour": None, "text_colour": None, "folds": [], "bloc": None})
        elif what == "baseline":
            value["seat_baseline"] = {"basis": "notional", "seats": split(rng, value["seats_total"], ALL)}
        elif what == "nominations":
            ballot = rng.choice(value["ballots"])
            ballot["nominations"] = rng.choice([None, split(rng, ballot["seats"] + 2, ALL)])
        elif what == "blocs":
            value["blocs"] = {rng.choice(ALL): chance(rng, 0.5)}
        elif what == "name":
            value["name"] += " City"
        elif what == "seats":
            ballot = rng.choice(value["ballots"])
            ballot["seats"] += 1
            value["seats_total"] += 1
        elif what == "drop" and len(value["ballots"]) > 1:
            value["seats_total"] -= value["ballots"].pop(rng.randrange(len(value["ballots"])))["seats"]
        elif what == "defending":
            for ballot in value["ballots"]:
                ballot["defending"] = rng.choice([None, split(rng, ballot["seats"], ALL)])
        elif what == "folds":
            value["parties"][1]["folds"] = rng.choice([[], [COOP, "name:somebody"]])
        elif what == "order":
            rng.shuffle(value["parties"])
            rng.shuffle(value["ballots"])
        elif what == "unlisted":  # seats of a party that `parties` does not know
            value["seat_baseline"] = {"basis": "notional", "seats": {"PP4000": 2}}
            value["ballots"][0]["nominations"] = {"PP4000": 1, LAB: 1, CON: 1}
            value["ballots"][-1]["defending"] = {"PP4000": 1}
        elif what == "council":
            value["council_id"] = next(c for c in (f"E08{rng.randint(0, 999999):06d}" for _ in itertools.count())
                                       if model.partition_of(c, PARTITIONS) == self.partition)
        if not self.calm and what != "council" and chance(rng, 0.5):
            election.value = value
        return self.reference_item(election, value)

    def bad_reference(self, election):
        item = self.changed_reference(election)
        v = item.value
        what = self.rng.choice(["sum", "previous", "not_half", "not_bloc", "omits", "key", "party", "value"])
        if what == "sum":
            v["vacant"] += 1
        elif what == "previous":
            v["previous_control"], v["new_council"] = None, False
        elif what == "not_half":
            v["previous_control"] = {"party_id": CON, "seats": 30, "seats_total": 60, "seats_basis": "eve_of_poll"}
        elif what == "not_bloc":
            v["previous_control"] = {"party_id": RES, "seats": 31, "seats_total": 60, "seats_basis": "last_election"}
            v["blocs"] = {}
        elif what == "omits":
            v["seats_total"] -= v["ballots"].pop(0)["seats"]
            if not v["ballots"] or v["seats_total"] < 1:
                v["seats_total"] += 1
        elif what == "key":
            item.key += "x"
        elif what == "party":
            v["parties"] = [p for p in v["parties"] if p["party_id"] != election.favourite]
        elif what == "value":
            where, field, bad = self.rng.choice([
                (v, "seats_total", 0), (v, "vacant", -1), (v, "loaded_at", -1), (v, "expected_at", -1),
                (v["ballots"][0], "seats", 0), (v["ballots"][0], "nominations", {LAB: -1}),
                (v["ballots"][0], "ballot_paper_id", ""), (v["parties"][0], "party_id", "")])
            where[field] = bad
        return item

    # -- a whole night

    def build(self):
        rng = self.rng
        stories = []
        for election in self.elections:
            for ward in election.wards:
                stories.append(self.story_of(election, ward))
            if chance(rng, 0.2):
                for ward in election.wards:
                    if chance(rng, 0.6):
                        stories.append(self.story_of(election, ward, is_test=True))
        rng.shuffle(stories)
        items = self.interleave(stories)
        for election in self.elections:
            items.insert(0 if chance(rng, 0.75) else rng.randint(0, len(items)), self.reference_item(election))
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 4])):
            self.disturb(items)
        if not self.calm and self.rules["require_approval"]:
            self.approve(items)
        return self.case(items)

    def interleave(self, stories):
        rng = self.rng
        queues = [list(s) for s in stories if s]
        items = []
        while queues:
            queue = queues[min(rng.randrange(len(queues)), rng.randrange(len(queues)))]
            items.append(queue.pop(0))
            queues = [q for q in queues if q]
        if chance(rng, 0.15):
            rng.shuffle(items)
        return items

    def put_after(self, items, anchor, item, near=0.6):
        """Insert `item` somewhere behind `anchor`; near it with that chance."""
        at = items.index(anchor) + 1
        items.insert(at if chance(self.rng, near) else self.rng.randint(at, len(items)), item)

    def declared_items(self, items):
        return [i for i in items if i.type == "WardDeclaration"]

    def disturb(self, items):
        rng = self.rng
        calm = ["resend", "same_content", "broken", "reload"]
        what = rng.choice(calm if self.calm else calm + [
            "broken", "broken", "held_then_released", "held_then_released", "conflict", "stale", "differ", "differ",
            "reject", "reject", "stray_action", "bad_action", "pending", "bad_reference", "bad_bytes",
            "party_then_reload", "double", "odd"])
        getattr(self, "disturb_" + what)(items)

    def some_ward(self):
        election = self.rng.choice(self.elections)
        wards = [w for w in election.wards if w.slates]
        return (election, self.rng.choice(wards)) if wards else (None, None)

    def disturb_resend(self, items):
        known = self.declared_items(items)
        if known:
            old = self.rng.choice(known)
            self.put_after(items, old, Item(old.type, old.key, copy.deepcopy(old.value), topic=old.topic), near=0.3)

    def disturb_same_content(self, items):
        known = self.declared_items(items)
        if known:
            old = self.rng.choice(known)
            value = copy.deepcopy(old.value)
            value.update(event_id=self.new_id(), note="again")
            self.put_after(items, old, Item(old.type, old.key, value, topic=old.topic), near=0.3)

    def spare_revision(self, items, ward, source="pa"):
        """A revision of the source that none of its records for the ward has yet."""
        return 1 + max((i.value["revision"] for i in self.declared_items(items)
                        if (i.value["ballot_paper_id"], i.value["source"]) == (ward.id, source)), default=0)

    def disturb_broken(self, items):
        """A record that breaks a rule, often before the right one of the next revision."""
        election, ward = self.some_ward()
        if election is None:
            return
        rule = self.rng.choice(self.BROKEN)
        others = {i.value["source"] for i in self.declared_items(items) if i.value["ballot_paper_id"] == ward.id}
        if self.calm and (len(others) > 1 or rule in ("VOTES_EXCEED_PAPERS", "TURNOUT_UNLIKELY", "ELECTED_NOT_TOP")):
            return
        item = self.broken(election, ward, rule, self.spare_revision(items, ward) if self.calm else 1)
        items.insert(self.rng.randint(0, len(items)), item)
        if not self.calm and chance(self.rng, 0.5):
            self.put_after(items, item, self.declaration(election, ward, revision=item.value["revision"] + 1))
        return item

    def disturb_held_then_released(self, items):
        item = self.disturb_broken(items)
        if item is not None:
            self.put_after(items, item, self.action("RELEASE", item))
            if chance(self.rng, 0.2):
                self.put_after(items, item, self.action(self.rng.choice(["REJECT", "RELEASE"]), item))

    def disturb_double(self, items):
        """Two that cannot both be, then what the desk thinks of it."""
        election, ward = self.some_ward()
        if election is not None:
            rng = self.rng
            for source in rng.sample(["pa", "bbc", "stringer"], 2):
                truth = ward.result(rng, rng.choice(ALL), election.stv)
                item = self.declaration(election, ward, source=source, revision=rng.randint(1, 3), truth=truth,
                                        kind=rng.choice(["DECLARED", "CORRECTED", "POSTPONED", "WITHDRAWN"]))
                items.insert(rng.randint(0, len(items)), item)
                if chance(rng, 0.6):
                    self.put_after(items, item, self.action(rng.choice(["RELEASE", "RELEASE", "REJECT"]), item))

    def variant(self, items, **changes):
        """An older record of a random ward, with another result."""
        known = [i for i in self.declared_items(items) if any(w.id == i.value["ballot_paper_id"] and w.slates
                                                               for e in self.elections for w in e.wards)]
        if not known:
            return None, None
        old = self.rng.choice(known)
        election, ward = next((e, w) for e in self.elections for w in e.wards if w.id == old.value["ballot_paper_id"])
        truth = ward.result(self.rng, self.rng.choice(ALL), election.stv)
        item = self.declaration(election, ward, source=old.value["source"], revision=max(1, old.value["revision"]),
                                truth=truth, is_test=old.value["is_test"])
        item.value.update(changes)
        return old, item

    def and_then(self, items, item):
        if chance(self.rng, 0.6):
            action = self.action(self.rng.choice(["RELEASE", "RELEASE", "REJECT"]), item)
            self.put_after(items, item, action)
            if chance(self.rng, 0.25):
                self.put_after(items, action, self.action(self.rng.choice(["RELEASE", "REJECT"]), item))

    def disturb_conflict(self, items):
        old, item = self.variant(items)
        if old is not None:
            self.put_after(items, old, item)
            self.and_then(items, item)

    def disturb_stale(self, items):
        old, item = self.variant(items)
        if old is not None:
            old.value["revision"] += 2
            item.value["revision"] = self.rng.randint(1, old.value["revision"] - 1)
            if chance(self.rng, 0.4):
                item.value["reported_at"] = old.value["reported_at"] - self.rng.choice([0, 1000])
            self.put_after(items, old, item)
            self.and_then(items, item)

    def disturb_differ(self, items):
        old, item = self.variant(items, source="bbc", kind=self.rng.choice(["DECLARED", "DECLARED", "POSTPONED"]))
        if old is not None:
            item.value["revision"] = self.rng.randint(1, 2)
            if chance(self.rng, 0.4):  # the same winners with other votes
                item.value["candidates"] = copy.deepcopy(old.value["candidates"])
                for c in item.value["candidates"][:1]:
                    c["votes"] = None if c["votes"] is None else c["votes"] + 1
            self.put_after(items, old, item)
            self.and_then(items, item)

    def disturb_reject(self, items):
        known = self.declared_items(items)
        if known:
            target = self.rng.choice(known)
            self.put_after(items, target, self.action("REJECT", target))
            if chance(self.rng, 0.3):
                self.put_after(items, target, self.action("RELEASE", target), near=0.1)

    def disturb_stray_action(self, items):
        target = self.rng.choice(items)
        items.insert(self.rng.randint(0, len(items)),
                     self.action(self.rng.choice(["RELEASE", "REJECT", "APPROVE_CALL"]), target))

    def disturb_bad_action(self, items):
        action = self.action(self.rng.choice(["RELEASE", "REJECT", "APPROVE_CALL"]), self.rng.choice(items))
        action.odd = self.rng.choice([{"by": ""}, {"note": ""}, {"acted_at": -1}, {"partition": self.partition + 1},
                                      {"topic": "somewhere"}, {"kafka_offset": 1000}])
        items.insert(self.rng.randint(0, len(items)), action)

    def disturb_odd(self, items):
        """Harmless differences, and some that only look harmless."""
        known = self.declared_items(items)
        if not known:
            return
        old = self.rng.choice(known)
        value = copy.deepcopy(old.value)
        what = self.rng.choice(["case", "same_moment", "same_event", "council", "postponed_people", "order"])
        if what == "case":
            value["event_id"] = value["event_id"].upper()
        elif what == "same_moment":
            value.update(event_id=self.new_id(), source=self.rng.choice(["bbc", "aaa", "zzz"]))
        elif what == "same_event":
            value["revision"] = max(1, value["revision"]) + 1
        elif what == "council":
            value["council_id"] = "E99999999"
        elif what == "postponed_people":
            value.update(event_id=self.new_id(), revision=value["revision"] + 1, kind="POSTPONED")
        elif what == "order":
            value["event_id"] = self.new_id()
            self.rng.shuffle(value["candidates"])
        self.put_after(items, old, Item(old.type, value["council_id"], value, topic=old.topic))

    def disturb_pending(self, items):
        item = self.disturb_broken(items) if chance(self.rng, 0.7) else None
        item = item or self.rng.choice(items)
        for _ in range(self.rng.choice([1, 1, 2])):
            items.insert(self.rng.randint(0, items.index(item)),
                         self.action(self.rng.choice(["RELEASE", "RELEASE", "REJECT"]), item))

    def disturb_reload(self, items):
        election = self.rng.choice(self.elections)
        references = [i for i in items if i.type == "CouncilReference" and i.key == election.council_id]
        last = references[-1]
        self.put_after(items, last, self.changed_reference(election), near=0.0)

    def disturb_party_then_reload(self, items):
        election, ward = self.some_ward()
        if election is not None:
            item = self.broken(election, ward, "UNKNOWN_PARTY", self.spare_revision(items, ward))
            items.insert(self.rng.randint(0, len(items)), item)
            if chance(self.rng, 0.3):
                self.put_after(items, item, self.action("RELEASE", item))
            value = copy.deepcopy(election.value)
            value["parties"].append({"party_id": "name:somebody", "name": "Somebody", "short": "SOM", "group": None,
                                     "colour": None, "text_colour": None, "folds": [], "bloc": None})
            self.put_after(items, item, self.reference_item(election, value))

    def disturb_bad_reference(self, items):
        items.insert(self.rng.randint(0, len(items)), self.bad_reference(self.rng.choice(self.elections)))

    def disturb_bad_bytes(self, items):
        items.insert(self.rng.randint(0, len(items)), Item(None, self.elections[0].council_id, None,
                                                           topic=self.rng.choice([model.DECLARATIONS, model.DESK])))

    def approve(self, items):
        """Approve some of the calls that the night makes; now and then before the record."""
        for _ in range(2):
            case = self.case(items)
            result = run_case(case)
            for snapshot in result["snapshots"]:
                if snapshot["called_at"] != snapshot["recorded_at"] or not chance(self.rng, 0.5):
                    continue
                cause = items_at(case, items, snapshot["cause"])
                action = self.action("APPROVE_CALL", cause)
                if chance(self.rng, 0.2):
                    items.insert(self.rng.randint(0, items.index(cause)), action)
                else:
                    self.put_after(items, cause, action, near=0.7)

    # -- offsets and times

    def case(self, items):
        clock = random.Random(self.seed)
        received = (CLOSE_MS + 7200000) * 1000
        offsets = {model.DECLARATIONS: 0, model.DESK: 0}
        places, inputs = {}, []
        for item in items:
            places[id(item)] = (item.topic, self.partition, offsets[item.topic])
            offsets[item.topic] += 1
        for item in items:
            topic, partition, offset = places[id(item)]
            received += clock.choice([0, 1, 1000000, 90000000])
            value = copy.deepcopy(item.value)
            if item.type == "OperatorAction":
                nowhere = (model.DECLARATIONS, self.partition, offsets[model.DECLARATIONS] + 5)
                value["topic"], value["partition"], value["kafka_offset"] = places.get(id(item.target), nowhere)
                value.update(item.odd)
            inputs.append({"topic": topic, "partition": partition, "offset": offset, "received_at_us": received,
                           "key": item.key, "type": item.type, "value": value})
        return {"seed": self.seed, "rules": self.rules, "inputs": inputs}


def items_at(case, items, cause):
    for item, record in zip(items, case["inputs"]):
        if (record["topic"], record["offset"]) == (cause["topic"], cause["kafka_offset"]):
            return item
    raise LookupError(cause)


def night(seed, calm=False):
    return Night(seed, calm).build()


def model_inputs(case):
    return [model.Input(i["topic"], i["partition"], i["offset"], i["key"], i["type"], i["value"], i["received_at_us"])
            for i in case["inputs"]]


def model_rules(case):
    rules = case.get("rules") or {}
    return model.RuleBook(rules.get("verdicts", {}), tuple(rules.get("source_rank", ())),
                          rules.get("require_approval", False), rules.get("partitions", PARTITIONS))


def run_case(case):
    return model.run(model_inputs(case), model_rules(case))


# --- Brute force ---------------------------------------------------------------------

def council(seed, wards_max=5):
    """A reference and (ballot, declaration in force or None) of each ballot."""
    rng = random.Random(seed)
    maker = Night(seed)
    maker.rng = rng
    election = Election(rng, maker.partition, 0, wards_max)
    share_open = rng.choice([0.1, 0.4, 0.7])
    pairs = []
    for ward, ballot in zip(election.wards, election.value["ballots"]):
        declaration = None
        if not chance(rng, share_open):
            kind = "POSTPONED" if chance(rng, 0.2) or not ward.slates else "DECLARED"
            declaration = maker.declaration(election, ward, kind=kind).value
        pairs.append((ballot, declaration))
    return election.value, pairs


UNSEEN = "name:never-seen-before"


def fillings(seats, limits):
    """Every map party -> seats with at most `seats` in all and at most its limit for each."""
    parties = sorted(limits)
    for counts in itertools.product(*(range(min(seats, limits[p]) + 1) for p in parties)):
        if sum(counts) <= seats:
            yield dict(zip(parties, counts))


def ways_of(reference, ballot, declaration):
    """The ways in which one ballot can still end, each a map of seats won."""
    fold = lambda p: model.fold(reference, p)
    if declaration is not None and declaration["kind"] != "POSTPONED":
        won = {}
        for c in declaration["candidates"]:
            if c["elected"]:
                won[fold(c["party_id"])] = won.get(fold(c["party_id"]), 0) + 1
        return [won]
    nominations = ballot["nominations"]
    if declaration is not None or nominations is None:
        return list(fillings(ballot["seats"], {p: ballot["seats"] for p in [*ALL, UNSEEN]}))
    if sum(nominations.values()) <= ballot["seats"]:
        return [nominations]
    return list(fillings(ballot["seats"], nominations))


def completions(reference, pairs):
    """The set of final seat counts, each a tuple in the order of ALL and UNSEEN."""
    parties = [*ALL, UNSEEN]
    ends = {tuple(reference["continuing"].get(p, 0) for p in parties)}
    for ballot, declaration in pairs:
        ways = {tuple(way.get(p, 0) for p in parties) for way in ways_of(reference, ballot, declaration)}
        ends = {tuple(map(sum, zip(end, way))) for end in ends for way in ways}
    return [dict(zip(parties, end)) for end in ends]


def control_at_the_end(reference, held):
    for party, seats in held.items():
        bloc = reference["blocs"].get(party, party not in (IND, RES))
        if bloc and 2 * seats > reference["seats_total"]:
            return party
    return "NOC"


def calls_by_force(reference, pairs):
    """(control, previous_control_lost) as every completion has it."""
    ends = completions(reference, pairs)
    controls = {control_at_the_end(reference, held) for held in ends}
    control = controls.pop() if len(controls) == 1 else None
    previous = (reference["previous_control"] or {}).get("party_id")
    previous = LAB if previous == COOP else previous
    lost = previous is not None and all(2 * held[previous] <= reference["seats_total"] for held in ends)
    return control, lost
