#include "common/base/log.h"

#include "common/base/civil.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_BYTES_MAX = 4096 }; // a pipe takes that much in one piece

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static atomic_int least_level = LOG_LEVEL_INFO;

bool log_set_level(Str name) {
    for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++) {
        if (str_equal_text(name, level_names[i])) {
            atomic_store(&least_level, i);
            return true;
        }
    }
    return false;
}

void log_format(Buf *out, LogLevel level, int64_t now_us, const char *format, va_list args) {
    size_t start = out->len;
    civil_add_timestamp(out, now_us);
    buf_printf(out, " %s ", level_names[level]);
    size_t room = MESSAGE_BYTES_MAX - (out->len - start) - 1;
    char *message = buf_reserve(out, room);
    int len = vsnprintf(message, room, format, args);
    out->len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
    for (size_t i = start; i < out->len; i++) {
        if ((unsigned char)out->ptr[i] < ' ' || out->ptr[i] == 0x7f) {
            out->ptr[i] = ' ';
        }
    }
    buf_add_byte(out, '\n');
}

void log_write(LogLevel level, const char *format, ...) {
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed)) {
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    _cleanup_buf_ Buf line = {0};
    va_list args;
    va_start(args, format);
    log_format(&line, level, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, format, args);
    va_end(args);
    ssize_t ignored = write(STDERR_FILENO, line.ptr, line.len);
    (void)ignored;
}
