// Figures of a night from its councils. Pure.
import type { Control, Party, Seats } from './api';
import { isWhole, NOC, seatsUp } from './words';

// ---- filters ---------------------------------------------------------------------------------------------

export const FILTERS = [
  { id: 'all', text: 'All', holds: () => true },
  { id: 'called', text: 'Called', holds: (c: Control) => c.control !== null },
  { id: 'gains', text: 'Gains', holds: (c: Control) => c.outcome === 'GAIN' },
  { id: 'held', text: 'Held', holds: (c: Control) => c.outcome === 'HOLD' || c.outcome === 'NO CHANGE' },
  { id: 'lost', text: 'Lost', holds: (c: Control) => c.previous_control_lost },
  { id: 'tocome', text: 'To come', holds: (c: Control) => c.control === null && c.status !== 'final' },
] as const;

export type FilterId = (typeof FILTERS)[number]['id'];

const folded = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

export function matches(c: Control, filter: FilterId, search: string): boolean {
  const wanted = folded(search).split(/\s+/).filter(Boolean);
  const text = folded([c.council_name, c.region, c.headline, c.council_id].join(' '));
  return FILTERS.find((f) => f.id === filter)!.holds(c) && wanted.every((word) => text.includes(word));
}

export const ORDERS = [
  { id: 'news', text: 'Newest first', compare: (a: Control, b: Control) => newest(b) - newest(a) },
  { id: 'name', text: 'Name', compare: () => 0 },
  {
    id: 'close',
    text: 'Closest first',
    compare: (a: Control, b: Control) => closeness(a) - closeness(b),
  },
] as const;

export type OrderId = (typeof ORDERS)[number]['id'];

// What has not begun comes last.
const newest = (c: Control) => (c.status === 'awaiting' ? 0 : Date.parse(c.recorded_at));
const closeness = (c: Control) =>
  c.status === 'awaiting' ? Infinity : Math.abs((c.seats[0]?.held ?? 0) - c.threshold + 0.5) / c.seats_total;

export function sorted(councils: Control[], order: OrderId): Control[] {
  const { compare } = ORDERS.find((o) => o.id === order)!;
  return [...councils].sort((a, b) => compare(a, b) || a.council_name.localeCompare(b.council_name));
}

// ---- totals, as the view api.party_totals has them -------------------------------------------------------

export interface Total {
  party: Party;
  councils: number;
  gained: number;
  lost: number;
  held: number;
  change: number | null; // null: of no council is it known
  votes: number;
}

function partyOf(seats: Seats): Party {
  return { party_id: seats.party_id, name: null, short: seats.short, colour: seats.colour, text_colour: seats.text_colour };
}

export function totals(councils: Control[], parties: Party[]): Total[] {
  const names = new Map(parties.map((party) => [party.party_id, party]));
  const rows = new Map<string, Total>();
  const row = (id: string, seats?: Seats) => {
    let found = rows.get(id);
    if (!found) {
      const unnamed = { party_id: id, name: id === NOC ? 'No overall control' : null, short: id, colour: null, text_colour: null };
      const party = names.get(id) ?? (seats ? partyOf(seats) : unnamed);
      rows.set(id, (found = { party, councils: 0, gained: 0, lost: 0, held: 0, change: null, votes: 0 }));
    }
    return found;
  };
  for (const c of councils.filter(isWhole)) {
    const changed = c.outcome === 'GAIN' || c.outcome === 'LOSS';
    for (const s of c.seats) {
      const total = row(s.party_id, s);
      total.held += s.held;
      if (s.change !== null) total.change = (total.change ?? 0) + s.change;
      total.votes += s.votes ?? 0;
    }
    if (c.control !== null) {
      row(c.control).councils++;
      row(c.control).gained += changed ? 1 : 0;
    }
    if (changed && c.previous_control !== null) row(c.previous_control).lost++;
  }
  return [...rows.values()]
    .filter((t) => t.councils + t.lost + t.held + t.votes > 0 || t.change)
    .sort((a, b) => b.held - a.held || b.councils - a.councils || b.votes - a.votes);
}

export function tally(councils: Control[]) {
  const whole = councils.filter(isWhole);
  const sum = (of: (c: Control) => number) => whole.reduce((all, c) => all + of(c), 0);
  return {
    councils: whole.length,
    called: whole.filter((c) => c.control !== null).length,
    final: whole.filter((c) => c.status === 'final').length,
    declared: sum((c) => c.seats_declared),
    seats: sum(seatsUp),
    held: sum((c) => c.ballots_held),
  };
}
