// A snapshot as other services get it: schemas/avro/council-control-snapshot.avsc as C structs.
// Strings and arrays are borrowed from whoever filled it.
#pragma once

#include "common/domain/record.h"

typedef struct SnapshotSeats {
    Str party_id, short_name, group, colour, text_colour;
    int32_t held, won, continuing;
    int64_t change, votes; // or COUNT_UNKNOWN
} SnapshotSeats;

typedef struct SnapshotCause {
    Str record, topic;
    int32_t partition;
    int64_t kafka_offset;
    int32_t lane;
    int64_t lane_seq;
    Str event_id, ballot_paper_id;
    int64_t revision; // or COUNT_UNKNOWN
    Str by;
} SnapshotCause;

typedef struct CouncilControlSnapshot {
    Str election_id, council_id, council_name, short_name, kind, nation, region;
    int32_t poll_date; // days since 1970
    int32_t seq;
    int64_t recorded_at_us;
    Str status, control, outcome, gained_from, previous_control;
    bool previous_control_lost;
    int64_t majority, majority_at_least; // or COUNT_UNKNOWN
    Str largest_party;
    int32_t seats_total, threshold, seats_declared, seats_to_come, seats_postponed;
    int32_t ballots_total, ballots_declared, ballots_postponed, ballots_held;
    bool votes_complete;
    SnapshotSeats *seats;
    size_t seats_count;
    Str headline, headline_short;
    int64_t called_at_us; // or COUNT_UNKNOWN
    SnapshotCause cause;
} CouncilControlSnapshot;
