// The night: flashes, councils with search and filters, the parties' totals, and the way back in time.
import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { get, type Control, type Fact } from './api';
import { Ticker } from './flashes';
import { changes, councils, date, facts, flashes, marked, parties } from './live';
import { FILTERS, matches, ORDERS, sorted, tally, totals, type FilterId, type OrderId } from './night';
import { Headline, Panel, PartyName, Progress, SeatsChips, StatusTag, useAsked, useNow } from './parts';
import { goTo, route, toCouncil } from './route';
import { Bar } from './seats';
import { Slider } from './slider';
import { clock, clockSeconds, count, plural, signed } from './words';

const filter = signal<FilterId>('all');
const search = signal('');
const order = signal<OrderId>('news');

// ---- councils --------------------------------------------------------------------------------------------

function Filters({ all }: { all: Control[] }) {
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <fieldset>
        <legend class="unseen">Which councils</legend>
        {FILTERS.map((f) => (
          <label key={f.id} class={filter.value === f.id ? 'chosen' : ''}>
            <input type="radio" name="filter" value={f.id} checked={filter.value === f.id}
              onChange={() => (filter.value = f.id)} />
            {f.text} <b>{all.filter((c) => f.holds(c)).length}</b>
          </label>
        ))}
      </fieldset>
      <label class="search">
        <span class="unseen">Search councils by name, region or headline</span>
        <input type="search" placeholder="Search councils" value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)} />
      </label>
      <label class="order">
        <span class="unseen">Order of councils</span>
        <select value={order.value} onChange={(event) => (order.value = event.currentTarget.value as OrderId)}>
          {ORDERS.map((o) => <option key={o.id} value={o.id}>{o.text}</option>)}
        </select>
      </label>
    </form>
  );
}

function CouncilCard({ council: c }: { council: Control }) {
  return (
    <li class={`card ${c.status}`}>
      <div class="card-top">
        <h3><a href={toCouncil(c.election_id)}>{c.council_name}</a></h3>
        <StatusTag council={c} />
      </div>
      <Headline council={c} short />
      <Bar council={c} />
      <Progress council={c} />
      <SeatsChips council={c} />
    </li>
  );
}

function Councils({ all }: { all: Control[] }) {
  const shown = useMemo(
    () => sorted(all.filter((c) => matches(c, filter.value, search.value)), order.value),
    [all, filter.value, search.value, order.value]);
  return (
    <Panel title="Councils" name="councils" aside={<p role="status">{`${shown.length} of ${plural(all.length, 'council')}`}</p>}>
      <Filters all={all} />
      {shown.length === 0 && <p class="quiet">{all.length === 0 ? 'No council is loaded yet' : 'No council is like this'}</p>}
      <ul class="cards">{shown.map((c) => <CouncilCard key={c.election_id} council={c} />)}</ul>
    </Panel>
  );
}

// ---- the parties -----------------------------------------------------------------------------------------

const direction = (value: number | null) => (value && value > 0 ? 'up' : value && value < 0 ? 'down' : '');

function Parties({ all }: { all: Control[] }) {
  const rows = totals(all, parties.value);
  const sum = tally(all);
  return (
    <Panel title="Parties" name="parties">
      <p class="tally">
        <span><b>{count(sum.called)}</b> of {plural(sum.councils, 'council')} called</span>
        <span><b>{count(sum.declared)}</b> of {plural(sum.seats, 'seat')} declared</span>
        {sum.held > 0 && <span class="held"><b>{count(sum.held)}</b> held for the desk</span>}
      </p>
      <table class="totals">
        <caption class="unseen">Councils and seats of each party, with the change on the previous control and the baseline of seats</caption>
        <thead>
          <tr><th scope="col">Party</th><th scope="col">Councils</th><th scope="col"><abbr title="Councils gained less councils lost">+/−</abbr></th>
            <th scope="col">Seats</th><th scope="col"><abbr title="Seats gained less seats lost">+/−</abbr></th></tr>
        </thead>
        <tbody>
          {rows.map((t) => (
            <tr key={t.party.party_id}>
              <th scope="row"><PartyName party={t.party} /></th>
              <td>{count(t.councils)}</td>
              <td class={direction(t.gained - t.lost)}>{signed(t.gained - t.lost)}</td>
              <td>{t.party.party_id === 'NOC' ? '' : count(t.held)}</td>
              <td class={direction(t.change)}>{t.party.party_id === 'NOC' ? '' : signed(t.change)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

// What compares councils first, then what is rare.
const CODES = ['ONLY_SWITCH', 'NTH_SWITCH', 'FIRST_MAJORITY_EVER', 'FIRST_SINCE', 'REGAINED', 'CONTROL_HELD_FOR', 'DECIDED_BY_LOT',
  'LED_VOTES_LOST_SEATS'];
const FACTS_SHOWN = 10;

function Story({ told, all }: { told: Fact[]; all: ReadonlyMap<string, Control> }) {
  const place = (fact: Fact) => CODES.indexOf(fact.code);
  const called = told
    .filter((fact) => all.get(fact.election_id)?.control != null && place(fact) >= 0)
    .sort((a, b) => place(a) - place(b))
    .slice(0, FACTS_SHOWN);
  if (called.length === 0) return null;
  return (
    <Panel title="The story" name="story">
      <ul class="facts">
        {called.map((fact) => (
          <li key={fact.election_id + fact.code + fact.text}>
            <a href={toCouncil(fact.election_id)}>{all.get(fact.election_id)!.council_name}</a> {fact.text}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

// ---- the way back ----------------------------------------------------------------------------------------

const DAY_MS = 86_400_000;

// From the close of poll to now; of a night that is played on another day, from its first snapshot.
function useBegin(all: Control[]): number {
  const first = all.reduce<Control | null>((least, c) => (least === null || c.seq < least.seq ? c : least), null);
  const newest = all.reduce((most, c) => Math.max(most, Date.parse(c.recorded_at)), 0);
  const close = Date.parse(`${date.value}T21:00:00Z`);
  const history = useAsked(
    () => (first ? get<Control[]>(`/elections/${encodeURIComponent(first.election_id)}/history`) : Promise.resolve([])),
    [first?.election_id]);
  const played = Date.parse(history.value?.[0]?.recorded_at ?? '') || newest;
  return newest > close && newest < close + 3 * DAY_MS ? Math.max(close, played) : played;
}

function NightSlider({ now }: { now: Control[] }) {
  const begin = useBegin(now);
  const newest = now.reduce((most, c) => Math.max(most, Date.parse(c.recorded_at)), 0);
  const step = newest - begin > 3_600_000 ? 60_000 : 1000;
  const most = Math.max(1, Math.ceil((newest - begin) / step));
  const { at } = route.value;
  const value = at === null ? most : Math.max(0, Math.min(most, Math.round((Date.parse(at) - begin) / step)));
  const name = step >= 60_000 ? clock : clockSeconds;
  return (
    <Slider label="Through the night" value={value} most={most} past={at !== null}
      text={at === null ? 'Now' : `As it stood at ${name(at)}`}
      onMove={(to) => goTo(to >= most ? null : new Date(begin + to * step).toISOString())} onNow={() => goTo(null)}>
      <div class="marks" aria-hidden="true">
        {flashes.value.filter((f) => f.kind === 'CALLED').map((f) => (
          <i key={f.flash_id} style={{ left: `${Math.min(100, (100 * (Date.parse(f.recorded_at) - begin)) / step / most)}%` }} />
        ))}
      </div>
    </Slider>
  );
}

const WAIT_MS = 80; // while somebody drags

const later = <T,>(ask: () => Promise<T>) =>
  new Promise<T>((resolve, reject) => setTimeout(() => ask().then(resolve, reject), WAIT_MS));

interface Shown {
  councils: ReadonlyMap<string, Control>;
  facts: Fact[];
}

function useShown(at: string | null): Shown & { error: string | null } {
  const past = useAsked<Shown | null>(async () => {
    if (at === null) return null;
    const asked = { date: date.value, at };
    const [rows, told] = await later(() =>
      Promise.all([get<Control[]>('/elections', asked), get<Fact[]>('/facts', asked)]));
    return { councils: new Map(rows.map((c) => [c.election_id, marked(c)])), facts: told };
  }, [at, date.value, at === null ? 0 : changes.value]);
  const now = { councils: councils.value, facts: facts.value };
  return { ...(at === null ? now : (past.value ?? now)), error: past.error };
}

export function Night() {
  const { at } = route.value;
  const shown = useShown(at);
  const all = useMemo(() => [...shown.councils.values()], [shown.councils]);
  const seen = at === null ? flashes.value : flashes.value.filter((f) => Date.parse(f.recorded_at) <= Date.parse(at));
  return (
    <>
      <Ticker flashes={seen} councils={shown.councils} />
      {shown.error && <p class="problem" role="alert">{shown.error}</p>}
      <div class="night">
        <Councils all={all} />
        <div class="aside">
          <Parties all={all} />
          <Story told={shown.facts} all={shown.councils} />
        </div>
      </div>
      <NightSlider now={[...councils.value.values()]} />
    </>
  );
}

export function Clock() {
  const now = useNow(1000);
  return <time class="clock" dateTime={new Date(now).toISOString()}>{clock(now)}</time>;
}
