// declared-broker: the pipeline's topics, and a broker for a laptop that has no Java.
//
//   serve          an embedded broker: librdkafka's mock cluster, in memory, on a loopback port
//   create-topics  the same topics on a real Kafka, with their retention and compaction
//   delete-topics  the opposite, for tests
//
// Standard output carries one line from `serve`, the bootstrap address; all else goes to standard error.
#include "common/base/config.h"

#include <errno.h>
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    PARTITIONS_DEFAULT = 6,
    PARTITIONS_MAX = 1024,
    REPLICATION_MAX = 9,
    TIMEOUT_S_DEFAULT = 30,
    TIMEOUT_S_MAX = 3600,
    TOPIC_NAME_BYTES = 250, // Kafka allows 249
    POLL_MS = 100,
};

enum { EXIT_USAGE = 2 };

extern char **environ;

typedef struct Setting {
    const char *name;
    const char *value;
} Setting;

// A record of 1 MiB is legal (and a larger one must arrive to be rejected), more than a broker takes by default.
#define INPUT_BYTES_MAX "2097152"
// The same record with the headers that say why it was rejected.
#define REJECTED_BYTES_MAX "2162688"
#define DAYS_30_MS "2592000000"
#define HOUR_MS "3600000"

enum { SETTINGS_MAX = 3 };

// The inputs are the source of every result and are kept for good. Of the snapshots the newest for each election
// is enough; a segment an hour lets compaction reach them during the night.
static const struct TopicSpec {
    const char *name;
    Setting settings[SETTINGS_MAX];
} TOPICS[] = {
    {"ward-declarations",
     {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"max.message.bytes", INPUT_BYTES_MAX}}},
    {"desk-events", {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"max.message.bytes", INPUT_BYTES_MAX}}},
    {"ward-declarations.rejected",
     {{"cleanup.policy", "delete"}, {"retention.ms", DAYS_30_MS}, {"max.message.bytes", REJECTED_BYTES_MAX}}},
    {"council-control-snapshots", {{"cleanup.policy", "compact"}, {"segment.ms", HOUR_MS}}},
    {"council-control-snapshots.test", {{"cleanup.policy", "compact"}, {"segment.ms", HOUR_MS}}},
};
enum { TOPIC_COUNT = sizeof TOPICS / sizeof TOPICS[0] };

static const char HELP[] =
    "Usage: declared-broker serve [--partitions N] [--prefix TEXT]\n"
    "       declared-broker create-topics [--bootstrap HOST:PORT[,...]] [--partitions N] [--replication N]\n"
    "       declared-broker delete-topics [--bootstrap HOST:PORT[,...]]\n"
    "\n"
    "serve runs an embedded broker with the pipeline's topics until SIGTERM or SIGINT and prints its address.\n"
    "create-topics makes the same topics on a Kafka, with their retention and compaction; those that exist\n"
    "already are left as they are, and it is an error if one has another number of partitions. The embedded broker\n"
    "needs none of this.\n"
    "delete-topics removes them and what they hold.\n"
    "\n"
    "Where Kafka is and how to log in is read from the settings that all programs share: section [kafka] of the file,\n"
    "DECLARED_KAFKA_... in the environment. A password belongs there: what -X says is seen in the process list for\n"
    "a moment.\n"
    "\n"
    "  -b, --bootstrap LIST   brokers to ask; else [kafka] bootstrap.servers\n"
    "  -c, --config FILE      settings; else $DECLARED_CONFIG, else /etc/declared/declared.conf\n"
    "  -p, --partitions N     of each topic; for good (default 6)\n"
    "  -r, --replication N    copies of each partition; with 3 or more, min.insync.replicas is 2 (default 1)\n"
    "      --prefix TEXT      before every topic name\n"
    "  -t, --timeout-s N      give up after N seconds (default 30)\n"
    "  -X KEY=VALUE           a setting of librdkafka, over those of the file\n"
    "  -h, --help             this text\n"
    "\n"
    "The embedded broker is for demonstrations. Do not measure or prove anything on it:\n"
    "  - all is in memory: when it stops, every record and offset is gone, and its port changes;\n"
    "  - a partition holds 5 MiB or 100,000 message sets, then the oldest are dropped without a word;\n"
    "  - transactions are accepted but not isolated: readers see what was aborted;\n"
    "  - a consumer group's first join takes 3 s, and a session timeout of 2 s or less never gets a partition;\n"
    "  - a waiting fetch does not wake on new data, so delay follows fetch.wait.max.ms;\n"
    "  - an unknown topic springs into being with 4 partitions as soon as a client names it.\n";

enum { SETS_MAX = 64 };

typedef struct Options {
    Arena memory;       // of what follows
    const char *config; // a file
    const char *sets[SETS_MAX];
    size_t sets_count;
    const char *prefix;
    const char *bootstrap; // as the settings have it
    int partitions;
    int replication;
    int timeout_s;
} Options;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("declared-broker: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static void discard_log(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    (void)client;
    (void)level;
    (void)facility;
    (void)text;
}

// A handle that talks to nobody until asked. Takes the configuration; NULL after a complaint.
static rd_kafka_t *open_client(rd_kafka_conf_t *conf) {
    char error[512];
    rd_kafka_conf_set_log_cb(conf, discard_log);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        complain("%s", error);
    }
    return client;
}

static const char *topic_name(const Options *options, size_t index, char name[TOPIC_NAME_BYTES]) {
    snprintf(name, TOPIC_NAME_BYTES, "%s%s", options->prefix, TOPICS[index].name);
    return name;
}

// ---- serve -----------------------------------------------------------------------------------------------

static int mock_create_topics(rd_kafka_mock_cluster_t *cluster, const Options *options) {
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        char name[TOPIC_NAME_BYTES];
        rd_kafka_resp_err_t error =
            rd_kafka_mock_topic_create(cluster, topic_name(options, i, name), options->partitions, 1);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            complain("topic %s: %s", name, rd_kafka_err2str(error));
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

static int serve(Options *options) {
    // Blocked before librdkafka starts its threads, which inherit the mask: the signals wait for sigwait() below.
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);

    rd_kafka_t *client = open_client(rd_kafka_conf_new());
    if (client == NULL) {
        return EXIT_FAILURE;
    }
    int status = EXIT_FAILURE;
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, 1);
    if (cluster == NULL) {
        complain("cannot listen on the loopback address: %s", strerror(errno));
        goto close_client;
    }
    if (mock_create_topics(cluster, options) != EXIT_SUCCESS) {
        goto close_cluster;
    }
    puts(rd_kafka_mock_cluster_bootstraps(cluster));
    if (fflush(stdout) != 0) {
        complain("standard output: %s", strerror(errno));
        goto close_cluster;
    }
    int signal_number;
    sigwait(&stop, &signal_number);
    status = EXIT_SUCCESS;

close_cluster:
    rd_kafka_mock_cluster_destroy(cluster);
close_client:
    rd_kafka_destroy(client);
    return status;
}

// ---- topics on a real Kafka ------------------------------------------------------------------------------

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Waits until the brokers answer; while they start, they refuse.
static int wait_for_brokers(rd_kafka_t *client, const Options *options) {
    const int64_t deadline_ms = now_ms() + (int64_t)options->timeout_s * 1000;
    for (;;) {
        const struct rd_kafka_metadata *metadata = NULL;
        rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, NULL, &metadata, POLL_MS * 10);
        bool ready = error == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->broker_cnt > 0;
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(metadata);
        }
        if (ready) {
            return EXIT_SUCCESS;
        }
        if (now_ms() >= deadline_ms) {
            complain("no broker at %s: %s", options->bootstrap, rd_kafka_err2str(error));
            return EXIT_FAILURE;
        }
        usleep(POLL_MS * 1000);
    }
}

// How many partitions a topic has, by the brokers' word; 0: there is no such topic; -1: they did not answer.
static int count_partitions(rd_kafka_t *client, const char *name) {
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(client, 1, NULL, &metadata, POLL_MS * 50) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return -1;
    }
    int count = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0) {
            count = metadata->topics[i].partition_cnt;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return count;
}

static rd_kafka_NewTopic_t *new_topic(const Options *options, size_t index) {
    char name[TOPIC_NAME_BYTES];
    char error[512];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(topic_name(options, index, name), options->partitions,
                                                       options->replication, error, sizeof error);
    if (topic == NULL) {
        complain("topic %s: %s", name, error);
        return NULL;
    }
    for (size_t i = 0; i < SETTINGS_MAX && TOPICS[index].settings[i].name != NULL; i++) {
        rd_kafka_NewTopic_set_config(topic, TOPICS[index].settings[i].name, TOPICS[index].settings[i].value);
    }
    if (options->replication >= 3) {
        rd_kafka_NewTopic_set_config(topic, "min.insync.replicas", "2");
    }
    return topic;
}

// One administrative request and its answer. The caller destroys the event; NULL after a complaint.
typedef struct Request {
    rd_kafka_t *client;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
} Request;

static Request request_open(rd_kafka_t *client, rd_kafka_admin_op_t operation, const Options *options) {
    Request request = {client, rd_kafka_AdminOptions_new(client, operation), rd_kafka_queue_new(client)};
    char error[512];
    rd_kafka_AdminOptions_set_request_timeout(request.options, options->timeout_s * 1000, error, sizeof error);
    rd_kafka_AdminOptions_set_operation_timeout(request.options, options->timeout_s * 1000, error, sizeof error);
    return request;
}

static void request_close(Request *request) {
    rd_kafka_AdminOptions_destroy(request->options);
    rd_kafka_queue_destroy(request->queue);
}

static rd_kafka_event_t *request_await(Request *request) {
    rd_kafka_event_t *event = rd_kafka_queue_poll(request->queue, -1); // ends by the request's own time-out
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        complain("%s", rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        return NULL;
    }
    return event;
}

// Complains of every topic that the brokers refused, for another reason than `harmless`.
static int check_results(const rd_kafka_topic_result_t **results, size_t count, rd_kafka_resp_err_t harmless) {
    int status = EXIT_SUCCESS;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != harmless) {
            const char *text = rd_kafka_topic_result_error_string(results[i]);
            complain("topic %s: %s", rd_kafka_topic_result_name(results[i]),
                     text != NULL ? text : rd_kafka_err2str(error));
            status = EXIT_FAILURE;
        }
    }
    return status;
}

// A lane is partition n of both inputs: a topic with another number of partitions would break that in silence.
static int check_partitions(rd_kafka_t *client, const Options *options) {
    const int64_t deadline_ms = now_ms() + (int64_t)options->timeout_s * 1000;
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        char name[TOPIC_NAME_BYTES];
        int count = count_partitions(client, topic_name(options, i, name));
        while (count <= 0 && now_ms() < deadline_ms) { // made, but not yet known to the broker that answers
            usleep(POLL_MS * 1000);
            count = count_partitions(client, name);
        }
        if (count != options->partitions) {
            complain("topic %s has %d partitions, not %d", name, count, options->partitions);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

static int create_topics(rd_kafka_t *client, const Options *options) {
    rd_kafka_NewTopic_t *topics[TOPIC_COUNT];
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        topics[i] = new_topic(options, i);
        if (topics[i] == NULL) {
            rd_kafka_NewTopic_destroy_array(topics, i);
            return EXIT_FAILURE;
        }
    }
    Request request = request_open(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, options);
    rd_kafka_CreateTopics(client, topics, TOPIC_COUNT, request.options, request.queue);
    rd_kafka_event_t *event = request_await(&request);
    int status = EXIT_FAILURE;
    if (event != NULL) {
        size_t count;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        status = check_results(results, count, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
        rd_kafka_event_destroy(event);
    }
    request_close(&request);
    rd_kafka_NewTopic_destroy_array(topics, TOPIC_COUNT);
    return status == EXIT_SUCCESS ? check_partitions(client, options) : status;
}

// Kafka deletes in its own time; a topic made again meanwhile would be refused, so this waits until they are gone.
static int wait_until_gone(rd_kafka_t *client, const Options *options) {
    const int64_t deadline_ms = now_ms() + (int64_t)options->timeout_s * 1000;
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        char name[TOPIC_NAME_BYTES];
        topic_name(options, i, name);
        while (count_partitions(client, name) != 0) {
            if (now_ms() >= deadline_ms) {
                complain("topic %s is still there after %d s", name, options->timeout_s);
                return EXIT_FAILURE;
            }
            usleep(POLL_MS * 1000);
        }
    }
    return EXIT_SUCCESS;
}

static int delete_topics(rd_kafka_t *client, const Options *options) {
    rd_kafka_DeleteTopic_t *topics[TOPIC_COUNT];
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        char name[TOPIC_NAME_BYTES];
        topics[i] = rd_kafka_DeleteTopic_new(topic_name(options, i, name));
    }
    Request request = request_open(client, RD_KAFKA_ADMIN_OP_DELETETOPICS, options);
    rd_kafka_DeleteTopics(client, topics, TOPIC_COUNT, request.options, request.queue);
    rd_kafka_event_t *event = request_await(&request);
    int status = EXIT_FAILURE;
    if (event != NULL) {
        size_t count;
        const rd_kafka_topic_result_t **results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
        status = check_results(results, count, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
        rd_kafka_event_destroy(event);
    }
    request_close(&request);
    rd_kafka_DeleteTopic_destroy_array(topics, TOPIC_COUNT);
    return status == EXIT_SUCCESS ? wait_until_gone(client, options) : status;
}

// [kafka] as every program has it, but for the daemon's group. NULL after a complaint, which quotes no value.
static rd_kafka_conf_t *client_settings(const Config *config) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    ConfigEntry entry;
    for (size_t cursor = 0; config_next(config, "kafka", &cursor, &entry);) {
        if (strcmp(entry.key, "group.id") != 0 &&
            rd_kafka_conf_set(conf, entry.key, entry.value, NULL, 0) != RD_KAFKA_CONF_OK) {
            complain("%s: librdkafka does not accept kafka.%s", entry.origin, entry.key);
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    return conf;
}

static int administer(Options *options, int (*action)(rd_kafka_t *, const Options *)) {
    Str error;
    const ConfigSources sources = {options->config, environ, options->sets, options->sets_count};
    Config *config = config_load(&sources, &options->memory, &error);
    if (config == NULL) {
        complain(STR_FMT, STR_ARG(error));
        return EXIT_USAGE;
    }
    options->bootstrap = config_get(config, "kafka.bootstrap.servers");
    rd_kafka_conf_t *conf = client_settings(config);
    rd_kafka_t *client = conf == NULL ? NULL : open_client(conf);
    int status = conf == NULL ? EXIT_USAGE : EXIT_FAILURE;
    if (client != NULL) {
        status = wait_for_brokers(client, options);
        status = status == EXIT_SUCCESS ? action(client, options) : status;
        rd_kafka_destroy(client);
    }
    config_free(config);
    return status;
}

// ---- command line ----------------------------------------------------------------------------------------

static bool parse_number(const char *text, const char *option, int max, int *number) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 1 || value > max) {
        complain("%s takes a number from 1 to %d, not '%s'", option, max, text);
        return false;
    }
    *number = (int)value;
    return true;
}

// As --set kafka.KEY=VALUE of the other programs. Taken out of the process list: it may be a password.
static bool parse_client_setting(char *text, Options *options) {
    if (strchr(text, '=') == NULL || options->sets_count == SETS_MAX) {
        complain("-X takes KEY=VALUE, %d at most", SETS_MAX);
        return false;
    }
    char *set = (char *)arena_printf(&options->memory, "kafka.%s", text).ptr;
    options->sets[options->sets_count++] = set;
    memset(strchr(text, '=') + 1, '\0', strlen(strchr(text, '=') + 1));
    return true;
}

static bool parse_option(int option, Options *options) {
    switch (option) {
    case 'b':
        return parse_client_setting((char *)arena_printf(&options->memory, "bootstrap.servers=%s", optarg).ptr,
                                    options);
    case 'c':
        options->config = optarg;
        return true;
    case 'f':
        options->prefix = optarg;
        return true;
    case 'p':
        return parse_number(optarg, "--partitions", PARTITIONS_MAX, &options->partitions);
    case 'r':
        return parse_number(optarg, "--replication", REPLICATION_MAX, &options->replication);
    case 't':
        return parse_number(optarg, "--timeout-s", TIMEOUT_S_MAX, &options->timeout_s);
    case 'X':
        return parse_client_setting(optarg, options);
    default:
        return false; // getopt has complained
    }
}

static int run_command(const char *command, Options *options) {
    if (strcmp(command, "serve") == 0) {
        return serve(options);
    }
    if (strcmp(command, "create-topics") == 0) {
        return administer(options, create_topics);
    }
    if (strcmp(command, "delete-topics") == 0) {
        return administer(options, delete_topics);
    }
    complain("no command '%s' (see --help)", command);
    return EXIT_USAGE;
}

int main(int argc, char **argv) {
    static const struct option LONG_OPTIONS[] = {
        {"bootstrap", required_argument, NULL, 'b'},
        {"config", required_argument, NULL, 'c'},
        {"partitions", required_argument, NULL, 'p'},
        {"replication", required_argument, NULL, 'r'},
        {"prefix", required_argument, NULL, 'f'},
        {"timeout-s", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    Options options = {
        .prefix = "", .partitions = PARTITIONS_DEFAULT, .replication = 1, .timeout_s = TIMEOUT_S_DEFAULT};
    int status = EXIT_USAGE;
    int option;
    while ((option = getopt_long(argc, argv, "b:c:p:r:t:X:h", LONG_OPTIONS, NULL)) != -1) {
        if (option == 'h') {
            fputs(HELP, stdout);
            status = EXIT_SUCCESS;
            goto done;
        }
        if (!parse_option(option, &options)) {
            goto done;
        }
    }
    if (optind + 1 != argc) {
        complain("one command is needed: serve, create-topics or delete-topics (see --help)");
        goto done;
    }
    status = run_command(argv[optind], &options);

done:
    arena_free(&options.memory);
    return status;
}
