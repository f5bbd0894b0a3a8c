// Records of record.h written as Avro by our own schemas, framed as Avro single-object encoding
// (C3 01, CRC-64-AVRO of the schema): what `declarectl` sends, and what tests feed.
#pragma once

#include "common/base/buf.h"
#include "common/domain/record.h"

// Appends to `out`. Never fails: strings must be valid UTF-8, enums in range.
void encode_record(const Record *record, Buf *out);

// The same for any struct whose schema own_schemas.c binds, by the schema's full name:
// encode_struct(STR_LIT("declared.WardDeclaration"), &declaration, &out). A name that is not
// bound is a mistake in the program, which it ends.
void encode_struct(Str schema_name, const void *value, Buf *out);
