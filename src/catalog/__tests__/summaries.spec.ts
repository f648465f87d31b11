import { Summaries } from '../summaries';
import { didOf, FakeCatalog, settled } from './fakecatalog';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const dids = (from: number, end: number) =>
  Array.from({ length: end - from }, (_, index) => didOf(`d${from + index}`));

const askedBy = (catalog: FakeCatalog) =>
  catalog.summarized.flat().map(did => did.name);
const names = (from: number, end: number) =>
  dids(from, end).map(did => did.name);

it('asks for what is in sight once scrolling rests', async () => {
  const catalog = new FakeCatalog();
  const summaries = new Summaries(catalog, 'atlas');
  for (let from = 0; from < 1000; from += 10) {
    summaries.want(dids(from, from + 30));
    await jest.advanceTimersByTimeAsync(10);
  }
  await jest.advanceTimersByTimeAsync(200);
  expect(askedBy(catalog)).toEqual(names(990, 1020));
});

it('asks for nothing twice', async () => {
  const catalog = new FakeCatalog();
  const summaries = new Summaries(catalog, 'atlas');
  summaries.want(dids(0, 20));
  await jest.advanceTimersByTimeAsync(200);
  summaries.want(dids(10, 30));
  await jest.advanceTimersByTimeAsync(200);
  expect(askedBy(catalog)).toEqual(names(0, 30));
});

it('shows what has come while a slow one is still asked for', async () => {
  const catalog = new FakeCatalog();
  const summarize = catalog.summarize.bind(catalog);
  catalog.summarize = async (instance, asked) =>
    asked.some(did => did.name === 'd0')
      ? new Promise(() => undefined)
      : summarize(instance, asked);
  const summaries = new Summaries(catalog, 'atlas');
  summaries.want(dids(0, 30));
  await jest.advanceTimersByTimeAsync(200);
  expect(summaries.get(didOf('d0'))).toBeUndefined();
  expect(summaries.get(didOf('d29'))).toBeDefined();
});

it('tells why there is no answer, and forgets it with the next one', async () => {
  const catalog = new FakeCatalog();
  const summaries = new Summaries(catalog, 'atlas');
  const summarize = catalog.summarize;
  catalog.summarize = () => Promise.reject(new Error('Rucio is down.'));
  summaries.choose(dids(0, 1));
  await settled();
  expect(summaries.obstacle?.detail).toBe('Rucio is down.');
  catalog.summarize = summarize;
  summaries.choose(dids(0, 1));
  await settled();
  expect(summaries.obstacle).toBeNull();
});

it('does not tell any more why that did not come which is out of sight', async () => {
  const catalog = new FakeCatalog();
  const summaries = new Summaries(catalog, 'atlas');
  summaries.want(dids(0, 1));
  await jest.advanceTimersByTimeAsync(200);
  jest
    .spyOn(catalog, 'summarize')
    .mockRejectedValueOnce(new Error('Rucio is down.'));
  summaries.want(dids(1, 2));
  await jest.advanceTimersByTimeAsync(200);
  expect(summaries.obstacle?.detail).toBe('Rucio is down.');
  summaries.want(dids(0, 1));
  await jest.advanceTimersByTimeAsync(200);
  expect(summaries.obstacle).toBeNull();
});

describe('of many DIDs', () => {
  /** Summaries whose questions are answered one by one, when the test says so. */
  const setUp = () => {
    const catalog = new FakeCatalog();
    const summarize = catalog.summarize.bind(catalog);
    const waiting: (() => void)[] = [];
    catalog.summarize = async (instance, asked) => {
      const answer = await summarize(instance, asked);
      await new Promise<void>(resolve => waiting.push(resolve));
      return answer;
    };
    const answer = async () => {
      await settled();
      waiting.shift()?.();
      await settled();
    };
    return { catalog, answer, summaries: new Summaries(catalog, 'atlas') };
  };

  it('asks for no more of a choice once there is another', async () => {
    const { catalog, answer, summaries } = setUp();
    summaries.choose(dids(0, 5000));
    summaries.choose(dids(9000, 9001));
    await answer();
    expect(askedBy(catalog)).toEqual([...names(0, 24), 'd9000']);
    await answer();
    expect(askedBy(catalog)).toHaveLength(25);
  });

  it('asks first for what is in sight', async () => {
    const { catalog, answer, summaries } = setUp();
    summaries.choose(dids(0, 5000));
    summaries.want(dids(7000, 7006));
    await jest.advanceTimersByTimeAsync(200);
    await answer();
    expect(askedBy(catalog)).toEqual([...names(0, 24), ...names(7000, 7006)]);
  });

  it('asks once more, however often that was wished meanwhile, and shows the old until then', async () => {
    const { catalog, answer, summaries } = setUp();
    summaries.choose(dids(0, 1));
    for (let time = 0; time < 5; time += 1) {
      summaries.renew();
    }
    catalog.staged = 2;
    await answer();
    expect(summaries.get(didOf('d0'))?.staged_files).toBe(0);
    await answer();
    await answer();
    expect(summaries.get(didOf('d0'))?.staged_files).toBe(2);
    expect(askedBy(catalog)).toEqual(['d0', 'd0']);
  });

  it('asks for nothing after the end', async () => {
    const { catalog, answer, summaries } = setUp();
    summaries.choose(dids(0, 5000));
    summaries.want(dids(7000, 7006));
    summaries.dispose();
    await jest.advanceTimersByTimeAsync(200);
    await answer();
    expect(askedBy(catalog)).toHaveLength(24);
  });
});

it('gives up soon where nothing is answered, and goes on when it is wanted again', async () => {
  const catalog = new FakeCatalog();
  const summarize = jest.spyOn(catalog, 'summarize');
  summarize.mockRejectedValue(new Error('Rucio is down.'));
  const summaries = new Summaries(catalog, 'atlas');
  summaries.choose(dids(0, 5000));
  await settled();
  const failed = summarize.mock.calls.length;
  expect(failed).toBeLessThan(10);
  summarize.mockRestore();
  summaries.want(dids(0, 1));
  await jest.advanceTimersByTimeAsync(20_000);
  expect(askedBy(catalog)).toHaveLength(5000);
});

it('one DID that cannot be asked for keeps few others back', async () => {
  const catalog = new FakeCatalog();
  const summarize = catalog.summarize.bind(catalog);
  catalog.summarize = async (instance, asked) =>
    asked.some(did => did.name === 'd0')
      ? Promise.reject(new Error('No.'))
      : summarize(instance, asked);
  const summaries = new Summaries(catalog, 'atlas');
  summaries.choose(dids(0, 100));
  await jest.advanceTimersByTimeAsync(1000);
  expect(askedBy(catalog)).toEqual(names(6, 100));
});
