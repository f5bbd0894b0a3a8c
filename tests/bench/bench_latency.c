// bench_latency: from the broker's acknowledgement of a declaration to the moment at which a listening reader has the
// snapshot that it caused.
//
//     bench_latency --bootstrap HOST:PORT --declarations FILE --rate N --count N [--skip N] [--warmup N] [--floor]
//
// Lines skip+1 to skip+warmup+count of the file are sent on a fixed schedule, whatever becomes of those before
// (an open loop: a slow answer delays no question, so nothing is left out). Those of the warm-up are not told.
// The reader's database is DECLARED_POSTGRES_URI's; --floor: it reads what floor_commit notes.
// Out: {"rate", "sent", "seen", "late_max_ms", "from_append_ms": {"p50", "p99", "max"}, "from_schedule_ms": {...}}:
// from the acknowledgement, as nothing nearer to the append is on this clock, and from when it was due to be sent.
#include "tests/bench/latency_reader.h"
#include "tests/bench/records.h"

#include <librdkafka/rdkafka.h>

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SETTLE_MS = 20000, WAIT_MS = 50, FLUSH_MS = 10000 };

typedef struct Sent {
    int32_t partition;
    int64_t offset; // -1: not acknowledged
    int64_t due_ns, sent_ns, acked_ns;
    int64_t seen_ns; // 0: not seen
} Sent;

typedef struct Options {
    const char *bootstrap, *declarations, *uri;
    double rate;
    size_t count, skip, warmup;
    bool floor;
} Options;

static struct {
    Sent *records;
    size_t count;
    atomic_bool all_sent, end;
} run;

// ---- the producer ----------------------------------------------------------------------------------------

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque) {
    (void)kafka, (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_give_up("not delivered: %s", rd_kafka_err2str(message->err));
    }
    Sent *sent = message->_private;
    sent->acked_ns = clock_ns();
    sent->partition = message->partition;
    sent->offset = message->offset;
}

static rd_kafka_t *open_producer(const char *bootstrap) {
    const char *const settings[][2] = {
        {"bootstrap.servers", bootstrap},  {"acks", "all"}, {"linger.ms", "0"}, {"socket.nagle.disable", "true"},
        {"partitioner", "murmur2_random"},
    };
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (kafka == NULL) {
        bench_give_up("%s", error);
    }
    return kafka;
}

// Acknowledgements are noted when they come, whatever the schedule does.
static void *poll_producer(void *kafka) {
    while (!atomic_load(&run.end)) {
        rd_kafka_poll(kafka, WAIT_MS);
    }
    return NULL;
}

static void sleep_until(int64_t at_ns) {
    struct timespec at = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {
    }
}

static void send_record(rd_kafka_t *kafka, const Envelope *envelope, Sent *sent) {
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = TOPIC_DECLARATIONS},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)envelope->key.ptr, envelope->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)envelope->payload.ptr, envelope->payload.len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = sent},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(kafka, parts, sizeof parts / sizeof *parts);
    if (error != NULL) {
        bench_give_up("%s", rd_kafka_error_string(error));
    }
}

static void send_all(rd_kafka_t *kafka, const Envelopes *envelopes, const Options *options) {
    int64_t began = clock_ns() + 100000000;
    for (size_t i = 0; i < run.count; i++) {
        const Envelope *envelope = &envelopes->items[options->skip + i];
        Sent *sent = &run.records[i];
        sent->offset = -1;
        sent->due_ns = began + (int64_t)((double)i * 1e9 / options->rate);
        sleep_until(sent->due_ns);
        sent->sent_ns = clock_ns();
        send_record(kafka, envelope, sent);
    }
    if (rd_kafka_flush(kafka, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_give_up("not all was acknowledged");
    }
    atomic_store(&run.all_sent, true);
}

// ---- what was seen ---------------------------------------------------------------------------------------

static int by_place(const void *left, const void *right) {
    const Sent *a = left, *b = right;
    if (a->partition != b->partition) {
        return a->partition < b->partition ? -1 : 1;
    }
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static void note_sighting(const Sighting *sighting) {
    Sent key = {.partition = sighting->partition};
    for (key.offset = sighting->first_offset; key.offset <= sighting->last_offset; key.offset++) {
        Sent *sent = bsearch(&key, run.records, run.count, sizeof key, by_place);
        if (sent != NULL && sent->seen_ns == 0) {
            sent->seen_ns = sighting->at_ns;
        }
    }
}

// Until as many are seen as were sent, or nothing has come for a while after the last.
static void *read_all(void *reader) {
    int64_t until = INT64_MAX;
    size_t seen = 0;
    while (clock_ns() < until) {
        bool told = reader_wait(reader, WAIT_MS);
        if (!atomic_load(&run.all_sent)) {
            continue;
        }
        if (told || until == INT64_MAX) {
            until = clock_ns() + (int64_t)SETTLE_MS * 1000000;
        }
        size_t sightings_count, before = seen;
        const Sighting *sightings = reader_sightings(reader, &sightings_count);
        for (size_t i = seen = 0; i < sightings_count; i++) {
            seen += (size_t)(sightings[i].last_offset - sightings[i].first_offset + 1);
        }
        if (seen >= run.count && seen == before) {
            break;
        }
    }
    return NULL;
}

// ---- the answer ------------------------------------------------------------------------------------------

static int by_size(const void *a, const void *b) {
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void print_quantiles(const char *name, double *values, size_t count) {
    qsort(values, count, sizeof *values, by_size);
    size_t last = count - 1;
    printf(", \"%s\": {\"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}", name, values[last / 2],
           values[(size_t)((double)last * 0.99)], values[last]);
}

static void print_answer(const Options *options) {
    double *from_append = calloc(run.count, sizeof(double)), *from_schedule = calloc(run.count, sizeof(double));
    size_t seen = 0, sent = 0;
    double late_max = 0;
    int64_t told_from = INT64_MAX; // due_ns of the first after the warm-up: the records are no longer in their order
    for (size_t i = 0; i < run.count; i++) {
        told_from = run.records[i].due_ns < told_from ? run.records[i].due_ns : told_from;
    }
    told_from += (int64_t)(((double)options->warmup - 0.5) * 1e9 / options->rate);
    for (size_t i = 0; i < run.count; i++) {
        const Sent *record = &run.records[i];
        if (record->due_ns < told_from) {
            continue;
        }
        sent++;
        double late = (double)(record->sent_ns - record->due_ns) / 1e6;
        late_max = late > late_max ? late : late_max;
        if (record->seen_ns != 0) {
            from_append[seen] = (double)(record->seen_ns - record->acked_ns) / 1e6;
            from_schedule[seen++] = (double)(record->seen_ns - record->due_ns) / 1e6;
        }
    }
    if (seen == 0) {
        bench_give_up("nothing of %zu declarations was seen", sent);
    }
    printf("{\"rate\": %g, \"sent\": %zu, \"seen\": %zu, \"late_max_ms\": %.3f", options->rate, sent, seen, late_max);
    print_quantiles("from_append_ms", from_append, seen);
    print_quantiles("from_schedule_ms", from_schedule, seen);
    puts("}");
    free(from_append);
    free(from_schedule);
}

static void measure(const Options *options, const Envelopes *envelopes) {
    Reader *reader = reader_new(options->uri, options->floor);
    rd_kafka_t *kafka = open_producer(options->bootstrap);
    pthread_t reading, polling;
    run.count = options->warmup + options->count;
    run.records = calloc(run.count, sizeof *run.records);
    if (run.records == NULL || pthread_create(&reading, NULL, read_all, reader) != 0 ||
        pthread_create(&polling, NULL, poll_producer, kafka) != 0) {
        bench_give_up("no memory or no thread");
    }
    send_all(kafka, envelopes, options);
    pthread_join(reading, NULL);
    atomic_store(&run.end, true);
    pthread_join(polling, NULL);
    qsort(run.records, run.count, sizeof *run.records, by_place);
    size_t count;
    const Sighting *sightings = reader_sightings(reader, &count);
    for (size_t i = 0; i < count; i++) {
        note_sighting(&sightings[i]);
    }
    print_answer(options);
    free(run.records);
    rd_kafka_destroy(kafka);
    reader_free(reader);
}

static bool read_options(int argc, char **argv, Options *options) {
    static const struct option table[] = {
        {"bootstrap", required_argument, NULL, 'b'}, {"declarations", required_argument, NULL, 'd'},
        {"rate", required_argument, NULL, 'r'},      {"count", required_argument, NULL, 'c'},
        {"skip", required_argument, NULL, 's'},      {"warmup", required_argument, NULL, 'w'},
        {"floor", no_argument, NULL, 'f'},           {0}};
    for (int found; (found = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        switch (found) {
        case 'b':
            options->bootstrap = optarg;
            break;
        case 'd':
            options->declarations = optarg;
            break;
        case 'r':
            options->rate = strtod(optarg, NULL);
            break;
        case 'c':
            options->count = strtoul(optarg, NULL, 10);
            break;
        case 's':
            options->skip = strtoul(optarg, NULL, 10);
            break;
        case 'w':
            options->warmup = strtoul(optarg, NULL, 10);
            break;
        case 'f':
            options->floor = true;
            break;
        default:
            return false;
        }
    }
    options->uri = getenv("DECLARED_POSTGRES_URI");
    return optind == argc && options->bootstrap != NULL && options->declarations != NULL && options->uri != NULL &&
           options->rate > 0 && options->count > 0;
}

int main(int argc, char **argv) {
    Options options = {0};
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "Usage: DECLARED_POSTGRES_URI=... bench_latency --bootstrap HOST:PORT --declarations FILE "
                        "--rate N --count N [--skip N] [--warmup N] [--floor]\n");
        return 2;
    }
    Arena memory = {0};
    Envelopes envelopes = {0};
    records_read_declarations(options.declarations, 0, &envelopes, &memory);
    if (envelopes.count < options.skip + options.warmup + options.count) {
        bench_give_up("%s has %zu lines, too few", options.declarations, envelopes.count);
    }
    measure(&options, &envelopes);
    vec_free(&envelopes);
    arena_free(&memory);
    return EXIT_SUCCESS;
}
