package peer;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * The consumer that an engineer would write: kafka-clients, the Avro library, JDBC batches; offsets in the transaction.
 *
 * <p>{@code java -jar peer.jar --schemas FOLDER --lanes 0,1,2 [--lanes 3,4,5]}: a thread, a consumer and a connection
 * for each share of the lanes. It writes declared's own tables and leaves out what the Python peer leaves out.
 */
public final class Peer {
    private static final int BATCH = 2000;
    private static final String LEDGER =
            "lane, lane_seq, record, topic, partition, kafka_offset, kafka_timestamp, key, payload, "
            + "event_id, election_id, ballot_paper_id, source, kind, basis, revision, is_test, fate, "
            + "reasons, detail, rules_version, writer_schema, received_at, prev_hash, entry_hash";
    private static final String ELECTION =
            "election_id, lane, lane_seq, council_id, poll_date, counted, parties, recorded_at";
    private static final String SNAPSHOT =
            "election_id, is_test, seq, lane, lane_seq, recorded_at, called_at, cause, council_id, "
            + "council_name, short_name, kind, nation, region, poll_date, status, control, outcome, "
            + "gained_from, previous_control, previous_control_lost, majority, majority_at_least, "
            + "largest_party, seats_total, threshold, seats_declared, seats_to_come, seats_postponed, "
            + "ballots_total, ballots_declared, ballots_postponed, ballots_held, votes_complete, seats";
    private static final String BALLOT =
            "election_id, is_test, ballot_paper_id, lane, lane_seq, ward_name, status, source, revision, "
            + "kind, basis, seats, electorate, ballot_papers, rejected_papers, declared_at, topic, "
            + "partition, kafka_offset, candidates, recorded_at";

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Connection database;
    private final Map<Integer, Lane> lanes = new TreeMap<>();
    private final PreparedStatement ledger, election, snapshot, ballot, advance, notify;

    private Peer(List<Integer> numbers, Path schemas) throws Exception {
        Properties settings = new Properties();
        settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("DECLARED_KAFKA_BOOTSTRAP_SERVERS"));
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, BATCH);
        settings.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 100);
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 4 * 1024 * 1024);
        consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        database = connect();
        ledger = insert("ledger", LEDGER, List.of());
        election = insert("election", ELECTION, List.of("parties"));
        snapshot = insert("snapshot", SNAPSHOT, List.of("cause", "seats"));
        ballot = insert("ballot", BALLOT, List.of("candidates"));
        advance = database.prepareStatement("UPDATE declared.lane SET lane_seq = ?, head_hash = ?, received_at = ?, "
                + "declarations_next = ?, desk_next = ? WHERE lane = ? AND lane_seq = ?");
        notify = database.prepareStatement("SELECT pg_notify('council_control', ?)");
        Schema declarations = new Schema.Parser().parse(Files.readString(schemas.resolve("ward-declaration.avsc")));
        Schema references = new Schema.Parser().parse(Files.readString(schemas.resolve("council-reference.avsc")));
        int rules = prepare(numbers), partitions = consumer.partitionsFor(Lane.DECLARATIONS).size();
        for (int number : numbers) {
            lanes.put(number, new Lane(number, rules, partitions, declarations, references));
        }
    }

    private static Connection connect() throws SQLException {
        URI uri = URI.create(System.getenv("DECLARED_POSTGRES_URI"));
        String[] login = uri.getUserInfo().split(":", 2);
        Properties settings = new Properties();
        settings.put("user", login[0]);
        settings.put("password", login[1]);
        settings.put("reWriteBatchedInserts", "true");
        Connection database = DriverManager.getConnection(
                "jdbc:postgresql://" + uri.getHost() + ":" + uri.getPort() + uri.getPath(), settings);
        database.setAutoCommit(false);
        return database;
    }

    private PreparedStatement insert(String table, String columns, Collection<String> json) throws SQLException {
        StringBuilder places = new StringBuilder();
        for (String column : columns.split(", ")) {
            places.append(places.isEmpty() ? "?" : ", ?").append(json.contains(column) ? "::json" : "");
        }
        return database.prepareStatement(
                "INSERT INTO declared." + table + " (" + columns + ") VALUES (" + places + ")");
    }

    private int prepare(List<Integer> numbers) throws Exception {
        int version;
        byte[] digest = MessageDigest.getInstance("SHA-256").digest("{}".getBytes());
        try (Statement statement = database.createStatement()) {
            ResultSet result = statement.executeQuery("INSERT INTO declared.rules (settings, digest) VALUES ('{}', '\\x"
                    + Lane.hex(digest) + "') ON CONFLICT (digest) DO UPDATE SET settings = '{}' RETURNING version");
            result.next();
            version = result.getInt(1);
            for (int number : numbers) {
                statement.executeUpdate(
                        "INSERT INTO declared.lane (lane) VALUES (" + number + ") ON CONFLICT DO NOTHING");
            }
        }
        database.commit();
        return version;
    }

    private void add(PreparedStatement statement, List<Object[]> rows) throws SQLException {
        for (Object[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                Object value = row[i];
                if (value instanceof Instant moment) {
                    value = Lane.forDatabase(moment);
                } else if (value instanceof List<?> list) {
                    value = database.createArrayOf("text", list.toArray());
                } else if (statement == ledger && i == 9) {
                    value = Lane.uuid(value);
                }
                statement.setObject(i + 1, value);
            }
            statement.addBatch();
        }
        if (!rows.isEmpty()) {
            statement.executeBatch();
        }
    }

    private void advance(Lane lane) throws SQLException {
        advance.setLong(1, lane.seq);
        advance.setBytes(2, lane.head);
        advance.setObject(3, Lane.forDatabase(lane.receivedAt));
        advance.setLong(4, lane.declarationsNext);
        advance.setLong(5, lane.deskNext);
        advance.setInt(6, lane.number);
        advance.setLong(7, lane.committed);
        if (advance.executeUpdate() != 1) {
            throw new IllegalStateException("lane " + lane.number + " is another's");
        }
    }

    private void takeBatch(ConsumerRecords<byte[], byte[]> messages) throws SQLException {
        Instant now = Lane.now();
        for (ConsumerRecord<byte[], byte[]> message : messages) {
            lanes.get(message.partition()).apply(message, now);
        }
        for (Lane lane : lanes.values()) {
            if (lane.seq > lane.committed) {
                add(ledger, lane.ledger);
                add(election, lane.elections);
                add(snapshot, lane.snapshots);
                add(ballot, lane.ballots);
                advance(lane);
            }
        }
        database.commit();
        tell();
    }

    private void tell() throws SQLException {
        try (Statement statement = database.createStatement()) {
            statement.execute("SET LOCAL synchronous_commit = off");
        }
        for (Lane lane : lanes.values()) {
            for (Map.Entry<String, Integer> told : lane.told.entrySet()) {
                notify.setString(1, "{\"election_id\": \"" + told.getKey() + "\", \"seq\": " + told.getValue() + "}");
                notify.execute();
            }
            lane.committedAll();
        }
        database.commit();
    }

    private void assign(String topic) {
        List<TopicPartition> partitions =
                lanes.keySet().stream().map(number -> new TopicPartition(topic, number)).toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
    }

    private boolean atEnd(Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private void run() throws SQLException {
        assign(Lane.DESK);
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
        while (!atEnd(ends)) {
            takeBatch(consumer.poll(Duration.ofMillis(100)));
        }
        assign(Lane.DECLARATIONS);
        while (true) {
            ConsumerRecords<byte[], byte[]> messages = consumer.poll(Duration.ofMillis(100));
            if (!messages.isEmpty()) {
                takeBatch(messages);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Path schemas = null;
        List<List<Integer>> shares = new ArrayList<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            if (arguments[i].equals("--schemas")) {
                schemas = Path.of(arguments[i + 1]);
            } else if (arguments[i].equals("--lanes")) {
                shares.add(java.util.Arrays.stream(arguments[i + 1].split(",")).map(Integer::valueOf).toList());
            }
        }
        if (schemas == null || shares.equals(Collections.emptyList())) {
            System.err.println("Usage: java -jar peer.jar --schemas FOLDER --lanes 0,1,2 [--lanes 3,4,5]");
            System.exit(2);
        }
        for (List<Integer> share : shares) {
            Peer peer = new Peer(share, schemas);
            new Thread(() -> {
                try {
                    peer.run();
                } catch (Throwable problem) {
                    problem.printStackTrace();
                    System.exit(1);
                }
            }).start();
        }
    }
}
