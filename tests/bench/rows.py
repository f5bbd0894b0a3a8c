"""The rows that the daemon has left in its tables, and which of them went in one transaction: what floors write again.

Read by floor_rows.h.
"""

TABLES = ("ledger", "fate_change", "election", "snapshot", "ballot", "flash")


def dump(pipeline, folder, declarations_only=False):
    """Of all transactions, or of those that have a declaration."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = "true"
    if declarations_only:
        chosen = "xmin::text IN (SELECT xmin::text FROM declared.ledger WHERE topic = 'ward-declarations')"
    counts = {}
    for place, table in enumerate(TABLES):
        columns = pipeline.value(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS list FROM pg_attribute "
            f"WHERE attrelid = 'declared.{table}'::regclass AND attnum > 0 AND NOT attisdropped")
        (folder / f"{table}.columns").write_text(columns + "\n")
        since = f"FROM declared.{table} WHERE {chosen}"
        pipeline.psql(f"\\copy (SELECT {columns} {since} ORDER BY xmin::text::bigint, ctid) "
                      f"TO '{folder}/{table}.rows' (FORMAT binary)")
        for row in pipeline.rows(f"SELECT xmin::text::bigint AS x, count(*) AS n {since} GROUP BY 1"):
            counts.setdefault(row["x"], [0] * len(TABLES))[place] = row["n"]
    first = pipeline.value("SELECT min(xmin::text::bigint) AS x FROM declared.ledger WHERE topic = 'ward-declarations'")
    lines = [f"{int(x >= first)} {' '.join(map(str, counts[x]))}\n" for x in sorted(counts)]
    (folder / "batches").write_text("".join(lines))


def make_tables(pipeline):
    """Others with the same columns, defaults and indexes, in the schema floor_rows."""
    pipeline.psql("; ".join(["CREATE SCHEMA floor_rows", *(
        f"CREATE TABLE floor_rows.{table} (LIKE declared.{table} INCLUDING ALL)" for table in TABLES)]))
