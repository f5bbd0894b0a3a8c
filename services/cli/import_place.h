// What a council's slug tells of it: its nation, and with it how its votes are counted. Pure.
#pragma once

#include "common/base/str.h"

// "england", "scotland", "wales" or "northern-ireland": by the ward's GSS code or the region where a
// file gives one, else by the organisation's slug in Democracy Club's ids. Either may be absent.
const char *import_nation(Str organisation, Str ward_gss, Str region);

// Scotland's and Northern Ireland's councils are elected by single transferable vote.
bool import_nation_counts_by_stv(const char *nation);
