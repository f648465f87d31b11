import { Failure } from '../../client/failure';
import { Listing } from '../listing';
import { FakeCatalog, rowOf, settled } from './fakecatalog';

const QUERY = {
  kind: 'search',
  scope: 'user.alice',
  name: '*',
  type: 'all',
  filters: []
} as const;

const many = (count: number) =>
  Array.from({ length: count }, (_, index) => rowOf(`d${index}`));

async function open(catalog: FakeCatalog): Promise<Listing> {
  const listing = new Listing(catalog, 'atlas', { ...QUERY, filters: [] });
  await settled();
  return listing;
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('knows its length without holding its rows', async () => {
  const catalog = new FakeCatalog();
  catalog.rows['*'] = many(100_000);
  const listing = await open(catalog);
  expect(listing.length).toBe(100_000);
  expect(listing.row(0)?.did.name).toBe('d0');
  expect(listing.row(90_000)).toBeUndefined();
});

it('reads the page of the rows in sight, once', async () => {
  const catalog = new FakeCatalog();
  catalog.rows['*'] = many(1000);
  const listing = await open(catalog);
  listing.ensure(410, 440);
  listing.ensure(411, 441);
  await settled();
  expect(catalog.asked).toEqual(['* 400+200']);
  expect(listing.row(411)?.did.name).toBe('d411');
});

it('grows while rows arrive, and then asks no more', async () => {
  const catalog = new FakeCatalog();
  catalog.rows['*'] = many(500);
  catalog.arrived['*'] = 200;
  const listing = await open(catalog);
  expect(listing.arriving).toBe(true);
  catalog.arrived['*'] = 500;
  await jest.advanceTimersByTimeAsync(500);
  expect([listing.length, listing.arriving]).toEqual([500, false]);
  const asked = catalog.asked.length;
  await jest.advanceTimersByTimeAsync(10_000);
  expect(catalog.asked).toHaveLength(asked);
});

it('fills a page that was read while it was short', async () => {
  const catalog = new FakeCatalog();
  catalog.rows['*'] = many(150);
  catalog.arrived['*'] = 10;
  const listing = await open(catalog);
  catalog.arrived['*'] = 150;
  await jest.advanceTimersByTimeAsync(500);
  listing.ensure(0, 150);
  await settled();
  expect(listing.row(149)?.did.name).toBe('d149');
});

it('tells an answer that was cut', async () => {
  const catalog = new FakeCatalog();
  catalog.rows['*'] = many(3);
  catalog.cut = 'Rucio stopped.';
  const listing = await open(catalog);
  expect([listing.cut, listing.complete, listing.arriving]).toEqual([
    'Rucio stopped.',
    false,
    false
  ]);
});

it('forgets pages that were not seen for long', async () => {
  const catalog = new FakeCatalog();
  catalog.rows['*'] = many(20_000);
  const listing = await open(catalog);
  for (let row = 0; row < 20_000; row += 200) {
    listing.ensure(row, row + 1);
    await settled();
  }
  expect(listing.row(0)).toBeUndefined();
  expect(listing.row(19_900)).toBeDefined();
});

describe('rows that cannot be had', () => {
  const fail = (type: 'internal' | 'not-found') => () =>
    Promise.reject(new Failure({ type, detail: 'No answer.', do: 'retry' }));

  /** A long answer of which a row was looked at that could not be had. */
  async function lacking() {
    const catalog = new FakeCatalog();
    catalog.rows['*'] = many(1000);
    const listing = await open(catalog);
    const read = jest.spyOn(catalog, 'readListing');
    read.mockImplementationOnce(fail('internal'));
    listing.ensure(400, 401);
    await settled();
    return { listing, read };
  }

  it('take no others away, and come once the server answers again', async () => {
    const catalog = new FakeCatalog();
    catalog.rows['*'] = many(1000);
    catalog.arrived['*'] = 800;
    const listing = await open(catalog);
    const read = jest.spyOn(catalog, 'readListing');
    read.mockImplementationOnce(fail('internal'));
    listing.ensure(400, 401);
    await settled();
    expect([listing.lapse?.detail, listing.obstacle]).toEqual([
      'No answer.',
      null
    ]);
    expect(listing.row(0)?.did.name).toBe('d0');
    await jest.advanceTimersByTimeAsync(300);
    expect(listing.lapse).toBeNull();
    expect(listing.row(400)?.did.name).toBe('d400');
  });

  it('need not come any more once others are looked at', async () => {
    const { listing } = await lacking();
    listing.ensure(800, 801);
    await settled();
    expect(listing.lapse).toBeNull();
    expect(listing.row(400)).toBeUndefined();
  });

  it('are no trouble any more where none of them is looked at', async () => {
    const { listing } = await lacking();
    listing.ensure(0, 1);
    listing.retry();
    expect(listing.lapse).toBeNull();
  });

  it('are asked for again at the wish of the user alone', async () => {
    const { listing, read } = await lacking();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(read).toHaveBeenCalledTimes(1);
    listing.retry();
    await settled();
    expect(listing.row(400)?.did.name).toBe('d400');
  });

  it('do not keep the others from arriving', async () => {
    const catalog = new FakeCatalog();
    catalog.rows['*'] = many(500);
    catalog.arrived['*'] = 200;
    const listing = await open(catalog);
    const read = jest.spyOn(catalog, 'readListing');
    read.mockImplementationOnce(fail('internal'));
    await jest.advanceTimersByTimeAsync(300);
    expect([listing.lapse?.detail, listing.arriving]).toEqual([
      'No answer.',
      true
    ]);
    catalog.arrived['*'] = 500;
    await jest.advanceTimersByTimeAsync(10_000);
    expect([listing.lapse, listing.length]).toEqual([null, 500]);
  });

  it('come no more once the server has forgotten them', async () => {
    const catalog = new FakeCatalog();
    catalog.rows['*'] = many(500);
    catalog.arrived['*'] = 200;
    const listing = await open(catalog);
    const read = jest.spyOn(catalog, 'readListing');
    read.mockImplementation(fail('not-found'));
    await jest.advanceTimersByTimeAsync(10_000);
    expect([listing.expired, listing.arriving]).toEqual([true, false]);
    expect(listing.row(0)?.did.name).toBe('d0');
    expect(read).toHaveBeenCalledTimes(1);
  });
});

it('an answer that broke off before its first row is asked for anew', async () => {
  const catalog = new FakeCatalog();
  catalog.rows['*'] = many(3);
  catalog.arrived['*'] = 0;
  const listing = await open(catalog);
  const read = jest.spyOn(catalog, 'readListing');
  read.mockRejectedValueOnce(new Error('offline'));
  await jest.advanceTimersByTimeAsync(300);
  expect(listing.obstacle?.detail).toBe('offline');
  delete catalog.arrived['*'];
  listing.retry();
  expect([listing.obstacle, listing.arriving]).toEqual([null, true]);
  await settled();
  expect(listing.length).toBe(3);
  expect(catalog.closed).toEqual(['*']);
});

it('is closed at the server, even when that answers after the disposal', async () => {
  const catalog = new FakeCatalog();
  catalog.rows['*'] = many(3);
  const listing = new Listing(catalog, 'atlas', { ...QUERY, filters: [] });
  listing.dispose();
  await settled();
  expect(catalog.closed).toEqual(['*']);
});
