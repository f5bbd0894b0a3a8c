"""The tables that people read."""

import bed

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
    bed.say("  Kafka            one broker, KRaft, 6 partitions, -Xmx512m, acks=all; flushes are the page cache's, as is its default")


def copy_floor_cpu(floor):
    return floor["postgres_cpu_s"] + floor["cpu_seconds"]


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
        bed.say(f"\n  {part['workers']} worker(s)       {rate(part['rate'])} declarations/s in {run['transactions']} transactions")
        bed.say(f"  COPY floor       {rate(part['copy_floor_rate'])} declarations/s, {part['workers']} connection(s)")
        bed.say(f"  ratio            {part['ratio_to_copy_floor']['median']:.2f} "
                f"({part['ratio_to_copy_floor']['min']:.2f} - {part['ratio_to_copy_floor']['max']:.2f})")
        bed.say("  CPU, us each     " + ", ".join(f"{name} {us:.1f}" for name, us in run["cpu_us_per_declaration"].items())
                + f"; floor: {copy_floor_cpu(part['copy_floors'][0]) * 1e6 * each:.1f} in all")
        bed.say("  WAL, bytes each  " + f"{run['wal_bytes'] * each:,.0f}; floor: {part['copy_floors'][0]['wal_bytes'] * each:,.0f}"
                + "; written to files: " + ", ".join(f"{name} {n / MIB:,.0f} MiB" for name, n in run["written_bytes"].items()))
        bed.say("  peak memory      " + ", ".join(f"{name} {n / MIB:,.0f} MiB" for name, n in run["peak_bytes"].items())
                + " (PostgreSQL's: of the largest process, shared buffers within)")
