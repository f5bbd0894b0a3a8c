// A slider through the night: the way back to what was said then.
import type { ComponentChildren } from 'preact';

interface Slider {
  label: string;
  value: number;
  most: number;
  text: string; // what the value means
  past: boolean;
  onMove: (value: number) => void;
  onNow: () => void;
  children?: ComponentChildren;
}

export function Slider({ label, value, most, text, past, onMove, onNow, children }: Slider) {
  return (
    <div class={`slider ${past ? 'past' : ''}`}>
      <label for="slider">{label}</label>
      <div class="slider-track">
        {children}
        <input id="slider" type="range" min={0} max={most} step={1} value={value} aria-valuetext={text}
          onInput={(event) => onMove(Number(event.currentTarget.value))} />
      </div>
      <output for="slider">{text}</output>
      <button type="button" disabled={!past} onClick={onNow}>Back to now</button>
    </div>
  );
}
