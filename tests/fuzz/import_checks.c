#include "tests/fuzz/import_checks.h"

#include "services/cli/declaration_json.h"
#include "services/cli/reference_json.h"

enum {
    MEMORY_FACTOR = 256, // a candidate's struct for `{},`, copies of its text, and a line told of it
    TOLD_FACTOR = 64,    // a line for `{},`
};

#define FILE_NAME "results"

// Lines as "results:12: what is said".
static void check_told(const Import *import) {
    Str rest = buf_str(&import->told);
    while (rest.len > 0) {
        Str line = take_until(&rest, STR_LIT("\n"));
        check(str_starts_with(line, STR_LIT(FILE_NAME ":")), "a line without its file");
        size_t digits = 0, from = sizeof FILE_NAME;
        while (from + digits < line.len && line.ptr[from + digits] >= '0' && line.ptr[from + digits] <= '9') {
            digits++;
        }
        check(digits > 0 && line.ptr[from] != '0', "a line without a line number");
        check_reason(str_slice(line, from + digits, line.len));
    }
}

static void check_declaration(Import *import, const ImportBallot *ballot) {
    _cleanup_buf_ Buf text = {0};
    DeclarationLine line;
    Str error = STR_NONE;
    import_write_declaration(import, ballot, &text);
    check(text.len > 0 && memchr(text.ptr, '\n', text.len) == text.ptr + text.len - 1, "not one line");
    check(declaration_json_parse(buf_str(&text), &import->memory, &line, &error), "publish refuses what import wrote");
    check(!line.raw && str_equal(line.declaration.ballot_paper_id, ballot->ballot_paper_id), "another ballot");
    check((line.declaration.candidates_count > 0) == (ballot->outcome == IMPORT_DECLARED), "candidates");
    check_encodes(&(Record){.type = RECORD_DECLARATION, .declaration = line.declaration}, 0, &import->memory);
}

// A skeleton is sound but for the seats in all, which somebody has to fill in.
static void check_skeleton(Import *import) {
    _cleanup_buf_ Buf text = {0};
    ReferenceFile file;
    Str error = STR_NONE;
    import_write_reference(import, &text);
    bool good = reference_json_parse(buf_str(&text), STR_LIT("fuzz"), 0, &import->memory, &file, &error);
    check(good ? file.councils_count == 0
               : str_equal(error, STR_LIT("councils[0].seats_total: is null and must be filled in")),
          "the skeleton of reference data has a fault");
}

static void check_read(Import *import) {
    for (size_t i = 0; i < import->ballots.count; i++) {
        import_judge(import, import->ballots.items[i]);
    }
    const ImportCounts *counts = &import->counts;
    check(counts->imported + counts->left_out == import->ballots.count, "a ballot is neither imported nor left out");
    for (size_t i = 0; i < import->ballots.count; i++) {
        const ImportBallot *ballot = import->ballots.items[i];
        if (ballot->outcome == IMPORT_LEFT_OUT) {
            check(ballot->refusal.len > 0, "left out without a reason");
        } else {
            check_declaration(import, ballot);
        }
    }
    check_skeleton(import);
}

void check_import(ImportReader *reader, Str text) {
    Import import = {0};
    Str error = STR_NONE;
    if (reader(&import, STR_LIT(FILE_NAME), text, &error)) {
        check_read(&import);
    } else {
        check_reason(error);
    }
    check_told(&import);
    check(import.told.len <= TOLD_FACTOR * text.len + 65536, "told more than 64 times the text");
    check(import.memory.given <= MEMORY_FACTOR * text.len + 65536, "more memory than 256 times the text");
    import_free(&import);
}
