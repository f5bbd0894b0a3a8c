// A client of a Confluent-compatible schema registry: GET {registry.url}/schemas/ids/{id}, one question at a
// time, and never longer in a call than the caller says. One thread.
#pragma once

#include "common/base/config.h"
#include "services/ingest/registry_answer.h"

typedef struct Registry Registry;

// False: a setting of [registry] makes no sense, with one line in `error` (without secrets).
bool registry_check(const Config *config, char *error, size_t error_size);

// NULL: no registry is set. The settings must have passed registry_check(). Connects to nothing.
Registry *registry_new(const Config *config);
void registry_free(Registry *registry);

// The URL without a login: what the database knows it by.
Str registry_name(const Registry *registry);

// Begins to ask, or goes on asking for the same id, and waits up to `patience_ms` for the answer. After
// REGISTRY_PENDING the answer is kept until it is asked for; a question for another id drops it. A question
// ends by itself after some seconds, as REGISTRY_AWAY. `text` lives until the next call.
RegistryStatus registry_ask(Registry *registry, int32_t id, int patience_ms, Str *text);
