package peer;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.utils.Utils;

/** Partition n of both topics: its chain of rows, its elections, and the rows that wait for the commit. */
final class Lane {
    static final String DECLARATIONS = "ward-declarations", DESK = "desk-events";
    private static final DateTimeFormatter MOMENT =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS'Z'").withZone(ZoneOffset.UTC);

    final int number;
    private final int rulesVersion, partitions;
    private final Map<String, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
    private final Map<String, Council> councils = new HashMap<>();
    private final Map<String, Space> spaces = new HashMap<>();
    private final MessageDigest sha256;
    private BinaryDecoder decoder;

    long seq, committed, declarationsNext, deskNext;
    byte[] head = new byte[32];
    Instant receivedAt = Instant.EPOCH;
    final List<Object[]> ledger = new ArrayList<>(), elections = new ArrayList<>(), snapshots = new ArrayList<>(),
                         ballots = new ArrayList<>();
    final Map<String, Integer> told = new LinkedHashMap<>(); // the newest seq of elections with new live snapshots

    Lane(int number, int rulesVersion, int partitions, Schema declarations, Schema references)
            throws NoSuchAlgorithmException {
        this.number = number;
        this.rulesVersion = rulesVersion;
        this.partitions = partitions;
        sha256 = MessageDigest.getInstance("SHA-256");
        readers.put(DECLARATIONS, new GenericDatumReader<>(declarations, declarations, plain()));
        readers.put(DESK, new GenericDatumReader<>(references, references, plain()));
    }

    /** UUIDs and times stay as they are on the wire. */
    private static GenericData plain() {
        return new GenericData();
    }

    void apply(ConsumerRecord<byte[], byte[]> message, Instant now) {
        receivedAt = now.isAfter(receivedAt) ? now : receivedAt;
        seq++;
        boolean desk = message.topic().equals(DESK);
        Object[] row = new Object[25];
        Rules.Judgement judgement;
        GenericRecord record = null;
        try {
            record = decode(message);
            row[2] = desk ? "declared.CouncilReference" : "declared.WardDeclaration";
            row[10] = Council.text(record, "election_id");
            row[21] = fingerprint(message.value());
            judgement = desk ? takeReference(record, message.offset()) : takeDeclaration(record, message, row);
        } catch (IOException | RuntimeException problem) {
            if (record != null) {
                throw new IllegalStateException(problem);
            }
            judgement = new Rules.Judgement("rejected", List.of("BAD_AVRO"), String.valueOf(problem.getMessage()));
        }
        row[0] = number;
        row[1] = seq;
        row[3] = message.topic();
        row[4] = number;
        row[5] = message.offset();
        row[6] = Instant.ofEpochMilli(message.timestamp());
        row[7] = message.key();
        row[8] = message.value();
        row[17] = judgement.fate();
        row[18] = judgement.reasons();
        row[19] = judgement.detail();
        row[20] = rulesVersion;
        row[22] = receivedAt;
        row[23] = head;
        row[24] = head = hash(row);
        ledger.add(row);
        if (desk) {
            deskNext = message.offset() + 1;
        } else {
            declarationsNext = message.offset() + 1;
        }
    }

    /** Avro single-object encoding; a topic has one kind of record that this program reads. */
    private GenericRecord decode(ConsumerRecord<byte[], byte[]> message) throws IOException {
        byte[] payload = message.value();
        if (payload == null || payload.length < 10 || payload[0] != (byte) 0xC3 || payload[1] != 1) {
            throw new IOException("BAD_FRAMING");
        }
        decoder = DecoderFactory.get().binaryDecoder(payload, 10, payload.length - 10, decoder);
        GenericRecord record = readers.get(message.topic()).read(null, decoder);
        if (!decoder.isEnd()) {
            throw new IOException("TRAILING_BYTES");
        }
        return record;
    }

    private static String fingerprint(byte[] payload) {
        return String.format("%016x", ByteBuffer.wrap(payload).order(java.nio.ByteOrder.LITTLE_ENDIAN).getLong(2));
    }

    private Rules.Judgement takeReference(GenericRecord reference, long offset) {
        Council council = new Council(reference);
        String electionId = Council.text(reference, "election_id");
        if (councils.containsKey(electionId)) { // a reload is the desk's work, which is left out
            return new Rules.Judgement("rejected", List.of("BAD_REFERENCE"), "a reload");
        }
        Space space = space(electionId, false);
        space.setCouncil(council);
        councils.put(electionId, council);
        space.ballots.forEach((id, ballot) -> addBallot(electionId, false, id, ballot));
        elections.add(new Object[] {electionId, number, seq, council.councilId, council.pollDate, council.counted,
                reference.get("parties").toString(), receivedAt});
        addSnapshot(electionId, false, space, false, causeJson(Council.text(reference, "by"), offset));
        return new Rules.Judgement("accepted", List.of(), null);
    }

    private Space space(String electionId, boolean isTest) {
        return spaces.computeIfAbsent(electionId + (isTest ? "/test" : ""), key -> {
            Space space = new Space();
            if (councils.containsKey(electionId)) {
                space.setCouncil(councils.get(electionId));
            }
            return space;
        });
    }

    private Rules.Judgement takeDeclaration(
            GenericRecord record, ConsumerRecord<byte[], byte[]> message, Object[] row) {
        Declaration d = new Declaration(record, message.offset());
        String key = message.key() == null ? null : new String(message.key(), StandardCharsets.UTF_8);
        int keyPartition = key == null ? -1 : Utils.toPositive(Utils.murmur2(message.key())) % partitions;
        Rules.Judgement judgement = Rules.checkRecord(d, key, keyPartition, number);
        row[9] = d.eventId;
        row[11] = d.ballotId;
        row[12] = d.source;
        row[13] = d.kind;
        row[14] = d.basis;
        row[15] = d.revision;
        row[16] = d.isTest;
        if (judgement != null) {
            return judgement;
        }
        Space space = space(d.electionId, d.isTest);
        Space.Ballot ballot = space.ballot(d.ballotId);
        d.resolve(space.council);
        judgement = Rules.judge(space.council, ballot, d);
        d.fate = judgement.fate();
        if (d.fate.equals("duplicate")) {
            return judgement;
        }
        Declaration before = ballot.inForce;
        ballot.entries.add(d);
        if (d.fate.equals("held")) {
            space.held.add(d.ballotId);
        }
        boolean other = space.settle(ballot);
        if (other) {
            addBallot(d.electionId, d.isTest, d.ballotId, ballot);
        }
        boolean changed = other && (before == null || ballot.inForce == null || !before.sameContent(ballot.inForce));
        addSnapshot(d.electionId, d.isTest, space, changed, null);
        return judgement;
    }

    private void addBallot(String electionId, boolean isTest, String id, Space.Ballot ballot) {
        Declaration d = ballot.inForce;
        Council.Contest contest = ballot.contest;
        Object[] row = {electionId, isTest, id, number, seq, contest.wardName(), "awaiting", null, null, null, null,
                contest.seats(), contest.electorate(), null, null, null, null, null, null, null, receivedAt};
        if (d != null) {
            row[5] = contest.wardName() != null ? contest.wardName() : d.wardName;
            row[6] = d.postponed() ? "postponed" : "declared";
            row[7] = d.source;
            row[8] = d.revision;
            row[9] = d.kind;
            row[10] = d.basis;
            row[12] = d.electorate != null ? d.electorate : contest.electorate();
            row[13] = d.papers;
            row[14] = d.rejectedPapers;
            row[15] = Instant.ofEpochMilli(d.declaredAt);
            row[16] = DECLARATIONS;
            row[17] = number;
            row[18] = d.offset;
            row[19] = d.postponed() ? null : candidatesJson(councils.get(electionId), d);
        }
        ballots.add(row);
    }

    private static String candidatesJson(Council council, Declaration d) {
        return Space.json(json -> {
            json.writeStartArray();
            for (Declaration.Candidate c : d.candidates) {
                String folded = c.party() < 0 ? c.partyId() : council.parties.get(c.party()).id();
                json.writeStartArray();
                json.writeString(c.id());
                json.writeString(c.name());
                json.writeString(c.partyId());
                json.writeString(folded.equals(c.partyId()) ? null : folded);
                json.writeString(c.description());
                json.writeObject(c.votes());
                json.writeBoolean(c.elected());
                json.writeBoolean(c.byLot());
                json.writeEndArray();
            }
            json.writeEndArray();
        });
    }

    /** Of reference data; of a declaration the ledger has the cause. */
    private String causeJson(String by, long offset) {
        return Space.json(json -> {
            json.writeStartObject();
            json.writeStringField("record", "declared.CouncilReference");
            json.writeStringField("topic", DESK);
            json.writeNumberField("partition", number);
            json.writeNumberField("kafka_offset", offset);
            json.writeNumberField("lane", number);
            json.writeNumberField("lane_seq", seq);
            json.writeNullField("event_id");
            json.writeNullField("ballot_paper_id");
            json.writeNullField("revision");
            json.writeStringField("by", by);
            json.writeEndObject();
        });
    }

    private void addSnapshot(String electionId, boolean isTest, Space space, boolean changed, String cause) {
        Council c = space.council;
        if (c == null) {
            return;
        }
        Space.Standing s = space.decide();
        if (s.equals(space.said) && !changed) {
            return;
        }
        if (space.said == null || !java.util.Objects.equals(s.control(), space.said.control())) {
            space.calledAt = s.control() == null ? null : receivedAt;
        }
        space.said = s;
        space.seq++;
        snapshots.add(new Object[] {electionId, isTest, space.seq, number, seq, receivedAt, space.calledAt, cause,
                c.councilId, Council.text(c.reference, "name"), c.shortName, Council.text(c.reference, "kind"),
                Council.text(c.reference, "nation"), Council.text(c.reference, "region"), c.pollDate, s.status(),
                s.control(), s.outcome(), s.gainedFrom(), s.previous(), s.previousLost(), s.majority(),
                s.majorityAtLeast(), s.largest(), c.seatsTotal, c.threshold, s.seatsDeclared(), s.seatsToCome(),
                s.seatsPostponed(), c.contestList.size(), s.ballotsDeclared(), s.ballotsPostponed(), s.ballotsHeld(),
                s.votesComplete(), s.seats()});
        if (!isTest) {
            told.put(electionId, space.seq);
        }
    }

    private byte[] hash(Object[] row) {
        sha256.update(head);
        for (Object value : Arrays.asList(row).subList(0, 23)) {
            if (value == null) {
                sha256.update(new byte[] {1, 0, 0, 0, 0});
                continue;
            }
            byte[] form = value instanceof byte[] bytes ? bytes : form(value).getBytes(StandardCharsets.UTF_8);
            sha256.update((byte) 0);
            sha256.update(ByteBuffer.allocate(4).putInt(form.length).array());
            sha256.update(form);
        }
        return sha256.digest();
    }

    private static String form(Object value) {
        if (value instanceof Instant moment) {
            return MOMENT.format(moment);
        }
        return value instanceof List<?> list
                ? "{" + String.join(",", list.stream().map(Object::toString).toList()) + "}"
                : value.toString();
    }

    void committedAll() {
        committed = seq;
        ledger.clear();
        elections.clear();
        snapshots.clear();
        ballots.clear();
        told.clear();
    }

    static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.MICROS);
    }

    static OffsetDateTime forDatabase(Instant moment) {
        return moment == null ? null : moment.atOffset(ZoneOffset.UTC);
    }

    static Object uuid(Object text) {
        return text == null ? null : UUID.fromString((String) text);
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
