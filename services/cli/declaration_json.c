#include "services/cli/declaration_json.h"

#include "services/cli/json_fields.h"
#include "services/cli/uuid.h"

#include <openssl/evp.h>
#include <stdlib.h>

static Str kind_symbol(int32_t index) {
    return declaration_kind_name((DeclarationKind)index);
}

static Str basis_symbol(int32_t index) {
    return revision_basis_name((RevisionBasis)index);
}

static const Field candidate_fields[] = {
    FIELD(Candidate, candidate_id, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(Candidate, name, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(Candidate, party_id, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(Candidate, description, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(Candidate, votes, FIELD_COUNT, FIELD_OPTIONAL),
    FIELD(Candidate, elected, FIELD_BOOL, FIELD_REQUIRED),
    FIELD(Candidate, elected_by_lot, FIELD_BOOL, FIELD_DEFAULTED),
};
static const FieldShape candidate_shape = FIELD_SHAPE(Candidate, candidate_fields, false);

static const Field declaration_fields[] = {
    FIELD(Declaration, event_id, FIELD_TEXT, FIELD_DEFAULTED),
    FIELD(Declaration, election_id, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(Declaration, ballot_paper_id, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(Declaration, council_id, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(Declaration, ward_name, FIELD_TEXT, FIELD_REQUIRED),
    {.name = "kind",
     .type = FIELD_ENUM,
     .need = FIELD_REQUIRED,
     .offset = offsetof(Declaration, kind),
     .symbol = kind_symbol,
     .symbols = KIND_POSTPONED + 1},
    FIELD(Declaration, revision, FIELD_INT, FIELD_REQUIRED),
    {.name = "basis",
     .type = FIELD_ENUM,
     .need = FIELD_REQUIRED,
     .offset = offsetof(Declaration, basis),
     .symbol = basis_symbol,
     .symbols = BASIS_COURT_ORDER + 1},
    FIELD_AS(Declaration, "declared_at", declared_at_ms, FIELD_TIME, FIELD_REQUIRED),
    FIELD_AS(Declaration, "reported_at", reported_at_ms, FIELD_TIME, FIELD_REQUIRED),
    FIELD(Declaration, source, FIELD_TEXT, FIELD_REQUIRED),
    FIELD(Declaration, source_url, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(Declaration, is_test, FIELD_BOOL, FIELD_DEFAULTED),
    FIELD(Declaration, seats, FIELD_NUMBER, FIELD_REQUIRED),
    FIELD(Declaration, uncontested, FIELD_BOOL, FIELD_DEFAULTED),
    FIELD(Declaration, electorate, FIELD_COUNT, FIELD_OPTIONAL),
    FIELD(Declaration, ballot_papers, FIELD_COUNT, FIELD_OPTIONAL),
    FIELD(Declaration, rejected_papers, FIELD_COUNT, FIELD_OPTIONAL),
    FIELD_ARRAY(Declaration, candidates, FIELD_OBJECTS, FIELD_REQUIRED, &candidate_shape),
    FIELD(Declaration, note, FIELD_TEXT, FIELD_OPTIONAL),
};
static const FieldShape declaration_shape = FIELD_SHAPE(Declaration, declaration_fields, false);

typedef struct RawLine {
    Str key, value_base64;
} RawLine;

static const Field raw_fields[] = {
    FIELD(RawLine, key, FIELD_TEXT, FIELD_OPTIONAL),
    FIELD(RawLine, value_base64, FIELD_TEXT, FIELD_OPTIONAL),
};
static const FieldShape raw_shape = FIELD_SHAPE(RawLine, raw_fields, false);

static bool decode_base64(Str text, Arena *arena, Str *bytes) {
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=') {
        padding++;
    }
    for (size_t i = 0; i < text.len - padding; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] == '=' || text.ptr[i] == '-') { // which OpenSSL would pass over
            return false;
        }
    }
    unsigned char *out = arena_alloc(arena, text.len / 4 * 3 + 1, 1);
    int len = text.len % 4 == 0 && text.len <= INT32_MAX
                  ? EVP_DecodeBlock(out, (const unsigned char *)text.ptr, (int)text.len)
                  : -1;
    *bytes = (Str){(const char *)out, len < 0 ? 0 : (size_t)len - padding};
    return len >= 0;
}

static bool read_raw(const json_t *json, Arena *arena, DeclarationLine *out, Str *error) {
    RawLine raw = {0};
    if (!fields_read(&raw_shape, json, &raw, arena, error)) {
        return false;
    }
    out->raw = true;
    out->key = raw.key;
    if (!str_is_none(raw.value_base64) && !decode_base64(raw.value_base64, arena, &out->value)) {
        *error = STR_LIT("value_base64: is not base64");
        return false;
    }
    return true;
}

// The namespace of identifiers made from a line; changing it would turn every resend into news.
static const uint8_t line_namespace[16] = {0x5b, 0x1e, 0x9a, 0x52, 0x0c, 0x7d, 0x4f, 0x0b,
                                           0x9e, 0x46, 0xd2, 0x8a, 0x31, 0x6c, 0xf7, 0x04};

static Str event_id_from_fields(const json_t *json, Arena *arena) {
    char *canonical = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    Str event_id = uuid_from_name(line_namespace, str_from(canonical), arena);
    free(canonical);
    return event_id;
}

static bool read_line(const json_t *json, Arena *arena, DeclarationLine *out, Str *error) {
    if (json_object_get(json, "value_base64") != NULL) {
        return read_raw(json, arena, out, error);
    }
    if (!fields_read(&declaration_shape, json, &out->declaration, arena, error)) {
        return false;
    }
    if (str_is_none(out->declaration.event_id)) {
        out->declaration.event_id = event_id_from_fields(json, arena);
    }
    return true;
}

bool declaration_json_parse(Str line, Arena *arena, DeclarationLine *out, Str *error) {
    *out = (DeclarationLine){0};
    json_t *json = fields_load_json(line, arena, error);
    bool good = json != NULL && read_line(json, arena, out, error);
    json_decref(json);
    return good;
}
