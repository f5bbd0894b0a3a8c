#include "tests/support/avro_payload.h"

#include "services/validator/own_schemas.h"
#include "services/validator/varint.h"

// clang-format off
#define BYTES(literal) {(literal), sizeof(literal) - 1}

// Field by field, as schemas/avro/ward-declaration.avsc has them.
static const FieldBytes declaration[] = {
    {"event_id", BYTES("\x48" "0f1c5a52-3b0e-5c1c-9b59-2f4a6f8f6f10")},
    {"election_id", BYTES("\x2e" "local.medway.2023-05-04")},
    {"ballot_paper_id", BYTES("\x44" "local.medway.all-saints.2023-05-04")},
    {"council_id", BYTES("\x12" "E06000035")},
    {"ward_name", BYTES("\x14" "All Saints")},
    {"kind", BYTES("\x00")},
    {"revision", BYTES("\x02")},
    {"basis", BYTES("\x00")},
    {"declared_at", BYTES("\x80\xe8\xc7\xe4\xfc\x61")},
    {"reported_at", BYTES("\xc0\x91\xcf\xe4\xfc\x61")},
    {"source", BYTES("\x04" "pa")},
    {"source_url", BYTES("\x00")},
    {"is_test", BYTES("\x00")},
    {"seats", BYTES("\x02")},
    {"uncontested", BYTES("\x00")},
    {"electorate", BYTES("\x02\xce\x36")},
    {"ballot_papers", BYTES("\x00")},
    {"rejected_papers", BYTES("\x00")},
    {"candidates", BYTES("\x02")},
    {"candidates.candidate_id", BYTES("\x08" "9101")},
    {"candidates.name", BYTES("\x0e" "A. Hyne")},
    {"candidates.party_id", BYTES("\x08" "PP53")},
    {"candidates.description", BYTES("\x00")},
    {"candidates.votes", BYTES("\x02\xd8\x0c")},
    {"candidates.elected", BYTES("\x01")},
    {"candidates.elected_by_lot", BYTES("\x00")},
    {"candidates.end", BYTES("\x00")},
    {"note", BYTES("\x00")},
};
// clang-format on

void add_long(Buf *out, int64_t value) {
    varint_add_long(out, value);
}

void add_text(Buf *out, const char *text) {
    add_long(out, (int64_t)strlen(text));
    buf_add(out, text, strlen(text));
}

void add_confluent(Buf *out, uint32_t id) {
    buf_add_byte(out, 0);
    buf_add_u32(out, id);
}

void add_declaration(Buf *out, uint32_t id, const FieldBytes *changes, size_t count) {
    add_confluent(out, id);
    for (size_t i = 0; i < sizeof declaration / sizeof declaration[0]; i++) {
        Str bytes = declaration[i].bytes;
        for (size_t j = 0; j < count; j++) {
            bytes = strcmp(changes[j].field, declaration[i].field) == 0 ? changes[j].bytes : bytes;
        }
        buf_add_str(out, bytes);
    }
}

Str declaration_schema_with(Arena *arena, const char *extra_type) {
    Str json = own_schema_by_name(STR_LIT("declared.WardDeclaration"))->json;
    const char *fields = strchr(json.ptr, '[') + 1;
    size_t before = (size_t)(fields - json.ptr);
    return arena_printf(arena, "%.*s{\"name\": \"extra\", \"type\": %s}, %.*s", (int)before, json.ptr, extra_type,
                        (int)(json.len - before), fields);
}
