package peer;

import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.generic.GenericRecord;

/** Reference data of one council, with parties folded and numbered. */
final class Council {
    record Party(String id, boolean bloc, int continuing, int baseline) {
    }

    /** What is known of a ballot. Counts are by party number; null: not known. */
    record Contest(String id, String wardName, int seats, Integer electorate, int[] nominations, int[] defending) {
    }

    final GenericRecord reference;
    final String councilId, shortName;
    final List<Party> parties = new ArrayList<>();
    final Map<String, Integer> fold = new HashMap<>();
    final Map<String, Contest> contests = new HashMap<>();
    final List<Contest> contestList = new ArrayList<>();
    final int seatsTotal, threshold;
    final boolean counted, stv, newCouncil, baselineKnown;
    final String previous; // a party, NOC, or null: not known
    final LocalDate pollDate;
    final long closeMs;

    @SuppressWarnings("unchecked")
    Council(GenericRecord r) {
        reference = r;
        councilId = text(r, "council_id");
        shortName = Optional.ofNullable(text(r, "short_name")).orElseGet(() -> text(r, "name").toUpperCase());
        List<GenericRecord> listed = (List<GenericRecord>) r.get("parties");
        for (int i = 0; i < listed.size(); i++) {
            fold.put(text(listed.get(i), "party_id"), i);
        }
        for (int i = 0; i < listed.size(); i++) {
            for (Object folded : (List<?>) listed.get(i).get("folds")) {
                fold.put(folded.toString(), i);
            }
        }
        int[] continuing = counts(r.get("continuing"), listed.size());
        GenericRecord baselineRecord = (GenericRecord) r.get("seat_baseline");
        baselineKnown = baselineRecord != null;
        int[] baseline = baselineKnown ? counts(baselineRecord.get("seats"), listed.size()) : new int[listed.size()];
        Map<String, Boolean> blocs = new HashMap<>();
        ((Map<?, ?>) r.get("blocs")).forEach((id, bloc) -> blocs.put(id.toString(), (Boolean) bloc));
        for (int i = 0; i < listed.size(); i++) {
            GenericRecord p = listed.get(i);
            String id = text(p, "party_id");
            boolean bloc = blocs.getOrDefault(
                    id, p.get("bloc") == null ? !id.equals("ynmp-party:2") : (Boolean) p.get("bloc"));
            parties.add(new Party(id, bloc, continuing[i], baseline[i]));
        }
        for (GenericRecord b : (List<GenericRecord>) r.get("ballots")) {
            Contest contest = new Contest(text(b, "ballot_paper_id"), text(b, "ward_name"), (Integer) b.get("seats"),
                    (Integer) b.get("electorate"),
                    b.get("nominations") == null ? null : counts(b.get("nominations"), parties.size()),
                    b.get("defending") == null ? null : counts(b.get("defending"), parties.size()));
            contests.put(contest.id, contest);
            contestList.add(contest);
        }
        counted = contestList.stream().anyMatch(contest -> !contest.id.contains(".by."));
        seatsTotal = (Integer) r.get("seats_total");
        threshold = seatsTotal / 2 + 1;
        stv = "STV".equals(text(r, "voting_system"));
        newCouncil = (Boolean) r.get("new_council");
        GenericRecord before = (GenericRecord) r.get("previous_control");
        previous = before == null || newCouncil  ? null
                : before.get("party_id") == null ? "NOC"
                                                 : parties.get(fold.get(text(before, "party_id"))).id;
        String election = text(r, "election_id");
        pollDate = LocalDate.parse(election.substring(election.lastIndexOf('.') + 1));
        closeMs = pollDate.atTime(22, 0).atZone(ZoneId.of("Europe/London")).toInstant().toEpochMilli();
    }

    static String text(GenericRecord record, String field) {
        Object value = record.get(field);
        return value == null ? null : value.toString();
    }

    private int[] counts(Object map, int size) {
        int[] counts = new int[size];
        ((Map<?, ?>) map).forEach((id, count) -> {
            Integer party = fold.get(id.toString());
            if (party != null) {
                counts[party] += (Integer) count;
            }
        });
        return counts;
    }
}
