import { settled } from '../../catalog/__tests__/fakecatalog';
import { FakeEvents } from '../../jobs/__tests__/fakejobs';
import { problemOf } from '../../jobs/__tests__/job';
import type { IServerClient } from '../client';
import { Engine } from '../engine';
import { Failure } from '../failure';
import type { Environment, Link } from '../generated';

const UP: Link = { state: 'up', problem: null, engine: null };
const DOWN: Link = {
  state: 'down',
  problem: problemOf({ type: 'engine-down', detail: 'It died three times.' }),
  engine: null
};

class FakeServer implements IServerClient {
  link: Link | null = UP;
  asked = 0;
  retried = 0;

  async engine() {
    this.asked += 1;
    const answer = this.link;
    if (this.held) {
      await new Promise<void>(resolve => this.held?.push(resolve));
    }
    return this._given(answer);
  }

  async retryEngine() {
    this.retried += 1;
    this.link = UP;
    return UP;
  }

  /** Answers that are held back, to be given when the test says so. */
  held: (() => void)[] | null = null;

  environment = async () => ({ root_dir: '/data/alice' }) as Environment;
  serverPath = async () => ({ path: null });

  private _given(answer: Link | null): Link {
    if (!answer) {
      throw new Failure({ type: 'offline', detail: 'Gone.', do: 'retry' });
    }
    return answer;
  }
}

async function setUp(link: Link | null = UP) {
  const server = new FakeServer();
  server.link = link;
  const events = new FakeEvents();
  const engine = new Engine(server, events);
  await settled();
  let recovered = 0;
  engine.recovered.connect(() => {
    recovered += 1;
  });
  return { server, events, engine, recovered: () => recovered };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('learns once what stays the same', async () => {
  const { engine } = await setUp();
  expect(engine.environment?.root_dir).toBe('/data/alice');
  expect(engine.obstacle).toBeNull();
});

it('looks for a server that went away until it is back', async () => {
  const { server, events, engine, recovered } = await setUp();
  server.link = null;
  events.missed.emit();
  await settled();
  expect(engine.obstacle?.type).toBe('offline');
  await jest.advanceTimersByTimeAsync(12_000);
  server.link = UP;
  await jest.advanceTimersByTimeAsync(6000);
  expect([engine.obstacle, recovered()]).toEqual([null, 1]);
  const asked = server.asked;
  await jest.advanceTimersByTimeAsync(60_000);
  expect(server.asked).toBe(asked);
});

it('starts an engine that was given up, when asked to', async () => {
  const { server, engine, recovered } = await setUp(DOWN);
  expect(engine.obstacle?.detail).toBe('It died three times.');
  await engine.retry();
  expect([server.retried, engine.obstacle, recovered()]).toEqual([1, null, 1]);
});

it('hears of a death, and of what follows', async () => {
  const { events, engine } = await setUp();
  events.engine.emit({ seq: 1, state: 'down', problem: DOWN.problem });
  expect(engine.obstacle?.type).toBe('engine-down');
  events.engine.emit({ seq: 2, state: 'starting', problem: null });
  expect(engine.obstacle).toBeNull();
});

describe('an answer that comes late', () => {
  it('counts no more once a later one has come', async () => {
    const { server, events, engine } = await setUp();
    server.held = [];
    server.link = null;
    events.missed.emit();
    server.link = UP;
    events.missed.emit();
    await settled();
    const [older, newer] = server.held;
    newer();
    await settled();
    older();
    await settled();
    expect(engine.obstacle).toBeNull();
  });

  it('counts no more once an event has told what is newer', async () => {
    const { server, events, engine } = await setUp();
    server.held = [];
    events.missed.emit();
    await settled();
    events.engine.emit({ seq: 1, state: 'down', problem: DOWN.problem });
    server.held[0]();
    await settled();
    expect(engine.obstacle?.type).toBe('engine-down');
  });
});

it('looks for a server that left a question unanswered, once', async () => {
  const { server, engine, recovered } = await setUp();
  const before = server.asked;
  server.link = null;
  engine.look();
  engine.look();
  await settled();
  engine.look();
  expect([server.asked, engine.obstacle?.type]).toEqual([
    before + 1,
    'offline'
  ]);
  server.link = UP;
  await jest.advanceTimersByTimeAsync(6000);
  expect([engine.obstacle, recovered()]).toEqual([null, 1]);
});

it('leaves a server that went away alone while nobody sees the tab', async () => {
  const { server, events, engine } = await setUp(null);
  const hidden = jest.spyOn(document, 'hidden', 'get').mockReturnValue(true);
  const { asked } = server;
  await jest.advanceTimersByTimeAsync(60_000);
  expect(server.asked).toBe(asked);
  hidden.mockRestore();
  server.link = UP;
  events.missed.emit();
  await settled();
  expect(engine.obstacle).toBeNull();
});
