// One client of a stream: from where it stopped, out of the database; then along with the feed.
//
//     id: 3:25.1
//     event: snapshot
//     data: {"election_id":"local.medway.2023-05-04","seq":25,...}
//
// The database is read by the pool, never by the network's thread. A client that reads up does so in pieces:
// the next is read when the last has been sent.
#pragma once

#include "services/gateway/hub.h"
#include "services/gateway/pool.h"
#include "services/gateway/routes.h"

#include <microhttpd.h>

typedef struct StreamParts {
    Hub *hub;
    Pool *pool;
} StreamParts;

// `ask` is for the route /stream, `last_event_id` the header of that name, or NULL; it goes over the parameter.
// NULL, with a line in `problem` (arena): the parameters make no sense. The response's last user ends the client.
struct MHD_Response *stream_open(const StreamParts *parts, struct MHD_Connection *connection, const Ask *ask,
                                 const char *last_event_id, Arena *arena, Str *problem);
