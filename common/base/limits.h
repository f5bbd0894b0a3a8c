// Every bound that protects a process from what a peer sends, with its reason.
#pragma once

enum {
    // A declaration of 40 candidates takes 4 KiB; a reference of 100 wards about 30. Anything larger is no record of ours.
    LIMIT_RECORD_BYTES = 1024 * 1024,
    // Of an id: they are indexed, and PostgreSQL refuses index rows over 2.7 KB.
    LIMIT_ID_BYTES = 256,
    // Of `detail` in the ledger and of the header declared.detail (spec 2).
    LIMIT_DETAIL_BYTES = 1024,
    // Records of one transaction: past a thousand a commit's cost no longer shrinks per record.
    LIMIT_BATCH_RECORDS = 1000,
    // What a desk event counts for in that: a reference makes a row for each of its ballots, live and rehearsal.
    LIMIT_DESK_WEIGHT = 50,
    // Memory for rows that is kept from one transaction to the next; more than a batch wants seldom, and then briefly.
    LIMIT_KEPT_BYTES = 4 * 1024 * 1024,
    // Bytes of one transaction's records: bounds a batch's memory whatever the records' size.
    LIMIT_BATCH_BYTES = 4 * 1024 * 1024,
    // A schema as JSON: ours are under 6 KiB.
    LIMIT_SCHEMA_BYTES = 256 * 1024,
    // What a schema registry answers, headers and all: a schema of the largest size in which much is escaped.
    LIMIT_REGISTRY_ANSWER_BYTES = 1024 * 1024,
    // Brackets and commas of such an answer outside its strings, which the parser's memory grows with: it has a
    // dozen, and two for each type that the schema refers to.
    LIMIT_REGISTRY_ANSWER_MARKS = 4096,
    // Nesting of a schema and so of a datum: ours need 6; the walk recurses, the stack is 8 MiB.
    LIMIT_SCHEMA_DEPTH = 32,
    // Types in one schema after references are followed.
    LIMIT_SCHEMA_NODES = 4096,
    // Compiled writer schemas kept by a worker; the least recently used goes.
    LIMIT_PLANS = 256,
    // Parties that one map of reference data may name: a ballot has a few dozen. They are compared with each other.
    LIMIT_PARTIES = 1000,
    // A council of the United Kingdom has at most 126 members; a dozen parties is many.
    LIMIT_COUNCIL_SEATS = 100000,
};
