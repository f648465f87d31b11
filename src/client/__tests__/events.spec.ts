import type { ServiceManager } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import { Events } from '../events';

const JOBS = 'urn:rucio-jupyterlab:jobs:v1';

function setUp() {
  const services = {} as ServiceManager.IManager;
  const stream = new Signal<object, object>({});
  const connectionFailure = new Signal<object, Error>({});
  Object.assign(services, { events: { stream }, connectionFailure });
  const events = new Events(services);
  let missed = 0;
  const seen: number[] = [];
  events.missed.connect(() => {
    missed += 1;
  });
  events.jobs.connect((_, event) => {
    seen.push(event.seq);
  });
  const emit = (seq: number, schema_id = JOBS) =>
    stream.emit({ schema_id, seq, jobs: [], gone: [] });
  return { events, emit, connectionFailure, seen, missed: () => missed };
}

it('passes on events that follow one another', () => {
  const { emit, seen, missed } = setUp();
  [4, 5, 6].forEach(seq => emit(seq));
  expect(seen).toEqual([4, 5, 6]);
  expect(missed()).toBe(0);
});

it('notices a gap, and passes the event on first', () => {
  const { emit, seen, missed } = setUp();
  [4, 7].forEach(seq => emit(seq));
  expect(seen).toEqual([4, 7]);
  expect(missed()).toBe(1);
});

it('notices a server that began anew', () => {
  const { emit, missed } = setUp();
  [40, 1].forEach(seq => emit(seq));
  expect(missed()).toBe(1);
});

it('counts each kind of event by itself', () => {
  const { emit, missed } = setUp();
  emit(1);
  emit(9, 'urn:rucio-jupyterlab:instances:v1');
  emit(2);
  expect(missed()).toBe(0);
});

it('takes a lost connection and a tab seen again for missed events', () => {
  const { connectionFailure, missed } = setUp();
  connectionFailure.emit(new Error('gone'));
  document.dispatchEvent(new Event('visibilitychange'));
  expect(missed()).toBe(2);
});

it('hears nothing once it is disposed', () => {
  const { events, emit, seen } = setUp();
  events.dispose();
  emit(1);
  expect(seen).toEqual([]);
});

it('leaves the events of others alone', () => {
  const { emit, seen, missed } = setUp();
  emit(1, 'https://events.jupyter.org/something');
  expect(seen).toEqual([]);
  expect(missed()).toBe(0);
});
