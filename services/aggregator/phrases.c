#include "services/aggregator/phrases.h"

#include <assert.h>

// In a phrase: %W who controls now, %F who controlled before, %C the council, %N seats postponed
// with their noun. `brief` are tried in order after the full one until one is short enough; of the
// last, the council's name is cut.
typedef struct Phrase {
    const char *full;
    const char *brief[2];
} Phrase;

typedef enum PhraseKey {
    PHRASE_HOLD,
    PHRASE_GAIN,
    PHRASE_LOSS,
    PHRASE_NO_CHANGE,
    PHRASE_NEW,
    PHRASE_NEW_NOC,
    PHRASE_LOSE_CONTROL,
    PHRASE_NO_MAJORITY_YET,
    PHRASE_NONE
} PhraseKey;

static const Phrase phrases[PHRASE_NONE] = {
    [PHRASE_HOLD] = {"%W HOLD %C", {"%W HOLD %C", NULL}},
    [PHRASE_GAIN] = {"%W GAIN %C FROM %F", {"%W GAIN %C", NULL}},
    [PHRASE_LOSS] = {"%F LOSE %C TO NOC", {"%F LOSE %C", NULL}},
    [PHRASE_NO_CHANGE] = {"NOC %C: NO CHANGE", {"NOC %C", NULL}},
    [PHRASE_NEW] = {"%W WIN %C (NEW COUNCIL)", {"%W WIN %C (NEW)", "%W WIN %C"}},
    [PHRASE_NEW_NOC] = {"NOC IN %C (NEW COUNCIL)", {"NOC IN %C (NEW)", "NOC IN %C"}},
    [PHRASE_LOSE_CONTROL] = {"%F LOSE CONTROL OF %C", {"%F LOSE %C", NULL}},
    [PHRASE_NO_MAJORITY_YET] = {"NO MAJORITY YET IN %C: %N POSTPONED", {"NO MAJORITY YET IN %C", "%C: NO MAJORITY YET"}},
};

static PhraseKey choose_phrase(const Standing *s, bool call_waits) {
    bool unknown = s->control.kind == CONTROL_UNKNOWN;
    if (unknown || call_waits) {
        if (s->previous_control_lost) {
            return PHRASE_LOSE_CONTROL;
        }
        return unknown && s->status == STATUS_FINAL ? PHRASE_NO_MAJORITY_YET : PHRASE_NONE;
    }
    switch (s->outcome) {
    case OUTCOME_HOLD:
        return PHRASE_HOLD;
    case OUTCOME_GAIN:
        return PHRASE_GAIN;
    case OUTCOME_LOSS:
        return PHRASE_LOSS;
    case OUTCOME_NO_CHANGE:
        return PHRASE_NO_CHANGE;
    case OUTCOME_NEW:
        return s->control.kind == CONTROL_NOC ? PHRASE_NEW_NOC : PHRASE_NEW;
    case OUTCOME_NONE:
        break;
    }
    return PHRASE_NONE;
}

static Str control_short(const Council *council, Control control) {
    return control.kind == CONTROL_PARTY ? council->parties[control.party].short_name : control_text(council, control);
}

static size_t count_characters(Str s) {
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    }
    return count;
}

static bool is_brief(Str s) {
    return s.len <= HEADLINE_SHORT_CHARACTERS || count_characters(s) <= HEADLINE_SHORT_CHARACTERS;
}

static Str first_characters(Str s, size_t count) {
    size_t at = 0;
    while (at < s.len && (count > 0 || ((unsigned char)s.ptr[at] & 0xC0) == 0x80)) {
        count -= ((unsigned char)s.ptr[at] & 0xC0) != 0x80;
        at++;
    }
    return (Str){s.ptr, at};
}

// What a phrase is put together from.
enum { PIECES_MAX = 8 };
typedef struct Pieces {
    Str items[PIECES_MAX];
    size_t count, bytes;
} Pieces;

static void add_piece(Pieces *pieces, Str text) {
    assert(pieces->count < PIECES_MAX);
    pieces->items[pieces->count++] = text;
    pieces->bytes += text.len;
}

static Str join(const Pieces *pieces, Arena *arena) {
    char *text = arena_alloc_raw(arena, pieces->bytes + 1, 1), *at = text;
    for (size_t i = 0; i < pieces->count; i++) {
        Str piece = pieces->items[i];
        if (piece.len > 0) {
            memcpy(at, piece.ptr, piece.len);
            at += piece.len;
        }
    }
    *at = '\0';
    return (Str){text, pieces->bytes};
}

// What stands for a letter behind a %.
static Str meaning(char letter, const Council *council, const Standing *s, Str council_name, Arena *arena) {
    switch (letter) {
    case 'W':
        return control_short(council, s->control);
    case 'F':
        return control_short(council, s->previous);
    case 'C':
        return council_name;
    default:
        return arena_printf(arena, "%d %s", s->seats_postponed, s->seats_postponed == 1 ? "SEAT" : "SEATS");
    }
}

static Str fill(const char *phrase, const Council *council, const Standing *s, Str council_name, Arena *arena) {
    Pieces pieces = {0};
    while (*phrase != '\0') {
        const char *mark = strchrnul(phrase, '%');
        add_piece(&pieces, (Str){phrase, (size_t)(mark - phrase)});
        if (*mark == '\0') {
            break;
        }
        add_piece(&pieces, meaning(mark[1], council, s, council_name, arena));
        phrase = mark + 2;
    }
    return join(&pieces, arena);
}

static Str fill_brief(const Phrase *phrase, const Council *council, const Standing *s, Arena *arena) {
    const char *last = phrase->full;
    Str brief = STR_NONE;
    for (size_t i = 0; i < 2 && phrase->brief[i] != NULL; i++) {
        last = phrase->brief[i];
        brief = fill(last, council, s, council->short_name, arena);
        if (is_brief(brief)) {
            return brief;
        }
    }
    size_t excess = count_characters(brief) - HEADLINE_SHORT_CHARACTERS;
    size_t name = count_characters(council->short_name);
    Str cut = first_characters(council->short_name, name > excess ? name - excess : 0);
    return first_characters(fill(last, council, s, cut, arena), HEADLINE_SHORT_CHARACTERS);
}

Headline phrase_headline(const Council *council, const Standing *standing, bool call_waits, Arena *arena) {
    PhraseKey key = council->counted ? choose_phrase(standing, call_waits) : PHRASE_NONE;
    if (key == PHRASE_NONE) {
        return (Headline){STR_NONE, STR_NONE};
    }
    Str full = fill(phrases[key].full, council, standing, council->short_name, arena);
    return (Headline){full, is_brief(full) ? full : fill_brief(&phrases[key], council, standing, arena)};
}

Str flash_kind_name(FlashKind kind) {
    static const Str names[FLASH_COUNT] = {STR_ENTRY("CALL_RETRACTED"), STR_ENTRY("LOSS_RETRACTED"),
                                           STR_ENTRY("CONTROL_LOST"),   STR_ENTRY("CALL_READY"),
                                           STR_ENTRY("CALLED"),         STR_ENTRY("FINAL")};
    return names[kind];
}

// FINAL: MEDWAY: LAB 33, CON 22, IND 4
static Str phrase_final(const Council *council, const Standing *s, Arena *arena) {
    Str text = arena_printf(arena, "FINAL: " STR_FMT, STR_ARG(council->short_name));
    const char *separator = ":";
    for (size_t i = 0; i < s->seats_count && s->seats[i].held > 0; i++) {
        Str party = council->parties[s->seats[i].party].short_name;
        text = arena_printf(arena, STR_FMT "%s " STR_FMT " %d", STR_ARG(text), separator, STR_ARG(party), s->seats[i].held);
        separator = ",";
    }
    return text;
}

Str phrase_flash(FlashKind kind, const Council *council, const Standing *standing, Str told, Arena *arena) {
    switch (kind) {
    case FLASH_CALL_RETRACTED:
    case FLASH_LOSS_RETRACTED:
        return arena_printf(arena, "RETRACTED: " STR_FMT, STR_ARG(str_is_none(told) ? council->short_name : told));
    case FLASH_CONTROL_LOST:
        return fill(phrases[PHRASE_LOSE_CONTROL].full, council, standing, council->short_name, arena);
    case FLASH_CALL_READY:
    case FLASH_CALLED: {
        PhraseKey key = choose_phrase(standing, false);
        return key == PHRASE_NONE ? council->short_name
                                  : fill(phrases[key].full, council, standing, council->short_name, arena);
    }
    case FLASH_FINAL:
    case FLASH_COUNT:
        break;
    }
    return phrase_final(council, standing, arena);
}
