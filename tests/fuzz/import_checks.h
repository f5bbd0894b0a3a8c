// What must hold of `declarectl import`, whatever the format.
#pragma once

#include "services/cli/import.h"
#include "tests/fuzz/fuzz.h"

typedef bool ImportReader(Import *import, Str file, Str text, Str *error);

// Reads, judges and writes, and checks: each ballot is imported or left out for a reason that is told on a line of its
// own; what is written `declarectl publish` takes, and the daemon reads; memory is linear in the text.
void check_import(ImportReader *reader, Str text);
