#include "services/ingest/ahead.h"

enum {
    ELECTIONS_MOST = 1000, // of a lane: more than a country's night has in one, and some seconds' work
    FAILURES_MOST = 3,
};

void ahead_clear(Ahead *ahead) {
    arena_free(&ahead->memory);
    *ahead = (Ahead){.failures = ahead->failures};
}

bool ahead_is_done(const Ahead *ahead, size_t lanes_count) {
    return ahead->lanes_done >= lanes_count || ahead->failures >= FAILURES_MOST;
}

static StoreStatus list(Ahead *ahead, const ElectionSource *source, const Lane *lane) {
    arena_reset(&ahead->memory);
    ahead->ids_done = 0;
    StoreStatus status = store_list_elections(committer_claim(source->committer), lane->lane, ELECTIONS_MOST,
                                              &ahead->memory, &ahead->ids, &ahead->ids_count);
    ahead->listed = status == STORE_OK;
    return status;
}

StoreStatus ahead_step(Ahead *ahead, const ElectionSource *source, Lane *const *lanes, size_t lanes_count) {
    StoreStatus status = STORE_OK;
    bool read = false;
    while (!read && status == STORE_OK && !ahead_is_done(ahead, lanes_count)) {
        Lane *lane = lanes[ahead->lanes_done];
        if (!ahead->listed) {
            status = list(ahead, source, lane);
            break;
        }
        if (ahead->ids_done == ahead->ids_count) {
            ahead->listed = false;
            ahead->lanes_done++;
            continue;
        }
        status = elections_load_ahead(source, lane, ahead->ids[ahead->ids_done], &read);
        ahead->ids_done += status == STORE_OK;
    }
    ahead->failures += status != STORE_OK;
    return status;
}
