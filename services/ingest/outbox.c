#include "services/ingest/outbox.h"

#include "common/base/limits.h"
#include "common/domain/envelope.h"
#include "services/ingest/kafka_settings.h"
#include "services/validator/encode.h"

#include <stdio.h>

enum { OUTBOX_ROWS = 1000 }; // of a Kafka transaction, which costs as much as what some hundred records do

typedef enum OutTopic { OUT_REJECTED, OUT_SNAPSHOTS, OUT_SNAPSHOTS_TEST, OUT_COUNT } OutTopic;

struct Outbox {
    const Config *config;
    int32_t lane;
    int64_t sent;                        // lane_seq up to which everything has left; -1: to be read
    int64_t newest;                      // lane_seq of the newest row that is known of; -1: the store is to be asked
    rd_kafka_t *producer;                // NULL: not needed yet
    rd_kafka_topic_t *topics[OUT_COUNT]; // of the producer; NULL: not needed yet
    bool initialised;
    int64_t transactions;   // committed so far
    int64_t committing;     // lane_seq up to which the transaction that is being committed goes; 0: there is none
    Buf value;              // of the snapshot that is being sent
    VEC(int64_t) too_large; // records (record_number) that the broker has refused for their size
    char trouble[256];
};

Outbox *outbox_new(const Config *config, int32_t lane) {
    Outbox *outbox = mem_alloc(1, sizeof *outbox);
    outbox->config = config;
    outbox->lane = lane;
    outbox->sent = outbox->newest = -1;
    return outbox;
}

static void drop_producer(Outbox *outbox) {
    for (size_t i = 0; i < OUT_COUNT; i++) {
        if (outbox->topics[i] != NULL) {
            rd_kafka_topic_destroy(outbox->topics[i]);
        }
        outbox->topics[i] = NULL;
    }
    if (outbox->producer != NULL) {
        rd_kafka_destroy(outbox->producer);
    }
    outbox->producer = NULL;
    outbox->initialised = false;
    outbox->committing = 0;
    outbox->sent = -1;
}

void outbox_free(Outbox *outbox) {
    if (outbox != NULL) {
        drop_producer(outbox);
        vec_free(&outbox->too_large);
        buf_free(&outbox->value);
        mem_free(outbox);
    }
}

int32_t outbox_lane(const Outbox *outbox) {
    return outbox->lane;
}

int64_t outbox_sent(const Outbox *outbox) {
    return outbox->sent;
}

int64_t outbox_transactions(const Outbox *outbox) {
    return outbox->transactions;
}

void outbox_expect(Outbox *outbox, int64_t lane_seq) {
    if (outbox->newest >= 0 && outbox->newest < lane_seq) {
        outbox->newest = lane_seq;
    }
}

void outbox_ask(Outbox *outbox) {
    outbox->newest = -1;
}

static bool all_is_sent(const Outbox *outbox) {
    return outbox->newest >= 0 && outbox->sent >= outbox->newest;
}

Str outbox_trouble(const Outbox *outbox) {
    return outbox->trouble[0] == '\0' ? STR_NONE : str_from(outbox->trouble);
}

// Notes the error, destroys it, and says what to do about it. NULL: no error.
static OutboxStatus settle(Outbox *outbox, rd_kafka_error_t *error) {
    if (error == NULL) {
        return OUTBOX_DONE;
    }
    snprintf(outbox->trouble, sizeof outbox->trouble, "%s", rd_kafka_error_string(error));
    bool lost = rd_kafka_error_is_fatal(error);
    rd_kafka_error_destroy(error);
    // A new one begins with init_transactions, which aborts what is open. The old one is not asked to: in librdkafka
    // 2 an answer to AddPartitionsToTxn that comes after rd_kafka_abort_transaction fails an assertion.
    drop_producer(outbox);
    return lost ? OUTBOX_LOST : OUTBOX_LATER;
}

// One number for topic and offset, never 0.
static int64_t record_number(const Rejection *r) {
    return r->kafka_offset * 2 + 1 + str_equal_text(r->topic, TOPIC_DESK);
}

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    Outbox *outbox = opaque;
    (void)producer;
    if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        *vec_push(&outbox->too_large) = (int64_t)(intptr_t)message->_private;
    }
}

static bool is_too_large(const Outbox *outbox, const Rejection *r) {
    for (size_t i = 0; i < outbox->too_large.count; i++) {
        if (outbox->too_large.items[i] == record_number(r)) {
            return true;
        }
    }
    return false;
}

// A rejection goes to the partition of its record, as far as there is one, so that those of a lane stay in
// order whatever their keys.
static int32_t choose_partition(const rd_kafka_topic_t *topic, const void *key, size_t key_len, int32_t partitions,
                                void *outbox, void *number) {
    if (number != NULL) {
        return ((const Outbox *)outbox)->lane % partitions;
    }
    return rd_kafka_msg_partitioner_murmur2(topic, key, key_len, partitions, NULL, NULL);
}

static bool open_producer(Outbox *outbox) {
    char id[300];
    snprintf(id, sizeof id, "%s-lane-%d", config_get(outbox->config, "kafka.group.id"), outbox->lane);
    const KafkaSetting fixed[] = {
        {"transactional.id", id},
        {"message.max.bytes", "2097152"}, // a record of 1 MiB and its headers
        {"linger.ms", "0"},
        {"partitioner", "murmur2"},             // makes the configuration of topics that is completed below
        {"sticky.partitioning.linger.ms", "0"}, // else records without a key do not ask choose_partition
    };
    rd_kafka_conf_t *conf =
        kafka_settings(outbox->config, fixed, sizeof fixed / sizeof fixed[0], outbox->trouble, sizeof outbox->trouble);
    if (conf == NULL) {
        return false;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, outbox);
    rd_kafka_topic_conf_t *topic_conf = rd_kafka_conf_get_default_topic_conf(conf);
    rd_kafka_topic_conf_set_partitioner_cb(topic_conf, choose_partition);
    rd_kafka_topic_conf_set_opaque(topic_conf, outbox);
    outbox->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, outbox->trouble, sizeof outbox->trouble);
    if (outbox->producer == NULL) {
        rd_kafka_conf_destroy(conf);
    }
    return outbox->producer != NULL;
}

static OutboxStatus prepare(Outbox *outbox, int timeout_ms) {
    if (outbox->producer == NULL && !open_producer(outbox)) {
        return OUTBOX_LATER;
    }
    if (outbox->initialised) {
        return OUTBOX_DONE;
    }
    rd_kafka_error_t *error = rd_kafka_init_transactions(outbox->producer, timeout_ms);
    if (error != NULL && rd_kafka_error_is_retriable(error)) {
        snprintf(outbox->trouble, sizeof outbox->trouble, "%s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return OUTBOX_LATER; // goes on where it is at the next call
    }
    outbox->initialised = error == NULL;
    return settle(outbox, error);
}

static void add_header(rd_kafka_headers_t *headers, const char *name, Str value) {
    rd_kafka_header_add(headers, name, -1, value.ptr, (ssize_t)(str_is_none(value) ? 0 : value.len));
}

static rd_kafka_headers_t *rejection_headers(const Rejection *r) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(5);
    char number[24];
    add_header(headers, "declared.reason", r->reasons);
    Str detail = r->detail;
    detail.len = detail.len > LIMIT_DETAIL_BYTES ? LIMIT_DETAIL_BYTES : detail.len;
    add_header(headers, "declared.detail", detail);
    add_header(headers, "declared.topic", r->topic);
    snprintf(number, sizeof number, "%d", r->partition);
    add_header(headers, "declared.partition", str_from(number));
    snprintf(number, sizeof number, "%lld", (long long)r->kafka_offset);
    add_header(headers, "declared.offset", str_from(number));
    return headers;
}

static rd_kafka_vu_t bytes_of(rd_kafka_vtype_t type, Str bytes) {
    rd_kafka_vu_t part = {.vtype = type};
    part.u.mem.ptr = (void *)(uintptr_t)bytes.ptr; // librdkafka copies it (RD_KAFKA_MSG_F_COPY)
    part.u.mem.size = bytes.len;
    return part;
}

// librdkafka asks for a topic that it knows from a record alone when it next looks at all of them, once a second, and
// the record waits for that; for one that is made like this it asks at once.
static rd_kafka_topic_t *open_topic(Outbox *outbox, OutTopic topic) {
    static const char *const names[OUT_COUNT] = {TOPIC_REJECTED, TOPIC_SNAPSHOTS, TOPIC_SNAPSHOTS_TEST};
    if (outbox->topics[topic] == NULL) {
        outbox->topics[topic] = rd_kafka_topic_new(outbox->producer, names[topic], NULL);
    }
    return outbox->topics[topic];
}

// `headers` (NULL: none) are librdkafka's afterwards, whatever came of it.
static rd_kafka_resp_err_t produce(Outbox *outbox, OutTopic out, Str key, Str value, rd_kafka_headers_t *headers,
                                   int64_t number) {
    rd_kafka_topic_t *topic = open_topic(outbox, out);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        bytes_of(RD_KAFKA_VTYPE_KEY, key),
        bytes_of(RD_KAFKA_VTYPE_VALUE, value),
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)number}, // NOLINT(performance-no-int-to-ptr)
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    size_t count = sizeof parts / sizeof parts[0] - (headers == NULL);
    rd_kafka_error_t *error = topic == NULL ? rd_kafka_error_new(rd_kafka_last_error(), NULL)
                                            : rd_kafka_produceva(outbox->producer, parts, count);
    rd_kafka_resp_err_t err = error == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
    if (error != NULL && headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    rd_kafka_error_destroy(error);
    return err;
}

static rd_kafka_resp_err_t produce_rejection(Outbox *outbox, const Rejection *r, bool with_value) {
    return produce(outbox, OUT_REJECTED, r->key, with_value ? r->payload : STR_NONE, rejection_headers(r),
                   record_number(r));
}

static rd_kafka_resp_err_t send_rejection(Outbox *outbox, const Rejection *r) {
    rd_kafka_resp_err_t err = produce_rejection(outbox, r, !is_too_large(outbox, r));
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? produce_rejection(outbox, r, false) : err;
}

static rd_kafka_resp_err_t send_snapshot(Outbox *outbox, const OutgoingSnapshot *out) {
    buf_clear(&outbox->value);
    encode_struct(STR_LIT("declared.CouncilControlSnapshot"), &out->snapshot, &outbox->value);
    return produce(outbox, out->is_test ? OUT_SNAPSHOTS_TEST : OUT_SNAPSHOTS, out->snapshot.election_id,
                   buf_str(&outbox->value), NULL, 0);
}

// All in one Kafka transaction, so that readers of committed records see each at least once, in order.
static OutboxStatus send_all(Outbox *outbox, const Outgoing *outgoing) {
    OutboxStatus status = settle(outbox, rd_kafka_begin_transaction(outbox->producer));
    if (status != OUTBOX_DONE) {
        return status;
    }
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < outgoing->rejections_count; i++) {
        err = send_rejection(outbox, &outgoing->rejections[i]);
    }
    for (size_t i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < outgoing->snapshots_count; i++) {
        err = send_snapshot(outbox, &outgoing->snapshots[i]);
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        snprintf(outbox->trouble, sizeof outbox->trouble, "%s", rd_kafka_err2str(err));
        drop_producer(outbox);
        return OUTBOX_LATER;
    }
    outbox->committing = outgoing->until;
    return OUTBOX_DONE;
}

// Commits what was sent, or goes on with it: a slow broker gets the time it needs.
static OutboxStatus commit(Outbox *outbox, Store *store, int timeout_ms) {
    rd_kafka_error_t *error = rd_kafka_commit_transaction(outbox->producer, timeout_ms);
    if (error != NULL && rd_kafka_error_is_retriable(error)) {
        snprintf(outbox->trouble, sizeof outbox->trouble, "%s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return OUTBOX_LATER;
    }
    int64_t until = outbox->committing;
    outbox->committing = 0;
    OutboxStatus status = settle(outbox, error);
    if (status != OUTBOX_DONE) {
        return status;
    }
    outbox->trouble[0] = '\0';
    outbox->transactions++;
    outbox->sent = until;
    vec_clear(&outbox->too_large);
    // If this fails they leave once more: at least once.
    if (store_advance_outbox(store, outbox->lane, until) != STORE_OK) {
        return OUTBOX_AWAY;
    }
    return all_is_sent(outbox) ? OUTBOX_DONE : OUTBOX_MORE;
}

OutboxStatus outbox_send(Outbox *outbox, Store *store, int timeout_ms) {
    if (outbox->committing > 0) {
        return commit(outbox, store, timeout_ms);
    }
    if (all_is_sent(outbox)) {
        return OUTBOX_DONE;
    }
    if (outbox->sent < 0 && store_read_outbox(store, outbox->lane, &outbox->sent) != STORE_OK) {
        return OUTBOX_AWAY;
    }
    Outgoing outgoing;
    if (store_read_outgoing(store, outbox->lane, outbox->sent, OUTBOX_ROWS, &outgoing) != STORE_OK) {
        return OUTBOX_AWAY;
    }
    if (outgoing.rejections_count + outgoing.snapshots_count == 0) {
        bool more = outgoing.until == outbox->sent + OUTBOX_ROWS;
        outbox->sent = outgoing.until;
        outbox->newest = more || outbox->newest > outgoing.until ? outbox->newest : outgoing.until;
        return more ? OUTBOX_MORE : OUTBOX_DONE;
    }
    if (!outbox->initialised) {
        // What was read before the broker has shut out every other sender for this lane may be old by now,
        // and must not be sent behind what is newer.
        outbox->sent = -1;
        OutboxStatus status = prepare(outbox, timeout_ms);
        return status == OUTBOX_DONE ? OUTBOX_MORE : status;
    }
    OutboxStatus status = send_all(outbox, &outgoing);
    return status == OUTBOX_DONE ? commit(outbox, store, timeout_ms) : status;
}
