package peer;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.avro.generic.GenericRecord;

/** A declaration in its ballot, and what became of it. */
final class Declaration {
    record Candidate(String id, String name, String partyId, String description, Integer votes, boolean elected,
            boolean byLot, int party) {
    }

    private record Content(String kind, int seats, Integer papers, Integer rejected, Set<List<Object>> candidates) {
    }

    final String eventId, electionId, ballotId, councilId, wardName, kind, basis, source;
    final int revision, seats;
    final Integer electorate, papers, rejectedPapers;
    final long declaredAt, reportedAt, offset;
    final boolean isTest, uncontested;
    final List<Candidate> candidates = new ArrayList<>();
    String fate;
    private Content content;

    Declaration(GenericRecord r, long offset) {
        this.offset = offset;
        eventId = Council.text(r, "event_id");
        electionId = Council.text(r, "election_id");
        ballotId = Council.text(r, "ballot_paper_id");
        councilId = Council.text(r, "council_id");
        wardName = Council.text(r, "ward_name");
        kind = Council.text(r, "kind");
        basis = Council.text(r, "basis");
        source = Council.text(r, "source");
        revision = (Integer) r.get("revision");
        seats = (Integer) r.get("seats");
        electorate = (Integer) r.get("electorate");
        papers = (Integer) r.get("ballot_papers");
        rejectedPapers = (Integer) r.get("rejected_papers");
        declaredAt = (Long) r.get("declared_at");
        reportedAt = (Long) r.get("reported_at");
        isTest = (Boolean) r.get("is_test");
        uncontested = (Boolean) r.get("uncontested");
        for (Object item : (List<?>) r.get("candidates")) {
            GenericRecord c = (GenericRecord) item;
            candidates.add(new Candidate(Council.text(c, "candidate_id"), Council.text(c, "name"),
                    Council.text(c, "party_id"), Council.text(c, "description"), (Integer) c.get("votes"),
                    (Boolean) c.get("elected"), (Boolean) c.get("elected_by_lot"), -1));
        }
    }

    /** Folds the parties; -1 where one is not known. */
    void resolve(Council council) {
        if (council != null) {
            candidates.replaceAll(c
                    -> new Candidate(c.id, c.name, c.partyId, c.description, c.votes, c.elected, c.byLot,
                            council.fold.getOrDefault(c.partyId, -1)));
        }
        content = new Content(kind, seats, papers, rejectedPapers,
                candidates.stream()
                        .<List<Object>>map(c -> {
                            List<Object> one = new ArrayList<>(5);
                            one.add(c.party < 0 ? c.partyId : (Object) c.party);
                            one.add(c.name);
                            one.add(c.votes);
                            one.add(c.elected);
                            one.add(c.byLot);
                            return one;
                        })
                        .collect(Collectors.toSet()));
    }

    boolean stands() {
        return fate.equals("accepted") || fate.equals("corroborated") || fate.equals("superseded");
    }

    boolean postponed() {
        return kind.equals("POSTPONED");
    }

    boolean withdrawn() {
        return kind.equals("WITHDRAWN");
    }

    boolean sameContent(Declaration other) {
        return Objects.equals(content, other.content);
    }

    boolean sameWinners(Declaration other) {
        return postponed() == other.postponed() && winners().boxed().toList().equals(other.winners().boxed().toList());
    }

    private IntStream winners() {
        return postponed() ? IntStream.empty()
                           : candidates.stream().filter(Candidate::elected).mapToInt(Candidate::party).sorted();
    }

    /** Both know all votes, and a party has others. */
    boolean votesDiffer(Declaration other) {
        if (postponed() || other.postponed() || !allVotesKnown() || !other.allVotesKnown()) {
            return false;
        }
        return !partyVotes().equals(other.partyVotes());
    }

    boolean allVotesKnown() {
        return candidates.stream().allMatch(c -> c.votes != null);
    }

    private List<String> partyVotes() {
        return candidates.stream().map(c -> c.party + ":" + c.votes).sorted().toList();
    }
}
