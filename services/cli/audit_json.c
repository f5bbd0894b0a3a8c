#include "services/cli/audit_json.h"

typedef struct Member {
    Str key, value; // the key with its quotes
} Member;

typedef struct Reader {
    const char *at, *end;
} Reader;

static bool is_next(const Reader *r, char c) {
    return r->at < r->end && *r->at == c;
}

static bool pass(Reader *r, char c) {
    if (!is_next(r, c)) {
        return false;
    }
    r->at++;
    return true;
}

static bool pass_string(Reader *r) {
    if (!pass(r, '"')) {
        return false;
    }
    while (r->at < r->end && *r->at != '"' && *r->at != '\\') {
        r->at++;
    }
    return pass(r, '"'); // not at a backslash
}

// To the end of the value; of what is in brackets, to the bracket that closes it.
static bool pass_value(Reader *r) {
    int open = 0;
    do {
        if (is_next(r, '"')) {
            if (!pass_string(r)) {
                return false;
            }
            continue;
        }
        while (open == 0 && r->at < r->end && strchr(",]}[{\"", *r->at) == NULL) {
            r->at++; // a number, true, false, null
        }
        if (r->at < r->end && strchr("[{", *r->at) != NULL) {
            open++;
        } else if (open > 0 && r->at < r->end && strchr("]}", *r->at) != NULL) {
            open--;
        } else if (open == 0) {
            return true;
        }
        r->at++;
    } while (open > 0 && r->at < r->end);
    return open == 0;
}

static bool add_value(Str json, int depth, Buf *out);

static bool add_array(Reader r, int depth, Buf *out) {
    buf_add_byte(out, '[');
    for (bool first = true; !is_next(&r, ']'); first = false) {
        if (!first && !pass(&r, ',')) {
            return false;
        }
        const char *from = r.at;
        if (!pass_value(&r)) {
            return false;
        }
        buf_add_str(out, first ? STR_LIT("") : STR_LIT(", "));
        if (!add_value((Str){from, (size_t)(r.at - from)}, depth + 1, out)) {
            return false;
        }
    }
    buf_add_byte(out, ']');
    return true;
}

// jsonb's order of keys: the shorter first, then by bytes.
static bool comes_before(Str a, Str b) {
    return a.len != b.len ? a.len < b.len : str_compare(a, b) < 0;
}

static bool read_members(Reader *r, Member members[JSON_MEMBERS_MAX], size_t *count) {
    for (*count = 0; !is_next(r, '}'); ++*count) {
        if (*count == JSON_MEMBERS_MAX || (*count > 0 && !pass(r, ','))) {
            return false;
        }
        Member member;
        const char *from = r->at;
        if (!pass_string(r) || !pass(r, ':')) {
            return false;
        }
        member.key = (Str){from, (size_t)(r->at - 1 - from)};
        from = r->at;
        if (!pass_value(r)) {
            return false;
        }
        member.value = (Str){from, (size_t)(r->at - from)};
        size_t place = *count;
        for (; place > 0 && comes_before(member.key, members[place - 1].key); place--) {
            members[place] = members[place - 1];
        }
        members[place] = member;
    }
    return true;
}

static bool add_object(Reader r, int depth, Buf *out) {
    Member members[JSON_MEMBERS_MAX];
    size_t count;
    if (!read_members(&r, members, &count)) {
        return false;
    }
    buf_add_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        buf_add_str(out, i == 0 ? STR_LIT("") : STR_LIT(", "));
        buf_add_str(out, members[i].key);
        buf_add_str(out, STR_LIT(": "));
        if (!add_value(members[i].value, depth + 1, out)) {
            return false;
        }
    }
    buf_add_byte(out, '}');
    return true;
}

static bool add_value(Str json, int depth, Buf *out) {
    if (json.len == 0 || depth == JSON_DEPTH_MAX) {
        return false;
    }
    Reader inside = {json.ptr + 1, json.ptr + json.len};
    if (*json.ptr == '{') {
        return add_object(inside, depth, out);
    }
    if (*json.ptr == '[') {
        return add_array(inside, depth, out);
    }
    buf_add_str(out, json);
    return true;
}

bool json_add_as_jsonb(Str json, Buf *out) {
    return add_value(json, 0, out);
}
