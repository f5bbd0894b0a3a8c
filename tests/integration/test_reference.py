#!/usr/bin/env python3
"""Reference data: late, incomplete, reloaded, wrong; and rehearsals beside the live night."""

import copy
import sys

sys.dont_write_bytecode = True

import support  # noqa: E402
from support import DESK, MEDWAY, REJECTED, content, equal, test  # noqa: E402

WARDS = support.medway_declarations()
LAST_WARD = WARDS[-1]["ballot_paper_id"]
# One candidate of the night stood for it.
HERITAGE, HERITAGE_WARDS = "PP12550", [w["ballot_paper_id"] for w in WARDS
                                       if any(c["party_id"] == "PP12550" for c in w["candidates"])]


def without_ballot(ballot_paper_id):
    """Medway's reference data as if that ward did not exist; sound by itself."""
    reference = support.medway_reference()
    (council,) = reference["councils"]
    left_out = next(b for b in council["ballots"] if b["ballot_paper_id"] == ballot_paper_id)
    council["ballots"].remove(left_out)
    council["seats_total"] -= left_out["seats"]
    return reference


def without_nominations():
    reference = support.medway_reference()
    for ballot in reference["councils"][0]["ballots"]:
        ballot["nominations"] = None
    return reference


def without_party(party_id):
    reference = without_nominations()
    reference["parties"] = [party for party in reference["parties"] if party["party_id"] != party_id]
    return reference


def rehearsed(ward, **changes):
    return dict(ward, is_test=True, **changes)


def fate_of(pipeline, ballot_paper_id, schema="api"):
    (row,) = pipeline.rows(f"SELECT fate, reasons FROM {schema}.declaration"
                           f" WHERE ballot_paper_id = '{ballot_paper_id}'")
    return row["fate"], row["reasons"]


# ---- declarations that know more than the reference data -------------------------------------------------

@test
def declarations_before_the_reference_wait_and_are_released_in_their_order(pipeline):
    pipeline.daemon()
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()
    equal(pipeline.rows("SELECT DISTINCT fate, reasons FROM api.ledger"),
          [{"fate": "held", "reasons": ["UNKNOWN_COUNCIL"]}], "fates before")
    equal(pipeline.history(MEDWAY), [], "snapshots before")
    pipeline.load(support.medway_reference())
    pipeline.wait_until_applied()
    equal(pipeline.fates(), {"accepted": 24}, "fates after")
    history = pipeline.history(MEDWAY)
    equal([row["cause"]["ballot_paper_id"] for row in history], [None] + [ward["ballot_paper_id"] for ward in WARDS],
          "causes")
    equal({row["cause"]["record"] for row in history}, {"declared.CouncilReference"}, "records that caused them")
    equal((history[0]["seq"], history[0]["status"]), (1, "awaiting"), "the reference's snapshot")
    equal(history[-1]["headline"], "LAB GAIN MEDWAY FROM CON", "headline")
    reference_at = pipeline.value(f"SELECT received_at FROM api.ledger WHERE topic = '{DESK}'")
    equal({row["recorded_at"] for row in history}, {reference_at}, "recorded_at of all snapshots")


@test
def the_ledger_keeps_the_first_fate_and_the_view_of_declarations_shows_the_present_one(pipeline):
    pipeline.daemon()
    pipeline.publish(WARDS[:2])
    pipeline.wait_until_applied()
    pipeline.load(support.medway_reference())
    pipeline.wait_until_applied()
    equal(pipeline.value("SELECT count(*) FROM api.ledger WHERE fate = 'held'"), 2, "held in the ledger")
    equal(pipeline.fates(), {"accepted": 2}, "present fates")


@test
def a_ballot_that_the_reference_lacks_waits_for_a_reload(pipeline):
    pipeline.load(without_ballot(LAST_WARD))
    pipeline.daemon()
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()
    equal(fate_of(pipeline, LAST_WARD), ("held", ["UNKNOWN_BALLOT"]), "fate before")
    equal(pipeline.control(MEDWAY)["status"], "final", "status without that ward")
    pipeline.load(support.medway_reference())
    pipeline.wait_until_applied()
    equal(fate_of(pipeline, LAST_WARD), ("accepted", []), "fate after")
    reloaded, final = pipeline.history(MEDWAY)[-2:]
    equal((reloaded["status"], reloaded["seats_total"], reloaded["cause"]["ballot_paper_id"]), ("called", 59, None),
          "the reload's own snapshot")
    equal((final["status"], final["majority"], final["cause"]["ballot_paper_id"]), ("final", 7, LAST_WARD), "the end")


@test
def a_party_that_the_reference_lacks_waits_for_a_reload(pipeline):
    pipeline.load(without_party(HERITAGE))
    pipeline.daemon()
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()
    assert HERITAGE_WARDS
    for ward in HERITAGE_WARDS:
        equal(fate_of(pipeline, ward), ("held", ["UNKNOWN_PARTY"]), "fate before")
    equal(pipeline.control(MEDWAY)["ballots_held"], len(HERITAGE_WARDS), "ballots_held")
    pipeline.load(support.medway_reference())
    pipeline.wait_until_applied()
    equal(pipeline.fates(), {"accepted": 24}, "fates after")
    final = pipeline.control(MEDWAY)
    equal((final["status"], final["ballots_held"], final["majority"]), ("final", 0, 7), "the end")


@test
def what_waited_is_known_to_a_daemon_that_was_started_later(pipeline):
    before = pipeline.daemon()
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()
    before.stop()
    pipeline.daemon()
    pipeline.load(support.medway_reference())
    pipeline.wait_until_applied()
    equal(pipeline.fates(), {"accepted": 24}, "fates")
    equal(pipeline.control(MEDWAY)["majority"], 7, "majority")


# ---- reloads ---------------------------------------------------------------------------------------------

@test
def a_reload_makes_a_snapshot_only_if_it_changes_what_follows(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.publish(WARDS[:3])
    pipeline.load(support.medway_reference())
    pipeline.wait_until_applied()
    equal(len(pipeline.history(MEDWAY)), 4, "snapshots after the same again")
    renamed = support.medway_reference()
    renamed["councils"][0]["short_name"] = "MEDWAY TOWNS"
    pipeline.load(renamed, by="the night editor")
    pipeline.wait_until_applied()
    newest = pipeline.control(MEDWAY)
    equal((newest["seq"], newest["short_name"], newest["cause"]["by"]), (5, "MEDWAY TOWNS", "the night editor"),
          "the snapshot of the reload")


@test
def a_reload_without_a_ballot_in_force_is_rejected_and_changes_nothing(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.publish(WARDS)
    pipeline.wait_until_applied()
    final = pipeline.control(MEDWAY)
    pipeline.load(without_ballot(LAST_WARD))
    pipeline.wait_until_applied()
    (row,) = pipeline.rows("SELECT reasons, detail, payload FROM api.ledger WHERE fate = 'rejected'")
    equal(row["reasons"], ["BAD_REFERENCE"], "reasons")
    assert LAST_WARD in row["detail"], row["detail"]
    equal(pipeline.control(MEDWAY), final, "the newest snapshot")
    (rejection,) = support.wait_for(lambda: pipeline.dump(REJECTED), "the rejection on its topic")
    equal("\\x" + rejection.value.hex(), row["payload"], "its value")
    equal((rejection.headers["declared.reason"], rejection.headers["declared.topic"]),
          (b"BAD_REFERENCE", DESK.encode()), "its headers")


# ---- rehearsals ------------------------------------------------------------------------------------------

@test
def a_rehearsal_is_seen_in_api_test_and_nowhere_in_api(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.publish([rehearsed(ward) for ward in WARDS])
    pipeline.wait_until_applied()
    equal(pipeline.control(MEDWAY, "api_test")["headline"], "LAB GAIN MEDWAY FROM CON", "headline of the rehearsal")
    equal(pipeline.fates("api_test"), {"accepted": 24}, "fates of the rehearsal")
    equal([row["status"] for row in pipeline.history(MEDWAY)], ["awaiting"], "live snapshots")
    equal(pipeline.fates(), {}, "live declarations")
    for view in ("ballot_result WHERE status <> 'awaiting'", "candidate_result", "flash", "declaration",
                 "party_totals WHERE seats_won > 0"):
        equal(pipeline.rows(f"SELECT * FROM api.{view}"), [], f"api.{view}")
    equal(pipeline.value("SELECT count(*) FROM api.ledger"), pipeline.value("SELECT count(*) FROM api_test.ledger"),
          "the ledger, whole in both")


@test
def a_rehearsal_and_the_live_night_do_not_meet(pipeline):
    swapped = copy.deepcopy(WARDS)
    for ward in swapped:  # in the rehearsal the Conservatives win what Labour won
        for candidate in ward["candidates"]:
            swap = {"joint-party:53-119": "PP52", "PP52": "joint-party:53-119"}
            candidate["party_id"] = swap.get(candidate["party_id"], candidate["party_id"])
    pipeline.load(without_nominations())
    pipeline.daemon()
    both = [one for live, test_ward in zip(WARDS, swapped) for one in (rehearsed(test_ward), live)]
    pipeline.publish(both)
    pipeline.wait_until_applied()
    live, trial = pipeline.control(MEDWAY), pipeline.control(MEDWAY, "api_test")
    equal((live["control"], live["seats"][0]["held"], live["seq"]), ("PP53", 33, 25), "live")
    equal((trial["control"], trial["seats"][0]["held"]), ("PP52", 33), "the rehearsal")
    assert content(live) != content(trial)
    equal((pipeline.fates(), pipeline.fates("api_test")), ({"accepted": 24}, {"accepted": 24}), "fates of both")


if __name__ == "__main__":
    support.main()
