// Where one is, kept in the address after `#`: it can be sent to somebody else, and Back works.
import { computed, signal } from '@preact/signals';
import { id } from './api';

export interface Route {
  view: 'night' | 'council' | 'ballot';
  name: string; // of the election or ballot
  date: string | null; // asked for, or that of the election or ballot; null: the newest
  at: string | null; // a moment of the night; null: now
}

// Ids of elections and ballots end with their poll day.
export const dayOf = (name: string) => /\d{4}-\d\d-\d\d$/.exec(name)?.[0] ?? null;

// Of a mangled address: ''.
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  const [, view, name = ''] = path.split('/');
  const parameters = new URLSearchParams(query);
  const known = (view === 'council' || view === 'ballot') && name !== '';
  const decoded = unescaped(name);
  return {
    view: known && decoded !== '' ? (view as Route['view']) : 'night',
    name: decoded,
    date: parameters.get('date') ?? dayOf(decoded),
    at: parameters.get('at'),
  };
}

const hash = signal(location.hash);
addEventListener('hashchange', () => (hash.value = location.hash));

export const route = computed(() => parse(hash.value));

// The studio's board has a path of its own.
export const board = unescaped(/^\/board\/([^/]+)$/.exec(location.pathname)?.[1] ?? '');

function address(view: Route['view'], name: string, date: string | null, at: string | null = null): string {
  const query = new URLSearchParams();
  if (date && date !== dayOf(name)) query.set('date', date);
  if (at) query.set('at', at);
  return `#/${view === 'night' ? '' : `${view}/${id(name)}`}${query.size > 0 ? `?${query}` : ''}`;
}

export const toNight = (date = route.value.date) => address('night', '', date);
export const toCouncil = (election: string) => address('council', election, route.value.date, route.value.at);
export const toBallot = (ballot: string) => address('ballot', ballot, route.value.date);

// The same view at another moment; nothing to go Back to.
export function goTo(at: string | null): void {
  const { view, name, date } = route.value;
  history.replaceState(null, '', address(view, name, date, at));
  hash.value = location.hash;
}
