// one-lane: the daemon's worker without Kafka, for tests of what fails inside it.
//
//     one-lane [--batch K] [--set SECTION.KEY=VALUE]... <RECORDS
//
// services/ingest's worker.c and batch.c run as they are; behind consumer.h stand the records of
// standard input, behind publisher.h nothing. Once every record is committed, the lane's outbox is read to
// its end and advanced, through a connection of its own, as the daemon's publisher does.
//
// In: a record a line, all of one partition, in the order in which they came about:
//     {"topic", "partition", "offset", "timestamp_ms", "key", "value"}; key and value base64 or null
// They become visible K at a time, and a block only once those before it are committed: so the ledger
// of a disturbed run must be that of an undisturbed one.
// Out: {"records", "reloads", "answers_lost", "outbox_retries", "rejections", "snapshots"}.
//      answers_lost: transactions that the worker took for lost and then found committed.
// Exit 0: everything is applied; 3: given up, after RELOADS_MAX reloads.
#include "services/aggregator/store.h"
#include "services/ingest/consumer.h"
#include "services/ingest/publisher.h"
#include "services/ingest/telemetry.h"
#include "services/ingest/worker.h"

#include <getopt.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_MISUSED = 2, EXIT_GIVEN_UP = 3 };
enum { RECORDS_MAX = 10000, RELOADS_MAX = 20, SECONDS_MAX = 30, PARTITIONS = 6, OUTBOX_ROWS = 7, SETS_MAX = 16 };

extern char **environ;

// ---- records ---------------------------------------------------------------------------------------------
// Read with malloc, so that they are not among the allocations that a test lets fail.

typedef struct Line {
    rd_kafka_message_t message; // _private: the line
    Envelope envelope;
} Line;

static struct {
    Line *lines;
    size_t count, block; // block: records that become visible together
    int32_t lane;
} input;

__attribute__((noreturn)) static void misused(const char *why) {
    fprintf(stderr, "one-lane: record %zu: %s\n", input.count + 1, why);
    exit(EXIT_MISUSED);
}

static Str decode_base64(const json_t *json) {
    if (!json_is_string(json)) {
        return STR_NONE;
    }
    const char *text = json_string_value(json);
    size_t len = json_string_length(json);
    char *bytes = malloc(len + 1);
    int count = EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)text, (int)len);
    for (size_t i = len; count > 0 && i > 0 && text[i - 1] == '='; i--) {
        count--;
    }
    if (count < 0) {
        misused("not base64");
    }
    return (Str){bytes, (size_t)count};
}

static void read_line(const char *text) {
    json_error_t problem;
    json_t *json = json_loads(text, 0, &problem);
    if (!json_is_object(json)) {
        misused(problem.text);
    }
    Line *line = &input.lines[input.count];
    const char *topic = json_string_value(json_object_get(json, "topic"));
    line->envelope = (Envelope){
        .topic = topic != NULL && strcmp(topic, TOPIC_DESK) == 0 ? INPUT_DESK : INPUT_DECLARATIONS,
        .partition = (int32_t)json_integer_value(json_object_get(json, "partition")),
        .kafka_offset = json_integer_value(json_object_get(json, "offset")),
        .kafka_timestamp_ms = json_integer_value(json_object_get(json, "timestamp_ms")),
        .key = decode_base64(json_object_get(json, "key")),
        .payload = decode_base64(json_object_get(json, "value")),
    };
    line->message._private = line;
    json_decref(json);
    if (input.count++ == 0) {
        input.lane = line->envelope.partition;
    } else if (line->envelope.partition != input.lane) {
        misused("of another partition");
    }
}

static void read_input(void) {
    char *text = NULL;
    size_t capacity = 0;
    input.lines = calloc(RECORDS_MAX, sizeof *input.lines);
    while (getline(&text, &capacity, stdin) >= 0) {
        if (input.count == RECORDS_MAX) {
            misused("one too many");
        }
        read_line(text);
    }
    free(text);
}

static void free_input(void) {
    for (size_t i = 0; i < input.count; i++) {
        free((char *)input.lines[i].envelope.key.ptr);
        free((char *)input.lines[i].envelope.payload.ptr);
    }
    free(input.lines);
}

// ---- behind consumer.h -----------------------------------------------------------------------------------

struct Consumer {
    Assignment assignment;
    bool reads[INPUT_COUNT];
    int64_t next[INPUT_COUNT]; // offsets
    size_t seen;               // records that have become visible so far
    size_t given;              // of the batch on its way: the end of its block; 0: none is
    const Line *telling;       // of the newest batch: the record that tells whether all of it was committed
    const Line *probe;         // the same of a batch that was dropped, until that is known; NULL: none was
    int reloads, answers_lost;
};

static atomic_bool stop; // the worker's
static Consumer broker;  // there is one worker

Consumer *consumer_new(const Config *config, int worker, char *error, size_t error_size) {
    (void)config, (void)worker, (void)error, (void)error_size;
    return &broker;
}

void consumer_join(Consumer *consumer) {
    *vec_push(&consumer->assignment.lanes) = input.lane;
    consumer->assignment.generation = 1;
}

bool consumer_close(Consumer *consumer) {
    (void)consumer;
    return true;
}

void consumer_free(Consumer *consumer) {
    if (consumer != NULL) {
        vec_free(&consumer->assignment.lanes);
    }
}

const Assignment *consumer_assignment(const Consumer *consumer) {
    return &consumer->assignment;
}

static bool is_left(const Consumer *consumer, const Line *line) {
    InputTopic topic = line->envelope.topic;
    return consumer->reads[topic] && line->envelope.kafka_offset >= consumer->next[topic];
}

static void note_drop(Consumer *consumer) {
    if (++consumer->reloads > RELOADS_MAX) {
        fprintf(stderr, "one-lane: given up after %d reloads\n", RELOADS_MAX);
        exit(EXIT_GIVEN_UP);
    }
    consumer->given = 0;
    consumer->probe = consumer->telling;
    memset(consumer->reads, 0, sizeof consumer->reads);
}

// What the lane row says of a batch whose answer did not come.
static void settle_probe(Consumer *consumer) {
    const Line *probe = consumer->probe;
    if (probe == NULL || !consumer->reads[probe->envelope.topic]) {
        return;
    }
    consumer->answers_lost += !is_left(consumer, probe);
    consumer->probe = NULL;
}

bool consumer_read(Consumer *consumer, const ReadFrom *from, size_t count) {
    if (count == 0) {
        note_drop(consumer);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        consumer->reads[from[i].topic] = true;
        consumer->next[from[i].topic] = from[i].offset;
    }
    settle_probe(consumer);
    return true;
}

static size_t block_end(size_t line) {
    size_t end = (line / input.block + 1) * input.block;
    return end < input.count ? end : input.count;
}

// The next record that is left, and visible: while desk events alone are read, none that is new.
static Line *next_line(const Consumer *consumer) {
    size_t visible = consumer->reads[INPUT_DECLARATIONS] ? input.count : consumer->seen;
    for (size_t i = 0; i < visible; i++) {
        if (is_left(consumer, &input.lines[i])) {
            return &input.lines[i];
        }
    }
    return NULL;
}

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

// Desk events are what is read first after a drop: one of them tells, where the batch has one.
static void choose_telling(Consumer *consumer, const Line *line) {
    if (consumer->given == 0 ||
        (consumer->telling->envelope.topic != INPUT_DESK && line->envelope.topic == INPUT_DESK)) {
        consumer->telling = line;
    }
}

void consumer_ask_ahead(Consumer *consumer) {
    (void)consumer;
}

rd_kafka_message_t *consumer_poll(Consumer *consumer, int timeout_ms) {
    Line *line = next_line(consumer);
    size_t place = line == NULL ? 0 : (size_t)(line - input.lines);
    if (consumer->given > 0 && (line == NULL || place >= consumer->given)) {
        consumer->given = 0; // the batch's end
        return NULL;
    }
    if (line == NULL) {
        // Nothing is left: the last batch was committed, or it would have been dropped.
        if (consumer->reads[INPUT_DECLARATIONS]) {
            atomic_store(&stop, true);
        }
        sleep_ms(timeout_ms > 5 ? 5 : timeout_ms);
        return NULL;
    }
    choose_telling(consumer, line);
    consumer->given = block_end(place);
    consumer->seen = consumer->given > consumer->seen ? consumer->given : consumer->seen;
    consumer->next[line->envelope.topic] = line->envelope.kafka_offset + 1;
    return &line->message;
}

Envelope consumer_envelope(const rd_kafka_message_t *message) {
    return ((const Line *)message->_private)->envelope;
}

void rd_kafka_message_destroy(rd_kafka_message_t *message) {
    (void)message;
}

int32_t consumer_partitions(Consumer *consumer, int timeout_ms) {
    (void)consumer, (void)timeout_ms;
    return PARTITIONS;
}

bool consumer_saw_desk_end(const Consumer *consumer, int32_t lane) {
    (void)lane;
    for (size_t i = 0; i < consumer->seen; i++) {
        if (input.lines[i].envelope.topic == INPUT_DESK && is_left(consumer, &input.lines[i])) {
            return false;
        }
    }
    return true;
}

void consumer_tell_offsets(Consumer *consumer, const ReadFrom *positions, size_t count) {
    (void)consumer, (void)positions, (void)count;
}

int64_t consumer_lag(const Consumer *consumer, InputTopic topic, int32_t lane, int64_t next) {
    (void)consumer, (void)topic, (void)lane, (void)next;
    return -1;
}

Str consumer_trouble(const Consumer *consumer) {
    (void)consumer;
    return STR_NONE;
}

bool consumer_is_dead(const Consumer *consumer) {
    (void)consumer;
    return false;
}

bool consumer_was_replaced(const Consumer *consumer) {
    (void)consumer;
    return false;
}

bool consumer_renew(Consumer *consumer) {
    (void)consumer;
    return true;
}

Str consumer_stall(const Consumer *consumer) {
    (void)consumer;
    return STR_NONE;
}

// ---- behind publisher.h ----------------------------------------------------------------------------------

struct Publisher {
    bool unused;
};

static Publisher nobody;

Publisher *publisher_new(const Config *config, const atomic_bool *stopping) {
    (void)config, (void)stopping;
    return &nobody;
}

void publisher_own(Publisher *publisher, const int32_t *lanes, size_t count) {
    (void)publisher, (void)lanes, (void)count;
}

void publisher_rest(Publisher *publisher, bool rest) {
    (void)publisher, (void)rest;
}

void publisher_yield(Publisher *publisher) {
    (void)publisher;
}

void publisher_wake(Publisher *publisher, const LaneAt *lanes, size_t count) {
    (void)publisher, (void)lanes, (void)count;
}

void publisher_free(Publisher *publisher) {
    (void)publisher;
}

// ---- the outbox ------------------------------------------------------------------------------------------

typedef struct Told {
    size_t rejections, snapshots;
    int retries;
    bool done;
} Told;

static StoreStatus read_outbox(Store *store, Told *told) {
    int64_t sent = 0;
    Outgoing out = {0};
    StoreStatus status = store_is_connected(store) ? STORE_OK : store_connect(store);
    if (status == STORE_OK) {
        status = store_read_outbox(store, input.lane, &sent);
    }
    if (status == STORE_OK) {
        status = store_read_outgoing(store, input.lane, sent, OUTBOX_ROWS, &out);
    }
    if (status == STORE_OK && out.until > sent) {
        status = store_advance_outbox(store, input.lane, out.until);
        told->rejections += out.rejections_count;
        told->snapshots += out.snapshots_count;
    } else if (status == STORE_OK) {
        told->done = true;
    }
    return status;
}

static Told tell_outbox(const Config *config) {
    static const atomic_bool never;
    Told told = {0};
    Store *store = store_new(config_get(config, "postgres.uri"), config_get(config, "postgres.role"), &never);
    while (!told.done && told.retries <= RELOADS_MAX) {
        if (read_outbox(store, &told) != STORE_OK) {
            told.retries++;
            sleep_ms(1);
        }
    }
    store_free(store);
    return told;
}

// ---- all -------------------------------------------------------------------------------------------------

// What the metrics say of all records, whatever their fate.
static unsigned long long count_told(void) {
    static const char name[] = "\ndeclared_records_total{";
    unsigned long long sum = 0;
    Buf text = {0};
    telemetry_write(1, 0, &text);
    buf_add_byte(&text, '\0');
    for (const char *at = strstr(text.ptr, name); at != NULL; at = strstr(at + 1, name)) {
        sum += strtoull(strchr(at, '}') + 1, NULL, 10);
    }
    buf_free(&text);
    return sum;
}

static int run(const Config *config) {
    char error[512] = "";
    Worker *worker = worker_new(config, 1, &stop, error, sizeof error);
    if (worker == NULL) {
        fprintf(stderr, "one-lane: %s\n", error);
        return EXIT_FAILURE;
    }
    atomic_uint turns = 0;
    worker_run(worker, &turns);
    int reloads = broker.reloads, answers_lost = broker.answers_lost;
    worker_free(worker);
    Told told = tell_outbox(config);
    printf("{\"records\": %zu, \"counted\": %llu, \"reloads\": %d, \"answers_lost\": %d, \"outbox_retries\": %d, \"rejections\": %zu, "
           "\"snapshots\": %zu}\n",
           input.count, count_told(), reloads, answers_lost, told.retries, told.rejections, told.snapshots);
    return told.done ? EXIT_SUCCESS : EXIT_GIVEN_UP;
}

static bool read_options(int argc, char **argv, ConfigSources *sources, const char **sets) {
    static const struct option table[] = {
        {"batch", required_argument, NULL, 'b'}, {"set", required_argument, NULL, 's'}, {0}};
    input.block = 5;
    for (int found; (found = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (found == 'b') {
            input.block = strtoul(optarg, NULL, 10);
        } else if (found == 's' && sources->sets_count < SETS_MAX) {
            sets[sources->sets_count++] = optarg;
        } else {
            return false;
        }
    }
    return optind == argc && input.block > 0;
}

int main(int argc, char **argv) {
    const char *sets[SETS_MAX];
    ConfigSources sources = {.file = "/dev/null", .environment = environ, .sets = sets};
    if (!read_options(argc, argv, &sources, sets)) {
        fprintf(stderr, "Usage: one-lane [--batch K] [--set SECTION.KEY=VALUE]... <RECORDS\n");
        return EXIT_MISUSED;
    }
    alarm(SECONDS_MAX);
    read_input();
    Arena arena = {0};
    Str error = STR_NONE;
    Config *config = config_load(&sources, &arena, &error);
    int code = EXIT_MISUSED;
    if (config == NULL) {
        fprintf(stderr, "one-lane: " STR_FMT "\n", STR_ARG(error));
    } else {
        code = run(config);
    }
    config_free(config);
    arena_free(&arena);
    free_input();
    return code;
}
