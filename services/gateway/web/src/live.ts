// The night as it stands, kept true by the stream, and by asking again now and then as the net under it.
//
// Each time the stream opens, first or anew, everything is read again: what was missed in between is in what
// is read, and what came by both ways is told apart by `seq`.
import { batch, computed, effect, signal } from '@preact/signals';
import { base, get, id, type Ballot, type Control, type Day, type Fact, type Flash, type Party } from './api';
import { board, dayOf, route } from './route';
import { seatsUp } from './words';

const ASK_AGAIN_MS = 30_000;
const RETRY_MS = 2_000;

export type Link = 'connecting' | 'live' | 'lost';

export const link = signal<Link>('connecting');
export const problem = signal<string | null>(null);
export const days = signal<Day[]>([]);
export const councils = signal<ReadonlyMap<string, Control>>(new Map());
export const flashes = signal<Flash[]>([]); // the newest first
export const facts = signal<Fact[]>([]);
export const parties = signal<Party[]>([]);
export const loaded = signal(false);
export const newFlashes = signal<Flash[]>([]); // came together, last, while one was looking
export const changes = signal(0); // counts what has arrived: who has read more than this keeps asks again

const wanted = computed(() => (board ? dayOf(board) : route.value.date));
export const date = computed(() => wanted.value ?? days.value[0]?.poll_date ?? null);

// ---- councils with by-elections alone --------------------------------------------------------------------

// Their ballots say so. Only where little is up can it be, so few are asked.
const couldBe = (c: Control) =>
  c.control === null && (4 * seatsUp(c) < c.seats_total || (c.ballots_total < 6 && 2 * seatsUp(c) < c.seats_total));
const byElectionsAlone = new Map<string, boolean>();

async function findByElections(rows: Control[]): Promise<void> {
  const unsure = rows.filter((c) => couldBe(c) && !byElectionsAlone.has(c.election_id));
  await Promise.all(unsure.map(async ({ election_id }) => {
    const ballots = await get<Ballot[]>(`/elections/${id(election_id)}/ballots`);
    byElectionsAlone.set(election_id, ballots.every((b) => b.ballot_paper_id.includes('.by.')));
  }));
}

export const marked = (c: Control): Control => ({ ...c, by_elections_alone: byElectionsAlone.get(c.election_id) ?? false });

// ---- reading ---------------------------------------------------------------------------------------------

function take(snapshots: Control[], anew: boolean): void {
  const kept = new Map(anew ? [] : councils.value);
  for (const snapshot of snapshots) {
    const known = councils.value.get(snapshot.election_id);
    kept.set(snapshot.election_id, known && known.seq > snapshot.seq ? known : marked(snapshot));
  }
  councils.value = kept;
}

// The newest first; those of one moment in the order in which they are given.
function takeFlashes(given: Flash[]): void {
  const all = new Map([...given, ...flashes.value].map((flash) => [flash.flash_id, flash]));
  const newer = (a: Flash, b: Flash) => (a.recorded_at < b.recorded_at ? 1 : a.recorded_at > b.recorded_at ? -1 : 0);
  flashes.value = [...all.values()].sort(newer);
}

function forget(): void {
  batch(() => {
    councils.value = new Map();
    flashes.value = [];
    loaded.value = false;
  });
}

let reading = 0;

async function read(): Promise<void> {
  const mine = ++reading;
  try {
    const known = await get<Day[]>('/dates');
    days.value = known;
    const day = date.value;
    const [rows, flashed, told, table] = await Promise.all([
      get<Control[]>('/elections', { date: day }),
      get<Flash[]>('/flashes', { date: day }),
      get<Fact[]>('/facts', { date: day }),
      get<Party[]>('/parties', { date: day }),
    ]);
    await findByElections(rows);
    if (mine !== reading) return;
    batch(() => {
      take(rows, true);
      takeFlashes(flashed);
      facts.value = told;
      parties.value = table;
      problem.value = null;
      loaded.value = true;
      changes.value++;
    });
  } catch (error) {
    if (mine === reading) problem.value = (error as Error).message;
  }
}

// Facts compare councils, so they are read again after a change, but not after each.
const FACTS_AFTER_MS = 2_000;
let factsWait: ReturnType<typeof setTimeout> | undefined;
function readFactsSoon(): void {
  factsWait ??= setTimeout(async () => {
    factsWait = undefined;
    const told = await get<Fact[]>('/facts', { date: date.value }).catch(() => null);
    if (told) facts.value = told;
  }, FACTS_AFTER_MS);
}

// Events come faster than a screen needs to change: they are taken together, several times a second.
const TAKE_EVERY_MS = 100;
let snapshots: Control[] = [];
let flashed: Flash[] = [];
let taking: ReturnType<typeof setTimeout> | undefined;

function takeSoon(): void {
  taking ??= setTimeout(takeAll, TAKE_EVERY_MS);
}

function takeAll(): void {
  taking = undefined;
  if (!loaded.value) {
    takeSoon(); // what is being read may be older
    return;
  }
  const own = snapshots.filter((snapshot) => snapshot.poll_date === date.value);
  const other = snapshots.find((snapshot) => !days.value.some((day) => day.poll_date === snapshot.poll_date));
  batch(() => {
    if (own.length > 0) take(own, false);
    const known = new Set(flashes.value.map((flash) => flash.flash_id));
    const fresh = flashed.filter((flash) => councils.value.has(flash.election_id) && !known.has(flash.flash_id)).reverse();
    if (fresh.length > 0) {
      takeFlashes(fresh);
      newFlashes.value = fresh;
    }
    changes.value++;
  });
  snapshots = [];
  flashed = [];
  if (own.length > 0) readFactsSoon();
  if (other) void read();
}

// ---- the stream ------------------------------------------------------------------------------------------

// The browser reconnects by itself, with the id of the last event, unless the server refused: then we do, once more
// with that id, which may be what it refused.
function open(after: string): void {
  const stream = new EventSource(`${base}/stream${after ? `?last_event_id=${id(after)}` : ''}`);
  let last = '';
  const on = (kind: string, act: (data: any) => void) =>
    stream.addEventListener(kind, (event) => {
      last = (event as MessageEvent).lastEventId;
      act(JSON.parse((event as MessageEvent).data));
    });
  stream.onopen = () => {
    link.value = 'live';
    void read();
  };
  stream.onerror = () => {
    link.value = 'lost';
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => open(last), RETRY_MS);
  };
  on('snapshot', (snapshot: Control) => {
    snapshots.push(snapshot);
    takeSoon();
  });
  on('flash', (flash: Flash) => {
    flashed.push(flash);
    takeSoon();
  });
  on('reset', () => {
    forget(); // it was of another database
    void read();
  });
}

export function start(): void {
  open('');
  setInterval(() => void read(), ASK_AGAIN_MS);
  let shown = wanted.value;
  effect(() => {
    if (wanted.value !== shown) {
      shown = wanted.value;
      forget();
      void read();
    }
  });
}
