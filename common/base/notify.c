#include "common/base/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool notify_send(const char *assignments) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path == NULL) {
        return true;
    }
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len >= sizeof to.sun_path) {
        errno = EINVAL;
        return false;
    }
    memcpy(to.sun_path, path, len);
    if (path[0] == '@') {
        to.sun_path[0] = '\0'; // a name that is no file
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ssize_t sent =
        sendto(fd, assignments, strlen(assignments), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, to_len);
    int reason = errno;
    close(fd);
    errno = reason;
    return sent >= 0;
}

static int64_t number_of(const char *name) {
    const char *text = getenv(name);
    char *end = NULL;
    long long value = text == NULL ? 0 : strtoll(text, &end, 10);
    return text != NULL && end != text && *end == '\0' && value > 0 ? (int64_t)value : 0;
}

int64_t notify_watchdog_ms(void) {
    // The variables are inherited: a manager that means another process says which.
    if (getenv("WATCHDOG_PID") != NULL && number_of("WATCHDOG_PID") != getpid()) {
        return 0;
    }
    return number_of("WATCHDOG_USEC") / 1000;
}
