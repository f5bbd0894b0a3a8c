// Settings: one table (config.c), filled from an INI file, then the environment, then options.
//
// The table names every setting with its type, default, bounds and help, and alone gives the help
// text, the sample file and the validation. Two sections are open: [kafka] takes any other key for
// librdkafka, [rules] takes rule codes (checked by domain/rule_settings.h). In the environment a
// setting is DECLARED_SECTION_KEY, upper case, `_` for `.`; an empty variable counts as not set.
//
// Values can be secrets: errors name the setting and where it was set, and show a value only where
// the setting is a number, a switch or a choice.
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"

// Immutable once loaded, so any thread may read it.
typedef struct Config Config;

typedef struct ConfigSources {
    const char *file;         // NULL: $DECLARED_CONFIG, else /etc/declared/declared.conf if it exists
    char *const *environment; // as environ; NULL: none
    const char *const *sets;  // options of the form "section.key=value", the last one counts
    size_t sets_count;
} ConfigSources;

// NULL: refused, with one line in `error` (arena) that names file and line, variable or option.
Config *config_load(const ConfigSources *sources, Arena *arena, Str *error);
void config_free(Config *config);

// Takes the value out of an option of the form of ConfigSources.sets where it can be a secret (postgres.uri, and what
// [kafka] passes to librdkafka), in place: everybody on a machine can read the arguments of its programs.
void config_hide(char *set);

// `name` is "section.key". Text is never NULL for a setting of the table (the default may be ""),
// and NULL for a key of an open section that nobody set. Asking for a name that the table does not
// have, or by the wrong type, is a mistake in the program and aborts.
const char *config_get(const Config *config, const char *name);
int config_int(const Config *config, const char *name);
bool config_bool(const Config *config, const char *name);

// All that is set or has a default in a section, in the table's order, then the file's.
typedef struct ConfigEntry {
    const char *key, *value;
    const char *origin; // "declared.conf:12", "DECLARED_LOG_LEVEL in the environment", "--set log.level", "default"
} ConfigEntry;

// Starts with *cursor == 0; false at the end.
bool config_next(const Config *config, const char *section, size_t *cursor, ConfigEntry *entry);

// The settings as text for --help, and as the sample file, which ends in the open section [rules].
void config_write_help(Buf *out);
void config_write_sample(Buf *out);
