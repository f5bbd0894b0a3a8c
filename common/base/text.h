// Text from a stranger, made fit to stand in a line for people: a log, a terminal, a ledger's detail.
#pragma once

#include "common/base/arena.h"

// Control characters (C1 included) and what is not UTF-8 become \n, \t or \xNN, so that no name in a file can begin a
// line of its own or command a terminal. The text itself where nothing needs that; else in the arena, NUL-terminated.
Str text_one_line(Arena *arena, Str text);
