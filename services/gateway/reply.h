// An answer into libmicrohttpd: headers, conditions, encodings.
#pragma once

#include "services/gateway/answer.h"

#include <microhttpd.h>

// Queues the answer, or 304 where the client has it already. Does not take the caller's use. The status
// sent; 0: the connection is to be closed.
unsigned reply_with(struct MHD_Connection *connection, Answer *answer);

// Queues a stream and gives the response up.
unsigned reply_with_stream(struct MHD_Connection *connection, struct MHD_Response *stream);

// The preflight request of a browser's script from elsewhere, and OPTIONS in general.
unsigned reply_to_options(struct MHD_Connection *connection);
