// How a council's seats grew, snapshot by snapshot, with the majority line, above the slider.
import { scaleLinear } from 'd3-scale';
import { curveStepAfter, line } from 'd3-shape';
import type { Control } from './api';
import { fill } from './colour';

const WIDTH = 1000;
const HEIGHT = 220;

export function Timeline({ history, shown }: { history: Control[]; shown: number }) {
  const last = history[history.length - 1];
  if (!last || history.length < 2) return null;
  const most = Math.max(last.threshold, ...history.flatMap((c) => c.seats.map((s) => s.held)));
  const x = scaleLinear([0, history.length - 1], [0, WIDTH]);
  const y = scaleLinear([0, most * 1.06], [HEIGHT, 0]);
  const parties = last.seats.filter((s) => history.some((c) => c.seats.some((p) => p.party_id === s.party_id && p.held > 0)));
  const path = (party: string) =>
    line<Control>()
      .x((_, i) => x(i))
      .y((c) => y(c.seats.find((s) => s.party_id === party)?.held ?? 0))
      .curve(curveStepAfter)(history) ?? undefined;
  const words = parties.map((s) => `${s.short} ${s.held}`).join(', ');
  return (
    <svg class="timeline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img"
      aria-label={`Seats through the night, in ${history.length - 1} steps, ending with ${words}`}>
      <line class="majority" x1={0} x2={WIDTH} y1={y(last.threshold)} y2={y(last.threshold)} />
      {[...parties].reverse().map((s) => (
        <path key={s.party_id} d={path(s.party_id)} style={{ stroke: fill(s.colour) }} />
      ))}
      <line class="shown" x1={x(shown)} x2={x(shown)} y1={0} y2={HEIGHT} />
    </svg>
  );
}
