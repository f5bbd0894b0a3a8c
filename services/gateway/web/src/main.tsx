import { effect } from '@preact/signals';
import { render } from 'preact';
import { rehearsal } from './api';
import { BallotView } from './ballotview';
import { Board } from './board';
import { Council } from './councilview';
import { Announcer } from './flashes';
import { councils, date, days, link, loaded, problem, start } from './live';
import { Clock, Night } from './nightview';
import { board, route, toNight } from './route';
import { theme, type Theme } from './theme';
import { day } from './words';
import './style.css';

const VIEWS = { night: Night, council: Council, ballot: BallotView };
const LINKS = { connecting: 'Connecting', live: 'Live', lost: 'Connection lost; reconnecting' };

function Rehearsal() {
  return rehearsal ? <p class="rehearsal"><strong>REHEARSAL</strong> These are not real results.</p> : null;
}

function DayChoice() {
  return (
    <label class="day">
      <span class="unseen">Poll day</span>
      <select value={date.value ?? ''} onChange={(event) => (location.hash = toNight(event.currentTarget.value))}>
        {days.value.map((d) => <option key={d.poll_date} value={d.poll_date}>{day(d.poll_date)}</option>)}
      </select>
    </label>
  );
}

function ThemeChoice() {
  return (
    <label class="theme">
      <span class="unseen">Colours of the page</span>
      <select value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
        <option value="auto">Auto</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

function Page() {
  const View = VIEWS[route.value.view];
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.getElementById('main')?.focus();
      }}>Skip to the results</a>
      <Rehearsal />
      <header class="mast">
        <a class="name" href={toNight()}>declared<span class="unseen">: all councils</span></a>
        <DayChoice />
        <span class={`link ${link.value}`} role="status">{LINKS[link.value]}</span>
        <Clock />
        <ThemeChoice />
      </header>
      <main id="main" tabIndex={-1}>
        {route.value.view === 'night' && <h1 class="unseen">Election night{date.value && `, ${day(date.value)}`}</h1>}
        {problem.value && <p class="problem" role="alert">{problem.value}</p>}
        {loaded.value ? <View /> : <p class="quiet">Loading</p>}
      </main>
      <Announcer />
    </>
  );
}

effect(() => {
  const name = board || route.value.name;
  const place = councils.value.get(name)?.council_name ?? (route.value.view === 'night' && !board ? 'Election night' : name);
  document.title = `${rehearsal ? 'REHEARSAL: ' : ''}${place} · declared`;
});

document.body.classList.toggle('is-rehearsal', rehearsal);
start();
render(board ? <><Rehearsal /><Board election={board} /></> : <Page />, document.getElementById('page')!);
