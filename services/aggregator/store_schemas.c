// What a schema registry gave for an id, kept for every later process.
#include "services/aggregator/store_internal.h"

StoreStatus store_find_schema(Store *store, Str registry, int32_t id, Arena *arena, Str *json) {
    Int4 number;
    PGresult *result = QUERY(store,
                             "SELECT w.schema FROM declared.registry_schema r "
                             "JOIN declared.writer_schema w USING (fingerprint) WHERE r.registry = $1 AND r.id = $2",
                             store_text(registry), store_int4(&number, id));
    StoreStatus status = store_settle(store, result);
    *json = status == STORE_OK && PQntuples(result) == 1 ? arena_copy(arena, store_field(result, 0, 0)) : STR_NONE;
    PQclear(result);
    return status;
}

StoreStatus store_keep_schema(Store *store, Str registry, int32_t id, Str fingerprint, Str json) {
    Int4 number;
    PGresult *result = QUERY(store,
                             "WITH kept AS (INSERT INTO declared.writer_schema (fingerprint, schema) VALUES ($3, $4) "
                             "ON CONFLICT DO NOTHING) "
                             "INSERT INTO declared.registry_schema (registry, id, fingerprint) VALUES ($1, $2, $3) "
                             "ON CONFLICT DO NOTHING",
                             store_text(registry), store_int4(&number, id), store_text(fingerprint), store_text(json));
    StoreStatus status = store_settle(store, result);
    PQclear(result);
    return status;
}
