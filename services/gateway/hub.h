// The one listener of the process: waits for PostgreSQL's notifications, reads what is new once, and wakes
// the clients of both feeds. A notification is a hint only: the lanes are looked at twice a second anyway.
#pragma once

#include "services/gateway/feed.h"

typedef struct Hub Hub;

enum { HUB_FEEDS = 2 }; // api, api_test

// Starts its thread, which *running counts. NULL: it cannot; errno says why.
Hub *hub_start(Database *database, atomic_int *running);
void hub_free(Hub *hub); // after *running is 0

// That of the schema.
Feed *hub_feed(Hub *hub, const char *schema);

// Changes whenever an answer may have: a lane has moved, or nobody can know. 0: nobody can know now.
uint64_t hub_generation(const Hub *hub);
