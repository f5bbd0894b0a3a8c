// floor_commit: the least that a consumer of the topic can do for a listening reader. What a poll brings is noted in
// one small row a partition, with a NOTIFY, in one transaction; nothing is decoded.
//
//     floor_commit --bootstrap HOST:PORT [--partitions N] [--rows FOLDER] [--publish PACE_MS]
//
// Until SIGTERM; the database is DECLARED_POSTGRES_URI's. It makes the table floor_batch (batch, partition,
// first_offset, last_offset), begins at the topic's end, says "reading" on standard output once it does, and tells
// batches on the channel floor_batch. What the contract demands beside: with --rows the desk's topic, to which nothing
// may come, is read too, the rows that the daemon would write go into the same transaction (floor_insert.h), and the
// NOTIFY into one of its own behind it; with --publish a second thread sends a record to Kafka for each record that was
// committed (floor_publish.h).
#include "common/domain/envelope.h"
#include "tests/bench/floor_insert.h"
#include "tests/bench/floor_publish.h"
#include "tests/bench/records.h"

#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLL_MS = 100, BATCH_MAX = 2000, SQL_BYTES = PARTITIONS_MAX * 96 + 256 };

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void execute(PGconn *pg, const char *sql) {
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
    PQclear(result);
}

static PGconn *open_database(const char *uri) {
    PGconn *pg = PQconnectdb(uri);
    if (PQstatus(pg) != CONNECTION_OK) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
    return pg;
}

static void make_table(PGconn *pg) {
    execute(pg,
            "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS floor_batch (batch bigint, partition int, "
            "first_offset bigint, last_offset bigint, PRIMARY KEY (batch, partition)); TRUNCATE floor_batch");
}

static bool reads_desk(const FloorRows *rows) {
    return rows != NULL;
}

// From their ends.
static void read_topics(rd_kafka_t *kafka, bool desk_too, int partitions) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(list, TOPIC_DECLARATIONS, i)->offset = RD_KAFKA_OFFSET_END;
        if (desk_too) {
            rd_kafka_topic_partition_list_add(list, TOPIC_DESK, i)->offset = RD_KAFKA_OFFSET_END;
        }
    }
    rd_kafka_assign(kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_t *open_consumer(const char *bootstrap) {
    const char *const settings[][2] = {
        {"bootstrap.servers", bootstrap}, {"group.id", "declared-floor"},   {"enable.auto.commit", "false"},
        {"fetch.wait.max.ms", "100"},     {"enable.partition.eof", "true"},
    };
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error);
    }
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (kafka == NULL) {
        bench_give_up("%s", error);
    }
    rd_kafka_poll_set_consumer(kafka);
    return kafka;
}

// "INSERT INTO floor_batch VALUES (...), (...)"
static int write_insert(char *sql, size_t size, const Span *spans, int partitions, long long batch) {
    int len = snprintf(sql, size, "INSERT INTO floor_batch VALUES ");
    const char *separator = "";
    for (int i = 0; i < partitions; i++) {
        if (spans[i].first >= 0) {
            len += snprintf(sql + len, size - (size_t)len, "%s(%lld, %d, %lld, %lld)", separator, batch, i,
                            (long long)spans[i].first, (long long)spans[i].last);
            separator = ", ";
        }
    }
    return len;
}

static void commit_spans(PGconn *pg, const Span *spans, int partitions, long long batch) {
    char sql[SQL_BYTES];
    int len = write_insert(sql, sizeof sql, spans, partitions, batch);
    snprintf(sql + len, sizeof sql - (size_t)len, "; NOTIFY floor_batch, '%lld'", batch);
    execute(pg, sql); // one message, so one transaction
}

static void send_statement(PGconn *pg, const char *sql) {
    if (PQsendQueryParams(pg, sql, 0, NULL, NULL, NULL, NULL, 0) != 1) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
}

// The results of so many statements, each with a NULL behind it, and the pipeline's end.
static void await_pipeline(PGconn *pg, size_t statements) {
    if (PQpipelineSync(pg) != 1) {
        bench_give_up("%s", PQerrorMessage(pg));
    }
    for (size_t i = 0; i <= statements; i++) {
        for (PGresult *result; (result = PQgetResult(pg)) != NULL; PQclear(result)) {
            ExecStatusType status = PQresultStatus(result);
            if (status == PGRES_PIPELINE_SYNC) {
                PQclear(result);
                return;
            }
            if (status != PGRES_COMMAND_OK) {
                bench_give_up("%s", PQerrorMessage(pg));
            }
        }
    }
    bench_give_up("the pipeline has no end");
}

static void commit_rows(PGconn *pg, FloorRows *rows, size_t records, const Span *spans, int partitions,
                        long long batch) {
    char sql[SQL_BYTES];
    PQenterPipelineMode(pg);
    send_statement(pg, "BEGIN");
    size_t statements = floor_rows_send(rows, records) + 4;
    write_insert(sql, sizeof sql, spans, partitions, batch);
    send_statement(pg, sql);
    send_statement(pg, "COMMIT");
    snprintf(sql, sizeof sql, "NOTIFY floor_batch, '%lld'", batch);
    send_statement(pg, sql);
    await_pipeline(pg, statements);
    PQexitPipelineMode(pg);
}

// Records of one poll, and how many partitions have come to their end so far.
static int read_spans(rd_kafka_t *kafka, Span *spans, int partitions, int *ends) {
    int count = 0;
    for (int i = 0; i < partitions; i++) {
        spans[i].first = -1;
    }
    rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, POLL_MS);
    while (message != NULL) {
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->partition < partitions) {
            Span *span = &spans[message->partition];
            span->first = span->first < 0 ? message->offset : span->first;
            span->last = message->offset;
            count++;
        }
        *ends += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        rd_kafka_message_destroy(message);
        message = count < BATCH_MAX ? rd_kafka_consumer_poll(kafka, 0) : NULL;
    }
    return count;
}

// `rows` and `publisher` may be NULL.
static void run(rd_kafka_t *kafka, PGconn *pg, FloorRows *rows, FloorPublisher *publisher, int partitions) {
    Span spans[PARTITIONS_MAX];
    int ends = 0, ends_wanted = reads_desk(rows) ? 2 * partitions : partitions;
    bool told = false;
    for (long long batch = 1; !stopped;) {
        int records = read_spans(kafka, spans, partitions, &ends);
        if (records > 0 && rows != NULL) {
            commit_rows(pg, rows, (size_t)records, spans, partitions, batch++);
        } else if (records > 0) {
            commit_spans(pg, spans, partitions, batch++);
        }
        if (records > 0 && publisher != NULL) {
            floor_publisher_wake(publisher, spans);
        }
        if (ends >= ends_wanted && !told) {
            puts("reading");
            fflush(stdout);
            told = true;
        }
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"bootstrap", required_argument, NULL, 'b'},
                                            {"partitions", required_argument, NULL, 'p'},
                                            {"publish", required_argument, NULL, 'P'},
                                            {"rows", required_argument, NULL, 'r'},
                                            {0}};
    const char *bootstrap = NULL, *folder = NULL, *uri = getenv("DECLARED_POSTGRES_URI");
    int partitions = 6;
    int pace_ms = -1;
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (found == 'b') {
            bootstrap = optarg;
        } else if (found == 'p') {
            partitions = atoi(optarg);
        } else if (found == 'P') {
            pace_ms = atoi(optarg);
        } else if (found == 'r') {
            folder = optarg;
        }
    }
    if (bootstrap == NULL || uri == NULL || partitions < 1 || partitions > PARTITIONS_MAX || optind != argc) {
        fprintf(stderr,
                "Usage: DECLARED_POSTGRES_URI=... floor_commit --bootstrap HOST:PORT [--partitions N] [--rows FOLDER] "
                "[--publish PACE_MS]\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    PGconn *pg = open_database(uri);
    make_table(pg);
    FloorPublisher *publisher =
        pace_ms < 0 ? NULL : floor_publisher_new(bootstrap, open_database(uri), partitions, pace_ms);
    FloorRows *rows = folder == NULL ? NULL : floor_rows_new(folder, pg);
    rd_kafka_t *kafka = open_consumer(bootstrap);
    read_topics(kafka, reads_desk(rows), partitions);
    run(kafka, pg, rows, publisher, partitions);
    floor_publisher_free(publisher);
    floor_rows_free(rows);
    rd_kafka_consumer_close(kafka);
    rd_kafka_destroy(kafka);
    PQfinish(pg);
    return EXIT_SUCCESS;
}
