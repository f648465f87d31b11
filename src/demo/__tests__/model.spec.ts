import { Demo } from '../model';
import { FakeDemo, statusOf } from './fakedemo';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

it('is looked at while it starts, and tells once that it is up', async () => {
  const client = new FakeDemo();
  const demo = new Demo(client);
  const started = jest.fn();
  demo.started.connect((_, status) => started(status.instance));
  await demo.start();
  expect(demo.status?.state).toBe('starting');
  await jest.advanceTimersByTimeAsync(10_000);
  expect(demo.status?.state).toBe('up');
  expect(started.mock.calls).toEqual([['demo']]);
  expect(client.looks).toBe(3);
});

it('one that is found running is not told as started', async () => {
  const client = new FakeDemo();
  client.status = statusOf({ state: 'up', instance: 'demo' });
  const demo = new Demo(client);
  const started = jest.fn();
  demo.started.connect(started);
  await demo.refresh();
  expect(started).not.toHaveBeenCalled();
});

it('keeps what it knows where the server does not answer, and says why', async () => {
  const client = new FakeDemo();
  const demo = new Demo(client);
  await demo.refresh();
  client.startDemo = () => Promise.reject(new Error('offline'));
  await demo.start();
  expect(demo.status?.state).toBe('stopped');
  expect(demo.obstacle?.detail).toBe('offline');
});
