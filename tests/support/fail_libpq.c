// fail-libpq: makes one call of libpq fail, loaded before it with LD_PRELOAD.
//
//     DECLARED_FAIL_LIBPQ=N      the Nth call, of those below, from 1; 0 or absent: none
//     DECLARED_FAIL_LIBPQ_HOW    refuse  the call is not made and returns its failure
//                                cut     the connection is cut, then the call is made
//                                lose    what the server has to say is thrown away, then it is cut: so ends a
//                                        transaction whose COMMIT was done and whose answer never came
//     DECLARED_FAIL_LIBPQ_NAMES  a file that gets the name of each call, a line each
//
// One thread at a time calls libpq in the programs this is for.
#include <dlfcn.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ANSWER_MS = 300 }; // how long a lost answer is waited for

typedef enum How { NOT_NOW, REFUSE, CUT } How;

static long calls;
static FILE *names; // NULL: nobody wants them

// The next definition of `name`, into a pointer to a function.
static void find(const char *name, void *function, size_t size) {
    void *symbol = dlsym(RTLD_NEXT, name);
    if (symbol == NULL) {
        fprintf(stderr, "fail-libpq: no %s\n", name);
        abort();
    }
    memcpy(function, &symbol, size);
}

static void cut(const PGconn *connection) {
    if (connection != NULL && PQsocket(connection) >= 0) {
        shutdown(PQsocket(connection), SHUT_RDWR);
    }
}

static void lose(const PGconn *connection) {
    struct pollfd fd = {.fd = connection == NULL ? -1 : PQsocket(connection), .events = POLLIN};
    char thrown_away[4096];
    while (fd.fd >= 0 && poll(&fd, 1, ANSWER_MS) > 0 &&
           recv(fd.fd, thrown_away, sizeof thrown_away, MSG_DONTWAIT) > 0) {
    }
    cut(connection);
}

__attribute__((constructor)) static void open_names(void) {
    const char *path = getenv("DECLARED_FAIL_LIBPQ_NAMES");
    names = path == NULL ? NULL : fopen(path, "w");
}

__attribute__((destructor)) static void close_names(void) {
    if (names != NULL) {
        fclose(names);
    }
}

// Counts the call; what is to happen with it.
static How now(const char *name, const PGconn *connection) {
    static long chosen = -1;
    if (chosen < 0) {
        const char *text = getenv("DECLARED_FAIL_LIBPQ");
        chosen = text == NULL ? 0 : strtol(text, NULL, 10);
    }
    if (names != NULL) {
        fprintf(names, "%s\n", name);
    }
    if (++calls != chosen) {
        return NOT_NOW;
    }
    const char *how = getenv("DECLARED_FAIL_LIBPQ_HOW");
    if (how == NULL || strcmp(how, "refuse") == 0) {
        return REFUSE;
    }
    if (strcmp(how, "lose") == 0) {
        lose(connection);
    } else {
        cut(connection);
    }
    return CUT;
}

// A wrapper: `returned` is what the call returns when it fails, `connection` the one it is about.
#define WRAP(type, name, returned, connection, parameters, arguments)                                                  \
    type name parameters {                                                                                             \
        static type(*real) parameters;                                                                                 \
        if (real == NULL) {                                                                                            \
            find(#name, &real, sizeof real);                                                                           \
        }                                                                                                              \
        return now(#name, connection) == REFUSE ? (returned) : real arguments;                                         \
    }

WRAP(PGconn *, PQconnectStartParams, NULL, NULL, (const char *const *keywords, const char *const *values, int expand),
     (keywords, values, expand))
WRAP(PostgresPollingStatusType, PQconnectPoll, PGRES_POLLING_FAILED, conn, (PGconn * conn), (conn))
WRAP(int, PQsendQuery, 0, conn, (PGconn * conn, const char *query), (conn, query))
WRAP(int, PQsendQueryParams, 0, conn,
     (PGconn * conn, const char *command, int count, const Oid *types, const char *const *values, const int *lengths,
      const int *formats, int format),
     (conn, command, count, types, values, lengths, formats, format))
WRAP(int, PQsendPrepare, 0, conn, (PGconn * conn, const char *name, const char *query, int count, const Oid *types),
     (conn, name, query, count, types))
WRAP(int, PQsendQueryPrepared, 0, conn,
     (PGconn * conn, const char *name, int count, const char *const *values, const int *lengths, const int *formats,
      int format),
     (conn, name, count, values, lengths, formats, format))
WRAP(int, PQenterPipelineMode, 0, conn, (PGconn * conn), (conn))
WRAP(int, PQpipelineSync, 0, conn, (PGconn * conn), (conn))
WRAP(int, PQexitPipelineMode, 0, conn, (PGconn * conn), (conn))
WRAP(int, PQputCopyData, -1, conn, (PGconn * conn, const char *buffer, int nbytes), (conn, buffer, nbytes))
WRAP(int, PQputCopyEnd, -1, conn, (PGconn * conn, const char *message), (conn, message))
WRAP(int, PQflush, -1, conn, (PGconn * conn), (conn))
WRAP(int, PQconsumeInput, 0, conn, (PGconn * conn), (conn))
WRAP(PGresult *, PQgetResult, NULL, conn, (PGconn * conn), (conn))
WRAP(char *, PQescapeLiteral, NULL, conn, (PGconn * conn, const char *text, size_t length), (conn, text, length))
WRAP(char *, PQescapeIdentifier, NULL, conn, (PGconn * conn, const char *text, size_t length), (conn, text, length))
