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
    return this._answer();
  }

  async retryEngine() {
    this.retried += 1;
    this.link = UP;
    return UP;
  }

  environment = async () => ({ root_dir: '/data/alice' }) as Environment;
  serverPath = async () => ({ path: null });

  private _answer(): Link {
    if (!this.link) {
      throw new Failure({ type: 'offline', detail: 'Gone.', do: 'retry' });
    }
    return this.link;
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
