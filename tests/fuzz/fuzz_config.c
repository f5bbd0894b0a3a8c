// Settings: an INI file; behind a line "%%", variables of the environment, one a line; behind another, options.
#include "common/base/config.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STRINGS_MAX = 8 };

static const char *const sections[] = {"kafka",   "postgres", "daemon",   "sources", "calls",
                                       "gateway", "log",      "registry", "rules"};

// A file in memory, which config_load() can open by its path.
typedef struct MemoryFile {
    int descriptor;
    char path[32];
} MemoryFile;

static void write_file(MemoryFile *file, Str text) {
    if (file->path[0] == '\0') {
        file->descriptor = memfd_create("settings", MFD_CLOEXEC);
        snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->descriptor);
    }
    check(ftruncate(file->descriptor, 0) == 0, "ftruncate");
    check(pwrite(file->descriptor, text.ptr, text.len, 0) == (ssize_t)text.len, "pwrite");
}

// Lines as C strings, with NULL behind them.
static size_t take_strings(Str text, Arena *arena, char *strings[STRINGS_MAX + 1]) {
    size_t count = 0;
    while (text.len > 0 && count < STRINGS_MAX) {
        strings[count++] = (char *)arena_copy(arena, take_until(&text, STR_LIT("\n"))).ptr;
    }
    strings[count] = NULL;
    return count;
}

static void write_entries(const Config *config, bool with_origin, Buf *out) {
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        ConfigEntry entry;
        buf_printf(out, "[%s]\n", sections[i]);
        for (size_t cursor = 0; config_next(config, sections[i], &cursor, &entry);) {
            buf_printf(out, "%s = %s\n", entry.key, entry.value);
            check(!with_origin || entry.origin[0] != '\0', "a setting from nowhere");
        }
    }
}

static void check_values(const Config *config) {
    int workers = config_int(config, "daemon.workers");
    check(workers >= 1 && workers <= 64, "a number outside its bounds");
    (void)config_bool(config, "calls.require_approval");
    check(config_get(config, "postgres.uri") != NULL, "a setting of the table without a value");
}

// What was accepted can be written, and then says the same.
static void check_written(const Config *config, Arena *arena) {
    static MemoryFile file;
    _cleanup_buf_ Buf first = {0};
    _cleanup_buf_ Buf second = {0};
    Str error = STR_NONE;
    write_entries(config, true, &first);
    write_file(&file, buf_str(&first));
    Config *again = config_load(&(ConfigSources){.file = file.path}, arena, &error);
    check(again != NULL, "what we wrote is refused");
    write_entries(again, true, &second);
    check(str_equal(buf_str(&first), buf_str(&second)), "the second writing differs from the first");
    config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static MemoryFile file;
    Arena arena = {0};
    Str rest = {(const char *)data, size}, error = STR_NONE;
    Str mark = STR_LIT("%%\n"), text = take_until(&rest, mark), variables = take_until(&rest, mark);
    char *environment[STRINGS_MAX + 1], *options[STRINGS_MAX + 1];
    (void)take_strings(variables, &arena, environment);
    size_t count = take_strings(rest, &arena, options);
    write_file(&file, text);
    Config *config =
        config_load(&(ConfigSources){file.path, environment, (const char *const *)options, count}, &arena, &error);
    if (config == NULL) {
        check_reason(error);
        check(str_starts_with(error, STR_LIT("/proc/self/fd/")) || str_starts_with(error, STR_LIT("DECLARED_")) ||
                  str_starts_with(error, STR_LIT("--set")),
              "an error that does not say where");
    } else {
        check_values(config);
        check_written(config, &arena);
    }
    config_free(config);
    arena_free(&arena);
    return 0;
}
