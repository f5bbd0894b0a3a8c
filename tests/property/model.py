"""An independent reference model of `declared`, written from spec.md alone.

It shares no code with the daemon and prefers the plainest reading to the
fastest: the state of a council is computed afresh from all its records
after every input. One call of `run` is one lane:

    result = run([Input(...), ...], RuleBook(...))
    result["rows"]       a row for each input: lane_seq, fate, reasons
    result["changes"]    later changes of a fate, with what triggered them
    result["snapshots"]  every snapshot, each with its flashes

Section numbers in the comments are those of spec.md. The rules of bytes
(BAD_FRAMING to BAD_UTF8, TOO_LARGE) are left out: an input without a value
stands for such a record.

AMBIGUITIES: the words of the spec, the readings, and the one taken here.
(Those settled by the team beforehand are marked "team".)

 1. "a reload ... makes a new one", "is_test ... never meets live data".
    A reference belongs to live data, or to both spaces. Both; each gets its
    own first snapshot (team).
 2. "same source and revision, other content". Against every record ever
    seen, or those not rejected now; in a fresh judgement also against later
    ones? Against a record that stands, or that came earlier and is held; so
    of two that wait for a reference the first is accepted ("the first
    stands"), and one that the desk released meanwhile is not contradicted.
 3. "same event_id and content": of a record that is itself a duplicate?
    No: a duplicate says nothing, so it is compared with originals alone.
    Earlier in the lane, not rejected by a rule; rejected by the desk counts.
 4. "judged anew by all rules": may a held record turn out a duplicate (its
    party folds now)? Yes; duplicates are looked for first, as on arrival.
 5. "papers" of Content. ballot_papers and rejected_papers; the electorate,
    ward_name, basis and uncontested are not content.
 6. Without a reference nothing folds, and UNKNOWN_COUNCIL is the only reason
    (team). A declaration whose council_id is not that of the election's
    reference is UNKNOWN_COUNCIL too.
 7. Reasons of a row: the codes that decided, or all broken? All broken rules
    of the stage reached, warnings included, sorted. Stages: values;
    then topic, key, partition, ids and a reference that contradicts itself
    together; then a reference that contradicts what is in force, and
    duplicates; then the rest together. UNKNOWN_BALLOT silences only SEATS_MISMATCH and
    NOT_NOMINATED, which need the ballot.
 8. "A fate that changes later is a row": also where it stays `held` for
    other reasons? Yes, when fate or reasons differ from the present ones.
 9. Reasons after a RELEASE: the broken ones, or those not waived? Those not
    waived (warnings, UNKNOWN_). After a REJECT: as they were.
10. A RELEASE of a record held for UNKNOWN_ alone: accepted, changes nothing
    now, and its waiver of all the rest stays for the next reference. A
    conflict code waived only then still puts it in force over rank.
11. An accepted record that a higher revision overtakes: does its fate become
    `superseded`? No; only release, reference and rejection change fates.
12. A lower revision of another source with the winners in force: superseded
    or corroborated? Superseded.
13. "until a later record of that ballot is accepted or released": does a
    corroborating record end the override? No (else it would unseat what it
    confirms); nor a superseded one. Any release that makes its record stand
    does. "Later" is later in time, also for an older record accepted upon a
    reference. Note that the source's own accepted next revision ends it, and
    rank decides again: the letter of the spec.
14. A released WITHDRAWN with a conflict code "in force over rank": the
    ballot opens, or its source falls silent? Its source falls silent.
15. "votes" of SOURCES_DIFFER_VOTES. All votes known on both sides, neither
    POSTPONED, and another multiset of (folded party, votes). Also given
    beside SOURCES_DIFFER_WINNERS.
16. "the multiset of folded parties elected" of two POSTPONED: empty on both
    sides, so the second corroborates.
17. TIE_WITHOUT_LOT: whose lot? One of the elected who tie at the cut has
    elected_by_lot. The cut: fewest votes of the elected against most of the
    others; so a tie and ELECTED_NOT_TOP exclude each other.
18. VOTES_EXCEED_PAPERS without rejected_papers: none rejected. Nobody
    unelected: a warning, also where some votes are unknown. Nobody elected:
    held. A verdict set to `rejected` or `warning` replaces "held", and the
    milder case stays a warning.
19. "electorate": the record's, else the reference's for that ballot; for
    PAPERS_EXCEED_ELECTORATE and TURNOUT_UNLIKELY alike.
20. "contested only": unless the record says `uncontested`; for
    DECLARED_BEFORE_CLOSE, not for the papers.
21. BAD_VALUE of other records: an action's empty `by` or `note`, and in a
    reference seats under 1, counts under 0, empty ids and times out of range.
    `source`, names and `ward_name` are no ids.
22. WRONG_PARTITION: murmur2 of the key as it came. Of an action: its
    `partition` is not the one it came by (its key is not looked at).
    KEY_MISMATCH with several reasons: all are given.
23. ID_MISMATCH: the second dotted part and the last; also when an id has no
    such parts or no real date. In a reference it is BAD_REFERENCE.
24. BAD_REFERENCE also: two ballots or parties of one id, an id listed twice
    in folds; "known eve-of-poll seats": seats_basis is `eve_of_poll`; half
    of previous_control.seats_total, else of seats_total. "a result in
    force": in either space, POSTPONED included. Also a previous party that
    the file does not list ("no bloc there"), and a reload that omits a party
    with a candidate in a record that stands (team): without it the record
    could not be counted, now or when it comes into force again.
25. REJECT or RELEASE of a reference or of another action, pending or not:
    NOT_HELD. They act on declarations alone.
26. "an offset not yet applied": greater than every offset applied of that
    topic; an offset passed over, or an unknown topic, is NOT_HELD.
27. APPROVE_CALL names the cause of the snapshot that began the present run
    of this control; no approval asked, another cause, or already approved:
    NOT_HELD. If it is the cause in both spaces, both are approved.
28. What triggers the change that a pending action makes: the action's row, or
    the row that lets it act? The latter, in whose transaction it is (team).
    An approval that waits with a release looks at what the release has made,
    whichever came first.
    A pending approval: the call it approves comes out as CALLED at once,
    without CALL_READY. Cause of the net snapshot: the record's row, `by`
    null. A pending approval of a reference or of an action acts after what
    that did, with a snapshot more.
29. `cause` of an action's snapshot: the action's position and `by`, with the
    event_id, ballot and revision of the declaration it names.
30. ballots_held: distinct ballots of held records, also of ballots that the
    reference does not list.
31. A record judged anew that becomes rejected or duplicate: a snapshot if
    ballots_held changes, with the reference as cause (decision m).
32. Content "of a ballot in force" for a new snapshot: Content of section 6;
    another revision or source with the same content makes none.
33. seats_declared, seats_to_come, seats_postponed: seats of those ballots in
    the reference, not seats filled.
34. votes_complete: status final and every declared ballot that is not
    `uncontested` has votes for each candidate. Ballots to come: not complete.
35. seats[].change at final without a baseline, or with a postponed ballot
    whose defending is not known: null. During the night null when no
    declared ballot has known defending, else 0 for a party without any.
    Candidates of a POSTPONED record are not "in ballots in force".
36. previous_control_lost of an election of by-elections alone, of a new
    council and after NOC: false.
37. Control known but not yet approved: the headline is that of control
    unknown, `CON LOSE CONTROL OF X` where the loss is certain, else null
    (team). majority_at_least of NOC: null.
38. "3 SEATS POSTPONED": "1 SEAT POSTPONED". The short name of a party that
    `parties` does not list: its id.
39. A reload that changes the outcome but not the control: no flash. FINAL
    comes each time the status turns final. CALL_RETRACTED retracts CALLED,
    or CALL_READY where not approved. Two retractions: the call's first.
40. headline_short: free words; compared only for null and for length.
41. A reload may leave a standing record's ballot out (withdrawn); what comes
    into force there later is not counted.
42. Folding is one step, and holds for the keys of all maps; keys that fold
    into the same party add up.
43. Verdicts: rejected, held, warning, off. The UNKNOWN_ rules, the three of
    identity, CONFLICTING_REVISION and SOURCES_DIFFER_WINNERS know rejected
    and held alone; those of bytes and values, WRONG_TOPIC, BAD_REFERENCE and
    NOT_HELD are not set. What is no declaration is never held for identity,
    but rejected.
44. "every held record ..., the three conflict codes excepted": held for
    conflict codes, with a warning beside them: judged anew or not? Not: the
    conflict codes alone hold it (decision d).
45. A record put in force over rank by a release, with the winners in force
    before it: accepted or corroborated? Corroborated: "another source with
    the winners in force".
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo
import re

DECLARATIONS = "ward-declarations"
DESK = "desk-events"
NOC = "NOC"
INDEPENDENT = "ynmp-party:2"

CONFLICTS = {"CONFLICTING_REVISION", "STALE_REVISION", "SOURCES_DIFFER_WINNERS"}
STANDING = {"accepted", "corroborated", "superseded"}
TIME_MAX_MS = 253402300799999  # the last millisecond of 9999

DEFAULT_VERDICTS = {
    "KEY_MISMATCH": "rejected", "WRONG_PARTITION": "rejected", "WRONG_TOPIC": "rejected", "ID_MISMATCH": "rejected",
    "BAD_REFERENCE": "rejected",
    "UNKNOWN_COUNCIL": "held", "UNKNOWN_BALLOT": "held", "UNKNOWN_PARTY": "held",
    "SEATS_MISMATCH": "held", "CONFLICTING_REVISION": "held", "STALE_REVISION": "held",
    "SOURCES_DIFFER_WINNERS": "held", "DUPLICATE_CANDIDATE": "held", "TOO_MANY_ELECTED": "held",
    "TOO_FEW_ELECTED": "held", "NOT_NOMINATED": "held", "ELECTED_NOT_TOP": "held",
    "TIE_WITHOUT_LOT": "held", "VOTES_EXCEED_PAPERS": "held", "PAPERS_EXCEED_ELECTORATE": "held",
    "DECLARED_BEFORE_CLOSE": "held", "SOURCES_DIFFER_VOTES": "warning", "TURNOUT_UNLIKELY": "warning",
}


@dataclass(frozen=True)
class Input:
    topic: str
    partition: int
    offset: int
    key: str | None
    type: str | None       # WardDeclaration, CouncilReference, OperatorAction
    value: dict | None     # None: bytes that could not be read
    received_at: int       # microseconds; does not go back


@dataclass(frozen=True)
class RuleBook:
    verdicts: dict = field(default_factory=dict)
    source_rank: tuple = ()
    require_approval: bool = False
    partitions: int = 6

    def verdict(self, code):
        return self.verdicts.get(code, DEFAULT_VERDICTS[code])


@dataclass
class Row:
    """A ledger row, and below it what became of it."""
    lane_seq: int
    input: Input
    fate: str = ""
    reasons: list = field(default_factory=list)
    present: str = ""                                   # the present fate
    present_reasons: list = field(default_factory=list)
    holds: set = field(default_factory=set)             # reasons that hold it now
    identity: set = field(default_factory=set)          # rules of its place that it breaks
    rejected_by_desk: bool = False
    waived: bool = False                                # a RELEASE named it
    conflict_waived: bool = False                       # ... while it had a conflict code
    released: int = 0                                   # when it came to stand by a RELEASE

    @property
    def value(self):
        return self.input.value

    @property
    def is_test(self):
        return bool(self.value.get("is_test", False))

    @property
    def is_declaration(self):
        return self.input.type == "WardDeclaration" and self.value is not None

    @property
    def stands(self):
        return self.present in STANDING

    @property
    def position(self):
        return (self.input.topic, self.input.partition, self.input.offset)


@dataclass
class Call:
    """The present run of one control."""
    control: str | None = None
    called_at: int | None = None
    cause: tuple | None = None
    approved: bool = False


# --- Section 2: the partition of a key -------------------------------------

def murmur2(data):
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)


def partition_of(key, partitions):
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


# --- Sections 3 and 4: names, folding, blocs ---------------------------------

def fold(reference, party_id):
    """The party that this one counts for: itself, or the one that names it in `folds`."""
    for party in reference["parties"] if reference else []:
        if party_id in (party.get("folds") or []):
            return party["party_id"]
    return party_id


def folded_map(reference, counts):
    total = {}
    for party_id, count in (counts or {}).items():
        party = fold(reference, party_id)
        total[party] = total.get(party, 0) + count
    return total


def is_known_party(reference, party_id):
    return any(party_id == p["party_id"] or party_id in (p.get("folds") or []) for p in reference["parties"])


def is_bloc(reference, party):
    for party_id, bloc in (reference.get("blocs") or {}).items():
        if fold(reference, party_id) == party:
            return bloc
    for entry in reference["parties"]:
        if entry["party_id"] == party and entry.get("bloc") is not None:
            return entry["bloc"]
    return party != INDEPENDENT


def ballot_in(reference, ballot_paper_id):
    for ballot in reference["ballots"]:
        if ballot["ballot_paper_id"] == ballot_paper_id:
            return ballot
    return None


def only_by_elections(reference):
    return all(".by." in b["ballot_paper_id"] for b in reference["ballots"])


def organisation_and_date(dotted_id):
    parts = dotted_id.split(".")
    if len(parts) < 3:
        return None
    try:
        date.fromisoformat(parts[-1])
    except ValueError:
        return None
    return parts[1], parts[-1]


def poll_date(election_id):
    return election_id.split(".")[-1]


def close_of_poll_ms(election_id):
    day = date.fromisoformat(poll_date(election_id))
    close = datetime(day.year, day.month, day.day, 22, tzinfo=ZoneInfo("Europe/London"))
    return int(close.timestamp()) * 1000


def content(reference, declaration):
    """Section 6, Content."""
    candidates = {(fold(reference, c["party_id"]), c["name"], c.get("votes"),
                   c["elected"], c.get("elected_by_lot", False)) for c in declaration["candidates"]}
    return (declaration["kind"], declaration["seats"], declaration.get("ballot_papers"),
            declaration.get("rejected_papers"), frozenset(candidates))


def winners(reference, declaration):
    if declaration["kind"] == "POSTPONED":
        return []
    return sorted(fold(reference, c["party_id"]) for c in declaration["candidates"] if c["elected"])


# --- Section 6: the rejected rules --------------------------------------------

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def time_is_bad(ms):
    return ms is not None and not 0 <= ms <= TIME_MAX_MS


def count_is_bad(count):
    return count is not None and count < 0


def any_count_is_bad(counts):
    return any(count_is_bad(n) or party == "" for party, n in (counts or {}).items())


def declaration_has_bad_value(d):
    ids = [d["election_id"], d["ballot_paper_id"], d["council_id"]]
    counts = [d.get("electorate"), d.get("ballot_papers"), d.get("rejected_papers")]
    for c in d["candidates"]:
        ids += [c["candidate_id"], c["party_id"]]
        counts.append(c.get("votes"))
    return (UUID.fullmatch(d["event_id"]) is None or "" in ids
            or d["revision"] < 1 or d["seats"] < 1
            or any(count_is_bad(n) for n in counts)
            or time_is_bad(d["declared_at"]) or time_is_bad(d["reported_at"]))


def reference_has_bad_value(r):
    previous = r.get("previous_control") or {}
    ids = [r["council_id"], r["election_id"]] + [p["party_id"] for p in r["parties"]]
    ids += [b["ballot_paper_id"] for b in r["ballots"]]
    counts = [r.get("vacant", 0), previous.get("seats"), previous.get("seats_total")]
    counts += [b.get("electorate") for b in r["ballots"]]
    maps = [r.get("continuing"), (r.get("seat_baseline") or {}).get("seats")]
    for b in r["ballots"]:
        maps += [b.get("nominations"), b.get("defending")]
    return ("" in ids or r["seats_total"] < 1 or any(b["seats"] < 1 for b in r["ballots"])
            or any(count_is_bad(n) for n in counts) or any(any_count_is_bad(m) for m in maps)
            or time_is_bad(r["loaded_at"]) or time_is_bad(r.get("expected_at")))


def action_has_bad_value(a):
    return a["by"] == "" or a["note"] == "" or time_is_bad(a["acted_at"])


def has_bad_value(record):
    check = {"WardDeclaration": declaration_has_bad_value,
             "CouncilReference": reference_has_bad_value,
             "OperatorAction": action_has_bad_value}[record.type]
    return check(record.value)


def identity_reasons(record, rules):
    """KEY_MISMATCH, WRONG_PARTITION, WRONG_TOPIC, ID_MISMATCH, and BAD_REFERENCE where it contradicts itself."""
    reasons = set()
    home = DECLARATIONS if record.type == "WardDeclaration" else DESK
    if record.topic != home:
        reasons.add("WRONG_TOPIC")
    if record.type == "OperatorAction":
        if record.value["partition"] != record.partition:
            reasons.add("WRONG_PARTITION")
        return reasons
    if record.key != record.value["council_id"]:
        reasons.add("KEY_MISMATCH")
    if record.key is not None and partition_of(record.key, rules.partitions) != record.partition:
        reasons.add("WRONG_PARTITION")
    if record.type == "WardDeclaration":
        election = organisation_and_date(record.value["election_id"])
        ballot = organisation_and_date(record.value["ballot_paper_id"])
        if election is None or election != ballot:
            reasons.add("ID_MISMATCH")
    elif reference_contradicts_itself(record.value):
        reasons.add("BAD_REFERENCE")
    return reasons


def twice(items):
    return len(items) != len(set(items))


def reference_contradicts_itself(r):
    """Section 4, Refused: what can be told without knowing the results."""
    previous = r.get("previous_control")
    ballots = [b["ballot_paper_id"] for b in r["ballots"]]
    parties = [p["party_id"] for p in r["parties"]] + [f for p in r["parties"] for f in p.get("folds") or []]
    seats_up = sum(b["seats"] for b in r["ballots"])
    if sum((r.get("continuing") or {}).values()) + r.get("vacant", 0) + seats_up != r["seats_total"]:
        return True
    if twice(ballots) or twice(parties):
        return True
    where = organisation_and_date(r["election_id"])
    if where is None or any(organisation_and_date(b) != where for b in ballots):
        return True
    if previous is None:
        return not r.get("new_council", False) and not only_by_elections(r)
    if previous.get("party_id") is None:
        return False
    if previous["party_id"] not in parties or not is_bloc(r, fold(r, previous["party_id"])):
        return True
    if previous.get("seats_basis") == "eve_of_poll" and previous.get("seats") is not None:
        total = previous.get("seats_total")
        return 2 * previous["seats"] <= (r["seats_total"] if total is None else total)
    return False


# --- Section 6: rules of one declaration against the reference -----------------

def known_votes(declaration):
    return [c["votes"] for c in declaration["candidates"] if c.get("votes") is not None]


def all_votes_known(declaration):
    return all(c.get("votes") is not None for c in declaration["candidates"])


def the_cut(declaration):
    """(fewest votes of the elected, most votes of the others); None for nobody."""
    elected = [c["votes"] for c in declaration["candidates"] if c["elected"]]
    others = [c["votes"] for c in declaration["candidates"] if not c["elected"]]
    return (min(elected) if elected else None, max(others) if others else None)


def candidate_reasons(reference, ballot, d):
    reasons = set()
    candidates = d["candidates"]
    parties = [fold(reference, c["party_id"]) for c in candidates]
    elected = sum(c["elected"] for c in candidates)
    if any(not is_known_party(reference, c["party_id"]) for c in candidates):
        reasons.add("UNKNOWN_PARTY")
    if twice([c["candidate_id"] for c in candidates]) or twice([(c["name"], p) for c, p in zip(candidates, parties)]):
        reasons.add("DUPLICATE_CANDIDATE")
    if elected > d["seats"]:
        reasons.add("TOO_MANY_ELECTED")
    if elected < min(d["seats"], len(candidates)):
        reasons.add("TOO_FEW_ELECTED")
    if ballot is not None and ballot.get("nominations") is not None:
        nominated = folded_map(reference, ballot["nominations"])
        if any(parties.count(p) > nominated.get(p, 0) for p in parties):
            reasons.add("NOT_NOMINATED")
    return reasons


def vote_reasons(reference, d):
    if reference.get("voting_system") == "STV" or not all_votes_known(d):
        return set()
    last, first_not = the_cut(d)
    if last is None or first_not is None:
        return set()
    if first_not > last:
        return {"ELECTED_NOT_TOP"}
    drawn = any(c["elected"] and c["votes"] == last and c.get("elected_by_lot", False) for c in d["candidates"])
    if first_not == last and not drawn:
        return {"TIE_WITHOUT_LOT"}
    return set()


def votes_exceed_papers(reference, d):
    """None, "warning" or "held"."""
    if d.get("ballot_papers") is None:
        return None
    valid = d["ballot_papers"] - (d.get("rejected_papers") or 0)
    votes = known_votes(d)
    if any(v > valid for v in votes):
        return "held"
    times = 1 if reference.get("voting_system") == "STV" else d["seats"]
    excess = sum(votes) - times * valid
    if excess <= 0:
        return None
    if all(c["elected"] for c in d["candidates"]):
        return "warning"
    if not all_votes_known(d):
        return "held"
    last, first_not = the_cut(d)
    if last is None:
        return "held"
    return "held" if excess >= last - first_not else "warning"


def paper_and_time_reasons(ballot, d):
    reasons = set()
    papers = d.get("ballot_papers")
    electorate = d.get("electorate")
    if electorate is None and ballot is not None:
        electorate = ballot.get("electorate")
    if papers is not None and electorate is not None:
        if papers > electorate:
            reasons.add("PAPERS_EXCEED_ELECTORATE")
        if 100 * papers < 5 * electorate or 100 * papers > 90 * electorate:
            reasons.add("TURNOUT_UNLIKELY")
    if not d.get("uncontested", False) and d["declared_at"] < close_of_poll_ms(d["election_id"]):
        reasons.add("DECLARED_BEFORE_CLOSE")
    return reasons


# --- Section 5: control ----------------------------------------------------------

def is_declared(declaration):
    return declaration is not None and declaration["kind"] in ("DECLARED", "CORRECTED")


def is_postponed(declaration):
    return declaration is not None and declaration["kind"] == "POSTPONED"


def elected_in(reference, declaration, party):
    return winners(reference, declaration).count(party)


@dataclass
class Count:
    """A council on its night: `ballots` are (reference ballot, declaration in force or None)."""
    reference: dict
    ballots: list

    def __post_init__(self):
        r = self.reference
        self.total = r["seats_total"]
        self.needed = self.total // 2 + 1
        self.continuing = folded_map(r, r.get("continuing"))
        self.declared = [(b, d) for b, d in self.ballots if is_declared(d)]
        self.postponed = [b for b, d in self.ballots if is_postponed(d)]
        self.to_come = [b for b, d in self.ballots if d is None]

    def won(self, party):
        return sum(elected_in(self.reference, d, party) for _, d in self.declared)

    def held(self, party):
        return self.continuing.get(party, 0) + self.won(party)

    def reach(self, party):
        reach = self.held(party) + sum(b["seats"] for b in self.postponed)
        for b in self.to_come:
            if b.get("nominations") is None:
                reach += b["seats"]
            else:
                reach += min(b["seats"], folded_map(self.reference, b["nominations"]).get(party, 0))
        return reach

    def sure(self, party):
        sure = self.held(party)
        for b in self.to_come:
            if b.get("nominations") is not None and sum(b["nominations"].values()) <= b["seats"]:
                sure += folded_map(self.reference, b["nominations"]).get(party, 0)
        return sure

    @cached_property
    def parties(self):
        """Every party that is named anywhere, and one not yet seen."""
        r = self.reference
        named = {p["party_id"] for p in r["parties"]} | set(self.continuing) | {"(a party not yet seen)"}
        named |= set(folded_map(r, (r.get("seat_baseline") or {}).get("seats")))
        if self.previous_party() is not None:
            named.add(self.previous_party())
        for b, d in self.ballots:
            named |= set(folded_map(r, b.get("nominations"))) | set(folded_map(r, b.get("defending")))
            if d is not None:
                named |= {fold(r, c["party_id"]) for c in d["candidates"]}
        return sorted(named)

    @cached_property
    def blocs(self):
        return [p for p in self.parties if is_bloc(self.reference, p)]

    def previous_party(self):
        previous = self.reference.get("previous_control")
        if previous is None or previous.get("party_id") is None:
            return None
        return fold(self.reference, previous["party_id"])

    def previous_control(self):
        if self.reference.get("previous_control") is None:
            return None
        return self.previous_party() or NOC

    def awaiting(self):
        return not self.declared and not self.postponed

    def control(self):
        if self.awaiting() or only_by_elections(self.reference):
            return None
        for party in self.blocs:
            if self.sure(party) >= self.needed:
                return party
        if all(self.reach(party) < self.needed for party in self.blocs):
            return NOC
        return None

    def previous_control_lost(self):
        if self.awaiting() or only_by_elections(self.reference) or self.previous_party() is None:
            return False
        return self.reach(self.previous_party()) < self.needed

    def status(self):
        if self.awaiting():
            return "awaiting"
        if not self.to_come:
            return "final"
        return "called" if self.control() is not None else "in_progress"

    def outcome(self):
        """(outcome, gained_from)"""
        control, previous = self.control(), self.previous_control()
        if control is None:
            return None, None
        if self.reference.get("new_council", False):
            return "NEW", None
        if control == previous:
            return ("NO CHANGE" if control == NOC else "HOLD"), None
        return ("LOSS", None) if control == NOC else ("GAIN", previous)

    def majority(self):
        control = self.control()
        if control in (None, NOC) or self.status() != "final":
            return None
        return 2 * self.held(control) - self.total

    def majority_at_least(self):
        control = self.control()
        if control in (None, NOC):
            return None
        return 2 * self.sure(control) - self.total

    def largest_party(self):
        held = {p: self.held(p) for p in self.blocs}
        most = max(held.values())
        leaders = [p for p in held if held[p] == most]
        return leaders[0] if most > 0 and len(leaders) == 1 else None

    def votes_complete(self):
        return self.status() == "final" and all(
            d.get("uncontested", False) or all_votes_known(d) for _, d in self.declared)

    def votes(self, party):
        known = [c["votes"] for _, d in self.declared for c in d["candidates"]
                 if fold(self.reference, c["party_id"]) == party and c.get("votes") is not None]
        return sum(known) if known else None

    def change(self, party):
        r = self.reference
        if self.status() == "final":
            if r.get("seat_baseline") is None or any(b.get("defending") is None for b in self.postponed):
                return None
            before = folded_map(r, r["seat_baseline"]["seats"]).get(party, 0)
            kept = sum(folded_map(r, b["defending"]).get(party, 0) for b in self.postponed)
            return self.held(party) + kept - before
        measured = [(b, d) for b, d in self.declared if b.get("defending") is not None]
        if not measured:
            return None
        return sum(elected_in(r, d, party) - folded_map(r, b["defending"]).get(party, 0) for b, d in measured)

    def seats(self):
        r = self.reference
        baseline = folded_map(r, (r.get("seat_baseline") or {}).get("seats"))
        standing = {fold(r, c["party_id"]) for _, d in self.declared for c in d["candidates"]}
        lines = []
        for p in self.parties:
            if self.held(p) or self.continuing.get(p) or baseline.get(p) or p in standing:
                entry = party_entry(r, p)
                lines.append({"party_id": p, "short": party_short(r, p), "group": entry.get("group"),
                              "colour": entry.get("colour"), "text_colour": entry.get("text_colour"),
                              "held": self.held(p), "won": self.won(p), "continuing": self.continuing.get(p, 0),
                              "change": self.change(p), "votes": self.votes(p)})
        lines.sort(key=lambda s: (-s["held"], -s["won"], -(-1 if s["votes"] is None else s["votes"]), s["party_id"]))
        return lines

    def headline(self, approved):
        """`approved` is true where no approval is asked for."""
        r, control, previous = self.reference, self.control(), self.previous_control()
        council = r.get("short_name") or r["name"].upper()
        if only_by_elections(r):
            return None
        if control is None:
            if self.previous_control_lost():
                return f"{party_short(r, previous)} LOSE CONTROL OF {council}"
            if self.status() == "final":
                seats = sum(b["seats"] for b in self.postponed)
                return f"NO MAJORITY YET IN {council}: {seats} SEAT{'' if seats == 1 else 'S'} POSTPONED"
            return None
        if not approved:
            return f"{party_short(r, previous)} LOSE CONTROL OF {council}" if self.previous_control_lost() else None
        who = party_short(r, control)
        return {"GAIN": f"{who} GAIN {council} FROM {party_short(r, previous)}",
                "HOLD": f"{who} HOLD {council}",
                "LOSS": f"{party_short(r, previous)} LOSE {council} TO NOC",
                "NO CHANGE": f"NOC {council}: NO CHANGE",
                "NEW": f"NOC IN {council} (NEW COUNCIL)" if control == NOC else f"{who} WIN {council} (NEW COUNCIL)",
                }[self.outcome()[0]]


def party_entry(reference, party):
    for entry in reference["parties"]:
        if entry["party_id"] == party:
            return entry
    return {}


def party_short(reference, party):
    return NOC if party == NOC else party_entry(reference, party).get("short", party)


def snapshot_content(reference, ballots, ballots_held, approved):
    """The columns of api.council_control but for seq, recorded_at, called_at and cause."""
    count = Count(reference, ballots)
    outcome, gained_from = count.outcome()
    headline = count.headline(approved)
    return {
        "election_id": reference["election_id"], "council_id": reference["council_id"],
        "council_name": reference["name"], "short_name": reference.get("short_name") or reference["name"].upper(),
        "kind": reference.get("kind"), "nation": reference.get("nation"), "region": reference.get("region"),
        "poll_date": poll_date(reference["election_id"]),
        "status": count.status(), "control": count.control(), "outcome": outcome, "gained_from": gained_from,
        "previous_control": count.previous_control(), "previous_control_lost": count.previous_control_lost(),
        "majority": count.majority(), "majority_at_least": count.majority_at_least(),
        "largest_party": count.largest_party(), "seats_total": count.total, "threshold": count.needed,
        "seats_declared": sum(b["seats"] for b, _ in count.declared),
        "seats_to_come": sum(b["seats"] for b in count.to_come),
        "seats_postponed": sum(b["seats"] for b in count.postponed),
        "ballots_total": len(ballots), "ballots_declared": len(count.declared),
        "ballots_postponed": len(count.postponed), "ballots_held": ballots_held,
        "votes_complete": count.votes_complete(), "seats": count.seats(),
        "headline": headline, "headline_short": None if headline is None else headline[:28],
    }


# --- One lane ---------------------------------------------------------------------

class Lane:
    def __init__(self, rules):
        self.rules = rules
        self.rows = []
        self.changes = []
        self.snapshots = []
        self.references = {}   # election_id -> CouncilReference
        self.overrides = {}    # (is_test, ballot_paper_id) -> Row in force over rank and revision
        self.calls = {}        # (election_id, is_test) -> Call
        self.latest = {}       # (election_id, is_test) -> (content, contents of ballots, seq)
        self.open_flashes = {}  # (election_id, is_test, kind) -> seq of the flash not retracted
        self.releases = 0

    # -- looking things up

    def declarations(self, is_test, ballot_paper_id):
        return [r for r in self.rows if r.is_declaration and r.fate != "" and r.is_test == is_test
                and r.value["ballot_paper_id"] == ballot_paper_id]

    def standing(self, is_test, ballot_paper_id):
        return [r for r in self.declarations(is_test, ballot_paper_id) if r.stands]

    def voice_of(self, source, is_test, ballot_paper_id):
        """Of one source: the standing record of the highest revision; of equal ones the released."""
        own = [r for r in self.standing(is_test, ballot_paper_id) if r.value["source"] == source]
        return max(own, key=lambda r: (r.value["revision"], r.released, -r.lane_seq), default=None)

    def in_force(self, is_test, ballot_paper_id):
        override = self.overrides.get((is_test, ballot_paper_id))
        if override is not None and override.value["kind"] != "WITHDRAWN":
            return override
        sources = {r.value["source"] for r in self.standing(is_test, ballot_paper_id)}
        if override is not None:
            sources.discard(override.value["source"])
        voices = [self.voice_of(s, is_test, ballot_paper_id) for s in sources]
        voices = [v for v in voices if v.value["kind"] != "WITHDRAWN"]
        return min(voices, key=self.rank, default=None)

    def rank(self, row):
        ranks = list(self.rules.source_rank)
        source = row.value["source"]
        return (ranks.index(source) if source in ranks else len(ranks), row.value["declared_at"], source)

    def reference_for(self, declaration):
        """The reference of the declaration's own election and council, or None."""
        reference = self.references.get(declaration["election_id"])
        if reference is None or reference["council_id"] != declaration["council_id"]:
            return None
        return reference

    def ballots(self, election_id, is_test):
        pairs = []
        for ballot in self.references[election_id]["ballots"]:
            row = self.in_force(is_test, ballot["ballot_paper_id"])
            pairs.append((ballot, None if row is None else row.value))
        return pairs

    def ballots_held(self, election_id, is_test):
        return len({r.value["ballot_paper_id"] for r in self.rows
                    if r.is_declaration and r.present == "held" and r.is_test == is_test
                    and r.value["election_id"] == election_id})

    # -- section 6: judging a declaration

    def is_duplicate(self, row):
        d = row.value
        reference = self.reference_for(d)
        for other in self.declarations(row.is_test, d["ballot_paper_id"]):
            o = other.value
            if other.lane_seq >= row.lane_seq or other.present == "duplicate":
                continue
            if other.present == "rejected" and not other.rejected_by_desk:
                continue
            if content(reference, o) != content(reference, d):
                continue
            if o["event_id"].lower() == d["event_id"].lower() or (o["source"], o["revision"]) == (d["source"], d["revision"]):
                return True
        return False

    def conflict_reasons(self, row):
        d, ballot = row.value, row.value["ballot_paper_id"]
        reference = self.reference_for(d)
        reasons = set()
        for other in self.declarations(row.is_test, ballot):
            o = other.value
            counts = other.stands or (other.present == "held" and other.lane_seq < row.lane_seq)
            if other is not row and counts and (o["source"], o["revision"]) == (d["source"], d["revision"]):
                if content(reference, o) != content(reference, d):
                    reasons.add("CONFLICTING_REVISION")
        voice = self.voice_of(d["source"], row.is_test, ballot)
        if voice is not None and d["revision"] < voice.value["revision"]:
            if d["reported_at"] > voice.value["reported_at"]:
                reasons.add("STALE_REVISION")
        return reasons | self.source_reasons(row)

    def other_in_force(self, row):
        """The declaration in force if it is another source's."""
        force = self.in_force(row.is_test, row.value["ballot_paper_id"])
        if force is None or force.value["source"] == row.value["source"]:
            return None
        return force.value

    def source_reasons(self, row):
        d, other = row.value, self.other_in_force(row)
        if other is None or d["kind"] == "WITHDRAWN":
            return set()
        reference = self.reference_for(d)
        if (d["kind"] == "POSTPONED") != (other["kind"] == "POSTPONED"):
            return {"SOURCES_DIFFER_WINNERS"}
        if d["kind"] == "POSTPONED":
            return set()
        reasons = set()
        if winners(reference, d) != winners(reference, other):
            reasons.add("SOURCES_DIFFER_WINNERS")
        if all_votes_known(d) and all_votes_known(other):
            def votes(x):
                return sorted((fold(reference, c["party_id"]), c["votes"]) for c in x["candidates"])
            if votes(d) != votes(other):
                reasons.add("SOURCES_DIFFER_VOTES")
        return reasons

    def broken_rules(self, row):
        """code -> verdict of each broken rule that holds, rejects or warns."""
        d = row.value
        reference = self.reference_for(d)
        if reference is None:
            return {code: self.rules.verdict(code) for code in {"UNKNOWN_COUNCIL"} | row.identity}
        ballot = ballot_in(reference, d["ballot_paper_id"])
        codes = set()
        exceed = None
        if ballot is None:
            codes.add("UNKNOWN_BALLOT")
        elif d["seats"] != ballot["seats"]:
            codes.add("SEATS_MISMATCH")
        if is_declared(d):
            codes |= candidate_reasons(reference, ballot, d)
            codes |= vote_reasons(reference, d)
            codes |= paper_and_time_reasons(ballot, d)
            exceed = votes_exceed_papers(reference, d)
            if exceed is not None:
                codes.add("VOTES_EXCEED_PAPERS")
        codes |= self.conflict_reasons(row) | row.identity
        verdicts = {code: self.rules.verdict(code) for code in codes}
        if exceed == "warning" and verdicts["VOTES_EXCEED_PAPERS"] != "off":
            verdicts["VOTES_EXCEED_PAPERS"] = "warning"
        return {code: verdict for code, verdict in verdicts.items() if verdict != "off"}

    def standing_fate(self, row):
        """accepted, corroborated or superseded, for a record that nothing holds."""
        d = row.value
        voice = self.voice_of(d["source"], row.is_test, d["ballot_paper_id"])
        if voice is not None and d["revision"] < voice.value["revision"] and not row.conflict_waived:
            return "superseded"
        other = self.other_in_force(row)
        if other is not None and d["kind"] != "WITHDRAWN":
            reference = self.reference_for(d)
            postponed = (d["kind"] == "POSTPONED", other["kind"] == "POSTPONED")
            if postponed[0] == postponed[1] and winners(reference, d) == winners(reference, other):
                return "corroborated"
        return "accepted"

    def judge(self, row, keep=frozenset()):
        """(fate, reasons, what holds it). `keep`: conflict codes it keeps whatever the rules say now."""
        broken = self.broken_rules(row)
        for code in keep:
            broken.setdefault(code, "held")
        if row.waived:
            stopped = {c for c, v in broken.items() if v in ("held", "rejected") and not c.startswith("UNKNOWN_")}
            if stopped & CONFLICTS:
                row.conflict_waived = True
            broken = {c: v for c, v in broken.items() if c not in stopped}
        reasons = sorted(broken)
        if "rejected" in broken.values():
            return "rejected", reasons, set()
        holds = {c for c, v in broken.items() if v == "held"}
        if holds:
            return "held", reasons, holds
        return self.standing_fate(row), reasons, set()

    def settle(self, row, fate, reasons, holds=frozenset()):
        """Give a row its present fate, and the ballot its record in force."""
        stood = row.stands
        row.present, row.present_reasons, row.holds = fate, reasons, set(holds)
        place = (row.is_test, row.value["ballot_paper_id"]) if row.is_declaration else None
        if place is None:
            return
        if fate in STANDING and not stood:
            if row.waived:
                self.releases += 1
                row.released = self.releases
            if row.waived or fate == "accepted":
                self.overrides.pop(place, None)
            if row.conflict_waived:
                self.overrides[place] = row
        if fate not in STANDING and self.overrides.get(place) is row:
            del self.overrides[place]

    def change(self, row, fate, reasons, trigger, holds=frozenset()):
        if (fate, reasons) != (row.present, row.present_reasons):
            self.changes.append({"lane_seq": row.lane_seq, "fate": fate, "reasons": list(reasons),
                                 "trigger_lane_seq": trigger.lane_seq})
        self.settle(row, fate, reasons, holds)

    # -- the three kinds of records

    def apply(self, record):
        row = Row(len(self.rows) + 1, record)
        self.rows.append(row)
        if record.value is None:
            self.enter(row, "rejected", ["BAD_AVRO"])
        elif has_bad_value(record):
            self.enter(row, "rejected", ["BAD_VALUE"])
        elif self.identity_rejects(row):
            self.enter(row, "rejected", sorted(row.identity))
        elif record.type == "WardDeclaration":
            self.apply_declaration(row)
        elif record.type == "CouncilReference":
            self.apply_reference(row)
        else:
            self.apply_action(row)
        if record.type != "WardDeclaration" or row.fate == "rejected":
            self.run_pending(row)

    def identity_rejects(self, row):
        """Does it break a rule of its place that rejects it? Only a declaration can be held for one."""
        row.identity = identity_reasons(row.input, self.rules)
        verdicts = {self.rules.verdict(code) for code in row.identity}
        return "rejected" in verdicts or (row.identity and not row.is_declaration)

    def enter(self, row, fate, reasons, holds=frozenset()):
        """The ledger row itself."""
        self.settle(row, fate, reasons, holds)
        row.fate, row.reasons = fate, list(reasons)

    def apply_declaration(self, row):
        fate, reasons, holds = ("duplicate", [], set()) if self.is_duplicate(row) else self.judge(row)
        self.enter(row, fate, reasons, holds)
        if fate == "rejected":
            return
        approved = self.run_pending(row)
        self.publish(row.value["election_id"], row.is_test, row, row.value, approved=approved)

    def apply_reference(self, row):
        r = row.value
        election_id = r["election_id"]
        standing = [d for d in self.rows if d.is_declaration and d.stands and d.value["election_id"] == election_id]
        in_force = {d.value["ballot_paper_id"] for d in standing
                    if self.in_force(d.is_test, d.value["ballot_paper_id"]) is not None}
        parties = {c["party_id"] for d in standing if is_declared(d.value) for c in d.value["candidates"]}
        if any(ballot_in(r, b) is None for b in in_force) or not all(is_known_party(r, p) for p in parties):
            self.enter(row, "rejected", ["BAD_REFERENCE"])
            return
        self.enter(row, "accepted", [])
        self.references[election_id] = r
        for is_test in (False, True):
            self.publish(election_id, is_test, row, None, by=r["by"])
        for held in list(self.rows):
            if not held.is_declaration or held.present != "held" or held.value["election_id"] != election_id:
                continue
            if held.holds <= CONFLICTS:
                continue
            if self.is_duplicate(held):
                fate, reasons, holds = "duplicate", [], set()
            else:
                fate, reasons, holds = self.judge(held, keep=held.holds & CONFLICTS)
            self.change(held, fate, reasons, row, holds)
            self.publish(election_id, held.is_test, row, held.value, by=r["by"])

    def apply_action(self, row):
        a = row.value
        target = self.row_at(a["topic"], a["kafka_offset"])
        if target is None and self.is_yet_to_come(a["topic"], a["kafka_offset"]):
            self.enter(row, "held", ["NOT_YET_APPLIED"], {"NOT_YET_APPLIED"})
            return
        if a["action"] == "APPROVE_CALL":
            spaces = self.calls_waiting_for((a["topic"], a["partition"], a["kafka_offset"]))
            for space in spaces:
                self.calls[space].approved = True
            self.enter(row, *(("accepted", []) if spaces else ("rejected", ["NOT_HELD"])))
            subject = target.value if target is not None and target.is_declaration else None
            for election_id, is_test in spaces:
                self.publish(election_id, is_test, row, subject, by=a["by"])
            return
        if not self.can_act(a, target):
            self.enter(row, "rejected", ["NOT_HELD"])
            return
        self.enter(row, "accepted", [])
        self.act(row, target, row)
        self.publish(target.value["election_id"], target.is_test, row, target.value, by=a["by"])

    # -- operators' actions

    def row_at(self, topic, offset):
        for row in self.rows[:-1]:
            if (row.input.topic, row.input.offset) == (topic, offset):
                return row
        return None

    def is_yet_to_come(self, topic, offset):
        seen = [r.input.offset for r in self.rows if r.input.topic == topic]
        return topic in (DECLARATIONS, DESK) and offset > max(seen, default=-1)

    def can_act(self, action, target):
        if target is None or not target.is_declaration:
            return False
        if action["action"] == "REJECT":
            return target.present == "held" or target.stands
        return target.present == "held" or target.rejected_by_desk

    def act(self, action, target, trigger):
        """A RELEASE or a REJECT, of a target on which it can act; `trigger` is the row that lets it act now."""
        if action.value["action"] == "REJECT":
            self.change(target, "rejected", target.present_reasons, trigger)
            target.rejected_by_desk = True
            return
        target.waived = True
        if (target.holds | set(target.present_reasons)) & self.holding_conflicts():
            target.conflict_waived = True
        target.rejected_by_desk = False
        fate, reasons, holds = self.judge(target)
        self.change(target, fate, reasons, trigger, holds)

    def holding_conflicts(self):
        return {c for c in CONFLICTS if self.rules.verdict(c) == "held"}

    def run_pending(self, row):
        """Actions that waited for this row act now. True if one approved the call it makes."""
        approved = False
        waited = [p for p in self.rows if p.input.type == "OperatorAction" and p.present == "held"
                  and (p.value["topic"], p.value["kafka_offset"]) == (row.input.topic, row.input.offset)]
        for pending in sorted(waited, key=lambda p: p.value["action"] == "APPROVE_CALL"):
            a = pending.value
            if a["action"] == "APPROVE_CALL":
                acted = self.approve_pending(row)
                approved = approved or acted
            else:
                acted = self.can_act(a, row)
                if acted:
                    self.act(pending, row, row)
            if acted:
                self.change(pending, "accepted", [], row)
            else:
                self.change(pending, "rejected", ["NOT_HELD"], row)
        return approved

    def approve_pending(self, row):
        """Is there a call now that this row makes, or has made?"""
        if row.input.topic == DESK:  # its snapshots are out already: one more
            spaces = self.calls_waiting_for(row.position)
            for space in spaces:
                self.calls[space].approved = True
                self.publish(space[0], space[1], row, self.named_by(row), by=row.value["by"])
            return bool(spaces)
        if not row.is_declaration or row.present == "rejected" or not self.rules.require_approval:
            return False
        space = (row.value["election_id"], row.is_test)
        if space[0] not in self.references:
            return False
        control = Count(self.references[space[0]], self.ballots(*space)).control()
        return control is not None and control != self.calls.get(space, Call()).control

    def named_by(self, row):
        """The declaration that an action names, if it does."""
        if row.input.type != "OperatorAction":
            return None
        target = self.row_at(row.value["topic"], row.value["kafka_offset"])
        return target.value if target is not None and target.is_declaration else None

    def calls_waiting_for(self, position):
        if not self.rules.require_approval:
            return []
        return [space for space, call in self.calls.items()
                if call.control is not None and call.cause == position and not call.approved]

    # -- snapshots

    def publish(self, election_id, is_test, cause, subject, by=None, approved=False):
        """A snapshot if something changed. `subject`: the declaration it is about, or None."""
        if election_id not in self.references:
            return
        reference = self.references[election_id]
        space = (election_id, is_test)
        ballots = self.ballots(election_id, is_test)
        call = self.calls.get(space, Call())
        control = Count(reference, ballots).control()
        if control != call.control:
            call = Call() if control is None else Call(control, cause.input.received_at, cause.position, approved)
        new = snapshot_content(reference, ballots, self.ballots_held(election_id, is_test),
                               call.approved or not self.rules.require_approval)
        # Which ballots are still open does not matter: a reload may put one for another with no figure changed.
        contents = {b["ballot_paper_id"]: content(reference, d) for b, d in ballots if d is not None}
        old, old_contents, seq = self.latest.get(space, (None, None, 0))
        if (new, contents) == (old, old_contents):
            return
        self.calls[space] = call
        self.latest[space] = (new, contents, seq + 1)
        flashes = self.flashes(space, seq + 1, old, new, call)
        self.snapshots.append({
            **new, "is_test": is_test, "seq": seq + 1, "recorded_at": cause.input.received_at,
            "called_at": call.called_at, "cause": cause_of(cause, subject, by), "flashes": flashes})

    def flashes(self, space, seq, old, new, call):
        was = old or {"control": None, "previous_control_lost": False, "status": "awaiting"}
        flashes = []

        def say(kind):
            flashes.append({"kind": kind, "retracts": None})
            self.open_flashes[(*space, kind)] = seq

        def retract(kind, *retracted):
            for name in retracted:
                said = self.open_flashes.pop((*space, name), None)
                if said is not None and (not flashes or flashes[-1]["kind"] != kind):
                    flashes.append({"kind": kind, "retracts": {"seq": said, "kind": name}})

        if was["control"] is not None and was["control"] != new["control"]:
            retract("CALL_RETRACTED", "CALLED", "CALL_READY")
        if was["previous_control_lost"] and not new["previous_control_lost"]:
            retract("LOSS_RETRACTED", "CONTROL_LOST")
        if new["previous_control_lost"] and not was["previous_control_lost"]:
            say("CONTROL_LOST")
        if new["control"] is not None:
            if call.approved or not self.rules.require_approval:
                if (*space, "CALLED") not in self.open_flashes:
                    say("CALLED")
            elif was["control"] != new["control"]:
                say("CALL_READY")
        if new["status"] == "final" and was["status"] != "final" and not only_by_elections(self.references[space[0]]):
            say("FINAL")
        return flashes


def cause_of(row, subject, by):
    subject = subject or {}
    return {"record": row.input.type, "topic": row.input.topic, "partition": row.input.partition,
            "kafka_offset": row.input.offset, "lane_seq": row.lane_seq, "event_id": subject.get("event_id"),
            "ballot_paper_id": subject.get("ballot_paper_id"), "revision": subject.get("revision"), "by": by}


def run(inputs, rules=RuleBook()):
    lane = Lane(rules)
    for record in inputs:
        lane.apply(record)
    return {"rows": [{"lane_seq": r.lane_seq, "fate": r.fate, "reasons": r.reasons} for r in lane.rows],
            "changes": lane.changes, "snapshots": lane.snapshots}
