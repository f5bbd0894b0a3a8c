#include "tests/unit/cli/import_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

int import_fixture_set_up(void **state) {
    *state = calloc(1, sizeof(ImportFixture));
    return *state == NULL;
}

int import_fixture_tear_down(void **state) {
    ImportFixture *fixture = *state;
    import_free(&fixture->import);
    arena_free(&fixture->arena);
    buf_free(&fixture->bytes);
    buf_free(&fixture->line);
    free(fixture);
    return 0;
}

void import_fixture_read(ImportFixture *fixture, ImportReader *reader, const char *name, Str text) {
    Str error = STR_NONE;
    size_t before = fixture->import.ballots.count;
    bool good = reader(&fixture->import, str_from(name), text, &error);
    if (!good) {
        print_error("%s: " STR_FMT "\n", name, STR_ARG(error));
    }
    assert_true(good);
    for (size_t i = before; i < fixture->import.ballots.count; i++) {
        import_judge(&fixture->import, fixture->import.ballots.items[i]);
    }
}

bool import_fixture_read_file(ImportFixture *fixture, ImportReader *reader, const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    enum { CHUNK_BYTES = 1 << 16 };
    size_t got;
    do {
        got = fread(buf_reserve(&fixture->bytes, CHUNK_BYTES), 1, CHUNK_BYTES, file);
        fixture->bytes.len += got;
    } while (got > 0);
    fclose(file);
    import_fixture_read(fixture, reader, path, buf_str(&fixture->bytes));
    return true;
}

const Declaration *import_fixture_find(ImportFixture *fixture, const char *ballot_paper_id) {
    const ImportBallot *ballot = map_get(&fixture->import.by_id, str_from(ballot_paper_id));
    if (ballot == NULL || ballot->outcome == IMPORT_LEFT_OUT) {
        return NULL;
    }
    Str error = STR_NONE;
    DeclarationLine *line = arena_alloc(&fixture->arena, 1, sizeof *line);
    buf_clear(&fixture->line);
    import_write_declaration(&fixture->import, ballot, &fixture->line);
    bool good = declaration_json_parse(buf_str(&fixture->line), &fixture->arena, line, &error);
    if (!good) {
        print_error("%s: " STR_FMT "\n", ballot_paper_id, STR_ARG(error));
    }
    assert_true(good);
    return &line->declaration;
}

bool import_fixture_told(const ImportFixture *fixture, const char *line) {
    Str told = buf_str(&fixture->import.told);
    size_t len = strlen(line);
    for (size_t at = 0; at + len < told.len; at++) {
        if (memcmp(told.ptr + at, line, len) == 0 && told.ptr[at + len] == '\n') {
            return true;
        }
    }
    print_error("not told: %s\ntold: " STR_FMT "\n", line, STR_ARG(told));
    return false;
}
