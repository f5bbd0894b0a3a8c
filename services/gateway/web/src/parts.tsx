// Small parts that several views use.
import { useEffect, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import type { Control, Party } from './api';
import { fill, paint } from './colour';
import { NOC, progress, shortOf, standing, statusWord } from './words';

type Colours = { colour: string | null; text_colour: string | null } | undefined;

const GREY: Colours = { colour: '#5b6675', text_colour: '#ffffff' }; // no overall control

export function coloursIn(c: Control, party: string | null): Colours {
  return party === NOC ? GREY : c.seats.find((s) => s.party_id === party);
}

export function styleOf(colours: Colours) {
  if (!colours) return undefined;
  const { background, text } = paint(colours.colour, colours.text_colour);
  return { background, color: text, '--own': fill(colours.colour) };
}

export function Swatch({ colour }: { colour: string | null | undefined }) {
  return <i class="swatch" style={{ background: fill(colour) }} />;
}

export function PartyName({ party }: { party: Party }) {
  return (
    <span class="party">
      <Swatch colour={party.party_id === NOC ? GREY!.colour : party.colour} />
      <span>
        <b>{party.short ?? party.party_id}</b>
        {party.name && party.name !== party.short && <small>{party.name}</small>}
      </span>
    </span>
  );
}

// The headline on its party's colour; before there is one, how things stand.
export function Headline({ council: c, short = false }: { council: Control; short?: boolean }) {
  const text = (short ? c.headline_short : c.headline) ?? null;
  const party = c.control ?? (c.previous_control_lost ? c.previous_control : null);
  if (text === null) return <p class="headline none">{standing(c)}</p>;
  return <p class={`headline ${c.control === null ? 'lost' : ''}`} style={styleOf(coloursIn(c, party))}>{text}</p>;
}

export function StatusTag({ council: c }: { council: Control }) {
  return <span class={`status ${c.status}`}>{statusWord(c)}</span>;
}

export function Progress({ council: c }: { council: Control }) {
  return (
    <p class="progress">
      {progress(c)}
      {c.ballots_held > 0 && <span class="held"> · {c.ballots_held} held for the desk</span>}
      {c.seats_postponed > 0 && <span> · {c.seats_postponed} postponed</span>}
    </p>
  );
}

export function SeatsChips({ council: c, most = 5 }: { council: Control; most?: number }) {
  return (
    <ul class="chips" aria-label="Seats">
      {c.seats.filter((s) => s.held > 0).slice(0, most).map((s) => (
        <li key={s.party_id}><Swatch colour={s.colour} />{s.short} <b>{s.held}</b></li>
      ))}
    </ul>
  );
}

export function Chip({ council: c, party, children }: { council: Control; party: string; children?: ComponentChildren }) {
  const colours = c.seats.find((s) => s.party_id === party);
  return <span class="chip" style={styleOf(colours ?? { colour: null, text_colour: null })}>{children ?? shortOf(c, party)}</span>;
}

export function Panel({ title, children, name, aside }: { title: string; name: string; children: ComponentChildren; aside?: ComponentChildren }) {
  return (
    <section class={`panel ${name}`} aria-labelledby={`${name}-title`}>
      <header><h2 id={`${name}-title`}>{title}</h2>{aside}</header>
      {children}
    </section>
  );
}

// A region that may be wider than the screen: it scrolls by itself, with the keyboard too.
export function Wide({ label, children }: { label: string; children: ComponentChildren }) {
  return <div class="wide" role="region" aria-label={label} tabIndex={0}>{children}</div>;
}

export interface Asked<T> {
  value: T | null;
  error: string | null;
}

// What `ask` gives, asked again when `keys` change; what it gave before stays until then.
export function useAsked<T>(ask: () => Promise<T>, keys: unknown[]): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ value: null, error: null });
  useEffect(() => {
    let mine = true;
    ask().then(
      (value) => mine && setAsked({ value, error: null }),
      (error: Error) => mine && setAsked((before) => ({ value: before.value, error: error.message })));
    return () => {
      mine = false;
    };
  }, keys);
  return asked;
}

export function useNow(every_ms: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}
