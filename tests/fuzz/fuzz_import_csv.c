// A file of results as Democracy Club's CSV, for `declarectl import`.
#include "tests/fuzz/import_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_import(import_democracy_club_csv, (Str){(const char *)data, size});
    return 0;
}
