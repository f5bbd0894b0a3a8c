package peer;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** The rules of declared, and what they make of a declaration. */
final class Rules {
    record Judgement(String fate, List<String> reasons, String detail) {
    }

    private static final Set<String> WARNINGS =
            Set.of("SOURCES_DIFFER_VOTES", "TURNOUT_UNLIKELY", "VOTES_EXCEED_PAPERS (warning)");
    private static final Pattern UUID = Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
    private static final long MS_END_OF_9999 = 253402300799999L;

    private final List<String> found = new ArrayList<>();
    private final List<String> details = new ArrayList<>();

    private Rules() {
    }

    private void add(String rule, String detail) {
        found.add(rule);
        details.add(detail);
    }

    private Judgement judgement(String fate) {
        TreeSet<String> reasons = new TreeSet<>();
        found.forEach(rule -> reasons.add(rule.replace(" (warning)", "")));
        return new Judgement(fate, List.copyOf(reasons), details.isEmpty() ? null : String.join("; ", details));
    }

    /** Of the record as it came; null: nothing is wrong. */
    static Judgement checkRecord(Declaration d, String key, int keyPartition, int partition) {
        Rules rules = new Rules();
        rules.checkValues(d);
        if (rules.found.isEmpty()) {
            rules.checkIdentity(d, key, keyPartition, partition);
        }
        return rules.found.isEmpty() ? null : rules.judgement("rejected");
    }

    private static boolean isId(String id) {
        return !id.isEmpty() && id.length() <= 256;
    }

    private static boolean negative(Integer count) {
        return count != null && count < 0;
    }

    private void checkValues(Declaration d) {
        boolean good = UUID.matcher(d.eventId).matches() && isId(d.electionId) && isId(d.ballotId) && isId(d.councilId)
                && d.revision >= 1 && d.seats >= 1 && !negative(d.electorate) && !negative(d.papers)
                && !negative(d.rejectedPapers) && d.declaredAt >= 0 && d.declaredAt <= MS_END_OF_9999
                && d.reportedAt >= 0 && d.reportedAt <= MS_END_OF_9999;
        for (Declaration.Candidate c : d.candidates) {
            good &= isId(c.id()) && isId(c.partyId()) && !negative(c.votes());
        }
        if (!good) {
            add("BAD_VALUE", "a value is not allowed");
        }
    }

    private void checkIdentity(Declaration d, String key, int keyPartition, int partition) {
        if (!d.councilId.equals(key)) {
            add("KEY_MISMATCH", "the key is another one");
        }
        if (key != null && keyPartition != partition) {
            add("WRONG_PARTITION", "the key belongs to partition " + keyPartition);
        }
        String[] election = d.electionId.split("\\."), ballot = d.ballotId.split("\\.");
        if (election.length != 3 || ballot.length < 4 || ballot.length > 5 || !election[0].equals(ballot[0])
                || !election[1].equals(ballot[1]) || !election[2].equals(ballot[ballot.length - 1])) {
            add("ID_MISMATCH", "election and ballot differ");
        }
    }

    static Judgement judge(Council council, Space.Ballot ballot, Declaration d) {
        for (Declaration other : ballot.entries) {
            boolean same =
                    other.eventId.equals(d.eventId) || (other.source.equals(d.source) && other.revision == d.revision);
            if (same && !other.fate.equals("rejected") && other.sameContent(d)) {
                return new Judgement("duplicate", List.of(), "of offset " + other.offset);
            }
        }
        if (council == null || !council.councilId.equals(d.councilId)) {
            return new Judgement("held", List.of("UNKNOWN_COUNCIL"), "no reference data for " + d.electionId);
        }
        Rules rules = new Rules();
        Declaration newest = ballot.newestOf(d.source), current = ballot.inForce;
        rules.checkDeclaration(council, ballot.contest, d);
        rules.checkHistory(ballot, d, newest);
        if (!WARNINGS.containsAll(rules.found)) {
            return rules.judgement("held");
        }
        if (newest != null && d.revision < newest.revision) {
            return rules.judgement("superseded");
        }
        boolean corroborates = current != null && !current.source.equals(d.source) && !d.withdrawn();
        return rules.judgement(corroborates ? "corroborated" : "accepted");
    }

    private void checkDeclaration(Council council, Council.Contest contest, Declaration d) {
        if (contest == null) {
            add("UNKNOWN_BALLOT", "no ballot " + d.ballotId);
        } else if (contest.seats() != d.seats) {
            add("SEATS_MISMATCH", d.seats + " seats, " + contest.seats() + " in the reference data");
        }
        if (!d.kind.equals("DECLARED") && !d.kind.equals("CORRECTED")) {
            return;
        }
        Set<String> ids = new HashSet<>(), names = new HashSet<>();
        int[] standing = new int[council.parties.size()];
        boolean known = true, nominated = true;
        for (Declaration.Candidate c : d.candidates) {
            ids.add(c.id());
            names.add((c.party() < 0 ? c.partyId() : c.party()) + "\0" + c.name());
            known &= c.party() >= 0;
            if (c.party() >= 0) {
                standing[c.party()]++;
            }
        }
        for (int p = 0; contest != null && contest.nominations() != null && p < standing.length; p++) {
            nominated &= standing[p] <= contest.nominations()[p];
        }
        if (!known) {
            add("UNKNOWN_PARTY", "a candidate's party is not known");
        }
        if (ids.size() < d.candidates.size() || names.size() < d.candidates.size()) {
            add("DUPLICATE_CANDIDATE", "a candidate appears twice");
        }
        if (!nominated || (!known && contest != null && contest.nominations() != null)) {
            add("NOT_NOMINATED", "a party has more candidates than it nominated");
        }
        checkVotes(council, contest, d);
        if (!d.uncontested && d.declaredAt < council.closeMs) {
            add("DECLARED_BEFORE_CLOSE", "declared before 22:00 in London on poll day");
        }
    }

    private void checkVotes(Council council, Council.Contest contest, Declaration d) {
        long sum = 0, highest = 0, elected = 0, worstIn = -1, bestOut = -1;
        boolean lot = false;
        for (Declaration.Candidate c : d.candidates) {
            elected += c.elected() ? 1 : 0;
            if (c.votes() == null) {
                continue;
            }
            sum += c.votes();
            highest = Math.max(highest, c.votes());
            if (c.elected()) {
                worstIn = worstIn < 0 ? c.votes() : Math.min(worstIn, c.votes());
            } else {
                bestOut = Math.max(bestOut, c.votes());
            }
        }
        for (Declaration.Candidate c : d.candidates) {
            lot |= c.elected() && c.byLot() && c.votes() != null && c.votes() == worstIn;
        }
        if (elected > d.seats) {
            add("TOO_MANY_ELECTED", elected + " elected to " + d.seats + " seats");
        }
        if (elected < Math.min(d.seats, d.candidates.size())) {
            add("TOO_FEW_ELECTED", elected + " elected to " + d.seats + " seats");
        }
        boolean allKnown = d.allVotesKnown();
        if (!council.stv && allKnown && worstIn >= 0 && bestOut >= 0) {
            if (worstIn < bestOut) {
                add("ELECTED_NOT_TOP", "elected with " + worstIn + ", not elected with " + bestOut);
            } else if (worstIn == bestOut && !lot) {
                add("TIE_WITHOUT_LOT", worstIn + " votes both in and out");
            }
        }
        if (d.papers != null) {
            long valid = d.papers - (d.rejectedPapers == null ? 0 : d.rejectedPapers);
            long excess = sum - (council.stv ? 1 : d.seats) * valid;
            boolean tooHigh = highest > valid;
            boolean decides =
                    elected < d.candidates.size() && (elected == 0 || !allKnown || excess >= worstIn - bestOut);
            if (excess > 0 || tooHigh) {
                add(tooHigh || decides ? "VOTES_EXCEED_PAPERS" : "VOTES_EXCEED_PAPERS (warning)", sum + " votes");
            }
        }
        Integer electorate = d.electorate != null ? d.electorate : contest == null ? null : contest.electorate();
        if (electorate != null && d.papers != null) {
            if (d.papers > electorate) {
                add("PAPERS_EXCEED_ELECTORATE", d.papers + " papers, " + electorate + " electors");
            }
            if (d.papers * 100L < electorate * 5L || d.papers * 100L > electorate * 90L) {
                add("TURNOUT_UNLIKELY", d.papers + " papers, " + electorate + " electors");
            }
        }
    }

    private void checkHistory(Space.Ballot ballot, Declaration d, Declaration newest) {
        for (Declaration other : ballot.entries) {
            if (!other.fate.equals("rejected") && other.source.equals(d.source) && other.revision == d.revision) {
                add("CONFLICTING_REVISION",
                        "offset " + other.offset + " has other content under revision " + d.revision);
                break;
            }
        }
        if (newest != null && d.revision < newest.revision && d.reportedAt > newest.reportedAt) {
            add("STALE_REVISION", "revision " + d.revision + " was reported after revision " + newest.revision);
        }
        Declaration current = ballot.inForce;
        if (current == null || current.source.equals(d.source) || d.withdrawn()) {
            return;
        }
        if (!current.sameWinners(d)) {
            add("SOURCES_DIFFER_WINNERS", current.source + " is in force with other winners");
        }
        if (current.votesDiffer(d)) {
            add("SOURCES_DIFFER_VOTES", current.source + " is in force with other votes");
        }
    }
}
