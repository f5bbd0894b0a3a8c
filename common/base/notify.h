// What a service manager wants to know of a daemon: the protocol of sd_notify(3), datagrams to the socket that
// $NOTIFY_SOCKET names. It is stable and this small, so libsystemd is not wanted, nor the libraries that it loads.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Sends assignments, one a line: "READY=1\nSTATUS=waits". True where nobody asked ($NOTIFY_SOCKET is not set). False:
// it could not be sent, with the reason in errno; a daemon goes on all the same. Waits for nothing. Any thread.
bool notify_send(const char *assignments);

// Within what time the manager wants the next "WATCHDOG=1" of this process, in ms; 0: it wants none.
int64_t notify_watchdog_ms(void);
