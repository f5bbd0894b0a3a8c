// What `declarectl held` shows of one record: why it is held, beside what it conflicts with, and the commands that
// decide. Pure: from a model into a buffer.
#pragma once

#include "common/base/buf.h"
#include "common/domain/fates.h"
#include "common/domain/record.h"

typedef struct CardVersion {
    Str position, standing;         // topic:partition:offset; "HELD", "in force", or its fate
    const Declaration *declaration; // NULL: it cannot be read
} CardVersion;

// The short name by which a party_id goes; several may share one.
typedef struct CardParty {
    Str party_id, short_name;
} CardParty;

typedef struct HeldCard {
    Str place; // "Medway, All Saints"
    Str received_at;
    RuleSet reasons;
    Str detail; // absent: none
    CardVersion held;
    CardVersion other; // no position: there is nothing to compare with
    const CardParty *parties;
    size_t parties_count;
    bool is_test;
} HeldCard;

// Rows in which the two versions differ begin with `*`; positions and times do not count.
void held_card_write(const HeldCard *card, Buf *out);
