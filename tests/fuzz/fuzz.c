#include "tests/fuzz/fuzz.h"

#include "common/base/text.h"
#include "services/validator/decode.h"
#include "services/validator/encode.h"

#include <stdio.h>
#include <stdlib.h>

void check(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

void check_reason(Str reason) {
    Arena arena = {0};
    check(reason.len > 0, "a refusal without a reason");
    check(text_one_line(&arena, reason).ptr == reason.ptr, "a reason that is not a line of text");
}

Str take_until(Str *rest, Str mark) {
    const char *at = rest->len == 0 ? NULL : memmem(rest->ptr, rest->len, mark.ptr, mark.len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->ptr);
    Str part = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, at == NULL ? len : len + mark.len, rest->len);
    return part;
}

void check_encodes(const Record *record, uint64_t rejected_for, Arena *arena) {
    static SchemaStore *store;
    _cleanup_buf_ Buf first = {0};
    _cleanup_buf_ Buf second = {0};
    Decoded again;
    int32_t wanted;
    store = store == NULL ? schema_store_new() : store;
    encode_record(record, &first);
    if (decode_payload(store, buf_str(&first), arena, &again, &wanted) != DECODE_OK) {
        // A thousand candidates without a name have more memory as structs than the bytes they came in may claim.
        bool for_memory = memmem(again.detail.ptr, again.detail.len, "more memory", 11) != NULL;
        check(for_memory || (RULE_BIT(again.rule) & rejected_for) != 0, "what we wrote is rejected");
        return;
    }
    encode_record(&again.record, &second);
    check(first.len == second.len, "what was read is not what we wrote");
    if (record->type == RECORD_REFERENCE) { // its maps come sorted
        buf_clear(&first);
        check(decode_payload(store, buf_str(&second), arena, &again, &wanted) == DECODE_OK, "rejected, once sorted");
        encode_record(&again.record, &first);
    }
    check(str_equal(buf_str(&first), buf_str(&second)), "what was read is not what we wrote");
}
