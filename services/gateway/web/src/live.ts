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
const FLASHES_KEPT = 200;

export type Link = 'connecting' | 'live' | 'lost';

export const link = signal<Link>('connecting');
export const problem = signal<string | null>(null);
export const days = signal<Day[]>([]);
export const councils = signal<ReadonlyMap<string, Control>>(new Map());
export const flashes = signal<Flash[]>([]); // the newest first
export const facts = signal<Fact[]>([]);
export const parties = signal<Party[]>([]);
export const loaded = signal(false);
export const newFlash = signal<Flash | null>(null); // came while one was looking
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
      const same = [...councils.value.values()][0]?.poll_date === rows[0]?.poll_date;
      if (!same) councils.value = new Map();
      take(rows, true);
      flashes.value = flashed;
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

// Facts compare councils, so they are read again after a change; changes often come together.
let factsWait: ReturnType<typeof setTimeout> | undefined;
function readFactsSoon(): void {
  clearTimeout(factsWait);
  factsWait = setTimeout(async () => {
    const told = await get<Fact[]>('/facts', { date: date.value }).catch(() => null);
    if (told) facts.value = told;
  }, 500);
}

// ---- the stream ------------------------------------------------------------------------------------------

function onSnapshot(snapshot: Control): void {
  if (snapshot.poll_date !== date.value) {
    if (!days.value.some((day) => day.poll_date === snapshot.poll_date)) void read();
    return;
  }
  batch(() => {
    take([snapshot], false);
    changes.value++;
  });
  readFactsSoon();
}

function onFlash(flash: Flash): void {
  if (!councils.value.has(flash.election_id) || flashes.value.some((f) => f.flash_id === flash.flash_id)) return;
  batch(() => {
    flashes.value = [flash, ...flashes.value].slice(0, FLASHES_KEPT);
    newFlash.value = flash;
    changes.value++;
  });
}

let lastId = '';

// The browser reconnects by itself, with the id of the last event, unless the server refused: then we do.
function open(): void {
  const stream = new EventSource(`${base}/stream${lastId ? `?last_event_id=${encodeURIComponent(lastId)}` : ''}`);
  const on = (kind: string, act: (data: never) => void) =>
    stream.addEventListener(kind, (event) => {
      lastId = (event as MessageEvent).lastEventId;
      act(JSON.parse((event as MessageEvent).data) as never);
    });
  stream.onopen = () => {
    link.value = 'live';
    void read();
  };
  stream.onerror = () => {
    link.value = 'lost';
    if (stream.readyState === EventSource.CLOSED) {
      lastId = '';
      setTimeout(open, RETRY_MS);
    }
  };
  on('snapshot', onSnapshot);
  on('flash', onFlash);
  on('reset', () => {
    councils.value = new Map(); // of another database: no `seq` of it is newer
    void read();
  });
}

export function start(): void {
  open();
  setInterval(() => void read(), ASK_AGAIN_MS);
  let shown = wanted.value;
  effect(() => {
    if (wanted.value !== shown) {
      shown = wanted.value;
      void read();
    }
  });
}
