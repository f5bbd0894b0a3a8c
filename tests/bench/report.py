"""The tables that people read."""

import bed
import catchup
import latency

MIB = 2**20


def rate(s):
    return f"{s['median']:,.0f} ({s['min']:,.0f} - {s['max']:,.0f})"


def title(text):
    bed.say(f"\n{text}\n{'-' * len(text)}")


def show_setting(machine, settings):
    title("machine and settings")
    for name, value in machine.items():
        bed.say(f"  {name:<16} {value}")
    bed.say("  PostgreSQL       " + ", ".join(f"{name}={value}" for name, value in settings.items()))
    bed.say("  Kafka            one broker, KRaft, 6 partitions, -Xmx512m, acks=all; flushed by the page cache")


def show_catchup(result):
    night = result["night"]
    title(f"catch-up: {night['declarations']:,} declarations of {night['councils']} councils wait in the topic")
    bed.say("  became           " + ", ".join(f"{n:,} {fate}" for fate, n in night["fates"].items())
            + f"; {night['snapshots']:,} snapshots, {night['ballots']:,} ballot rows, {night['flashes']:,} flashes")
    bed.say("  tables           " + ", ".join(f"{name} {n / MIB:,.0f} MiB" for name, n in night["table_bytes"].items()))
    bed.say(f"  consume and drop {rate(result['consume_floor_rate'])} records/s (librdkafka, the same bytes)")
    for part in result["by_workers"]:
        run = sorted(part["runs"], key=lambda r: r["rate"])[len(part["runs"]) // 2]
        each = 1 / night["declarations"]
        bed.say(f"\n  {part['workers']} worker(s)       {rate(part['rate'])} declarations/s in {run['transactions']} "
                "transactions")
        bed.say(f"  COPY floor       {rate(part['copy_floor_rate'])} declarations/s, {part['workers']} connection(s)")
        bed.say(f"  ratio            {part['ratio_to_copy_floor']['median']:.2f} "
                f"({part['ratio_to_copy_floor']['min']:.2f} - {part['ratio_to_copy_floor']['max']:.2f}); "
                f"of CPU, which other work on the cores blurs less, {part['ratio_of_cpu']['median']:.2f}")
        cpu = run["cpu_us_per_declaration"]
        bed.say("  CPU, us each     " + ", ".join(f"{name} {us:.1f}" for name, us in cpu.items())
                + f"; floor: {catchup.cpu_of_floor(part['copy_floors'][0]) * 1e6 * each:.1f} in all")
        floor, written = part["copy_floors"][0], run["written_bytes"]
        bed.say(f"  WAL, bytes each  {run['wal_bytes'] * each:,.0f}; floor: {floor['wal_bytes'] * each:,.0f}; written "
                "to files: " + ", ".join(f"{name} {n / MIB:,.0f} MiB" for name, n in written.items()))
        bed.say("  peak memory      " + ", ".join(f"{name} {n / MIB:,.0f} MiB" for name, n in run["peak_bytes"].items())
                + " (PostgreSQL's: of the largest process, shared buffers within)")


def show_latency(results):
    title("latency: acknowledged by the broker -> the snapshot is in a listening reader's hands, ms")
    bed.say(f"  {'':<24} {'p50':>9} {'p99':>9} {'max':>9}   {'from when it was due':<28} seen")
    for at in results:
        for name in latency.NAMES:
            one = at[name]
            append, due = one["from_append_ms"], one["from_schedule_ms"]
            from_due = f"{due['p50']:.2f} / {due['p99']:.2f} / {due['max']:.2f}"
            bed.say(f"  {at['rate']:>5}/s {name.replace('_', ' '):<16} {append['p50']:>9.2f} {append['p99']:>9.2f} "
                    f"{append['max']:>9.2f}   {from_due:<28} {one['seen']} of {one['sent']}")


def show_peers(results, night):
    title(f"peers, on the same topic of {night.declarations:,} declarations")
    for name in ("python", "java"):
        one = results.get(name)
        if one is None or "left_out" in one:
            bed.say(f"  {name:<8} left out: {one['left_out'] if one else 'not asked for'}")
            continue
        run = max((r for r in one["runs"] if r["workers"] == one["workers"]), key=lambda r: r["rate"])
        bed.say(f"  {name:<8} {rate(one['rate'])} declarations/s, {one['workers']} worker(s), "
                f"over {run['declarations']:,}")
        bed.say(f"           CPU, us each: peer {run['cpu_us_per_declaration']['peer']:.1f}, PostgreSQL "
                f"{run['cpu_us_per_declaration']['postgres']:.1f}; peak memory {run['peak_bytes'] / MIB:,.0f} MiB; "
                f"{run['snapshots_that_differ']} of {run['snapshots']:,} snapshots differ from the daemon's")
    bed.say(f"  They {results['leaves_out']}.")
    bed.say("  Python: batches of up to 2,000, C extensions of all three, COPY by psycopg, a process a worker.")
    bed.say("  Java: max.poll.records 2,000, reWriteBatchedInserts, -Xmx512m, a thread a worker; its warm-up counts.")


def show_2018(result):
    title("the real ballots of 3 May 2018")
    if "left_out" in result:
        bed.say("  " + result["left_out"])
        return
    s, fates = result["seconds"], result["fates"]
    bed.say(f"  {result['ballots']:,} declarations of {result['councils']} councils: {s['median']:.2f} s "
            f"({s['min']:.2f} - {s['max']:.2f}), {result['workers']} worker(s); "
            + ", ".join(f"{n:,} {fate}" for fate, n in fates.items()))
    start = min(run["since_start_s"] for run in result["runs"])
    bed.say(f"  with the start of the process, the group's join and the reference data: {start:.2f} s at best")


def show_replay(result):
    title(f"replay of a ledger of {result['rows']:,} rows")
    bed.say(f"  audit verify     {rate(result['verify_rate'])} rows/s")
    bed.say(f"  replay           {rate(result['replay_rate'])} rows/s, into another database, compared")


def show_core(result):
    title("instructions per declaration, without I/O (callgrind)")
    if "left_out" in result:
        bed.say("  " + result["left_out"])
        return
    for stage, amount in result["stages"].items():
        bed.say(f"  {stage:<30} {amount:>10,.0f}")
    bed.say(f"  {'sum':<30} {result['sum']:>10,.0f}; validate + aggregate {result['validate_and_aggregate']:,.0f}; "
            f"{result['cpu_us']:.1f} us of CPU")


def show_scaling(result):
    title("scaling")
    for at in result["workers"]:
        bed.say(f"  {at['workers']} worker(s)       {rate(at['rate'])} declarations/s")
    for at in result["councils"]:
        bed.say(f"  {at['councils']:>5} councils   {at['rate']:,.0f} declarations/s, {at['cpu_us']:.1f} us of CPU "
                f"each; a worker's peak {at['peak_bytes'] / MIB:,.0f} MiB")
    for name in ("short", "long"):
        at = result["ledger"][name]
        bed.say(f"  after {at['ledger_rows_before']:>9,} rows: {at['rate']:,.0f} declarations/s, "
                f"{at['cpu_us']:.1f} us of CPU and {at['wal_bytes']:,.0f} bytes of WAL each")
    fill = result["ledger"]["fill"]
    bed.say(f"  memory over {fill['declarations']:,} declarations: "
            + ", ".join(f"{size / MIB:.0f} MiB at {share}" for share, size in fill["memory"].items()))


def show_goals(goals):
    title("goals")
    for goal in goals:
        verdict = {True: "met", False: "NOT MET", None: "-"}[goal.met]
        bed.say(f"  {goal.what:<52} {goal.wanted:<14} {verdict:<8} {goal.measured}")
