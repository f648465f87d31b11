import { Summaries } from '../summaries';
import { didOf, FakeCatalog } from './fakecatalog';

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
  await summaries.load(dids(0, 1));
  expect(summaries.obstacle?.detail).toBe('Rucio is down.');
  catalog.summarize = summarize;
  await summaries.load(dids(0, 1));
  expect(summaries.obstacle).toBeNull();
});
