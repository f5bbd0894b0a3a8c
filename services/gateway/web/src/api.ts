// What the gateway says, as /v1/openapi.json describes it, and how to ask for it.

export interface Seats {
  party_id: string;
  short: string;
  group: string | null;
  colour: string | null;
  text_colour: string | null;
  held: number;
  won: number;
  continuing: number;
  change: number | null;
  votes: number | null;
}

export type Status = 'awaiting' | 'in_progress' | 'called' | 'final';

export interface Control {
  election_id: string;
  council_id: string;
  council_name: string;
  short_name: string;
  region: string | null;
  poll_date: string;
  seq: number;
  recorded_at: string;
  status: Status;
  control: string | null;
  outcome: 'HOLD' | 'GAIN' | 'LOSS' | 'NO CHANGE' | 'NEW' | null;
  gained_from: string | null;
  previous_control: string | null;
  previous_control_lost: boolean;
  majority: number | null;
  majority_at_least: number | null;
  largest_party: string | null;
  seats_total: number;
  threshold: number;
  seats_declared: number;
  seats_to_come: number;
  seats_postponed: number;
  ballots_total: number;
  ballots_declared: number;
  ballots_postponed: number;
  ballots_held: number;
  votes_complete: boolean;
  seats: Seats[];
  headline: string | null;
  headline_short: string | null;
  called_at: string | null;
  cause: { ballot_paper_id: string | null };
  by_elections_alone?: boolean; // found out by the page: has no control, and is in no total
}

export interface Ballot {
  election_id: string;
  ballot_paper_id: string;
  ward_name: string | null;
  status: 'awaiting' | 'declared' | 'postponed';
  source: string | null;
  revision: number | null;
  kind: string | null;
  basis: string | null;
  seats: number;
  electorate: number | null;
  ballot_papers: number | null;
  rejected_papers: number | null;
  declared_at: string | null;
}

export interface Candidate {
  election_id: string;
  ballot_paper_id: string;
  candidate_id: string;
  name: string;
  party_id: string;
  folded_party_id: string | null;
  description: string | null;
  votes: number | null;
  elected: boolean;
  elected_by_lot: boolean | null;
  rank: number | null;
}

export interface Flash {
  flash_id: string;
  election_id: string;
  seq: number;
  kind: string;
  text: string;
  retracts: string | null;
  recorded_at: string;
}

export interface Fact {
  election_id: string;
  seq: number;
  code: string;
  text: string;
}

export interface Party {
  party_id: string;
  name: string | null;
  short: string | null;
  colour: string | null;
  text_colour: string | null;
}

export interface Day {
  poll_date: string;
  elections: number;
}

export interface FateChange {
  fate: string;
  reasons: string[];
  detail: string | null;
  by: string | null;
  note: string | null;
  recorded_at: string;
}

// A ledger row of a ballot.
export interface LedgerRecord {
  lane: number;
  lane_seq: number;
  record: string | null; // the schema's full name; null: it could not be read
  topic: string;
  partition: number;
  kafka_offset: number;
  kafka_timestamp: string | null;
  received_at: string;
  event_id: string | null;
  source: string | null;
  kind: string | null;
  basis: string | null;
  revision: number | null;
  fate: string;
  reasons: string[];
  detail: string | null;
  fate_now: string;
  reasons_now: string[];
  detail_now: string | null;
  changes: FateChange[] | null;
  rules_version: number;
  prev_hash: string;
  entry_hash: string;
}

export const rehearsal = new URLSearchParams(location.search).has('test');
export const base = rehearsal ? '/test/v1' : '/v1';
export const boardAddress = (election: string) =>
  `/board/${encodeURIComponent(election)}${rehearsal ? '?test=1' : ''}`;

type Parameters = Record<string, string | null | undefined>;

// A resource as JSON. What does not answer, or answers with a problem, is an Error with a text for readers.
export async function get<T>(path: string, parameters: Parameters = {}): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value) query.set(name, value);
  }
  const response = await fetch(`${base}${path}${query.size > 0 ? `?${query}` : ''}`);
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? `the server answers with ${response.status}`);
  }
  return response.json();
}

export const id = encodeURIComponent;
