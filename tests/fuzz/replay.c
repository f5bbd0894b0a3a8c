// In place of libFuzzer: feeds a fuzz target each file of a folder, once.
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static bool read_file(const char *path, Buf *out) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    enum { CHUNK = 64 * 1024 };
    size_t got;
    do {
        got = fread(buf_reserve(out, CHUNK), 1, CHUNK, file);
        out->len += got;
    } while (got > 0);
    bool complete = ferror(file) == 0;
    return fclose(file) == 0 && complete;
}

static bool replay(const char *folder, const char *name) {
    _cleanup_buf_ Buf path = {0};
    _cleanup_buf_ Buf content = {0};
    buf_printf(&path, "%s/%s", folder, name);
    buf_add_byte(&path, 0);
    if (!read_file(path.ptr, &content)) {
        perror(path.ptr);
        return false;
    }
    // A copy of exactly this size, so that a sanitizer sees a read behind its end.
    uint8_t *exact = mem_alloc(content.len, 1);
    if (content.len > 0) {
        memcpy(exact, content.ptr, content.len);
    }
    LLVMFuzzerTestOneInput(exact, content.len);
    mem_free(exact);
    return true;
}

int main(int argc, char **argv) {
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    int files = 0;
    bool all_read = true;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            all_read &= replay(argv[1], entry->d_name);
            files++;
        }
    }
    closedir(folder);
    printf("%d inputs replayed\n", files);
    return all_read && files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
