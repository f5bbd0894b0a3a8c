#include "services/cli/import_party.h"

#include "services/cli/slug.h"

enum { SHORT_LENGTH_MAX = 8 };

// Numbers are the Electoral Commission's, as Democracy Club's own lists have them.
static const KnownParty known_parties[] = {
    {"PP52", "Conservative", "CON", "#0087DC", "#FFFFFF"},
    {"PP51", "Conservative (Northern Ireland)", "CON", "#0087DC", "#FFFFFF"},
    {"PP53", "Labour", "LAB", "#E4003B", "#FFFFFF"},
    {PARTY_ID_INDEPENDENT, "Independent", "IND", "#DCDCDC", "#000000"},
    {"PP90", "Liberal Democrat", "LD", "#FAA61A", "#000000"},
    {"PP63", "Green", "GRN", "#02A95B", "#FFFFFF"},
    {"PP130", "Scottish Green", "GRN", "#02A95B", "#FFFFFF"},
    {"PP305", "Green (Northern Ireland)", "GRN", "#02A95B", "#FFFFFF"},
    {"PP7931", "Reform UK", "REF", "#12B6CF", "#000000"},
    {"PP85", "UKIP", "UKIP", "#70147A", "#FFFFFF"},
    {"PP77", "Plaid Cymru", "PC", "#005B54", "#FFFFFF"},
    {"PP102", "SNP", "SNP", "#FDF38E", "#000000"},
    {"PP70", "DUP", "DUP", "#D46A4C", "#FFFFFF"},
    {"PP39", "Sinn Féin", "SF", "#326760", "#FFFFFF"},
    {"PP55", "SDLP", "SDLP", "#2AA82C", "#FFFFFF"},
    {"PP83", "Ulster Unionist", "UUP", "#48A5EE", "#000000"},
    {"PP103", "Alliance", "APNI", "#F6CB2F", "#000000"},
    {"PP804", "TUSC", "TUSC", "#EC008C", "#FFFFFF"},
    {"PP79", "Christian Peoples Alliance", "CPA", "#813887", "#FFFFFF"},
    {"PP243", "Social Democratic Party", "SDP", "#D25469", "#FFFFFF"},
    {"PP12550", "Heritage Party", "HER", "#0B1D51", "#FFFFFF"},
    {"PP2755", "Women's Equality", "WEP", "#432360", "#FFFFFF"},
    {"PP2055", "Yorkshire Party", "YP", "#00AEEF", "#000000"},
    {"PP54", "Liberal", "LIB", "#EB7A43", "#000000"},
    {"PP106", "British National Party", "BNP", "#2E3B74", "#FFFFFF"},
    {"PP3960", "British National Party", "BNP", "#2E3B74", "#FFFFFF"},
    {"PP11382", "Workers Party", "WPB", "#850101", "#FFFFFF"},
};

const KnownParty *known_party_find(Str party_id) {
    for (size_t i = 0; i < sizeof known_parties / sizeof known_parties[0]; i++) {
        if (str_equal_text(party_id, known_parties[i].party_id)) {
            return &known_parties[i];
        }
    }
    return NULL;
}

// Names that stand in for a missing id, as slugs with "and" for "&".
static const struct {
    const char *slug, *party_id;
} party_names[] = {
    {"conservative", "PP52"},
    {"conservative-and-unionist-party", "PP52"},
    {"conservative-party", "PP52"},
    {"the-conservative-party", "PP52"},
    {"green-party", "PP63"},
    {"independent", PARTY_ID_INDEPENDENT},
    {"labour", "PP53"},
    {"labour-party", "PP53"},
    {"labour-and-co-op", PARTY_ID_LABOUR_CO_OP},
    {"labour-and-co-operative", PARTY_ID_LABOUR_CO_OP},
    {"labour-and-co-operative-party", PARTY_ID_LABOUR_CO_OP},
    {"labour-and-cooperative", PARTY_ID_LABOUR_CO_OP},
    {"labour-and-cooperative-party", PARTY_ID_LABOUR_CO_OP},
    {"labour-co-op", PARTY_ID_LABOUR_CO_OP},
    {"labour-co-operative", PARTY_ID_LABOUR_CO_OP},
    {"liberal-democrat", "PP90"},
    {"liberal-democrats", "PP90"},
    {"plaid-cymru", "PP77"},
    {"plaid-cymru-the-party-of-wales", "PP77"},
    {"reform-uk", "PP7931"},
    {"scottish-green-party", "PP130"},
    {"scottish-national-party-snp", "PP102"},
    {"trade-unionist-and-socialist-coalition", "PP804"},
    {"uk-independence-party", "PP85"},
    {"uk-independence-party-ukip", "PP85"},
    {"ukip", "PP85"},
};

// The name's slug, with "&" read as "and" so that both spellings of a party are one.
static void add_name_slug(Buf *out, Str name) {
    _cleanup_buf_ Buf spelt = {0};
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '&') {
            buf_add_str(&spelt, STR_LIT(" and "));
        } else {
            buf_add_byte(&spelt, (uint8_t)name.ptr[i]);
        }
    }
    slug_add(out, buf_str(&spelt));
}

static Str id_of_slug(Str slug) {
    for (size_t i = 0; i < sizeof party_names / sizeof party_names[0]; i++) {
        if (str_equal_text(slug, party_names[i].slug)) {
            return str_from(party_names[i].party_id);
        }
    }
    return STR_NONE;
}

// Without what ballot papers put around a party's name: "Welsh Labour", "The Labour Party Candidate".
static Str bare_slug(Str slug) {
    static const char *const before[] = {"the-", "welsh-", "scottish-"};
    const Str after = STR_LIT("-candidate");
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        if (str_starts_with(slug, str_from(before[i]))) {
            slug = str_slice(slug, strlen(before[i]), slug.len);
        }
    }
    bool candidate = slug.len > after.len && str_equal(str_slice(slug, slug.len - after.len, slug.len), after);
    return candidate ? str_slice(slug, 0, slug.len - after.len) : slug;
}

static Str id_from_name(Arena *arena, Str name) {
    _cleanup_buf_ Buf slug = {0};
    add_name_slug(&slug, name);
    if (slug.len == 0) {
        return STR_NONE;
    }
    Str known = id_of_slug(buf_str(&slug));
    if (str_is_none(known)) {
        known = id_of_slug(bare_slug(buf_str(&slug)));
    }
    return str_is_none(known) ? arena_printf(arena, "name:" STR_FMT, STR_ARG(buf_str(&slug))) : known;
}

static bool is_digits(Str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

// The number of `PP53`, `pp 53`, `party:53` or `53`; absent when the id is of another kind.
static Str commission_number(Str id) {
    if (str_starts_with(id, STR_LIT("party:"))) {
        return str_slice(id, 6, id.len);
    }
    if (id.len > 2 && (id.ptr[0] | 0x20) == 'p' && (id.ptr[1] | 0x20) == 'p') {
        size_t from = id.ptr[2] == ' ' ? 3 : 2;
        return str_slice(id, from, id.len);
    }
    return is_digits(id) ? id : STR_NONE;
}

Str import_party_id(Arena *arena, Str id, Str name) {
    if (str_is_none(id) || id.len == 0) {
        return str_is_none(name) ? STR_NONE : id_from_name(arena, name);
    }
    if (str_starts_with(id, STR_LIT("minor-party:"))) {
        return arena_printf(arena, "PPm" STR_FMT, STR_ARG(str_slice(id, 12, id.len)));
    }
    Str number = commission_number(id);
    if (str_is_none(number)) {
        return id;
    }
    return arena_printf(arena, "PP" STR_FMT, STR_ARG(number));
}

Str import_party_fold(Arena *arena, Str party_id) {
    const Str prefix = STR_LIT("joint-party:");
    if (!str_starts_with(party_id, prefix)) {
        return party_id;
    }
    size_t to = prefix.len;
    while (to < party_id.len && party_id.ptr[to] != '-') {
        to++;
    }
    Str first = str_slice(party_id, prefix.len, to);
    return is_digits(first) ? arena_printf(arena, "PP" STR_FMT, STR_ARG(first)) : party_id;
}

Str import_party_short(Arena *arena, Str name) {
    _cleanup_buf_ Buf slug = {0};
    _cleanup_buf_ Buf initials = {0};
    slug_add(&slug, name);
    for (size_t i = 0; i < slug.len; i++) {
        bool starts_word = slug.ptr[i] != '-' && (i == 0 || slug.ptr[i - 1] == '-');
        if (starts_word && initials.len < SHORT_LENGTH_MAX) {
            buf_add_byte(&initials, (uint8_t)slug.ptr[i]);
        }
    }
    Buf *source = initials.len > 1 ? &initials : &slug;
    if (source->len == 0) {
        return STR_LIT("PARTY");
    }
    size_t len = source->len < SHORT_LENGTH_MAX ? source->len : SHORT_LENGTH_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = source->ptr[i];
        source->ptr[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return arena_copy(arena, str_slice(buf_str(source), 0, len));
}
