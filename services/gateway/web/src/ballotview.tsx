// A ballot: its candidates, and every record that ever came for it, with what became of it and why.
import { get, id, type Ballot, type Candidate, type FateChange, type LedgerRecord } from './api';
import { changes, councils } from './live';
import { Chip, Panel, useAsked } from './parts';
import { route, toCouncil, toNight } from './route';
import { codeWord, count, dayClock, percent, plural } from './words';

function Candidates({ ballot, candidates }: { ballot: Ballot; candidates: Candidate[] }) {
  const votes = candidates.reduce((sum, c) => sum + (c.votes ?? 0), 0);
  const council = councils.value.get(ballot.election_id);
  if (candidates.length === 0) return <p class="quiet">No result is in force</p>;
  return (
    <table class="candidates">
      <caption class="unseen">Candidates in the order of their votes</caption>
      <thead>
        <tr><th scope="col">Candidate</th><th scope="col">Party</th><th scope="col">Votes</th><th scope="col">Share</th><th scope="col">Result</th></tr>
      </thead>
      <tbody>
        {candidates.map((c) => (
          <tr key={c.candidate_id} class={c.elected ? 'elected' : ''}>
            <th scope="row">{c.name}{c.description && <small>{c.description}</small>}</th>
            <td>{council ? <Chip council={council} party={c.folded_party_id ?? c.party_id} /> : c.party_id}</td>
            <td>{count(c.votes)}</td>
            <td>{c.votes !== null && votes > 0 ? percent(c.votes, votes) : '–'}</td>
            <td>{c.elected ? (c.elected_by_lot ? 'Elected by lot' : 'Elected') : ''}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Papers({ ballot: b }: { ballot: Ballot }) {
  const rows: [string, string][] = [
    ['Seats', count(b.seats)],
    ['Electorate', count(b.electorate)],
    ['Ballot papers', count(b.ballot_papers)],
    ['Rejected papers', count(b.rejected_papers)],
    ['Turnout', b.ballot_papers && b.electorate ? percent(b.ballot_papers, b.electorate) : '–'],
    ['Declared', b.declared_at ? dayClock(b.declared_at) : '–'],
    ['In force', b.source ? `${b.source}, revision ${b.revision}` : '–'],
  ];
  return <dl class="figures">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

// ---- the audit trail -------------------------------------------------------------------------------------

function Fate({ fate, reasons, detail }: { fate: string; reasons: string[]; detail: string | null }) {
  return (
    <>
      <b class={`fate ${fate}`}>{codeWord(fate)}</b>
      {reasons.map((reason) => <code key={reason}>{reason}</code>)}
      {detail && <span>{detail}</span>}
    </>
  );
}

function Change({ change }: { change: FateChange }) {
  return (
    <li>
      <time dateTime={change.recorded_at}>{dayClock(change.recorded_at)}</time> became{' '}
      <Fate fate={change.fate} reasons={change.reasons} detail={change.detail} />
      {change.by && <span>by {change.by}{change.note && `: ${change.note}`}</span>}
    </li>
  );
}

// `declared.OperatorAction`: OperatorAction. What could not be read has none.
const recordName = (r: LedgerRecord) => r.record?.split('.').pop() ?? null;

function revisionOf(r: LedgerRecord): string | null {
  if (r.revision === null || r.kind === null) return null;
  return `${r.revision}, ${codeWord(r.kind)}${r.basis ? ` (${codeWord(r.basis)})` : ''}`;
}

function RecordItem({ record: r }: { record: LedgerRecord }) {
  const known: [string, string | null][] = [
    ['Record', recordName(r)],
    ['Source', r.source],
    ['Revision', revisionOf(r)],
    ['Kafka', `${r.topic} / ${r.partition} @ ${r.kafka_offset}`],
    ['Ledger', `lane ${r.lane}, row ${r.lane_seq}, rules ${r.rules_version}`],
    ['Event', r.event_id],
    ['Hash', r.entry_hash],
    ['Hash before', r.prev_hash],
  ];
  const rows = known.filter(([, value]) => value !== null);
  return (
    <li class={`record ${r.fate_now}`}>
      <h3>
        <time dateTime={r.received_at}>{dayClock(r.received_at)}</time>
        <span class="fates"><Fate fate={r.fate} reasons={r.reasons} detail={r.detail} /></span>
      </h3>
      {r.changes && <ul class="changes">{r.changes.map((c, i) => <Change key={i} change={c} />)}</ul>}
      <dl>{rows.map(([name, value]) => <div key={name} class={name.startsWith('Hash') ? 'hash' : ''}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
    </li>
  );
}

export function BallotView() {
  const { name } = route.value;
  const path = `/ballots/${id(name)}`;
  const asked = useAsked(
    () => Promise.all([get<Ballot>(path), get<Candidate[]>(`${path}/candidates`), get<LedgerRecord[]>(`${path}/audit`)]),
    [name, changes.value]);
  if (asked.value?.[0].ballot_paper_id !== name) {
    return <p class={asked.error ? 'problem' : 'quiet'} role="status">{asked.error ?? 'Loading'}</p>;
  }
  const [ballot, candidates, records] = asked.value;
  const council = councils.value.get(ballot.election_id);
  return (
    <article class="ballot">
      <nav aria-label="Where you are">
        <a href={toNight()}>All councils</a> <a href={toCouncil(ballot.election_id)}>{council?.council_name ?? ballot.election_id}</a>
      </nav>
      <p class="over">{ballot.ballot_paper_id}</p>
      <h1>{ballot.ward_name ?? ballot.ballot_paper_id}</h1>
      <div class="ballot-top">
        <Panel title="Result" name="result"><Candidates ballot={ballot} candidates={candidates} /></Panel>
        <Panel title="Papers" name="papers"><Papers ballot={ballot} /></Panel>
      </div>
      <Panel title="Audit trail" name="audit" aside={<p>{plural(records.length, 'record')}, in the order in which they came</p>}>
        {records.length === 0 && <p class="quiet">Nothing has come for this ballot</p>}
        <ol class="records">{records.map((r) => <RecordItem key={`${r.lane}/${r.lane_seq}`} record={r} />)}</ol>
      </Panel>
    </article>
  );
}
