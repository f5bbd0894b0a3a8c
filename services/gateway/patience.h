// How long a client may take to send a request: a connection whose head is not there in time is shut down,
// however busily it sends. (The library's own timeout is of silence alone.)
#pragma once

#include <stdbool.h>

typedef struct Patience Patience;
typedef struct Guest Guest; // a connection

// NULL: its thread cannot be started.
Patience *patience_start(int head_timeout_s);
void patience_stop(Patience *patience); // has no guests; NULL is fine

// A connection that begins, and one that is about to be closed.
Guest *patience_admit(Patience *patience, int fd);
void patience_dismiss(Guest *guest);

// Its request is there; or answered, so that the next may come.
void patience_rest(Guest *guest);
void patience_await(Guest *guest);
