// Democracy Club's CSV: a row a candidate, of results (2018: ballots_cast, is_winner) or of candidates
// (today: votes_cast, elected). Columns differ by year, so they are found by the header's names.

#include "services/cli/import.h"

#include "services/cli/csv.h"
#include "services/cli/slug.h"

// What stands above the header is passed over, up to this many records: the file of 2018 has one.
enum { RECORDS_BEFORE_HEADER_MAX = 10 };

typedef enum Column {
    COLUMN_BALLOT,
    COLUMN_ELECTION,
    COLUMN_PERSON_ID,
    COLUMN_PERSON_NAME,
    COLUMN_PARTY_ID,
    COLUMN_PARTY_ID_OTHER,
    COLUMN_PARTY_NAME,
    COLUMN_DESCRIPTION,
    COLUMN_VOTES,
    COLUMN_ELECTED,
    COLUMN_BY_LOT,
    COLUMN_TURNOUT,
    COLUMN_REJECTED,
    COLUMN_ELECTORATE,
    COLUMN_SOURCE,
    COLUMN_WARD_NAME,
    COLUMN_GSS,
    COLUMN_POST_ID,
    COLUMN_SEATS,
    COLUMN_CANCELLED,
    COLUMN_REGION,
    COLUMN_VOTING_SYSTEM,
    COLUMN_COUNT
} Column;

enum { COLUMN_NAMES_MAX = 5 };

// Names in lower case, the one that counts first where a file has several.
static const char *const column_names[COLUMN_COUNT][COLUMN_NAMES_MAX] = {
    [COLUMN_BALLOT] = {"ballot_paper_id", "ballot_id"},
    [COLUMN_ELECTION] = {"election_id", "election", "election_slug"},
    [COLUMN_PERSON_ID] = {"person_id", "id", "candidate_id"},
    [COLUMN_PERSON_NAME] = {"person_name", "name", "candidate_name"},
    [COLUMN_PARTY_ID] = {"party_ec_id", "party_id", "ec_id"},
    [COLUMN_PARTY_ID_OTHER] = {"party_id", "legacy_party_id", "party_legacy_slug"},
    [COLUMN_PARTY_NAME] = {"party_name", "party"},
    [COLUMN_DESCRIPTION] = {"party_description_text", "party_description", "description"},
    [COLUMN_VOTES] = {"votes_cast", "ballots_cast", "num_ballots", "votes"},
    [COLUMN_ELECTED] = {"elected", "is_winner", "winner"},
    [COLUMN_BY_LOT] = {"tied_vote_winner", "elected_by_lot"},
    [COLUMN_TURNOUT] = {"turnout_reported", "turnout", "num_turnout_reported", "ballot_papers_issued"},
    [COLUMN_REJECTED] = {"spoilt_ballots", "num_spoilt_ballots", "spoilt_ballots_reported", "rejected_papers"},
    [COLUMN_ELECTORATE] = {"total_electorate", "electorate"},
    [COLUMN_SOURCE] = {"results_source", "source"},
    [COLUMN_WARD_NAME] = {"post_label", "ward_name", "post_name", "division_name"},
    [COLUMN_GSS] = {"gss", "gss_code"},
    [COLUMN_POST_ID] = {"post_id"},
    [COLUMN_SEATS] = {"seats_contested", "winner_count", "seats"},
    [COLUMN_CANCELLED] = {"cancelled_poll", "cancelled"},
    [COLUMN_REGION] = {"nuts1", "region"},
    [COLUMN_VOTING_SYSTEM] = {"voting_system"},
};

typedef struct Table {
    Import *import;
    Str file;
    size_t columns;          // fields of a whole row
    size_t at[COLUMN_COUNT]; // SIZE_MAX: the file has no such column
} Table;

// A header's word as column_names has it: trimmed, lower case, underscores for spaces.
static bool is_named(Str field, const char *name) {
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    Str word = import_trim(field);
    if (str_starts_with(word, str_from(byte_order_mark))) {
        word = str_slice(word, sizeof byte_order_mark - 1, word.len);
    }
    if (word.len != strlen(name)) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        c = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        if ((c == ' ' ? '_' : c) != name[i]) {
            return false;
        }
    }
    return true;
}

static size_t find_column(const CsvRecord *header, Column column) {
    for (size_t n = 0; n < COLUMN_NAMES_MAX && column_names[column][n] != NULL; n++) {
        for (size_t i = 0; i < header->count; i++) {
            if (is_named(header->fields[i], column_names[column][n])) {
                return i;
            }
        }
    }
    return SIZE_MAX;
}

static bool has(const Table *table, Column column) {
    return table->at[column] != SIZE_MAX;
}

// The header again, where files were joined.
static bool repeats_header(const Table *table, const CsvRecord *record) {
    size_t at = has(table, COLUMN_BALLOT) ? table->at[COLUMN_BALLOT] : table->at[COLUMN_ELECTION];
    Column column = has(table, COLUMN_BALLOT) ? COLUMN_BALLOT : COLUMN_ELECTION;
    for (size_t n = 0; n < COLUMN_NAMES_MAX && column_names[column][n] != NULL; n++) {
        if (at < record->count && is_named(record->fields[at], column_names[column][n])) {
            return true;
        }
    }
    return false;
}

// True: the record is a header that says enough to read results by.
static bool take_header(Table *table, const CsvRecord *record) {
    Table found = *table;
    found.columns = record->count;
    for (size_t column = 0; column < COLUMN_COUNT; column++) {
        found.at[column] = find_column(record, (Column)column);
    }
    bool ballot = has(&found, COLUMN_BALLOT) || (has(&found, COLUMN_ELECTION) && has(&found, COLUMN_WARD_NAME));
    bool party = has(&found, COLUMN_PARTY_ID) || has(&found, COLUMN_PARTY_NAME);
    if (!ballot || !party || !has(&found, COLUMN_PERSON_NAME) || !has(&found, COLUMN_ELECTED)) {
        return false;
    }
    *table = found;
    return true;
}

static Str field(const Table *table, const CsvRecord *row, Column column) {
    size_t at = table->at[column];
    return at < row->count ? import_trim(row->fields[at]) : STR_LIT("");
}

// The id of the row's ballot. Old exports have none; it is then made from election and ward, as
// Democracy Club makes it. Empty: the row does not say.
static Str ballot_id_of(const Table *table, const CsvRecord *row) {
    if (has(table, COLUMN_BALLOT)) {
        return field(table, row, COLUMN_BALLOT);
    }
    Str election = field(table, row, COLUMN_ELECTION);
    Str ward = field(table, row, COLUMN_WARD_NAME);
    size_t dot = election.len;
    while (dot > 0 && election.ptr[dot - 1] != '.') {
        dot--;
    }
    if (dot == 0 || ward.len == 0) {
        return STR_LIT("");
    }
    _cleanup_buf_ Buf slug = {0};
    slug_add(&slug, ward);
    return arena_printf(&table->import->memory, STR_FMT STR_FMT "." STR_FMT, STR_ARG(str_slice(election, 0, dot)),
                        STR_ARG(buf_str(&slug)), STR_ARG(str_slice(election, dot, election.len)));
}

// A figure of the whole ballot, which every row repeats.
static void take_figure(Table *table, const CsvRecord *row, ImportBallot *ballot, Column column, int64_t *figure) {
    int64_t count;
    Str text = field(table, row, column);
    ImportNumber number = import_parse_number(text, &count);
    if (number == NUMBER_BAD || (number == NUMBER_PERCENTAGE && column != COLUMN_TURNOUT)) {
        import_refuse(table->import, ballot, row->line, "%s is “" STR_FMT "”, no count", column_names[column][0],
                      STR_ARG(text));
    } else if (number != NUMBER_NONE && *figure != COUNT_UNKNOWN && *figure != count) {
        import_refuse(table->import, ballot, row->line, "its rows differ in %s", column_names[column][0]);
    } else if (number != NUMBER_NONE) {
        *figure = count;
        ballot->turnout_is_percentage |= number == NUMBER_PERCENTAGE;
    }
}

static void take_text(const Table *table, const CsvRecord *row, Column column, Str *text) {
    if (text->len == 0) {
        *text = field(table, row, column);
    }
}

static void take_ballot(Table *table, const CsvRecord *row, ImportBallot *ballot) {
    take_text(table, row, COLUMN_ELECTION, &ballot->election_id);
    take_text(table, row, COLUMN_WARD_NAME, &ballot->ward_name);
    take_text(table, row, COLUMN_REGION, &ballot->region);
    take_text(table, row, COLUMN_VOTING_SYSTEM, &ballot->voting_system);
    take_text(table, row, COLUMN_SOURCE, &ballot->source);
    if (ballot->ward_gss.len == 0) {
        Str code = import_gss(field(table, row, COLUMN_GSS));
        ballot->ward_gss = code.len > 0 ? code : import_gss(field(table, row, COLUMN_POST_ID));
    }
    take_figure(table, row, ballot, COLUMN_TURNOUT, &ballot->turnout);
    take_figure(table, row, ballot, COLUMN_REJECTED, &ballot->rejected_papers);
    take_figure(table, row, ballot, COLUMN_ELECTORATE, &ballot->electorate);
    take_figure(table, row, ballot, COLUMN_SEATS, &ballot->seats_stated);
    bool cancelled;
    import_parse_flag(field(table, row, COLUMN_CANCELLED), &cancelled);
    ballot->cancelled |= cancelled;
}

static void take_candidate(Table *table, const CsvRecord *row, ImportBallot *ballot) {
    ImportCandidate *candidate = import_add_candidate(ballot, row->line);
    candidate->person_id = field(table, row, COLUMN_PERSON_ID);
    candidate->name = field(table, row, COLUMN_PERSON_NAME);
    candidate->party_id = field(table, row, COLUMN_PARTY_ID);
    if (candidate->party_id.len == 0) {
        candidate->party_id = field(table, row, COLUMN_PARTY_ID_OTHER);
    }
    candidate->party_name = field(table, row, COLUMN_PARTY_NAME);
    candidate->description = field(table, row, COLUMN_DESCRIPTION);
    Str votes = field(table, row, COLUMN_VOTES);
    ImportNumber number = import_parse_number(votes, &candidate->votes);
    if (number == NUMBER_BAD || number == NUMBER_PERCENTAGE) {
        import_refuse(table->import, ballot, row->line, "the votes of " STR_FMT " are “" STR_FMT "”, no count",
                      STR_ARG(candidate->name), STR_ARG(votes));
    }
    Str elected = field(table, row, COLUMN_ELECTED);
    if (!import_parse_flag(elected, &candidate->elected)) {
        import_refuse(table->import, ballot, row->line, "“" STR_FMT "” does not say whether " STR_FMT " was elected",
                      STR_ARG(elected), STR_ARG(candidate->name));
    }
    import_parse_flag(field(table, row, COLUMN_BY_LOT), &candidate->by_lot);
}

static void take_row(Table *table, const CsvRecord *row) {
    Str id = ballot_id_of(table, row);
    if (id.len == 0) {
        import_tell(table->import, table->file, row->line, "a row without a ballot_paper_id is left out");
        return;
    }
    ImportBallot *ballot = import_ballot(table->import, table->file, row->line, id);
    if (ballot == NULL) {
        return;
    }
    if (row->count != table->columns) {
        import_refuse(table->import, ballot, row->line, "a row has %zu fields, the header %zu", row->count,
                      table->columns);
        return;
    }
    take_ballot(table, row, ballot);
    take_candidate(table, row, ballot);
}

bool import_democracy_club_csv(Import *import, Str file, Str text, Str *error) {
    Table table = {.import = import, .file = file};
    CsvReader reader;
    CsvRecord record;
    CsvStatus status;
    csv_init(&reader, text);
    bool header = false;
    for (size_t n = 0; (status = csv_next(&reader, &import->memory, &record)) == CSV_RECORD; n++) {
        if ((!header || repeats_header(&table, &record)) && take_header(&table, &record)) {
            header = true;
        } else if (header) {
            take_row(&table, &record);
        } else if (n >= RECORDS_BEFORE_HEADER_MAX) {
            break;
        }
    }
    if (status == CSV_QUOTE_OPEN) {
        *error = arena_printf(&import->memory, "line %zu: a quote is opened and never closed", record.line);
    } else if (!header) {
        *error = STR_LIT("no header line that names ballot, person, party and who was elected");
    }
    csv_free(&reader);
    return header && status != CSV_QUOTE_OPEN;
}
