#include "tests/bench/floor_rows.h"

#include "tests/bench/records.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const table_names[ROWS_TABLES] = {"ledger",   "fate_change", "election",
                                                     "snapshot", "ballot",      "flash"};
enum { BATCHES_MAX = 1 << 20, PATH_BYTES = 4096 };

static void read_columns(const char *folder, RowsTable *table) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s.columns", folder, table->name);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(table->columns, sizeof table->columns, file) == NULL) {
        bench_give_up("cannot read %s", path);
    }
    fclose(file);
    table->columns[strcspn(table->columns, "\n")] = '\0';
    table->columns_count = 1;
    for (const char *c = table->columns; *c != '\0'; c++) {
        table->columns_count += *c == ',';
    }
}

static void read_table(const char *folder, RowsTable *table) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s.rows", folder, table->name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        bench_give_up("cannot read %s", path);
    }
    table->len = (size_t)status.st_size;
    table->bytes = mmap(NULL, table->len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (table->bytes == MAP_FAILED || table->len < sizeof ROWS_HEADER ||
        memcmp(table->bytes, ROWS_HEADER, sizeof ROWS_HEADER) != 0) {
        bench_give_up("%s is no binary COPY", path);
    }
}

unsigned rows_take_number(const RowsTable *table, size_t *at, size_t bytes) {
    if (*at + bytes > table->len) {
        bench_give_up("the rows of %s end too early", table->name);
    }
    unsigned value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | (uint8_t)table->bytes[(*at)++];
    }
    return value;
}

static void pass_row(const RowsTable *table, size_t *at) {
    unsigned fields = rows_take_number(table, at, 2);
    for (unsigned i = 0; i < fields; i++) {
        unsigned len = rows_take_number(table, at, 4);
        *at += len == UINT32_MAX ? 0 : len;
    }
}

// `next`: of each table, the row that comes next. False: there is no more.
static bool read_batch(FILE *file, const Rows *rows, size_t *next, RowsBatch *batch) {
    int measured;
    if (fscanf(file, "%d", &measured) != 1) {
        return false;
    }
    batch->measured = measured != 0;
    for (size_t t = 0; t < ROWS_TABLES; t++) {
        if (fscanf(file, "%zu", &batch->rows[t]) != 1) {
            bench_give_up("a line of `batches` is too short");
        }
        batch->slices[t].from = next[t];
        for (size_t i = 0; i < batch->rows[t]; i++) {
            pass_row(&rows->tables[t], &next[t]);
        }
        batch->slices[t].to = next[t];
    }
    return true;
}

void rows_read(const char *folder, Rows *rows) {
    size_t next[ROWS_TABLES];
    for (size_t t = 0; t < ROWS_TABLES; t++) {
        rows->tables[t].name = table_names[t];
        read_columns(folder, &rows->tables[t]);
        read_table(folder, &rows->tables[t]);
        next[t] = sizeof ROWS_HEADER;
    }
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/batches", folder);
    FILE *file = fopen(path, "re");
    rows->batches = calloc(BATCHES_MAX, sizeof *rows->batches);
    if (file == NULL || rows->batches == NULL) {
        bench_give_up("cannot read %s", path);
    }
    while (rows->batches_count < BATCHES_MAX && read_batch(file, rows, next, &rows->batches[rows->batches_count])) {
        rows->measured_from += !rows->batches[rows->batches_count].measured;
        rows->batches_count++;
    }
    fclose(file);
}

void rows_free(Rows *rows) {
    for (size_t t = 0; t < ROWS_TABLES; t++) {
        munmap((void *)(uintptr_t)rows->tables[t].bytes, rows->tables[t].len);
    }
    free(rows->batches);
}
