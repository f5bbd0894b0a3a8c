// The duty editor's view of what waits: held records as cards, calls that want an approval.
#pragma once

#include "services/cli/cli.h"

// Calls that wait for their approval: election_id, position to approve, text, when the call was certain. Of the schema
// that the session uses; a later call or retraction ends the wait.
#define HELD_CALLS                                                                                                     \
    "SELECT f.election_id, concat(h.cause ->> 'topic', ':', h.cause ->> 'partition', ':', h.cause ->> "                \
    "'kafka_offset'),"                                                                                                 \
    " f.text, to_char(f.recorded_at, 'YYYY-MM-DD HH24:MI:SS\"Z\"')"                                                    \
    " FROM (SELECT DISTINCT ON (election_id) * FROM flash WHERE kind IN ('CALL_READY', 'CALLED', 'CALL_RETRACTED')"    \
    "       ORDER BY election_id, seq DESC, kind = 'CALL_RETRACTED') f"                                                \
    " JOIN council_control_history h USING (election_id, seq) WHERE f.kind = 'CALL_READY' ORDER BY f.recorded_at"

// One held record (PARTITION:OFFSET or TOPIC:PARTITION:OFFSET) whole. The exit code.
int held_show_one(const Cli *cli, bool test, const char *position);

// Behind the list: the held records whole where they are few, else a word on how to see one; the waiting calls.
int held_show_some(const Cli *cli, bool test);
