#include "services/cli/audit_seal.h"

#include "common/base/buf.h"
#include "common/base/sha256.h"
#include "services/cli/database.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#define FORMAT "declared seal 1"

enum { KEY_BYTES = 32, SIGNATURE_BYTES = 64, FINGERPRINT_DIGITS = 16 };

void seal_free(Seal *seal) {
    vec_free(&seal->lanes);
    vec_free(&seal->rules);
    vec_free(&seal->writer_schemas);
}

// From the database.

static Str field(const Cli *cli, const PGresult *result, int row, int column) {
    return arena_copy(cli->arena, str_from(PQgetvalue(result, row, column)));
}

static bool collect_lanes(const Cli *cli, PGconn *connection, Seal *seal, Str *error) {
    _cleanup_result_ PGresult *result = database_query(
        cli, connection,
        "SELECT n.lane, n.lane_seq, encode(n.head_hash, 'hex'),"
        " to_char(n.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
        " n.lane_seq = 0 OR coalesce(l.entry_hash = n.head_hash, false)"
        " FROM declared.lane n LEFT JOIN declared.ledger l ON l.lane = n.lane AND l.lane_seq = n.lane_seq ORDER BY 1",
        NULL, error);
    for (int row = 0; result != NULL && row < PQntuples(result); row++) {
        SealedLane lane = {
            .lane = (int32_t)strtol(PQgetvalue(result, row, 0), NULL, 10),
            .lane_seq = strtoll(PQgetvalue(result, row, 1), NULL, 10),
            .head_hash = field(cli, result, row, 2),
            .received_at = field(cli, result, row, 3),
        };
        if (*PQgetvalue(result, row, 4) != 't') {
            *error = arena_printf(cli->arena,
                                  "lane %" PRId32 ": its head is not the hash of row %" PRId64
                                  ", see declarectl audit verify",
                                  lane.lane, lane.lane_seq);
            return false;
        }
        *vec_push(&seal->lanes) = lane;
    }
    return result != NULL;
}

bool seal_collect_texts(const Cli *cli, PGconn *connection, Seal *seal, Str *error) {
    _cleanup_result_ PGresult *rules = database_query(
        cli, connection,
        "SELECT version, encode(sha256(convert_to(settings, 'UTF8')), 'hex') FROM declared.rules ORDER BY version",
        NULL, error);
    for (int row = 0; rules != NULL && row < PQntuples(rules); row++) {
        *vec_push(&seal->rules) = (SealedText){field(cli, rules, row, 0), field(cli, rules, row, 1)};
    }
    _cleanup_result_ PGresult *schemas =
        rules == NULL ? NULL
                      : database_query(cli, connection,
                                       "SELECT fingerprint, encode(sha256(convert_to(schema, 'UTF8')), 'hex')"
                                       " FROM declared.writer_schema ORDER BY fingerprint COLLATE \"C\"",
                                       NULL, error);
    for (int row = 0; schemas != NULL && row < PQntuples(schemas); row++) {
        *vec_push(&seal->writer_schemas) = (SealedText){field(cli, schemas, row, 0), field(cli, schemas, row, 1)};
    }
    return schemas != NULL;
}

bool seal_collect(const Cli *cli, PGconn *connection, Str sealed_at, Seal *seal, Str *error) {
    seal->sealed_at = sealed_at;
    return collect_lanes(cli, connection, seal, error) && seal_collect_texts(cli, connection, seal, error);
}

// As text.

void seal_add_signed_text(const Seal *seal, Buf *out) {
    buf_printf(out, FORMAT "\nsealed_at " STR_FMT "\n", STR_ARG(seal->sealed_at));
    for (size_t i = 0; i < seal->lanes.count; i++) {
        const SealedLane *lane = &seal->lanes.items[i];
        buf_printf(out, "lane %" PRId32 " %" PRId64 " " STR_FMT " " STR_FMT "\n", lane->lane, lane->lane_seq,
                   STR_ARG(lane->head_hash), STR_ARG(lane->received_at));
    }
    for (size_t i = 0; i < seal->rules.count; i++) {
        const SealedText *text = &seal->rules.items[i];
        buf_printf(out, "rules " STR_FMT " " STR_FMT "\n", STR_ARG(text->name), STR_ARG(text->sha256));
    }
    for (size_t i = 0; i < seal->writer_schemas.count; i++) {
        const SealedText *text = &seal->writer_schemas.items[i];
        buf_printf(out, "writer_schema " STR_FMT " " STR_FMT "\n", STR_ARG(text->name), STR_ARG(text->sha256));
    }
}

static void begin_item(Buf *out, size_t i) {
    buf_add_str(out, i == 0 ? STR_LIT("\n  ") : STR_LIT(",\n  "));
}

void seal_add_json(const Seal *seal, Buf *out) {
    buf_printf(out, "{\"format\": \"" FORMAT "\",\n \"sealed_at\": \"" STR_FMT "\",\n \"lanes\": [",
               STR_ARG(seal->sealed_at));
    for (size_t i = 0; i < seal->lanes.count; i++) {
        const SealedLane *lane = &seal->lanes.items[i];
        begin_item(out, i);
        buf_printf(out,
                   "{\"lane\": %" PRId32 ", \"lane_seq\": %" PRId64 ", \"head_hash\": \"" STR_FMT
                   "\", \"received_at\": \"" STR_FMT "\"}",
                   lane->lane, lane->lane_seq, STR_ARG(lane->head_hash), STR_ARG(lane->received_at));
    }
    buf_add_str(out, STR_LIT("],\n \"rules\": ["));
    for (size_t i = 0; i < seal->rules.count; i++) {
        begin_item(out, i);
        buf_printf(out, "{\"version\": " STR_FMT ", \"sha256\": \"" STR_FMT "\"}", STR_ARG(seal->rules.items[i].name),
                   STR_ARG(seal->rules.items[i].sha256));
    }
    buf_add_str(out, STR_LIT("],\n \"writer_schemas\": ["));
    for (size_t i = 0; i < seal->writer_schemas.count; i++) {
        begin_item(out, i);
        buf_printf(out, "{\"fingerprint\": \"" STR_FMT "\", \"sha256\": \"" STR_FMT "\"}",
                   STR_ARG(seal->writer_schemas.items[i].name), STR_ARG(seal->writer_schemas.items[i].sha256));
    }
    buf_printf(out, "],\n \"public_key\": \"" STR_FMT "\",\n \"signature\": \"" STR_FMT "\"}\n",
               STR_ARG(seal->public_key), STR_ARG(seal->signature));
}

// Of hex digits, that many; of a moment, what moments are made of. Nothing else gets into a line.
static bool is_hex(Str s, size_t digits) {
    return s.len == digits && strspn(s.ptr, "0123456789abcdef") == digits;
}

static bool is_moment(Str s) {
    return s.len == sizeof "2023-05-05T01:15:00.000000Z" - 1 && strspn(s.ptr, "0123456789-T:.Z") == s.len;
}

static Str text_of(const json_t *object, const char *name, Arena *arena) {
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? arena_copy(arena, (Str){json_string_value(value), json_string_length(value)})
                                 : STR_LIT("");
}

static bool read_lane(const json_t *json, Arena *arena, SealedLane *lane) {
    const json_t *number = json_object_get(json, "lane"), *seq = json_object_get(json, "lane_seq");
    json_int_t n = json_integer_value(number);
    *lane = (SealedLane){(int32_t)n, json_integer_value(seq), text_of(json, "head_hash", arena),
                         text_of(json, "received_at", arena)};
    return json_is_integer(number) && json_is_integer(seq) && n >= 0 && n <= INT32_MAX && lane->lane_seq >= 0 &&
           is_hex(lane->head_hash, 2 * SHA256_BYTES) && is_moment(lane->received_at);
}

static bool read_rules(const json_t *json, Arena *arena, SealedText *text) {
    const json_t *version = json_object_get(json, "version");
    *text = (SealedText){arena_printf(arena, "%lld", (long long)json_integer_value(version)),
                         text_of(json, "sha256", arena)};
    return json_is_integer(version) && is_hex(text->sha256, 2 * SHA256_BYTES);
}

static bool read_schema(const json_t *json, Arena *arena, SealedText *text) {
    *text = (SealedText){text_of(json, "fingerprint", arena), text_of(json, "sha256", arena)};
    return is_hex(text->name, FINGERPRINT_DIGITS) && is_hex(text->sha256, 2 * SHA256_BYTES);
}

static bool read_lists(const json_t *json, Arena *arena, Seal *seal) {
    const json_t *item;
    size_t i;
    bool good = true;
    json_array_foreach(json_object_get(json, "lanes"), i, item) {
        good = good && read_lane(item, arena, vec_push(&seal->lanes));
    }
    json_array_foreach(json_object_get(json, "rules"), i, item) {
        good = good && read_rules(item, arena, vec_push(&seal->rules));
    }
    json_array_foreach(json_object_get(json, "writer_schemas"), i, item) {
        good = good && read_schema(item, arena, vec_push(&seal->writer_schemas));
    }
    return good;
}

bool seal_from_json(Str text, Arena *arena, Seal *seal, Str *error) {
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    *seal = (Seal){
        .sealed_at = text_of(json, "sealed_at", arena),
        .public_key = text_of(json, "public_key", arena),
        .signature = text_of(json, "signature", arena),
    };
    bool good = str_equal_text(text_of(json, "format", arena), FORMAT) && is_moment(seal->sealed_at) &&
                is_hex(seal->public_key, 2 * (size_t)KEY_BYTES) &&
                is_hex(seal->signature, 2 * (size_t)SIGNATURE_BYTES) && read_lists(json, arena, seal);
    json_decref(json);
    if (!good) {
        *error = STR_LIT("not a seal");
        seal_free(seal);
    }
    return good;
}

enum { FILE_BYTES_MAX = 16 * 1024 * 1024 };

bool seal_read(const char *name, Arena *arena, Seal *seal, Str *error) {
    _cleanup_buf_ Buf text = {0};
    FILE *file = fopen(name, "re");
    if (file == NULL) {
        *error = arena_printf(arena, "%s: %s", name, strerror(errno));
        return false;
    }
    size_t count = 1;
    while (count > 0 && text.len < FILE_BYTES_MAX) {
        count = fread(buf_reserve(&text, BUFSIZ), 1, BUFSIZ, file);
        text.len += count;
    }
    fclose(file);
    if (!seal_from_json(buf_str(&text), arena, seal, error)) {
        *error = arena_printf(arena, "%s: " STR_FMT, name, STR_ARG(*error));
        return false;
    }
    return true;
}

const SealedLane *seal_find_lane(const Seal *seal, int32_t lane) {
    for (size_t i = 0; i < seal->lanes.count; i++) {
        if (seal->lanes.items[i].lane == lane) {
            return &seal->lanes.items[i];
        }
    }
    return NULL;
}

// Signatures.

static Str to_hex(const uint8_t *bytes, size_t count, Arena *arena) {
    char *hex = arena_alloc(arena, 2 * count + 1, 1);
    for (size_t i = 0; i < count; i++) {
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    }
    return (Str){hex, 2 * count};
}

static void from_hex(Str hex, uint8_t *bytes) {
    for (size_t i = 0; i < hex.len / 2; i++) {
        char digits[3] = {hex.ptr[2 * i], hex.ptr[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

typedef EVP_PKEY *(*ReadKey)(FILE *file, EVP_PKEY **key, pem_password_cb *callback, void *context);

static EVP_PKEY *read_key(const char *name, ReadKey read, const char *what, Arena *arena, Str *error) {
    FILE *file = fopen(name, "re");
    if (file == NULL) {
        *error = arena_printf(arena, "%s: %s", name, strerror(errno));
        return NULL;
    }
    EVP_PKEY *key = read(file, NULL, NULL, NULL);
    fclose(file);
    ERR_clear_error();
    if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        *error = arena_printf(arena, "%s: not an Ed25519 %s key in PEM", name, what);
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

bool seal_sign(Seal *seal, const char *key_file, Arena *arena, Str *error) {
    EVP_PKEY *key = read_key(key_file, PEM_read_PrivateKey, "private", arena, error);
    if (key == NULL) {
        return false;
    }
    _cleanup_buf_ Buf text = {0};
    seal_add_signed_text(seal, &text);
    uint8_t public_key[KEY_BYTES], signature[SIGNATURE_BYTES];
    size_t key_len = sizeof public_key, signature_len = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = EVP_PKEY_get_raw_public_key(key, public_key, &key_len) == 1 &&
                EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, signature, &signature_len, (const uint8_t *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    if (!good) {
        *error = STR_LIT("OpenSSL did not sign");
        return false;
    }
    seal->public_key = to_hex(public_key, key_len, arena);
    seal->signature = to_hex(signature, signature_len, arena);
    return true;
}

bool seal_check_signature(const Seal *seal, const char *public_key_file, Arena *arena, Str *error) {
    uint8_t raw[KEY_BYTES], signature[SIGNATURE_BYTES];
    from_hex(seal->public_key, raw);
    from_hex(seal->signature, signature);
    EVP_PKEY *key = public_key_file != NULL ? read_key(public_key_file, PEM_read_PUBKEY, "public", arena, error)
                                            : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof raw);
    if (key == NULL) {
        *error = public_key_file != NULL ? *error : STR_LIT("the seal's public key is none");
        return false;
    }
    _cleanup_buf_ Buf text = {0};
    seal_add_signed_text(seal, &text);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, sizeof signature, (const uint8_t *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!good) {
        *error = public_key_file != NULL ? STR_LIT("the signature is not that key's, or the seal was changed")
                                         : STR_LIT("the seal was changed after it was signed");
    }
    return good;
}
