// librdkafka's configuration from ours: [kafka] passed through, then what the daemon relies on.
#pragma once

#include "common/base/config.h"

#include <librdkafka/rdkafka.h>

typedef struct KafkaSetting {
    const char *key, *value;
} KafkaSetting;

// `fixed` (count of them) override the configuration. NULL: refused, with the reason in `error`.
rd_kafka_conf_t *kafka_settings(const Config *config, const KafkaSetting *fixed, size_t count, char *error,
                                size_t error_size);
