// Lines on standard error: RFC 3339 time, level, message.
//
//     2023-05-05T01:12:03.456789Z warning PostgreSQL is away, waiting server=db1 attempt=1
//
// A message is a sentence without a full stop, then key=value pairs, all in the format. A control
// character in it becomes a space, so one call is one line; it leaves in one write(2), so that
// lines of several threads never mix. Each failure is logged once, by who decides what it means.
#pragma once

#include "common/base/buf.h"

#include <stdarg.h>
#include <stdint.h>

typedef enum LogLevel { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR } LogLevel;

// Levels are named debug, info, warning, error. False, and no change, for another name.
bool log_set_level(Str name);

__attribute__((format(printf, 2, 3))) void log_write(LogLevel level, const char *format, ...);

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

// The line that log_write would write at that moment, newline included; what is too long is cut.
__attribute__((format(printf, 4, 0))) void log_format(Buf *out, LogLevel level, int64_t now_us, const char *format,
                                                      va_list args);
