#include "common/postgres/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const PQconninfoOption *find(const Hosts *hosts, const char *name) {
    const PQconninfoOption *option = hosts->options;
    while (option != NULL && option->keyword != NULL && strcmp(option->keyword, name) != 0) {
        option++;
    }
    return option != NULL && option->keyword != NULL ? option : NULL;
}

// Empty: not given.
static const char *value_of(const Hosts *hosts, const char *name) {
    const PQconninfoOption *option = find(hosts, name);
    return option != NULL && option->val != NULL ? option->val : "";
}

// What libpq takes for a gap in the list of ports; a URI that names none has nothing else in it.
static const char *default_port(const Hosts *hosts) {
    const PQconninfoOption *option = find(hosts, "port");
    return option != NULL && option->compiled != NULL ? option->compiled : "";
}

// Lists have commas between their elements and no way to write a comma in one.
static size_t elements(const char *list) {
    size_t count = *list != '\0';
    for (; *list != '\0'; list++) {
        count += *list == ',';
    }
    return count;
}

static void element(const char *list, size_t number, char *text) {
    for (; number > 0; number--) {
        list += strcspn(list, ",") + 1;
    }
    snprintf(text, HOST_BYTES, "%.*s", (int)strcspn(list, ","), list);
}

static bool fits(const char *list, size_t least) {
    for (size_t i = 0, count = elements(list); i < count; i++) {
        size_t len = strcspn(list, ",");
        if (len < least || len >= HOST_BYTES) {
            return false;
        }
        list += len + 1;
    }
    return true;
}

static size_t count_hosts(const Hosts *hosts) {
    const char *host = value_of(hosts, "host"), *address = value_of(hosts, "hostaddr"), *port = value_of(hosts, "port");
    size_t names = elements(host), addresses = elements(address), ports = elements(port);
    size_t count = names > addresses ? names : addresses;
    bool matching =
        (names == 0 || names == count) && (addresses == 0 || addresses == count) && (ports <= 1 || ports == count);
    bool random = value_of(hosts, "load_balance_hosts")[0] != '\0'; // libpq's own affair
    return count > 1 && matching && !random && fits(host, 1) && fits(address, 1) && fits(port, 0) ? count : 1;
}

void hosts_read(Hosts *hosts, const char *uri) {
    enum { LEAST_S = 2, MOST_S = 600 };
    *hosts = (Hosts){.options = PQconninfoParse(uri, NULL), .count = 1};
    hosts->count = count_hosts(hosts);
    hosts->standbys_first = hosts->count > 1 && strcmp(value_of(hosts, "target_session_attrs"), "prefer-standby") == 0;
    long seconds = strtol(value_of(hosts, "connect_timeout"), NULL, 10);
    if (seconds > 0) {
        hosts->timeout_ms = 1000 * (int)(seconds < LEAST_S ? LEAST_S : seconds > MOST_S ? MOST_S : seconds);
    }
}

void hosts_free(Hosts *hosts) {
    PQconninfoFree(hosts->options);
    hosts->options = NULL;
}

size_t hosts_attempts(const Hosts *hosts) {
    return hosts->standbys_first ? 2 * hosts->count : hosts->count;
}

HostAttempt hosts_attempt(const Hosts *hosts, size_t number) {
    HostAttempt attempt = {.session_attributes = ""};
    if (hosts->count == 1) {
        return attempt;
    }
    size_t at = number % hosts->count;
    const char *port = value_of(hosts, "port");
    element(value_of(hosts, "host"), elements(value_of(hosts, "host")) > 0 ? at : 0, attempt.host);
    element(value_of(hosts, "hostaddr"), elements(value_of(hosts, "hostaddr")) > 0 ? at : 0, attempt.address);
    element(port, elements(port) > 1 ? at : 0, attempt.port);
    if (elements(port) > 1 && attempt.port[0] == '\0') {
        snprintf(attempt.port, sizeof attempt.port, "%s", default_port(hosts));
    }
    if (hosts->standbys_first) {
        attempt.session_attributes = number < hosts->count ? "standby" : "any";
    }
    return attempt;
}
