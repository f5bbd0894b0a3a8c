#include "common/base/notify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct Manager {
    char folder[64], path[128];
    int fd;
} Manager;

static int forget_environment(void **state) {
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return 0;
}

static int start_manager(void **state) {
    static Manager manager;
    forget_environment(state);
    strcpy(manager.folder, "/tmp/notify-XXXXXX");
    manager.fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (mkdtemp(manager.folder) == NULL || manager.fd < 0) {
        return -1;
    }
    snprintf(manager.path, sizeof manager.path, "%s/socket", manager.folder);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    strcpy(at.sun_path, manager.path);
    setenv("NOTIFY_SOCKET", manager.path, 1);
    *state = &manager;
    return bind(manager.fd, (struct sockaddr *)&at, sizeof at);
}

static int end_manager(void **state) {
    Manager *manager = *state;
    close(manager->fd);
    unlink(manager->path);
    rmdir(manager->folder);
    return forget_environment(state);
}

static void expect_heard(int fd, const char *expected) {
    char heard[256];
    ssize_t len = recv(fd, heard, sizeof heard, MSG_DONTWAIT);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(heard, expected, (size_t)len);
}

static void the_manager_hears_each_message_as_a_datagram(void **state) {
    Manager *manager = *state;
    assert_true(notify_send("READY=1\nSTATUS=waits"));
    assert_true(notify_send("WATCHDOG=1"));
    expect_heard(manager->fd, "READY=1\nSTATUS=waits");
    expect_heard(manager->fd, "WATCHDOG=1");
}

static void a_name_that_is_no_file_is_reached_too(void **state) {
    (void)state;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int len = snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "declared-test-%d", getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)), 0);
    char name[128];
    snprintf(name, sizeof name, "@%s", at.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_true(notify_send("STOPPING=1"));
    expect_heard(fd, "STOPPING=1");
    close(fd);
}

static void nobody_who_asks_is_no_failure(void **state) {
    (void)state;
    assert_true(notify_send("READY=1"));
}

static void a_manager_that_is_gone_is_a_failure(void **state) {
    (void)state;
    setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
    assert_false(notify_send("READY=1"));
    assert_int_equal(errno, ENOENT);
}

static void an_address_of_another_kind_is_refused(void **state) {
    (void)state;
    char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    const char *const addresses[] = {"", "relative", "vsock:2:1234", longer};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        setenv("NOTIFY_SOCKET", addresses[i], 1);
        assert_false(notify_send("READY=1"));
        assert_int_equal(errno, EINVAL);
    }
}

static void a_manager_that_does_not_read_keeps_nobody_waiting(void **state) {
    Manager *manager = *state;
    int sent = 0;
    while (sent < 100000 && notify_send("WATCHDOG=1")) {
        sent++;
    }
    assert_in_range(sent, 1, 99999);
    assert_int_equal(errno, EAGAIN);
    expect_heard(manager->fd, "WATCHDOG=1");
}

static void the_watchdog_is_of_this_process_alone(void **state) {
    (void)state;
    assert_int_equal(notify_watchdog_ms(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(notify_watchdog_ms(), 30000);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(notify_watchdog_ms(), 0);
    char self[32];
    snprintf(self, sizeof self, "%d", getpid());
    setenv("WATCHDOG_PID", self, 1);
    assert_int_equal(notify_watchdog_ms(), 30000);
}

static void a_watchdog_that_is_no_time_is_none(void **state) {
    (void)state;
    const char *const times[] = {"", "0", "-5", "soon", "10s"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        setenv("WATCHDOG_USEC", times[i], 1);
        assert_int_equal(notify_watchdog_ms(), 0);
    }
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, forget_environment, forget_environment)
#define MANAGED(test) cmocka_unit_test_setup_teardown(test, start_manager, end_manager)

int main(void) {
    const struct CMUnitTest tests[] = {
        MANAGED(the_manager_hears_each_message_as_a_datagram),
        ALONE(a_name_that_is_no_file_is_reached_too),
        ALONE(nobody_who_asks_is_no_failure),
        ALONE(a_manager_that_is_gone_is_a_failure),
        ALONE(an_address_of_another_kind_is_refused),
        MANAGED(a_manager_that_does_not_read_keeps_nobody_waiting),
        ALONE(the_watchdog_is_of_this_process_alone),
        ALONE(a_watchdog_that_is_no_time_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
