// Comma-separated values as RFC 4180 has them, read from memory, with physical line numbers.
//
// A field in quotes may hold commas, doubled quotes and line breaks; outside quotes a record ends at
// LF, CRLF or CR. A byte order mark at the start and empty lines are passed over. What RFC 4180
// forbids but files have is taken as spreadsheets take it: a quote inside an unquoted field stands
// for itself, text behind a closing quote is added to the field. One thread.
#pragma once

#include "common/base/arena.h"
#include "common/base/vec.h"

typedef struct CsvReader {
    Str text; // borrowed
    size_t at;
    size_t line; // physical line of `at`, from 1
    VEC(Str) fields;
} CsvReader;

typedef struct CsvRecord {
    const Str *fields; // valid until the next call; their bytes live in the text or the arena
    size_t count;
    size_t line; // physical line on which it begins
} CsvRecord;

typedef enum CsvStatus {
    CSV_RECORD,
    CSV_END,
    CSV_QUOTE_OPEN, // the text ends inside quotes; record->line is where they were opened
} CsvStatus;

// `text` outlives the reader. csv_free when done.
void csv_init(CsvReader *reader, Str text);

CsvStatus csv_next(CsvReader *reader, Arena *arena, CsvRecord *record);

void csv_free(CsvReader *reader);
