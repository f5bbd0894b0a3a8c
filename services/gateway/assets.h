// The page's files, read into memory at the start: what is not in the folder then cannot be reached by any
// path later.
#pragma once

#include "services/gateway/answer.h"

typedef struct Assets Assets;

// `folder` "": share/declared/page beside the folder of this program. A folder that is not there is no
// failure: `/` then lists the interface. NULL, with a line in `error` (arena): it is there and cannot be read.
Assets *assets_load(const char *folder, Arena *arena, Str *error);
void assets_free(Assets *assets);

// The file of that path ("" is the page, board/... the studio's board); NULL: there is none. One user, the
// caller's.
Answer *assets_find(const Assets *assets, Str path);
