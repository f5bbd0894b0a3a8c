"""What stands in a council's election and who controls it: the rules of declared, as a data desk would write them.

The counts of a council are kept up to date ballot by ballot, so that a declaration costs one ballot and not all.
"""

import json
import re
from collections import Counter, defaultdict
from datetime import date, datetime
from zoneinfo import ZoneInfo

NOC = "NOC"
STANDING = ("accepted", "corroborated", "superseded")
REJECTING = {"BAD_VALUE", "KEY_MISMATCH", "WRONG_PARTITION", "ID_MISMATCH"}
WARNING = {"SOURCES_DIFFER_VOTES", "TURNOUT_UNLIKELY", "VOTES_EXCEED_PAPERS (warning)"}
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MS_END_OF_9999 = 253402300799999
dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Council:
    """Reference data with parties folded and looked up."""

    def __init__(self, reference):
        self.reference = reference
        self.parties = {party["party_id"]: party for party in reference["parties"]}
        self.fold = {party_id: party_id for party_id in self.parties}
        for party in reference["parties"]:
            self.fold.update(dict.fromkeys(party["folds"], party["party_id"]))
        blocs = reference["blocs"]
        self.bloc = {p: blocs.get(p, x["bloc"] if x["bloc"] is not None else p != "ynmp-party:2")
                     for p, x in self.parties.items()}
        self.ballots = {ballot["ballot_paper_id"]: self.folded_ballot(ballot) for ballot in reference["ballots"]}
        self.counted = any(".by." not in ballot_id for ballot_id in self.ballots)
        self.seats_total = reference["seats_total"]
        self.threshold = self.seats_total // 2 + 1
        self.continuing = self.folded(reference["continuing"])
        baseline = reference["seat_baseline"]
        self.baseline = None if baseline is None else self.folded(baseline["seats"])
        self.poll_date = date.fromisoformat(reference["election_id"].rsplit(".", 1)[1])
        close = datetime(self.poll_date.year, self.poll_date.month, self.poll_date.day, 22,
                         tzinfo=ZoneInfo("Europe/London"))
        self.close_ms = int(close.timestamp() * 1000)
        self.stv = reference["voting_system"] == "STV"
        previous = reference["previous_control"]
        known = previous is not None and not reference["new_council"]
        self.previous = self.fold.get(previous["party_id"], NOC) if known else None
        self.short_name = reference["short_name"] or reference["name"].upper()

    def folded(self, seats):
        folded = Counter()
        for party_id, count in (seats or {}).items():
            folded[self.fold.get(party_id, party_id)] += count
        return folded

    def folded_ballot(self, ballot):
        nominations, defending = ballot["nominations"], ballot["defending"]
        return dict(ballot, nominations=None if nominations is None else self.folded(nominations),
                    defending=None if defending is None else self.folded(defending))


class Entry:
    """A declaration in its ballot."""

    def __init__(self, declaration, council, offset):
        self.d, self.offset, self.fate, self.reasons = declaration, offset, None, []
        fold = council.fold if council else {}
        self.parties = [fold.get(c["party_id"]) for c in declaration["candidates"]]
        # What a duplicate repeats: ids, times, source and note are not of it.
        candidates = frozenset((party or c["party_id"], c["name"], c["votes"], c["elected"], c["elected_by_lot"])
                               for party, c in zip(self.parties, declaration["candidates"]))
        self.content = (declaration["kind"], declaration["seats"], declaration["ballot_papers"],
                        declaration["rejected_papers"], candidates)

    def winners(self):
        if self.d["kind"] == "POSTPONED":
            return []
        return sorted(party or "" for party, c in zip(self.parties, self.d["candidates"]) if c["elected"])

    def party_votes(self):
        votes = [(party or "", c["votes"]) for party, c in zip(self.parties, self.d["candidates"])]
        return None if any(v is None for _, v in votes) else sorted(votes)


class Ballot:
    def __init__(self, known):
        self.known, self.entries, self.in_force = known, [], None

    def newest_of(self, source):
        best = None
        for entry in self.entries:
            if entry.d["source"] == source and entry.fate in STANDING:
                best = entry if best is None or entry.d["revision"] > best.d["revision"] else best
        return best

    def find_in_force(self):
        newest = {}
        for entry in self.entries:
            source = entry.d["source"]
            if entry.fate in STANDING and (source not in newest or entry.d["revision"] > newest[source].d["revision"]):
                newest[source] = entry
        standing = [entry for entry in newest.values() if entry.d["kind"] != "WITHDRAWN"]
        return min(standing, key=lambda e: (e.d["declared_at"], e.d["source"]), default=None)


class Tally:
    """Sums over the ballots of a council."""

    def __init__(self, council):
        self.council = council
        self.by_party = {name: Counter() for name in
                         ("won", "votes", "votes_known", "listed", "reach", "sure", "defended", "postponed_defence")}
        self.total = Counter()
        for ballot in council.ballots.values():
            self.count(ballot, None, 1)

    def count(self, ballot, entry, sign):
        """Adds a ballot as it stands, or takes it out."""
        by, total, seats = self.by_party, self.total, ballot["seats"] * sign
        if entry is None:
            total["open"] += sign
            total["seats_to_come"] += seats
            if ballot["nominations"] is None:
                total["open_to_all"] += seats
                return
            by_law = sum(ballot["nominations"].values()) <= ballot["seats"]
            for party, count in ballot["nominations"].items():
                by["reach"][party] += sign * min(ballot["seats"], count)
                by["sure"][party] += sign * count if by_law else 0
        elif entry.d["kind"] == "POSTPONED":
            total["postponed"] += sign
            total["seats_postponed"] += seats
            total["open_to_all"] += seats
            total["postponed_defence_unknown"] += sign * (ballot["defending"] is None)
            for party, count in (ballot["defending"] or {}).items():
                by["postponed_defence"][party] += sign * count
        else:
            total["declared"] += sign
            total["seats_declared"] += seats
            total["defending_known"] += sign * (ballot["defending"] is not None)
            for party, candidate in zip(entry.parties, entry.d["candidates"]):
                by["listed"][party] += sign
                by["won"][party] += sign * candidate["elected"]
                if candidate["votes"] is not None:
                    by["votes"][party] += sign * candidate["votes"]
                    by["votes_known"][party] += sign
                elif not entry.d["uncontested"]:
                    total["votes_unknown"] += sign
                if ballot["defending"] is None:
                    by["defended"][party] += sign * candidate["elected"]
            for party, count in (ballot["defending"] or {}).items():
                by["defended"][party] += sign * count


class Space:
    """The live night of an election, or its rehearsal."""

    def __init__(self, council):
        self.council, self.ballots, self.seq, self.said = None, {}, 0, None
        self.tally, self.held, self.called_at, self.control = None, Counter(), None, None
        if council:
            self.set_council(council)

    def set_council(self, council):
        self.council, self.tally = council, Tally(council)
        for ballot_id, known in council.ballots.items():
            self.ballots.setdefault(ballot_id, Ballot(known)).known = known

    def ballot(self, ballot_id):
        if ballot_id not in self.ballots:
            self.ballots[ballot_id] = Ballot(self.council.ballots.get(ballot_id) if self.council else None)
        return self.ballots[ballot_id]

    def settle(self, ballot):
        """Brings the ballot in force up to its entries. Has the result changed, and is another entry in force?"""
        before, now = ballot.in_force, ballot.find_in_force()
        if now is before or ballot.known is None:
            return False, False
        self.tally.count(ballot.known, before, -1)
        self.tally.count(ballot.known, now, 1)
        ballot.in_force = now
        return before is None or now is None or before.content != now.content, True


# ---- the rules -------------------------------------------------------------------------------------------

def check_values(d):
    if not UUID.fullmatch(d["event_id"]):
        return "event_id is not a UUID"
    for name in ("election_id", "ballot_paper_id", "council_id"):
        if not 0 < len(d[name].encode()) <= 256:
            return f"{name} is empty or longer than 256 bytes"
    counts = (d["electorate"], d["ballot_papers"], d["rejected_papers"])
    if d["revision"] < 1 or d["seats"] < 1 or any((count or 0) < 0 for count in counts):
        return "a number is too small"
    if not (0 <= d["declared_at"] <= MS_END_OF_9999 and 0 <= d["reported_at"] <= MS_END_OF_9999):
        return "a time is outside 1970 to 9999"
    if any(not c["candidate_id"] or not c["party_id"] or (c["votes"] or 0) < 0 for c in d["candidates"]):
        return "a candidate's value is not allowed"
    return None


def check_identity(d, key, key_partition, partition):
    if key is None or key.decode(errors="replace") != d["council_id"]:
        yield "KEY_MISMATCH", "the key is another one"
    if key is not None and key_partition != partition:
        yield "WRONG_PARTITION", f"the key belongs to partition {key_partition}"
    election, ballot = d["election_id"].split("."), d["ballot_paper_id"].split(".")
    if len(election) != 3 or len(ballot) not in (4, 5) or election[:2] != ballot[:2] or election[-1] != ballot[-1]:
        yield "ID_MISMATCH", "election and ballot differ"


def check_votes(council, d, known):
    votes = [c["votes"] for c in d["candidates"]]
    elected = [c for c in d["candidates"] if c["elected"]]
    if len(elected) > d["seats"]:
        yield "TOO_MANY_ELECTED", f"{len(elected)} elected to {d['seats']} seats"
    if len(elected) < min(d["seats"], len(votes)):
        yield "TOO_FEW_ELECTED", f"{len(elected)} elected to {d['seats']} seats"
    all_known = None not in votes
    worst_in = min((c["votes"] for c in elected if c["votes"] is not None), default=None)
    best_out = max((c["votes"] for c in d["candidates"] if not c["elected"] and c["votes"] is not None), default=None)
    if not council.stv and all_known and worst_in is not None and best_out is not None:
        if worst_in < best_out:
            yield "ELECTED_NOT_TOP", f"elected with {worst_in}, not elected with {best_out}"
        elif worst_in == best_out and not any(c["elected_by_lot"] and c["votes"] == worst_in for c in elected):
            yield "TIE_WITHOUT_LOT", f"{worst_in} votes both in and out"
    if d["ballot_papers"] is not None and votes:
        valid = d["ballot_papers"] - (d["rejected_papers"] or 0)
        counted = [v for v in votes if v is not None]
        excess = sum(counted) - (1 if council.stv else d["seats"]) * valid
        too_high = max(counted, default=0) > valid
        if excess > 0 or too_high:
            decides = len(elected) < len(votes) and (not elected or not all_known or excess >= worst_in - best_out)
            warning = "" if too_high or decides else " (warning)"
            yield "VOTES_EXCEED_PAPERS" + warning, f"{sum(counted)} votes"
    electorate = d["electorate"] if d["electorate"] is not None else known and known["electorate"]
    if electorate is not None and d["ballot_papers"] is not None:
        if d["ballot_papers"] > electorate:
            yield "PAPERS_EXCEED_ELECTORATE", f"{d['ballot_papers']} papers, {electorate} electors"
        if not 5 * electorate <= d["ballot_papers"] * 100 <= 90 * electorate:
            yield "TURNOUT_UNLIKELY", f"{d['ballot_papers']} papers, {electorate} electors"


def check_declaration(council, ballot, entry):
    d, known = entry.d, ballot.known
    if known is None:
        yield "UNKNOWN_BALLOT", f"no ballot {d['ballot_paper_id']}"
    elif known["seats"] != d["seats"]:
        yield "SEATS_MISMATCH", f"{d['seats']} seats, {known['seats']} in the reference data"
    if d["kind"] not in ("DECLARED", "CORRECTED"):
        return
    if None in entry.parties:
        yield "UNKNOWN_PARTY", "a candidate's party is not known"
    names = {(party or c["party_id"], c["name"]) for party, c in zip(entry.parties, d["candidates"])}
    if len(names) < len(d["candidates"]) or len({c["candidate_id"] for c in d["candidates"]}) < len(d["candidates"]):
        yield "DUPLICATE_CANDIDATE", "a candidate appears twice"
    if known is not None and known["nominations"] is not None:
        standing = Counter(entry.parties)
        if any(count > known["nominations"].get(party, 0) for party, count in standing.items()):
            yield "NOT_NOMINATED", "a party has more candidates than it nominated"
    yield from check_votes(council, d, known)
    if not d["uncontested"] and d["declared_at"] < council.close_ms:
        yield "DECLARED_BEFORE_CLOSE", "declared before 22:00 in London on poll day"


def check_history(ballot, entry, newest):
    d = entry.d
    for other in ballot.entries:
        if other.fate != "rejected" and other.d["source"] == d["source"] and other.d["revision"] == d["revision"]:
            yield "CONFLICTING_REVISION", f"offset {other.offset} has other content under revision {d['revision']}"
            break
    if newest is not None and d["revision"] < newest.d["revision"] and d["reported_at"] > newest.d["reported_at"]:
        yield "STALE_REVISION", f"revision {d['revision']} was reported after revision {newest.d['revision']}"
    current = ballot.in_force
    if current is None or current.d["source"] == d["source"] or d["kind"] == "WITHDRAWN":
        return
    if current.winners() != entry.winners() or (current.d["kind"] == "POSTPONED") != (d["kind"] == "POSTPONED"):
        yield "SOURCES_DIFFER_WINNERS", f"{current.d['source']} is in force with other winners"
    a, b = current.party_votes(), entry.party_votes()
    if "POSTPONED" not in (current.d["kind"], d["kind"]) and a is not None and b is not None and a != b:
        yield "SOURCES_DIFFER_VOTES", f"{current.d['source']} is in force with other votes"


def judge(council, ballot, entry):
    """(fate, reasons, detail) of a declaration whose identity is in order."""
    d = entry.d
    for other in ballot.entries:
        if other.fate != "rejected" and other.content == entry.content and (
                other.d["event_id"] == d["event_id"] or
                (other.d["source"] == d["source"] and other.d["revision"] == d["revision"])):
            return "duplicate", [], f"of offset {other.offset}"
    if council is None or council.reference["council_id"] != d["council_id"]:
        return "held", ["UNKNOWN_COUNCIL"], f"no reference data for {d['election_id']}"
    newest = ballot.newest_of(d["source"])
    found = [*check_declaration(council, ballot, entry), *check_history(ballot, entry, newest)]
    reasons = sorted({code.removesuffix(" (warning)") for code, _ in found})
    detail = "; ".join(text for _, text in found) or None
    if any(code not in WARNING for code, _ in found):
        return "held", reasons, detail
    if newest is not None and d["revision"] < newest.d["revision"]:
        return "superseded", reasons, detail
    current = ballot.in_force
    other_source = current is not None and current.d["source"] != d["source"] and d["kind"] != "WITHDRAWN"
    return ("corroborated" if other_source else "accepted"), reasons, detail


# ---- control ---------------------------------------------------------------------------------------------

def decide_control(council, held, tally):
    in_reach = tally.total["open_to_all"] >= council.threshold
    for party, bloc in council.bloc.items():
        if bloc:
            if held[party] + tally.by_party["sure"][party] >= council.threshold:
                return party
            in_reach |= held[party] + tally.by_party["reach"][party] + tally.total["open_to_all"] >= council.threshold
    return None if in_reach else NOC


def decide_outcome(council, control):
    if control is None:
        return None
    if council.reference["new_council"]:
        return "NEW"
    if council.previous is None:
        return None
    if control == council.previous:
        return "NO CHANGE" if control == NOC else "HOLD"
    return "LOSS" if control == NOC else "GAIN"


def seat_lines(council, tally, held, status):
    """As the database keeps them: place in the list of parties, held, won, continuing, change, votes."""
    by, total, lines = tally.by_party, tally.total, []
    for place, party_id in enumerate(council.parties):
        baseline = 0 if council.baseline is None else council.baseline[party_id]
        if not (by["listed"][party_id] or held[party_id] or baseline):
            continue
        change = None
        if status == "final" and council.baseline is not None and not total["postponed_defence_unknown"]:
            change = held[party_id] + by["postponed_defence"][party_id] - baseline
        elif status in ("in_progress", "called") and total["defending_known"]:
            change = by["won"][party_id] - by["defended"][party_id]
        votes = by["votes"][party_id] if by["votes_known"][party_id] else None
        order = (-held[party_id], -by["won"][party_id], 1 if votes is None else -votes, party_id)
        lines.append((order, [place, held[party_id], by["won"][party_id], council.continuing[party_id], change, votes]))
    return [line for _, line in sorted(lines)]


def standing(space):
    """The columns of a snapshot that say what it says."""
    council, tally = space.council, space.tally
    by, total = tally.by_party, tally.total
    held = defaultdict(int, {p: council.continuing[p] + by["won"][p] for p in council.parties})
    control = decide_control(council, held, tally) if council.counted else None
    if total["declared"] + total["postponed"] == 0:
        status = "awaiting"
    elif total["open"] == 0:
        status = "final"
    else:
        status = "in_progress" if control is None else "called"
    control = None if status == "awaiting" else control
    previous, outcome = council.previous, decide_outcome(council, control)
    lost = status != "awaiting" and council.counted and previous not in (None, NOC) and (
        held[previous] + by["reach"][previous] + total["open_to_all"] < council.threshold)
    majority = at_least = None
    if control not in (None, NOC):
        at_least = 2 * (held[control] + by["sure"][control]) - council.seats_total
        majority = 2 * held[control] - council.seats_total if status == "final" else None
    most = max((held[p] for p, bloc in council.bloc.items() if bloc), default=0)
    largest = [p for p, bloc in council.bloc.items() if bloc and held[p] == most and most > 0]
    r = council.reference
    return (r["council_id"], r["name"], council.short_name, r["kind"], r["nation"], r["region"], council.poll_date,
            status, control, outcome, previous if outcome == "GAIN" else None, previous, bool(lost), majority, at_least,
            largest[0] if len(largest) == 1 else None, council.seats_total, council.threshold, total["seats_declared"],
            total["seats_to_come"], total["seats_postponed"], len(council.ballots), total["declared"],
            total["postponed"], len(space.held), status == "final" and total["votes_unknown"] == 0,
            dumps(seat_lines(council, tally, held, status)))
