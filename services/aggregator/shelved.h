// An election out of use as a run of bytes, from which it comes back as it was: for a worker that has more of them than
// memory. Of use only to the process that made it, and only whole: who keeps it vouches for every byte.
#pragma once

#include "common/base/buf.h"
#include "services/aggregator/election.h"

// Adds the election to the bytes; it has been trimmed, if ever it is.
void election_shelve(const Election *election, Buf *bytes);

Election *election_unshelve(Str bytes);
