// The hosts of a connection string, to be tried one by one. libpq goes through a list by itself, but only
// PQconnectdb leaves a host that does not answer: with PQconnectPoll a machine without power would keep its caller
// from all that stand behind it. Pure but for libpq's parser.
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

enum { HOST_BYTES = 256 };

typedef struct Hosts {
    PQconninfoOption *options; // owned; NULL: not a connection string
    size_t count;              // at least 1
    bool standbys_first;       // target_session_attrs=prefer-standby: all of them as standbys, then all as they are
    int timeout_ms;            // for each: the string's connect_timeout, as libpq has it; 0: it says none
} Hosts;

// What of a connection string one attempt replaces. An empty text replaces nothing.
typedef struct HostAttempt {
    char host[HOST_BYTES], address[HOST_BYTES], port[HOST_BYTES];
    const char *session_attributes;
} HostAttempt;

// A list that libpq would refuse, or in which a host is left out, counts as one host: libpq is to have its say.
void hosts_read(Hosts *hosts, const char *uri);
void hosts_free(Hosts *hosts);

size_t hosts_attempts(const Hosts *hosts);
HostAttempt hosts_attempt(const Hosts *hosts, size_t number);
