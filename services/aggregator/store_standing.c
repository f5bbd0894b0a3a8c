// How the desk's work stands, for machines that watch: a few index look-ups an election, whatever the ledger's size.
#include "services/aggregator/store_internal.h"

// A declaration is held now if it was held when it came (nothing else is held later) and no later fate says otherwise.
// A call waits for its approval while the newest flash about it is CALL_READY.
static const char standing_sql[] =
    "SELECT space.is_test, coalesce(sum(n.ballots_held), 0)::bigint,"
    " (extract(epoch FROM max(n.recorded_at)) * 1000000)::bigint,"
    " coalesce(sum((n.call = 'CALL_READY')::integer), 0)::bigint,"
    " (SELECT count(*) FROM declared.ledger l"
    "   LEFT JOIN LATERAL (SELECT f.fate FROM declared.fate_change f WHERE f.lane = l.lane AND f.lane_seq = l.lane_seq"
    "                      ORDER BY f.trigger_lane_seq DESC, f.n DESC LIMIT 1) c ON true"
    "  WHERE l.lane = ANY ($1::text[]::integer[]) AND l.fate = 'held' AND l.topic = 'ward-declarations'"
    "    AND (l.is_test IS TRUE) = space.is_test AND coalesce(c.fate, 'held') = 'held')"
    " FROM (VALUES (false), (true)) space (is_test)"
    " LEFT JOIN LATERAL"
    "  (SELECT s.ballots_held, s.recorded_at,"
    "          (SELECT f.kind FROM declared.flash f WHERE f.election_id = s.election_id AND f.is_test = s.is_test"
    "              AND f.kind IN ('CALL_READY', 'CALLED', 'CALL_RETRACTED')"
    "            ORDER BY f.seq DESC, (f.kind = 'CALL_RETRACTED') LIMIT 1) AS call"
    "     FROM (SELECT DISTINCT election_id FROM declared.election WHERE lane = ANY ($1::text[]::integer[])) e"
    "    CROSS JOIN LATERAL (SELECT * FROM declared.snapshot x"
    "                         WHERE x.election_id = e.election_id AND x.is_test = space.is_test"
    "                         ORDER BY x.seq DESC LIMIT 1) s) n ON true"
    " GROUP BY space.is_test";

StoreStatus store_read_standing(Store *store, const int32_t *lanes, size_t lanes_count, LanesStanding *standing) {
    Arena arena = {0};
    Buf place = {0};
    Str *names = arena_alloc(&arena, lanes_count, sizeof *names);
    for (size_t i = 0; i < lanes_count; i++) {
        names[i] = arena_printf(&arena, "%d", lanes[i]);
    }
    PGresult *result = QUERY(store, standing_sql, store_texts(&place, names, lanes_count));
    buf_free(&place);
    arena_free(&arena);
    StoreStatus status = store_settle(store, result);
    for (int row = 0; status == STORE_OK && row < PQntuples(result); row++) {
        bool test = store_bool_field(result, row, 0);
        standing->ballots_held[test] = store_int8_field(result, row, 1);
        standing->newest_snapshot_us[test] = PQgetisnull(result, row, 2) ? TIME_NONE : store_int8_field(result, row, 2);
        standing->approvals_wanted[test] = store_int8_field(result, row, 3);
        standing->records_held[test] = store_int8_field(result, row, 4);
    }
    PQclear(result);
    return status;
}
