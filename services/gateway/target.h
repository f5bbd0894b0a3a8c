// A request's target, taken apart: `/v1/elections?date=2023-05-04` -> segments and parameters, percent-decoded.
// Pure; what it finds lives in the arena.
#pragma once

#include "common/base/arena.h"

enum {
    TARGET_BYTES_MAX = 4096, // the longest that means anything here is a stream's cursor of a few hundred
    TARGET_SEGMENTS_MAX = 8,
    TARGET_PARAMETERS_MAX = 16,
};

typedef struct TargetParameter {
    Str name, value; // NUL-terminated too, and without NUL, control characters or bad UTF-8
} TargetParameter;

typedef struct Target {
    Str segments[TARGET_SEGMENTS_MAX];
    size_t segments_count;
    TargetParameter parameters[TARGET_PARAMETERS_MAX];
    size_t parameters_count;
} Target;

typedef enum TargetStatus {
    TARGET_OK,
    TARGET_TOO_LONG,
    TARGET_BAD, // `problem` (arena) says what is wrong
} TargetStatus;

TargetStatus target_parse(const char *raw, Arena *arena, Target *target, Str *problem);

// Absent when the parameter is not there; when it is there twice, parsing has failed.
Str target_parameter(const Target *target, const char *name);
