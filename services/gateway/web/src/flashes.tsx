// What breaks into the programme: the newest in large, the others behind it, and each read out as it comes.
import { newFlashes } from './live';
import type { Control, Flash } from './api';
import { coloursIn, styleOf } from './parts';
import { toCouncil } from './route';
import { clockSeconds, flashWord } from './words';

export function Ticker({ flashes, councils }: { flashes: Flash[]; councils: ReadonlyMap<string, Control> }) {
  const retracted = new Set(flashes.map((f) => f.retracts));
  return (
    <section class="ticker" aria-label="Flashes, the newest first">
      {flashes.length === 0 && <p class="quiet">No flash yet</p>}
      <ol tabIndex={0} aria-label="Flashes">
        {flashes.slice(0, 24).map((flash) => {
          const council = councils.get(flash.election_id);
          const party = (flash.kind.startsWith('CONTROL_LOST') ? council?.previous_control : council?.control) ?? null;
          return (
            <li key={flash.flash_id} class={`flash ${flash.kind}`}>
              <a href={toCouncil(flash.election_id)} style={council ? styleOf(coloursIn(council, party)) : undefined}>
                <small><time dateTime={flash.recorded_at}>{clockSeconds(flash.recorded_at)}</time> {flashWord(flash.kind)}</small>
                {retracted.has(flash.flash_id) ? <s>{flash.text}</s> : <strong>{flash.text}</strong>}
              </a>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

// For screen readers: the text of a flash as it comes.
export function Announcer() {
  return (
    <p class="unseen" role="status" aria-live="assertive" aria-atomic="true" id="announcer">
      {[...newFlashes.value].reverse().map((flash) => `${flashWord(flash.kind)}: ${flash.text}`).join('. ')}
    </p>
  );
}
