// The rules that look at one record alone, or at one record and the reference data (spec 6).
// The rules that compare records with each other are the aggregator's (election.h).
//
// Pure. Findings collect every rule that a record breaks, with a detail for people; what a breach
// does to the record is set in the rule book.
#pragma once

#include "common/domain/council.h"
#include "common/domain/envelope.h"
#include "common/domain/fates.h"
#include "services/validator/decode.h"

typedef struct Findings {
    const RuleBook *rules;
    Arena *arena;   // of `detail`
    RuleSet broken;   // rules that are set to off are never in it
    RuleSet softened; // of `broken`: broken in a way that is no more than a warning
    Str detail;       // at most LIMIT_DETAIL_BYTES; absent while nothing is broken
} Findings;

// Notes a breach, unless the rule is set to off.
__attribute__((format(printf, 3, 4))) void findings_add(Findings *findings, Rule rule, const char *format, ...);

// The broken rules whose breach is at least that bad.
RuleSet findings_at_least(const Findings *findings, Verdict verdict);

// The worst verdict of the broken rules; VERDICT_OFF when none is.
Verdict findings_worst(const Findings *findings);

// Of a decoded record as it came: its topic, values, key, partition and ids.
// BAD_VALUE WRONG_TOPIC KEY_MISMATCH WRONG_PARTITION ID_MISMATCH BAD_REFERENCE
void rules_check_record(const Envelope *envelope, const Record *record, Findings *findings);

// Of a declaration whose council is known: SEATS_MISMATCH for every kind; of DECLARED and CORRECTED
// also parties, candidates, votes, papers and times. `ballot` NULL: UNKNOWN_BALLOT, and the record's
// own seats are believed. `parties`: the folded party of each candidate, PARTY_NONE where unknown.
void rules_check_declaration(const Council *council, const CouncilBallot *ballot, const Declaration *declaration,
                             const PartyIndex *parties, Findings *findings);

// A UUID in its text form of 36 characters, to 16 bytes.
bool uuid_parse(Str text, uint8_t bytes[16]);
