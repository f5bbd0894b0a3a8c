// A line of `declarectl publish`: a declaration as JSON, or a record as base64.
#include "common/domain/fates.h"
#include "services/cli/declaration_json.h"
#include "tests/fuzz/fuzz.h"

enum { MEMORY_FACTOR = 64 }; // `[1,1` may become a candidate's struct before it turns out to be none

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena arena = {0};
    DeclarationLine line, again;
    Str error = STR_NONE;
    Str text = {(const char *)data, size};
    if (!declaration_json_parse(text, &arena, &line, &error)) {
        check_reason(error);
    } else if (!line.raw) {
        check(line.declaration.event_id.len > 0 || memmem(data, size, "event_id", 8) != NULL, "no event_id was made");
        // Whether a declaration makes sense is for the rules; that it is one, is not in doubt.
        check_encodes(&(Record){.type = RECORD_DECLARATION, .declaration = line.declaration}, RULE_BIT(RULE_BAD_UTF8),
                      &arena);
    }
    bool good = !str_is_none(error) || declaration_json_parse(text, &arena, &again, &error);
    check(good, "a line that is accepted once is refused the second time");
    check(arena.given <= 2 * MEMORY_FACTOR * size + 3 * 65536, "more memory than 64 times the line");
    arena_free(&arena);
    return 0;
}
