#include "common/base/config.h"

#include "common/base/mem.h"
#include "common/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define DEFAULT_FILE "/etc/declared/declared.conf"
#define ENVIRONMENT_PREFIX "DECLARED_"

typedef enum Keys {
    KEYS_LISTED, // those of the settings table, no other
    KEYS_DOTTED, // any; in the environment `_` stands for `.`
    KEYS_CODES,  // any; the same in the environment
} Keys;

static const struct {
    const char *name;
    Keys keys;
    const char *help;
} sections[] = {
    {"kafka", KEYS_DOTTED, "Every other key passes to librdkafka as it is: security.protocol, ssl.ca.location, sasl.username, ..."},
    {"postgres", KEYS_LISTED, "The database of the ledger and the api schema."},
    {"daemon", KEYS_LISTED, "The process that consumes the topics."},
    {"sources", KEYS_LISTED, "Who sends declarations."},
    {"calls", KEYS_LISTED, "Calls of a council's control."},
    {"gateway", KEYS_LISTED, "The read-only HTTP server."},
    {"registry", KEYS_LISTED, "Schemas of other writers."},
    {"log", KEYS_LISTED, "Lines on standard error."},
    {"rules", KEYS_CODES, "What a rule does to a record that breaks it: CODE = off, warning, held or rejected."},
};

typedef enum Type { TYPE_TEXT, TYPE_INT, TYPE_BOOL, TYPE_CHOICE } Type;

typedef struct Setting {
    const char *section, *key;
    Type type;
    const char *preset;  // the default, as a file would have it
    int least, most;     // of a number
    const char *choices; // separated by '|'
    bool secret;
    const char *help;
} Setting;

static const Setting settings[] = {
    {"kafka", "bootstrap.servers", TYPE_TEXT, "localhost:9092", .help = "brokers, host:port, comma-separated"},
    {"kafka", "group.id", TYPE_TEXT, "declared", .help = "consumer group; also begins each lane's transactional.id"},
    {"postgres", "uri", TYPE_TEXT, "postgresql://localhost/declared", .secret = true,
     .help = "libpq connection string or URI; never in plain text with sslmode=verify-full"},
    {"postgres", "role", TYPE_TEXT, "", .help = "SET ROLE after connecting; empty: stay the login's role"},
    {"daemon", "workers", TYPE_INT, "1", 1, 64, .help = "workers in this process, a consumer and a connection each"},
    {"daemon", "instance", TYPE_TEXT, "", .help = "name of this process for static group membership; empty: none"},
    {"daemon", "elections_mb", TYPE_INT, "10", 1, 65536,
     .help = "memory of a worker for elections at hand; others are on its shelf until they are wanted"},
    {"daemon", "shelf", TYPE_TEXT, "/var/tmp",
     .help = "folder of a worker's file for elections not at hand; empty: they are read from the ledger"},
    {"daemon", "listen", TYPE_TEXT, "", .help = "host:port for /metrics, /healthz and /readyz; empty: none"},
    {"sources", "rank", TYPE_TEXT, "", .help = "sources, best first, comma-separated; others follow"},
    {"calls", "require_approval", TYPE_BOOL, "no", .help = "a call's headline and flash wait for the desk"},
    {"gateway", "listen", TYPE_TEXT, "127.0.0.1:8080", .help = "host:port"},
    {"gateway", "assets", TYPE_TEXT, "", .help = "folder of the page; empty: share/declared/page beside bin"},
    {"gateway", "workers", TYPE_INT, "2", 1, 32, .help = "threads that ask the database, a connection each"},
    {"gateway", "connections", TYPE_INT, "4096", 16, 65536, .help = "of clients at a time, streams included"},
    {"registry", "url", TYPE_TEXT, "", .help = "Confluent-compatible schema registry; empty: none is asked"},
    {"registry", "user", TYPE_TEXT, "", .help = "name for its basic authentication; empty: none"},
    {"registry", "password", TYPE_TEXT, "", .help = "password of that name"},
    {"registry", "ca", TYPE_TEXT, "", .help = "file of certificates that its own must lead to; empty: the system's"},
    {"log", "level", TYPE_CHOICE, "info", .choices = "debug|info|warning|error", .help = "least level that is written"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

typedef struct Entry {
    const Setting *setting; // NULL: a key of an open section
    const char *section, *key, *value, *origin;
} Entry;

struct Config {
    Arena memory; // of all text below
    Entry *entries;
    size_t count, capacity;
};

// What a load works on; `error` is set once, by the first failure.
typedef struct Loader {
    Config *config;
    Arena *arena;
    Str *error;
} Loader;

#define FAIL(loader, ...)                                                                                              \
    (*(loader)->error = text_one_line((loader)->arena, arena_printf((loader)->arena, __VA_ARGS__)), false)

static const char *keep(Config *config, Str text) {
    return arena_copy(&config->memory, text).ptr;
}

static Entry *find_entry(const Config *config, Str section, Str key) {
    for (size_t i = 0; i < config->count; i++) {
        Entry *entry = &config->entries[i];
        if (str_equal_text(section, entry->section) && str_equal_text(key, entry->key)) {
            return entry;
        }
    }
    return NULL;
}

static Entry *add_entry(Config *config) {
    if (config->count == config->capacity) {
        config->capacity = config->capacity == 0 ? 32 : config->capacity * 2;
        config->entries = mem_resize(config->entries, config->capacity, sizeof *config->entries);
    }
    config->entries[config->count] = (Entry){0};
    return &config->entries[config->count++];
}

static bool read_int(const char *text, int *value) {
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    *value = (int)number;
    return end != text && *end == '\0' && errno == 0 && number >= INT_MIN && number <= INT_MAX;
}

static bool read_bool(const char *text, bool *value) {
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true}, {"no", false},  {"true", true}, {"false", false},
                 {"on", true},  {"off", false}, {"1", true},    {"0", false}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

static bool is_choice(const char *choices, const char *text) {
    size_t len = strlen(text);
    for (const char *at = choices; len > 0 && at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, text, len) == 0 && (at[len] == '|' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool check_value(Loader *loader, const Setting *setting, const char *value, const char *origin) {
    int number;
    bool truth;
    switch (setting->type) {
    case TYPE_TEXT:
        return true;
    case TYPE_INT:
        if (read_int(value, &number) && number >= setting->least && number <= setting->most) {
            return true;
        }
        return FAIL(loader, "%s: %s.%s is a number from %d to %d, not '%s'", origin, setting->section, setting->key,
                    setting->least, setting->most, value);
    case TYPE_BOOL:
        return read_bool(value, &truth) ||
               FAIL(loader, "%s: %s.%s is yes or no, not '%s'", origin, setting->section, setting->key, value);
    case TYPE_CHOICE:
        return is_choice(setting->choices, value) || FAIL(loader, "%s: %s.%s is one of %s, not '%s'", origin,
                                                          setting->section, setting->key, setting->choices, value);
    }
    return false;
}

static bool find_section(Str name, Keys *keys) {
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        if (str_equal_text(name, sections[i].name)) {
            *keys = sections[i].keys;
            return true;
        }
    }
    return false;
}

// What librdkafka's properties and rule codes are made of; anything else could not be written in a file.
static bool is_key(Str key) {
    for (size_t i = 0; i < key.len; i++) {
        if (!isalnum((unsigned char)key.ptr[i]) && (key.ptr[i] == '\0' || strchr("._-", key.ptr[i]) == NULL)) {
            return false;
        }
    }
    return key.len > 0;
}

static bool set_value(Loader *loader, Str section, Str key, Str value, const char *origin) {
    Config *config = loader->config;
    Keys keys;
    if (!find_section(section, &keys)) {
        return FAIL(loader, "%s: no such section: [" STR_FMT "]", origin, STR_ARG(section));
    }
    Entry *entry = find_entry(config, section, key);
    if (entry == NULL && (keys == KEYS_LISTED || !is_key(key))) {
        return FAIL(loader, "%s: no such setting: " STR_FMT "." STR_FMT, origin, STR_ARG(section), STR_ARG(key));
    }
    const char *text = keep(config, value);
    if (entry == NULL) {
        entry = add_entry(config);
        entry->section = keep(config, section);
        entry->key = keep(config, key);
    } else if (entry->setting != NULL && !check_value(loader, entry->setting, text, origin)) {
        return false;
    }
    entry->value = text;
    entry->origin = keep(config, str_from(origin));
    return true;
}

static Str trim(Str s) {
    while (s.len > 0 && isspace((unsigned char)s.ptr[0])) {
        s = str_slice(s, 1, s.len);
    }
    while (s.len > 0 && isspace((unsigned char)s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

// Cuts `text` at the first `mark`; false when there is none.
static bool split(Str text, char mark, Str *before, Str *after) {
    const char *at = text.len == 0 ? NULL : memchr(text.ptr, mark, text.len);
    if (at == NULL) {
        return false;
    }
    size_t cut = (size_t)(at - text.ptr);
    *before = trim(str_slice(text, 0, cut));
    *after = trim(str_slice(text, cut + 1, text.len));
    return true;
}

// One line of the file; `section` is the one it stands in, and moves with each header.
static bool read_line(Loader *loader, Str line, Str *section, const char *origin) {
    line = trim(line);
    if (line.len > 0 && memchr(line.ptr, 0, line.len) != NULL) { // behind which a value would be cut off
        return FAIL(loader, "%s: a NUL byte", origin);
    }
    if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';') {
        return true;
    }
    if (line.ptr[0] == '[') {
        Keys keys;
        Str name = line.ptr[line.len - 1] == ']' ? trim(str_slice(line, 1, line.len - 1)) : line;
        if (!find_section(name, &keys)) {
            return FAIL(loader, "%s: no such section: " STR_FMT, origin, STR_ARG(line));
        }
        *section = str_from(keep(loader->config, name));
        return true;
    }
    Str key, value;
    if (!split(line, '=', &key, &value) || key.len == 0) {
        return FAIL(loader, "%s: neither [section], key = value nor a comment", origin);
    }
    if (str_is_none(*section)) {
        return FAIL(loader, "%s: a setting before the first [section]", origin);
    }
    return set_value(loader, *section, key, value, origin);
}

static bool read_file(Loader *loader, const char *path, bool must_exist) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return (errno == ENOENT && !must_exist) || FAIL(loader, "%s: %s", path, strerror(errno));
    }
    char *line = NULL;
    size_t capacity = 0;
    Str section = STR_NONE;
    bool good = true;
    ssize_t len;
    for (int number = 1; good && (len = getline(&line, &capacity, file)) >= 0; number++) {
        Str origin = arena_printf(loader->arena, "%s:%d", path, number);
        good = read_line(loader, (Str){line, (size_t)len}, &section, origin.ptr);
    }
    if (good && ferror(file)) {
        good = FAIL(loader, "%s: %s", path, strerror(errno));
    }
    free(line);
    fclose(file);
    return good;
}

// As a variable's name has it; ASCII, whatever the locale.
static void to_variable(char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '.') {
            *text = '_';
        } else if (*text >= 'a' && *text <= 'z') {
            *text ^= 'a' ^ 'A';
        }
    }
}

static void to_dotted(char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '_') {
            *text = '.';
        } else if (*text >= 'A' && *text <= 'Z') {
            *text ^= 'a' ^ 'A';
        }
    }
}

// The variable of a setting or, with an empty key, the prefix of a section's variables.
static Str variable_name(Arena *arena, const char *section, const char *key) {
    Str name = arena_printf(arena, "%s_%s", section, key);
    to_variable((char *)name.ptr);
    return arena_printf(arena, ENVIRONMENT_PREFIX STR_FMT, STR_ARG(name));
}

static Str key_of_variable(Arena *arena, Str rest, Keys keys) {
    Str key = arena_copy(arena, rest);
    if (keys == KEYS_DOTTED) {
        to_dotted((char *)key.ptr);
    }
    return key;
}

static bool read_variable(Loader *loader, Str name, Str value) {
    Arena *arena = loader->arena;
    const char *origin = arena_printf(arena, STR_FMT " in the environment", STR_ARG(name)).ptr;
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        const Setting *setting = &settings[i];
        if (str_equal(name, variable_name(arena, setting->section, setting->key))) {
            return set_value(loader, str_from(setting->section), str_from(setting->key), value, origin);
        }
    }
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        Str prefix = variable_name(arena, sections[i].name, "");
        if (!str_starts_with(name, prefix)) {
            continue;
        }
        if (sections[i].keys == KEYS_LISTED) {
            return FAIL(loader, "%s: no such setting in section [%s]", origin, sections[i].name);
        }
        Str key = key_of_variable(arena, str_slice(name, prefix.len, name.len), sections[i].keys);
        return set_value(loader, str_from(sections[i].name), key, value, origin);
    }
    return true; // DECLARED_CONFIG and what other tools call so
}

static bool read_environment(Loader *loader, char *const *environment) {
    for (; environment != NULL && *environment != NULL; environment++) {
        Str name, value;
        if (strncmp(*environment, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) == 0 &&
            split(str_from(*environment), '=', &name, &value) && value.len > 0 && !read_variable(loader, name, value)) {
            return false;
        }
    }
    return true;
}

static bool read_option(Loader *loader, const char *text) {
    Str name, value, section, key;
    if (!split(str_from(text), '=', &name, &value) || !split(name, '.', &section, &key)) {
        return FAIL(loader, "--set: write it as section.key=value");
    }
    Str origin = arena_printf(loader->arena, "--set " STR_FMT, STR_ARG(name));
    return set_value(loader, section, key, value, origin.ptr);
}

static const char *find_variable(char *const *environment, const char *name) {
    size_t len = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=') {
            return *environment + len + 1;
        }
    }
    return NULL;
}

static bool read_all(Loader *loader, const ConfigSources *sources) {
    const char *named = sources->file != NULL ? sources->file : find_variable(sources->environment, "DECLARED_CONFIG");
    bool must_exist = named != NULL && *named != '\0';
    if (!read_file(loader, must_exist ? named : DEFAULT_FILE, must_exist) ||
        !read_environment(loader, sources->environment)) {
        return false;
    }
    for (size_t i = 0; i < sources->sets_count; i++) {
        if (!read_option(loader, sources->sets[i])) {
            return false;
        }
    }
    return true;
}

Config *config_load(const ConfigSources *sources, Arena *arena, Str *error) {
    Config *config = mem_alloc(1, sizeof *config);
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        *add_entry(config) = (Entry){&settings[i], settings[i].section, settings[i].key, settings[i].preset, "default"};
    }
    Loader loader = {config, arena, error};
    if (!read_all(&loader, sources)) {
        config_free(config);
        return NULL;
    }
    return config;
}

// What the table does not have is librdkafka's, and can be a password.
static bool is_secret(Str section, Str key) {
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (str_equal_text(section, settings[i].section) && str_equal_text(key, settings[i].key)) {
            return settings[i].secret;
        }
    }
    return str_equal_text(section, "kafka");
}

void config_hide(char *set) {
    Str name, value, section, key;
    if (split(str_from(set), '=', &name, &value) && split(name, '.', &section, &key) && is_secret(section, key)) {
        char *secret = strchr(set, '=') + 1;
        memset(secret, '\0', strlen(secret));
    }
}

void config_free(Config *config) {
    if (config != NULL) {
        arena_free(&config->memory);
        mem_free(config->entries);
        mem_free(config);
    }
}

static const Entry *entry_by_name(const Config *config, const char *name) {
    const char *dot = strchr(name, '.');
    return dot == NULL ? NULL : find_entry(config, (Str){name, (size_t)(dot - name)}, str_from(dot + 1));
}

static _Noreturn void stop_on_wrong_name(const char *name) {
    fprintf(stderr, "declared: the program asks for the setting %s, which is not in the table\n", name);
    abort();
}

static const Entry *entry_of_type(const Config *config, const char *name, Type type) {
    const Entry *entry = entry_by_name(config, name);
    if (entry == NULL || entry->setting == NULL || entry->setting->type != type) {
        stop_on_wrong_name(name);
    }
    return entry;
}

const char *config_get(const Config *config, const char *name) {
    const Entry *entry = entry_by_name(config, name);
    if (entry != NULL) {
        return entry->value;
    }
    Keys keys;
    size_t section_len = strcspn(name, ".");
    if (!find_section((Str){name, section_len}, &keys) || keys == KEYS_LISTED) {
        stop_on_wrong_name(name);
    }
    return NULL;
}

int config_int(const Config *config, const char *name) {
    int value = 0;
    read_int(entry_of_type(config, name, TYPE_INT)->value, &value);
    return value;
}

bool config_bool(const Config *config, const char *name) {
    bool value = false;
    read_bool(entry_of_type(config, name, TYPE_BOOL)->value, &value);
    return value;
}

bool config_next(const Config *config, const char *section, size_t *cursor, ConfigEntry *found) {
    while (*cursor < config->count) {
        const Entry *entry = &config->entries[(*cursor)++];
        if (strcmp(entry->section, section) == 0) {
            *found = (ConfigEntry){entry->key, entry->value, entry->origin};
            return true;
        }
    }
    return false;
}

static void write_bounds(Buf *out, const Setting *setting) {
    if (setting->type == TYPE_INT) {
        buf_printf(out, " (%d to %d)", setting->least, setting->most);
    } else if (setting->type == TYPE_CHOICE) {
        buf_printf(out, " (%s)", setting->choices);
    } else if (setting->type == TYPE_BOOL) {
        buf_printf(out, " (yes|no)");
    }
}

void config_write_help(Buf *out) {
    buf_printf(out, "Settings, in an INI file (--config FILE, else " DEFAULT_FILE "), as DECLARED_SECTION_KEY in\n"
                    "the environment (dots as _), or as --set section.key=value; the last of these counts:\n");
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        buf_printf(out, "\n[%s]  %s\n", sections[i].name, sections[i].help);
        for (size_t j = 0; j < COUNT_OF(settings); j++) {
            const Setting *setting = &settings[j];
            if (strcmp(setting->section, sections[i].name) == 0) {
                buf_printf(out, "  %-18s %s", setting->key, setting->help);
                write_bounds(out, setting);
                buf_printf(out, *setting->preset == '\0' ? "\n" : "; %s\n", setting->preset);
            }
        }
    }
}

void config_write_sample(Buf *out) {
    buf_printf(out,
               "# Settings of declared, declarectl and declared-gateway. What is commented out is the default.\n"
               "# Each may also be set in the environment, as DECLARED_SECTION_KEY, or by --set section.key=value.\n"
               "# Written by `declarectl config sample`.\n");
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        buf_printf(out, "\n# %s\n[%s]\n", sections[i].help, sections[i].name);
        for (size_t j = 0; j < COUNT_OF(settings); j++) {
            const Setting *setting = &settings[j];
            if (strcmp(setting->section, sections[i].name) == 0) {
                buf_printf(out, "# %s", setting->help);
                write_bounds(out, setting);
                buf_printf(out, "\n#%s =%s%s\n", setting->key, *setting->preset == '\0' ? "" : " ", setting->preset);
            }
        }
    }
}
