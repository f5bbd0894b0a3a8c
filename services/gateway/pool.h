// Threads that ask the database, each with a session of its own, so that the thread that serves the network
// never waits for it.
#pragma once

#include "services/gateway/session.h"

typedef struct Pool Pool;

// What a thread does with its session. Called once for every pool_add that returned true.
typedef void PoolWork(Session *session, void *argument);

// NULL: no thread could be started; errno says why. *running counts the threads that have not ended.
Pool *pool_new(Database *database, int threads, atomic_int *running);

// False: too much waits already. Any thread.
bool pool_add(Pool *pool, PoolWork *work, void *argument);

// The threads do what still waits and end; to be called once.
void pool_stop(Pool *pool);

// After *running is 0.
void pool_free(Pool *pool);
