// The fates of a record and the rules that decide them (spec 6).
#pragma once

#include "common/base/str.h"

#include <stdint.h>

typedef enum Fate {
    FATE_ACCEPTED,
    FATE_CORROBORATED,
    FATE_HELD,
    FATE_REJECTED,
    FATE_DUPLICATE,
    FATE_SUPERSEDED,
    FATE_COUNT
} Fate;

Str fate_name(Fate fate);
bool fate_from_name(Str name, Fate *fate);

// What a rule does to a record that breaks it. The worst of all broken rules decides.
typedef enum Verdict { VERDICT_OFF, VERDICT_WARNING, VERDICT_HELD, VERDICT_REJECTED } Verdict;

Str verdict_name(Verdict verdict);
bool verdict_from_name(Str name, Verdict *verdict);

// X(code, default verdict, mildest verdict that may be set, meaning)
// A rule whose breach leaves nothing to apply cannot be set milder than its mildest.
#define RULES(X)                                                                                                   \
    X(BAD_FRAMING, REJECTED, REJECTED, "the first bytes are neither Confluent's framing nor Avro's single-object") \
    X(UNKNOWN_SCHEMA, REJECTED, REJECTED, "no schema is known by this id or fingerprint")                          \
    X(BAD_AVRO, REJECTED, REJECTED, "the bytes do not follow their schema")                                        \
    X(TRAILING_BYTES, REJECTED, REJECTED, "bytes are left after the datum")                                        \
    X(BAD_UTF8, REJECTED, REJECTED, "a string is not UTF-8, or holds NUL")                                         \
    X(BAD_VALUE, REJECTED, REJECTED, "a field's value is outside what the contract allows")                        \
    X(TOO_LARGE, REJECTED, REJECTED, "the record is larger than 1 MiB")                                            \
    X(KEY_MISMATCH, REJECTED, HELD, "the record's key is not its council_id")                                      \
    X(WRONG_PARTITION, REJECTED, HELD, "the record's key belongs to another partition")                            \
    X(WRONG_TOPIC, REJECTED, REJECTED, "this kind of record does not belong on this topic")                        \
    X(ID_MISMATCH, REJECTED, HELD, "election and ballot differ in organisation or date")                           \
    X(BAD_REFERENCE, REJECTED, REJECTED, "the reference data contradicts itself or what is in force")              \
    X(NOT_HELD, REJECTED, REJECTED, "the action names nothing that it could act on")                               \
    X(NOT_YET_APPLIED, HELD, HELD, "the action names a record that has not been applied yet")                      \
    X(UNKNOWN_COUNCIL, HELD, HELD, "no reference data for this council's election")                                \
    X(UNKNOWN_BALLOT, HELD, HELD, "the reference data has no such ballot")                                         \
    X(UNKNOWN_PARTY, HELD, HELD, "a candidate's party is not in the reference data")                               \
    X(SEATS_MISMATCH, HELD, OFF, "seats differ from the reference data")                                           \
    X(CONFLICTING_REVISION, HELD, HELD, "the same source sent other content under the same revision")              \
    X(STALE_REVISION, HELD, OFF, "a lower revision than the source's newest, yet reported later")                  \
    X(SOURCES_DIFFER_WINNERS, HELD, HELD, "another source is in force with other winners")                         \
    X(DUPLICATE_CANDIDATE, HELD, OFF, "a candidate appears twice")                                                 \
    X(TOO_MANY_ELECTED, HELD, OFF, "more elected than seats")                                                      \
    X(TOO_FEW_ELECTED, HELD, OFF, "fewer elected than seats and candidates allow")                                 \
    X(NOT_NOMINATED, HELD, OFF, "a party has more candidates than it nominated")                                   \
    X(ELECTED_NOT_TOP, HELD, OFF, "someone not elected has more votes than someone elected")                       \
    X(TIE_WITHOUT_LOT, HELD, OFF, "a tie at the cut, and nobody elected by lot")                                   \
    X(VOTES_EXCEED_PAPERS, HELD, OFF, "more votes than the ballot papers allow")                                   \
    X(PAPERS_EXCEED_ELECTORATE, HELD, OFF, "more ballot papers than electors")                                     \
    X(DECLARED_BEFORE_CLOSE, HELD, OFF, "declared before the close of poll, 22:00 in London")                      \
    X(SOURCES_DIFFER_VOTES, WARNING, OFF, "another source in force has the same winners but other votes")          \
    X(TURNOUT_UNLIKELY, WARNING, OFF, "turnout under 5 % or over 90 %")

typedef enum Rule {
#define RULE_ENUM(code, verdict, mildest, meaning) RULE_##code,
    RULES(RULE_ENUM)
#undef RULE_ENUM
        RULE_COUNT
} Rule;

// A set of rules: bit n is rule n. Text lists are in the order above.
typedef uint64_t RuleSet;
#define RULE_BIT(rule) (UINT64_C(1) << (rule))

#define RULES_UNKNOWN (RULE_BIT(RULE_UNKNOWN_COUNCIL) | RULE_BIT(RULE_UNKNOWN_BALLOT) | RULE_BIT(RULE_UNKNOWN_PARTY))
#define RULES_CONFLICT \
    (RULE_BIT(RULE_CONFLICTING_REVISION) | RULE_BIT(RULE_STALE_REVISION) | RULE_BIT(RULE_SOURCES_DIFFER_WINNERS))

Str rule_code(Rule rule);
Str rule_meaning(Rule rule);
bool rule_from_code(Str code, Rule *rule);
Verdict rule_default_verdict(Rule rule);
Verdict rule_mildest_verdict(Rule rule);

// What the ledger keeps as a version of `rules`: all settings that can change a fate or a snapshot.
enum { RULES_SOURCES_MAX = 32 };
typedef struct RuleBook {
    int32_t version; // of the row in the database; 0 until stored
    Verdict verdicts[RULE_COUNT];
    Str sources[RULES_SOURCES_MAX]; // best first; borrowed from whoever made the book
    size_t sources_count;
    bool require_approval;
    int32_t partitions; // of both input topics
} RuleBook;

RuleBook rule_book_default(int32_t partitions);
