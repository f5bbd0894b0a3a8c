// How the test programs log in: as every program does, by DECLARED_KAFKA_... in the environment.
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

// What is set there, over what the program has set itself, but for the servers: those are its argument. False after a line on standard error.
bool set_from_environment(rd_kafka_conf_t *conf);
