// floor_copy: the rows of a finished catch-up into the same tables once more, by COPY BINARY and nothing else. No
// consumer of these rows into this PostgreSQL can be faster.
//
//     floor_copy --folder FOLDER [--connections N]      the empty database is DECLARED_POSTGRES_URI's
//
// The folder (made by floors.py) holds for each table a file TABLE.columns and a file TABLE.rows, as COPY TO STDOUT
// (FORMAT binary) gave it, and `batches`: a line for each transaction, "measured" 0 or 1, then how many rows of each
// table it has. The transactions not measured (reference data) come first, and are committed before the clock starts.
// Connections take the next transaction when they are done with theirs.
// Out: {"transactions", "rows", "bytes", "seconds", "cpu_seconds"} of the measured ones.
#include <libpq-fe.h>

#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// In the daemon's order.
static const char *const table_names[] = {"ledger", "fate_change", "election", "snapshot", "ballot", "flash"};
enum { TABLES = sizeof table_names / sizeof *table_names, BATCHES_MAX = 1 << 20, CONNECTIONS_MAX = 64 };
enum { PATH_BYTES = 4096, COLUMNS_BYTES = 2048, PIECE_BYTES = 256 * 1024 };

// Signature, flags, no extension; the last zero byte is the string's own.
static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
static const char trailer[] = "\377\377";

typedef struct Table {
    char columns[COLUMNS_BYTES];
    const char *bytes; // the file
    size_t len, next;  // next: of the row that comes next while batches are cut
} Table;

typedef struct Slice {
    size_t from, to; // of the table's bytes
} Slice;

typedef struct Batch {
    bool measured;
    Slice slices[TABLES];
} Batch;

static Table tables[TABLES];
static Batch *batches;
static size_t batches_count, measured_from, measured_rows, measured_bytes;
static const char *uri;
static atomic_size_t next_batch;

__attribute__((noreturn, format(printf, 1, 2))) static void give_up(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("floor_copy: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

// ---- the rows --------------------------------------------------------------------------------------------

static void read_table(const char *folder, size_t index) {
    Table *table = &tables[index];
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s.columns", folder, table_names[index]);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(table->columns, sizeof table->columns, file) == NULL) {
        give_up("cannot read %s", path);
    }
    fclose(file);
    table->columns[strcspn(table->columns, "\n")] = '\0';
    snprintf(path, sizeof path, "%s/%s.rows", folder, table_names[index]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        give_up("cannot read %s", path);
    }
    table->len = (size_t)status.st_size;
    table->bytes = mmap(NULL, table->len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (table->bytes == MAP_FAILED || table->len < sizeof header || memcmp(table->bytes, header, sizeof header) != 0) {
        give_up("%s is no binary COPY", path);
    }
    table->next = sizeof header;
}

static uint32_t take(Table *table, size_t bytes) {
    if (table->next + bytes > table->len) {
        give_up("a table's rows end too early");
    }
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | (uint8_t)table->bytes[table->next++];
    }
    return value;
}

static void pass_row(Table *table) {
    uint32_t fields = take(table, 2);
    for (uint32_t i = 0; i < fields; i++) {
        uint32_t len = take(table, 4);
        table->next += len == UINT32_MAX ? 0 : len;
    }
}

// False: there is no more.
static bool read_batch(FILE *file, Batch *batch) {
    int measured;
    if (fscanf(file, "%d", &measured) != 1) {
        return false;
    }
    batch->measured = measured != 0;
    for (size_t t = 0; t < TABLES; t++) {
        size_t rows;
        if (fscanf(file, "%zu", &rows) != 1) {
            give_up("a line of `batches` is too short");
        }
        batch->slices[t].from = tables[t].next;
        for (size_t i = 0; i < rows; i++) {
            pass_row(&tables[t]);
        }
        batch->slices[t].to = tables[t].next;
        measured_rows += batch->measured ? rows : 0;
        measured_bytes += batch->measured ? batch->slices[t].to - batch->slices[t].from : 0;
    }
    return true;
}

static void read_batches(const char *folder) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/batches", folder);
    FILE *file = fopen(path, "re");
    batches = calloc(BATCHES_MAX, sizeof *batches);
    if (file == NULL || batches == NULL) {
        give_up("cannot read %s", path);
    }
    while (batches_count < BATCHES_MAX && read_batch(file, &batches[batches_count])) {
        measured_from += !batches[batches_count].measured;
        batches_count++;
    }
    fclose(file);
}

// ---- the transactions ------------------------------------------------------------------------------------

static void put(PGconn *pg, const char *bytes, size_t len) {
    if (PQputCopyData(pg, bytes, (int)len) != 1) {
        give_up("%s", PQerrorMessage(pg));
    }
}

static void copy_slice(PGconn *pg, const Table *table, Slice slice) {
    put(pg, header, sizeof header);
    for (size_t at = slice.from; at < slice.to; at += PIECE_BYTES) {
        put(pg, table->bytes + at, slice.to - at < PIECE_BYTES ? slice.to - at : PIECE_BYTES);
    }
    put(pg, trailer, sizeof trailer - 1);
    if (PQputCopyEnd(pg, NULL) != 1) {
        give_up("%s", PQerrorMessage(pg));
    }
}

static void send_batch(PGconn *pg, const Batch *batch) {
    char sql[TABLES * (COLUMNS_BYTES + 64) + 64];
    int len = snprintf(sql, sizeof sql, "BEGIN; ");
    size_t wanted[TABLES], wanted_count = 0, table = 0;
    for (size_t t = 0; t < TABLES; t++) {
        if (batch->slices[t].from < batch->slices[t].to) {
            wanted[wanted_count++] = t;
            len += snprintf(sql + len, sizeof sql - (size_t)len, "COPY declared.%s (%s) FROM STDIN (FORMAT binary); ",
                            table_names[t], tables[t].columns);
        }
    }
    snprintf(sql + len, sizeof sql - (size_t)len, "COMMIT");
    if (PQsendQuery(pg, sql) != 1) {
        give_up("%s", PQerrorMessage(pg));
    }
    for (PGresult *result; (result = PQgetResult(pg)) != NULL; PQclear(result)) {
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_COPY_IN && table < wanted_count) {
            copy_slice(pg, &tables[wanted[table]], batch->slices[wanted[table]]);
            table++;
        } else if (status != PGRES_COMMAND_OK) {
            give_up("%s", PQerrorMessage(pg));
        }
    }
}

static PGconn *connect_once(void) {
    PGconn *pg = PQconnectdb(uri);
    if (PQstatus(pg) != CONNECTION_OK) {
        give_up("%s", PQerrorMessage(pg));
    }
    return pg;
}

static void *run_connection(void *connection) {
    PGconn *pg = connection;
    for (size_t i; (i = atomic_fetch_add(&next_batch, 1)) < batches_count;) {
        send_batch(pg, &batches[i]);
    }
    return NULL;
}

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void run(size_t count) {
    PGconn *connections[CONNECTIONS_MAX];
    pthread_t threads[CONNECTIONS_MAX];
    for (size_t i = 0; i < count; i++) {
        connections[i] = connect_once();
    }
    for (size_t i = 0; i < measured_from; i++) {
        send_batch(connections[0], &batches[i]);
    }
    atomic_store(&next_batch, measured_from);
    double began = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, run_connection, connections[i]) != 0) {
            give_up("cannot start a thread");
        }
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    double took = seconds_of(CLOCK_MONOTONIC) - began;
    printf("{\"transactions\": %zu, \"rows\": %zu, \"bytes\": %zu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
           batches_count - measured_from, measured_rows, measured_bytes, took,
           seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    for (size_t i = 0; i < count; i++) {
        PQfinish(connections[i]);
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"folder", required_argument, NULL, 'f'}, {"connections", required_argument, NULL, 'c'}, {0}};
    const char *folder = NULL;
    size_t connections = 1;
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (found == 'f') {
            folder = optarg;
        } else if (found == 'c') {
            connections = strtoul(optarg, NULL, 10);
        }
    }
    uri = getenv("DECLARED_POSTGRES_URI");
    if (folder == NULL || uri == NULL || connections == 0 || connections > CONNECTIONS_MAX || optind != argc) {
        fprintf(stderr, "Usage: DECLARED_POSTGRES_URI=... floor_copy --folder FOLDER [--connections N]\n");
        return 2;
    }
    for (size_t t = 0; t < TABLES; t++) {
        read_table(folder, t);
    }
    read_batches(folder);
    run(connections);
    free(batches);
    return EXIT_SUCCESS;
}
