#include "services/ingest/kafka_settings.h"

#include "common/base/log.h"

#include <stdio.h>
#include <string.h>

// librdkafka's own lines: of use to who debugs a broker, noise to everybody else.
static void log_line(const rd_kafka_t *kafka, int level, const char *facility, const char *text) {
    (void)kafka;
    (void)level;
    log_debug("librdkafka %s: %s", facility, text);
}

rd_kafka_conf_t *kafka_settings(const Config *config, const KafkaSetting *fixed, size_t count, char *error,
                                size_t error_size) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, log_line);
    // A broker that comes back is found within a second, not ten.
    rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "1000", NULL, 0);
    char reason[256];
    ConfigEntry entry;
    for (size_t cursor = 0; config_next(config, "kafka", &cursor, &entry);) {
        if (rd_kafka_conf_set(conf, entry.key, entry.value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
            // The value may be a secret, and librdkafka's reason may quote it.
            snprintf(error, error_size, "%s: librdkafka does not accept this value of kafka.%s", entry.origin, entry.key);
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_conf_set(conf, fixed[i].key, fixed[i].value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
            snprintf(error, error_size, "kafka.%s: %s", fixed[i].key, reason);
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    return conf;
}
