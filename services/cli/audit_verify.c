// audit verify: every lane, what belongs to no lane, and what a seal says.
#include "services/cli/audit_lane.h"
#include "services/cli/commands.h"
#include "services/cli/database.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

// What belongs to no lane's ledger: rows beyond its end, or of a lane that has none.
static const char stray_rows[] =
    "WITH stray AS ("
    "SELECT 'ledger' AS name, lane, lane_seq AS at FROM declared.ledger"
    " UNION ALL SELECT 'fate_change', lane, trigger_lane_seq FROM declared.fate_change"
    " UNION ALL SELECT 'election', lane, lane_seq FROM declared.election"
    " UNION ALL SELECT 'snapshot', lane, lane_seq FROM declared.snapshot"
    " UNION ALL SELECT 'ballot', lane, lane_seq FROM declared.ballot"
    ") SELECT name, lane::text, at::text, '' FROM stray s WHERE (lane BETWEEN $1 AND $2"
    " OR NOT EXISTS (SELECT FROM declared.lane l WHERE l.lane = s.lane)) AND NOT EXISTS"
    " (SELECT FROM declared.lane l WHERE l.lane = s.lane AND s.at BETWEEN 1 AND l.lane_seq)"
    " UNION ALL SELECT 'flash', '', '', flash_id FROM declared.flash f WHERE NOT EXISTS"
    " (SELECT FROM declared.snapshot s WHERE (s.election_id, s.is_test, s.seq) = (f.election_id, f.is_test, f.seq))"
    " LIMIT 1";

typedef struct Audit {
    Verifier verifier;
    PGconn *connection;
    LaneRange range;
    LaneHeads heads;
} Audit;

static bool check_strays(Audit *audit) {
    Verifier *v = &audit->verifier;
    Str error = STR_NONE;
    Str first = arena_printf(v->cli->arena, "%" PRId32, audit->range.first);
    Str last = arena_printf(v->cli->arena, "%" PRId32, audit->range.last);
    const char *values[] = {first.ptr, last.ptr, NULL};
    _cleanup_result_ PGresult *result = database_query(v->cli, audit->connection, stray_rows, values, &error);
    if (result == NULL) {
        return verifier_find(v, STR_FMT, STR_ARG(error));
    }
    if (PQntuples(result) == 0) {
        return true;
    }
    const char *table = PQgetvalue(result, 0, 0);
    return strcmp(table, "flash") == 0
               ? verifier_find(v, "flash, flash_id %s: it belongs to no snapshot", PQgetvalue(result, 0, 3))
               : verifier_find(v, "%s, lane %s, lane_seq %s: the row belongs to no lane, or is beyond its end", table,
                               PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2));
}

// What was sealed and is no more.

static bool check_sealed_texts(Verifier *v, const char *table, const SealedText *sealed, size_t count,
                               const SealedText *present, size_t present_count) {
    for (size_t i = 0; i < count; i++) {
        size_t p = 0;
        while (p < present_count && !str_equal(present[p].name, sealed[i].name)) {
            p++;
        }
        if (p == present_count || !str_equal(present[p].sha256, sealed[i].sha256)) {
            return verifier_find(v, "%s " STR_FMT ": it is not what was sealed on " STR_FMT, table,
                                 STR_ARG(sealed[i].name), STR_ARG(v->seal->sealed_at));
        }
    }
    return true;
}

// Where a lane ends now; 0: nowhere.
static int64_t find_end(const Audit *audit, int32_t lane) {
    for (size_t i = 0; i < audit->heads.all.count; i++) {
        if (audit->heads.all.items[i].lane == lane) {
            return audit->heads.all.items[i].lane_seq;
        }
    }
    return 0;
}

static bool check_sealed(Audit *audit) {
    Verifier *v = &audit->verifier;
    const Seal *seal = v->seal;
    for (size_t i = 0; i < seal->lanes.count; i++) {
        const SealedLane *sealed = &seal->lanes.items[i];
        int64_t end = find_end(audit, sealed->lane);
        if (sealed->lane >= audit->range.first && sealed->lane <= audit->range.last && sealed->lane_seq > end) {
            return verifier_find(v,
                                 "ledger, lane %" PRId32 ": it ends at lane_seq %" PRId64
                                 ", and was sealed up to %" PRId64 " on " STR_FMT,
                                 sealed->lane, end, sealed->lane_seq, STR_ARG(seal->sealed_at));
        }
    }
    Str error = STR_NONE;
    _cleanup_seal_ Seal present = {0};
    if (!seal_collect_texts(v->cli, audit->connection, &present, &error)) {
        return verifier_find(v, STR_FMT, STR_ARG(error));
    }
    return check_sealed_texts(v, "rules, version", seal->rules.items, seal->rules.count, present.rules.items,
                              present.rules.count) &&
           check_sealed_texts(v, "writer_schema, fingerprint", seal->writer_schemas.items, seal->writer_schemas.count,
                              present.writer_schemas.items, present.writer_schemas.count);
}

// All lanes.

static bool verify_all(Audit *audit) {
    Verifier *v = &audit->verifier;
    Str error = STR_NONE;
    audit->connection = database_open(v->cli, &error);
    if (audit->connection == NULL) {
        return verifier_find(v, STR_FMT, STR_ARG(error));
    }
    if (!verifier_read_heads(v, audit->range, &audit->heads)) {
        return false;
    }
    // After the heads, so that every row up to them finds what it names.
    v->replayer = replayer_new(v->cli, audit->connection, &error);
    if (v->replayer == NULL) {
        return verifier_find(v, STR_FMT, STR_ARG(error));
    }
    for (size_t i = 0; i < audit->heads.all.count; i++) {
        if (!verifier_verify_lane(v, &audit->heads.all.items[i])) {
            return false;
        }
    }
    return check_strays(audit) && (v->seal == NULL || check_sealed(audit));
}

static int verify(const Cli *cli, LaneRange range, int64_t from_seq, const Seal *seal) {
    Audit audit = {
        .verifier = {.cli = cli, .seal = seal, .from_seq = from_seq, .progress = progress_begin("verifying", 0)},
        .range = range,
    };
    Verifier *v = &audit.verifier;
    bool good = verify_all(&audit);
    progress_end(&v->progress);
    if (good) {
        printf("%zu lanes, %" PRId64 " rows and %" PRId64 " that they caused: nothing differs\n", audit.heads.all.count,
               v->rows, v->effects_compared);
    }
    int code = good ? CLI_OK : cli_fail(cli, STR_FMT, STR_ARG(v->problem));
    verifier_free(v);
    vec_free(&audit.heads.all);
    PQfinish(audit.connection);
    return code;
}

// The command line.

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *number, char **end) {
    errno = 0;
    *number = strtoll(text, end, 10);
    return *text >= '0' && *text <= '9' && errno == 0 && *number >= least && *number <= most;
}

// N, or N- for that lane and all behind it.
static bool read_range(const char *text, LaneRange *range) {
    *range = (LaneRange){INT32_MIN, INT32_MAX};
    if (text == NULL) {
        return true;
    }
    int64_t number;
    char *end;
    if (!read_number(text, 0, INT32_MAX, &number, &end) || (strcmp(end, "") != 0 && strcmp(end, "-") != 0)) {
        return false;
    }
    range->first = (int32_t)number;
    range->last = *end == '-' ? INT32_MAX : range->first;
    return true;
}

static int verify_sealed(const Cli *cli, LaneRange range, int64_t from_seq, const char *seal_file,
                         const char *public_key_file) {
    _cleanup_seal_ Seal seal = {0};
    Str error = STR_NONE;
    if (!seal_read(seal_file, cli->arena, &seal, &error)) {
        return cli_fail(cli, STR_FMT, STR_ARG(error));
    }
    if (!seal_check_signature(&seal, public_key_file, cli->arena, &error)) {
        return cli_fail(cli, "%s: " STR_FMT, seal_file, STR_ARG(error));
    }
    int code = verify(cli, range, from_seq, &seal);
    if (code == CLI_OK) {
        printf("what was sealed on " STR_FMT " still stands, signed by the key " STR_FMT "%s\n",
               STR_ARG(seal.sealed_at), STR_ARG(seal.public_key),
               public_key_file == NULL ? " (whose it is, --public-key FILE proves)" : "");
    }
    return code;
}

int command_audit_verify(const Cli *cli, int argc, char **argv) {
    const char *lane = NULL, *from = "1", *seal_file = NULL, *public_key_file = NULL;
    const CliOption options[] = {
        {"lane", "N", "this lane alone; N-: this one and those behind it", &lane, NULL},
        {"from-seq", "N", "compare what rows from this lane_seq on caused", &from, NULL},
        {"seal", "FILE", "what it says stood must stand still", &seal_file, NULL},
        {"public-key", "FILE", "whose seal it must be, Ed25519 in PEM", &public_key_file, NULL},
        {0},
    };
    char **arguments, *end;
    int code;
    if (!cli_parse(cli, options, argc, argv, &arguments, &code)) {
        return code;
    }
    LaneRange range;
    int64_t from_seq;
    if (!read_range(lane, &range)) {
        return cli_misuse(cli, "--lane is a number, or a number and a hyphen, not '%s'", lane);
    }
    if (!read_number(from, 1, INT64_MAX, &from_seq, &end) || *end != '\0') {
        return cli_misuse(cli, "--from-seq is a number from 1, not '%s'", from);
    }
    if (public_key_file != NULL && seal_file == NULL) {
        return cli_misuse(cli, "--public-key belongs to --seal");
    }
    return seal_file == NULL ? verify(cli, range, from_seq, NULL)
                             : verify_sealed(cli, range, from_seq, seal_file, public_key_file);
}
