// A seal: where every lane of the ledger stood at a moment, signed with Ed25519. Whoever keeps one can
// prove later that no row which stood then was changed, whoever owns the database.
//
// What is signed are these lines of text, each ended by a newline, numbers in decimal, hashes in lower
// case hex, moments as YYYY-MM-DDTHH:MM:SS.ffffffZ, lanes and versions ascending:
//
//   declared seal 1
//   sealed_at MOMENT
//   lane LANE LANE_SEQ HEAD_HASH RECEIVED_AT          one for each lane
//   rules VERSION SHA256                              one for each row of declared.rules: of settings
//   writer_schema FINGERPRINT SHA256                  one for each row of declared.writer_schema: of schema
//
// The file is one JSON object with the same words: {"format": "declared seal 1", "sealed_at", "lanes":
// [{"lane", "lane_seq", "head_hash", "received_at"}], "rules": [{"version", "sha256"}], "writer_schemas":
// [{"fingerprint", "sha256"}], "public_key": 32 bytes in hex, "signature": 64 bytes in hex}.
#pragma once

#include "common/base/vec.h"
#include "services/cli/cli.h"

#include <libpq-fe.h>

typedef struct SealedLane {
    int32_t lane;
    int64_t lane_seq;
    Str head_hash, received_at;
} SealedLane;

typedef struct SealedText {
    Str name; // version or fingerprint
    Str sha256;
} SealedText;

// Strings live in the arena that the seal was read or made with.
typedef struct Seal {
    Str sealed_at;
    VEC(SealedLane) lanes;
    VEC(SealedText) rules, writer_schemas;
    Str public_key, signature;
} Seal;

void seal_free(Seal *seal);
#define _cleanup_seal_ __attribute__((cleanup(seal_free)))

// What stands in the database now, unsigned. False: failed, or a lane's head is not its newest row.
bool seal_collect(const Cli *cli, PGconn *connection, Str sealed_at, Seal *seal, Str *error);

// Of that the rules and writer schemas alone.
bool seal_collect_texts(const Cli *cli, PGconn *connection, Seal *seal, Str *error);

void seal_add_signed_text(const Seal *seal, Buf *out);
void seal_add_json(const Seal *seal, Buf *out);

// From the file. False: it cannot be read, or is no such file.
bool seal_read(const char *file, Arena *arena, Seal *seal, Str *error);
bool seal_from_json(Str json, Arena *arena, Seal *seal, Str *error);

// Signs with the private key of a PEM file.
bool seal_sign(Seal *seal, const char *key_file, Arena *arena, Str *error);

// By the public key of a PEM file, or the one in the seal itself when there is none.
bool seal_check_signature(const Seal *seal, const char *public_key_file, Arena *arena, Str *error);

// The lane's part; NULL: it has none.
const SealedLane *seal_find_lane(const Seal *seal, int32_t lane);
