#include "common/http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,                // a page that every desk opens at 22:00
    UNANSWERED_TIMEOUT_MS = 30000, // a client whose machine is gone is dropped
};

static int open_socket(const struct addrinfo *at) {
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    int on = 1, timeout_ms = UNANSWERED_TIMEOUT_MS;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms); // accepted sockets inherit it
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    int problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

static Str address_of(int fd, Arena *arena) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    }
    return arena_printf(arena, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

// The resolver takes larger numbers modulo 65536.
static bool is_port(const char *text) {
    size_t len = strlen(text);
    return len > 0 && len <= 5 && strspn(text, "0123456789") == len && atoi(text) <= 65535;
}

int listen_open(const char *setting, const char *listen, Arena *arena, Str *address, Str *error) {
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || !is_port(colon + 1)) {
        *error = arena_printf(arena, "%s is host:port, a port up to 65535, not '%s'", setting, listen);
        return -1;
    }
    Str host = {listen, (size_t)(colon - listen)};
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        host = str_slice(host, 1, host.len - 1);
    }
    const char *name = host.len == 0 ? NULL : arena_copy(arena, host).ptr;
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int failure = getaddrinfo(name, colon + 1, &hints, &found);
    if (failure != 0) {
        *error = arena_printf(arena, "%s '%s': %s", setting, listen, gai_strerror(failure));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = open_socket(at);
    }
    freeaddrinfo(found);
    if (fd < 0) {
        *error = arena_printf(arena, "cannot listen on %s: %s", listen, strerror(errno));
        return -1;
    }
    *address = address_of(fd, arena);
    return fd;
}
