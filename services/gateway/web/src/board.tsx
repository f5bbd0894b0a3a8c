// The studio's monitor: one council, readable from across the room, nothing to operate.
import { useMemo } from 'preact/hooks';
import { get, id, rehearsal, type Ballot, type Candidate, type Control } from './api';
import { Announcer } from './flashes';
import { councils, link, loaded, problem } from './live';
import { Chip, coloursIn, Headline, styleOf, useAsked } from './parts';
import { Clock } from './nightview';
import { HalfCircle } from './seats';
import { progress, signed, standing } from './words';

const WARDS_SHOWN = 6;
const PARTIES_SHOWN = 5;
const PARTIES_LEAST = 2; // with votes alone, where few have seats

function Figures({ council: c }: { council: Control }) {
  const parties = c.seats.filter((s, i) => s.held > 0 || (s.votes && i < PARTIES_LEAST)).slice(0, PARTIES_SHOWN);
  return (
    <table class="board-figures">
      <caption class="unseen">Seats of each party and the change</caption>
      <thead class="unseen"><tr><th scope="col">Party</th><th scope="col">Seats</th><th scope="col">Change</th></tr></thead>
      <tbody>
        {parties.map((s) => (
          <tr key={s.party_id} style={styleOf(s)}>
            <th scope="row"><span>{s.short}</span></th>
            <td class="number">{s.held}</td>
            <td>{s.change === null ? '' : signed(s.change)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Newest({ council: c }: { council: Control }) {
  const asked = useAsked(
    () => Promise.all([
      get<Ballot[]>(`/elections/${id(c.election_id)}/ballots`),
      get<Candidate[]>(`/elections/${id(c.election_id)}/candidates`),
    ]),
    [c.election_id, c.seq]);
  const wards = useMemo(() => {
    const [ballots, candidates] = asked.value ?? [[], []];
    return ballots
      .filter((b) => b.declared_at !== null)
      .sort((a, b) => Date.parse(b.declared_at!) - Date.parse(a.declared_at!))
      .slice(0, WARDS_SHOWN)
      .map((ballot) => ({ ballot, winners: candidates.filter((x) => x.elected && x.ballot_paper_id === ballot.ballot_paper_id) }));
  }, [asked.value]);
  return (
    <section class="board-wards" aria-labelledby="newest">
      <h2 id="newest">Newest wards</h2>
      {wards.length === 0 && <p class="quiet">None yet</p>}
      <ol>
        {wards.map(({ ballot, winners }) => (
          <li key={ballot.ballot_paper_id}>
            <span>{ballot.ward_name}</span>
            <span class="chips">{winners.map((w) => <Chip key={w.candidate_id} council={c} party={w.folded_party_id ?? w.party_id} />)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function Board({ election }: { election: string }) {
  const live = councils.value.get(election);
  // Of another day than the newest, or not loaded yet.
  const asked = useAsked(() => get<Control>(`/elections/${id(election)}`), [election, loaded.value, live?.seq]);
  const council = live ?? asked.value;
  if (!council) return <main class="board"><p class="quiet" role="status">{asked.error ?? problem.value ?? 'Loading'}</p></main>;
  return (
    <main class="board">
      <header>
        <h1>{council.council_name}</h1>
        <p class="board-progress">{progress(council)}</p>
        {rehearsal && <strong class="board-rehearsal">REHEARSAL</strong>}
        <Clock />
      </header>
      <div class="board-middle">
        <Figures council={council} />
        <HalfCircle council={council} />
        <Newest council={council} />
      </div>
      <footer style={council.headline ? styleOf(coloursIn(council, council.control ?? council.previous_control)) : undefined}>
        <Headline council={council} />
        {council.headline !== null && <p class="standing">{standing(council)}</p>}
      </footer>
      {link.value === 'lost' && <p class="board-lost" role="alert">Connection lost; reconnecting</p>}
      <Announcer />
    </main>
  );
}
