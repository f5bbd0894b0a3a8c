package peer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The live night of an election, or its rehearsal: what stands, and who controls the council. */
final class Space {
    static final JsonFactory JSON = new JsonFactory();

    static final class Ballot {
        Council.Contest contest;
        final List<Declaration> entries = new ArrayList<>();
        Declaration inForce;

        Declaration newestOf(String source) {
            Declaration best = null;
            for (Declaration d : entries) {
                if (d.source.equals(source) && d.stands() && (best == null || d.revision > best.revision)) {
                    best = d;
                }
            }
            return best;
        }

        Declaration findInForce() {
            return entries.stream()
                    .filter(d -> d.stands() && !d.withdrawn() && newestOf(d.source) == d)
                    .min(Comparator.<Declaration>comparingLong(d -> d.declaredAt).thenComparing(d -> d.source))
                    .orElse(null);
        }
    }

    /** What a snapshot says. */
    record Standing(String status, String control, String outcome, String gainedFrom, String previous,
            boolean previousLost, Integer majority, Integer majorityAtLeast, String largest, int seatsDeclared,
            int seatsToCome, int seatsPostponed, int ballotsDeclared, int ballotsPostponed, int ballotsHeld,
            boolean votesComplete, String seats) {
    }

    Council council;
    final Map<String, Ballot> ballots = new HashMap<>();
    final Set<String> held = new HashSet<>();
    int seq;
    Standing said;
    Instant calledAt;

    // Sums over the ballots, kept up to date ballot by ballot.
    private int[] won, votesKnown, listed, reach, sure, defended, postponedDefence;
    private long[] votes;
    private int open, declared, postponed, seatsToCome, seatsDeclared, seatsPostponed, openToAll, votesUnknown,
            defendingKnown, postponedDefenceUnknown;

    void setCouncil(Council council) {
        this.council = council;
        int n = council.parties.size();
        won = new int[n];
        votesKnown = new int[n];
        listed = new int[n];
        reach = new int[n];
        sure = new int[n];
        defended = new int[n];
        postponedDefence = new int[n];
        votes = new long[n];
        for (Council.Contest contest : council.contestList) {
            ballot(contest.id()).contest = contest;
            count(contest, null, 1);
        }
    }

    Ballot ballot(String id) {
        return ballots.computeIfAbsent(id, key -> {
            Ballot ballot = new Ballot();
            ballot.contest = council == null ? null : council.contests.get(id);
            return ballot;
        });
    }

    private void count(Council.Contest contest, Declaration d, int sign) {
        if (d == null) {
            countOpen(contest, sign);
        } else if (d.postponed()) {
            postponed += sign;
            seatsPostponed += sign * contest.seats();
            openToAll += sign * contest.seats();
            postponedDefenceUnknown += contest.defending() == null ? sign : 0;
            addAll(postponedDefence, contest.defending(), sign);
        } else {
            countDeclared(contest, d, sign);
        }
    }

    private void countOpen(Council.Contest contest, int sign) {
        open += sign;
        seatsToCome += sign * contest.seats();
        if (contest.nominations() == null) {
            openToAll += sign * contest.seats();
            return;
        }
        int total = 0;
        for (int count : contest.nominations()) {
            total += count;
        }
        for (int p = 0; p < reach.length; p++) {
            reach[p] += sign * Math.min(contest.seats(), contest.nominations()[p]);
            sure[p] += total <= contest.seats() ? sign * contest.nominations()[p] : 0;
        }
    }

    private void countDeclared(Council.Contest contest, Declaration d, int sign) {
        declared += sign;
        seatsDeclared += sign * contest.seats();
        defendingKnown += contest.defending() != null ? sign : 0;
        addAll(defended, contest.defending(), sign);
        for (Declaration.Candidate c : d.candidates) {
            listed[c.party()] += sign;
            won[c.party()] += c.elected() ? sign : 0;
            if (c.votes() != null) {
                votes[c.party()] += (long) sign * c.votes();
                votesKnown[c.party()] += sign;
            } else if (!d.uncontested) {
                votesUnknown += sign;
            }
            if (contest.defending() == null && c.elected()) {
                defended[c.party()] += sign;
            }
        }
    }

    private static void addAll(int[] sums, int[] counts, int sign) {
        for (int p = 0; counts != null && p < counts.length; p++) {
            sums[p] += sign * counts[p];
        }
    }

    /** Brings the ballot in force up to its entries; true where another entry, or none, is in force now. */
    boolean settle(Ballot ballot) {
        Declaration now = ballot.findInForce();
        if (now == ballot.inForce || ballot.contest == null) {
            return false;
        }
        count(ballot.contest, ballot.inForce, -1);
        count(ballot.contest, now, 1);
        ballot.inForce = now;
        return true;
    }

    private int heldBy(int party) {
        return council.parties.get(party).continuing() + won[party];
    }

    private String decideControl() {
        boolean inReach = openToAll >= council.threshold;
        for (int p = 0; p < won.length; p++) {
            if (council.parties.get(p).bloc()) {
                if (heldBy(p) + sure[p] >= council.threshold) {
                    return council.parties.get(p).id();
                }
                inReach |= heldBy(p) + reach[p] + openToAll >= council.threshold;
            }
        }
        return inReach ? null : "NOC";
    }

    private String decideOutcome(String control) {
        if (control == null || (council.previous == null && !council.newCouncil)) {
            return null;
        }
        if (council.newCouncil) {
            return "NEW";
        }
        boolean noc = control.equals("NOC");
        return control.equals(council.previous) ? (noc ? "NO CHANGE" : "HOLD") : noc ? "LOSS" : "GAIN";
    }

    private String decideStatus(String control) {
        return declared + postponed == 0 ? "awaiting"
                : open == 0              ? "final"
                : control == null        ? "in_progress"
                                         : "called";
    }

    private String findLargest() {
        int most = 0;
        String largest = null;
        for (int p = 0; p < won.length; p++) {
            if (council.parties.get(p).bloc() && heldBy(p) > 0 && heldBy(p) >= most) {
                largest = heldBy(p) == most ? null : council.parties.get(p).id();
                most = heldBy(p);
            }
        }
        return largest;
    }

    Standing decide() {
        String control = council.counted ? decideControl() : null, status = decideStatus(control);
        control = status.equals("awaiting") ? null : control;
        String outcome = decideOutcome(control);
        Integer before = council.previous == null ? null : council.fold.get(council.previous);
        boolean lost = council.counted && !status.equals("awaiting") && before != null
                && heldBy(before) + reach[before] + openToAll < council.threshold;
        Integer winner = control == null ? null : council.fold.get(control), majority = null, atLeast = null;
        if (winner != null) {
            atLeast = 2 * (heldBy(winner) + sure[winner]) - council.seatsTotal;
            majority = status.equals("final") ? 2 * heldBy(winner) - council.seatsTotal : null;
        }
        return new Standing(status, control, outcome, "GAIN".equals(outcome) ? council.previous : null,
                council.previous, lost, majority, atLeast, findLargest(), seatsDeclared, seatsToCome, seatsPostponed,
                declared, postponed, held.size(), status.equals("final") && votesUnknown == 0, seatsJson(status));
    }

    private Integer change(int party, String status) {
        if (status.equals("final")) {
            return !council.baselineKnown || postponedDefenceUnknown > 0
                    ? null
                    : heldBy(party) + postponedDefence[party] - council.parties.get(party).baseline();
        }
        return status.equals("awaiting") || defendingKnown == 0 ? null : won[party] - defended[party];
    }

    /** As the database keeps them: place in the list of parties, held, won, continuing, change, votes. */
    private String seatsJson(String status) {
        List<Integer> lines = new ArrayList<>();
        for (int p = 0; p < won.length; p++) {
            if (listed[p] > 0 || heldBy(p) > 0 || council.parties.get(p).baseline() > 0) {
                lines.add(p);
            }
        }
        lines.sort(Comparator.<Integer>comparingInt(p -> -heldBy(p))
                           .thenComparingInt(p -> -won[p])
                           .thenComparingLong(p -> votesKnown[p] == 0 ? Long.MAX_VALUE : -votes[p])
                           .thenComparing(p -> council.parties.get(p).id()));
        return json(json -> {
            json.writeStartArray();
            for (int p : lines) {
                json.writeStartArray();
                json.writeNumber(p);
                json.writeNumber(heldBy(p));
                json.writeNumber(won[p]);
                json.writeNumber(council.parties.get(p).continuing());
                json.writeObject(change(p, status));
                json.writeObject(votesKnown[p] == 0 ? null : votes[p]);
                json.writeEndArray();
            }
            json.writeEndArray();
        });
    }

    interface JsonBody {
        void write(JsonGenerator json) throws IOException;
    }

    static String json(JsonBody body) {
        StringWriter text = new StringWriter(512);
        try (JsonGenerator json = JSON.createGenerator(text)) {
            body.write(json);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return text.toString();
    }
}
