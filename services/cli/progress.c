#include "services/cli/progress.h"

#include "services/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { SILENT_MS = 1000, REDRAW_MS = 100, BAR_CELLS = 40 };

Progress progress_begin(const char *label, int64_t total) {
    return (Progress){.label = label, .total = total, .begun_ms = cli_now_ms(), .terminal = isatty(STDERR_FILENO)};
}

void progress_show(Progress *progress, int64_t done) {
    if (!progress->terminal) {
        return;
    }
    int64_t now_ms = cli_now_ms();
    if (now_ms - progress->begun_ms < SILENT_MS || now_ms - progress->drawn_ms < REDRAW_MS) {
        return;
    }
    progress->drawn_ms = now_ms;
    if (progress->total <= 0) {
        fprintf(stderr, "\r%s %" PRId64 " \x1b[K", progress->label, done);
        return;
    }
    int cells = (int)(done * BAR_CELLS / progress->total);
    cells = cells > BAR_CELLS ? BAR_CELLS : cells;
    fprintf(stderr, "\r%s [%.*s%*s] %" PRId64 " %%\x1b[K", progress->label, cells,
            "########################################", BAR_CELLS - cells, "", done * 100 / progress->total);
}

void progress_end(Progress *progress) {
    if (progress->drawn_ms != 0) {
        fputs("\r\x1b[K", stderr);
        progress->drawn_ms = 0;
    }
}
