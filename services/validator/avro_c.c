#include "services/validator/avro_c.h"

#include <avro.h>
#include <pthread.h>

bool avro_c_accepts(Str json) {
    static pthread_mutex_t error_buffer = PTHREAD_MUTEX_INITIALIZER; // Avro C has one for all threads
    avro_schema_t schema = NULL;
    pthread_mutex_lock(&error_buffer);
    bool accepted = avro_schema_from_json_length(json.ptr, json.len, &schema) == 0;
    if (accepted) {
        avro_schema_decref(schema);
    }
    pthread_mutex_unlock(&error_buffer);
    return accepted;
}
