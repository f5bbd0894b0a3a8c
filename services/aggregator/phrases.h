// Every phrase that people read about control: headlines and flashes. One table (phrases.c).
#pragma once

#include "common/base/arena.h"
#include "common/domain/snapshot.h"

enum { HEADLINE_SHORT_CHARACTERS = 28 };

typedef struct Headline {
    Str full, brief; // brief: at most HEADLINE_SHORT_CHARACTERS; both absent while there is nothing to say
} Headline;

// `call_waits`: the call still wants the desk's approval, so nothing is said of it.
Headline phrase_headline(const Council *council, const Standing *standing, bool call_waits, Arena *arena);

typedef enum FlashKind {
    FLASH_CALL_RETRACTED,
    FLASH_LOSS_RETRACTED,
    FLASH_CONTROL_LOST,
    FLASH_CALL_READY,
    FLASH_CALLED,
    FLASH_FINAL,
    FLASH_COUNT
} FlashKind;

Str flash_kind_name(FlashKind kind);

// `told`: for a retraction, the headline that is taken back; absent where it is not known.
Str phrase_flash(FlashKind kind, const Council *council, const Standing *standing, Str told, Arena *arena);
