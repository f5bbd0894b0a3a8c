// Words for readers: plain and precise. Pure.
import type { Control } from './api';

export const NOC = 'NOC';

const number = new Intl.NumberFormat('en-GB');
export const count = (value: number | null | undefined) => (value == null ? '–' : number.format(value));
export const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)}%`;
export const plural = (value: number, one: string, many = one + 's') => `${count(value)} ${value === 1 ? one : many}`;

// Changes with a true minus.
export function signed(value: number | null | undefined): string {
  if (value == null) return '–';
  return value > 0 ? `+${count(value)}` : value < 0 ? `−${count(-value)}` : '0';
}

const moment = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', hourCycle: 'h23', ...options });
const CLOCK = moment({ hour: '2-digit', minute: '2-digit' });
const CLOCK_SECONDS = moment({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = moment({ day: 'numeric', month: 'long', year: 'numeric' });
const DAY_CLOCK = moment({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const clock = (time: string | number) => CLOCK.format(new Date(time));
export const clockSeconds = (time: string | number) => CLOCK_SECONDS.format(new Date(time));
export const dayClock = (time: string | number) => DAY_CLOCK.format(new Date(time));
export const day = (date: string) => DAY.format(new Date(`${date}T12:00:00Z`));

// ---- of a council ----------------------------------------------------------------------------------------

export const isWhole = (c: Control) => !c.by_elections_alone;

export const seatsUp = (c: Control) => c.seats_declared + c.seats_to_come + c.seats_postponed;

// Where only some of the seats are up, what is needed counts those that are not up too.
export function progress(c: Control): string {
  const declared = `${c.seats_declared} of ${seatsUp(c)} declared`;
  if (!isWhole(c)) return declared;
  return `${declared}, ${c.threshold}${seatsUp(c) === c.seats_total ? '' : ` of ${c.seats_total}`} needed`;
}

export const shortOf = (c: Control, party: string | null) =>
  party === null ? '' : party === NOC ? NOC : (c.seats.find((s) => s.party_id === party)?.short ?? party);

const STATUS = { awaiting: 'To come', in_progress: 'Counting', called: 'Called', final: 'Final' };
export const statusWord = (c: Control) => STATUS[c.status];

// How control stands, in a sentence without a full stop.
export function standing(c: Control): string {
  if (c.control === NOC) return 'No overall control';
  if (c.control !== null) {
    const majority = c.majority !== null ? `majority ${c.majority}` : `majority at least ${c.majority_at_least}`;
    return `${shortOf(c, c.control)} control, ${majority}`;
  }
  if (!isWhole(c)) return 'By-elections alone: control is not at stake';
  if (c.previous_control_lost) return `${shortOf(c, c.previous_control)} have lost control; who gains it is open`;
  return c.status === 'awaiting' ? 'No result yet' : 'Too early to call';
}

export const before = (c: Control) =>
  c.previous_control === NOC
    ? 'no overall control'
    : c.previous_control === null
      ? null
      : shortOf(c, c.previous_control);

const FLASHES: Record<string, string> = {
  CONTROL_LOST: 'Control lost',
  CALL_READY: 'Call ready',
  CALLED: 'Called',
  FINAL: 'Final',
  CALL_RETRACTED: 'Call retracted',
  LOSS_RETRACTED: 'Loss retracted',
};
export const flashWord = (kind: string) => FLASHES[kind] ?? kind;
export const codeWord = (code: string) => code.toLowerCase().replaceAll('_', ' ');
