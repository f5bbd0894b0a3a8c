#include "tests/support/kafka_environment.h"

#include "common/base/config.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

bool set_from_environment(rd_kafka_conf_t *conf) {
    Arena arena = {0};
    Str error = STR_NONE;
    const ConfigSources sources = {.file = "/dev/null", .environment = environ};
    Config *config = config_load(&sources, &arena, &error);
    bool good = config != NULL;
    ConfigEntry entry;
    for (size_t cursor = 0; good && config_next(config, "kafka", &cursor, &entry);) {
        bool named = strcmp(entry.key, "bootstrap.servers") == 0; // by the program's argument
        if (!named && strcmp(entry.origin, "default") != 0) {
            good = rd_kafka_conf_set(conf, entry.key, entry.value, NULL, 0) == RD_KAFKA_CONF_OK;
            error = good ? error : arena_printf(&arena, "kafka.%s is not accepted", entry.key);
        }
    }
    if (!good) {
        fprintf(stderr, STR_FMT "\n", STR_ARG(error));
    }
    config_free(config);
    arena_free(&arena);
    return good;
}
