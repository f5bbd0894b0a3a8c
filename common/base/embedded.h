// Files compiled into a program by declared_embed() of common/embed.cmake. A library that embeds
// files declares its own array: `extern const EmbeddedFile validator_files[];`.
#pragma once

#include "common/base/str.h"

typedef struct EmbeddedFile {
    const char *name; // last component of the path; NULL ends the array
    const unsigned char *bytes;
    size_t len;
} EmbeddedFile;

static inline Str embedded_str(const EmbeddedFile *file) {
    return (Str){(const char *)file->bytes, file->len};
}

// Absent when there is no such file.
static inline Str embedded_find(const EmbeddedFile *files, const char *name) {
    for (const EmbeddedFile *file = files; file->name != NULL; file++) {
        if (strcmp(file->name, name) == 0) {
            return embedded_str(file);
        }
    }
    return STR_NONE;
}
