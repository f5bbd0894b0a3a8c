#include "services/ingest/shelf.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROOM_BYTES_LEAST = 4096 };

// An election's place in the file. One that outgrows it gets another twice as large; the old one is left unused.
typedef struct Place {
    off_t at;
    size_t room;
    size_t bytes; // 0: nothing is there
    uint64_t hash; // of those: a disk may give back what it was not given
} Place;

struct Shelf {
    const char *folder;
    int file;      // -1: not made yet
    bool failed;   // it cannot be: nothing is tried any more until it is cleared
    off_t end;
    Map places;    // lane and election id -> Place
    Arena memory;  // of places and their keys
    Buf key, bytes;
};

Shelf *shelf_new(const char *folder) {
    Shelf *shelf = mem_alloc(1, sizeof *shelf);
    shelf->folder = folder;
    shelf->file = -1;
    shelf->failed = folder[0] == '\0';
    return shelf;
}

void shelf_clear(Shelf *shelf) {
    if (shelf->file >= 0) {
        close(shelf->file);
    }
    shelf->file = -1;
    shelf->failed = shelf->folder[0] == '\0';
    shelf->end = 0;
    map_free(&shelf->places);
    arena_free(&shelf->memory);
}

void shelf_free(Shelf *shelf) {
    shelf_clear(shelf);
    buf_free(&shelf->key);
    buf_free(&shelf->bytes);
    mem_free(shelf);
}

static void say_failure(Shelf *shelf, const char *what) {
    log_warning("cannot %s a file in %s: %s; elections out of use are read from the ledger again", what, shelf->folder,
                strerror(errno));
    shelf->failed = true;
}

static bool open_file(Shelf *shelf) {
    if (shelf->file >= 0 || shelf->failed) {
        return !shelf->failed;
    }
    char name[4096];
    int length = snprintf(name, sizeof name, "%s/declared-XXXXXX", shelf->folder);
    errno = ENAMETOOLONG;
    shelf->file = length < (int)sizeof name ? mkostemp(name, O_CLOEXEC) : -1;
    if (shelf->file < 0) {
        say_failure(shelf, "make");
        return false;
    }
    unlink(name);
    return true;
}

static Str key_of(Shelf *shelf, int32_t lane, Str election_id) {
    buf_clear(&shelf->key);
    buf_add(&shelf->key, &lane, sizeof lane);
    buf_add_str(&shelf->key, election_id);
    return buf_str(&shelf->key);
}

static Place *find_place(Shelf *shelf, int32_t lane, Str election_id) {
    return map_get(&shelf->places, key_of(shelf, lane, election_id));
}

static Place *make_place(Shelf *shelf, int32_t lane, Str election_id) {
    Place *place = arena_alloc(&shelf->memory, 1, sizeof *place);
    map_put(&shelf->places, arena_copy(&shelf->memory, key_of(shelf, lane, election_id)), place);
    return place;
}

static bool write_all(int file, Str bytes, off_t at) {
    while (bytes.len > 0) {
        ssize_t written = pwrite(file, bytes.ptr, bytes.len, at);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        size_t done = written < 0 ? 0 : (size_t)written;
        bytes = (Str){bytes.ptr + done, bytes.len - done};
        at += (off_t)done;
    }
    return true;
}

static bool read_all(int file, char *bytes, size_t count, off_t at) {
    while (count > 0) {
        ssize_t read = pread(file, bytes, count, at);
        if (read == 0 || (read < 0 && errno != EINTR)) {
            return false;
        }
        size_t done = read < 0 ? 0 : (size_t)read;
        bytes += done;
        count -= done;
        at += (off_t)done;
    }
    return true;
}

void shelf_put(Shelf *shelf, int32_t lane, const Election *election) {
    shelf_drop(shelf, lane, election->election_id);
    if (!open_file(shelf)) {
        return;
    }
    buf_clear(&shelf->bytes);
    election_shelve(election, &shelf->bytes);
    Str bytes = buf_str(&shelf->bytes);
    Place *place = find_place(shelf, lane, election->election_id);
    if (place == NULL) {
        place = make_place(shelf, lane, election->election_id);
    }
    if (place->room < bytes.len) {
        for (place->room = ROOM_BYTES_LEAST; place->room < bytes.len; place->room *= 2) {
        }
        place->at = shelf->end;
        shelf->end += (off_t)place->room;
    }
    if (!write_all(shelf->file, bytes, place->at)) {
        say_failure(shelf, "write to");
        return;
    }
    place->bytes = bytes.len;
    place->hash = map_hash(bytes);
}

bool shelf_has(Shelf *shelf, int32_t lane, Str election_id) {
    const Place *place = find_place(shelf, lane, election_id);
    return place != NULL && place->bytes > 0;
}

Election *shelf_take(Shelf *shelf, int32_t lane, Str election_id) {
    Place *place = find_place(shelf, lane, election_id);
    size_t count = place == NULL ? 0 : place->bytes;
    if (count == 0) {
        return NULL;
    }
    place->bytes = 0;
    buf_clear(&shelf->bytes);
    char *bytes = buf_reserve(&shelf->bytes, count);
    errno = EIO;
    if (!read_all(shelf->file, bytes, count, place->at) || map_hash((Str){bytes, count}) != place->hash) {
        say_failure(shelf, "read back from");
        return NULL;
    }
    return election_unshelve((Str){bytes, count});
}

void shelf_drop(Shelf *shelf, int32_t lane, Str election_id) {
    Place *place = find_place(shelf, lane, election_id);
    if (place != NULL) {
        place->bytes = 0;
    }
}
