// What the tests of the importers share: an import of one text, and its declarations read back as
// `declarectl publish` reads them.
#pragma once

#include "services/cli/declaration_json.h"
#include "services/cli/import.h"

typedef struct ImportFixture {
    Import import;
    Arena arena; // of the declarations
    Buf bytes;   // of the file
    Buf line;
} ImportFixture;

int import_fixture_set_up(void **state);
int import_fixture_tear_down(void **state);

typedef bool ImportReader(Import *import, Str file, Str text, Str *error);

// Reads and judges. Fails the test when the text cannot be read.
void import_fixture_read(ImportFixture *fixture, ImportReader *reader, const char *name, Str text);

// The same for a file, its path from the source folder. False: there is no such file.
bool import_fixture_read_file(ImportFixture *fixture, ImportReader *reader, const char *path);

// The ballot's declaration as it would be published. NULL: it was left out, or never met.
const Declaration *import_fixture_find(ImportFixture *fixture, const char *ballot_paper_id);

// True: standard error was told this line, behind the file's name.
bool import_fixture_told(const ImportFixture *fixture, const char *line);
