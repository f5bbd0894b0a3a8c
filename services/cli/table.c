#include "services/cli/table.h"

#include "common/base/mem.h"

#include <stdbool.h>
#include <uniwidth.h>

enum { OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23 };

static int width_of(const char *text) {
    return u8_strwidth((const uint8_t *)text, "UTF-8");
}

static bool is_number(const PGresult *result, int column) {
    Oid type = PQftype(result, column);
    return type == OID_INT2 || type == OID_INT4 || type == OID_INT8;
}

static void print_cell(FILE *out, const char *text, int width, bool right, bool last) {
    int padding = width - width_of(text);
    fprintf(out, "%*s%s", right ? padding : 0, "", text);
    if (last) {
        fputc('\n', out);
    } else {
        fprintf(out, "%*s", (right ? 0 : padding) + 2, "");
    }
}

void table_print(const PGresult *result, FILE *out) {
    int columns = PQnfields(result), rows = PQntuples(result);
    _cleanup_mem_ int *widths = mem_alloc((size_t)columns, sizeof *widths);
    for (int column = 0; column < columns; column++) {
        widths[column] = width_of(PQfname(result, column));
        for (int row = 0; row < rows; row++) {
            int width = width_of(PQgetvalue(result, row, column));
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
    for (int row = -1; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            const char *text = row < 0 ? PQfname(result, column) : PQgetvalue(result, row, column);
            print_cell(out, text, widths[column], is_number(result, column), column + 1 == columns);
        }
    }
}
