// What happened, read from the views `lane` and `event`, in the order in which every reader gets it: within a
// lane by lane_seq and n, between lanes by the time recorded.
#pragma once

#include "services/gateway/cursor.h"
#include "services/gateway/session.h"

typedef enum EventKind { EVENT_SNAPSHOT, EVENT_FLASH, EVENT_FACT, EVENT_KINDS } EventKind;

// Absent or `snapshot`, `flash`, `fact`.
extern const char *const event_kind_names[EVENT_KINDS];

typedef struct Event {
    int32_t lane, n;
    int64_t lane_seq, recorded_at_us;
    EventKind kind;
    Str election_id, council_id, region, control, previous_control;
    Str data; // JSON, one line
} Event;

// `lanes` becomes the places behind all that the database has now, for events_read's `behind`.
QueryStatus events_read_lanes(Session *session, const char *schema, Cursor *lanes);

// Called for each event, which is borrowed.
typedef void EventSink(void *context, const Event *event);

// The events after *cursor, at most `most` of a lane; *cursor moves behind each as it is given.
// *more: a lane may have further ones. When none has, *cursor also moves to `behind`, which was read before.
typedef struct EventReading {
    const char *schema;
    Cursor *cursor;
    const Cursor *behind;
    int most;
    EventSink *sink;
    void *context;
} EventReading;

QueryStatus events_read(Session *session, const EventReading *reading, bool *more);

// As the stream has it: id, event and data, and an empty line. `cursor` is that behind the event.
void events_write(const Event *event, const Cursor *cursor, Buf *out);
