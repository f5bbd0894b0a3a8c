// Our own schemas: compiled in, parsed and bound once in a process, never changed, shared by all threads.
#pragma once

#include "common/domain/record.h"
#include "services/validator/binding.h"
#include "services/validator/schema.h"

typedef struct OwnSchema {
    RecordType type; // RECORD_NONE: written, never read
    uint32_t offset; // of the struct in Record
    Str file;        // in schemas/avro/
    Str json;        // its text
    Schema schema;   // bound
    const Binding *binding;
    uint64_t fingerprint;
} OwnSchema;

// `count` of them. A schema that does not fit its binding ends the process: tests would have seen it.
const OwnSchema *own_schemas(size_t *count);

// NULL: none of that full name.
const OwnSchema *own_schema_by_name(Str full_name);

// schemas/avro/ids.json.
Str own_schema_ids(void);
