#!/usr/bin/env python3
"""The page in Chromium, on a night that the daemon and the gateway play: what changes by itself, what keys do,
what a screen reader is told, and that names are text."""

import contextlib
import copy
import json
import os
import shutil
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True

import support  # noqa: E402
from gateway_support import Gateway, Reader, gateway  # noqa: E402
from support import MEDWAY, ROOT, equal, run, test, wait_for, without_topics  # noqa: E402

WARDS = support.medway_declarations()
WATLING, WAYFIELD = "local.medway.watling.2023-05-04", "local.medway.wayfield-and-weeds-wood.2023-05-04"
COUNCIL = f"/#/council/{MEDWAY}"
WALL, PHONE, NARROW = ({"width": w, "height": h} for w, h in ((1920, 1080), (390, 844), (320, 640)))
PATIENCE_S = 60
WEIGHTY = ("serious", "critical")  # of axe's findings


# ---- the browser -----------------------------------------------------------------------------------------

def browser_packages():
    """playwright-core and axe-core as package-lock.json pins them, once for each lock file."""
    source, target = os.path.join(ROOT, "tests", "browser"), os.path.join(ROOT, "build", "browser-tests")
    lock = os.path.join(source, "package-lock.json")
    with open(lock, encoding="utf-8") as file:
        wanted = file.read()
    stamp = os.path.join(target, "installed")
    if not os.path.exists(stamp) or open(stamp, encoding="utf-8").read() != wanted:
        assert shutil.which("npm"), "no npm; deploy/packages page installs it"
        os.makedirs(target, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(source, name), target)
        run(["npm", "ci", "--prefix", target, "--no-audit", "--no-fund"], dict(os.environ), timeout=300)
        shutil.copy(lock, stamp)
    return os.path.join(target, "node_modules")


class Browser:
    """Chromium behind tests/browser/driver.mjs, started by the first test that needs it."""

    process = None

    def command(self, *words):
        if self.process is None:
            chromium = shutil.which("chromium")
            assert chromium, "no chromium; deploy/packages browser installs it"
            self.process = subprocess.Popen(
                ["node", os.path.join(ROOT, "tests", "browser", "driver.mjs"), browser_packages(), chromium],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the browser has ended"
        answer = json.loads(line)
        assert "error" not in answer, f"{words[0]} {words[1:]}: {answer['error']}"
        return answer["value"]

    def __getattr__(self, name):
        return lambda *words: self.command(name, *words)

    def open_page(self, server, path="/", size=WALL, scheme="dark"):
        self.open(server.address + path, {"viewport": size, "colorScheme": scheme, "reducedMotion": "reduce"})
        self.run("window.loadedOnce = true")

    def go(self, path):
        """Another place of the same page, as a link would."""
        self.run(f"location.hash = {json.dumps(path.removeprefix('/'))}")

    def shows(self, selector, text):
        """Waits until an element of those says so."""
        seen = []

        def said():
            seen[:] = self.texts(selector)
            return any(text in one for one in seen)
        try:
            wait_for(said, f"'{text}' in {selector}", PATIENCE_S)
        except AssertionError as problem:
            raise AssertionError(f"{problem}, but {seen[:8]}; the page complains: {self.noise()}") from None

    def has_not_been_reloaded(self):
        assert self.run("window.loadedOnce === true"), "the page was loaded anew"

    def is_clean(self):
        equal(self.noise(), [], "errors of the page, and what it fetched from elsewhere")


browser = Browser()


@contextlib.contextmanager
def night(pipeline, wards=0):
    """The Medway night so far, served."""
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.publish(WARDS[:wards])
    pipeline.wait_until_applied()
    with gateway(pipeline) as server:
        assert b'id="page"' in server.get("/").body, "the page is not built; cmake builds it where npm is there"
        yield server


def seats():
    """What the council's table says: {"LAB": "33", ...}."""
    names, numbers = browser.texts(".seats-table tbody th"), browser.texts(".seats-table .large")
    return {name.strip(): number for name, number in zip(names, numbers) if number != "0"}


def corrected(ballot, elect):
    """A second revision of a ward: the named candidate takes the seat of the last elected, with the votes for it."""
    ward = copy.deepcopy(next(w for w in WARDS if w["ballot_paper_id"] == ballot))
    ward.update(kind="CORRECTED", revision=2, basis="TRANSCRIPTION_FIX", event_id=str(uuid.uuid4()),
                reported_at="2023-05-05T04:00:00Z")
    out = min((c for c in ward["candidates"] if c["elected"]), key=lambda c: c["votes"])
    into = next(c for c in ward["candidates"] if elect(c) and not c["elected"])
    out["elected"], into["elected"] = False, True
    out["votes"], into["votes"] = into["votes"], out["votes"]
    return ward, out, into


# ---- the night, by itself --------------------------------------------------------------------------------

@test
def the_council_changes_by_itself_from_the_first_ward_to_a_correction(pipeline):
    with night(pipeline) as server:
        browser.open_page(server, COUNCIL)
        browser.shows(".link", "Live")
        browser.shows(".progress", "0 of 59 declared, 30 needed")
        pipeline.publish(WARDS[:13])
        browser.shows(".progress", "31 of 59 declared, 30 needed")
        assert "28 to come" in browser.attribute(".half-circle", "aria-label")
        pipeline.publish(WARDS[13:21])
        browser.shows(".headline", "CON LOSE CONTROL OF MEDWAY")
        browser.shows("#announcer", "Control lost: CON LOSE CONTROL OF MEDWAY")
        pipeline.publish(WARDS[21:23])
        browser.shows(".headline", "LAB GAIN MEDWAY FROM CON")
        browser.shows(".status", "Called")
        pipeline.publish(WARDS[23:])
        browser.shows(".standing", "LAB control, majority 7")
        equal(seats(), {"LAB": "33", "CON": "22", "IND": "4"}, "seats")
        browser.shows("#announcer", "Final")
        ward, out, into = corrected(WAYFIELD, lambda c: c["party_id"] == "PP52")
        pipeline.publish([ward])
        browser.shows(".standing", "LAB control, majority 5")
        equal(seats(), {"LAB": "32", "CON": "23", "IND": "4"}, "seats after the correction")
        browser.shows(".wards-table tr", into["name"])
        assert not any(out["name"] in one for one in browser.texts(".winners")), "the corrected winner is still there"
        browser.has_not_been_reloaded()
        browser.is_clean()


@test
def the_night_shows_flashes_filters_and_the_same_totals_as_the_interface(pipeline):
    by_election = {
        "council_id": "dc:byland", "name": "Byland", "election_id": "local.byland.2023-05-04", "seats_total": 40,
        "previous_control": {"party_id": "PP52"}, "continuing": {"PP52": 39}, "ballots": [
            {"ballot_paper_id": "local.byland.north.by.2023-05-04", "ward_name": "North", "seats": 1}]}
    pipeline.load(dict(support.medway_reference(), councils=[by_election]))
    with night(pipeline, 20) as server:
        browser.open_page(server)
        browser.shows(".card", "By-elections alone: control is not at stake")
        browser.shows(".card .progress", "49 of 59 declared, 30 needed")
        browser.shows(".ticker", "No flash yet")
        pipeline.publish(WARDS[20:])
        browser.shows(".ticker li:nth-child(1)", "FINAL")
        browser.shows(".card .headline", "LAB GAIN MEDWAY")
        browser.shows("#announcer", "Final")
        texts = browser.texts(".ticker li")
        assert [t.split("\n")[0].split(" ", 1)[1] for t in texts] == ["Final", "Called", "Control lost"], texts
        for row in server.json("/v1/totals?by=party"):
            if row["seats_held"] or row["councils"]:
                (line,) = [t for t in browser.texts(".totals tbody tr") if t.startswith(row["short"])]
                change = f"{row['seats_change']:+d}".replace("-", "−").replace("+0", "0")
                equal(line.split()[-4::3], [str(row["councils"]), change], f"councils and change of {row['short']}")
                assert str(row["seats_held"]) in line.split(), line
        browser.shows(".tally", "1 of 1 council called")
        browser.click("input[value=held]")
        browser.shows(".councils", "No council is like this")
        browser.click("input[value=gains]")
        browser.shows(".card h3", "Medway")
        browser.focus("input[type=search]")
        browser.type("nowhere")
        browser.shows(".councils", "No council is like this")
        browser.has_not_been_reloaded()
        browser.is_clean()


@test
def the_slider_goes_back_to_31_of_59_and_returns_to_now(pipeline):
    with night(pipeline, 24) as server:
        browser.open_page(server, COUNCIL)
        browser.shows(".standing", "LAB control, majority 7")
        browser.shows(".wards-table tbody tr", "Watling")
        # What the page shows is not the history yet, and until that has come the slider stands at its beginning.
        wait_for(lambda: browser.attribute("#slider", "max") == "24", "the night's history in the slider")
        browser.focus("#slider")
        browser.press("Home")
        browser.shows(".progress", "0 of 59 declared, 30 needed")
        for _ in range(13):
            browser.press("ArrowRight")
        browser.shows(".progress", "31 of 59 declared, 30 needed")
        browser.shows(".slider output", "31 of 59 declared")
        assert "31 of 59 declared" in browser.attribute("#slider", "aria-valuetext")
        equal(seats(), {"LAB": "14", "CON": "13", "IND": "4"}, "seats after 13 wards")
        equal(len(browser.texts(".wards-table tr.awaiting")), 11, "wards to come")
        address = browser.run("location.hash")
        browser.press("Tab")
        browser.press("Enter")
        browser.shows(".slider output", "Now")
        browser.shows(".progress", "59 of 59 declared, 30 needed")
        # The same moment by its address, of the whole night too.
        browser.open_page(server, "/" + address)
        browser.shows(".progress", "31 of 59 declared, 30 needed")
        browser.go("/#/?" + address.partition("?")[2])
        browser.shows(".card .progress", "31 of 59 declared, 30 needed")
        browser.shows(".tally", "0 of 1 council called")
        browser.is_clean()


@test
def a_ballot_shows_every_record_with_fate_reason_source_offset_and_hash(pipeline):
    with night(pipeline, 24) as server:
        browser.open_page(server, f"/#/ballot/{WATLING}")
        browser.shows("h1", "Watling")
        ward, _, into = corrected(WATLING, lambda c: c["party_id"] == "PP52")
        wrong = dict(ward, revision=3, event_id=str(uuid.uuid4()), candidates=[dict(c) for c in ward["candidates"]])
        wrong["candidates"][0]["party_id"] = "PP99999"
        pipeline.publish([ward, wrong])
        pipeline.wait_until_applied()
        browser.shows(".records", "UNKNOWN_PARTY")
        browser.shows(".candidates .elected", into["name"])
        records = browser.texts(".record")
        rows = pipeline.rows(f"SELECT * FROM api.declaration WHERE ballot_paper_id = '{WATLING}' ORDER BY lane_seq")
        equal(len(records), 3, "records")
        for text, row in zip(records, rows):
            for part in (row["fate"], row["source"], f"{row['topic']} / {row['partition']} @ {row['kafka_offset']}",
                         row["entry_hash"][2:], row["prev_hash"][2:], *row["reasons"]):
                assert part in text, f"{part} is not in {text}"
        pipeline.decide("reject", f"{rows[2]['partition']}:{rows[2]['kafka_offset']}", note="<i>not a party</i>")
        browser.shows(".changes", "by desk: <i>not a party</i>")
        browser.has_not_been_reloaded()
        browser.is_clean()


@test
def the_board_follows_and_fits_the_screen(pipeline):
    with night(pipeline, 13) as server:
        browser.open_page(server, f"/board/{MEDWAY}")
        browser.shows(".board-progress", "31 of 59 declared, 30 needed")
        browser.shows(".board-wards li", "Rainham North")
        pipeline.publish(WARDS[13:])
        browser.shows(".board footer", "LAB GAIN MEDWAY FROM CON")
        browser.shows(".board-wards li", "Watling")
        browser.shows(".board-figures tr", "33")
        equal(browser.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"), [1920, 1080],
              "the board's size")
        browser.has_not_been_reloaded()
        browser.is_clean()


@test
def the_page_finds_its_way_back_after_the_gateway_was_away(pipeline):
    pipeline.load(support.medway_reference())
    pipeline.daemon()
    pipeline.wait_until_applied()
    reader = Reader(pipeline)
    env = dict(pipeline.env, DECLARED_POSTGRES_URI=reader.uri)
    first = Gateway(env)
    second = None
    try:
        browser.open_page(first, COUNCIL)
        browser.shows(".link", "Live")
        first.kill()
        browser.shows(".link", "Connection lost")
        pipeline.publish(WARDS)
        pipeline.wait_until_applied()
        second = Gateway(env, gateway__listen=f"127.0.0.1:{first.port}")
        browser.shows(".link", "Live")
        browser.shows(".headline", "LAB GAIN MEDWAY FROM CON")
        ward, _, _ = corrected(WAYFIELD, lambda c: c["party_id"] == "PP52")
        pipeline.publish([ward])
        browser.shows(".standing", "LAB control, majority 5")
        browser.has_not_been_reloaded()
    finally:
        first.kill()
        if second is not None:
            second.kill()
        reader.drop()


@test
def a_rehearsal_says_so_and_never_shows_on_the_live_page(pipeline):
    with night(pipeline, 1) as server:
        pipeline.publish([dict(ward, is_test=True, event_id=str(uuid.uuid4())) for ward in WARDS])
        pipeline.wait_until_applied()
        for path, place in (("/?test=1", ".card"), (f"/board/{MEDWAY}?test=1", ".board")):
            browser.open_page(server, path)
            browser.shows(place, "59 of 59 declared")
            browser.shows(".rehearsal", "REHEARSAL")
            assert browser.run("document.title").startswith("REHEARSAL"), "the title"
        browser.open_page(server)
        browser.shows(".card", "1 of 59 declared")
        equal(browser.texts(".rehearsal"), [], "the live page")
        browser.is_clean()


# ---- names are text --------------------------------------------------------------------------------------

@test
def names_from_feeds_are_text_and_nothing_in_them_runs(pipeline):
    evil = "<img src=x onerror=\"window.harmed=1\"><script>window.harmed=1</script>&amp;"
    reference = support.medway_reference()
    council = reference["councils"][0]
    council["name"] = "Med" + evil
    council["ballots"][0]["ward_name"] = "All " + evil
    reference["parties"][2]["name"] = "Ind " + evil
    pipeline.load(reference)
    ward = copy.deepcopy(WARDS[0])
    for candidate in ward["candidates"]:
        candidate["name"] += evil
        candidate["description"] = "javascript:window.harmed=1 " + evil
    pipeline.daemon()
    pipeline.publish([dict(ward, source="agency " + evil)])
    pipeline.wait_until_applied()
    with gateway(pipeline) as server:
        for path, place in (("/", ".card h3"), (COUNCIL, "h1"), (f"/board/{MEDWAY}", "h1"),
                            (f"/#/ballot/{ward['ballot_paper_id']}", ".candidates th")):
            browser.open_page(server, path)
            browser.shows(place, evil)
            assert browser.run("window.harmed === undefined"), f"{path}: a name ran"
            equal(browser.run("document.querySelectorAll('#page img, #page script').length"), 0, "elements from names")
            browser.is_clean()


# ---- keys, readers, small screens ------------------------------------------------------------------------

VIEWS = (("/", ".card"), (COUNCIL, ".wards-table tbody tr"), (f"/#/ballot/{WATLING}", ".record"),
         (f"/board/{MEDWAY}", ".board-wards li"))


@test
def the_keyboard_reaches_everything_and_shows_where_it_is(pipeline):
    with night(pipeline, 24) as server:
        browser.open_page(server)
        browser.shows(".card", "Medway")
        browser.press("Tab")
        equal(browser.run("document.activeElement.textContent"), "Skip to the results", "the first stop")
        browser.press("Enter")
        equal(browser.run("document.activeElement.id"), "main", "where it leads")
        stops = []
        while (stop := browser.run("""(() => {
                const one = document.activeElement, style = getComputedStyle(one.closest('label') ?? one);
                const own = getComputedStyle(one);
                return [one.name || one.id || one.textContent || one.tagName,
                        style.outlineStyle !== 'none' || own.outlineStyle !== 'none'];
            })()""")) and stop[0] != "BODY" and len(stops) < 40:
            stops.append(stop)
            browser.press("Tab")
            if browser.run("document.activeElement === document.body"):
                break
        names = [name for name, _ in stops]
        assert all(seen for _, seen in stops[1:]), f"a stop that does not show: {stops}"
        for name in ("filter", "Medway", "slider"):
            assert name in names, f"{name} is not among {names}"
        browser.focus("input[name=filter]")
        browser.press("ArrowRight")
        browser.shows(".filters .chosen", "Called")
        browser.focus(".card a")
        browser.press("Enter")
        browser.shows("h1", "Medway")
        browser.focus(".wards-table a")
        browser.press("Enter")
        browser.shows("h1", "All Saints")
        browser.is_clean()


@test
def axe_finds_nothing_serious_on_any_view_light_or_dark(pipeline):
    with night(pipeline, 22) as server:
        ward = dict(WARDS[22], seats=1)  # held: the ballot has three
        pipeline.publish([ward])
        pipeline.wait_until_applied()
        for scheme in ("light", "dark"):
            for path, place in VIEWS:
                browser.open_page(server, path, scheme=scheme)
                browser.shows(place, "")
                found = [f for f in browser.axe() if f["impact"] in WEIGHTY]
                equal(found, [], f"axe on {path}, {scheme}")
        browser.open_page(server, "/?test=1")
        browser.shows(".rehearsal", "REHEARSAL")
        equal([f for f in browser.axe() if f["impact"] in WEIGHTY], [], "axe on a rehearsal")


@test
def nothing_scrolls_sideways_down_to_320_pixels(pipeline):
    with night(pipeline, 24) as server:
        for size in (WALL, PHONE, NARROW):
            for path, place in VIEWS:
                browser.open_page(server, path, size)
                browser.shows(place, "")
                equal(browser.run("document.documentElement.scrollWidth"), size["width"], f"the width of {path}")


@test
@without_topics
def light_and_dark_are_the_systems_until_somebody_chooses(pipeline):
    with gateway(pipeline) as server:
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        grounds = {}
        for scheme in ("light", "dark"):
            browser.open_page(server, scheme=scheme)
            browser.shows(".councils", "No council is loaded yet")
            grounds[scheme] = browser.run(ground)
        assert grounds["light"] != grounds["dark"], grounds
        browser.run("""(() => { const choice = document.querySelector('.theme select');
                       choice.value = 'light'; choice.dispatchEvent(new Event('change', {bubbles: true})); })()""")
        equal(browser.run(ground), grounds["light"], "light, chosen on a dark system")
        browser.goto(server.address + "/")
        browser.shows(".councils", "No council is loaded yet")
        equal(browser.run(ground), grounds["light"], "light, after a reload")


if __name__ == "__main__":
    support.main()
