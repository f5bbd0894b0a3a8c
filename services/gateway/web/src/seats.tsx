// A council's seats as a picture: a half circle with a dot each, or a bar. Both say the same in words.
import type { Control } from './api';
import { fill } from './colour';

export interface Group {
  short: string;
  count: number;
  colour: string | null; // null: nobody's yet
  open: 'coming' | 'empty' | null;
}

// Seats in the order in which they are drawn: parties, then what is still to come, then what stays empty.
export function groups(c: Control): Group[] {
  const parties = c.seats
    .filter((s) => s.held > 0)
    .map((s): Group => ({ short: s.short, count: s.held, colour: fill(s.colour), open: null }));
  const held = parties.reduce((sum, g) => sum + g.count, 0);
  const empty = Math.max(0, c.seats_total - held - c.seats_to_come);
  const open: Group[] = [
    { short: 'to come', count: c.seats_to_come, colour: null, open: 'coming' },
    { short: 'postponed or vacant', count: empty, colour: null, open: 'empty' },
  ];
  return [...parties, ...open.filter((g) => g.count > 0)];
}

export const inWords = (c: Control) =>
  `${c.council_name}, ${c.seats_total} seats: ${groups(c)
    .map((g) => (g.open === null ? `${g.short} ${g.count}` : `${g.count} ${g.short}`))
    .join(', ')}. ${c.threshold} needed for a majority.`;

// ---- half circle -----------------------------------------------------------------------------------------

interface Dot {
  x: number;
  y: number;
  angle: number;
  row: number;
}

const WIDTH = 200;
const OUTER = 96;
const INNER_SHARE = 0.42;

// Rows of dots, as evenly dense as can be, from left to right.
function dots(seats: number): { dots: Dot[]; radius: number } {
  const rows = Math.min(9, Math.max(1, Math.round(Math.sqrt(seats / 3.6))));
  const radii = Array.from({ length: rows }, (_, i) =>
    rows === 1 ? OUTER * 0.8 : OUTER * (INNER_SHARE + ((1 - INNER_SHARE) * i) / (rows - 1)));
  const length = radii.reduce((sum, r) => sum + r, 0);
  const counts = radii.map((r) => Math.floor((seats * r) / length));
  for (let left = seats - counts.reduce((sum, n) => sum + n, 0), i = rows - 1; left > 0; left--, i = (i + rows - 1) % rows) {
    counts[i]!++;
  }
  const placed = radii.flatMap((r, i) =>
    Array.from({ length: counts[i]! }, (_, k): Dot => {
      const angle = counts[i] === 1 ? Math.PI / 2 : Math.PI * (1 - k / (counts[i]! - 1));
      return { x: WIDTH / 2 + r * Math.cos(angle), y: OUTER - r * Math.sin(angle), angle, row: i };
    }));
  const between = radii.map((r, i) => (Math.PI * r) / Math.max(1, counts[i]! - 1));
  const apart = rows === 1 ? OUTER : (OUTER * (1 - INNER_SHARE)) / (rows - 1);
  return { dots: placed.sort((a, b) => b.angle - a.angle || b.row - a.row), radius: Math.min(7, 0.43 * Math.min(apart, ...between)) };
}

export function HalfCircle({ council: c }: { council: Control }) {
  const layout = dots(c.seats_total);
  const owners = groups(c).flatMap((g) => Array<Group>(g.count).fill(g));
  const top = -layout.radius - 13;
  return (
    <svg class="half-circle" role="img" aria-label={inWords(c)} viewBox={`-8 ${top} ${WIDTH + 16} ${OUTER - top + layout.radius + 1}`}>
      {layout.dots.map((dot, i) => {
        const owner = owners[i];
        return (
          <circle key={i} cx={dot.x} cy={dot.y} r={layout.radius} class={owner?.open ?? (owner ? 'taken' : 'empty')}
            style={owner?.colour ? { fill: owner.colour } : undefined} />
        );
      })}
      <text class="to-come" x={WIDTH / 2} y={OUTER - 9} text-anchor="middle">{c.seats_to_come > 0 ? c.seats_to_come : c.seats_total}</text>
      <text class="to-come-unit" x={WIDTH / 2} y={OUTER} text-anchor="middle">{c.seats_to_come > 0 ? 'still to come' : 'seats'}</text>
      <line class="majority" x1={WIDTH / 2} x2={WIDTH / 2} y1={top + 10} y2={OUTER * (1 - INNER_SHARE) + layout.radius + 4} />
      <text class="majority" x={WIDTH / 2} y={top + 7} text-anchor="middle">{c.threshold} for a majority</text>
    </svg>
  );
}

// ---- bar -------------------------------------------------------------------------------------------------

export function Bar({ council: c }: { council: Control }) {
  return (
    <div class="bar" role="img" aria-label={inWords(c)}>
      <div class="bar-parts">
        {groups(c).map((g) => (
          <span key={g.short} class={g.open ?? 'taken'} style={{ flexGrow: g.count, background: g.colour ?? undefined }} />
        ))}
      </div>
      <i class="bar-majority" style={{ left: `${(100 * c.threshold) / Math.max(1, c.seats_total)}%` }} />
    </div>
  );
}

