// A declaration in few bytes: how an election keeps those that it may have to read again.
//
// Only for this process's own memory: what is unpacked was packed here, and is not checked. Pure.
#pragma once

#include "common/base/arena.h"
#include "common/domain/record.h"

// All of it but what its place says: the ids of its election and ballot, and its source. In the arena.
Str declaration_pack(const Declaration *declaration, Arena *arena);

// The declaration again, but for what its place says: that is absent. Its strings are those of `packed`.
Declaration *declaration_unpack(Str packed, Arena *arena);
