// A council: how it stands or stood, its wards with votes, its facts and flashes.
import { useMemo } from 'preact/hooks';
import { boardAddress, get, id, type Ballot, type Candidate, type Control, type Fact } from './api';
import { changes, councils, facts, flashes } from './live';
import { Chip, Headline, Panel, Progress, StatusTag, Swatch, useAsked, Wide } from './parts';
import { goTo, route, toBallot, toNight } from './route';
import { HalfCircle } from './seats';
import { Slider } from './slider';
import { Timeline } from './timeline';
import { before, clockSeconds, count, dayClock, flashWord, percent, plural, signed, standing } from './words';

const PARTY_COLUMNS = 6;

// ---- seats -----------------------------------------------------------------------------------------------

function SeatsTable({ council: c }: { council: Control }) {
  const votes = c.seats.reduce((sum, s) => sum + (s.votes ?? 0), 0);
  return (
    <table class="seats-table">
      <caption class="unseen">Seats and votes of each party</caption>
      <thead>
        <tr><th scope="col">Party</th><th scope="col">Seats</th><th scope="col"><abbr title="Change on the baseline">+/−</abbr></th>
          <th scope="col">Votes</th><th scope="col">Share</th></tr>
      </thead>
      <tbody>
        {c.seats.filter((s) => s.held > 0 || s.votes).map((s) => (
          <tr key={s.party_id}>
            <th scope="row"><Swatch colour={s.colour} />{s.short}</th>
            <td class="large">{s.held}</td>
            <td>{signed(s.change)}</td>
            <td>{count(s.votes)}</td>
            <td>{s.votes && votes ? percent(s.votes, votes) : '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// ---- wards -----------------------------------------------------------------------------------------------

interface Ward {
  ballot: Ballot;
  candidates: Candidate[];
  votes: Map<string, number>; // by folded party
}

const partyOf = (candidate: Candidate) => candidate.folded_party_id ?? candidate.party_id;

function toWards(ballots: Ballot[], candidates: Candidate[]): Ward[] {
  const byBallot = new Map<string, Candidate[]>();
  for (const c of candidates) {
    byBallot.set(c.ballot_paper_id, [...(byBallot.get(c.ballot_paper_id) ?? []), c]);
  }
  return ballots.map((ballot) => {
    const own = byBallot.get(ballot.ballot_paper_id) ?? [];
    const votes = new Map<string, number>();
    for (const c of own) {
      if (c.votes !== null) votes.set(partyOf(c), (votes.get(partyOf(c)) ?? 0) + c.votes);
    }
    return { ballot, candidates: own, votes };
  });
}

const WARD_STATUS = { awaiting: 'To come', declared: 'Declared', postponed: 'Postponed' };

function WardRow({ ward, council, parties, hidden }: { ward: Ward; council: Control; parties: string[]; hidden: boolean }) {
  const { ballot } = ward;
  const status = hidden ? 'awaiting' : ballot.status;
  const winners = hidden ? [] : ward.candidates.filter((c) => c.elected);
  const won = new Set(winners.map(partyOf));
  return (
    <tr class={status}>
      <th scope="row"><a href={toBallot(ballot.ballot_paper_id)}>{ballot.ward_name ?? ballot.ballot_paper_id}</a></th>
      <td>{status === 'declared' && ballot.declared_at ? clockSeconds(ballot.declared_at).slice(0, 5) : WARD_STATUS[status]}</td>
      <td class="winners">
        {winners.map((c) => (
          <span key={c.candidate_id}><Chip council={council} party={partyOf(c)} /> {c.name}</span>
        ))}
        {winners.length === 0 && <span class="quiet">{plural(ballot.seats, 'seat')}</span>}
      </td>
      {parties.map((party) => (
        <td key={party} class={`votes ${won.has(party) ? 'won' : ''}`}>{hidden || !ward.votes.has(party) ? '' : count(ward.votes.get(party))}</td>
      ))}
      <td class="votes">{!hidden && ballot.ballot_papers && ballot.electorate ? percent(ballot.ballot_papers, ballot.electorate) : ''}</td>
    </tr>
  );
}

function Wards({ council, declared }: { council: Control; declared: Set<string> | null }) {
  const { election_id } = council;
  const asked = useAsked(
    () => Promise.all([
      get<Ballot[]>(`/elections/${id(election_id)}/ballots`),
      get<Candidate[]>(`/elections/${id(election_id)}/candidates`),
    ]),
    [election_id, councils.value.get(election_id)?.seq]);
  const wards = useMemo(() => (asked.value ? toWards(...asked.value) : []), [asked.value]);
  const parties = council.seats.filter((s) => s.votes).sort((a, b) => b.votes! - a.votes!).slice(0, PARTY_COLUMNS);
  return (
    <Panel title="Wards" name="wards" aside={<p>{`${council.ballots_declared} of ${plural(council.ballots_total, 'ward')} declared`}</p>}>
      {asked.error && <p class="problem" role="alert">{asked.error}</p>}
      <Wide label="Wards, with votes by party">
        <table class="wards-table">
          <caption class="unseen">Each ward with who is elected, votes by party, and turnout</caption>
          <thead>
            <tr>
              <th scope="col">Ward</th><th scope="col">Declared</th><th scope="col">Elected</th>
              {parties.map((s) => <th key={s.party_id} scope="col" class="votes"><Swatch colour={s.colour} />{s.short}</th>)}
              <th scope="col" class="votes">Turnout</th>
            </tr>
          </thead>
          <tbody>
            {wards.map((ward) => (
              <WardRow key={ward.ballot.ballot_paper_id} ward={ward} council={council} parties={parties.map((s) => s.party_id)}
                hidden={declared !== null && !declared.has(ward.ballot.ballot_paper_id)} />
            ))}
          </tbody>
        </table>
      </Wide>
    </Panel>
  );
}

// ---- the council -----------------------------------------------------------------------------------------

// The newest snapshot that was there at that moment. Moments are written alike, so they compare as text.
function placeAt(history: Control[], at: string | null): number {
  if (at === null) return history.length - 1;
  let place = history.length - 1;
  while (place > 0 && history[place]!.recorded_at > at) place--;
  return place;
}

function stepText(c: Control | undefined, past: boolean): string {
  if (!c || !past) return 'Now';
  return `${clockSeconds(c.recorded_at)}: ${c.seats_declared} of ${c.seats_declared + c.seats_to_come + c.seats_postponed} declared`;
}

function Words({ election, council, at }: { election: string; council: Control; at: string | null }) {
  const then = useAsked(
    () => (at === null ? Promise.resolve([]) : get<Fact[]>(`/elections/${id(election)}/facts`, { at })), [election, at]);
  const told = at === null ? facts.value.filter((f) => f.election_id === election) : (then.value ?? []);
  const flashed = flashes.value.filter((f) => f.election_id === election && f.seq <= council.seq);
  if (told.length + flashed.length === 0) return null;
  return (
    <Panel title="The story" name="story">
      <ul class="facts">{told.map((f) => <li key={f.code + f.text}>{f.text}</li>)}</ul>
      <ol class="flash-list" aria-label="Flashes, the newest first">
        {flashed.map((f) => (
          <li key={f.flash_id}><time dateTime={f.recorded_at}>{clockSeconds(f.recorded_at)}</time> <b>{flashWord(f.kind)}</b> {f.text}</li>
        ))}
      </ol>
    </Panel>
  );
}

export function Council() {
  const { name, at } = route.value;
  const live = councils.value.get(name);
  const asked = useAsked(() => get<Control[]>(`/elections/${id(name)}/history`), [name, live?.seq, live ? 0 : changes.value]);
  const history = asked.value?.[0]?.election_id === name ? asked.value : [];
  const place = placeAt(history, at);
  const past = at !== null && place < history.length - 1;
  const council = past ? history[place] : (live ?? history[history.length - 1]);
  if (!council) return <p class={asked.error ? 'problem' : 'quiet'} role="status">{asked.error ?? 'Loading'}</p>;
  const causes = past ? new Set(history.slice(0, place + 1).flatMap((c) => c.cause.ballot_paper_id ?? [])) : null;
  const was = before(council);
  return (
    <article class="council">
      <nav aria-label="Where you are"><a href={toNight()}>All councils</a></nav>
      <div class="council-top">
        <div class="council-words">
          <p class="over">{[council.region, was && `before: ${was}`].filter(Boolean).join(' · ')} <StatusTag council={council} /></p>
          <h1>{council.council_name}</h1>
          <Headline council={council} />
          {council.headline !== null && <p class="standing">{standing(council)}</p>}
          <Progress council={council} />
          <p class="links">
            <a href={boardAddress(council.election_id)}>Studio board</a>
            <span>{past ? 'As it stood at' : 'Newest change at'} <time dateTime={council.recorded_at}>{dayClock(council.recorded_at)}</time></span>
          </p>
        </div>
        <HalfCircle council={council} />
        <SeatsTable council={council} />
      </div>
      <Slider label="Through the night" value={place < 0 ? 0 : place} most={Math.max(1, history.length - 1)} past={past}
        text={stepText(history[place], past)} onNow={() => goTo(null)}
        onMove={(to) => goTo(to >= history.length - 1 ? null : history[to]!.recorded_at)}>
        <Timeline history={history} shown={place} />
      </Slider>
      <Wards council={council} declared={causes} />
      <Words election={name} council={council} at={past ? council.recorded_at : null} />
    </article>
  );
}
