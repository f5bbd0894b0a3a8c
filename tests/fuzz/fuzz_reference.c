// A file of reference data: what `declarectl reference load` does with it, and then the daemon.
#include "common/domain/council.h"
#include "common/domain/fates.h"
#include "services/cli/reference_json.h"
#include "services/validator/reference_check.h"
#include "tests/fuzz/fuzz.h"

// `[0,0` may become a council's struct before it turns out to be none; every council has all parties.
enum { MEMORY_FACTOR = 256 };

static const int64_t loaded_at_ms = 1683244800000;

// Of a reference that passed all checks.
static void check_council(const CouncilReference *reference) {
    Council *council = council_new(reference);
    check(council->seats_total == reference->seats_total, "other seats");
    check(council->ballots_count == reference->ballots_count, "other ballots");
    for (size_t i = 0; i < reference->ballots_count; i++) {
        const CouncilBallot *ballot = council_find_ballot(council, reference->ballots[i].ballot_paper_id);
        check(ballot != NULL && ballot->seats == reference->ballots[i].seats, "a ballot that is not found");
    }
    for (size_t i = 0; i < reference->parties_count; i++) {
        PartyIndex party = council_find_party(council, reference->parties[i].party_id);
        check(party < council->parties_count && council->parties[party].listed, "a party that is not found");
    }
    council_free(council);
}

static void check_reference(CouncilReference *reference, Arena *arena) {
    Str problem = STR_NONE;
    bool sound = reference_check(reference, arena, &problem);
    if (sound) {
        check_council(reference);
    } else {
        check_reason(problem);
    }
    // The daemon reads the same record, and so comes to the same verdict.
    check_encodes(&(Record){.type = RECORD_REFERENCE, .reference = *reference}, RULE_BIT(RULE_BAD_UTF8), arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena arena = {0};
    ReferenceFile file;
    Str error = STR_NONE;
    if (!reference_json_parse((Str){(const char *)data, size}, STR_LIT("fuzz"), loaded_at_ms, &arena, &file, &error)) {
        check_reason(error);
        file.councils_count = 0;
    }
    check(arena.given <= MEMORY_FACTOR * size + 65536, "more memory than 256 times the file");
    for (size_t i = 0; i < file.councils_count; i++) {
        check_reference(&file.councils[i], &arena);
    }
    arena_free(&arena);
    return 0;
}
